"""The verb `train`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unclicked.artefact import refuse_busy
from unclicked.cli import shared
from unclicked.errors import UserError, command
from unclicked.training.launch import is_first

if TYPE_CHECKING:
    from unclicked.config import Config
    from unclicked.data.dataset import PreparedDataset
    from unclicked.presets import Settings
    from unclicked.run import RunFacts


def train(
    dataset: Annotated[Path | None, typer.Argument(help="A prepared data set.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the run.")] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            help="Settings to start from, as recommended, sdm or sru2b.", show_default="recommended"
        ),
    ] = None,
    config: shared.ConfigFile = None,
    settings: shared.Settings = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where it stopped.")] = False,
    refit: Annotated[
        bool,
        typer.Option("--refit", help="Then train anew on the validation days too, as long."),
    ] = False,
    warm_from: Annotated[
        Path | None, typer.Option("--warm-start", help="A run whose weights to start from.")
    ] = None,
    print_config: Annotated[
        bool, typer.Option("--print-config", help="Print all settings and stop.")
    ] = False,
    seed: Annotated[int | None, typer.Option(help="Seed of the run.", min=0)] = None,
    threads: shared.Threads = 0,
    device: shared.Device = "cpu",
    as_json: shared.AsJson = False,
) -> None:
    """Train a model and keep its best epoch.

    The last checkpoint is kept too, so that --resume goes on where a run stopped.

    Example: unclicked train data --out runs/base --set model.fusion=none --set model.metric=none
    """
    from unclicked.settings import parse_set, read_toml

    layers = [{} if config is None else read_toml(config), parse_set(settings or [])]
    layers += [] if seed is None else [{"train": {"seed": seed}}]
    if print_config:
        _print_config(preset or "recommended", layers, as_json)
        return
    if dataset is None or out is None:
        raise UserError("ARGUMENTS", "train", "needs DATASET and --out RUN.")
    asked = _Asked(dataset, out, preset, layers, resume, refit, warm_from, device)
    best = _train(asked, threads)
    if is_first():
        _print(asked, best, as_json)


@dataclass(frozen=True)
class _Asked:
    """What was asked for; `layers` are the settings of a file, of `--set` and of `--seed`."""

    dataset: Path
    out: Path
    preset: str | None
    layers: list[Settings]
    resume: bool
    refit: bool
    warm_from: Path | None
    device: str


def _print_config(preset: str, layers: list[Settings], as_json: bool) -> None:
    from unclicked.settings import preset_settings, print_config, resolve

    config = resolve(preset_settings(preset), *layers)
    if as_json:
        shared.print_json({"preset": preset, "config": config.model_dump()})
        return
    typer.echo(print_config(config, preset), nl=False)


def _train(asked: _Asked, threads: int) -> float:
    """Train, after everything that can be refused at once was; the best validation HR@50."""
    from unclicked.settings import preset_settings

    preset_settings(asked.preset or "recommended")
    if is_first():
        refuse_busy(asked.out)
    from unclicked.data.dataset import PreparedDataset
    from unclicked.ignored import ignored_settings, set_on_purpose
    from unclicked.refit import train_and_refit
    from unclicked.start import train as start

    shared.set_threads(threads)
    shared.check_device(asked.device)
    data = PreparedDataset.open(asked.dataset)
    resolved, preset = _settings_of(asked, data)
    chosen = set_on_purpose(resolved, *asked.layers[:2])
    if is_first():
        shared.warn_ignored(ignored_settings(resolved, chosen, num_items=data.num_items))
        _warn_of_lists(data, resolved)
    return (train_and_refit if asked.refit else start)(
        data,
        asked.out,
        resolved,
        preset=preset,
        resume=asked.resume,
        warn=shared.warn,
        device=asked.device,
        warm_from=asked.warm_from,
    )


def _warn_of_lists(data: PreparedDataset, config: Config) -> None:
    """Say before the training what the data set's card knows of its outcome."""
    from unclicked.data.skip_verdict import says_nothing

    if not config.sees_unclicked:
        return
    if data.card["clicks"] == data.card["rows"]["kept"]:
        shared.warn(
            f"every row of {data.path} is a click, so that no unclicked item is seen and "
            "the base recommender is trained alone. Prepare a log that holds what was shown and "
            "not clicked."
        )
    elif (signal := data.card.get("skip_signal")) and says_nothing(signal):
        shared.warn(f"{signal['verdict']}{_advice(config)}")


def _advice(config: Config) -> str:
    """What was measured of the plug-in where lists say nothing, and what to do."""
    model = config.model
    if model.fusion == model.metric == "none" or model.unclicked_dropout > 0:
        return ""
    return (
        " On simulated logs whose skips were random it cost half a point of HR@50 to two, with a "
        "metric loss more, and then less with --set model.unclicked_dropout=0.5. Train the base "
        "beside it (--set model.fusion=none --set model.metric=none), and judge both with "
        "`unclicked evaluate --split validation`."
    )


def _settings_of(asked: _Asked, data: PreparedDataset) -> tuple[Config, str]:
    """Settings and preset; a run that goes on keeps its own wherever nothing else is given."""
    from unclicked.recommender import resolve_for
    from unclicked.run import CHOSEN
    from unclicked.settings import resolve

    started = asked.out / CHOSEN if asked.refit else asked.out
    if asked.resume and _is_run(started):
        facts = _facts_of(started, asked.preset)
        # What is given beside it and differs is refused when the run is opened, with both values.
        return resolve(facts.config.model_dump(), *asked.layers), facts.preset
    preset = asked.preset or "recommended"
    return resolve_for(data.config, preset, *asked.layers), preset


def _print(asked: _Asked, best: float, as_json: bool) -> None:
    if as_json:
        shared.print_json({"run": str(asked.out), "validation": {"HR@50": best}})
        return
    then = ", then trained on the validation days too" if asked.refit else ""
    typer.echo(f"{asked.out}: best validation HR@50 {best:.2%}{then}")
    shared.say_next(command("evaluate", asked.out), as_json)


def _facts_of(run: Path, asked: str | None) -> RunFacts:
    """Facts of a run to go on with; its settings stay, so another preset is asked in vain."""
    from unclicked.run import read_facts

    facts = read_facts(run)
    if asked not in (None, facts.preset):
        raise UserError(
            "RUN-CONFIG",
            str(run),
            f"was started with the preset {facts.preset}, found --preset {asked}. Give --resume "
            "and no preset to go on with that run, or train into another folder with this preset.",
        )
    return facts


def _is_run(folder: Path) -> bool:
    """Whether there is a run to go on with; said where there is none."""
    if (folder / "run.json").is_file():
        return True
    if is_first():
        shared.warn(f"{folder} holds no run to go on with: a new one is started.")
    return False
