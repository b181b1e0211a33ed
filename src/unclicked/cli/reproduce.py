"""The verb `reproduce`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unclicked.cli import shared
from unclicked.errors import UserError, command


def reproduce(
    study: Annotated[str | None, typer.Argument(help="Name of a study; --list shows them.")] = None,
    data: Annotated[
        list[Path] | None,
        typer.Option(help="A prepared data set; settings are chosen on the first. Repeatable."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the studies.")] = None,
    seeds: Annotated[int, typer.Option(help="Number of model seeds.", min=1, max=100)] = 3,
    tuning: Annotated[
        str, typer.Option(help="Settings from validation, or as printed in the paper.")
    ] = "validation",
    settings: shared.Settings = None,
    at_once: Annotated[
        int,
        typer.Option(help="Trainings side by side; 0 takes two where there are two cores.", min=0),
    ] = 0,
    device: shared.Device = "cpu",
    show_list: Annotated[bool, typer.Option("--list", help="Show the studies and stop.")] = False,
    as_json: shared.AsJson = False,
) -> None:
    """Make a table or a figure of the paper anew, with its trainings.

    A stopped study goes on where it was: what is trained is not trained again, and a changed
    setting is another training. Studies in one folder share their trainings.

    Example: unclicked reproduce table2 --data data --out studies --seeds 5
    """
    from unclicked.reproduce.studies import STUDIES

    if show_list:
        told = {name: f"{one.title}. {one.question}" for name, one in STUDIES.items()}
        following = "unclicked reproduce table2 --data DATASET --out studies"
        shared.print_names(told, following, as_json)
        return
    if study is None or not data or out is None:
        raise UserError("ARGUMENTS", "reproduce", "needs STUDY, --data DATASET and --out DIR.")
    from unclicked.data.dataset import PreparedDataset
    from unclicked.dotted import flat
    from unclicked.quickstart.children import side_by_side
    from unclicked.reproduce.road import reproduce as make
    from unclicked.reproduce.road import study_of
    from unclicked.reproduce.workplace import Workplace
    from unclicked.settings import parse_set

    study_of(study)
    shared.check_device(device)
    place = Workplace(
        out,
        [PreparedDataset.open(path.resolve() if path.exists() else path) for path in data],
        # Seed 0 chooses settings and is never judged.
        range(1, seeds + 1),
        tuning,
        flat(parse_set(settings or [])),
        at_once or side_by_side(),
        device,
        (lambda line: None) if as_json else typer.echo,
        shared.warn,
    )
    made = make(study, place)
    if as_json:
        shared.print_json(made)
        return
    for table in made["tables"]:
        typer.echo("\n" + table)
    typer.echo(f"\nwritten: {', '.join(Path(path).name for path in made['files'])}")
    other = "controls" if study != "controls" else "table2"
    words = [other, *(part for one in data for part in ("--data", one))]
    shared.say_next(command("reproduce", *words, "--out", out), as_json)
