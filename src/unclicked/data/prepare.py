"""From an impression log to a prepared data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from unclicked import artefact
from unclicked.config import DataConfig
from unclicked.data import card as data_card
from unclicked.data import dataset as storage
from unclicked.data.catalogue import (
    Catalogue,
    all_item_ids,
    build_catalogue,
    build_profiles,
)
from unclicked.data.dataset import PreparedDataset
from unclicked.data.reading import read_log
from unclicked.data.rules import Rules, Samples, Timelines, held_out_samples, train_samples
from unclicked.data.schema import BadRow, ImpressionLog, ReadOptions
from unclicked.data.side_tables import SideTable, read_side_table
from unclicked.data.split import Boundaries, find_boundaries, readable
from unclicked.data.vocabulary import Vocabulary
from unclicked.errors import UserError

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class _CodedLog:
    """The log with users and items as numbers, still in id order."""

    users: pa.Array
    items: pa.Array
    user: Ints
    item: Ints
    time: Ints
    clicked: NDArray[np.bool_]
    click_time: Ints
    session: Ints


def prepare(
    log: Sequence[Path],
    out: Path,
    *,
    items: Path | None = None,
    users: Path | None = None,
    config: DataConfig | None = None,
    on_bad_row: str = "fail",
) -> PreparedDataset:
    """Make a prepared data set from impression files.

    Args:
        log: Parquet or CSV files, or folders of them, in any order.
        out: Folder to make.
        items: Table of items with categorical fields, if there is one.
        users: Table of users with categorical profile fields, if there is one.
        config: Column names and rules; the defaults without.
        on_bad_row: "fail", or "quarantine" to keep bad rows aside in `rejected.parquet`.

    Returns:
        The data set, opened.

    Raises:
        UserError: If the input cannot be used; the message says where and what to do.
        ArtefactError: If a file is broken.
        ResourceError: If the disk refuses to write.

    Source: paper section 4.1 and SDM section 3.1.
    """
    config = DataConfig() if config is None else config
    read = read_log([Path(path) for path in log], _read_options(config, on_bad_row, {}))
    coded = _code(read)
    item_table = _side_table(items, "item_id", config, coded.items.type)
    user_table = _side_table(users, "user_id", config, coded.users.type)
    bounds = _boundaries(coded, config)
    catalogue, index_of = _catalogue(coded, item_table, config, bounds)
    timelines = _timelines(coded, index_of, len(catalogue.items))
    rules = Rules.from_config(config)
    splits = {
        "train": train_samples(timelines, rules, end_us=bounds.validation_us),
        "validation": held_out_samples(
            timelines, rules, begin_us=bounds.validation_us, end_us=bounds.test_us
        ),
        "test": held_out_samples(timelines, rules, begin_us=bounds.test_us, end_us=bounds.end_us),
    }
    splits["validation"] = _at_most(splits["validation"], config.split.validation_users)
    _refuse_empty(splits, bounds, len(coded.time))
    parts = _Parts(
        config=config,
        catalogue=catalogue,
        users=Vocabulary(coded.users),
        profiles=build_profiles(coded.users, user_table),
        click_item=timelines.click_item,
        splits=splits,
        card=data_card.collect(read, coded.clicked, timelines, catalogue, splits, bounds, config),
        rejected=read.rejected,
    )
    artefact.publish(Path(out), lambda folder: _write(folder, parts))
    return PreparedDataset.open(Path(out))


@dataclass(frozen=True)
class _Parts:
    """What a data set is written from."""

    config: DataConfig
    catalogue: Catalogue
    users: Vocabulary
    profiles: tuple[dict[str, Vocabulary], NDArray[np.int32]]
    click_item: NDArray[np.int32]
    splits: dict[str, Samples]
    card: dict[str, Any]
    rejected: list[BadRow]


def _write(folder: Path, parts: _Parts) -> dict[str, Any]:
    """Fill the folder of a data set; the facts for its manifest."""
    (folder / "catalogue").mkdir()
    storage.save_catalogue(parts.catalogue, folder / "catalogue")
    parts.users.save(folder / "users.parquet")
    vocabularies, profiles = parts.profiles
    artefact.write_json(folder / "profiles.json", list(vocabularies))
    (folder / "profiles").mkdir()
    for number, vocabulary in enumerate(vocabularies.values()):
        vocabulary.save(folder / "profiles" / f"{number}.parquet")
    np.save(folder / "profiles.npy", profiles)
    np.save(folder / "click_item.npy", parts.click_item)
    for name, samples in parts.splits.items():
        storage.save_samples(samples, folder / name)
    artefact.write_json(folder / "card.json", parts.card)
    if parts.rejected:
        data_card.save_rejected(parts.rejected, folder / "rejected.parquet")
    return {
        "kind": storage.KIND,
        "schema_version": storage.SCHEMA_VERSION,
        "config": parts.config.model_dump(),
    }


def _read_options(config: DataConfig, on_bad_row: str, bins: dict[str, list[float]]) -> ReadOptions:
    return ReadOptions(
        columns=config.columns.model_dump(),
        time_unit=config.time_unit,
        timezone=config.timezone,
        on_bad_row=on_bad_row,
        id_type=config.id_type,
        bins=bins,
    )


def _side_table(
    path: Path | None, column: str, config: DataConfig, id_type: pa.DataType
) -> SideTable | None:
    if path is None:
        return None
    bins = config.item_bins if column == "item_id" else config.user_bins
    return read_side_table(Path(path), column, _read_options(config, "fail", bins), id_type)


def _code(read: ImpressionLog) -> _CodedLog:
    table = read.table
    users, user = _numbers(table["user_id"])
    items, item = _numbers(table["item_id"])
    time = table["timestamp_us"].to_numpy()
    clicked = table["clicked"].to_numpy()
    click_time = time
    if "clicked_at_us" in table.column_names:
        click_time = pc.coalesce(table["clicked_at_us"], table["timestamp_us"]).to_numpy()
    session = np.full(len(time), -1, dtype=np.int64)
    if "session_id" in table.column_names:
        codes = table["session_id"].combine_chunks().dictionary_encode().indices
        session = pc.fill_null(codes.cast(pa.int64()), -1).to_numpy(zero_copy_only=False)
    return _CodedLog(users, items, user, item, time, clicked, click_time, session)


def _numbers(column: pa.ChunkedArray) -> tuple[pa.Array, Ints]:
    """Distinct ids in id order, and each row's place among them from 0."""
    ids = column.unique()
    ids = ids.take(pc.sort_indices(ids))
    codes = pc.index_in(column, value_set=ids)
    return ids, codes.to_numpy().astype(np.int64)


