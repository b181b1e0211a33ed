"""The last files of a data set: card, ids, profiles and names, the same for every engine."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from unclicked import artefact
from unclicked.config import DataConfig
from unclicked.data import card as data_card
from unclicked.data import dataset as storage
from unclicked.data.card_log import Days, LogCounts
from unclicked.data.card_page import card_page
from unclicked.data.catalogue import Catalogue, build_profiles
from unclicked.data.item_names import names_in_order, save_names
from unclicked.data.rules import Samples
from unclicked.data.side_tables import SideTable
from unclicked.data.skip_signal import skip_signal
from unclicked.data.split import Boundaries, readable
from unclicked.data.vocabulary import Vocabulary
from unclicked.errors import UserError


@dataclass(frozen=True)
class LogFacts:
    """What is known of a log that the rules were applied to.

    Attributes:
        rows: What became of its rows.
        bounds: Where the held-out days begin.
        days: Counts of its days.
        users: Distinct user ids in order.
        unused_columns: Columns that nothing read.
    """

    rows: data_card.RowCounts
    bounds: Boundaries
    days: Days
    users: pa.Array
    unused_columns: list[str]


def write_rest(
    folder: Path,
    config: DataConfig,
    facts: LogFacts,
    catalogue: Catalogue,
    splits: dict[str, Samples],
    counts: LogCounts,
    click_item: NDArray[np.int32],
    tables: tuple[SideTable | None, SideTable | None],
) -> None:
    """Write what remains once samples and log are written.

    Args:
        folder: Folder of the data set, still without its name.
        config: The `[data]` table.
        facts: What is known of the log.
        catalogue: The items.
        splits: Samples of each split, already in their files.
        counts: Counts of the log for the data card.
        click_item: int32 [C], item index of every click.
        tables: Tables of items and of users, where they exist.

    Raises:
        UserError: If a split holds no sample.
    """
    splits = _limited(splits, config.split.validation_users, folder)
    _refuse_empty(splits, facts.bounds, facts.rows.kept)
    card = data_card.collect(
        facts.rows,
        counts,
        facts.days,
        len(facts.users),
        click_item,
        catalogue,
        splits,
        facts.bounds,
        config,
    )
    signal = skip_signal(splits["train"], click_item, catalogue, cut=config.unclicked.cut)
    told = {**card, "unused_columns": facts.unused_columns, "skip_signal": signal}
    _write_card(folder, told, config)
    _write_ids(folder, catalogue, facts.users, build_profiles(facts.users, tables[1]))
    names = names_in_order(catalogue.items.values, tables[0])
    if names is not None:
        save_names(names, folder / "catalogue")


def _write_card(folder: Path, card: dict[str, Any], config: DataConfig) -> None:
    artefact.write_json(folder / "card.json", card)
    page = card_page({**card, "timezone": config.timezone})
    (folder / storage.CARD_PAGE).write_text(page, encoding="utf-8")


def _write_ids(
    folder: Path,
    catalogue: Catalogue,
    users: pa.Array,
    profiles: tuple[dict[str, Vocabulary], NDArray[np.int32]],
) -> None:
    """Write the catalogue, and the users with their profiles."""
    (folder / "catalogue").mkdir()
    storage.save_catalogue(catalogue, folder / "catalogue")
    Vocabulary(users).save(folder / "users.parquet")
    vocabularies, codes = profiles
    artefact.write_json(folder / "profiles.json", list(vocabularies))
    (folder / "profiles").mkdir()
    for number, vocabulary in enumerate(vocabularies.values()):
        vocabulary.save(folder / "profiles" / f"{number}.parquet")
    storage.save_array(folder / "profiles.npy", codes)


def _limited(splits: dict[str, Samples], limit: int, folder: Path) -> dict[str, Samples]:
    """A fixed draw of validation samples; unclicked rows stay as they are."""
    samples = splits["validation"]
    if len(samples) <= limit:
        return splits
    keep = np.sort(np.random.default_rng(0).permutation(len(samples))[:limit])
    drawn = samples.select(keep)
    shutil.rmtree(folder / "validation")
    storage.save_samples(drawn, folder / "validation")
    return {**splits, "validation": drawn}


def _refuse_empty(splits: dict[str, Samples], bounds: Boundaries, rows: int) -> None:
    ranges = {
        "train": (bounds.begin_us, bounds.validation_us),
        "validation": (bounds.validation_us, bounds.test_us),
        "test": (bounds.test_us, bounds.end_us),
    }
    for name, samples in splits.items():
        if not len(samples):
            begin, end = (readable(moment) for moment in ranges[name])
            raise UserError(
                "DATA-SPLIT",
                f"split {name}",
                f"holds no sample between {begin} and {end} ({rows} rows in the log). "
                "Hold out more days, lower data.clicked.min_session_length, or give more log.",
            )
