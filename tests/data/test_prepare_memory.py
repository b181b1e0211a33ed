"""Bounded memory changes no byte, and leaves nothing behind, however the work ends."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from unclicked.artefact import sha256_file
from unclicked.config import DataConfig
from unclicked.data import prepare as room
from unclicked.data import row_blocks
from unclicked.data.dataset import PreparedDataset
from unclicked.data.prepare import prepare
from unclicked.errors import ResourceError, UserError
from unclicked.settings import resolve

START_US = 1_704_067_200_000_000
DAY_US = 86_400_000_000
CONFIG = resolve({"data": {"time_unit": "us"}}).data


def hashes(folder: Path) -> dict[str, str]:
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): sha256_file(path) for path in paths}


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many ranges of users and many blocks of rows, even in a small log."""
    monkeypatch.setattr(room, "PART_ROWS", 300)
    monkeypatch.setattr(row_blocks, "BLOCK_ROWS", 1000)


def odd_log(seed: int, users: int = 60, rows: int = 6000) -> pa.Table:
    """Shuffled rows with click times, sessions, doubles, conflicts and one user of many rows."""
    rng = np.random.default_rng(seed)
    user = np.where(rng.random(rows) < 0.2, 7, rng.integers(0, users, rows))
    time = START_US + rng.integers(0, 6 * DAY_US // 60_000_000, rows) * 60_000_000
    clicked = rng.random(rows) < 0.25
    late = time + rng.integers(0, 3, rows) * 30_000_000
    known = clicked & (rng.random(rows) < 0.7)
    session = [f"s{hour}" if hour % 3 else None for hour in (time // 3_600_000_000).tolist()]
    table = pa.table(
        {
            "user_id": [f"u{one * 37 % 101:03}" for one in user.tolist()],
            "item_id": [f"ü{one}" for one in rng.integers(0, 40, rows).tolist()],
            "timestamp": time,
            "clicked": clicked,
            "clicked_at": pa.array(late, mask=~known),
            "session_id": pa.array(session, pa.string()),
        }
    )
    doubles = table.take(pa.array(rng.integers(0, rows, 400)))
    flipped = doubles.set_column(3, "clicked", pa.array([True] * 400))
    return pa.concat_tables([table, doubles, flipped])


def written(folder: Path, table: pa.Table) -> list[Path]:
    """The table in a CSV and two Parquet files; one of them names no session."""
    folder.mkdir()
    third = len(table) // 3
    pq.write_table(table[:third], folder / "a.parquet", row_group_size=500)
    pq.write_table(table[third : 2 * third].drop(["session_id"]), folder / "c.parquet")
    pa.csv.write_csv(table[2 * third :], folder / "b.csv")
    return [folder]


@pytest.mark.parametrize("seed", [0, 1])
def test_no_byte_changes(tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    log = written(tmp_path / "log", odd_log(seed))
    bounded = prepare(log, tmp_path / "bounded", config=CONFIG, memory="1GiB")
    monkeypatch.setattr(room, "PART_ROWS", 1 << 20)
    monkeypatch.setattr(row_blocks, "BLOCK_ROWS", 1 << 20)
    whole = prepare(log, tmp_path / "whole", config=CONFIG)
    assert hashes(bounded.path) == hashes(whole.path)
    # The log was one in which something can go wrong.
    rows = whole.card["rows"]
    assert rows["duplicates"] > 700 and rows["clicked_and_unclicked"] > 100
    assert len(whole.splits["train"]) > 100 and len(whole.splits["train"].row_items) > 300


def test_rows_put_aside_are_the_same(tmp_path: Path) -> None:
    table = odd_log(3)
    bad = [str(one) for one in table["clicked"].to_pylist()]
    for place in (5, 700, 4100, 6500):
        bad[place] = "maybe"
    log = written(tmp_path / "log", table.set_column(3, "clicked", pa.array(bad)))
    asked: dict[str, Any] = {"config": CONFIG, "on_bad_row": "quarantine"}
    whole = prepare(log, tmp_path / "whole", **asked)
    bounded = prepare(log, tmp_path / "bounded", memory="600MB", **asked)
    assert hashes(bounded.path) == hashes(whole.path)
    assert (whole.path / "rejected.parquet").is_file()
    assert whole.card["rows"]["rejected"] == 4
    told = []
    for memory in (None, "1GiB"):
        with pytest.raises(UserError) as caught:
            prepare(log, tmp_path / "no", config=CONFIG, memory=memory)
        told.append(str(caught.value))
    assert told[0] == told[1]
    assert "a.parquet row 5 (row group 0)" in told[0] and "3 more bad rows follow" in told[0]


@pytest.mark.parametrize("memory", [None, "1GiB"])
def test_whether_ids_are_numbers_is_decided_over_all_files(
    tmp_path: Path, memory: str | None
) -> None:
    table = odd_log(4).drop(["clicked_at", "session_id"])
    numbers = pa.array([int(one[1:]) for one in table["user_id"].to_pylist()])
    table = table.set_column(0, "user_id", numbers)
    pa.csv.write_csv(table[:3000], tmp_path / "a.csv")
    pa.csv.write_csv(table[3000:], tmp_path / "b.csv")
    logs = [tmp_path / "a.csv", tmp_path / "b.csv"]
    data = prepare(logs, tmp_path / "numbers", config=CONFIG, memory=memory)
    assert data.users.values.type == pa.int64()
    assert data.users.values.to_pylist() == sorted(set(numbers.to_pylist()))
    texts = [str(one) for one in numbers.to_pylist()]
    texts[-1] = "x"
    pa.csv.write_csv(table.set_column(0, "user_id", pa.array(texts))[3000:], tmp_path / "b.csv")
    data = prepare(logs, tmp_path / "texts", config=CONFIG, memory=memory)
    assert data.users.values.to_pylist() == sorted(set(texts))


def test_a_later_day_beside_in_bounded_memory(tmp_path: Path) -> None:
    table = odd_log(5)
    late = np.asarray(table["timestamp"]) >= START_US + 4 * DAY_US
    for name, keep in (("early", ~late), ("late", late)):
        pq.write_table(table.filter(pa.array(keep)), tmp_path / f"{name}.parquet")
    early, both = (
        tmp_path / "early.parquet",
        [tmp_path / "early.parquet", tmp_path / "late.parquet"],
    )
    old = prepare([early], tmp_path / "old", config=CONFIG, memory="1GiB")
    new = prepare([both[1]], tmp_path / "new", config=CONFIG, beside=old, memory="1GiB")
    assert hashes(new.path) == hashes(prepare(both, tmp_path / "all", config=CONFIG).path)


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[str]:
    """Writing rows aside fails at its fifth call, by a full disk or a person's Ctrl-C."""
    calls, write = [0], row_blocks.write_columns
    error = OSError(errno.ENOSPC, "No space left on device")

    def refuse(*given: Any) -> None:
        calls[0] += 1
        if calls[0] == 5:
            raise error if request.param == "full" else KeyboardInterrupt
        write(*given)

    for module in ("row_blocks", "user_parts"):
        monkeypatch.setattr(f"unclicked.data.{module}.write_columns", refuse)
    yield request.param


@pytest.mark.parametrize("failing", ["full", "interrupted"], indirect=True)
def test_nothing_is_left_behind(tmp_path: Path, failing: str) -> None:
    log = written(tmp_path / "log", odd_log(6))
    kind: type[BaseException] = ResourceError if failing == "full" else KeyboardInterrupt
    with pytest.raises(kind) as caught:
        prepare(log, tmp_path / "out" / "data", config=CONFIG, memory="1GiB")
    assert not list((tmp_path / "out").iterdir())
    if failing == "full":
        assert "No space left" in str(caught.value) and "bytes are free there" in str(caught.value)


@pytest.mark.parametrize("text", ["", "1", "1 GiBi", "-1GiB", "100MiB", "1e3GiB", "GiB", "nanGiB"])
def test_a_size_that_is_none_is_refused_before_any_work(tmp_path: Path, text: str) -> None:
    with pytest.raises(UserError, match="at least 512MiB"):
        prepare([tmp_path / "none"], tmp_path / "out", config=DataConfig(), memory=text)
    assert not (tmp_path / "out").exists()


def test_the_log_is_read_back_user_by_user(tmp_path: Path) -> None:
    table = odd_log(8)
    log = written(tmp_path / "log", table)
    data = prepare(log, tmp_path / "data", config=CONFIG, memory="1GiB")
    stored = pq.read_table(data.path / "log.parquet").to_pylist()
    keys = [
        (row["user_id"].encode(), row["timestamp_us"], row["item_id"].encode()) for row in stored
    ]
    assert keys == sorted(set(keys))
    # Merged by hand: a click wins, and the earliest known click time stays.
    wanted: dict[tuple[str, int, str], tuple[bool, int | None]] = {}
    for row in table.to_pylist():
        key = (row["user_id"], row["timestamp"], row["item_id"])
        clicked, at = wanted.get(key, (False, None))
        times = [one for one in (at, row["clicked_at"]) if one is not None]
        wanted[key] = (clicked or row["clicked"], min(times, default=None))
    found = {
        (row["user_id"], row["timestamp_us"], row["item_id"]): (
            row["clicked"],
            row["clicked_at_us"],
        )
        for row in stored
    }
    assert found == wanted
    assert PreparedDataset.open(data.path).card["rows"]["kept"] == len(wanted)
