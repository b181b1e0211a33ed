"""Preparing on Spark in local mode: the bytes of the local engine, and every bad input named."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from unclicked.artefact import sha256_file
from unclicked.config import DataConfig
from unclicked.data.prepare import prepare
from unclicked.errors import ResourceError, UserError
from unclicked.settings import resolve
from unclicked.sources.simulate import simulate

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

MISSING = [name for name in ("pyspark", "pandas") if importlib.util.find_spec(name) is None]
MISSING += [] if shutil.which("java") else ["java"]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=f"Spark cannot run: {', '.join(MISSING)} missing"),
    # Of libraries that are not ours, in processes and sockets that Spark closes when it likes.
    pytest.mark.filterwarnings("default"),
]


@pytest.fixture(scope="module")
def session() -> Iterator[SparkSession]:
    """Spark on two cores, whose Arrow batches are so small that most users span several."""
    from unclicked.spark.session import open_session

    session = open_session("local[2]")
    session.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", "300")
    yield session
    session.stop()


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated log of 300 users with item and user tables."""
    out = tmp_path_factory.mktemp("spark") / "log"
    simulate(out, preset="tiny", num_users=300, num_items=200)
    return out


def hashes(folder: Path) -> dict[str, str]:
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): sha256_file(path) for path in paths}


def written_in_parts(table: pa.Table, folder: Path, seed: int) -> Path:
    """The rows in another order, in three files of small row groups."""
    folder.mkdir()
    order = np.random.default_rng(seed).permutation(len(table))
    for number, rows in enumerate(np.array_split(order, 3)):
        part = table.take(pa.array(rows))
        pq.write_table(part, folder / f"part-{number}.parquet", row_group_size=5000)
    return folder


def renamed(table: pa.Table) -> pa.Table:
    """Ids of users whose order in bytes is neither that of an alphabet nor that of UTF-16."""
    marks = ["Z", "z", "é", "\uffee", "\U0001d54f"]
    texts = [marks[int(text[-1]) % 5] + text for text in table["user_id"].to_pylist()]
    return table.set_column(table.column_names.index("user_id"), "user_id", pa.array(texts))


def same_on_both(
    session: SparkSession, log: Path, tmp_path: Path, config: DataConfig, **tables: Path
) -> None:
    from unclicked.spark.preparing import prepare_on_spark

    one = prepare([log], tmp_path / "local", config=config, **tables)
    other = prepare_on_spark(
        session, [log], tmp_path / "spark", config=config, partitions=4, **tables
    )
    ours, theirs = hashes(one.path), hashes(other.path)
    assert {name for name in ours | theirs if ours.get(name) != theirs.get(name)} == set()
    assert len(ours) > 40
    assert one.sha256 == other.sha256
    assert len(one.splits["train"]) > 1000


def test_every_file_is_that_of_the_local_engine(
    session: SparkSession, simulated: Path, tmp_path: Path
) -> None:
    table = renamed(pq.read_table(simulated / "impressions.parquet"))
    twice = pa.concat_tables([table, table.slice(1000, 3000)])
    log = written_in_parts(twice, tmp_path / "log", 1)
    users = tmp_path / "users.parquet"
    pq.write_table(renamed(pq.read_table(simulated / "users.parquet")), users)
    items = simulated / "items.parquet"
    same_on_both(session, log, tmp_path, DataConfig(), items=items, users=users)


