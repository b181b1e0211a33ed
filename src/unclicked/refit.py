"""Let validation choose the epochs, then train once more with the validation days."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from unclicked.config import Config
from unclicked.data.dataset import PreparedDataset
from unclicked.dotted import merge
from unclicked.run import CHOSEN, EncoderMaker
from unclicked.start import RefitPlan, train
from unclicked.training import checkpoint as store


def train_and_refit(
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
) -> float:
    """Train twice: with validation in `run/chosen`, then on all days before the test in `run`.

    The second training starts from the same seed and runs for the number of epochs after which
    the first was best. Its weights are what a service would use; the test may judge them, the
    validation days no longer can.

    Args:
        dataset: What to train on.
        run: Folder of the run.
        config: The resolved configuration.
        preset: Name stored with the run.
        resume: Go on where either training stopped.
        warn: Called with sentences that a person should read.
        encoder: Makes an encoder of the user's own.
        encoder_name: Its class name.
        device: Where to train.
        warm_from: A run whose weights both trainings start from.

    Returns:
        Validation HR@50 of the first training.

    Raises:
        UserError: If the folder is not empty and `resume` is not asked.
        ArtefactError: If a run to resume is broken or of another configuration.
    """
    more: dict[str, Any] = {
        "preset": preset,
        "resume": resume,
        "warn": warn,
        "encoder": encoder,
        "encoder_name": encoder_name,
        "device": device,
        "warm_from": warm_from,
    }
    chosen = run / CHOSEN
    if not (resume and _is_finished(chosen)):
        train(dataset, chosen, config, **more)
    progress = store.read_progress(store.newest_valid(chosen)[0])[0]
    steps = {line["epoch"]: line["validation_HR@50"] for line in progress.history}
    epochs = int(max(steps, key=lambda epoch: (steps[epoch], -epoch)))
    plan = RefitPlan(epochs, progress.best_value, CHOSEN)
    settings = merge(config.model_dump(), {"train": {"max_epochs": epochs}})
    return train(dataset, run, Config.model_validate(settings), refit=plan, **more)


def _is_finished(run: Path) -> bool:
    if not store.list_checkpoints(run):
        return False
    return store.read_progress(store.newest_valid(run)[0])[0].finished
