"""What lists for everybody are asked of: the model of a run or of a bundle."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from unclicked import artefact
from unclicked.config import Config
from unclicked.model import UnclickedRecommender
from unclicked.run import Run


@dataclass(frozen=True)
class Ranker:
    """A trained model, and what it was trained on.

    Attributes:
        path: Folder of the run or bundle.
        config: The resolved configuration.
        model: The model, in evaluation mode.
        dataset_sha256: Content hash of the data set that it was trained on.
        weights_sha256: Changes when the weights do.
    """

    path: Path
    config: Config
    model: UnclickedRecommender
    dataset_sha256: str
    weights_sha256: str


def ranker_of(run: Run) -> Ranker:
    """The model of a run.

    Args:
        run: The run.

    Returns:
        Its best checkpoint's model.
    """
    best = run.path / "checkpoints" / f"{run.progress.best_step:09d}"
    files = artefact.read_json(best / artefact.MANIFEST)["files"]
    weights = str(files["model.safetensors"]["sha256"])
    return Ranker(run.path, run.config, run.model, run.facts.dataset_sha256, weights)
