"""Lists from events alone: the same as evaluation's where the events are the same."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.recommendation.events_cut import with_cut

from unclicked.data.dataset import PreparedDataset
from unclicked.data.vocabulary import Vocabulary
from unclicked.errors import UserError
from unclicked.evaluation import held_out_builder, rank
from unclicked.recommendation import Request, recommend
from unclicked.recommendation.answerer import Answerer
from unclicked.recommendation.inputs import Inputs
from unclicked.retrieval import ExactIndex
from unclicked.run import Run, build_model, open_run


@pytest.fixture(scope="module")
def run(tiny_run: Path) -> Run:
    return open_run(tiny_run)


def ids(answer: dict[str, Any]) -> list[Any]:
    return [item["item_id"] for item in answer["items"]]


def events_of(data: PreparedDataset, number: int) -> Request:
    """A test user's events as a service would be told them, with an empty long-term part."""
    samples = data.splits["test"]
    decode = data.catalogue.items.decode
    clicked = data.click_item[samples.start[number] : samples.end[number]]
    row = samples.row_now[samples.position_offsets[number + 1] - 1]
    unclicked = samples.row_items[samples.row_offsets[row] : samples.row_offsets[row + 1]]
    numbers = data.profiles[samples.user[number]]
    profile = {
        name: words.decode([code])[0]
        for (name, words), code in zip(data.profile_vocabularies.items(), numbers, strict=True)
        if code > 0
    }
    return Request(decode(clicked), decode(unclicked), profile, top_k=20)


def test_the_same_events_give_evaluation_s_list(tiny_data: PreparedDataset, run: Run) -> None:
    samples = tiny_data.splits["test"]
    alone = replace(samples, long_start=samples.start)
    data = replace(tiny_data, splits={"test": alone})
    ranked = rank(run.model, held_out_builder(data, run.config, "test"), 20, 64)
    requests = [events_of(tiny_data, number) for number in range(len(samples))]
    answers = recommend(run, requests)
    for row, request, answer in zip(ranked, requests, answers, strict=True):
        assert ids(answer) == tiny_data.catalogue.items.decode(row)
        assert answer["ignored"] == {"clicked": [], "unclicked": []}
        assert answer["fallback"] is False
        assert [item["rank"] for item in answer["items"]] == list(range(1, 21))
        scores = [item["score"] for item in answer["items"]]
        assert scores == sorted(scores, reverse=True)
        assert recommend(run, [request])[0]["items"][0]["item_id"] == ids(answer)[0]
    assert any(request.profile for request in requests)
    assert any(request.unclicked for request in requests)


def test_what_was_passed_over_changes_the_list(tiny_data: PreparedDataset, run: Run) -> None:
    request = next(r for r in (events_of(tiny_data, number) for number in range(9)) if r.unclicked)
    first, second = recommend(run, [request, replace(request, unclicked=())])
    assert ids(first) != ids(second) or first["items"] != second["items"]


def test_clicks_beyond_the_longest_session_are_long_term(
    tiny_data: PreparedDataset, run: Run
) -> None:
    request = events_of(tiny_data, 0)
    limit = run.config.data.clicked.max_short
    session = list(request.clicked)[:1] * limit
    short = recommend(run, [replace(request, clicked=session)])[0]
    longer = recommend(run, [replace(request, clicked=[request.clicked[-1], *session])])[0]
    assert short["items"] != longer["items"]
    # As the rules: a full session ends, and what comes after it is another.
    apart = replace(request, clicked=session[-1:], long_term=[request.clicked[-1], *session[:-1]])
    assert longer == recommend(run, [apart])[0]


def test_an_item_shown_twice_is_one_entry_at_its_last_place(
    tiny_data: PreparedDataset, run: Run
) -> None:
    request = next(
        r for r in (events_of(tiny_data, number) for number in range(9)) if len(r.unclicked) > 2
    )
    a, b, *rest = request.unclicked
    twice = recommend(run, [replace(request, unclicked=[a, b, *rest, a])])[0]
    once = recommend(run, [replace(request, unclicked=[b, *rest, a])])[0]
    assert twice == once


@pytest.mark.parametrize("cut", ["now", "session_start"])
def test_lists_are_read_as_the_rules_made_them(
    tiny_data: PreparedDataset, run: Run, cut: str
) -> None:
    """A list may hold what was clicked before its window, or in the session after its cut."""
    run = with_cut(run, cut)
    samples = tiny_data.splits["test"]
    expected = held_out_builder(tiny_data, run.config, "test").build(np.arange(len(samples)))
    decode, inputs = tiny_data.catalogue.items.decode, Inputs(run)
    requests, overlaps = [], [0, 0]
    for number in range(len(samples)):
        request = events_of(tiny_data, number)
        start = samples.start[number]
        long = tiny_data.click_item[samples.long_start[number] : start]
        if cut == "session_start":
            row = samples.row_start[number]
            listed = samples.row_items[samples.row_offsets[row] : samples.row_offsets[row + 1]]
            request = replace(request, unclicked=decode(listed))
        requests.append(replace(request, long_term=decode(long)))
        overlaps[0] += len(set(requests[-1].long_term) & set(request.unclicked))
        overlaps[1] += len(set(request.clicked) & set(request.unclicked))
    assert overlaps[0] > 0
    assert (overlaps[1] > 0) == (cut == "session_start")
    known = inputs.known(requests)
    assert all(one.ignored == {"clicked": [], "unclicked": []} for one in known)
    served = inputs.builder(known).build(np.arange(len(known)))
    for name in ("items", "clicked", "mask", "unclicked", "unclicked_offsets", "unclicked_list"):
        assert np.array_equal(getattr(served, name), getattr(expected, name)), name


