"""From the rows of a log to the files of a data set, range of users by range of users."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unclicked.data.card_log import Days, LogCounts, count_log, days_of, no_counts
from unclicked.data.rules import Rules, Samples, Timelines, held_out_samples, train_samples
from unclicked.data.sample_files import ArrayFile, SampleFiles, reopened
from unclicked.data.split import Boundaries
from unclicked.data.stored_log import LogFile, LogIds, log_table
from unclicked.data.user_parts import UserParts
from unclicked.data.user_rows import timelines_of
from unclicked.in_turn import in_turn

Ints = NDArray[np.int64]

SPLITS = ("train", "validation", "test")
CLICKS_FILE = "click_item.npy"


@dataclass(frozen=True)
class SortedCounts:
    """What is counted while rows are sorted.

    Attributes:
        kept: Rows that are left.
        conflicts: Keys that were there both clicked and unclicked.
        clicks: int64 [items], training clicks of each item, by rank.
    """

    kept: int
    conflicts: int
    clicks: Ints


def sort_log(parts: UserParts, num_items: int, before_us: int) -> SortedCounts:
    """Sort and merge all rows.

    Args:
        parts: The rows; they stay there, sorted.
        num_items: Distinct items of the log.
        before_us: End of the training period.

    Returns:
        What was counted.

    Raises:
        OSError: If the disk refuses.
    """
    clicks, kept, conflicts = np.zeros(num_items, dtype=np.int64), 0, 0
    for part, (rows, mixed) in enumerate(in_turn(parts.sort, range(len(parts)))):
        trained = rows.item[rows.clicked & (rows.clicked_at() < before_us)]
        clicks += np.bincount(trained, minlength=num_items)
        kept, conflicts = kept + len(rows.item), conflicts + mixed
        parts.keep(part, rows)
    return SortedCounts(kept, conflicts, clicks)


@dataclass(frozen=True)
class Swept:
    """What the rules made of the log.

    Attributes:
        splits: Samples of each split, memory-mapped.
        click_item: int32 [C], item index of every click, memory-mapped.
        counts: What was counted of the log.
        days: The days that were counted.
    """

    splits: dict[str, Samples]
    click_item: NDArray[np.int32]
    counts: LogCounts
    days: Days


def samples_of_splits(lines: Timelines, rules: Rules, bounds: Boundaries) -> dict[str, Samples]:
    """Apply the rules to some users, once for each split.

    Args:
        lines: What they were shown and clicked.
        rules: The rules' numbers.
        bounds: Moments between the splits.

    Returns:
        Samples of each of `SPLITS`.
    """
    validation, test = bounds.validation_us, bounds.test_us
    return {
        "train": train_samples(lines, rules, end_us=validation),
        "validation": held_out_samples(lines, rules, begin_us=validation, end_us=test),
        "test": held_out_samples(lines, rules, begin_us=test, end_us=bounds.end_us),
    }


def sweep_log(
    parts: UserParts,
    index_of: NDArray[np.int32],
    num_items: int,
    rules: Rules,
    bounds: Boundaries,
    timezone: str | None,
    folder: Path,
) -> Swept:
    """Apply the rules to all users and write their samples.

    Args:
        parts: The sorted rows.
        index_of: int32, item index (1..V) of each item of the log, by rank.
        num_items: V.
        rules: The rules' numbers.
        bounds: Moments between the splits.
        timezone: Time zone of the calendar days that are counted.
        folder: Folder of the data set.

    Returns:
        What the rules made.

    Raises:
        OSError: If the disk refuses.
    """
    days = days_of(bounds, timezone)

    def sweep(part: int) -> tuple[int, NDArray[np.int32], LogCounts, dict[str, Samples]]:
        rows = parts.kept(part)
        lines = timelines_of(rows, index_of, num_items)
        counts = count_log(lines, rows.clicked, bounds.validation_us, days)
        return rows.first, lines.click_item, counts, samples_of_splits(lines, rules, bounds)

    total = no_counts(days)
    with ExitStack() as stack:
        clicks = ArrayFile(folder / CLICKS_FILE, np.int32)
        stack.callback(clicks.drop)
        files = {}
        for name in SPLITS:
            files[name] = SampleFiles(folder / name)
            stack.callback(files[name].drop)
        for first, click_item, counts, found in in_turn(sweep, range(len(parts))):
            for name, samples in found.items():
                files[name].append(samples, first, clicks.length)
            clicks.append(click_item)
            total = total + counts
        clicks.close()
        splits = {name: one.close() for name, one in files.items()}
    return Swept(splits, reopened(folder / CLICKS_FILE), total, days)


@contextmanager
def writing_log(parts: UserParts, ids: LogIds, path: Path) -> Iterator[None]:
    """Write the sorted log in a thread, beside whatever is done in the block.

    Args:
        parts: The sorted rows.
        ids: Ids of users, items and sessions.
        path: The file to write.

    Yields:
        Nothing; at the end of the block the file is whole.

    Raises:
        OSError: If the disk refuses.
    """
    stop = threading.Event()

    def write() -> None:
        with LogFile(path, log_table(parts.kept(0), ids).schema) as file:
            for part in range(len(parts)):
                if stop.is_set():
                    return
                file.append(log_table(parts.kept(part), ids))

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        try:
            yield
            writing.result()
        finally:
            stop.set()
