"""The verb `prepare`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unclicked.cli import shared
from unclicked.errors import UserError, command

if TYPE_CHECKING:
    from unclicked.data.dataset import PreparedDataset

ENGINES = ("local", "spark")


def prepare(
    log: Annotated[list[str], typer.Argument(help="Parquet or CSV files, or folders of them.")],
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
    memory: Annotated[
        str | None,
        typer.Option(help="Memory to take, about, as 1GiB: rows wait in files beside OUT."),
    ] = None,
    engine: Annotated[
        str, typer.Option(help="local, or spark: for a log that no machine holds.")
    ] = "local",
    master: Annotated[str | None, typer.Option(help="Spark's master, as local[4] or yarn.")] = None,
    as_json: shared.AsJson = False,
) -> None:
    """Turn an impression log into a data set.

    Prints a data card: what each rule kept and removed.

    Example: unclicked prepare log.parquet --items items.parquet --out data --set data.time_unit=ms
    """
    _check_engine(engine, master)
    from unclicked.data.reader_process import READER

    # It loads its libraries while this process loads its own.
    READER.start()
    from unclicked.artefact import refuse_busy

    refuse_busy(out)
    from unclicked.data.dataset import PreparedDataset
    from unclicked.data.prepare import prepare as make
    from unclicked.ignored import ignored_at_preparation, set_on_purpose
    from unclicked.settings import parse_set, read_toml, resolve

    layers = [{} if config is None else read_toml(config), parse_set(settings or [])]
    chosen = set_on_purpose(resolve(*layers), {"data": layers[0].get("data", {})}, layers[1])
    shared.warn_ignored(
        ignored_at_preparation(chosen, has_items=items is not None, has_users=users is not None)
    )
    if engine == "spark":
        from unclicked.spark.verb import start_and_prepare

        quarantine = on_bad_row != "fail"
        others = {"--beside": beside, "--memory": memory, "--on-bad-row": quarantine}
        tables, checked = {"items": items, "users": users}, resolve(*layers).data
        made = start_and_prepare(
            log, out, master=master, **tables, config=checked, overwrite=overwrite,
            not_with_spark=others,
        )  # fmt: skip
        _tell(made, out, as_json)
        return
    earlier = None if beside is None else PreparedDataset.open(beside)
    if earlier is not None:
        layers.insert(0, {"data": earlier.config.model_dump()})
    resolved = resolve(*layers)
    dataset = make(
        [Path(one) for one in log],
        out,
        items=items,
        users=users,
        config=resolved.data,
        on_bad_row=on_bad_row,
        beside=earlier,
        overwrite=overwrite,
        memory=memory,
    )
    if earlier is not None and dataset.card["rows"]["kept"] == earlier.card["rows"]["kept"]:
        shared.warn(f"every row was known to {beside} already: nothing is new.")
    _tell(dataset, out, as_json)


def _check_engine(engine: str, master: str | None) -> None:
    if engine not in ENGINES:
        found = f"found {engine}, expected one of {', '.join(ENGINES)}. Name one of them."
        raise UserError("OPTION", "--engine", found)
    if master is not None and engine != "spark":
        raise UserError("OPTION", "--master", "is Spark's: give --engine spark too.")


def _tell(dataset: PreparedDataset, out: Path, as_json: bool) -> None:
    from unclicked.data.dataset import CARD_PAGE

    for text in dataset.card["warnings"]:
        shared.warn(text)
    if as_json:
        shared.print_json(card_json(dataset))
        return
    print_card(dataset.card)
    typer.echo(f"card: {out / CARD_PAGE}")
    shared.say_next(command("train", out, "--out", "runs/unclicked"), as_json)


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
