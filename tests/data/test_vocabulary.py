"""Ids as numbers and back, exactly."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unclicked.data.vocabulary import Vocabulary
from unclicked.errors import ArtefactError, UserError


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


@pytest.mark.parametrize(
    "values",
    [
        pa.array([0.5]),
        pa.array(["a", None]),
        pa.array(["a", "a"]),
        pa.array([["a"]]),
        pa.array([7] * 1_000_000),
        pa.array(["x" * 3_000_000]),
        pa.ExtensionArray.from_storage(pa.uuid(), pa.array([b"x" * 16], pa.binary(16))),
    ],
)
def test_a_file_that_holds_no_distinct_ids_is_refused(tmp_path: Path, values: pa.Array) -> None:
    pq.write_table(pa.table({"value": values}), tmp_path / "v.parquet", compression="zstd")
    with pytest.raises(ArtefactError, match=r"VOCABULARY\] .*v\.parquet") as caught:
        Vocabulary.load(tmp_path / "v.parquet")
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("content", [b"", b"PAR1PAR1", b"\x80\x04K\x01."])
def test_a_file_that_is_no_parquet_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "v.parquet").write_bytes(content)
    with pytest.raises(ArtefactError, match="cannot be read"):
        Vocabulary.load(tmp_path / "v.parquet")
    pq.write_table(pa.table({"other": [1]}), tmp_path / "v.parquet")
    with pytest.raises(ArtefactError, match="cannot be read"):
        Vocabulary.load(tmp_path / "v.parquet")