def test_what_the_session_clicked_is_no_skip_of_now(tiny_data: PreparedDataset, run: Run) -> None:
    run = with_cut(run, "now")
    request = events_of(tiny_data, 0)
    odd = replace(request, unclicked=[request.clicked[0], *request.unclicked, request.clicked[0]])
    answer = recommend(run, [odd])[0]
    named = {"clicked": [], "unclicked": [], "also_clicked": [request.clicked[0]]}
    assert answer["ignored"] == named
    assert answer["items"] == recommend(run, [request])[0]["items"]
    # The list is the session, however long, and nothing else is.
    ids, longest = run.catalogue.items.values.to_pylist(), run.config.data.clicked.max_short
    session = (ids[:5] * longest)[: longest + 5]
    known = Inputs(run).known(
        [
            Request(clicked=[ids[9], *session], unclicked=[ids[9], ids[20]]),
            Request(long_term=ids[:3], unclicked=[ids[2], ids[1], ids[20]]),
        ]
    )
    assert [one.ignored.get("also_clicked") for one in known] == [[ids[9]], None]
    assert [len(one.unclicked) for one in known] == [1, 3]


def test_unknown_ids_are_named_and_left_out(tiny_data: PreparedDataset, run: Run) -> None:
    request = events_of(tiny_data, 1)
    odd = replace(
        request, clicked=["ghost", *request.clicked], unclicked=[*request.unclicked, "spook"]
    )
    answer = recommend(run, [odd])[0]
    assert answer["ignored"] == {"clicked": ["ghost"], "unclicked": ["spook"]}
    assert answer["items"] == recommend(run, [request])[0]["items"]


@pytest.mark.parametrize("clicked", [[], ["ghost"]])
def test_nobody_gets_what_is_popular(run: Run, clicked: list[str]) -> None:
    names = run.catalogue.items.values.to_pylist()
    request = Request(clicked, [names[1]], exclude=[names[0]], top_k=3)
    answer = recommend(run, [request])[0]
    assert answer["fallback"] is True
    assert ids(answer) == names[2:5]
    assert [item["score"] for item in answer["items"]] == run.catalogue.clicks[2:5].tolist()


def test_excluded_items_are_not_there(tiny_data: PreparedDataset, run: Run) -> None:
    request = events_of(tiny_data, 2)
    plain = ids(recommend(run, [request])[0])
    without = recommend(run, [replace(request, exclude=plain[:3] + ["ghost"])])[0]
    assert ids(without)[:17] == plain[3:]
    assert without["ignored"] == {"clicked": [], "unclicked": [], "exclude": ["ghost"]}
    seen = replace(request, exclude_seen=True, top_k=10**6)
    unseen = set(ids(recommend(run, [seen])[0]))
    every = set(run.catalogue.items.values.to_pylist())
    assert unseen == every - set(request.clicked) - set(request.unclicked)
    nothing = recommend(run, [replace(request, exclude=sorted(every))])[0]
    assert nothing["items"] == []


def test_each_request_has_its_own_length(tiny_data: PreparedDataset, run: Run) -> None:
    request = events_of(tiny_data, 2)
    requests = [replace(request, top_k=3), Request(top_k=2), replace(request, top_k=5)]
    answers = recommend(run, requests)
    assert [len(answer["items"]) for answer in answers] == [3, 2, 5]
    assert [answer["fallback"] for answer in answers] == [False, True, False]
    assert recommend(run, []) == []


def test_many_requests_go_through_in_batches(tiny_data: PreparedDataset, run: Run) -> None:
    small = run.config.model_copy(
        update={"evaluate": run.config.evaluate.model_copy(update={"batch_size": 3})}
    )
    few = replace(run, facts=replace(run.facts, config=small))
    requests = [events_of(tiny_data, number) for number in range(8)]
    ours, theirs = (recommend(one, requests) for one in (few, run))
    assert [ids(one) for one in ours] == [ids(one) for one in theirs]


