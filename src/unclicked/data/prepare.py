"""From an impression log to a prepared data set."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from unclicked import artefact
from unclicked.config import DataConfig
from unclicked.data import dataset as storage
from unclicked.data.checks import GoodRows
from unclicked.data.dataset import PreparedDataset
from unclicked.data.log_files import is_csv
from unclicked.data.log_intake import LogIntake
from unclicked.data.memory_size import memory_bytes
from unclicked.data.reading import RowAccount, plan_log, read_rows
from unclicked.data.stored_log import check_same_ids, earlier_rows
from unclicked.data.write_dataset import Task, read_options, write_dataset
from unclicked.errors import UserError, enough_memory
from unclicked.in_turn import num_threads

ROWS_FOLDER = "rows"
PART_ROWS = 1 << 20
# What a row costs while the rows of its users are sorted and swept, about.
BYTES_IN_WORK = 200


def prepare(
    log: Sequence[Path],
    out: Path,
    *,
    items: Path | None = None,
    users: Path | None = None,
    config: DataConfig | None = None,
    on_bad_row: str = "fail",
    beside: PreparedDataset | None = None,
    overwrite: bool = False,
    memory: str | None = None,
    names: Mapping[Path, str] | None = None,
) -> PreparedDataset:
    """Make a prepared data set from impression files.

    With `beside` the files are a later part of that data set's log: the result is what all files
    together would give, without reading the old ones again.

    Args:
        log: Parquet or CSV files, or folders of them, in any order.
        out: Folder to make.
        items: Table of items with categorical fields, if there is one.
        users: Table of users with categorical profile fields, if there is one.
        config: Column names and rules; the defaults without.
        on_bad_row: "fail", or "quarantine" to keep bad rows aside in `rejected.parquet`.
        beside: An earlier data set whose log is joined to the files; `config` is then its rules
            with what shall change. Its quarantined rows stay where they are.
        overwrite: Whether another data set in `out` may be replaced; the same one always may.
        memory: About how much memory to take, such as "1GiB"; rows then wait in temporary files
            beside `out`, and the data set is the same, byte for byte. What grows with distinct
            users and items, and with the samples of the skip signal, is held all the same.
        names: What a file is called where bad rows are kept, if not by its path.

    Returns:
        The data set, opened.

    Raises:
        UserError: If the input cannot be used; the message says where and what to do.
        ArtefactError: If a file is broken.
        ResourceError: If the disk refuses to write.
        BusyError: If another process prepares the same folder.

    Source: paper section 4.1 and SDM section 3.1.
    """
    config = DataConfig() if config is None else config
    out = Path(out)
    limit = None if memory is None else memory_bytes(memory)
    if not overwrite:
        refuse_other_rules(out, config)
    advice = "Give fewer rows at once, or bound the memory with --memory 1GiB."
    # The folder is ours before the work begins, and what cannot be written is said at once.
    with artefact.claim(out) as put, enough_memory("preparing the log", advice):
        if beside is not None:
            _need_side_tables(beside, items, users)
        task = Task(
            [Path(path) for path in log],
            items,
            users,
            config,
            on_bad_row,
            beside,
            limit,
            names or {},
        )
        put(lambda folder: _make(folder, task), same=not overwrite)
    return PreparedDataset.open(out)


def refuse_other_rules(out: Path, config: DataConfig) -> None:
    """Say before the work that what lies there was made with other rules: runs may need it.

    Args:
        out: Folder that a data set would replace.
        config: The `[data]` table of the new one.

    Raises:
        UserError: If it holds something made with other rules.
    """
    if not (out / artefact.MANIFEST).is_file():
        return
    manifest = artefact.read_json(out / artefact.MANIFEST)
    there = manifest.get("config") if isinstance(manifest, dict) else None
    if there != config.model_dump(mode="json"):
        raise UserError(
            "OUT",
            str(out),
            "holds something that was made with other rules, and is kept. Give --overwrite (from "
            "Python, overwrite=True) to replace it, or choose another folder.",
        )


def _make(folder: Path, task: Task) -> dict[str, Any]:
    """Fill the folder of a data set; the facts for its manifest."""
    with _room_for_rows(folder, task.memory) as rows, ExitStack() as stack:
        intake, account = _read(task, rows, stack)
        write_dataset(folder, task, intake, account)
    return {
        "kind": storage.KIND,
        "schema_version": storage.SCHEMA_VERSION,
        "config": task.config.model_dump(),
    }


@contextmanager
def _room_for_rows(folder: Path, memory: int | None) -> Iterator[Path | None]:
    """A folder for rows, where memory is bounded; it goes with whatever is in it."""
    if memory is None:
        yield None
        return
    room = folder / ROWS_FOLDER
    room.mkdir()
    try:
        yield room
    finally:
        shutil.rmtree(room)


def _read(task: Task, room: Path | None, stack: ExitStack) -> tuple[LogIntake, RowAccount]:
    """Take in the log of the files and, where there is one, of an earlier data set."""
    options, beside = read_options(task.config, task.on_bad_row, {}), task.beside
    with _reading():
        plans = plan_log(task.log, options)
        sizes = [(plan.path.stat().st_size, is_csv(plan.path)) for plan in plans]
        num_bytes = sum(size * (1 if csv else 5) for size, csv in sizes)
    earlier = None if beside is None else earlier_rows(beside)
    before = None if earlier is None else next(earlier)
    names = () if before is None else before.names
    intake = LogIntake(plans, names, room, _part_rows(task.memory), num_bytes)
    stack.callback(intake.close)
    if earlier is not None and before is not None:
        intake.take(before)
        for rows in earlier:
            intake.take(rows)

    def check(new: GoodRows) -> None:
        if beside is not None and before is not None:
            check_same_ids(before, new, beside.path)

    with _reading():
        account = read_rows(plans, options, intake.take, check=check, twice=room is not None)
    return intake, account


@contextmanager
def _reading() -> Iterator[None]:
    """A log that cannot be read is not taken for a disk that cannot be written."""
    try:
        yield
    except OSError as error:
        reason = f"cannot be read ({error.strerror or error}). Check the path."
        raise UserError("DATA-FILE", str(error.filename or "log"), reason) from error


def _part_rows(memory: int | None) -> int:
    if memory is None:
        return PART_ROWS
    return max(1, min(PART_ROWS, memory // 8 // BYTES_IN_WORK // num_threads()))


def _need_side_tables(beside: PreparedDataset, items: Path | None, users: Path | None) -> None:
    """Fields never vanish without a word because a table was not given again."""
    had = {
        "--items": (items, list(beside.catalogue.fields)),
        "--users": (users, list(beside.profile_vocabularies)),
    }
    for option, (given, fields) in had.items():
        if fields and given is None:
            raise UserError(
                "DATA-BESIDE",
                option,
                f"is missing, but {beside.path} has the fields {', '.join(fields)}. Give the "
                "table as it is now.",
            )
