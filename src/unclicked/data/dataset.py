"""A prepared data set on disk: memory-mapped ragged arrays under a manifest of hashes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from unclicked import artefact
from unclicked.config import DataConfig
from unclicked.data import ranges
from unclicked.data.catalogue import Catalogue, FieldCodes
from unclicked.data.item_names import load_names as load_item_names
from unclicked.data.rules import Samples
from unclicked.data.sample_files import NARROW, SAMPLE_ARRAYS
from unclicked.data.vocabulary import Vocabulary
from unclicked.errors import ArtefactError
from unclicked.sealed import DATASET, DATASET_KIND, refuse_mistaken

KIND = DATASET_KIND
SCHEMA_VERSION = 1
SPLITS = ("train", "validation", "test")
CARD_PAGE = "card.html"
# Written from other files of the data set, so it says nothing of its own.
DERIVED = (CARD_PAGE,)


@dataclass(frozen=True, repr=False)
class PreparedDataset:
    """What `prepare` made, opened for reading.

    Attributes:
        path: Its folder.
        sha256: Hash over the hashes of all its files but the card's page.
        config: The rules it was made with.
        catalogue: Items in sampling order, with fields.
        users: User ids.
        profile_vocabularies: Values of each profile field.
        profiles: int32 [U, P], value numbers of each user.
        click_item: int32 [C], item index of every click, user by user in order of time.
        splits: Samples of "train", "validation" and "test".
        card: Counts for people: what was read, kept and removed, and "timezone", whose days count.
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

    def __repr__(self) -> str:
        """Where it lies and how much it holds, on one line."""
        sizes = ", ".join(f"{len(samples):,} {name}" for name, samples in self.splits.items())
        holds = f"{len(self.users):,} users, {self.num_items:,} items, samples: {sizes}"
        return f"PreparedDataset({str(self.path)!r}: {holds})"

    @property
    def num_items(self) -> int:
        """Size of the catalogue, V."""
        return len(self.catalogue.items)

    @cached_property
    def item_names(self) -> list[str] | None:
        """Names of the items for people, that of item 1 first; None where the log has none."""
        return load_item_names(self.path / "catalogue", self.num_items)

    @staticmethod
    def open(path: Path | str) -> PreparedDataset:
        """Open a prepared data set after checking every file against its hash.

        Args:
            path: Folder that `prepare` made.

        Returns:
            The data set; arrays are memory-mapped.

        Raises:
            ArtefactError: If a file is missing or changed, the version is another, or a number
                points outside of what it counts.
            UserError: If there is no such folder, or it is a run.
        """
        folder = Path(path)
        artefact.recover(folder)
        refuse_mistaken(folder, DATASET)
        manifest = artefact.verify(folder, KIND)
        found = manifest.get("schema_version")
        if found != SCHEMA_VERSION:
            raise ArtefactError(
                "DATASET-VERSION",
                str(folder),
                f"has version {found}, expected {SCHEMA_VERSION}. Prepare it anew.",
            )
        catalogue = load_catalogue(folder / "catalogue")
        users = Vocabulary.load(folder / "users.parquet")
        clicks = ranges.load_array(folder / "click_item.npy", np.int32)
        ranges.check_range(clicks, 1, len(catalogue.items), folder / "click_item.npy")
        names = load_names(folder / "profiles.json")
        vocabularies = {
            name: Vocabulary.load(folder / "profiles" / f"{number}.parquet")
            for number, name in enumerate(names)
        }
        config = _config(folder, manifest)
        sizes = (len(users), len(clicks), len(catalogue.items))
        return PreparedDataset(
            path=folder,
            sha256=content_hash(manifest),
            config=config,
            catalogue=catalogue,
            users=users,
            profile_vocabularies=vocabularies,
            profiles=_load_profiles(folder / "profiles.npy", len(users), vocabularies),
            click_item=clicks,
            splits={name: _load_samples(folder / name, sizes) for name in SPLITS},
            # The rules name the zone whose days the card counts.
            card={**_object(folder / "card.json"), "timezone": config.timezone},
        )


def _config(folder: Path, manifest: dict[str, Any]) -> DataConfig:
    try:
        return DataConfig.model_validate(manifest.get("config"))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        where = f"{folder / artefact.MANIFEST} config {key}".rstrip()
        raise ArtefactError("DATASET-CONFIG", where, f"{first['msg']}.") from None


