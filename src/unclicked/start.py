"""From a prepared data set and a configuration to a trained run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from unclicked import artefact, disk
from unclicked.config import Config
from unclicked.data.batching import BatchBuilder
from unclicked.data.controls import needed_exposures, with_source
from unclicked.data.dataset import PreparedDataset
from unclicked.data.rules import Rules, train_samples
from unclicked.data.stored_log import stored_timelines
from unclicked.errors import ArtefactError, UserError
from unclicked.evaluation import held_out_builder, validation_hit_rate
from unclicked.processor import fast_bfloat16
from unclicked.run import (
    CHOSEN,
    VOCABULARY,
    EncoderMaker,
    RunFacts,
    build_model,
    create_run,
    machine_facts,
    read_facts,
    refuse_full,
)
from unclicked.settings import flatten
from unclicked.training.checkpoint import list_checkpoints
from unclicked.training.launch import device_name, place_of
from unclicked.training.loop import Training
from unclicked.training.ranks import Ranks, join
from unclicked.training.sharded_packages import refuse_sharded, wanted
from unclicked.training.share import refuse_permuted
from unclicked.warm_start import warm_start

CONTROL_SEED = 20


@dataclass(frozen=True)
class RefitPlan:
    """What validation chose, for a training that has no validation days left.

    Attributes:
        epochs: Epochs after which the chosen run was best.
        validation_hit_rate: Its validation HR@50.
        chosen: Path of that run.
    """

    epochs: int
    validation_hit_rate: float
    chosen: str


def train(
    dataset: PreparedDataset,
    run: Path,
    config: Config,
    *,
    preset: str = "recommended",
    resume: bool = False,
    warn: Callable[[str], None] = lambda text: None,
    encoder: EncoderMaker | None = None,
    encoder_name: str = "",
    device: str = "cpu",
    warm_from: Path | None = None,
    refit: RefitPlan | None = None,
) -> float:
    """Train a model and keep its best and last checkpoint in a folder.

    Args:
        dataset: What to train on.
        run: Folder of the run.
        config: The resolved configuration; its `[data]` rules are the data set's.
        preset: Name stored with the run.
        resume: Go on with the run in that folder.
        warn: Called with sentences that a person should read.
        encoder: Makes an encoder of the user's own.
        encoder_name: Its class name.
        device: Where to train.
        warm_from: A run whose weights are taken over before the first step.
        refit: Train on the validation days too, for a fixed number of epochs.

    Of several processes that torchrun started the first one reads and writes the folder; the
    others take over what it starts from and compute their part of every batch.

    Returns:
        Best validation HR@50; with `refit` that of the run that chose the epochs.

    Raises:
        UserError: If the folder is not empty and `resume` is not asked, or a run to resume was
            started with other settings.
        ArtefactError: If a run to resume is broken or of another data set.
        BusyError: If another process trains there.
        NumericError: If a loss or gradient is not finite.
    """
    where = torch.device(device_name(device, place_of()))
    ranks = join(where)
    refuse_permuted(config.model, ranks)
    if wanted(config.train):
        refuse_sharded(config.train, ranks)
    if not ranks.first:
        with_it = _training(dataset, run, config, _silent, encoder, where, refit, ranks).fit()
        return with_it.best_value if refit is None else refit.validation_hit_rate
    artefact.refuse_busy(run)
    going_on = resume and (run / "run.json").is_file()
    if not going_on:
        refuse_full(run, besides="" if refit is None else CHOSEN)
    # The model first: settings that do not fit it leave no folder behind.
    training = _training(dataset, run, config, warn, encoder, where, refit, ranks)
    origin: dict[str, Any] = {} if refit is None else {"refit": asdict(refit)}
    if going_on:
        _check_same(run, dataset, config, encoder_name, warn, ranks.count)
        origin = read_facts(run).origin
        given = origin.get("warm_start", {}).get("run")
        warm_from = None if given is None else Path(given)
    resumes = going_on and bool(list_checkpoints(run))
    if warm_from is not None and not resumes:
        origin["warm_start"] = warm_start(
            training.model, training.optimiser, dataset, config, warm_from, encoder
        )
    with disk.told(run):
        disk.make_folder(run)
    with artefact.lock(run):
        if not going_on:
            path, hashed = dataset.path.resolve(), dataset.sha256
            machine = machine_facts() | {"processes": ranks.count}
            facts = RunFacts(config, preset, path, hashed, encoder_name, machine, origin)
            create_run(run, dataset, facts)
        # Evaluations lie beside the vocabulary, and another process may be writing one.
        artefact.clean(run, [VOCABULARY])
        artefact.clean(run / "checkpoints")
        if resumes:
            training.resume()
        best = training.fit().best_value
        return best if refit is None else refit.validation_hit_rate


def training_builder(
    dataset: PreparedDataset, config: Config, *, last_only: bool, with_validation: bool = False
) -> BatchBuilder:
    """Where the training batches of a configuration come from.

    Args:
        dataset: The data set.
        config: The resolved configuration.
        last_only: Whether the encoder yields the last position only.
        with_validation: Whether the validation days are trained on too.

    Returns:
        The builder, with the control's lists where one is asked for.

    Raises:
        UserError: If no session can be trained on at its last position alone.
    """
    unclicked = config.data.unclicked
    samples = dataset.splits["train"]
    if with_validation:
        until = int(dataset.card["boundaries"]["test_us"])
        rules = Rules.from_config(dataset.config)
        samples = train_samples(stored_timelines(dataset), rules, end_us=until)
    exposures = needed_exposures(dataset, unclicked.source)
    samples = with_source(
        samples, unclicked.source, dataset.num_items, CONTROL_SEED, exposures=exposures
    )
    if last_only:
        # Every other position has no vector, so a session without a label at its end has no row.
        keep = np.flatnonzero(samples.end < samples.label_end)
        if not len(keep):
            raise UserError(
                "TRAIN-ROWS",
                str(dataset.path),
                "no session has a later click, which an encoder of the last position needs.",
            )
        samples = samples.select(keep)
    return BatchBuilder(
        samples=samples,
        click_item=dataset.click_item,
        catalogue=dataset.catalogue,
        profiles=dataset.profiles,
        max_long=config.data.clicked.max_long,
        num_labels=config.train.num_labels,
        cut=unclicked.cut,
        rows="final" if last_only else config.train.loss_positions,
        need_unclicked=config.sees_unclicked,
    )


def _training(
    dataset: PreparedDataset,
    run: Path,
    config: Config,
    warn: Callable[[str], None],
    encoder: EncoderMaker | None,
    device: torch.device,
    refit: RefitPlan | None,
    ranks: Ranks,
) -> Training:
    if config.train.logq == "refined" and config.train.unclicked_negatives > 0:
        found = "found refined with train.unclicked_negatives above 0, expected one of the two."
        raise UserError("LOGQ", "train.logq", f"{found} Set train.unclicked_negatives = 0.")
    if config.train.logits == "bfloat16" and device.type == "cpu" and not fast_bfloat16():
        warn("This processor does not compute in bfloat16: train.logits = float32 is faster.")
    model = build_model(
        config, dataset.catalogue, dataset.profile_vocabularies, len(dataset.users), encoder
    )
    if not wanted(config.train):
        # Tables that are to lie apart may not fit a device before they do.
        model.to(device)
    last_only = bool(getattr(model.encoder, "last_position_only", False))
    validation = held_out_builder(dataset, config, "validation")

    def validate() -> float:
        return validation_hit_rate(model, validation, config.evaluate.batch_size)

    return Training(
        run=run,
        config=config,
        model=model,
        builder=training_builder(
            dataset, config, last_only=last_only, with_validation=refit is not None
        ),
        validate=validate if refit is None else None,
        warn=warn,
        device=device,
        ranks=ranks,
    )


def _silent(text: str) -> None:
    """What a process hears that is not the one who talks."""


def _check_same(
    run: Path,
    dataset: PreparedDataset,
    config: Config,
    encoder_name: str,
    warn: Callable[[str], None],
    processes: int,
) -> None:
    facts = read_facts(run)
    if facts.dataset_sha256 != dataset.sha256:
        raise ArtefactError(
            "RUN-DATASET",
            str(run),
            f"was trained on another data set than {dataset.path}. Give that one (it lay in "
            f"{facts.dataset}), or train into another folder with --out.",
        )
    if facts.config != config:
        old, new = flatten(facts.config), flatten(config)
        apart = [f"{key}: {old[key]} there, {new[key]} now" for key in old if old[key] != new[key]]
        raise UserError(
            "RUN-CONFIG",
            str(run),
            f"was started with other settings ({'; '.join(apart)}). Give --resume and no settings "
            "to go on with those of there, or train into another folder with those of now.",
        )
    if facts.own_encoder != encoder_name:
        raise UserError(
            "RUN-ENCODER",
            str(run),
            f"was started with the encoder {facts.own_encoder or config.model.encoder!r}, "
            f"now {encoder_name or config.model.encoder!r}.",
        )
    now = machine_facts() | {"processes": processes}
    then = {"processes": 1} | facts.machine
    for name in ("torch", "threads", "processes"):
        if then[name] != now[name]:
            warn(
                f"The run was started with {name} {then[name]}, now {now[name]}: "
                "the numbers may differ in their last bits."
            )
