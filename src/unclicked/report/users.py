"""Three users of the test: one helped most, one unharmed, one harmed most, with both lists."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unclicked.comparison import POPULARITY, load_per_user, seeds_of
from unclicked.data.dataset import PreparedDataset
from unclicked.data.rules import Samples
from unclicked.evaluation import held_out_builder, popularity_ranking, rank
from unclicked.report.labels import Labels
from unclicked.report.per_user import ROUNDING
from unclicked.run import open_run, read_facts

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

KINDS = ("helped", "unharmed", "harmed")


@dataclass(frozen=True)
class ToldUser:
    """One user, what the models knew of her, and both lists.

    Attributes:
        kind: "helped", "unharmed" or "harmed".
        user_id: Who.
        clicked: Item indices of her session's clicks, the last click last.
        unclicked: Of what she was shown and left, the last shown last.
        later: Of what was to be found: new items that she clicked later.
        base_list: Of the base's list, best first.
        run_list: Of the run's list, best first.
    """

    kind: str
    user_id: Any
    clicked: list[int]
    unclicked: list[int]
    later: frozenset[int]
    base_list: list[int]
    run_list: list[int]

    def hits(self, ranked: list[int]) -> int:
        """How many of her later items a list holds.

        Args:
            ranked: One of both lists.

        Returns:
            The number.
        """
        return len(self.later & set(ranked))


@dataclass(frozen=True)
class ToldUsers:
    """The users of a page, and how they were found.

    Attributes:
        users: Up to three users.
        labels: Names of the items.
        top_k: Length of the lists.
        eligible: Users they were chosen from: those with an unclicked item.
    """

    users: list[ToldUser]
    labels: Labels
    top_k: int
    eligible: int


def choose(base: Floats, run: Floats, lengths: Ints) -> dict[str, int]:
    """The users whose stories are told, among those with an unclicked item.

    The largest gain in recall, no change, and the largest loss. Ties: for no change the higher
    recall first, then the longer unclicked list, then the first by id.

    Args:
        base: float64 [S], recall of each user's list by the base, in id order.
        run: float64 [S], by the run.
        lengths: int64 [S], lengths of the unclicked lists.

    Returns:
        Kind to place; a kind that nobody is of is left out.

    Example:
        >>> base, run = np.array([0.5, 0.5, 0.5]), np.array([0.5, 1.0, 0.0])
        >>> choose(base, run, np.array([3, 3, 0]))
        {'helped': 1, 'unharmed': 0}
    """
    difference = run - base
    difference[np.abs(difference) < ROUNDING] = 0.0
    able = lengths > 0
    keys = {
        "helped": (difference > 0, difference),
        "unharmed": (difference == 0, run),
        "harmed": (difference < 0, -difference),
    }
    chosen = {}
    for kind, (of_kind, first) in keys.items():
        places = np.flatnonzero(of_kind & able)
        if len(places):
            order = np.lexsort((places, -lengths[places], -first[places]))
            chosen[kind] = int(places[order[0]])
    return chosen


def tell_users(
    base: Path, run: Path, dataset: PreparedDataset, *, split: str = "test", top_k: int = 50
) -> ToldUsers | None:
    """Choose three users and rank the catalogue for them as judging did.

    Args:
        base: The base: a run, a folder of seeds (its first is shown), or `popularity`.
        run: The run that is judged; likewise.
        dataset: The data set of both.
        split: `validation` or `test`.
        top_k: Length of the lists; the evaluations hold recall at this length.

    Returns:
        The users; None where a run's encoder is not ours to build, or nobody is eligible.

    Raises:
        UserError: If a run was not evaluated.
        ArtefactError: If a run is broken.
    """
    paths = [None if str(one) == POPULARITY else seeds_of(one)[0] for one in (base, run)]
    facts = [read_facts(one) for one in paths if one is not None]
    if any(one.own_encoder for one in facts):
        return None
    samples = dataset.splits[split]
    order = np.argsort(samples.user, kind="stable")
    recalls = _recalls(paths, dataset, samples, split, f"R@{top_k}")
    begin, end = samples.final_lists(facts[-1].config.data.unclicked.cut)
    lengths = end - begin
    found = choose(recalls[0][order], recalls[1][order], lengths[order])
    if not found:
        return None
    places = {kind: int(order[place]) for kind, place in found.items()}
    keep = np.unique(list(places.values()))
    lists = [_ranked(one, dataset, split, keep, top_k) for one in paths]
    users = [
        _told(kind, places[kind], dataset, samples, (begin, end), [
            one[int(np.searchsorted(keep, places[kind]))] for one in lists
        ])
        for kind in KINDS
        if kind in places
    ]  # fmt: skip
    shown = {code for one in users for code in (*one.clicked, *one.unclicked, *one.later)}
    shown |= {code for one in users for code in (*one.base_list, *one.run_list)}
    labels = Labels.of(dataset, sorted(shown))
    return ToldUsers(users, labels, top_k, int((lengths > 0).sum()))


def _recalls(
    paths: list[Path | None], dataset: PreparedDataset, samples: Samples, split: str, metric: str
) -> list[Floats]:
    """Stored recall of both, in the order of the samples."""
    ids = dataset.users.decode((np.asarray(samples.user) + 1).tolist())
    found = []
    for path in paths:
        loaded = load_per_user(path or next(one for one in paths if one), split)
        values = loaded.metrics[metric if path else f"{POPULARITY}:{metric}"]
        by_id = dict(zip(loaded.user_ids.tolist(), values.tolist(), strict=True))
        found.append(np.array([by_id[one] for one in ids]))
    return found


def _ranked(
    path: Path | None, dataset: PreparedDataset, split: str, keep: Ints, top_k: int
) -> list[list[int]]:
    if path is None:
        ranked = popularity_ranking(dataset.num_items, len(keep), top_k)
    else:
        run = open_run(path)
        builder = held_out_builder(dataset, run.config, split)
        builder = replace(builder, samples=builder.samples.select(keep))
        ranked = rank(run.model, builder, top_k, len(keep))
    return [[code for code in row if code] for row in ranked.tolist()]


def _told(
    kind: str,
    place: int,
    dataset: PreparedDataset,
    samples: Samples,
    rows: tuple[Ints, Ints],
    lists: list[list[int]],
) -> ToldUser:
    truth = samples.truth_items[samples.truth_offsets[place] : samples.truth_offsets[place + 1]]
    return ToldUser(
        kind=kind,
        user_id=dataset.users.decode([int(samples.user[place]) + 1])[0],
        clicked=dataset.click_item[samples.start[place] : samples.end[place]].tolist(),
        unclicked=samples.row_items[rows[0][place] : rows[1][place]].tolist(),
        later=frozenset(truth.tolist()),
        base_list=lists[0],
        run_list=lists[1],
    )