def test_with_numbers_for_ids_seconds_click_times_and_sessions(
    session: SparkSession, simulated: Path, tmp_path: Path
) -> None:
    table = pq.read_table(simulated / "impressions.parquet")
    rng = np.random.default_rng(2)
    user = pc.rank(table["user_id"], tiebreaker="dense").to_numpy().astype(np.int64)
    item = pc.rank(table["item_id"], tiebreaker="dense").to_numpy().astype(np.int32)
    seconds = table["timestamp"].cast(pa.int64()).to_numpy() // 1_000_000
    clicked = table["clicked"].to_numpy()
    later = seconds + rng.integers(0, 90, len(seconds))
    known = clicked & (rng.random(len(clicked)) < 0.9)
    visit = [f"s{n}" if n % 7 else None for n in (seconds // 1800).tolist()]
    changed = pa.table(
        {
            # Some below zero and far apart, so that the order of numbers counts.
            "who": (user - 150) * 1_000_003,
            "item_id": item,
            "timestamp": seconds,
            "clicked": clicked.astype(np.int8),
            "clicked_at": pa.array(later, mask=~known),
            "session_id": visit,
            "position": rng.integers(0, 10, len(user)),
        }
    )
    log = written_in_parts(pa.concat_tables([changed, changed.slice(0, 5000)]), tmp_path / "l", 3)
    settings = {
        "time_unit": "s",
        "timezone": "Asia/Shanghai",
        "columns": {"user_id": "who"},
        "split": {"validation_users": 50},
        "clicked": {"session_gap_minutes": 3.0},
    }
    same_on_both(session, log, tmp_path, resolve({"data": settings}).data)


def test_an_item_of_the_table_alone_and_one_that_it_lacks(
    session: SparkSession, simulated: Path, tmp_path: Path
) -> None:
    items = pq.read_table(simulated / "items.parquet").slice(5)
    more = items.slice(0, 1).set_column(0, "item_id", pa.array(["zz never shown"]))
    pq.write_table(pa.concat_tables([items, more]), tmp_path / "items.parquet")
    config = resolve({"data": {"missing_item": "unknown"}}).data
    log = simulated / "impressions.parquet"
    same_on_both(session, log, tmp_path, config, items=tmp_path / "items.parquet")


def refused(session: SparkSession, log: Path, tmp_path: Path, **data: Any) -> str:
    from unclicked.spark.preparing import prepare_on_spark

    config = resolve({"data": data}).data
    with pytest.raises(UserError) as caught:
        prepare_on_spark(session, [log], tmp_path / "out", config=config)
    assert not (tmp_path / "out").exists()
    return str(caught.value)


def small(path: Path, **columns: Any) -> Path:
    """A log of ten rows, some columns replaced or, with None, left out."""
    time = pa.array([1_700_000_000_000_000 + n for n in range(10)], pa.timestamp("us", "UTC"))
    plain = {
        "user_id": [n // 2 for n in range(10)],
        "item_id": list("abcdefghij"),
        "timestamp": time,
        "clicked": [0, 1] * 5,
    }
    chosen = {name: one for name, one in {**plain, **columns}.items() if one is not None}
    pq.write_table(pa.table(chosen), path)
    return path


def test_bad_rows_are_counted_and_the_first_is_named(session: SparkSession, tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    small(logs / "a.parquet")
    small(logs / "b.parquet", clicked=[0, 1, 0, 1, 0, 1, 2, 1, 0, 3])
    text = refused(session, logs, tmp_path)
    assert 'b.parquet row 6 column "clicked": found "2", expected 0, 1, true or false.' in text
    assert "1 more bad rows are there" in text


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"clicked": None}, 'no column "clicked"'),
        ({"user_id": [1.5] * 10}, 'column "user_id": found double, expected text or integer'),
        ({"user_id": pa.array([1] * 10, pa.uint64())}, "found decimal128(20, 0), expected text"),
        ({"item_id": ["a"] * 9 + [""]}, 'row 9 column "item_id": found "", expected an id'),
        (
            {"user_id": pa.nulls(10, pa.int64())},
            'row 0 column "user_id": found "null", expected an id',
        ),
        ({"timestamp": [1_700_000_000] * 10}, "no data.time_unit is set, but its size says s"),
        ({"timestamp": ["2024-01-01 10:00:00"] * 10}, "without an offset and no data.timezone"),
        ({"clicked": [0] * 10}, "holds no click in 10 rows"),
        ({}, "leave no day for training"),
    ],
)
def test_what_cannot_be_used_is_named(
    session: SparkSession, tmp_path: Path, columns: dict[str, Any], words: str
) -> None:
    assert words in refused(session, small(tmp_path / "log.parquet", **columns), tmp_path)


def test_other_files_are_refused(session: SparkSession, tmp_path: Path) -> None:
    assert "Spark reads Parquet alone" in refused(session, tmp_path / "log.csv", tmp_path)
    assert "cannot be read" in refused(session, tmp_path / "nowhere", tmp_path)
    (tmp_path / "fake.parquet").write_text("no Parquet at all")
    assert "cannot be read" in refused(session, tmp_path / "fake.parquet", tmp_path)
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    small(mixed / "a.parquet")
    small(mixed / "b.parquet", user_id=list("aabbccddee"))
    assert "cannot be read" in refused(session, mixed, tmp_path)
    empty = tmp_path / "empty.parquet"
    pq.write_table(pq.read_table(small(tmp_path / "x.parquet")).slice(0, 0), empty)
    assert "found no row" in refused(session, empty, tmp_path)


def test_a_file_that_cannot_be_decoded_is_told_in_one_line(
    session: SparkSession, simulated: Path, tmp_path: Path
) -> None:
    from unclicked.spark.preparing import prepare_on_spark

    broken = bytearray((simulated / "impressions.parquet").read_bytes())
    broken[100:3000] = bytes(2900)
    (tmp_path / "log.parquet").write_bytes(broken)
    with pytest.raises(ResourceError, match=r"Spark failed \(\w+(Error|Exception): ") as caught:
        prepare_on_spark(session, [tmp_path / "log.parquet"], tmp_path / "out")
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["log.parquet"]


def test_a_column_of_later_files_is_not_left_out(session: SparkSession, tmp_path: Path) -> None:
    from unclicked.data.schema import ReadOptions
    from unclicked.spark.source import read_source

    logs = tmp_path / "logs"
    logs.mkdir()
    small(logs / "a.parquet")
    small(logs / "b.parquet", session_id=["s"] * 10)
    source = read_source(session, [logs], ReadOptions())
    assert source.plan.schema.names[-1] == "session_id"
