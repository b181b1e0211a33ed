"""The verb `import`."""

from __future__ import annotations

import inspect
import textwrap
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from unclicked.cli import shared
from unclicked.errors import UserError

_WIDTH = 96
_INDENT = " " * 22
_SHOWN = ("licence_line", "citation", "label")


def import_log(
    name: Annotated[str | None, typer.Argument(help="Name of a public log, as kuairand.")] = None,
    source: Annotated[Path | None, typer.Argument(help="Folder as downloaded.")] = None,
    out: Annotated[Path | None, typer.Argument(help="Folder to make.")] = None,
    list_names: Annotated[
        bool, typer.Option("--list", help="Name the public logs, their files and licences.")
    ] = False,
    label: Annotated[
        str | None, typer.Option(help="What counts as a click, where the log has several.")
    ] = None,
    history: Annotated[
        bool | None,
        typer.Option("--history/--no-history", help="What users did before, where it is apart."),
    ] = None,
    as_json: shared.AsJson = False,
) -> None:
    """Read a public impression log.

    Writes the files that `prepare` takes, with their source and licence.

    Example: unclicked import kuairand KuaiRand-Pure kuairand
    """
    from unclicked.sources import IMPORTERS

    if list_names:
        _print_list(as_json)
        return
    if name is None or source is None or out is None:
        raise UserError("ARGUMENTS", "import", "needs NAME SOURCE OUT, or --list.")
    if name not in IMPORTERS:
        advice = "unclicked import --list describes them."
        raise UserError("IMPORT-NAME", "import", f"{shared.expected(name, IMPORTERS)} {advice}")
    options: dict[str, bool] = {} if history is None else {"history": history}
    if options and "history" not in inspect.signature(IMPORTERS[name]).parameters:
        raise UserError("IMPORT-HISTORY", f"--history {name}", "this log has no history apart.")
    facts = IMPORTERS[name](source, out, label=label, **options)
    if as_json:
        shared.print_json(facts)
        return
    for key, value in facts.items():
        if isinstance(value, int | float) or key in _SHOWN:
            typer.echo(f"{key:>20}  {value:,}" if isinstance(value, int) else f"{key:>20}  {value}")
    shared.say_next(shared.prepare_command(out), as_json)


def _print_list(as_json: bool) -> None:
    """The public logs, each with what its user must know before the download."""
    from unclicked.sources.public_logs import PUBLIC_LOGS

    if as_json:
        logs = {name: asdict(log) for name, log in PUBLIC_LOGS.items()}
        shared.print_json({"names": list(PUBLIC_LOGS), "logs": logs})
        return
    for name, log in PUBLIC_LOGS.items():
        label = "" if len(log.labels) == 1 else f" (--label {' or '.join(log.labels)})"
        typer.echo(f"{name:<13}{log.title}")
        rows = {"from": log.publisher, "files": log.files, "clicked": log.clicked + label}
        for what, text in {**rows, "licence": log.licence}.items():
            start = f"{'':13}{what:<9}"
            typer.echo(textwrap.fill(text, _WIDTH, initial_indent=start, subsequent_indent=_INDENT))
