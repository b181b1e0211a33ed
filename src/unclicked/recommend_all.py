"""Lists for every user of a data set, block by block, into one Parquet file."""

from __future__ import annotations

import hashlib
import shlex
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray

from unclicked import artefact, disk
from unclicked.data.batching import BatchBuilder
from unclicked.data.dataset import PreparedDataset
from unclicked.data.rules import Rules, Samples, Timelines, latest_samples
from unclicked.data.stored_lists import is_lists_file, join_blocks, made_otherwise, stamp
from unclicked.data.stored_log import stored_timelines
from unclicked.errors import ArtefactError, UserError
from unclicked.evaluation import user_vectors
from unclicked.progress import bar
from unclicked.ranker import Ranker, ranker_of
from unclicked.retrieval import ExactIndex
from unclicked.run import Run

BLOCK_USERS = 8_192
PLAN = "plan.json"
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class _Asked:
    """What stays the same for all users."""

    run: Ranker
    dataset: PreparedDataset
    timelines: Timelines
    samples: Samples
    index: ExactIndex
    exclude: Ints
    unknown: list[Any]
    exclude_seen: bool
    top_k: int
    now_us: int

    @property
    def settings(self) -> dict[str, str]:
        """What was asked, as people spell it; the same ids give the same text."""
        ids = "nothing"
        if len(self.exclude):
            digits = hashlib.sha256(self.exclude.tobytes()).hexdigest()[:8]
            ids = f"{len(self.exclude)} ids (hash {digits})"
        seen = "yes" if self.exclude_seen else "no"
        return {"--top-k": str(self.top_k), "--exclude": ids, "--exclude-seen": seen}


