"""The first id that is of another type is named by its place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from unclicked.data.vocabulary import Vocabulary
from unclicked.errors import UserError
from unclicked.recommendation.lookup import Lookup

NUMBERS, TEXTS = Lookup(Vocabulary(pa.array([7, 5]))), Lookup(Vocabulary(pa.array(["a", "b"])))


@pytest.mark.parametrize(
    ("lookup", "ids", "place", "found"),
    [
        (TEXTS, ["a", "zz", 7, 8], 2, "found 7, expected an id of type string"),
        (TEXTS, ["a", None], 1, "found None"),
        (TEXTS, ["a", "b", "\ud800"], 2, "found '\\ud800'"),
        (NUMBERS, [7, "5"], 1, "found '5', expected an id of type int64"),
        (NUMBERS, [2**63], 0, "found 9223372036854775808"),
        (NUMBERS, ["7", "5", "x"], 2, "found 'x', expected an id that is a 64-bit integer"),
        (NUMBERS, ["7", "007"], 1, "found '007'"),
        (NUMBERS, [True], 0, "found True"),
    ],
)
def test_the_first_wrong_one(lookup: Lookup, ids: list[Any], place: int, found: str) -> None:
    with pytest.raises(UserError) as caught:
        lookup.codes(ids, "events", ".item_id")
    assert caught.value.where == f"events[{place}].item_id"
    assert caught.value.message.startswith(found)


def test_one_by_itself_and_numbers_out_of_an_array() -> None:
    assert [TEXTS.code("b", "x"), NUMBERS.code("7", "x"), NUMBERS.code(9, "x")] == [2, 1, 3]
    assert NUMBERS.codes(list(np.array([5, 7])), "x") == [2, 1]
    with pytest.raises(UserError, match=r"error\[ID\] profile\.age: found 7"):
        TEXTS.code(7, "profile.age")


@pytest.mark.parametrize("long", ["x" * 5_000, b"x" * 5_000, ["y"] * 5_000])
def test_what_was_found_is_short(long: Any) -> None:
    with pytest.raises(UserError) as caught:
        (NUMBERS if isinstance(long, str) else TEXTS).codes([long], "clicked")
    assert len(caught.value.message) < 120
