"""Checkpoints: weights, optimiser state and counters, whole or not there."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor

from unclicked import artefact
from unclicked.errors import ArtefactError, NumericError, ResourceError
from unclicked.model import UnclickedRecommender
from unclicked.training.optimiser import Optimiser
from unclicked.training.ranks import Ranks
from unclicked.training.weights import fill
from unclicked.training.weights import save as save_tensors

KIND = "unclicked checkpoint"
STATE, WEIGHTS, OPTIMISER = "state.json", "model.safetensors", "optimizer.safetensors"


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


Whole = Mapping[str, tuple[Tensor, Tensor] | None]


def gathered(optimiser: Optimiser) -> Whole:
    """Tables whose rows lie apart, whole on the first rank; all ranks must ask.

    Args:
        optimiser: The optimiser.

    Returns:
        Name to rows and sums of squares; nothing where all tables are local.
    """
    return {name: table.whole_on_first() for name, table in optimiser.sharded.items()}


def save_checkpoint(
    run: Path,
    model: UnclickedRecommender,
    optimiser: Optimiser,
    progress: Progress,
    apart: Whole | None = None,
) -> Path:
    """Publish a checkpoint and remove all others but the best one.

    Args:
        run: Folder of the run.
        model: Model to save.
        optimiser: Its optimiser.
        progress: How far the run is.
        apart: What `gathered` gave. A checkpoint does not tell how its tables lay.

    Returns:
        Folder of the checkpoint.

    Raises:
        ResourceError: If the disk refuses to write; older checkpoints stay.
        NumericError: If a weight is NaN or infinite; older checkpoints stay.
    """
    folder = run / "checkpoints" / f"{progress.step:09d}"
    tables = {name: one for name, one in (apart or {}).items() if one is not None}
    weights = dict(model.named_parameters()) | {name: one[0] for name, one in tables.items()}
    state = optimiser.state | {f"{name}:sum": one[1] for name, one in tables.items()}
    _refuse_broken(weights | state, progress.step)

    def write(target: Path) -> dict[str, Any]:
        try:
            save_tensors(target / WEIGHTS, _contiguous(weights))
            save_tensors(target / OPTIMISER, _contiguous(state))
        except SafetensorError as error:
            # A full disk comes as an error of the package's own.
            raise ResourceError("DISK", str(folder), f"cannot be written ({error}).") from None
        counters = {"progress": asdict(progress), "optimizer_steps": optimiser.num_steps}
        artefact.write_json(target / STATE, counters)
        return {"kind": KIND, "threads": torch.get_num_threads(), "torch": torch.__version__}

    tensors = (*weights.values(), *state.values())
    artefact.publish(folder, write, num_bytes=sum(one.nbytes for one in tensors))
    keep = {progress.step, progress.best_step}
    for other in sorted((run / "checkpoints").iterdir()):
        if other.name.isdigit() and int(other.name) not in keep:
            artefact.remove(other)
    return folder


def share(
    ranks: Ranks, model: UnclickedRecommender, optimiser: Optimiser, progress: Progress
) -> None:
    """Let all ranks go on from where the first one is; none of the others reads a file.

    Args:
        ranks: All ranks.
        model: Model of each, of the same shape; changed on all but the first.
        optimiser: Its optimiser; changed likewise.
        progress: How far the run is; changed likewise, but for its history.

    Raises:
        ResourceError: If another rank is lost.
    """
    if ranks.count == 1:
        return
    names = [name for name in asdict(progress) if name != "history"]
    counters = [float(getattr(progress, name)) for name in names]
    told = torch.tensor([*counters, optimiser.num_steps], dtype=torch.float64)
    ranks.take_over([*model.parameters(), *optimiser.state.values(), told])
    *values, steps = told.tolist()
    for name, value in zip(names, values, strict=True):
        setattr(progress, name, type(getattr(progress, name))(value))
    optimiser.num_steps = int(steps)


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


def newest_valid(run: Path, only: Collection[str] | None = None) -> tuple[Path, list[str]]:
    """The newest checkpoint that is whole.

    Args:
        run: Folder of the run.
        only: Names of the files that will be used; all of them without.

    Returns:
        Its folder, and for each newer one a sentence that says what is wrong with it.

    Raises:
        ArtefactError: If there is none.
    """
    refused = []
    for folder in list_checkpoints(run):
        try:
            artefact.verify(folder, KIND, only)
            read_progress(folder)
        except ArtefactError as error:
            refused.append(f"The checkpoint {folder} cannot be used: {_why(error, folder)}.")
        else:
            return folder, refused
    reason = f" {refused[0]}" if refused else ""
    raise ArtefactError("CHECKPOINT", str(run), f"has no whole checkpoint.{reason} Train it anew.")


def _why(error: ArtefactError, folder: Path) -> str:
    """File and fault as part of a sentence, without advice that is for other artefacts."""
    where = error.where.removeprefix(str(folder)).lstrip("/")
    return f"{where or 'it'} {error.message.split('. ')[0].rstrip('.')}"


def read_progress(folder: Path) -> tuple[Progress, int]:
    """Counters of a checkpoint.

    Args:
        folder: Its folder.

    Returns:
        How far the run was, and the optimiser's steps.

    Raises:
        ArtefactError: If something is missing, unknown, of another type or out of range.
    """
    path = folder / STATE
    state = artefact.read_json(path)
    progress = state.get("progress") if isinstance(state, dict) else None
    if not isinstance(progress, dict) or set(progress) != set(asdict(Progress())):
        raise ArtefactError("CHECKPOINT-STATE", str(path), "holds no counters of a run.")
    for name, value in (progress | {"optimizer_steps": state.get("optimizer_steps")}).items():
        if not _fits(name, value):
            found = f"found {str(value)[:40]} for {name}, which cannot be."
            raise ArtefactError("CHECKPOINT-STATE", str(path), found)
    counted = Progress(**progress)
    step = int(folder.name) if folder.name.isdecimal() else counted.step
    if not counted.step == step >= counted.best_step:
        raise ArtefactError(
            "CHECKPOINT-STATE",
            str(path),
            f"tells of step {counted.step} and of a best step {counted.best_step} in the "
            f"checkpoint of step {step}.",
        )
    return counted, state["optimizer_steps"]


def _fits(name: str, value: Any) -> bool:
    """Whether a counter has its type and lies where it can."""
    if name == "finished":
        return isinstance(value, bool)
    if name == "history":
        return isinstance(value, list) and all(isinstance(one, dict) for one in value)
    if isinstance(value, bool):
        return False
    if name == "best_value":
        return isinstance(value, int | float) and isfinite(value) and -1 <= value <= 1
    return isinstance(value, int) and (-1 if name == "best_step" else 0) <= value < 2**62


def load_weights(folder: Path, model: UnclickedRecommender) -> None:
    """Put a checkpoint's weights into a model.

    Args:
        folder: A verified checkpoint.
        model: A model of the same shape.

    Raises:
        ArtefactError: If names or shapes differ, or a weight is NaN or infinite.
    """
    fill(folder / WEIGHTS, dict(model.named_parameters()))


def load_optimiser(folder: Path, optimiser: Optimiser) -> None:
    """Put a checkpoint's optimiser state into an optimiser.

    Args:
        folder: A verified checkpoint.
        optimiser: An optimiser over a model of the same shape.

    Raises:
        ArtefactError: If names or shapes differ, or a number cannot be one of an optimiser.
    """
    fill(folder / OPTIMISER, optimiser.state)
    for name, state in optimiser.state.items():
        # Sums and means of squares; below zero their root would be no number.
        if not name.endswith(":mean") and bool((state < 0).any()):
            raise ArtefactError(
                "CHECKPOINT-RANGE", f"{folder / OPTIMISER} {name}", "holds a number below 0."
            )
    optimiser.num_steps = read_progress(folder)[1]


def _refuse_broken(tensors: Mapping[str, Tensor], step: int) -> None:
    """A step can be finite and still move a weight out of range: that is no checkpoint to keep."""
    broken = [name for name, one in tensors.items() if not bool(torch.isfinite(one).all())]
    if broken:
        raise NumericError(
            "NAN-WEIGHT",
            f"step {step}, {', '.join(broken[:5])}",
            "is NaN or infinite after the step and was not saved. Lower train.learning_rate; "
            "--resume goes on from the last checkpoint.",
        )


def _contiguous(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: one.detach().cpu().contiguous() for name, one in tensors.items()}
