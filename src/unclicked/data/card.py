"""The data card: what was read, what each rule kept and removed, whether the log is too thin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from unclicked.config import DataConfig
from unclicked.data.card_log import Days, LogCounts, day_facts, length_counts, showing_facts
from unclicked.data.catalogue import Catalogue
from unclicked.data.long_term import distinct_lengths
from unclicked.data.rules import Samples
from unclicked.data.schema import BadRow
from unclicked.data.skip_verdict import signal_line
from unclicked.data.split import Boundaries, readable

THIN_LIST = 5.0
DAY_US = 86_400_000_000
EMPTY_SHARE = 0.5
SHORT_SHARE = 0.5
LISTS = ("short", "long", "unclicked")
# JSON sorts its keys; people read in the order of time.
_SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class RowCounts:
    """What became of the rows of a log.

    Attributes:
        read: Rows in all files.
        kept: Rows of the checked log.
        rejected: Rows that broke a rule.
        duplicates: Rows merged into another one.
        clicked_and_unclicked: Keys that were there both clicked and unclicked.
    """

    read: int
    kept: int
    rejected: int
    duplicates: int
    clicked_and_unclicked: int


def collect(
    rows: RowCounts,
    counts: LogCounts,
    days: Days,
    users: int,
    click_item: NDArray[np.int32],
    catalogue: Catalogue,
    splits: dict[str, Samples],
    bounds: Boundaries,
    config: DataConfig,
) -> dict[str, Any]:
    """Facts of a data set, as JSON holds them.

    Args:
        rows: What became of the rows.
        counts: What was counted of the kept ones.
        days: The days of the log.
        users: Number of users.
        click_item: int32 [C], item index of every click.
        catalogue: The items.
        splits: Samples of each split.
        bounds: Moments between the splits.
        config: The rules.

    Returns:
        Nested facts; `warnings` holds sentences for people.
    """
    found = {
        name: _lengths(samples, click_item, len(catalogue.items), config.clicked.max_long)
        for name, samples in splits.items()
    }
    lengths = {name: _means(one) for name, one in found.items()}
    facts: dict[str, Any] = {
        "rows": asdict(rows),
        "users": users,
        "items": len(catalogue.items),
        "items_clicked_in_training": int((catalogue.clicks > 0).sum()),
        "clicks": counts.clicks,
        "click_rate": round(counts.clicks / rows.kept, 6),
        "samples": {name: len(samples) for name, samples in splits.items()},
        # Training has no truth: what is to be found is found in the test.
        "mean_length": {**lengths["train"], "truth": lengths["test"]["truth"]},
        "mean_length_by_split": lengths,
        "rules": {name: samples.counts for name, samples in splits.items()},
        "boundaries": asdict(bounds),
        "item_fields": {n: len(f.vocabulary) for n, f in catalogue.fields.items()},
        "lengths": {name: length_counts(found["train"][name]) for name in LISTS},
        "days": day_facts(counts, days, bounds),
        **showing_facts(counts),
    }
    facts["warnings"] = _warnings(facts, splits["train"], config)
    return facts


def _lengths(
    samples: Samples, click_item: NDArray[np.int32], num_items: int, max_long: int
) -> dict[str, NDArray[np.int64]]:
    """Lengths of every sample's lists."""
    row = np.diff(samples.row_offsets)
    last = samples.row_now[samples.position_offsets[1:] - 1]
    long = distinct_lengths(samples.long_start, samples.start, click_item, num_items, max_long)
    return {
        "short": samples.end - samples.start,
        "long": long,
        "unclicked": row[last],
        "unclicked_at_session_start": row[samples.row_start],
        "truth": np.diff(samples.truth_offsets),
    }


def _means(lengths: dict[str, NDArray[np.int64]]) -> dict[str, float]:
    return {name: round(float(values.mean()), 3) for name, values in lengths.items()}


