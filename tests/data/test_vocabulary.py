"""Ids as numbers and back, exactly."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unclicked.data.vocabulary import Vocabulary
from unclicked.errors import UserError


@given(st.lists(st.text(max_size=5), unique=True, max_size=8), st.lists(st.text(max_size=5)))
def test_encode_against_a_dict(known: list[str], asked: list[str]) -> None:
    words = Vocabulary(pa.array(known, pa.string()))
    place = {word: number for number, word in enumerate(known, start=1)}
    expected = [place.get(word, len(known) + 1) for word in asked]
    assert words.encode(asked).tolist() == expected
    assert words.encode(pa.array(asked, pa.string())).tolist() == expected
    assert words.decode(list(place.values())) == known
    assert len(words) == len(known)
    assert words.unknown == len(known) + 1


def test_null_is_padding() -> None:
    words = Vocabulary(pa.array(["a"]))
    assert words.encode([None, "a", "b"]).tolist() == [0, 1, 2]


def test_a_vocabulary_survives_the_disk(tmp_path: Path) -> None:
    for values in (pa.array([], pa.string()), pa.array(["", "é", "007"]), pa.array([-3, 2**62])):
        Vocabulary(values).save(tmp_path / "v.parquet")
        assert Vocabulary.load(tmp_path / "v.parquet").values.equals(values)


@pytest.mark.parametrize("text", ["7", "-3", "0", str(2**63 - 1)])
def test_integers_are_read_exactly(text: str) -> None:
    assert Vocabulary(pa.array([1])).parse([text], "--clicked") == [int(text)]


@pytest.mark.parametrize(
    "text", ["007", "7.0", "", "-", "a", "+7", " 7", "--7", "٧", str(2**63), "9" * 5000]
)
def test_what_is_no_integer_id_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="64-bit integers") as caught:
        Vocabulary(pa.array([1])).parse([text], "--clicked")
    assert len(str(caught.value)) < 200


def test_text_ids_stay_as_they_are() -> None:
    assert Vocabulary(pa.array(["a"])).parse(["007", ""], "x") == ["007", ""]
