"""Finalists: methods trained with every seed on every data set, and judged once on the test."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from unclicked import stored_evaluation
from unclicked.errors import UserError
from unclicked.reproduce.cell import TOP_K, Outcome, advised
from unclicked.reproduce.methods import Method
from unclicked.reproduce.over_training import gate_rows
from unclicked.reproduce.results import Result
from unclicked.reproduce.tuning import VALIDATION, Tuner

MEASURES = tuple(f"{name}@{k}" for k in TOP_K for name in ("HR", "MRR", "R", "F1"))
LENGTH = "length:unclicked"
POPULARITY = "popularity"
BROKE = "broke"


@dataclass(frozen=True)
class Entry:
    """One line of a table, or one point of a curve.

    Attributes:
        method: The method.
        x: The swept value; NaN without a sweep.
        over: Further settings by dotted key.
    """

    method: Method
    x: float = math.nan
    over: tuple[tuple[str, Any], ...] = ()


def judge(tuner: Tuner, entries: Sequence[Entry]) -> list[Result]:
    """Train and judge entries with all seeds on all data sets.

    Args:
        tuner: Knows the settings that were chosen for each method.
        entries: What to judge.

    Returns:
        For each entry, data set and seed one row a measure, with every user's value; one row of
        the lengths of the users' unclicked lists, and popularity's rows, for each data set.

    Raises:
        ChildError: A training ended badly.
        UserError: No entry's training came to an end.
    """
    place = tuner.place
    work = [
        (entry, data, tuner.cell(entry.method, seed, data, dict(entry.over)))
        for seed in place.seeds
        for data in range(len(place.datasets))
        for entry in entries
    ]
    named = [(_title(entry), cell) for entry, _, cell in work]
    outcomes = place.train(named, judge="test", part="trainings that the test judges")
    rows: list[Result] = []
    facts: dict[int, list[Result]] = {}
    for entry, data, cell in work:
        outcome = outcomes[cell.key]
        with advised(place.folder(cell)):
            name = place.datasets[data].path.name
            rows += _rows(tuner.study, name, entry, outcome, place.warn)
            if not outcome.failed and data not in facts:
                facts[data] = _facts(tuner.study, place.datasets[data].path.name, outcome)
    if not facts:
        first = outcomes[work[0][2].key]
        raise UserError("REPRODUCE-BROKE", str(first.run), f"no training ended: {first.failed}")
    return [*(row for one in facts.values() for row in one), *rows]


def _title(entry: Entry) -> str:
    return entry.method.name if math.isnan(entry.x) else f"{entry.method.name} at {entry.x:g}"


def _rows(
    study: str, data: str, entry: Entry, outcome: Outcome, warn: Callable[[str], None]
) -> list[Result]:
    cell, name = outcome.cell, entry.method.name
    if outcome.failed:
        return [
            Result(
                study, data, name, BROKE,
                seed=cell.seed, x=entry.x, text=outcome.failed, cell=cell.key,
            )
        ]  # fmt: skip
    _, table = stored_evaluation.load(outcome.run, "test")
    made = []
    if cell.config.model.fusion == "confidence":
        found = gate_rows(study, data, name, outcome.run, warn)
        made = [replace(row, seed=cell.seed, x=entry.x, cell=cell.key) for row in found]
    validation = outcome.validation
    made += [
        Result(study, data, name, VALIDATION, validation, seed=cell.seed, x=entry.x, cell=cell.key)
    ]
    for metric in MEASURES:
        values = table.column(metric).to_numpy()
        made.append(
            Result(
                study, data, name, metric, float(values.mean()), values,
                seed=cell.seed, x=entry.x, cell=cell.key,
            )
        )  # fmt: skip
    return made


def _facts(study: str, data: str, outcome: Outcome) -> list[Result]:
    """What holds for a data set whatever the method: list lengths, and popularity's ranking."""
    _, table = stored_evaluation.load(outcome.run, "test")
    lengths = table.column(LENGTH).to_numpy().astype(np.float64)
    rows = [Result(study, data, "", LENGTH, float(lengths.mean()), lengths)]
    for metric in MEASURES:
        values = table.column(f"{POPULARITY}:{metric}").to_numpy()
        rows.append(Result(study, data, POPULARITY, metric, float(values.mean()), values))
    return rows
