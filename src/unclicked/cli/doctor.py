"""The verb `doctor`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unclicked.cli import shared
from unclicked.errors import ArtefactError, UserError


def doctor(
    target: Annotated[
        Path | None, typer.Argument(help="A data set, a run or a bundle; the machine without.")
    ] = None,
    threads: shared.Threads = 0,
    as_json: shared.AsJson = False,
) -> None:
    """Check the machine, a data set, a run or a bundle.

    For a data set it also tells how many nats its unclicked lists add about the next click.

    Example: unclicked doctor data
    """
    from unclicked.doctor import examine, finding_lines

    shared.set_threads(threads)
    diagnosis = examine(target)
    if as_json:
        shared.print_json(diagnosis.as_json())
    else:
        for line in finding_lines(diagnosis.findings):
            typer.echo(line)
        shared.say_next(diagnosis.next_step, as_json)
    if diagnosis.failed:
        kind = UserError if target is None else ArtefactError
        raise typer.Exit(kind.exit_code)