def test_fewer_may_be_encoded_at_once_than_are_searched_for(
    tiny_data: PreparedDataset, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = [replace(events_of(tiny_data, number), explain=True) for number in range(8)]
    sizes: dict[str, list[int]] = {"encode": [], "search": []}
    encode, search = type(run.model).encode, ExactIndex.search

    def encoding(model: Any, batch: Any) -> Any:
        sizes["encode"].append(len(batch.clicked))
        return encode(model, batch)

    def searching(index: Any, users: Any, *args: Any) -> Any:
        sizes["search"].append(len(users))
        return search(index, users, *args)

    theirs = recommend(run, requests)
    monkeypatch.setattr(type(run.model), "encode", encoding)
    monkeypatch.setattr(ExactIndex, "search", searching)
    ours = Answerer(run, batch_size=5, encoded=2).answer(requests)
    assert sizes == {"encode": [2, 2, 1, 2, 1], "search": [5, 3]}
    assert [ids(one) for one in ours] == [ids(one) for one in theirs]
    for one, other in zip(ours, theirs, strict=True):
        assert one["explain"]["distances"] == pytest.approx(other["explain"]["distances"])


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (Request(["i"], top_k=0), "expected at least 1"),
        (Request([7]), r"clicked\[0\]: found 7, expected an id of type string"),
        (Request([None]), r"clicked\[0\]: found None, expected an id"),
        (Request(["i00001", 7]), r"clicked\[1\]: found 7, expected an id of type string"),
        (Request(["\ud800"]), "expected an id of type string"),
        (Request(["i00001"], unclicked=["i00001", 7]), r"unclicked\[1\]: found 7"),
        (Request(["i00001"], exclude=["x", "y", 7]), r"exclude\[2\]: found 7"),
        (Request(["i00001"], profile={"shoe": "43"}), r"profile\.shoe: is no profile field"),
        (Request(["i00001"], profile={"a b": "43"}), r'profile\["a b"\]: is no profile field'),
        (Request(["i00001"], profile={"PLACE": "\ud800"}), r"profile\.\w+: found .*ud800"),
    ],
)
def test_wrong_requests_are_named(run: Run, request_: Request, message: str) -> None:
    if "PLACE" in request_.profile:
        name = next(iter(run.profile_vocabularies))
        request_ = replace(request_, profile={name: request_.profile["PLACE"]})
    known = [
        run.catalogue.items.values[0].as_py() if one == "i00001" else one
        for one in request_.clicked
    ]
    with pytest.raises(UserError, match=message) as caught:
        recommend(run, [replace(request_, clicked=known)])
    str(caught.value).encode()


def test_a_profile_value_never_seen_is_unknown_not_an_error(
    tiny_data: PreparedDataset, run: Run
) -> None:
    request = events_of(tiny_data, 3)
    odd = replace(request, profile=dict.fromkeys(run.profile_vocabularies, "never"))
    answer = recommend(run, [odd, request])
    assert len(ids(answer[0])) == 20
    never = [f"{name}=never" for name in run.profile_vocabularies]
    assert never
    assert answer[0]["ignored"] == {"clicked": [], "unclicked": [], "profile": never}
    assert answer[1]["ignored"] == {"clicked": [], "unclicked": []}


def test_ids_out_of_arrays_are_ids(run: Run) -> None:
    some = run.catalogue.items.values.to_pylist()[:3]
    # One by one: rows of one batch may be summed in another order.
    plain, arrays = (recommend(run, [Request(one)]) for one in (some, list(np.array(some))))
    assert plain == arrays


def test_integer_ids_are_integers_and_may_be_typed(run: Run) -> None:
    numbers = pa.array(np.arange(len(run.catalogue.items)) - 3)
    counted = replace(run, catalogue=replace(run.catalogue, items=Vocabulary(numbers)))
    typed, given = recommend(counted, [Request(["-3", "5"]), Request([-3, 5])])
    assert typed["items"] == given["items"]
    assert all(type(one) is int for one in ids(typed))
    assert recommend(counted, [Request([10**6])])[0]["ignored"]["clicked"] == [10**6]
    for wrong in (["x"], ["007"], [5, "6"], [2**70]):
        with pytest.raises(UserError, match="ID"):
            recommend(counted, [Request(wrong)])


def test_a_known_user_s_id_is_never_used(tiny_data: PreparedDataset, run: Run) -> None:
    config = run.config.model_copy(
        update={"model": run.config.model.model_copy(update={"use_user_id": True})}
    )
    model = build_model(
        config, run.catalogue, run.profile_vocabularies, len(tiny_data.users)
    ).eval()
    named = replace(run, model=model, facts=replace(run.facts, config=config))
    request = replace(events_of(tiny_data, 0), profile={})
    before = recommend(named, [request, request])
    assert before[0] == before[1]
    assert model.profile is not None
    assert model.profile.user_table is not None
    model.profile.user_table.weight.data[1:] = 5.0
    assert recommend(named, [request, request]) == before


def test_showings_weigh_where_the_run_weighs_them(
    tiny_data: PreparedDataset, tiny_run: Path, tmp_path: Path
) -> None:
    run = open_run(Path(shutil.copytree(tiny_run, tmp_path / "run")))
    request = next(
        r for r in (events_of(tiny_data, number) for number in range(9)) if len(r.unclicked) > 1
    )
    last = request.unclicked[-1]
    twice = replace(request, unclicked=[*request.unclicked, last])
    assert recommend(run, [twice]) == recommend(run, [request])
    run.model.exposure_weights = True
    assert recommend(run, [twice])[0]["items"] != recommend(run, [request])[0]["items"]
