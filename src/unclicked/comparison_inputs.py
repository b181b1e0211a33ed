"""What a comparison is given: runs or folders of seeds, never the data set itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from unclicked.errors import UserError, command
from unclicked.sealed import DATASET, RUN, holds

# As a base this word names the ranking by popularity, stored beside every run's own values.
POPULARITY = "popularity"
_NAMED = 5


def seeds_of(path: Path) -> list[Path]:
    """The runs that a path stands for.

    Args:
        path: A run, or a folder whose sub-folders are runs that differ in their seed.

    Returns:
        The path itself if it is an evaluated run, else the evaluated runs in it, by name.

    Raises:
        UserError: There is none.
    """
    if (path / "evaluation").is_dir():
        return [path]
    if not path.is_dir():
        raise UserError(
            "COMPARE-RUN", str(path), "is no folder, expected a run or its seeds. Check the path."
        )
    if holds(path, RUN):
        # What lies in a run, as the one in which validation chose, is another run.
        found = "is a run without an evaluation."
        raise UserError("COMPARE-EVALUATION", str(path), f"{found} {how_to_judge([path])}")
    folders = sorted(inner for inner in path.iterdir() if inner.is_dir())
    seeds = [inner for inner in folders if (inner / "evaluation").is_dir()]
    if not seeds:
        runs = [inner for inner in folders if holds(inner, RUN)]
        advice = "Give a run, or a folder of runs that differ in their seed."
        if runs:
            advice = how_to_judge(runs)
        found = "found no evaluation here or one folder below."
        raise UserError("COMPARE-EVALUATION", str(path), f"{found} {advice}")
    return seeds


def unjudged(path: Path) -> list[Path]:
    """The runs in a folder of seeds that a comparison leaves out.

    Args:
        path: A run, or a folder whose sub-folders are runs that differ in their seed.

    Returns:
        Runs without an evaluation beside others that have one, by name.
    """
    if not path.is_dir() or (path / "evaluation").is_dir():
        return []
    runs = sorted(inner for inner in path.iterdir() if holds(inner, RUN))
    left = [run for run in runs if not (run / "evaluation").is_dir()]
    return left if len(left) < len(runs) else []


def how_to_judge(runs: Sequence[Path]) -> str:
    """The commands that judge some runs, as a sentence.

    Args:
        runs: The runs, at least one.

    Returns:
        The first few commands, and how many more there are.
    """
    more = f", and {len(runs) - _NAMED} more" if len(runs) > _NAMED else ""
    named = ", ".join(f"`{command('evaluate', run)}`" for run in runs[:_NAMED])
    return f"Run {named}{more}."


def refuse_datasets(paths: Sequence[Path]) -> None:
    """Say what to compare instead of a data set; a run knows its own.

    Args:
        paths: Base and runs, as given.

    Raises:
        UserError: One of them is a prepared data set.
    """
    datasets = [path for path in paths if holds(path, DATASET)]
    if not datasets:
        return
    others = [str(path) for path in paths if path not in datasets]
    train = command("train", datasets[0], "--out", "RUN")
    # A single run has nothing else of its data set to be compared with.
    instead = others if len(others) > 1 else list(dict.fromkeys([POPULARITY, *others]))
    advice = f"Train runs on it first: {train}"
    if len(instead) > 1:
        advice = f"Leave it out, runs know theirs: {command('compare', *instead)}"
    raise UserError("ARTEFACT-KIND", str(datasets[0]), f"is a data set, expected a run. {advice}")
