"""The verb `quickstart`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from unclicked.cli import shared
from unclicked.errors import command

# Events of each kind in the command that comes next; all of them would fill a screen.
_NAMED = 2


def quickstart(
    out: Annotated[Path, typer.Option(help="Folder to make; an earlier one is replaced.")] = Path(
        "quickstart"
    ),
    seed: Annotated[int, typer.Option(help="Seed of the log and of every run.", min=0)] = 0,
    preset: Annotated[str, typer.Option(hidden=True, help="What is planted in the log.")] = (
        "planted"
    ),
    users: Annotated[int | None, typer.Option(hidden=True, help="Number of users.", min=1)] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", hidden=True, metavar="KEY=VALUE", help="A setting of every run."),
    ] = None,
    threads: Annotated[
        int, typer.Option(help="Trainings side by side; 0 takes two where there are cores.", min=0)
    ] = 0,
    as_json: shared.AsJson = False,
) -> None:
    """See on a simulated log whether skips help.

    The whole road without a download: simulate, prepare, train three models, judge, compare,
    recommend, and write DIR/report.html.

    Example: unclicked quickstart --out quickstart --seed 0
    """
    from unclicked.quickstart import NUM_USERS
    from unclicked.quickstart import quickstart as walk
    from unclicked.settings import parse_set

    given = settings or []
    # Refused here, before anything is made, if it is no KEY=VALUE.
    parse_set(given)
    if users is None and preset == "planted":
        users = NUM_USERS
    result = walk(
        out,
        seed=seed,
        preset=preset,
        num_users=users,
        settings=dict(text.split("=", 1) for text in given),
        threads=threads,
        say=_silent if as_json else typer.echo,
    )
    if as_json:
        shared.print_json(result)
        return
    typer.echo(f"a list: {_command(out, result['recommendation'])}")
    shared.say_next(_serve_command(out, result["bundles"]), as_json)


def _silent(line: str) -> None:
    """Stdout belongs to the JSON object."""


def _command(out: Path, story: dict[str, Any]) -> str:
    """A list for the user's last few events, as a command of one line."""
    words = ["recommend", str(out / "runs" / "unclicked")]
    for name in ("clicked", "long_term", "unclicked"):
        if story[name]:
            option = f"--{name.replace('_', '-')}"
            words += [option, ",".join(map(str, story[name][-_NAMED:]))]
    return command(*words)


def _serve_command(out: Path, bundles: dict[str, str]) -> str:
    """Page and API of what was trained, with users of the log to look at."""
    words = ["serve", bundles["unclicked"], "--beside", bundles["base"]]
    return command(*words, "--examples", out / "data")
