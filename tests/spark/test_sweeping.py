"""What runs beside the data, run here: the same files as the local engine, however rows are cut."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from unclicked.artefact import sha256_file
from unclicked.data.card_log import day_facts, days_of, showing_facts
from unclicked.data.dataset import PreparedDataset
from unclicked.data.log_columns import plan_columns
from unclicked.data.rules import Rules
from unclicked.data.schema import ReadOptions
from unclicked.data.split import Boundaries
from unclicked.errors import ResourceError
from unclicked.spark import checking, sweeping
from unclicked.spark.pieces import Block, blocks_of, pieces_of
from unclicked.spark.receiving import Received, receive
from unclicked.spark.source import LogPlan
from unclicked.spark.sweeping import SweepPlan

Batches = Iterator[pa.RecordBatch]


def log_plan(table: pa.Table) -> LogPlan:
    types = {field.name: field.type for field in table.schema}
    kinds = {name: table.schema.field(name).type for name in ("user_id", "item_id")}
    columns = plan_columns(Path("log"), types, ReadOptions())
    return LogPlan(columns, kinds, ReadOptions(), 2_000_000_000)


def sweep_plan(data: PreparedDataset, plan: LogPlan) -> SweepPlan:
    bounds = Boundaries(**data.card["boundaries"])
    items = data.catalogue.items.values
    numbers = np.arange(1, len(items) + 1, dtype=np.int32)
    return SweepPlan(
        cast(Any, SimpleNamespace(value=(items, numbers))),
        data.num_items,
        Rules.from_config(data.config),
        bounds,
        days_of(bounds, None),
        plan.schema,
    )


def by_user(table: pa.Table, seed: int) -> pa.Table:
    """Rows as Spark hands them over: sorted by user, in any order within."""
    mixed = table.take(pa.array(np.random.default_rng(seed).permutation(len(table))))
    return mixed.take(pa.compute.sort_indices(mixed["user_id"]))


@pytest.fixture
def blocks(
    tiny_log: Path, tiny_data: PreparedDataset, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., list[Block]]:
    """A function that runs both steps over a log cut into partitions, batches and blocks."""

    def run(partitions: int, batch_rows: int, block_rows: int) -> list[Block]:
        monkeypatch.setattr(checking, "BLOCK_ROWS", block_rows)
        monkeypatch.setattr(checking, "BATCH_ROWS", batch_rows)
        monkeypatch.setattr(sweeping, "BLOCK_ROWS", block_rows)
        table = by_user(pq.read_table(tiny_log / "impressions.parquet"), partitions)
        plan = log_plan(table)
        users = table["user_id"].unique()
        found = []
        for part in np.array_split(np.arange(len(users)), partitions):
            mask = pa.compute.is_in(table["user_id"], value_set=users.take(pa.array(part)))
            batches = table.filter(mask).combine_chunks().to_batches(batch_rows)
            checked = list(checking.check_users(iter(batches), plan))
            assert all(batch.schema.names == [*plan.schema.names, "account"] for batch in checked)
            rows = [b for b in checked if b.column("account").null_count]
            pieces = sweeping.sweep_users(iter(rows), sweep_plan(tiny_data, plan))
            pairs = [(b.column(0)[0].as_py(), b.column(1)[0].as_py()) for b in pieces]
            found += list(blocks_of(pairs))
        return found

    return run


def received(blocks: list[Block], folder: Path) -> Received:
    folder.mkdir()
    return receive(blocks, folder, blocks[0].log.schema)


@pytest.mark.parametrize(
    ("partitions", "batch_rows", "block_rows"),
    [(1, 10_000, 1 << 20), (4, 37, 500), (7, 1000, 1)],
)
def test_every_array_is_that_of_the_local_engine(
    blocks: Callable[..., list[Block]],
    tiny_data: PreparedDataset,
    tmp_path: Path,
    partitions: int,
    batch_rows: int,
    block_rows: int,
) -> None:
    cut = blocks(partitions, batch_rows, block_rows)
    assert len(cut) > partitions or block_rows > batch_rows
    whole = received(cut, tmp_path / "out")
    names = sorted(p.relative_to(tmp_path / "out") for p in (tmp_path / "out").rglob("*.*"))
    assert len(names) == 3 * 14 + 2
    for name in names:
        assert sha256_file(tmp_path / "out" / name) == sha256_file(tiny_data.path / name), name
    assert whole.users.equals(tiny_data.users.values)
    bounds = Boundaries(**tiny_data.card["boundaries"])
    days = day_facts(whole.counts, days_of(bounds, None), bounds)
    assert days == tiny_data.card["days"]
    for name, value in showing_facts(whole.counts).items():
        assert tiny_data.card[name] == value


def test_pieces_are_small_and_lose_nothing(
    blocks: Callable[..., list[Block]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("unclicked.spark.pieces.CHUNK_BYTES", 512)
    (block,) = blocks(1, 10_000, 1 << 20)
    pieces = list(pieces_of(block))
    assert len(pieces) > 1000
    (again,) = blocks_of(pieces)
    assert again.log.equals(block.log)
    assert again.users.equals(block.users)
    assert vars(again.splits["train"]).keys() == vars(block.splits["train"]).keys()
    for split, samples in block.splits.items():
        for name, values in vars(samples).items():
            np.testing.assert_array_equal(getattr(again.splits[split], name), values)


def test_users_out_of_order_are_noticed(blocks: Callable[..., list[Block]], tmp_path: Path) -> None:
    cut = blocks(4, 1000, 500)
    with pytest.raises(ResourceError, match="users were cut into other ranges"):
        received([cut[1], cut[0], *cut[2:]], tmp_path / "out")


def test_equal_rows_are_merged_and_bad_ones_counted() -> None:
    table = pa.table(
        {
            "user_id": [1, 1, 1, 2, 2],
            "item_id": [5, 5, 6, 5, 5],
            "timestamp": pa.array([1_700_000_000_000_000] * 5, pa.timestamp("us", "UTC")),
            "clicked": [0, 1, 0, 1, 1],
        }
    )
    plan = log_plan(table)
    first, rows = checking.check_users(iter(table.to_batches()), plan)
    assert first.column("account").to_pylist() == ['{"bad": 0, "conflicts": 1}']
    assert rows.select(["user_id", "item_id", "clicked"]).to_pydict() == {
        "user_id": [1, 1, 2],
        "item_id": [5, 6, 5],
        "clicked": [True, False, True],
    }
    bad = table.set_column(3, "clicked", pa.array([0, 1, 7, 1, -1]))
    (told,) = checking.check_users(iter(bad.to_batches()), log_plan(bad))
    assert told.column("account").to_pylist() == ['{"bad": 2, "conflicts": 0}']
