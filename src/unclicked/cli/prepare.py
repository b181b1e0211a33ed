"""The verb `prepare`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unclicked.cli import shared

if TYPE_CHECKING:
    from unclicked.data.dataset import PreparedDataset


def prepare(
    log: Annotated[list[Path], typer.Argument(help="Parquet or CSV files, or folders of them.")],
    out: Annotated[Path, typer.Option(help="Folder of the prepared data set.")],
    items: Annotated[Path | None, typer.Option(help="Table of items with fields.")] = None,
    users: Annotated[Path | None, typer.Option(help="Table of users with fields.")] = None,
    config: shared.ConfigFile = None,
    settings: shared.Settings = None,
    on_bad_row: Annotated[
        str, typer.Option(help="fail, or quarantine: keep bad rows in rejected.parquet.")
    ] = "fail",
    as_json: shared.AsJson = False,
) -> None:
    """Turn an impression log into a data set.

    Prints a data card: what each rule kept and removed.

    Example: unclicked prepare log.parquet --items items.parquet --out data --set data.time_unit=ms
    """
    from unclicked.data.prepare import prepare as make
    from unclicked.settings import parse_set, read_toml, resolve

    layers = [{} if config is None else read_toml(config), parse_set(settings or [])]
    resolved = resolve(*layers)
    dataset = make(log, out, items=items, users=users, config=resolved.data, on_bad_row=on_bad_row)
    for text in dataset.card["warnings"]:
        shared.warn(text)
    if as_json:
        shared.print_json(card_json(dataset))
        return
    print_card(dataset.card)
    shared.say_next(f"unclicked train {out} --out runs/unclicked", as_json)


def card_json(dataset: PreparedDataset) -> dict[str, Any]:
    """What `prepare --json` prints.

    Args:
        dataset: The data set.

    Returns:
        Counts of rows, users, items, samples and mean lengths.
    """
    names = ("rows", "users", "items", "samples", "mean_length", "warnings", "rules")
    return {"dataset": str(dataset.path)} | {name: dataset.card[name] for name in names}


def print_card(card: dict[str, Any]) -> None:
    """Print a data card for people.

    Args:
        card: Facts of a data set.
    """
    from unclicked.data.card import card_lines

    for name, value in card_lines(card):
        typer.echo(f"{name:>14}  {value}")