def _boundaries(coded: _CodedLog, config: DataConfig) -> Boundaries:
    if not len(coded.time):
        raise UserError("DATA-EMPTY", "log", "holds no usable row.")
    return find_boundaries(
        int(coded.time.min()), int(coded.time.max()), config.split, config.timezone
    )


def _catalogue(
    coded: _CodedLog, table: SideTable | None, config: DataConfig, bounds: Boundaries
) -> tuple[Catalogue, NDArray[np.int32]]:
    """The catalogue, and the item index of each of the log's items."""
    ids = all_item_ids(coded.items, table, config.missing_item)
    place = pc.index_in(coded.items, value_set=ids).to_numpy().astype(np.int64)
    training = coded.clicked & (coded.click_time < bounds.validation_us)
    clicks = np.bincount(place[coded.item[training]], minlength=len(ids))
    catalogue = build_catalogue(ids, clicks.astype(np.int64), table)
    index = np.empty(len(ids), dtype=np.int32)
    index[catalogue.id_rank[1:]] = np.arange(1, len(ids) + 1, dtype=np.int32)
    return catalogue, index[place]


def _timelines(coded: _CodedLog, index_of: NDArray[np.int32], num_items: int) -> Timelines:
    rows = np.flatnonzero(coded.clicked)
    # Ties of time are broken by id, so that the order of files and rows changes nothing.
    order = np.lexsort((coded.item[rows], coded.click_time[rows], coded.user[rows]))
    rows = rows[order]
    users = len(coded.users)
    return Timelines(
        impression_offsets=_offsets(coded.user, users),
        impression_time_us=coded.time,
        impression_item=index_of[coded.item],
        click_offsets=_offsets(coded.user[rows], users),
        click_time_us=coded.click_time[rows],
        click_item=index_of[coded.item[rows]],
        click_session=coded.session[rows],
        num_items=num_items,
    )


def _offsets(user: Ints, users: int) -> Ints:
    result = np.zeros(users + 1, dtype=np.int64)
    np.cumsum(np.bincount(user, minlength=users), out=result[1:])
    return result


def _at_most(samples: Samples, limit: int) -> Samples:
    """A fixed draw of held-out samples; unclicked rows stay as they are."""
    if len(samples) <= limit:
        return samples
    keep = np.sort(np.random.default_rng(0).permutation(len(samples))[:limit])
    return samples.select(keep)


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
