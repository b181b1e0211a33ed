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
    beside: Annotated[
        Path | None,
        typer.Option(help="An earlier data set: LOG is its next days. Its rules stay unless set."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace another data set in that folder.")
    ] = False,
    as_json: shared.AsJson = False,
) -> None:
    """Turn an impression log into a data set.

    Prints a data card: what each rule kept and removed.

    Example: unclicked prepare log.parquet --items items.parquet --out data --set data.time_unit=ms
    """
    from unclicked.data.reader_process import READER

    # It loads its libraries while this process loads its own.
    READER.start()
    from unclicked.artefact import refuse_busy

    refuse_busy(out)
    from unclicked.data.dataset import CARD_PAGE, PreparedDataset
    from unclicked.data.prepare import prepare as make
    from unclicked.ignored import ignored_at_preparation, set_on_purpose
    from unclicked.settings import parse_set, read_toml, resolve

    layers = [{} if config is None else read_toml(config), parse_set(settings or [])]
    chosen = set_on_purpose(resolve(*layers), {"data": layers[0].get("data", {})}, layers[1])
    shared.warn_ignored(
        ignored_at_preparation(chosen, has_items=items is not None, has_users=users is not None)
    )
    earlier = None if beside is None else PreparedDataset.open(beside)
    if earlier is not None:
        layers.insert(0, {"data": earlier.config.model_dump()})
    resolved = resolve(*layers)
    dataset = make(
        log,
        out,
        items=items,
        users=users,
        config=resolved.data,
        on_bad_row=on_bad_row,
        beside=earlier,
        overwrite=overwrite,
    )
    if earlier is not None and dataset.card["rows"]["kept"] == earlier.card["rows"]["kept"]:
        shared.warn(f"every row was known to {beside} already: nothing is new.")
    for text in dataset.card["warnings"]:
        shared.warn(text)
    if as_json:
        shared.print_json(card_json(dataset))
        return
    print_card(dataset.card)
    typer.echo(f"card: {out / CARD_PAGE}")
    shared.say_next(f"unclicked train {out} --out runs/unclicked", as_json)


def card_json(dataset: PreparedDataset) -> dict[str, Any]:
    """What `prepare --json` prints.

    Args:
        dataset: The data set.

    Returns:
        Counts of rows, users, items and samples, mean lengths, and the skip signal.
    """
    names = ("rows", "users", "items", "samples", "mean_length", "warnings", "rules", "skip_signal")
    return {"dataset": str(dataset.path)} | {name: dataset.card[name] for name in names}


def print_card(card: dict[str, Any]) -> None:
    """Print a data card for people.

    Args:
        card: Facts of a data set.
    """
    from unclicked.data.card import card_lines

    for name, value in card_lines(card):
        typer.echo(f"{name:>14}  {value}")
