"""The verb `simulate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unclicked.cli import shared


def simulate(
    out: Annotated[Path, typer.Argument(help="Folder to make.")],
    preset: Annotated[
        str,
        typer.Option(
            help="planted (skips attract), rejected (skips repel), lagging (skips repel, and "
            "clicks tell more), noise, tiny, or taobao (list lengths as in the paper's Table 1; "
            "full size: --users 358978 --items 1078723)."
        ),
    ] = "planted",
    users: Annotated[int | None, typer.Option(help="Number of users.", min=1)] = None,
    items: Annotated[int | None, typer.Option(help="Number of items.", min=1)] = None,
    seed: Annotated[int, typer.Option(help="Seed of the log.", min=0)] = 0,
    as_json: shared.AsJson = False,
) -> None:
    """Write an impression log whose truth is known.

    Example: unclicked simulate shop --preset planted --seed 1
    """
    from unclicked.sources.simulate import simulate as write

    truth = write(out, preset=preset, num_users=users, num_items=items, seed=seed)
    if as_json:
        shared.print_json(truth)
        return
    typer.echo(f"{out}: impressions.parquet, items.parquet, users.parquet, truth.json")
    shared.say_next(shared.prepare_command(out), as_json)
