"""The verb `train`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unclicked.artefact import refuse_busy
from unclicked.cli import shared
from unclicked.errors import UserError

if TYPE_CHECKING:
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
    from unclicked.settings import parse_set, preset_settings, read_toml, resolve
    from unclicked.settings import print_config as as_toml

    layers = [{} if config is None else read_toml(config), parse_set(settings or [])]
    layers += [] if seed is None else [{"train": {"seed": seed}}]
    asked, preset = preset, preset or "recommended"
    if print_config:
        typer.echo(as_toml(resolve(preset_settings(preset), *layers), preset), nl=False)
        return
    if dataset is None or out is None:
        raise UserError("ARGUMENTS", "train", "needs DATASET and --out RUN.")
    preset_settings(preset)
    refuse_busy(out)
    from unclicked.data.dataset import PreparedDataset
    from unclicked.ignored import ignored_settings, set_on_purpose
    from unclicked.recommender import resolve_for
    from unclicked.refit import train_and_refit
    from unclicked.run import CHOSEN
    from unclicked.start import train as start

    shared.set_threads(threads)
    shared.check_device(device)
    data = PreparedDataset.open(dataset)
    started = out / CHOSEN if refit else out
    goes_on = resume and _is_run(started)
    if goes_on and not any(layers):
        # Nothing was asked anew, so the run goes on with what it was started with.
        facts = _facts_of(started, asked)
        resolved, preset = facts.config, facts.preset
    else:
        resolved = resolve_for(data.config, preset, *layers)
    chosen = set_on_purpose(resolved, *layers[:2])
    shared.warn_ignored(ignored_settings(resolved, chosen, num_items=data.num_items))
    best = (train_and_refit if refit else start)(
        data,
        out,
        resolved,
        preset=preset,
        resume=resume,
        warn=shared.warn,
        device=device,
        warm_from=warm_from,
    )
    if as_json:
        shared.print_json({"run": str(out), "validation": {"HR@50": best}})
        return
    then = ", then trained on the validation days too" if refit else ""
    typer.echo(f"{out}: best validation HR@50 {best:.2%}{then}")
    shared.say_next(f"unclicked evaluate {out}", as_json)


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
    shared.warn(f"{folder} holds no run to go on with: a new one is started.")
    return False
