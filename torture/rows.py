"""Bad rows and bad files through the command line: each refused or put aside, by its place."""

from __future__ import annotations

import itertools
import json
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from torture.accepted_files import accepted_files
from torture.cases import FileCase
from torture.command import Outcome, call, call_process
from torture.figures import Figure, count, none, told
from torture.logs import GROUP_ROWS, Row, clean_rows, write_csv, write_parquet
from torture.refused_files import refused_files
from torture.row_faults import RowFault, row_faults
from torture.row_limits import limits

BASE = ("data.time_unit=s",)
# Every so many cases run in a process of their own, where nothing can be hidden.
PROCESS_EVERY = {False: 100, True: 10}


@dataclass(frozen=True)
class _Placed:
    """A fault at one place of one file."""

    fault: RowFault
    file: Path
    place: int
    where: str
    line: int


class _Tally:
    """Counts over all calls, and the first failures in words."""

    def __init__(self) -> None:
        self.calls = self.processes = self.seconds = 0.0
        self.right: Counter[str] = Counter()
        self.all: Counter[str] = Counter()
        self.files: set[str] = set()
        self.tracebacks = self.defects = 0
        self.failures: list[str] = []

    def note(self, kind: str, name: str, outcome: Outcome, fault: str) -> None:
        """Count one call; `fault` says what was wrong with the answer, if anything."""
        self.calls += 1
        self.seconds += outcome.seconds
        self.tracebacks += outcome.has_traceback
        self.defects += outcome.has_defect
        self.all[kind] += 1
        self.right[kind] += not fault
        if fault:
            self.failures.append(f"{kind}: {name}: {fault}; said {outcome.err.strip()[:400]!r}")


