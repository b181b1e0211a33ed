"""The verb `items`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unclicked.cli import shared
from unclicked.errors import command

app = typer.Typer(help="Change the items of a bundle.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def items() -> None:
    """Change the items of a bundle."""


@app.command("add")
def add(
    bundle: Annotated[Path, typer.Argument(help="The bundle.")],
    table: Annotated[Path, typer.Argument(help="Items with their fields: Parquet or CSV.")],
    out: Annotated[
        Path | None, typer.Option(help="Bundle to make; the one that is given without.")
    ] = None,
    by_neighbours: Annotated[
        bool,
        typer.Option(
            "--by-neighbours",
            help="Where items have vectors of their own: the mean of those with the same fields.",
        ),
    ] = False,
    as_json: shared.AsJson = False,
) -> None:
    """Add items that the model never saw, encoded from their fields.

    Example: unclicked items add bundle new-items.parquet
    """
    from unclicked.bundle.new_items import add_items

    made = add_items(bundle, table, out, by_neighbours=by_neighbours)
    if as_json:
        shared.print_json(made | {"bundle": str(made["bundle"])})
        return
    for field, number in made["unknown_values"].items():
        shared.warn(
            f"{field}: {number:,} of the new items' values were in no item that the model was "
            "trained with, and are read as unknown."
        )
    if made["dropped"]:
        again = "Train and export again to have them back."
        shared.warn(
            f"{', '.join(made['dropped'])} did not know the new items and are gone. {again}"
        )
    typer.echo(f"{made['bundle']}: {made['added']:,} items added, {made['known']:,} were known")
    shared.say_next(command("serve", made["bundle"]), as_json)
