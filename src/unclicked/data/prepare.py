"""From an impression log to a prepared data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
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
from unclicked.data.card_page import card_page
from unclicked.data.catalogue import Catalogue, all_item_ids, build_catalogue, build_profiles
from unclicked.data.checks import GoodRows
from unclicked.data.dataset import PreparedDataset
from unclicked.data.item_names import names_in_order, save_names
from unclicked.data.reader_limits import ReadLimits
from unclicked.data.reading import read_log
from unclicked.data.rules import Rules, Samples, held_out_samples, train_samples
from unclicked.data.schema import BadRow, ImpressionLog, ReadOptions
from unclicked.data.side_tables import SideTable, read_side_table
from unclicked.data.skip_signal import skip_signal
from unclicked.data.split import Boundaries, find_boundaries, readable
from unclicked.data.stored_log import LOG_FILE, check_same_ids, good_rows, load_log, save_log
from unclicked.data.timelines import CodedLog, build_timelines, code_log
from unclicked.data.vocabulary import Vocabulary
from unclicked.errors import UserError, enough_memory

Ints = NDArray[np.int64]


def prepare(
    log: Sequence[Path],
    out: Path,
    *,
    items: Path | None = None,
    users: Path | None = None,
    config: DataConfig | None = None,
    on_bad_row: str = "fail",
    beside: PreparedDataset | None = None,
    overwrite: bool = False,
) -> PreparedDataset:
    """Make a prepared data set from impression files.

    With `beside` the files are a later part of that data set's log: the result is what all files
    together would give, without reading the old ones again.

    Args:
        log: Parquet or CSV files, or folders of them, in any order.
        out: Folder to make.
        items: Table of items with categorical fields, if there is one.
        users: Table of users with categorical profile fields, if there is one.
        config: Column names and rules; the defaults without.
        on_bad_row: "fail", or "quarantine" to keep bad rows aside in `rejected.parquet`.
        beside: An earlier data set whose log is joined to the files; `config` is then its rules
            with what shall change. Its quarantined rows stay where they are.
        overwrite: Whether another data set in `out` may be replaced; the same one always may.

    Returns:
        The data set, opened.

    Raises:
        UserError: If the input cannot be used; the message says where and what to do.
        ArtefactError: If a file is broken.
        ResourceError: If the disk refuses to write.
        BusyError: If another process prepares the same folder.

    Source: paper section 4.1 and SDM section 3.1.
    """
    config = DataConfig() if config is None else config
    out = Path(out)
    if not overwrite:
        _refuse_other_rules(out, config)
    # The folder is ours before the work begins, and what cannot be written is said at once.
    with artefact.claim(out) as put, enough_memory("preparing the log", "Give fewer rows at once."):
        if beside is not None:
            _need_side_tables(beside, items, users)
        read = _read(log, config, on_bad_row, beside)
        parts = _parts(read, items, users, config)
        put(lambda folder: _write(folder, parts), num_bytes=read.table.nbytes, same=not overwrite)
    return PreparedDataset.open(out)


def _refuse_other_rules(out: Path, config: DataConfig) -> None:
    """Say it before the work: what lies there was made with other rules, and runs may need it."""
    if not (out / artefact.MANIFEST).is_file():
        return
    manifest = artefact.read_json(out / artefact.MANIFEST)
    there = manifest.get("config") if isinstance(manifest, dict) else None
    if there != config.model_dump(mode="json"):
        raise UserError(
            "OUT",
            str(out),
            "holds something that was made with other rules, and is kept. Give --overwrite (from "
            "Python, overwrite=True) to replace it, or choose another folder.",
        )


def _parts(
    read: ImpressionLog, items: Path | None, users: Path | None, config: DataConfig
) -> _Parts:
    """Apply the rules to a log."""
    coded = code_log(read.table)
    if config.item_name is not None and items is None:
        raise UserError(
            "CONFIG-KEY", "data.item_name", "names a column, but there is no item table (--items)."
        )
    item_table = _side_table(items, "item_id", config, coded.items.type)
    user_table = _side_table(users, "user_id", config, coded.users.type)
    bounds = _boundaries(coded, config)
    catalogue, index_of = _catalogue(coded, item_table, config, bounds)
    timelines = build_timelines(coded, index_of, len(catalogue.items))
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
    card = data_card.collect(read, coded.clicked, timelines, catalogue, splits, bounds, config)
    signal = skip_signal(splits["train"], timelines.click_item, catalogue, cut=config.unclicked.cut)
    return _Parts(
        config=config,
        catalogue=catalogue,
        users=Vocabulary(coded.users),
        profiles=build_profiles(coded.users, user_table),
        click_item=timelines.click_item,
        splits=splits,
        card={**card, "skip_signal": signal},
        log=read.table,
        rejected=read.rejected,
        names=names_in_order(catalogue.items.values, item_table),
    )


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
    log: pa.Table
    rejected: list[BadRow]
    names: pa.Array | None


def _write(folder: Path, parts: _Parts) -> dict[str, Any]:
    """Fill the folder of a data set; the facts for its manifest."""
    (folder / "catalogue").mkdir()
    storage.save_catalogue(parts.catalogue, folder / "catalogue")
    if parts.names is not None:
        save_names(parts.names, folder / "catalogue")
    parts.users.save(folder / "users.parquet")
    vocabularies, profiles = parts.profiles
    artefact.write_json(folder / "profiles.json", list(vocabularies))
    (folder / "profiles").mkdir()
    for number, vocabulary in enumerate(vocabularies.values()):
        vocabulary.save(folder / "profiles" / f"{number}.parquet")
    storage.save_array(folder / "profiles.npy", profiles)
    storage.save_array(folder / "click_item.npy", parts.click_item)
    save_log(parts.log, folder / LOG_FILE)
    for name, samples in parts.splits.items():
        storage.save_samples(samples, folder / name)
    artefact.write_json(folder / "card.json", parts.card)
    page = card_page({**parts.card, "timezone": parts.config.timezone})
    (folder / storage.CARD_PAGE).write_text(page, encoding="utf-8")
    if parts.rejected:
        data_card.save_rejected(parts.rejected, folder / "rejected.parquet")
    return {
        "kind": storage.KIND,
        "schema_version": storage.SCHEMA_VERSION,
        "config": parts.config.model_dump(),
    }


def _read(
    log: Sequence[Path], config: DataConfig, on_bad_row: str, beside: PreparedDataset | None
) -> ImpressionLog:
    """The log of the files and, where there is one, of an earlier data set."""
    paths, options = [Path(path) for path in log], _read_options(config, on_bad_row, {})
    if beside is None:
        return read_log(paths, options)
    earlier, before = good_rows(load_log(beside)), beside.card["rows"]

    def check(new: GoodRows) -> None:
        check_same_ids(earlier, new, beside.path)

    read = read_log(paths, options, earlier=earlier, check=check)
    return replace(
        read,
        rows_read=read.rows_read + before["read"],
        num_rejected=read.num_rejected + before["rejected"],
        duplicates=read.duplicates + before["duplicates"],
        conflicts=read.conflicts + before["clicked_and_unclicked"],
        unused_columns=sorted({*read.unused_columns, *beside.card["unused_columns"]}),
    )


def _need_side_tables(beside: PreparedDataset, items: Path | None, users: Path | None) -> None:
    """Fields never vanish without a word because a table was not given again."""
    had = {
        "--items": (items, list(beside.catalogue.fields)),
        "--users": (users, list(beside.profile_vocabularies)),
    }
    for option, (given, fields) in had.items():
        if fields and given is None:
            raise UserError(
                "DATA-BESIDE",
                option,
                f"is missing, but {beside.path} has the fields {', '.join(fields)}. Give the "
                "table as it is now.",
            )


def _read_options(config: DataConfig, on_bad_row: str, bins: dict[str, list[float]]) -> ReadOptions:
    return ReadOptions(
        columns=config.columns.model_dump(),
        time_unit=config.time_unit,
        timezone=config.timezone,
        on_bad_row=on_bad_row,
        id_type=config.id_type,
        bins=bins,
        limits=ReadLimits(config.reader_memory_gib, config.max_expansion),
    )


def _side_table(
    path: Path | None, column: str, config: DataConfig, id_type: pa.DataType
) -> SideTable | None:
    if path is None:
        return None
    of_items = column == "item_id"
    options = _read_options(config, "fail", config.item_bins if of_items else config.user_bins)
    names = config.item_name if of_items else None
    return read_side_table(Path(path), column, options, id_type, names)


def _boundaries(coded: CodedLog, config: DataConfig) -> Boundaries:
    if not len(coded.time):
        raise UserError("DATA-EMPTY", "log", "holds no usable row.")
    if not coded.clicked.any():
        found = f"holds no click in {len(coded.time):,} rows. Give the clicks too, or look at "
        raise UserError("DATA-CLICKED", "log", f"{found}data.columns.clicked.")
    return find_boundaries(
        int(coded.time.min()), int(coded.time.max()), config.split, config.timezone
    )


def _catalogue(
    coded: CodedLog, table: SideTable | None, config: DataConfig, bounds: Boundaries
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
