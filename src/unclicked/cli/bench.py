"""The verb `bench`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unclicked.cli import shared
from unclicked.errors import UserError, command
from unclicked.progress import Note

if TYPE_CHECKING:
    from unclicked.bench import Benchmark


def bench(
    name: Annotated[
        str | None, typer.Argument(help="Name of a benchmark; --list shows them.")
    ] = None,
    rounds: Annotated[int, typer.Option(help="Rounds that count.", min=1, max=1000)] = 9,
    small: Annotated[
        bool, typer.Option("--small", help="Tiny sizes: does it run, not how fast.")
    ] = False,
    install: Annotated[
        bool, typer.Option("--install", help="Install the peers of `bench peers` and stop.")
    ] = False,
    picture: Annotated[
        Path | None, typer.Option(help="Picture of `bench scale` to draw, .svg or .png.")
    ] = None,
    threads: shared.Threads = 0,
    show_list: Annotated[
        bool, typer.Option("--list", help="Show the benchmarks and stop.")
    ] = False,
    as_json: shared.AsJson = False,
) -> None:
    """Measure how fast, as ratios: both sides by turns in one run.

    A ratio above 1 means that ours is faster or smaller. The step at the paper's size needs about
    6 GB of memory, the peers up to 12. Their libraries go to ~/.cache/unclicked/peers, or to the
    folder named by UNCLICKED_PEERS.

    Example: unclicked bench step --rounds 9
    """
    from unclicked.bench import BENCHMARKS

    if show_list:
        titles = {known: one.title for known, one in BENCHMARKS.items()}
        shared.print_names(titles, "unclicked bench step", as_json)
        return
    if name is None:
        known = ", ".join(BENCHMARKS)
        found = f"found none, expected one of {known}. Name one of them."
        raise UserError("BENCH-NAME", "bench", found)
    if name not in BENCHMARKS:
        raise UserError("BENCH-NAME", "bench", shared.expected(name, BENCHMARKS))
    chosen = BENCHMARKS[name]
    if install:
        _install(name, chosen, as_json)
        return
    if picture is not None:
        _check_picture(name, chosen, picture)
    from unclicked.bench.machine import machine
    from unclicked.bench.show import as_lines

    shared.set_threads(threads)
    rows = chosen.run(rounds, small, _tell)
    if picture is not None and chosen.draw is not None:
        chosen.draw(rows, picture)
    told = machine()
    if as_json:
        made = [row.as_json() for row in rows]
        shared.print_json({"benchmark": name, "machine": told, "small": small, "rows": made})
        return
    for line in as_lines(rows, told):
        typer.echo(line)
    others = [known for known in BENCHMARKS if known != name]
    shared.say_next(command("bench", others[0]) if others else command("doctor"), as_json)


def _tell(line: str) -> None:
    """Progress for people at a terminal; what they must know of the rows for everybody."""
    if isinstance(line, Note):
        shared.warn(line)
    elif sys.stderr.isatty():
        typer.echo(line, err=True)


def _check_picture(name: str, chosen: Benchmark, picture: Path) -> None:
    """Before the work: a wrong name must not cost minutes."""
    if chosen.draw is None:
        found = f"found bench {name}, of which there is no picture; of bench scale there is one."
        raise UserError("BENCH-PICTURE", "--picture", f"{found} Leave it out.")
    if picture.suffix not in (".svg", ".png") or not picture.absolute().parent.is_dir():
        found = f"found {picture}, expected a file .svg or .png in a folder that is there."
        raise UserError("BENCH-PICTURE", "--picture", found)


def _install(name: str, chosen: Benchmark, as_json: bool) -> None:
    """Install the peers, each into an environment of its own."""
    if chosen.install is None:
        raise UserError(
            "BENCH-INSTALL",
            f"bench {name}",
            "found --install, but it needs nothing beside what is here. Leave it out, or run "
            "unclicked bench peers --install.",
        )
    from unclicked.bench.peers.install import peers_folder

    folder = peers_folder()
    made = chosen.install(folder, _tell)
    if as_json:
        shared.print_json({"folder": str(folder), "installed": made})
        return
    typer.echo(f"installed in {folder}: {', '.join(made) or 'nothing new'}")
    shared.say_next("unclicked bench peers --rounds 5", as_json)
