"""Raw events give the model the inputs that preparation makes of the same log, number by number."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.recommendation.events_cut import with_cut

from unclicked.data.batching import Batch, BatchBuilder
from unclicked.data.dataset import PreparedDataset
from unclicked.data.rules import Rules, latest_samples
from unclicked.data.stored_log import load_log, stored_timelines
from unclicked.errors import UserError
from unclicked.recommendation import Event, Request, recommend
from unclicked.recommendation.inputs import Inputs
from unclicked.run import Run, open_run

DAY = 86_400_000_000


@pytest.fixture(scope="module")
def run(tiny_run: Path) -> Run:
    return open_run(tiny_run)


@pytest.fixture(scope="module")
def events(tiny_data: PreparedDataset) -> dict[Any, list[Event]]:
    """Every user's rows of the log."""
    rows = load_log(tiny_data).to_pylist()
    found: dict[Any, list[Event]] = {}
    for row in rows:
        event = Event(
            row["item_id"],
            row["timestamp_us"],
            row["clicked"],
            row.get("clicked_at_us"),
            row.get("session_id"),
        )
        found.setdefault(row["user_id"], []).append(event)
    return found


def offline(data: PreparedDataset, run: Run, now_us: int) -> tuple[list[Any], Batch]:
    """What preparation's rules make of the stored log at a moment, as a batch."""
    timelines = stored_timelines(data)
    samples = latest_samples(timelines, Rules.from_config(data.config), now_us=now_us)
    builder = BatchBuilder(
        samples=samples,
        click_item=timelines.click_item,
        catalogue=data.catalogue,
        profiles=np.zeros_like(data.profiles),
        max_long=data.config.clicked.max_long,
        num_labels=1,
        cut=run.config.data.unclicked.cut,
        rows="query",
        new_users=True,
        long="fields",
    )
    ids = data.users.values.take(samples.user).to_pylist()
    return ids, builder.build(np.arange(len(samples)))


@pytest.mark.parametrize("cut", ["now", "session_start"])
@pytest.mark.parametrize("back_days", [0.0, 0.4, 1.3, 2.9])
def test_served_inputs_are_the_prepared_ones(
    tiny_data: PreparedDataset,
    run: Run,
    events: dict[Any, list[Event]],
    cut: str,
    back_days: float,
) -> None:
    run = with_cut(run, cut)
    last = max(one.time_us for user in events.values() for one in user)
    now = last + 1 - round(back_days * DAY)
    ids, expected = offline(tiny_data, run, now)
    shuffled = random.Random(3)
    inputs, known = Inputs(run), []
    for name in ids:
        rows = events[name] * 2
        shuffled.shuffle(rows)
        known += inputs.known([Request(events=rows, now_us=now)])
    served = inputs.builder(known).build(np.arange(len(known)))
    assert len(ids) > 30
    assert served.unclicked_offsets[-1] > 0
    for name in ("items", "clicked", "mask", "long_items", "row_sample", "row_position"):
        assert np.array_equal(getattr(served, name), getattr(expected, name)), name
    for name, values in expected.long_fields.items():
        assert np.array_equal(served.long_fields[name], values), name
    assert rows_of(served) == rows_of(expected)


def rows_of(batch: Batch) -> list[list[tuple[int, int]]]:
    """Each row's unclicked items with their showings."""
    lists = []
    for number in batch.unclicked_list.tolist():
        listed = slice(*batch.unclicked_offsets[number : number + 2].tolist())
        items = batch.items[batch.unclicked[listed]].tolist()
        lists.append(list(zip(items, batch.unclicked_counts[listed].tolist(), strict=True)))
    return lists


def test_users_at_different_moments_go_through_one_sweep(
    run: Run, events: dict[Any, list[Event]]
) -> None:
    rng = random.Random(5)
    last = max(one.time_us for user in events.values() for one in user)
    requests = [
        Request(events=rows, now_us=last - rng.randrange(4 * DAY)) for rows in events.values()
    ]
    inputs = Inputs(run)
    together = inputs.known(requests)
    assert together == [inputs.known([request])[0] for request in requests]
    assert any(one.unclicked for one in together)