def recommend_all(
    run: Run | Ranker,
    dataset: PreparedDataset,
    out: Path,
    *,
    top_k: int = 10,
    exclude: Sequence[Any] = (),
    exclude_seen: bool = False,
    block_users: int = BLOCK_USERS,
    warn: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:
    """Recommend items to every user of a data set, as of the end of its log.

    Finished blocks lie in `OUT.parts` until the file is whole; the same call goes on after them.

    Args:
        run: A trained run, or the `ranker` of a bundle; the lists are exact, whatever index it has.
        dataset: The data set it was trained on.
        out: Parquet file to write, one row for each user and rank: `user_id`, `rank`, `item_id`,
            `score`, `fallback`. An older file of this kind is replaced.
        top_k: Length of the lists, at least 1.
        exclude: Item ids that nobody gets; unknown ones are ignored and named.
        exclude_seen: Whether everything that a user ever clicked, and the unclicked items of the
            moment, are left out.
        block_users: Users in a block.
        warn: Called with a sentence where lists that were made otherwise are replaced.

    Returns:
        Keys "out", "users", "fallback_users", "rows" and "as_of_us"; where ids were ignored also
        "ignored", with these under "exclude".

    Raises:
        UserError: If an id is of the wrong type, `top_k` is below 1 or `out` is something else.
        ArtefactError: If the data set is another than the run's, or a bundle has further items.
        BusyError: If another process writes the same file.
        ResourceError: If the disk refuses to write.
    """
    ranker = ranker_of(run) if isinstance(run, Run) else run
    _check(ranker, dataset, out, top_k)
    parts = out.with_name(f"{out.name}.parts")
    asked = _prepare(ranker, dataset, top_k, exclude, exclude_seen)
    users = len(dataset.users)
    apart = made_otherwise(out, run.path.name, asked.settings)
    if apart:
        warn(f"{out} holds lists that were made otherwise, and is replaced: {'; '.join(apart)}.")
    with disk.told(out):
        disk.make_folder(parts)
    with artefact.lock(parts), disk.told(out):
        _begin(parts, _plan(asked, block_users))
        blocks = range(0, users, block_users)
        with bar("users", users) as shown:
            for begin in blocks:
                end, path = min(begin + block_users, users), parts / f"{begin:012d}.parquet"
                if not path.is_file():
                    _write_block(asked, (begin, end), path)
                shown.advance(end - begin)
        rows, fallbacks = join_blocks(parts, out, list(blocks))
        shutil.rmtree(parts, ignore_errors=True)
    result = {
        "out": str(out),
        "users": users,
        "fallback_users": fallbacks,
        "rows": rows,
        "as_of_us": asked.now_us,
    }
    return result | ({"ignored": {"exclude": asked.unknown}} if asked.unknown else {})


def _check(run: Ranker, dataset: PreparedDataset, out: Path, top_k: int) -> None:
    if top_k < 1:
        raise UserError("TOP-K", f"top_k {top_k}", "expected at least 1.")
    if run.dataset_sha256 != dataset.sha256:
        raise ArtefactError(
            "RUN-DATASET",
            str(run.path),
            f"was trained on another data set than {dataset.path}. Train on this one, with "
            f"--warm-start {shlex.quote(str(run.path))} to keep what was learned.",
        )
    if run.model.num_items != dataset.num_items:
        raise ArtefactError(
            "RUN-DATASET",
            str(run.path),
            f"has {run.model.num_items:,} items and the data set {dataset.num_items:,}: items were "
            "added to this bundle. Ask it with --requests, or take the bundle without them.",
        )
    if out.exists() and not is_lists_file(out):
        raise UserError("OUT", str(out), "is something else and is not replaced. Choose another.")


def _prepare(
    run: Ranker, dataset: PreparedDataset, top_k: int, exclude: Sequence[Any], exclude_seen: bool
) -> _Asked:
    timelines = stored_timelines(dataset)
    last = max(timelines.impression_time_us.max(), timelines.click_time_us.max(initial=0))
    now_us = int(last) + 1
    rules = Rules.from_config(dataset.config)
    ids = list(exclude)
    if all(isinstance(one, str) for one in ids):
        ids = dataset.catalogue.items.parse(ids, "exclude")
    codes = dataset.catalogue.items.encode(ids)
    known = codes != dataset.catalogue.items.unknown
    device = next(run.model.parameters()).device
    ranks = torch.from_numpy(np.array(dataset.catalogue.id_rank)).to(device)
    return _Asked(
        run=run,
        dataset=dataset,
        timelines=timelines,
        samples=latest_samples(timelines, rules, now_us=now_us),
        index=ExactIndex(run.model.all_item_vectors(), tie_rank=ranks, ready=True),
        exclude=np.unique(codes[known]),
        unknown=[one for one, found in zip(ids, known.tolist(), strict=True) if not found],
        exclude_seen=exclude_seen,
        top_k=min(top_k, dataset.num_items),
        now_us=now_us,
    )


def _plan(asked: _Asked, block_users: int) -> dict[str, Any]:
    """What blocks must have in common to belong to one file."""
    return {
        "weights": asked.run.weights_sha256,
        "dataset": asked.dataset.sha256,
        "top_k": asked.top_k,
        "exclude": asked.exclude.tolist(),
        "exclude_seen": asked.exclude_seen,
        "block_users": block_users,
    }


def _begin(parts: Path, plan: dict[str, Any]) -> None:
    """Keep finished blocks of the same plan; a change of it starts anew."""
    path = parts / PLAN
    if path.is_file() and artefact.read_json(path) == plan:
        return
    for old in parts.glob("*.parquet"):
        old.unlink()
    artefact.write_json(path.with_suffix(".tmp"), plan)
    path.with_suffix(".tmp").replace(path)


def _write_block(asked: _Asked, users: tuple[int, int], path: Path) -> None:
    begin, end = users
    samples = asked.samples
    low, high = np.searchsorted(samples.user, [begin, end]).tolist()
    own = samples.select(np.arange(low, high))
    items = np.zeros((end - begin, asked.top_k), dtype=np.int64)
    scores = np.zeros((end - begin, asked.top_k), dtype=np.float32)
    fallback = np.ones(end - begin, dtype=np.bool_)
    if len(own):
        rows = own.user - begin
        vectors = user_vectors(asked.run.model, _builder(asked, own), 512, quiet=True)
        offsets, values = _excluded(asked, own)
        best, found = asked.index.search(vectors, asked.top_k, (offsets, values))
        items[rows], scores[rows] = found.cpu().numpy(), best.cpu().numpy()
        fallback[rows] = False
    for row in np.flatnonzero(fallback).tolist():
        items[row], scores[row] = _popular(asked, begin + row)
    table = _table(asked, (begin, end), items, scores, fallback)
    temporary = path.with_suffix(".tmp")
    pq.write_table(table, temporary, compression="zstd", write_page_checksum=True)
    disk.sync(temporary)
    temporary.replace(path)


def _builder(asked: _Asked, samples: Samples) -> BatchBuilder:
    config = asked.run.config
    return BatchBuilder(
        samples=samples,
        click_item=asked.timelines.click_item,
        catalogue=asked.dataset.catalogue,
        profiles=asked.dataset.profiles,
        max_long=config.data.clicked.max_long,
        num_labels=1,
        cut=config.data.unclicked.cut,
        rows="query",
        need_unclicked=config.model.fusion != "none",
    )


def _excluded(asked: _Asked, samples: Samples) -> tuple[Ints, Ints]:
    """What each sample's user must not get, as a ragged list."""
    lists = []
    for number, user in enumerate(samples.user.tolist()):
        lists.append(asked.exclude)
        if asked.exclude_seen:
            clicks = slice(*asked.timelines.click_offsets[user : user + 2].tolist())
            row = samples.row_now[samples.position_offsets[number + 1] - 1]
            shown = slice(*samples.row_offsets[row : row + 2].tolist())
            lists[-1] = np.concatenate(
                [asked.exclude, asked.timelines.click_item[clicks], samples.row_items[shown]]
            )
    offsets = np.cumsum([0] + [len(one) for one in lists])
    return offsets, np.concatenate([np.empty(0, np.int64), *lists]).astype(np.int64)


def _popular(asked: _Asked, user: int) -> tuple[Ints, NDArray[np.float32]]:
    """For a user without a click: the most clicked items, less those just passed over."""
    left = np.union1d(asked.exclude, _passed_over(asked, user))
    wanted = np.arange(1, min(asked.top_k + len(left), asked.dataset.num_items) + 1)
    kept = wanted[~np.isin(wanted, left)][: asked.top_k]
    items = np.zeros(asked.top_k, dtype=np.int64)
    items[: len(kept)] = kept
    scores = np.zeros(asked.top_k, dtype=np.float32)
    scores[: len(kept)] = asked.dataset.catalogue.clicks[kept - 1]
    return items, scores


def _passed_over(asked: _Asked, user: int) -> Ints:
    """Items shown often enough in the window to a user who never clicked."""
    lines, rules = asked.timelines, Rules.from_config(asked.dataset.config)
    shown = slice(*lines.impression_offsets[user : user + 2].tolist())
    recent = lines.impression_time_us[shown] >= asked.now_us - rules.window_us
    items, counts = np.unique(lines.impression_item[shown][recent], return_counts=True)
    return items[counts >= rules.min_exposures].astype(np.int64)


def _table(
    asked: _Asked,
    users: tuple[int, int],
    items: Ints,
    scores: NDArray[np.float32],
    fallback: NDArray[np.bool_],
) -> pa.Table:
    real = items > 0
    who, place = np.nonzero(real)
    table = pa.table(
        {
            "user_id": asked.dataset.users.values.take(pa.array(who + users[0])),
            "rank": pa.array((place + 1).astype(np.int32)),
            "item_id": asked.dataset.catalogue.items.values.take(pa.array(items[real] - 1)),
            "score": pa.array(scores[real]),
            "fallback": pa.array(fallback[who]),
        }
    )
    return stamp(table, asked.run.path.name, asked.settings)
