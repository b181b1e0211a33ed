"""Lists of some items are what is left of the whole list."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from unclicked.errors import UserError
from unclicked.recommendation import Answerer, Request, recommend
from unclicked.run import Run, open_run


@pytest.fixture(scope="module")
def run(tiny_run: Path) -> Run:
    return open_run(tiny_run)


def values_of(run: Run, name: str) -> dict[str, list[str]]:
    """Values of a field by item id, read one by one."""
    field = run.catalogue.fields[name]
    words = field.vocabulary.values.to_pylist()
    return {
        item: [words[code - 1] for code in field.codes[field.offsets[n] : field.offsets[n + 1]]]
        for n, item in enumerate(run.catalogue.items.values.to_pylist(), start=1)
    }


def test_a_filtered_list_is_the_whole_one_without_the_others(run: Run) -> None:
    ids = run.catalogue.items.values.to_pylist()
    whole = Request(ids[5:9], ids[20:30], top_k=10_000, exclude=ids[:2])
    for name in run.catalogue.fields:
        values = values_of(run, name)
        wanted = sorted({one for several in values.values() for one in several})[:2]
        filtered = replace(whole, only={name: wanted})
        everything, some = recommend(run, [whole, filtered])
        kept = [one for one in everything["items"] if set(values[one["item_id"]]) & set(wanted)]
        assert [one["item_id"] for one in some["items"]] == [one["item_id"] for one in kept]
        assert [one["score"] for one in some["items"]] == [one["score"] for one in kept]
        assert 0 < len(kept) < len(everything["items"])


def test_two_fields_both_count_and_an_unknown_value_fits_nothing(run: Run) -> None:
    first, second = list(run.catalogue.fields)[:2]
    values = values_of(run, first), values_of(run, second)
    ids = run.catalogue.items.values.to_pylist()
    only = {first: values[0][ids[0]], second: values[1][ids[0]]}
    answerer = Answerer(run)
    found = {ids[code - 1] for code in answerer.filter.codes(only)}
    assert found == {
        one
        for one in ids
        if set(values[0][one]) & set(only[first]) and set(values[1][one]) & set(only[second])
    }
    assert answerer.answer([Request([ids[3]], only={first: ["none"]})])[0]["items"] == []


def test_values_that_no_item_has_are_named(run: Run) -> None:
    first, second = list(run.catalogue.fields)[:2]
    ids = run.catalogue.items.values.to_pylist()
    value = values_of(run, first)[ids[0]][0]
    asked = {first: ["nonsense", value, "nonsense"], second: ["a=b", "nonsense"]}
    half_known = {first: ["nonsense", value]}
    some, half, plain = (
        recommend(run, [Request([ids[3]], only=only)])[0]
        for only in (asked, half_known, {first: [value]})
    )
    named = [f"{first}=nonsense", f"{second}=a=b", f"{second}=nonsense"]
    assert some["ignored"] == {"clicked": [], "unclicked": [], "filter": named}
    assert some["items"] == []
    assert plain["ignored"] == {"clicked": [], "unclicked": []}
    # What is unknown changes nothing beside what is known.
    assert half["items"] == plain["items"]
    assert half["ignored"]["filter"] == [f"{first}=nonsense"]


def test_a_user_without_clicks_gets_popular_items_of_the_part(run: Run) -> None:
    name = next(iter(run.catalogue.fields))
    values = values_of(run, name)
    wanted = next(iter(values.values()))
    answer = recommend(run, [Request(only={name: wanted}, top_k=5)])[0]
    fitting = [one for one, found in values.items() if set(found) & set(wanted)]
    assert [one["item_id"] for one in answer["items"]] == fitting[:5]
    assert answer["fallback"] is True


def test_a_field_that_does_not_exist_is_named(run: Run) -> None:
    with pytest.raises(UserError, match=r"filter\.colour: is no item field; there are: "):
        recommend(run, [Request(only={"colour": ["red"]})])


def test_the_explanation_is_of_the_vectors(run: Run) -> None:
    ids = run.catalogue.items.values.to_pylist()
    one, none = recommend(
        run,
        [Request(ids[5:9], ids[20:30], explain=True), Request(ids[5:9], explain=True)],
    )
    told = one["explain"]
    assert (told["clicked"], told["unclicked"], told["long_term"]) == (ids[5:9], ids[20:30], [])
    gate, distances = told["gate"], told["distances"]
    assert 0 <= gate["min"] <= gate["mean"] <= gate["max"] <= 1
    # The user vector is h - G n, so it moves by no more than n is long, times the gate.
    longest = distances["unclicked_length"]
    assert gate["min"] ** 2 * longest <= distances["moved"] <= gate["max"] ** 2 * longest * 1.0001
    assert none["explain"]["gate"] is None
    assert none["explain"]["distances"] is None