def test_nothing_at_or_after_the_moment_is_read(run: Run, events: dict[Any, list[Event]]) -> None:
    inputs = Inputs(run)
    for rows in list(events.values())[:20]:
        now = sorted(one.time_us for one in rows)[len(rows) // 2]
        before = [one for one in rows if one.time_us < now]
        request = Request(events=rows, now_us=now)
        alone = inputs.known([replace(request, events=before)])[0]
        known = inputs.known([request])[0]
        assert known.ignored.pop("after_now") == len(rows) - len(before)
        assert known == alone


def item(run: Run, number: int) -> Any:
    return run.catalogue.items.values[number - 1].as_py()


def test_worked_by_hand(run: Run) -> None:
    # Minutes before the request: 1 is clicked, 2 shown twice and left, 3 shown once only, 4 shown
    # twice and clicked later, 5 shown twice but four days ago.
    minute = 60_000_000
    times = {1: [50], 2: [40, 30], 3: [20], 4: [45, 35], 5: [5761, 5770]}
    rows = [
        Event(item(run, number), -when * minute, False)
        for number, all_times in times.items()
        for when in all_times
    ]
    rows[0] = replace(rows[0], clicked=True)
    rows.append(Event(item(run, 4), -25 * minute, True))
    known = Inputs(run).known([Request(events=rows, now_us=0)])[0]
    # 25 minutes lie between the clicks: more than ten, so the first one is long-term.
    assert (known.clicked, known.session_length) == ([1, 4], 1)
    assert (known.unclicked, known.showings) == ([2], [2])


def test_a_user_who_never_clicked_gets_popular_items_less_those_passed_over(run: Run) -> None:
    rows = [Event(item(run, 1), time, False) for time in (-9, -5)]
    answer = recommend(run, [Request(events=rows, now_us=0, top_k=3)])[0]
    assert answer["fallback"] is True
    assert [one["item_id"] for one in answer["items"]] == [item(run, n) for n in (2, 3, 4)]
    nothing = recommend(run, [Request(events=[], now_us=0, top_k=1)])[0]
    assert nothing["items"][0]["item_id"] == item(run, 1)


def test_unknown_items_are_named_and_seen_ones_left_out(run: Run) -> None:
    rows = [Event("nobody", -9, True), Event(item(run, 3), -8, True), Event("nobody", -7, False)]
    request = Request(events=rows, now_us=0, exclude_seen=True, top_k=10_000)
    answer = recommend(run, [request])[0]
    assert answer["ignored"] == {"clicked": [], "unclicked": [], "events": ["nobody"]}
    assert item(run, 3) not in [one["item_id"] for one in answer["items"]]
    assert len(answer["items"]) == len(run.catalogue.items) - 1


def test_events_that_are_not_read_yet_are_counted(run: Run) -> None:
    rows = [Event(item(run, n), time, True) for n, time in [(1, 9), (2, 10), (3, 11), (3, 11)]]
    answer = recommend(run, [Request(events=rows, now_us=10, explain=True)])[0]
    # 10 is the moment itself: it and both rows of 11 are not read.
    assert answer["ignored"] == {"clicked": [], "unclicked": [], "after_now": 3}
    assert answer["explain"]["clicked"] == [item(run, 1)]
    before = recommend(run, [Request(events=rows[:1], now_us=10)])[0]
    assert before["ignored"] == {"clicked": [], "unclicked": []}
    assert before["items"] == answer["items"]


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (Request(events=[]), "need a moment"),
        (Request(["a"], events=[], now_us=0), "either events or the two lists"),
        (
            Request(events=[Event("a", 0, True), Event(7, 0, True)], now_us=1),
            r"events\[1\]\.item_id: found 7, expected an id of type string",
        ),
    ],
)
def test_wrong_requests_are_named(run: Run, request_: Request, message: str) -> None:
    with pytest.raises(UserError, match=message):
        recommend(run, [request_])
