"""What is counted while a log is written agrees with a plain count of its rows."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from unclicked.errors import UserError
from unclicked.sources import imported_log
from unclicked.sources.imported_log import Distinct, LogWriter, count_file_repeats


@pytest.mark.parametrize("text", [True, False])
@pytest.mark.parametrize("rows_at_once", [1, 40, 10_000])
def test_counts(tmp_path: Path, text: bool, rows_at_once: int) -> None:
    rng = np.random.default_rng(3)
    path = tmp_path / "impressions.parquet"
    kind = pa.string() if text else pa.int64()
    rows = []
    with LogWriter(path, kind, {"more": pa.int8()}) as log:
        for _ in range(4):
            user, item = rng.integers(0, 9, 60), rng.integers(0, 5, 60)
            time, clicked = rng.integers(0, 3, 60), rng.integers(0, 2, 60).astype(bool)
            rows += list(zip(user.tolist(), item.tolist(), time.tolist(), clicked, strict=True))
            columns = {
                "user_id": pa.array(user).cast(kind),
                "item_id": pa.array(item).cast(kind),
                "timestamp": pa.array(time).cast(pa.timestamp("us", "UTC")),
                "clicked": pa.array(clicked),
                "more": pa.array(user),
                "not_kept": pa.array(user),
            }
            log.write(columns)
        log.write({name: values[:0] for name, values in columns.items()})
        counts = log.counts()
    keys = Counter(row[:3] for row in rows)
    repeated = sum(count - 1 for count in keys.values())
    exact = sum(count - 1 for count in Counter(rows).values())
    assert (counts["repeated_lines"], counts["exact_copies"]) == (repeated, exact)
    assert count_file_repeats(path, log.users(), rows_at_once) == (repeated, exact)
    assert repeated > exact > 0
    assert (counts["rows"], counts["users"], counts["items"]) == (240, 9, 5)
    assert counts["clicked_share"] == pytest.approx(sum(row[3] for row in rows) / 240)
    users = [str(user) if text else user for user in range(9)]
    assert log.users().to_pylist() == users
    table = pq.read_table(path)
    assert table.column_names == ["user_id", "item_id", "timestamp", "clicked", "more"]
    assert table.num_rows == 240


def test_distinct_values_of_many_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    distinct = Distinct(pa.int64())
    seen: set[int] = set()
    monkeypatch.setattr(imported_log, "HELD", 10)
    for _ in range(50):
        values = rng.integers(0, 40, 7)
        seen |= set(values.tolist())
        distinct.add(pa.chunked_array([pa.array(values)]))
        assert sorted(distinct.values().to_pylist()) == sorted(seen)


def test_a_log_without_rows_is_none(tmp_path: Path) -> None:
    refused = pytest.raises(UserError, match="the log: found no row that can be used")
    with LogWriter(tmp_path / "x.parquet", pa.int64()) as log, refused:
        log.counts()
