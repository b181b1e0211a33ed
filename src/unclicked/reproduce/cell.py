"""A cell: one training on one data set with one configuration, found again by its key."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unclicked import sealed
from unclicked.config import Config
from unclicked.data.dataset import PreparedDataset
from unclicked.dataset_settings import resolve_for
from unclicked.dotted import merge, nest
from unclicked.errors import ArtefactError
from unclicked.stored_evaluation import stored_lengths

ORDER, DONE, RUN = "cell.json", "done.json", "run"
KEY_LENGTH = 16
TOP_K = (50, 80)
# Counted up where the same configuration would train something else.
FORMAT = 1


@dataclass(frozen=True)
class Cell:
    """One training.

    Attributes:
        dataset: The data set.
        config: Everything that decides what is trained, the seed included.
        preset: Name stored with the run.
    """

    dataset: PreparedDataset
    config: Config
    preset: str

    @property
    def key(self) -> str:
        """Name of the cell: equal for equal data and settings, and for nothing else."""
        content = {
            "format": FORMAT,
            "dataset": self.dataset.sha256,
            "config": self.config.model_dump(mode="json"),
        }
        text = json.dumps(content, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:KEY_LENGTH]

    @property
    def seed(self) -> int:
        """Seed of the run."""
        return self.config.train.seed


def make_cell(
    dataset: PreparedDataset, preset: str, settings: Mapping[str, Any], seed: int
) -> Cell:
    """A cell from a preset and what differs from it.

    Args:
        dataset: The data set.
        preset: Name of a preset.
        settings: Dotted keys and values.
        seed: Seed of the run.

    Returns:
        The cell.

    Raises:
        UserError: A setting is unknown, wrong or fixed by the data set.
    """
    nested = merge(nest(settings), {"train": {"seed": seed}})
    return Cell(dataset, resolve_for(dataset.config, preset, nested), preset)


@dataclass(frozen=True)
class Outcome:
    """How the training of a cell went.

    Attributes:
        cell: The cell.
        run: Folder of the run.
        validation: Best validation HR@50; 0 where it failed.
        epochs: Epochs that it took.
        seconds: How long its last attempt took, or the epochs of all attempts where that is more.
        failed: The error line of a training whose numbers broke; empty for a good one.
    """

    cell: Cell
    run: Path
    validation: float
    epochs: int
    seconds: float
    failed: str


def write_outcome(folder: Path, outcome: Mapping[str, Any]) -> None:
    """Keep how a cell went.

    Args:
        folder: Folder of the cell.
        outcome: `validation`, `epochs`, `seconds`, `failed`.
    """
    sealed.replace_json(folder / DONE, dict(outcome))


def read_outcome(folder: Path, cell: Cell) -> Outcome | None:
    """How a cell went.

    Args:
        folder: Folder of the cell.
        cell: The cell.

    Returns:
        The outcome; None where it has not ended.

    Raises:
        ArtefactError: The file was changed.
    """
    path = folder / DONE
    if not path.exists():
        return None
    content = sealed.read_json(path)
    if not isinstance(content, dict):
        raise ArtefactError("REPRODUCE-CELL", str(path), "is no JSON object.")
    sealed.check_seal(path, content)
    try:
        return Outcome(
            cell,
            folder / RUN,
            float(content["validation"]),
            int(content["epochs"]),
            float(content["seconds"]),
            str(content["failed"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ArtefactError("REPRODUCE-CELL", str(path), f"lacks something ({error}).") from None


@contextmanager
def advised(folder: Path) -> Iterator[None]:
    """Say of a damaged cell what to do about it.

    Args:
        folder: Folder of the cell.

    Yields:
        Nothing.

    Raises:
        ArtefactError: What was raised inside, with the advice.
    """
    try:
        yield
    except ArtefactError as error:
        advice = f"Remove {folder} and start again: that training alone is done anew."
        raise ArtefactError(error.name, error.where, f"{error.message} {advice}") from None


def is_judged(run: Path, split: str) -> bool:
    """Whether a run was judged with the list lengths that studies show.

    Args:
        run: Folder of the run.
        split: `validation` or `test`.

    Returns:
        False where there is no evaluation, or one with other lengths only.
    """
    return set(TOP_K) <= set(stored_lengths(run, split))
