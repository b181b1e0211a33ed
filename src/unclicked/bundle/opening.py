"""From a bundle's folder to a model ready to be asked; nothing that is loaded can run code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError

from unclicked import artefact
from unclicked.bundle import contents
from unclicked.bundle.contents import Bundle
from unclicked.config import Config
from unclicked.data.catalogue import Catalogue
from unclicked.data.dataset import load_catalogue
from unclicked.data.dataset import load_names as load_field_names
from unclicked.data.item_names import NAMES_FILE, load_names
from unclicked.data.vocabulary import Vocabulary
from unclicked.errors import ArtefactError, UserError
from unclicked.model import UnclickedRecommender
from unclicked.recommendation.answerer import Searcher
from unclicked.run import EncoderMaker, Run, build_model, open_run
from unclicked.sealed import BUNDLE, BUNDLE_KIND, holds, refuse_mistaken
from unclicked.training.weights import fill


def open_bundle(
    folder: Path,
    encoder: EncoderMaker | None = None,
    device: str | torch.device = "cpu",
) -> Bundle:
    """Open a bundle after every file of it was checked against its hash.

    Args:
        folder: The bundle.
        encoder: Makes the encoder, where the run was trained with one of the user's own.
        device: Where the model is put.

    Returns:
        The bundle.

    Raises:
        ArtefactError: If something is missing, changed or does not fit.
        UserError: If it is no bundle, or needs an encoder that was not given.
    """
    artefact.recover(folder)
    refuse_mistaken(folder, BUNDLE)
    manifest = artefact.verify(folder, BUNDLE_KIND)
    _refuse_unlisted(folder, set(manifest["files"]))
    name, config, own = _facts(folder / contents.FACTS)
    if own and encoder is None:
        raise UserError(
            "BUNDLE-ENCODER",
            str(folder),
            f"was trained with the encoder {own} given from Python. "
            "Use unclicked.bundle.open_bundle(folder, encoder=...).",
        )
    catalogue = load_catalogue(folder / contents.CATALOGUE)
    names: list[str] | None = None
    if (folder / contents.CATALOGUE / NAMES_FILE).is_file():
        names = load_names(folder / contents.CATALOGUE, len(catalogue.items))
    profiles = {
        field: Vocabulary.load(folder / contents.PROFILES / f"{number}.parquet")
        for number, field in enumerate(load_field_names(folder / "profiles.json"))
    }
    try:
        model = build_model(config, catalogue, profiles, contents.users_kept(config), encoder)
    except UserError as error:
        raise ArtefactError("BUNDLE-FACTS", str(folder), error.message) from None
    fill(folder / contents.WEIGHTS, dict(model.named_parameters()))
    model.to(device).eval()
    return Bundle(
        path=folder,
        sha256=str(manifest["sha256"]),
        name=name,
        config=config,
        catalogue=catalogue,
        names=names or [],
        profile_vocabularies=profiles,
        model=model,
        index=_index(folder, manifest, model, catalogue),
        golden=_golden(folder / contents.GOLDEN),
        card=_object(folder / contents.CARD),
    )


def _refuse_unlisted(folder: Path, listed: set[str]) -> None:
    """What the manifest does not list was not checked, and must not be read."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name not in listed and name != artefact.MANIFEST:
            raise ArtefactError(
                "BUNDLE-FILE", str(path), "is not listed in the manifest. Remove it."
            )


def _index(
    folder: Path, manifest: dict[str, Any], model: UnclickedRecommender, catalogue: Catalogue
) -> Searcher | None:
    listed = {contents.INDEX, contents.INDEX_FACTS} & set(manifest["files"])
    if not listed:
        return None
    if len(listed) == 1:
        raise ArtefactError("BUNDLE-FILE", str(folder), f"holds {listed.pop()} alone.")
    from unclicked.bundle.faiss_index import load_index

    return load_index(folder, model.all_item_vectors(), catalogue)


def is_bundle(folder: Path) -> bool:
    """Whether a folder looks like a bundle, also where its manifest cannot be read.

    Args:
        folder: A folder; it may be missing.

    Returns:
        True where it does.
    """
    return holds(folder, BUNDLE) or (folder / contents.FACTS).is_file()


def open_source(
    folder: Path, device: str = "cpu", warn: Callable[[str], None] = lambda text: None
) -> Bundle | Run:
    """Open a run or a bundle, whichever a folder holds.

    Args:
        folder: The folder.
        device: Where the model is put.
        warn: Called with sentences that a person should read.

    Returns:
        What can be asked.
    """
    if is_bundle(folder):
        return open_bundle(folder, device=device)
    return open_run(folder, device=device, warn=warn)


def _facts(path: Path) -> tuple[str, Config, str]:
    content = _object(path)
    found = content.get("format")
    if found != contents.FORMAT:
        raise ArtefactError(
            "BUNDLE-FORMAT", str(path), f"has format {found}, expected {contents.FORMAT}."
        )
    name, own = content.get("name"), content.get("own_encoder")
    if not isinstance(name, str) or not isinstance(own, str):
        raise ArtefactError("BUNDLE-FACTS", str(path), "holds no name or encoder.")
    try:
        return name, Config.model_validate(content.get("config")), own
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ArtefactError("BUNDLE-FACTS", f"{path} config.{key}", f"{first['msg']}.") from None


def _object(path: Path) -> dict[str, Any]:
    content = artefact.read_json(path)
    if not isinstance(content, dict):
        raise ArtefactError("BUNDLE-FILE", str(path), "holds no JSON object.")
    return content


GOLDEN_TYPES = {"clicked": list, "unclicked": list, "profile": dict, "items": list, "scores": list}


def _golden(path: Path) -> list[dict[str, Any]]:
    content = artefact.read_json(path)
    fits = isinstance(content, list) and all(
        isinstance(one, dict)
        and set(one) == set(GOLDEN_TYPES)
        and all(isinstance(one[name], kind) for name, kind in GOLDEN_TYPES.items())
        and all(type(score) is float for score in one["scores"])
        and len(one["scores"]) == len(one["items"])
        for one in content
    )
    if not fits:
        raise ArtefactError("BUNDLE-FILE", str(path), "holds no golden queries.")
    return list(content)