def load_names(path: Path) -> list[str]:
    """Names of fields, in the order of their files.

    Args:
        path: JSON file with a list of them.

    Returns:
        Distinct names.

    Raises:
        ArtefactError: If it holds something else.
    """
    names = artefact.read_json(path)
    texts = isinstance(names, list) and all(isinstance(name, str) for name in names)
    if not texts or len(set(names)) != len(names):
        raise ArtefactError("DATASET-NAMES", str(path), "holds no list of distinct names.")
    return list(names)


def _object(path: Path) -> dict[str, Any]:
    content = artefact.read_json(path)
    if not isinstance(content, dict):
        raise ArtefactError("DATASET-FILE", str(path), "holds no JSON object.")
    return content


def content_hash(manifest: dict[str, Any]) -> str:
    """Hash of a data set: of the hashes of all its files but those derived from others.

    Args:
        manifest: The manifest.

    Returns:
        64 hexadecimal digits.
    """
    hashes = {
        name: facts["sha256"] for name, facts in manifest["files"].items() if name not in DERIVED
    }
    return hashlib.sha256(json.dumps(hashes, sort_keys=True).encode()).hexdigest()


def save_array(path: Path, array: NDArray[Any]) -> None:
    """Write an array in NumPy's own format, and hear of it if the disk refuses.

    Args:
        path: The file.
        array: Numbers, of any shape.

    Raises:
        OSError: If not all bytes could be written.

    Differs: `numpy.save` hands a file over to C, where the error of a last small write is lost.
    """
    with path.open("wb") as stream:
        np.lib.format.write_array(_Plain(stream), array, allow_pickle=False)


class _Plain:
    """A stream that does not look like a file, so that every byte is written by Python."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.write = stream.write


def save_catalogue(catalogue: Catalogue, folder: Path) -> None:
    """Write the items and their fields.

    Args:
        catalogue: What to write.
        folder: An existing folder.
    """
    catalogue.items.save(folder / "items.parquet")
    save_array(folder / "clicks.npy", catalogue.clicks)
    save_array(folder / "id_rank.npy", catalogue.id_rank)
    artefact.write_json(folder / "fields.json", list(catalogue.fields))
    for number, field in enumerate(catalogue.fields.values()):
        field.vocabulary.save(folder / f"field{number}.parquet")
        save_array(folder / f"field{number}_offsets.npy", field.offsets)
        save_array(folder / f"field{number}_codes.npy", field.codes)


def load_catalogue(folder: Path) -> Catalogue:
    """Read what `save_catalogue` wrote.

    Args:
        folder: Its folder.

    Returns:
        The catalogue, arrays memory-mapped.

    Raises:
        ArtefactError: If a file cannot be used or does not fit the others.
    """
    names = load_names(folder / "fields.json")
    catalogue = Catalogue(
        items=Vocabulary.load(folder / "items.parquet"),
        clicks=ranges.load_array(folder / "clicks.npy", np.int64),
        id_rank=ranges.load_array(folder / "id_rank.npy", np.int64),
        fields={
            name: FieldCodes(
                Vocabulary.load(folder / f"field{number}.parquet"),
                ranges.load_array(folder / f"field{number}_offsets.npy", np.int64),
                ranges.load_array(folder / f"field{number}_codes.npy", np.int32),
            )
            for number, name in enumerate(names)
        },
    )
    ranges.check_catalogue(catalogue, folder)
    return catalogue


def save_samples(samples: Samples, folder: Path) -> None:
    """Write the samples of one split.

    Args:
        samples: What to write.
        folder: A folder to make.
    """
    folder.mkdir()
    for name in SAMPLE_ARRAYS:
        save_array(folder / f"{name}.npy", getattr(samples, name))
    artefact.write_json(folder / "counts.json", samples.counts)


def _load_samples(folder: Path, sizes: tuple[int, int, int]) -> Samples:
    arrays = {
        name: ranges.load_array(folder / f"{name}.npy", np.int32 if name in NARROW else np.int64)
        for name in SAMPLE_ARRAYS
    }
    samples = Samples(**arrays, counts=_object(folder / "counts.json"))
    ranges.check_samples(samples, sizes, folder)
    return samples


def _load_profiles(path: Path, num_users: int, fields: dict[str, Vocabulary]) -> Any:
    profiles = ranges.load_array(path, np.int32, num_axes=2)
    ranges.check_length(profiles, num_users, path)
    ranges.check_length(profiles.T, len(fields), path)
    for number, vocabulary in enumerate(fields.values()):
        ranges.check_range(profiles[:, number], 0, vocabulary.unknown, path)
    return profiles
