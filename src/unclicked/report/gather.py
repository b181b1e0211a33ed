"""From evaluated runs on one data set to everything that a page about them says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from unclicked import stored_evaluation
from unclicked.comparison import POPULARITY, seeds_of
from unclicked.data.dataset import PreparedDataset
from unclicked.report.facts import BasedRow, ReportFacts, RunShown, compare_pairs, mean_interval
from unclicked.report.lines import shown_k, shown_metrics
from unclicked.report.per_user import (
    paired_values,
    spread_of,
    strata_of,
    unclicked_lengths,
    user_values,
)
from unclicked.report.settings_apart import only_unclicked, settings_apart
from unclicked.report.users import tell_users
from unclicked.run import read_facts
from unclicked.training.log import read_log_lines

FURTHER = ("further", "another")
TITLE = "Runs compared user by user"


@dataclass(frozen=True)
class Asked:
    """Which runs a page is about.

    Attributes:
        base: A run, a folder of seeds, or the word `popularity`.
        runs: Runs or folders of seeds, the first of them the focus.
        dataset: The data set of all.
        pairs: Pairs to compare; the base with each run where there are none.
        metrics: Metrics to compare.
        split: `validation` or `test`.
        seconds: Training seconds by path, where they are known better than from the log.
    """

    base: Path
    runs: Sequence[Path]
    dataset: PreparedDataset
    pairs: Sequence[tuple[Path, Path]] = ()
    metrics: Sequence[str] = ("HR@50", "MRR@50")
    split: str = "test"
    seconds: Mapping[str, float] = field(default_factory=dict)


def gather(asked: Asked, **more: Any) -> ReportFacts:
    """Collect what a page about some runs says.

    Args:
        asked: The runs.
        **more: Further facts of the page: title, about, warnings, made, commands.

    Returns:
        The facts.

    Raises:
        UserError: If a run was not evaluated on this split, or on other data.
        ArtefactError: If a run is broken.
    """
    pairs = list(asked.pairs) or [(asked.base, run) for run in asked.runs]
    rows = compare_pairs(pairs, asked.metrics, asked.split)
    focus, trained = asked.runs[0], _trained(asked)
    names = short_names([POPULARITY, *(str(path) for path in trained)])
    controls = {run: _source(run) for run in asked.runs}
    control = next((run for run, source in controls.items() if source != "own"), None)
    facts: dict[str, Any] = {"title": TITLE, "warnings": []} | more
    shown = _shown(asked, trained, names, control)
    facts["warnings"] = [*facts["warnings"], *_damaged(trained)]
    k = shown_k(shown[0].evaluation)
    values = paired_values(asked.base, focus, [f"HR@{k}", f"R@{k}"], asked.split)
    spreads = [spread_of(name, *both) for name, both in values.items()]
    lengths = _lengths(asked)
    known = {} if lengths is None else values
    strata = {name: strata_of(lengths, *both) for name, both in known.items()}
    apart = settings_apart(_first(asked.base), _first(focus))
    facts["made"] = [*_apart_lines(apart, shown), *facts.get("made", ())]
    return ReportFacts(
        runs=shown,
        comparisons=rows,
        focus=names[str(focus)],
        base=names[str(asked.base)],
        names=names,
        primary=_primary(rows),
        unclicked=only_unclicked(_first(asked.base), _first(focus)),
        control="" if control is None or control == focus else names[str(control)],
        source="shuffled" if control is None else controls[control],
        spreads=spreads,
        strata=strata,
        users=tell_users(asked.base, focus, asked.dataset, split=asked.split, top_k=k),
        card=asked.dataset.card,
        **facts,
    )


def short_names(paths: Sequence[str]) -> dict[str, str]:
    """Short names of paths: as many last parts as tell them apart.

    Args:
        paths: Paths of runs.

    Returns:
        Path to name.

    Example:
        >>> short_names(["a/base", "b/base", "b/skips"])
        {'a/base': 'a/base', 'b/base': 'b/base', 'b/skips': 'skips'}
    """
    names = {}
    for path in paths:
        parts = Path(path).parts or (path,)
        for length in range(1, len(parts) + 1):
            name = "/".join(parts[-length:])
            same = [one for one in set(paths) if _ends(one, parts[-length:])]
            if len(same) == 1:
                break
        names[path] = name
    return names


def _ends(path: str, parts: tuple[str, ...]) -> bool:
    return Path(path).parts[-len(parts) :] == parts


def _trained(asked: Asked) -> list[Path]:
    """Base and runs, each once, without the word for popularity."""
    paths = [one for one in (asked.base, *asked.runs) if str(one) != POPULARITY]
    return list(dict.fromkeys(paths))


def _first(path: Path) -> Path | None:
    """The first seed of a run; None for popularity."""
    return None if str(path) == POPULARITY else seeds_of(path)[0]


def _source(run: Path) -> str:
    """Whose unclicked items a run was trained with."""
    config = read_facts(seeds_of(run)[0]).config
    return config.data.unclicked.source if config.sees_unclicked else "own"


def _primary(rows: Sequence[BasedRow]) -> str:
    metrics = [row["metric"] for row in rows]
    return "HR@50" if "HR@50" in metrics else metrics[0]


def _shown(
    asked: Asked, trained: Sequence[Path], names: Mapping[str, str], control: Path | None
) -> list[RunShown]:
    """The ranking by popularity, the base and the runs, with colours that tell their roles."""
    looks = {asked.runs[0]: "unclicked", asked.base: "base"}
    if control is not None:
        looks.setdefault(control, "shuffled")
    others = [path for path in trained if path not in looks]
    looks |= {path: FURTHER[place % len(FURTHER)] for place, path in enumerate(others)}
    first = trained[0]
    return [
        _popularity(first, asked.split),
        *(_run(asked, path, names[str(path)], looks[path]) for path in trained),
    ]


def _popularity(run: Path, split: str) -> RunShown:
    summary, _ = stored_evaluation.load(seeds_of(run)[0], split)
    names = [f"{POPULARITY}:{name}" for name in shown_metrics(summary)]
    values = user_values(seeds_of(run)[0], names, split)
    intervals = {
        name.removeprefix(f"{POPULARITY}:"): mean_interval(one) for name, one in values.items()
    }
    evaluation = summary | {"run": POPULARITY, "metrics": summary["popularity"]}
    return RunShown(POPULARITY, evaluation, intervals, looks=POPULARITY)


def _run(asked: Asked, path: Path, name: str, looks: str) -> RunShown:
    seeds = seeds_of(path)
    found = [stored_evaluation.load(seed, asked.split)[0] for seed in seeds]
    metrics = {
        key: float(np.mean([one["metrics"][key] for one in found])) for key in found[0]["metrics"]
    }
    values = user_values(path, shown_metrics(found[0]), asked.split)
    logs = [read_log_lines(seed / "log.jsonl", _unheard) for seed in seeds]
    seconds = [sum(line.get("seconds", 0.0) for line in log if line["kind"] == "epoch")
               for log in logs]  # fmt: skip
    return RunShown(
        name=name,
        evaluation=found[0] | {"run": str(path), "metrics": metrics},
        intervals={key: mean_interval(one) for key, one in values.items()},
        log=logs[0],
        seconds=asked.seconds.get(str(path), float(np.mean(seconds)) if any(seconds) else None),
        looks=looks,
        seeds=len(seeds),
    )


def _unheard(text: str) -> None:
    """What is wrong with a log is told once, by `_damaged`."""


def _damaged(trained: Sequence[Path]) -> list[str]:
    """Sentences about lines of the first seeds' logs that cannot be read."""
    found: list[str] = []
    for path in trained:
        read_log_lines(seeds_of(path)[0] / "log.jsonl", found.append)
    return found


def _lengths(asked: Asked) -> Any:
    """Lengths of the users' own lists: a control's evaluation stores another's."""
    for path in _trained(asked):
        if _source(path) == "own":
            return unclicked_lengths(path, asked.split)
    return None


def _apart_lines(
    apart: Mapping[str, tuple[Any, Any]], shown: Sequence[RunShown]
) -> list[tuple[str, str]]:
    lines = [(key, f"{base} in the base, {run} in the run") for key, (base, run) in apart.items()]
    seeds = ", ".join(f"{run.name} {run.seeds}" for run in shown if run.seeds > 1)
    return [*lines, *([("seeds", seeds)] if seeds else [])]