def _looser_rules(boundaries: dict[str, int], config: DataConfig) -> str:
    """What could be loosened, or that nothing is left to loosen."""
    unclicked, tries = config.unclicked, []
    if unclicked.min_exposures > 1:
        tries.append("data.unclicked.min_exposures = 1")
    days = (boundaries["end_us"] - boundaries["begin_us"]) / DAY_US
    if unclicked.window_days < days:
        tries.append("a longer data.unclicked.window_days")
    return f" Try {' or '.join(tries)}." if tries else " The rules are as loose as they can be."


def _warnings(facts: dict[str, Any], train: Samples, config: DataConfig) -> list[str]:
    warnings = []
    length = facts["mean_length"]["unclicked"]
    empty = float((train.row_now[train.position_offsets[1:] - 1] == 0).mean())
    if facts["click_rate"] == 1:
        warnings.append(
            "Every row is a click: what was shown and left is not in this log, so there is nothing "
            "to learn from it. Log every item that is shown."
        )
    elif length < THIN_LIST or empty > EMPTY_SHARE:
        warnings.append(
            f"The log is thin for these rules: {length:.1f} unclicked items a sample, none in "
            f"{empty:.0%} of them.{_looser_rules(facts['boundaries'], config)}"
        )
    rules = facts["rules"]["train"]
    lost = rules["clicks_in_short_sessions"] / max(rules["clicks"], 1)
    if lost > SHORT_SHARE and config.clicked.min_session_length > 1:
        warnings.append(
            f"{lost:.0%} of the training clicks lie in sessions shorter than "
            f"{config.clicked.min_session_length}. data.clicked.min_session_length = 1 keeps them."
        )
    if facts["samples"]["test"] < 1000:
        warnings.append(
            f"Only {facts['samples']['test']} test users: small gains cannot be told from chance."
        )
    return warnings


def card_lines(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """The card as lines for a terminal.

    Args:
        facts: What `collect` gave.

    Returns:
        Pairs of a name and its value.
    """
    rows, rules, length = facts["rows"], facts["rules"]["train"], facts["mean_length"]
    zone = facts.get("timezone")
    bounds = {name: readable(value, zone) for name, value in facts["boundaries"].items()}
    sessions = rules["sessions"] - rules["sessions_too_short"] - rules["sessions_without_label"]
    return [
        (
            "rows",
            f"{rows['read']:,} read = {rows['kept']:,} kept + {rows['rejected']:,} rejected "
            f"+ {rows['duplicates']:,} duplicates",
        ),
        ("users, items", f"{facts['users']:,} users, {facts['items']:,} items"),
        ("clicks", f"{facts['clicks']:,} ({facts['click_rate']:.2%} of the rows)"),
        ("training", f"{bounds['begin_us']} to {bounds['validation_us']}"),
        ("validation", f"to {bounds['test_us']}"),
        ("test", f"to {bounds['end_us']}"),
        (
            "sessions",
            f"{rules['sessions']:,} = {sessions:,} kept + {rules['sessions_too_short']:,} "
            f"too short + {rules['sessions_without_label']:,} without a label",
        ),
        (
            "samples",
            ", ".join(f"{facts['samples'][name]:,} {name}" for name in _SPLITS),
        ),
        (
            "mean length",
            f"short {length['short']:.1f}, long {length['long']:.1f}, "
            f"unclicked {length['unclicked']:.1f}",
        ),
        (
            "unclicked",
            f"{rules['unclicked_shown_in_window']:,} shown items in the windows; removed "
            f"{rules['unclicked_removed_clicked']:,} clicked, "
            f"{rules['unclicked_removed_exposures']:,} shown too rarely, "
            f"{rules['unclicked_removed_length']:,} beyond the longest list",
        ),
        ("skip signal", signal_line(facts["skip_signal"])),
    ]


def save_rejected(rejected: Sequence[BadRow], path: Path) -> None:
    """Write the quarantined rows.

    Args:
        rejected: The bad rows.
        path: Parquet file to write.
    """
    table = pa.Table.from_pylist([asdict(row) for row in rejected])
    pq.write_table(table, path, write_page_checksum=True)
