"""A prepared data set on disk: memory-mapped ragged arrays under a manifest of hashes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unclicked import artefact
from unclicked.config import DataConfig
from unclicked.data.catalogue import Catalogue, FieldCodes
from unclicked.data.rules import Samples
from unclicked.data.vocabulary import Vocabulary
from unclicked.errors import ArtefactError

KIND = "unclicked prepared data set"
SCHEMA_VERSION = 1
SPLITS = ("train", "validation", "test")
_SAMPLE_ARRAYS = [field.name for field in fields(Samples) if field.name != "counts"]


@dataclass(frozen=True)
class PreparedDataset:
    """What `prepare` made, opened for reading.

    Attributes:
        path: Its folder.
        sha256: Hash over the hashes of all its files.
        config: The rules it was made with.
        catalogue: Items in sampling order, with fields.
        users: User ids.
        profile_vocabularies: Values of each profile field.
        profiles: int32 [U, P], value numbers of each user.
        click_item: int32 [C], item index of every click, user by user in order of time.
        splits: Samples of "train", "validation" and "test".
        card: Counts for people: what was read, kept and removed.
    """

    path: Path
    sha256: str
    config: DataConfig
    catalogue: Catalogue
    users: Vocabulary
    profile_vocabularies: dict[str, Vocabulary]
    profiles: NDArray[np.int32]
    click_item: NDArray[np.int32]
    splits: dict[str, Samples]
    card: dict[str, Any]

    @property
    def num_items(self) -> int:
        """Size of the catalogue, V."""
        return len(self.catalogue.items)

    @staticmethod
    def open(path: Path | str) -> PreparedDataset:
        """Open a prepared data set after checking every file against its hash.

        Args:
            path: Folder that `prepare` made.

        Returns:
            The data set; arrays are memory-mapped.

        Raises:
            ArtefactError: If a file is missing or changed, or the version is another.
        """
        folder = Path(path)
        manifest = artefact.verify(folder, KIND)
        if manifest["schema_version"] != SCHEMA_VERSION:
            raise ArtefactError(
                "DATASET-VERSION",
                str(folder),
                f"has version {manifest['schema_version']}, expected {SCHEMA_VERSION}. "
                "Prepare it anew.",
            )
        profiles = artefact.read_json(folder / "profiles.json")
        return PreparedDataset(
            path=folder,
            sha256=content_hash(manifest),
            config=DataConfig.model_validate(manifest["config"]),
            catalogue=load_catalogue(folder / "catalogue"),
            users=Vocabulary.load(folder / "users.parquet"),
            profile_vocabularies={
                name: Vocabulary.load(folder / "profiles" / f"{number}.parquet")
                for number, name in enumerate(profiles)
            },
            profiles=_load(folder / "profiles.npy"),
            click_item=_load(folder / "click_item.npy"),
            splits={name: _load_samples(folder / name) for name in SPLITS},
            card=artefact.read_json(folder / "card.json"),
        )


def content_hash(manifest: dict[str, Any]) -> str:
    """Hash of a data set: of the hashes of all its files.

    Args:
        manifest: The manifest.

    Returns:
        64 hexadecimal digits.
    """
    hashes = {name: facts["sha256"] for name, facts in manifest["files"].items()}
    return hashlib.sha256(json.dumps(hashes, sort_keys=True).encode()).hexdigest()


def save_catalogue(catalogue: Catalogue, folder: Path) -> None:
    """Write the items and their fields.

    Args:
        catalogue: What to write.
        folder: An existing folder.
    """
    catalogue.items.save(folder / "items.parquet")
    np.save(folder / "clicks.npy", catalogue.clicks)
    np.save(folder / "id_rank.npy", catalogue.id_rank)
    artefact.write_json(folder / "fields.json", list(catalogue.fields))
    for number, field in enumerate(catalogue.fields.values()):
        field.vocabulary.save(folder / f"field{number}.parquet")
        np.save(folder / f"field{number}_offsets.npy", field.offsets)
        np.save(folder / f"field{number}_codes.npy", field.codes)


def load_catalogue(folder: Path) -> Catalogue:
    """Read what `save_catalogue` wrote.

    Args:
        folder: Its folder.

    Returns:
        The catalogue, arrays memory-mapped.
    """
    names = artefact.read_json(folder / "fields.json")
    return Catalogue(
        items=Vocabulary.load(folder / "items.parquet"),
        clicks=_load(folder / "clicks.npy"),
        id_rank=_load(folder / "id_rank.npy"),
        fields={
            name: FieldCodes(
                Vocabulary.load(folder / f"field{number}.parquet"),
                _load(folder / f"field{number}_offsets.npy"),
                _load(folder / f"field{number}_codes.npy"),
            )
            for number, name in enumerate(names)
        },
    )


def save_samples(samples: Samples, folder: Path) -> None:
    """Write the samples of one split.

    Args:
        samples: What to write.
        folder: A folder to make.
    """
    folder.mkdir()
    for name in _SAMPLE_ARRAYS:
        np.save(folder / f"{name}.npy", getattr(samples, name))
    artefact.write_json(folder / "counts.json", samples.counts)


def _load_samples(folder: Path) -> Samples:
    arrays = {name: _load(folder / f"{name}.npy") for name in _SAMPLE_ARRAYS}
    return Samples(**arrays, counts=artefact.read_json(folder / "counts.json"))


def _load(path: Path) -> Any:
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise ArtefactError("DATASET-FILE", str(path), f"cannot be read ({error}).") from None
