"""A data set from tables in memory is the one from their files."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

import unclicked
from tests.test_tables_in_memory import Frame
from unclicked.artefact import MANIFEST
from unclicked.errors import UserError


def tables(folder: Path) -> list[pa.Table]:
    return [parquet.read_table(folder / f"{name}.parquet") for name in ("impressions", "items")]


def wrong_log(folder: Path) -> pa.Table:
    """The log of a folder, in whose fourth row `clicked` is 2."""
    log = tables(folder)[0]
    clicked = [int(one) for one in log["clicked"].to_pylist()]
    clicked[3] = 2
    return log.set_column(log.column_names.index("clicked"), "clicked", pa.array(clicked))


def test_tables_give_the_files_of_the_data_set_byte_for_byte(
    tiny_log: Path, tmp_path: Path
) -> None:
    log, items = tables(tiny_log)
    half = len(log) // 2
    unclicked.prepare(
        tiny_log / "impressions.parquet", items=tiny_log / "items.parquet", out=tmp_path / "files"
    )
    unclicked.prepare(Frame(log), items=Frame(items), out=tmp_path / "frames")
    unclicked.prepare([log[:half], log[half:]], items=items, out=tmp_path / "parts")
    wanted = (tmp_path / "files" / MANIFEST).read_bytes()
    assert (tmp_path / "frames" / MANIFEST).read_bytes() == wanted
    assert (tmp_path / "parts" / MANIFEST).read_bytes() == wanted


def test_a_row_that_cannot_be_used_is_named_by_its_number_in_the_table(
    tiny_log: Path, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=r'log row 3 .*column "clicked": found "2"'):
        unclicked.prepare(wrong_log(tiny_log), out=tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_no_place_of_ours_stays_in_the_data_set(tiny_log: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    unclicked.prepare(wrong_log(tiny_log), out=data, on_bad_row="quarantine")
    aside = parquet.read_table(data / "rejected.parquet")
    assert [(one["file"], one["row"]) for one in aside.to_pylist()] == [("log", 3)]
    for path in data.rglob("*"):
        assert path.is_dir() or b"unclicked-" not in path.read_bytes(), path
