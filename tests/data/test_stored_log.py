"""A day prepared beside an old data set gives what all days together give, byte for byte."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from unclicked.config import DataConfig
from unclicked.data.dataset import PreparedDataset
from unclicked.data.prepare import prepare
from unclicked.data.rules import Rules, held_out_samples, train_samples
from unclicked.data.stored_log import LOG_FILE, load_log, stored_timelines
from unclicked.errors import ArtefactError, UserError


@pytest.fixture(scope="module")
def parts(tiny_log: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The tiny log in two files: all days but the last, and the last with some rows repeated."""
    folder = tmp_path_factory.mktemp("parts")
    table = pq.read_table(tiny_log / "impressions.parquet")
    last = pc.max(table["timestamp"]).as_py().replace(hour=0, minute=0, second=0, microsecond=0)
    is_late = pc.greater_equal(table["timestamp"], pa.scalar(last, table["timestamp"].type))
    late, early = table.filter(is_late), table.filter(pc.invert(is_late))
    assert len(late) and len(early)
    paths = folder / "early.parquet", folder / "late.parquet"
    pq.write_table(early, paths[0])
    pq.write_table(pa.concat_tables([early.slice(5, 3), late]), paths[1])
    return paths


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_later_day_beside_is_all_days_together(
    parts: tuple[Path, Path], tiny_log: Path, tmp_path: Path
) -> None:
    tables = {"items": tiny_log / "items.parquet", "users": tiny_log / "users.parquet"}
    old = prepare([parts[0]], tmp_path / "old", **tables)
    beside = prepare([parts[1]], tmp_path / "new", beside=old, config=old.config, **tables)
    together = prepare(list(parts), tmp_path / "all", **tables)
    assert beside.card["rows"] == together.card["rows"]
    assert beside.card["rows"]["duplicates"] == 3
    assert contents(beside.path) == contents(together.path)
    assert beside.sha256 == together.sha256 != old.sha256


def test_fields_do_not_vanish(parts: tuple[Path, Path], tiny_log: Path, tmp_path: Path) -> None:
    old = prepare([parts[0]], tmp_path / "old", items=tiny_log / "items.parquet")
    with pytest.raises(UserError, match=r"DATA-BESIDE.*--items.*leaf_category"):
        prepare([parts[1]], tmp_path / "new", beside=old)


def test_ids_of_another_type_are_refused(parts: tuple[Path, Path], tmp_path: Path) -> None:
    old = prepare([parts[0]], tmp_path / "old")
    table = pq.read_table(parts[1])
    numbers = pa.array(np.arange(len(table)), pa.int64())
    table = table.set_column(table.column_names.index("item_id"), "item_id", numbers)
    pq.write_table(table, tmp_path / "numbers.parquet")
    with pytest.raises(UserError, match="column item_id: found int64.*expected string"):
        prepare([tmp_path / "numbers.parquet"], tmp_path / "new", beside=old)


def test_samples_can_be_made_again_from_what_is_stored(tiny_data: PreparedDataset) -> None:
    timelines = stored_timelines(tiny_data)
    assert np.array_equal(timelines.click_item, tiny_data.click_item)
    rules = Rules.from_config(tiny_data.config)
    bounds = tiny_data.card["boundaries"]
    made = {
        "train": train_samples(timelines, rules, end_us=bounds["validation_us"]),
        "test": held_out_samples(
            timelines, rules, begin_us=bounds["test_us"], end_us=bounds["end_us"]
        ),
    }
    for name, samples in made.items():
        stored = tiny_data.splits[name]
        for field in ("user", "start", "end", "row_now", "row_items", "truth_items"):
            assert np.array_equal(getattr(samples, field), getattr(stored, field)), field


def test_the_log_is_kept_exactly(tiny_log: Path, tiny_data: PreparedDataset) -> None:
    table = pq.read_table(tiny_log / "impressions.parquet")
    stored = load_log(tiny_data)
    assert len(stored) == len(table)
    # Users are text of one length here, so that both sorts agree.
    keys = [("user_id", "ascending"), ("timestamp", "ascending"), ("item_id", "ascending")]
    table = table.sort_by(keys)
    assert stored["user_id"].to_pylist() == table["user_id"].to_pylist()
    assert stored["item_id"].to_pylist() == table["item_id"].to_pylist()
    assert stored["clicked"].to_pylist() == table["clicked"].cast(pa.bool_()).to_pylist()


def test_a_missing_log_is_named(tiny_data: PreparedDataset, tmp_path: Path) -> None:
    there = json.loads((tiny_data.path / "manifest.json").read_text())
    assert LOG_FILE in there["files"]
    gone = replace(tiny_data, path=tmp_path)
    with pytest.raises(ArtefactError, match="DATASET-LOG"):
        load_log(gone)


def test_other_rules_may_be_asked_of_the_joined_log(
    parts: tuple[Path, Path], tmp_path: Path
) -> None:
    old = prepare([parts[0]], tmp_path / "old")
    changed = DataConfig.model_validate(old.config.model_dump() | {"missing_item": "unknown"})
    assert prepare([parts[1]], tmp_path / "new", beside=old, config=changed).config == changed
