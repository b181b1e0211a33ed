"""The verb `compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unclicked.cli import shared


def compare(
    base: Annotated[Path, typer.Argument(help="A run, a folder of seeds, or `popularity`.")],
    runs: Annotated[list[Path], typer.Argument(help="Runs, or folders of seeds.")],
    metric: Annotated[str, typer.Option(help="Metrics to compare.")] = "HR@50,MRR@50",
    split: Annotated[str, typer.Option(help="validation or test.")] = "test",
    form: Annotated[str, typer.Option("--format", help="text, md, latex or json.")] = "text",
    as_json: shared.AsJson = False,
) -> None:
    """Compare runs user by user.

    Difference, 95 % interval, paired t-test, Holm, and the smallest effect that could be seen.

    Example: unclicked compare runs/base runs/unclicked runs/shuffled --metric HR@50,R@50
    """
    from unclicked.comparison import compare_runs, format_comparison

    names = shared.split_list([metric])
    result = compare_runs(base, runs, metrics=names, split=split)
    form = "json" if as_json else form
    typer.echo(format_comparison(result, form))
    shared.say_next(
        f"unclicked recommend {runs[0]} --clicked ID,ID --unclicked ID,ID", form != "text"
    )