def run(long: bool, folder: Path) -> list[Figure]:
    """Run every fault of a row and of a file.

    Args:
        long: Every place of every fault in both modes; else quarantine at one place of most.
        folder: Where to work.

    Returns:
        What was found.
    """
    tally = _Tally()
    clean = {ids: _clean_log(folder, ids) for ids in ("text", "integer")}
    for number, placed in enumerate(_placed(folder)):
        own = number % PROCESS_EVERY[long] == 0
        _refused(placed, tally, own)
        # One of six calls, so that every place and both formats have their turn.
        if (long or number % 6 == number // 6 % 6) and not placed.fault.whole:
            _put_aside(placed, folder / "out", clean[placed.fault.ids], tally)
        tally.files.add(f"{placed.file.suffix} {placed.fault.name} {placed.place}")
    for case in itertools.chain(refused_files(folder / "refused"), accepted_files(folder / "odd")):
        _file_case(case, folder / "out", tally)
        tally.files.add(case.name)
    return [*_figures(tally), *limits(long, folder / "limits")]


def _figures(tally: _Tally) -> list[Figure]:
    figures = [count(f"rows: {kind}", tally.right[kind], tally.all[kind]) for kind in tally.all]
    num_files = len(tally.files)
    return [
        Figure("rows: files", str(num_files), ">= 150", num_files >= 150, tally.seconds),
        *figures,
        none("rows: tracebacks", tally.tracebacks),
        none("rows: DEFECT", tally.defects),
        *(told("rows: wrong", text) for text in tally.failures[:20]),
        told("rows: calls of the command line", f"{int(tally.calls)}"),
    ]


def _settings(settings: Sequence[str]) -> list[str]:
    return [word for setting in (*BASE, *settings) for word in ("--set", setting)]


def _clean_log(folder: Path, ids: str) -> list[tuple[object, ...]]:
    """The rows of the clean log in the order that a data set keeps, worked out here."""
    rows = clean_rows(ids)
    tuples = [(r["user_id"], r["item_id"], int(str(r["timestamp"])), r["clicked"]) for r in rows]
    return sorted(tuples, key=lambda row: (row[0], row[2], row[1]))


def _placed(folder: Path) -> Iterator[_Placed]:
    for fault in row_faults():
        rows = clean_rows(fault.ids)
        for form in fault.formats:
            for place in (0, len(rows) // 2, len(rows)):
                yield _place(folder, fault, form, rows, place)


def _place(folder: Path, fault: RowFault, form: str, rows: list[Row], place: int) -> _Placed:
    bad: Row = dict(rows[5]) | {"timestamp": int(str(rows[5]["timestamp"])) + 1}
    if fault.column:
        bad[fault.column] = fault.value
    mixed = [*rows[:place], bad, *rows[place:]]
    line = place + 2
    if form == "csv":
        if fault.line:
            file = write_csv(folder / "log", rows, {place: fault.line})
        else:
            file = write_csv(folder / "log", mixed)
        where = f"{file}:{line}"
    else:
        file = write_parquet(folder / "log", mixed, fault.kinds)
        where = f"{file} row {place} (row group {place // GROUP_ROWS})"
    column = f' column "{fault.column}"' if fault.column else ""
    return _Placed(fault, file, place, where + column, line if form == "csv" else place)


def _shown(fault: RowFault) -> str:
    return fault.shown or str(fault.value)


def _refused(placed: _Placed, tally: _Tally, own_process: bool) -> None:
    """Without quarantine, one line names the error, the place and the value."""
    fault = placed.fault
    words = ["prepare", str(placed.file), "--out", str(placed.file.parent / "never")]
    outcome = (call_process if own_process else call)([*words, *_settings(fault.settings)])
    wrong = ""
    if outcome.code != 2:
        wrong = f"exit code {outcome.code}"
    elif len(outcome.errors) != 1:
        wrong = f"{len(outcome.errors)} lines"
    elif not fault.whole and not outcome.errors[0].startswith(
        f"error[{fault.error}] {placed.where}: "
    ):
        wrong = f"expected error[{fault.error}] {placed.where}"
    elif fault.whole and f"error[{fault.error}]" not in outcome.errors[0]:
        wrong = f"expected error[{fault.error}]"
    elif placed.where.split(" column ")[0] not in outcome.errors[0]:
        wrong = f"does not name {placed.where}"
    elif _shown(fault).strip('"') not in outcome.errors[0]:
        wrong = f"does not show {_shown(fault)}"
    elif (placed.file.parent / "never").exists():
        wrong = "left a folder"
    kind = "refused in a process of its own" if own_process else "refused by file, row and value"
    tally.note(kind, f"{placed.fault.name} in {placed.where}", outcome, wrong)


def _put_aside(placed: _Placed, out: Path, clean: list[tuple[object, ...]], tally: _Tally) -> None:
    """With quarantine, that row lies aside and every other row is in the data set."""
    fault = placed.fault
    shutil.rmtree(out, ignore_errors=True)
    words = ["prepare", str(placed.file), "--out", str(out), "--on-bad-row", "quarantine"]
    outcome = call([*words, "--json", *_settings(fault.settings)])
    wrong = ""
    if outcome.code != 0:
        wrong = f"exit code {outcome.code}"
    else:
        rows = json.loads(outcome.out)["rows"]
        (bad,) = pq.read_table(out / "rejected.parquet").to_pylist()
        found = (bad["file"], bad["row"], bad["column"])
        if found != (str(placed.file), placed.line, fault.column):
            wrong = f"put aside {found}"
        elif _shown(fault).strip('"') not in bad["value"]:
            wrong = f"value {bad['value']!r}"
        elif rows["read"] != rows["kept"] + rows["rejected"] + rows["duplicates"]:
            wrong = f"{rows} do not add up"
        elif (rows["read"], rows["rejected"]) != (len(clean) + 1, 1):
            wrong = f"{rows} are not those of the file"
        elif _kept(out) != clean:
            wrong = "other good rows than in the clean log"
    tally.note("put aside, good rows kept", f"{fault.name} in {placed.where}", outcome, wrong)


def _kept(out: Path) -> list[tuple[object, ...]]:
    table = pq.read_table(out / "log.parquet").to_pydict()
    times = [moment // 10**6 for moment in table["timestamp_us"]]
    clicked = [int(value) for value in table["clicked"]]
    return list(zip(table["user_id"], table["item_id"], times, clicked, strict=True))


def _file_case(case: FileCase, out: Path, tally: _Tally) -> None:
    """A whole file or path that must be refused, or accepted with the right counts."""
    shutil.rmtree(out, ignore_errors=True)
    outcome = (call_process if case.own_process else call)(
        ["prepare", *case.logs, "--out", str(out), "--json", *_settings(()), *case.options]
    )
    wrong = ""
    if outcome.code != case.code:
        wrong = f"exit code {outcome.code} instead of {case.code}"
    elif case.code:
        line = outcome.errors[0] if len(outcome.errors) == 1 else ""
        missing = [text for text in case.expect if text not in line]
        wrong = f"does not say {missing}" if missing else ""
    else:
        found = json.loads(outcome.out)["rows"]
        wrong = "" if found | case.rows == found else f"{found} instead of {case.rows}"
        if found["read"] != found["kept"] + found["rejected"] + found["duplicates"]:
            wrong = f"{found} do not add up"
    tally.note("files refused" if case.code else "files accepted", case.name, outcome, wrong)
