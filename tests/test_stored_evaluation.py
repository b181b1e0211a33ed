"""An evaluation's two files belong together, and the other split's stay."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from unclicked import artefact
from unclicked import stored_evaluation as stored
from unclicked.errors import ArtefactError


def put(run: Path, split: str, value: float) -> None:
    stored.store(run, split, {"mean": value}, pa.table({"user_id": ["a"], "HR@50": [value]}))


def found(run: Path, split: str) -> tuple[float, float]:
    summary, table = stored.load(run, split)
    return summary["mean"], table["HR@50"][0].as_py()


def test_both_splits_lie_side_by_side(tmp_path: Path) -> None:
    put(tmp_path, "test", 0.1)
    assert not stored.is_stored(tmp_path, "validation")
    put(tmp_path, "validation", 0.2)
    put(tmp_path, "test", 0.3)
    assert found(tmp_path, "test") == (0.3, 0.3)
    assert found(tmp_path, "validation") == (0.2, 0.2)
    folder = tmp_path / "evaluation"
    assert json.loads((folder / "test.json").read_text()) == {"mean": 0.3}
    assert pq.read_table(folder / "validation.parquet")["HR@50"].to_pylist() == [0.2]
    assert [path.name for path in tmp_path.iterdir()] == ["evaluation"]


def test_files_of_two_evaluations_are_refused(tmp_path: Path) -> None:
    for name, value in (("a", 0.1), ("b", 0.2)):
        put(tmp_path / name, "test", value)
    other = (tmp_path / "b" / "evaluation" / "test.parquet").read_bytes()
    (tmp_path / "a" / "evaluation" / "test.parquet").write_bytes(other)
    with pytest.raises(ArtefactError, match=r"test\.parquet: (was changed|is missing or cut)"):
        stored.load(tmp_path / "a", "test")


def test_a_broken_split_is_not_passed_on(tmp_path: Path) -> None:
    put(tmp_path, "test", 0.1)
    path = tmp_path / "evaluation" / "test.json"
    path.write_text('{"mean": 0.9}')
    said: list[str] = []
    table = pa.table({"user_id": ["a"], "HR@50": [0.2]})
    stored.store(tmp_path, "validation", {"mean": 0.2}, table, said.append)
    assert len(said) == 1
    assert "test.json" in said[0]
    assert not stored.is_stored(tmp_path, "test")
    assert found(tmp_path, "validation") == (0.2, 0.2)


def test_an_evaluation_that_appears_while_one_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, "test", 0.1)
    plain, calls = artefact.verify, []

    def verify(folder: Path, kind: str) -> dict[str, object]:
        manifest = plain(folder, kind)
        calls.append(kind)
        if len(calls) == 1:
            put(tmp_path, "test", 0.5)
        return manifest

    monkeypatch.setattr(artefact, "verify", verify)
    assert found(tmp_path, "test") == (0.5, 0.5)
    assert len(calls) > 1


def test_what_was_never_judged_is_missing(tmp_path: Path) -> None:
    assert not stored.is_stored(tmp_path, "test")
    with pytest.raises(ArtefactError, match="is no folder"):
        stored.load(tmp_path, "test")
    put(tmp_path, "test", 0.1)
    with pytest.raises(ArtefactError, match=r"validation\.parquet: is not there"):
        stored.load(tmp_path, "validation")


def test_lengths_are_read_of_a_whole_evaluation_alone(tmp_path: Path) -> None:
    assert stored.stored_lengths(tmp_path, "test") == ()
    table = pa.table({"user_id": ["a"]})
    stored.store(tmp_path, "test", {"top_k": [50, 80]}, table)
    assert stored.stored_lengths(tmp_path, "test") == (50, 80)
    assert stored.stored_lengths(tmp_path, "validation") == ()
    (tmp_path / "evaluation" / "test.json").write_text('{"top_k": [7, 80]}')
    assert stored.stored_lengths(tmp_path, "test") == ()


@pytest.mark.parametrize("summary", [{}, {"top_k": [True, 0, "7", 5]}])
def test_lengths_that_are_none(tmp_path: Path, summary: dict[str, object]) -> None:
    stored.store(tmp_path, "test", summary, pa.table({"user_id": ["a"]}))
    assert stored.stored_lengths(tmp_path, "test") == ((5,) if summary else ())
