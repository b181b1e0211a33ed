"""Items that the model never saw, added to a bundle by their fields."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from torch import Tensor

from unclicked import artefact
from unclicked.bundle import contents
from unclicked.bundle.card import card_text
from unclicked.bundle.contents import Bundle
from unclicked.bundle.export import refuse_other_kinds, write_contents
from unclicked.bundle.golden import golden_queries
from unclicked.bundle.neighbours import neighbour_vectors
from unclicked.bundle.opening import open_bundle
from unclicked.config import Config
from unclicked.data.catalogue import Catalogue, FieldCodes
from unclicked.data.column_hints import list_columns, nearest_name
from unclicked.data.log_files import check_file
from unclicked.data.reader import column_types
from unclicked.data.schema import ReadOptions
from unclicked.data.side_fields import SideField
from unclicked.data.side_tables import SideTable, read_side_table
from unclicked.data.vocabulary import Vocabulary
from unclicked.data.write_dataset import read_options
from unclicked.errors import UserError
from unclicked.model import UnclickedRecommender
from unclicked.recommendation import Answerer
from unclicked.run import EncoderMaker, build_model
from unclicked.sealed import BUNDLE_KIND


def add_items(
    bundle_folder: Path,
    table: Path,
    out: Path | None = None,
    *,
    by_neighbours: bool = False,
    encoder: EncoderMaker | None = None,
) -> dict[str, Any]:
    """Add items to a bundle and publish it anew, with new golden queries.

    A new item is read as every item is, with the unknown id and its own fields. What it is scored
    by comes from there too where the model ties its item vectors. Else that vector would be a row
    of a table, which only training fills: such a bundle is refused, unless the row may be the mean
    of similar items' rows.

    Args:
        bundle_folder: The bundle.
        table: Parquet or CSV file with an `item_id` and every field of the bundle's items, as
            `unclicked prepare --items` reads it; other columns are not looked at.
        out: Folder of the new bundle; the bundle itself without.
        by_neighbours: Whether rows that were not trained may be the mean of those of the clicked
            items that share most field values (see `neighbour_vectors`).
        encoder: Makes the encoder, where the model has one of the user's own.

    Returns:
        "added" and "known" (numbers of items), "bundle" (its path), "dropped" (files of further
        forms that did not know the new items), and "unknown_values" by field.

    Raises:
        UserError: If the model gives new items no vector, or the table does not fit.
        ArtefactError: If the bundle or the table is broken.
    """
    bundle = open_bundle(bundle_folder, encoder)
    _refuse_untrained(bundle, by_neighbours)
    found = _read(bundle, table)
    known = np.asarray(pc.is_in(found.ids, value_set=_ids(bundle)).to_numpy(zero_copy_only=False))
    rows = np.flatnonzero(~known)
    target = bundle_folder if out is None else out
    told: dict[str, Any] = {"added": len(rows), "known": int(known.sum()), "bundle": target}
    if not len(rows) and target == bundle_folder:
        return told | {"dropped": [], "unknown_values": {}}
    ids = found.ids.take(pa.array(rows))
    new = {name: found.fields[name].take(rows) for name in bundle.catalogue.fields}
    catalogue, unknown = _grown_catalogue(bundle.catalogue, ids, new)
    model = _grown_model(bundle, catalogue, encoder)
    names = None
    if bundle.names:
        names = bundle.names + _names(found, rows)
    grown = replace(bundle, catalogue=catalogue, model=model, names=names or [], index=None)
    every = (contents.INDEX, contents.INDEX_FACTS, *contents.TOWER_FILES)
    dropped = [name for name in every if (bundle_folder / name).exists()]
    _publish(grown, names, bundle_folder, target, len(rows))
    return told | {"dropped": dropped, "unknown_values": unknown}


def _refuse_untrained(bundle: Bundle, by_neighbours: bool) -> None:
    if not bundle.catalogue.fields:
        raise UserError(
            "ITEMS-FIELDS",
            str(bundle.path),
            "knows items by their ids alone, so that a new one is like nothing. Prepare the log "
            "with --items and train again.",
        )
    if bundle.config.model.tie_item_vectors:
        return
    if bundle.model.fixed_item_vectors:
        raise UserError(
            "ITEMS-FIXED",
            str(bundle.path),
            "scores items by random vectors of their own, so that no new item has a place among "
            "them. Train with --set train.ranking_loss=sampled_softmax "
            "--set model.tie_item_vectors=true.",
        )
    if not by_neighbours:
        raise UserError(
            "ITEMS-UNTRAINED",
            str(bundle.path),
            "scores items by a table of vectors that only training fills: a new item has none. "
            "Train with --set model.tie_item_vectors=true, or take the mean vector of similar "
            "items, which nothing was trained for (--by-neighbours).",
        )


def _ids(bundle: Bundle) -> pa.Array:
    return bundle.catalogue.items.values.cast(_id_type(bundle))


def _id_type(bundle: Bundle) -> pa.DataType:
    integers = pa.types.is_integer(bundle.catalogue.items.values.type)
    return pa.int64() if integers else pa.string()


def _read(bundle: Bundle, path: Path) -> SideTable:
    data = bundle.config.data
    options = read_options(data, "fail", data.item_bins)
    _refuse_lacking(bundle, path, options)
    return read_side_table(path, "item_id", options, _id_type(bundle), data.item_name)


def _refuse_lacking(bundle: Bundle, path: Path, options: ReadOptions) -> None:
    """Columns go by the names that the bundle was made with, which nothing maps anew."""
    check_file(path)
    types = column_types(path, options.limits)
    ids = options.name_in_file("item_id")
    ids = ids if ids in types else "item_id"
    name = bundle.config.data.item_name
    others = [*bundle.catalogue.fields, *([] if name is None else [name])]
    lacking = [one for one in (ids, *others) if one not in types]
    if not lacking:
        return
    rename, free = [], set(types) - {ids, *others}
    for one in lacking:
        if (near := nearest_name(one, sorted(free))) is not None:
            free.remove(near)
            rename.append(f'rename "{near}" to "{one}"')
    told = f" If it is the same, {' and '.join(rename)}." if rename else ""
    raise UserError(
        "DATA-COLUMN",
        str(path),
        f"no column {', '.join(lacking)}; expected {ids} and every field of the bundle's items "
        f"({', '.join(others)}). Found: {list_columns(types)}.{told} Leave a value empty where "
        "there is none.",
    )


def _names(table: SideTable, rows: np.ndarray[Any, np.dtype[np.int64]]) -> list[str]:
    if table.names is None:
        return [""] * len(rows)
    return ["".join(table.names.row(int(row))) for row in rows]


def _grown_catalogue(
    old: Catalogue, ids: pa.Array, fields: dict[str, SideField]
) -> tuple[Catalogue, dict[str, int]]:
    """The catalogue with new items at its end, and how many values of theirs are unknown."""
    values = old.items.values
    items = Vocabulary(pa.concat_arrays([values, ids.cast(values.type)]))
    id_rank = np.zeros(len(items) + 1, dtype=np.int64)
    id_rank[1 + np.asarray(pc.sort_indices(items.values))] = np.arange(len(items))
    clicks = np.concatenate([old.clicks, np.zeros(len(ids), dtype=np.int64)])
    grown, unknown = {}, {}
    for name, field in old.fields.items():
        codes = field.vocabulary.encode(fields[name].values)
        missed = int((codes == field.vocabulary.unknown).sum())
        if missed:
            unknown[name] = missed
        # The unknown item's values stay the last.
        cut = field.offsets[-2]
        tail = np.diff(field.offsets[-2:])
        lengths = np.concatenate([np.diff(fields[name].offsets), tail])
        grown[name] = FieldCodes(
            field.vocabulary,
            np.concatenate([field.offsets[:-1], cut + np.cumsum(lengths)]),
            np.concatenate([field.codes[:cut], codes, field.codes[cut:]]).astype(np.int32),
        )
    return Catalogue(items, clicks, id_rank, grown), unknown


def _grown_model(
    bundle: Bundle, catalogue: Catalogue, encoder: EncoderMaker | None
) -> UnclickedRecommender:
    config: Config = bundle.config
    users = contents.users_kept(config)
    model = build_model(config, catalogue, bundle.profile_vocabularies, users, encoder).eval()
    own = dict(bundle.model.named_parameters())
    output = None if model.output is None else model.output.weight
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.shape == own[name].shape:
                weight.copy_(own[name])
            elif weight is output:
                vectors = neighbour_vectors(bundle.catalogue, catalogue, own[name][:-1])
                weight.copy_(torch.cat([own[name][:-1], vectors, own[name][-1:]]))
            else:
                weight.copy_(_with_unknown_rows(own[name], len(weight)))
    return model


def _with_unknown_rows(weight: Tensor, length: int) -> Tensor:
    """A table of ids with its last row, the unknown id's, once for each new item."""
    more = weight[-1:].expand(length - len(weight), -1)
    return torch.cat([weight, more])


def _publish(
    grown: Bundle, names: list[str] | None, bundle_folder: Path, target: Path, added: int
) -> None:
    facts = artefact.read_json(bundle_folder / contents.FACTS)
    before = grown.card.get("new_items", {})
    how = "fields" if grown.config.model.tie_item_vectors else "neighbours, untrained"
    told = {"added": int(before.get("added", 0)) + added, "vectors_by": how}
    card = grown.card | {"new_items": told, "parity": {}}

    def write(folder: Path) -> dict[str, Any]:
        write_contents(grown, facts, names, folder)
        artefact.write_json(folder / contents.GOLDEN, golden_queries(Answerer(grown)))
        artefact.write_json(folder / contents.CARD, card)
        (folder / contents.CARD_TEXT).write_text(card_text(card), encoding="utf-8")
        return {"kind": BUNDLE_KIND}

    size = sum(one.nbytes for one in grown.model.parameters())
    refuse_other_kinds(target)
    artefact.publish(target, write, num_bytes=2 * size)
