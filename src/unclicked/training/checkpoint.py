"""Checkpoints: weights, optimiser state and counters, whole or not there."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from unclicked import artefact
from unclicked.errors import ArtefactError, ResourceError
from unclicked.model import UnclickedRecommender
from unclicked.training.optimiser import Optimiser

KIND = "unclicked checkpoint"


@dataclass
class Progress:
    """How far a training run is.

    Attributes:
        step: Steps done.
        epoch: Epochs done.
        batch: Batches done of the epoch under way.
        best_step: Step of the best checkpoint; -1 before the first validation.
        best_value: Its validation HR@50.
        bad_epochs: Epochs since then without a better one.
        finished: Whether training has ended by itself.
        history: One entry for each epoch.
    """

    step: int = 0
    epoch: int = 0
    batch: int = 0
    best_step: int = -1
    best_value: float = -1.0
    bad_epochs: int = 0
    finished: bool = False
    history: list[dict[str, float]] = field(default_factory=list)


def save_checkpoint(
    run: Path, model: UnclickedRecommender, optimiser: Optimiser, progress: Progress
) -> Path:
    """Publish a checkpoint and remove all others but the best one.

    Args:
        run: Folder of the run.
        model: Model to save.
        optimiser: Its optimiser.
        progress: How far the run is.

    Returns:
        Folder of the checkpoint.

    Raises:
        ResourceError: If the disk refuses to write; older checkpoints stay.
    """
    folder = run / "checkpoints" / f"{progress.step:09d}"

    def write(target: Path) -> dict[str, Any]:
        try:
            save_file(_tensors(model), target / "model.safetensors")
            save_file(_contiguous(optimiser.state), target / "optimizer.safetensors")
        except SafetensorError as error:
            # A full disk comes as an error of the package's own.
            raise ResourceError("DISK", str(folder), f"cannot be written ({error}).") from None
        state = {"progress": asdict(progress), "optimizer_steps": optimiser.num_steps}
        artefact.write_json(target / "state.json", state)
        return {"kind": KIND, "threads": torch.get_num_threads(), "torch": torch.__version__}

    artefact.publish(folder, write)
    keep = {progress.step, progress.best_step}
    for other in sorted((run / "checkpoints").iterdir()):
        if other.name.isdigit() and int(other.name) not in keep:
            shutil.rmtree(other)
    return folder


def list_checkpoints(run: Path) -> list[Path]:
    """Checkpoints of a run, newest first.

    Args:
        run: Folder of the run.

    Returns:
        Their folders; empty where there are none.
    """
    folder = run / "checkpoints"
    if not folder.is_dir():
        return []
    return sorted((one for one in folder.iterdir() if one.name.isdigit()), reverse=True)


def newest_valid(run: Path) -> tuple[Path, list[str]]:
    """The newest checkpoint that is whole.

    Args:
        run: Folder of the run.

    Returns:
        Its folder, and what was wrong with newer ones.

    Raises:
        ArtefactError: If there is none.
    """
    refused = []
    for folder in list_checkpoints(run):
        try:
            artefact.verify(folder, KIND)
        except ArtefactError as error:
            refused.append(str(error))
        else:
            return folder, refused
    reason = f" ({refused[0]})" if refused else ""
    raise ArtefactError("CHECKPOINT", str(run), f"has no whole checkpoint{reason}. Train it.")


def read_progress(folder: Path) -> tuple[Progress, int]:
    """Counters of a checkpoint.

    Args:
        folder: Its folder.

    Returns:
        How far the run was, and the optimiser's steps.
    """
    state = artefact.read_json(folder / "state.json")
    return Progress(**state["progress"]), int(state["optimizer_steps"])


def load_weights(folder: Path, model: UnclickedRecommender) -> None:
    """Put a checkpoint's weights into a model.

    Args:
        folder: A verified checkpoint.
        model: A model of the same shape.

    Raises:
        ArtefactError: If names or shapes differ, or a weight is NaN or infinite.
    """
    _copy(folder / "model.safetensors", dict(model.named_parameters()))


def load_optimiser(folder: Path, optimiser: Optimiser) -> None:
    """Put a checkpoint's optimiser state into an optimiser.

    Args:
        folder: A verified checkpoint.
        optimiser: An optimiser over a model of the same shape.

    Raises:
        ArtefactError: If names or shapes differ.
    """
    _copy(folder / "optimizer.safetensors", optimiser.state)
    optimiser.num_steps = read_progress(folder)[1]


def _tensors(model: UnclickedRecommender) -> dict[str, Tensor]:
    return _contiguous(dict(model.named_parameters()))


def _contiguous(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: one.detach().cpu().contiguous() for name, one in tensors.items()}


@torch.no_grad()
def _copy(path: Path, targets: Mapping[str, Tensor]) -> None:
    try:
        found = load_file(path)
    except (OSError, SafetensorError) as error:
        raise ArtefactError("CHECKPOINT", str(path), f"cannot be read ({error}).") from None
    differ = sorted(set(found) ^ set(targets))
    if differ:
        raise ArtefactError(
            "CHECKPOINT-NAMES", str(path), f"does not fit this configuration: {differ[0]}."
        )
    for name, target in targets.items():
        if found[name].shape != target.shape:
            raise ArtefactError(
                "CHECKPOINT-SHAPE",
                f"{path} {name}",
                f"has shape {tuple(found[name].shape)}, expected {tuple(target.shape)}.",
            )
        if not bool(torch.isfinite(found[name]).all()):
            raise ArtefactError("CHECKPOINT-NAN", f"{path} {name}", "holds NaN or infinity.")
        target.copy_(found[name])
