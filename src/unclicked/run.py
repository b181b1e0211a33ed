"""A run's folder: what was trained, on what, with which settings, and its weights."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import ValidationError
from torch import nn

import unclicked
from unclicked import artefact
from unclicked.config import Config
from unclicked.data.catalogue import Catalogue
from unclicked.data.dataset import PreparedDataset, load_catalogue, load_names, save_catalogue
from unclicked.data.vocabulary import Vocabulary
from unclicked.encoders.base import EncoderShape
from unclicked.errors import ArtefactError, UserError
from unclicked.model import UnclickedRecommender
from unclicked.sealed import RUN, refuse_mistaken
from unclicked.training import checkpoint as store

EncoderMaker = Callable[[EncoderShape], nn.Module]
VOCABULARY = "vocabulary"
VOCABULARY_KIND = "unclicked run vocabulary"
FORMAT = 2
# Inside a run that was trained on the validation days too: the run that chose its epochs.
CHOSEN = "chosen"


@dataclass(frozen=True)
class RunFacts:
    """What `run.json` holds.

    Attributes:
        config: The resolved configuration.
        preset: Preset it was built on.
        dataset: Path of the prepared data set.
        dataset_sha256: Its content hash.
        own_encoder: Class name of a module given from Python; empty for one of the dict.
        machine: Versions, threads and platform.
        origin: Where the weights come from besides this training: `warm_start` with the run that
            gave them, `refit` with the epochs that validation chose; empty for a plain run.
    """

    config: Config
    preset: str
    dataset: Path
    dataset_sha256: str
    own_encoder: str
    machine: dict[str, Any]
    origin: dict[str, Any] = field(default_factory=dict)


def machine_facts() -> dict[str, Any]:
    """Versions and threads, which decide whether a rerun gives the same bits.

    Returns:
        Names and values.
    """
    return {
        "unclicked": unclicked.__version__,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "threads": torch.get_num_threads(),
    }


def create_run(run: Path, dataset: PreparedDataset, facts: RunFacts) -> None:
    """Make a run's folder with its facts and vocabularies.

    Args:
        run: Folder to make; it may exist if it is empty, or was being made when a run was stopped.
        dataset: Data set to be trained on.
        facts: What to store.

    Raises:
        UserError: If the folder holds something.
        ResourceError: If the disk refuses to write.
    """
    refuse_full(run, besides=CHOSEN if "refit" in facts.origin else "")

    def write(folder: Path) -> dict[str, Any]:
        (folder / "catalogue").mkdir()
        save_catalogue(dataset.catalogue, folder / "catalogue")
        dataset.users.save(folder / "users.parquet")
        artefact.write_json(folder / "profiles.json", list(dataset.profile_vocabularies))
        for number, vocabulary in enumerate(dataset.profile_vocabularies.values()):
            vocabulary.save(folder / f"profile{number}.parquet")
        return {"kind": VOCABULARY_KIND}

    artefact.publish(run / VOCABULARY, write)
    content = {
        "format": FORMAT,
        "config": facts.config.model_dump(),
        "preset": facts.preset,
        "dataset": {"path": str(facts.dataset), "sha256": facts.dataset_sha256},
        "own_encoder": facts.own_encoder,
        "machine": facts.machine,
        "origin": facts.origin,
    }
    artefact.replace_json(run / "run.json", content)


def refuse_full(run: Path, *, besides: str = "") -> None:
    """Refuse a folder that a new run would not be alone in.

    Args:
        run: Folder of a run to be made.
        besides: Name of something that may be there.

    Raises:
        UserError: If it holds something.
    """
    if run.exists() and (not run.is_dir() or _holds_something(run) - {besides}):
        hint = "Choose another folder."
        if (run / "run.json").is_file():
            hint = "Give --resume to go on with that run, or choose another folder."
        raise UserError("OUT", str(run), f"exists and is not empty. {hint}")


def _holds_something(run: Path) -> set[str]:
    """What a folder holds besides what a run leaves that was stopped while it was made."""
    names = {path.name for path in run.iterdir() if not path.name.startswith(".vocabulary.")}
    return names - {VOCABULARY, "run.json.tmp", ".lock"}


def read_facts(run: Path) -> RunFacts:
    """Facts of a run.

    Args:
        run: Its folder.

    Returns:
        The facts.

    Raises:
        ArtefactError: If it is no run, or one of another version.
        UserError: If there is no such folder, or it is a data set.
    """
    refuse_mistaken(run, RUN)
    path = run / "run.json"
    if not path.is_file():
        why = "holds no run.json, so it is no run. Train one: unclicked train."
        raise ArtefactError("ARTEFACT-MISSING", str(run), why)
    content = artefact.read_json(path)
    found = content.get("format") if isinstance(content, dict) else None
    if found != FORMAT:
        raise ArtefactError("RUN-FORMAT", str(path), f"has format {found}, expected {FORMAT}.")
    artefact.check_seal(path, content)
    try:
        return RunFacts(
            config=Config.model_validate(content["config"]),
            preset=_typed(content, "preset", str),
            dataset=Path(_typed(content["dataset"], "path", str)),
            dataset_sha256=_typed(content["dataset"], "sha256", str),
            own_encoder=_typed(content, "own_encoder", str),
            machine=_typed(content, "machine", dict),
            origin=_typed(content, "origin", dict),
        )
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ArtefactError("RUN-FACTS", f"{path} config.{key}", f"{first['msg']}.") from None
    except (KeyError, TypeError) as error:
        raise ArtefactError("RUN-FACTS", str(path), f"cannot be used ({error}).") from None


def _typed(content: dict[str, Any], name: str, kind: type) -> Any:
    if not isinstance(content[name], kind):
        raise TypeError(f"{name} is no {kind.__name__}")
    return content[name]


@dataclass(frozen=True)
class Run:
    """A trained run, ready to be asked.

    Attributes:
        path: Its folder.
        facts: What was trained.
        catalogue: The items.
        users: User ids.
        profile_vocabularies: Values of each profile field.
        model: The best checkpoint's model, in evaluation mode.
        progress: How training went.
    """

    path: Path
    facts: RunFacts
    catalogue: Catalogue
    users: Vocabulary
    profile_vocabularies: dict[str, Vocabulary]
    model: UnclickedRecommender
    progress: store.Progress

    @property
    def config(self) -> Config:
        """The resolved configuration."""
        return self.facts.config


def build_model(
    config: Config,
    catalogue: Catalogue,
    profiles: dict[str, Vocabulary],
    num_users: int,
    encoder: EncoderMaker | None = None,
) -> UnclickedRecommender:
    """A model with fresh weights, fixed by the seed of the configuration.

    Args:
        config: The resolved configuration.
        catalogue: The items.
        profiles: Values of each profile field.
        num_users: Number of users.
        encoder: Makes an encoder of the user's own.

    Returns:
        The model.
    """
    sizes = {name: len(vocabulary) for name, vocabulary in profiles.items()}
    switches = {
        "exposure_weights": config.data.unclicked.weighting == "exposures",
        "fixed_item_vectors": config.train.ranking_loss == "mse",
    }
    # The caller's own random numbers go on as if no model had been made.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.train.seed)
        return UnclickedRecommender(config.model, catalogue, sizes, num_users, encoder, **switches)


def open_run(
    run: Path,
    encoder: EncoderMaker | None = None,
    device: str | torch.device = "cpu",
    warn: Callable[[str], None] = lambda text: None,
) -> Run:
    """Load a trained run; nothing that is loaded can run code.

    Args:
        run: Its folder.
        encoder: Makes the encoder, where the run was trained with one of the user's own.
        device: Where the model is put.
        warn: Called with sentences that a person should read.

    Returns:
        The run with its best checkpoint.

    Raises:
        ArtefactError: If something is missing, changed or does not fit.
        UserError: If the run needs an encoder that was not given, or is none (see `read_facts`).
    """
    facts = read_facts(run)
    if facts.own_encoder and encoder is None:
        raise UserError(
            "RUN-ENCODER",
            str(run),
            f"was trained with the encoder {facts.own_encoder} given from Python. "
            "Use Recommender.load(run, encoder=...).",
        )
    folder = run / VOCABULARY
    artefact.verify(folder, VOCABULARY_KIND)
    catalogue = load_catalogue(folder / "catalogue")
    profiles = {
        name: Vocabulary.load(folder / f"profile{number}.parquet")
        for number, name in enumerate(load_names(folder / "profiles.json"))
    }
    users = Vocabulary.load(folder / "users.parquet")
    best, progress = _best_checkpoint(run, warn)
    model = build_model(facts.config, catalogue, profiles, len(users), encoder)
    store.load_weights(best, model)
    model.to(device).eval()
    return Run(run, facts, catalogue, users, profiles, model, progress)


def _best_checkpoint(run: Path, warn: Callable[[str], None]) -> tuple[Path, store.Progress]:
    """The best checkpoint as the newest tells; only the files are checked that will be read."""
    newest, refused = store.newest_valid(run, [store.STATE])
    for text in refused:
        warn(f"{text} The best one of before is used.")
    progress = store.read_progress(newest)[0]
    best = newest
    if progress.best_step >= 0:
        best = run / "checkpoints" / f"{progress.best_step:09d}"
    artefact.verify(best, store.KIND, [store.STATE, store.WEIGHTS])
    return best, progress
