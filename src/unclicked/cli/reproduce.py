"""The verb `reproduce`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from unclicked.cli import shared
from unclicked.errors import UserError, command

SEEDS = 3
_USUAL = {"--seeds": SEEDS, "--tuning": "validation", "--widen": 0, "--device": "cpu"}
_ALL_DONE = "unclicked reproduce --list"


def reproduce(
    study: Annotated[str | None, typer.Argument(help="Name of a study; --list shows them.")] = None,
    data: Annotated[
        list[Path] | None,
        typer.Option(help="A prepared data set; settings are chosen on the first. Repeatable."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the studies.")] = None,
    seeds: Annotated[int, typer.Option(help="Number of model seeds.", min=1, max=100)] = SEEDS,
    tuning: Annotated[
        str, typer.Option(help="Settings from validation, or as printed in the paper.")
    ] = "validation",
    widen: Annotated[
        int,
        typer.Option(
            help="Rates to try beyond the highest or lowest of a base's grid where that is best.",
            min=0,
        ),
    ] = 0,
    choices: Annotated[
        Path | None,
        typer.Option(help="What an earlier study chose, its STUDY-choices.toml; taken as it is."),
    ] = None,
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
    needed = {"a STUDY": study, "--data DATASET": data, "--out DIR": out}
    missing = ", ".join(name for name, given in needed.items() if not given)
    if study is None or not data or out is None:
        raise UserError("ARGUMENTS", "reproduce", f"needs {missing} too. --list shows the studies.")
    from unclicked.data.dataset import PreparedDataset
    from unclicked.dotted import flat
    from unclicked.quickstart.children import side_by_side
    from unclicked.reproduce.choices import Choices, read_choices
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
        widen,
        read_choices(choices) if choices else Choices(),
    )
    try:
        made = make(study, place)
    except KeyboardInterrupt:
        typer.echo("what is trained stays; the same command goes on from there.", err=True)
        raise
    if as_json:
        shared.print_json(made)
        return
    _print(made)
    given: dict[str, list[Any]] = {"--data": [*data], "--out": [out], "--set": settings or []}
    given["--choices"] = [choices] if choices else []
    asked = zip(_USUAL, (seeds, tuning, widen, device), strict=True)
    given |= {option: [] if value == _USUAL[option] else [value] for option, value in asked}
    shared.say_next(_following(made["next"], given), as_json)


def _print(made: Mapping[str, Any]) -> None:
    for table in made["tables"]:
        typer.echo("\n" + table)
    names = ", ".join(Path(path).name for path in made["files"])
    typer.echo(f"\nwritten to {made['out']}: {names}; every number is in {made['results']}")


def _following(study: str, given: Mapping[str, list[Any]]) -> str:
    """The next study, with what was given for this one."""
    words = [part for option, values in given.items() for one in values for part in (option, one)]
    return command("reproduce", study, *words) if study else _ALL_DONE
