"""The verb `compare`."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from unclicked.cli import shared
from unclicked.errors import UserError, command


def compare(
    base: Annotated[Path, typer.Argument(help="A run, a folder of seeds, or `popularity`.")],
    runs: Annotated[list[Path], typer.Argument(help="Runs, or folders of seeds.")],
    metric: Annotated[
        list[str] | None,
        typer.Option(
            metavar="METRICS", help="Metrics to compare. Repeatable.", show_default="HR@50,MRR@50"
        ),
    ] = None,
    split: Annotated[str, typer.Option(help="validation or test.")] = "test",
    form: Annotated[str, typer.Option("--format", help="text, md, latex or json.")] = "text",
    report: Annotated[
        Path | None, typer.Option(help="Write a page about base and runs, the first run in focus.")
    ] = None,
    dataset: Annotated[
        Path | None, typer.Option(help="Data set of the runs, if it was moved; for the page.")
    ] = None,
    as_json: shared.AsJson = False,
) -> None:
    """Compare runs user by user.

    Difference, 95 % interval, paired t-test, Holm, and the smallest effect that could be seen.
    With --report, all of it as a page, with who gains and who loses.

    Example: unclicked compare runs/base runs/unclicked runs/shuffled --metric HR@50,R@50
    """
    from unclicked.comparison import compare_runs, format_comparison, how_to_judge, unjudged

    if report is not None:
        _refuse_foreign(report)
    names = shared.distinct(metric or ["HR@50,MRR@50"])
    result = compare_runs(base, runs, metrics=names, split=split)
    for path in (base, *runs):
        # A comparison of fewer seeds than lie there must not pass for one of all.
        if left := unjudged(path):
            found = "runs without an evaluation are left out."
            shared.warn(f"{path}: {found} {how_to_judge(left)}")
    form = "json" if as_json else form
    if report is not None:
        _write(report, base, runs, (names, split), dataset)
    typer.echo(format_comparison(result, form, width=_terminal_width()))
    if report is not None and form == "text":
        typer.echo(f"report: {report}")
    following = command("recommend", runs[0], "--clicked", "ID,ID", "--unclicked", "ID,ID")
    shared.say_next(following, form != "text")


def _terminal_width() -> int | None:
    """Characters of a line where people look; what is piped is not cut."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _refuse_foreign(report: Path) -> None:
    """Never write over a file that is no page."""
    if not report.parent.is_dir():
        raise UserError("OUT", str(report.parent), "is no folder. Make it, or choose another.")
    if report.is_dir() or (report.is_file() and report.read_bytes()[:9] != b"<!DOCTYPE"):
        raise UserError("OUT", str(report), "is no page and is not replaced. Choose another name.")


def _write(
    report: Path,
    base: Path,
    runs: list[Path],
    asked: tuple[list[str], str],
    dataset: Path | None,
) -> None:
    """Write the page about runs on one data set."""
    from unclicked.comparison import seeds_of
    from unclicked.report import Asked, gather, write_report

    metrics, split = asked
    data = shared.open_dataset_of(seeds_of(runs[0])[0], dataset)
    facts = gather(Asked(base, runs, data, metrics=metrics, split=split))
    write_report(report, facts)
