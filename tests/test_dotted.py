"""Nested tables and dotted keys."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from unclicked.dotted import flat, merge, nest

NAMES = st.text("abc", min_size=1, max_size=2)
FLAT = st.dictionaries(
    st.lists(NAMES, min_size=1, max_size=3).map(".".join), st.integers(), max_size=6
)


def one_inside_another(keys: list[str]) -> bool:
    return any(a != b and b.startswith(f"{a}.") for a in keys for b in keys)


@given(FLAT.filter(lambda table: not one_inside_another(list(table))))
def test_dotted_keys_come_back(table: dict[str, int]) -> None:
    assert flat(nest(table)) == table


def test_the_second_table_wins_key_by_key() -> None:
    assert merge({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"c": 4}}) == {
        "a": {"b": 1, "c": 4},
        "d": 3,
    }


def test_nothing_that_was_given_is_changed() -> None:
    base, over = {"a": {"b": 1}}, {"a": {"b": 2}}
    assert merge(base, over) == over
    assert base == {"a": {"b": 1}}
