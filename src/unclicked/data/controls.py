"""Controls: unclicked lists that tell nothing of the user, under the same clicks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from unclicked.data.dataset import PreparedDataset
from unclicked.data.rules import Samples
from unclicked.data.stored_log import LOG_FILE, load_log
from unclicked.errors import ArtefactError, UserError

Ints = NDArray[np.int64]

# Items among which a matched item is drawn: those next to it by number of showings.
NUM_NEIGHBOURS = 20


def with_source(
    samples: Samples, source: str, num_items: int, seed: int, *, exposures: Ints | None = None
) -> Samples:
    """Replace every unclicked list as the control asks.

    Args:
        samples: Samples with the users' own lists.
        source: "own" changes nothing; "shuffled" gives each sample the lists of another user's
            sample; "random" keeps each list's length and draws its items from the catalogue;
            "matched" puts in place of each item another one that was shown about as often.
        num_items: V.
        seed: Seed of the draw.
        exposures: int64 [V], showings of item 1 and on; "matched" needs it.

    Returns:
        Samples whose clicks, labels and truth are the same.

    Raises:
        UserError: If "matched" has no showings to go by, or there is one item alone.
    """
    if source == "shuffled":
        return _shuffled(samples, seed)
    if source == "random":
        rng = np.random.default_rng(seed)
        drawn = rng.integers(1, num_items + 1, size=len(samples.row_items), dtype=np.int32)
        return replace(samples, row_items=drawn)
    if source == "matched":
        if exposures is None:
            raise _no_matching("", "without the number of showings of each item.")
        return replace(samples, row_items=shown_as_often(samples.row_items, exposures, seed))
    return samples


def needed_exposures(dataset: PreparedDataset, source: str) -> Ints | None:
    """How often each item was shown in the training days, where a control asks for it.

    Args:
        dataset: The data set.
        source: As for `with_source`.

    Returns:
        int64 [V], showings of item 1 and on before the validation days, to any user, clicked or
        not; None unless `source` is "matched".

    Raises:
        UserError: If the data set was prepared before logs were kept in them.
        ArtefactError: If its log cannot be read or names other items.
    """
    if source != "matched":
        return None
    path = dataset.path / LOG_FILE
    if not path.is_file():
        raise _no_matching(str(path), "and this data set keeps no log. Prepare it anew.")
    log = load_log(dataset)
    until = int(dataset.card["boundaries"]["validation_us"])
    # Every showing counts, so that an item is as visible as the one it replaces.
    shown = log["item_id"].filter(pc.less(log["timestamp_us"], pa.scalar(until, pa.int64())))
    place = pc.index_in(shown, value_set=dataset.catalogue.items.values)
    if place.null_count:
        raise ArtefactError(
            "DATASET-LOG", str(path), "holds other items than the data set. Prepare it anew."
        )
    return np.bincount(place.to_numpy(), minlength=dataset.num_items).astype(np.int64)


def shown_as_often(items: NDArray[np.int32], exposures: Ints, seed: int) -> NDArray[np.int32]:
    """For each item, another one that was shown about as often.

    The catalogue is sorted by showings, items shown equally often in a random order. An item's
    neighbours are the ten on either side of it; near an end of the order those that are missing on
    one side are taken from the other.

    Args:
        items: int32, item indices from 1 to V.
        exposures: int64 [V], showings of item 1 and on.
        seed: Seed of the order and of the draw.

    Returns:
        int32 of the same length, each drawn evenly from the item's neighbours, never the item.

    Raises:
        UserError: If there is one item alone.

    Example:
        >>> shown_as_often(np.array([1, 2], dtype=np.int32), np.array([5, 3]), 0).tolist()
        [2, 1]
    """
    num_items = len(exposures)
    if num_items < 2:
        raise _no_matching("", f"of which the catalogue has {num_items}.")
    rng = np.random.default_rng(seed)
    # Ids often follow categories, so they must not say which of two equals comes first.
    order = np.lexsort((rng.random(num_items), exposures))
    rank = np.empty(num_items, dtype=np.int64)
    rank[order] = np.arange(num_items)
    neighbours = min(NUM_NEIGHBOURS, num_items - 1)
    own = rank[np.asarray(items) - 1]
    first = np.clip(own - neighbours // 2, 0, num_items - 1 - neighbours)
    drawn = first + rng.integers(0, neighbours, size=len(items))
    chosen: Ints = order[drawn + (drawn >= own)] + 1
    return chosen.astype(np.int32)


def _no_matching(where: str, reason: str) -> UserError:
    found = f'"matched" looks for other items that were shown as often, {reason}'
    return UserError("CONTROL", where or "data.unclicked.source", found)


def another_users_sample(user: Ints, seed: int) -> Ints:
    """For each sample, a sample of another user.

    Samples are laid on a ring, user after user in a random order, and the ring is turned by the
    largest user's share, so that nobody meets a list of his own, unless one user has more than
    half of all samples.

    Args:
        user: int64 [S], user of each sample.
        seed: Seed of the order.

    Returns:
        int64 [S]; a permutation. A single user keeps his own.

    Example:
        >>> user = np.array([0, 0, 1, 2])
        >>> other = another_users_sample(user, 1)
        >>> bool((user[other] != user).all())
        True
    """
    rng = np.random.default_rng(seed)
    rank = rng.permutation(int(user.max(initial=0)) + 1)
    ring = np.lexsort((rng.random(len(user)), rank[user]))
    largest = int(np.bincount(user).max(initial=0))
    result = np.empty(len(user), dtype=np.int64)
    result[ring] = np.roll(ring, -largest)
    return result


def _shuffled(samples: Samples, seed: int) -> Samples:
    other = another_users_sample(samples.user, seed)
    length = np.diff(samples.position_offsets)
    within = np.arange(len(samples.row_now)) - np.repeat(samples.position_offsets[:-1], length)
    theirs = np.repeat(length[other], length)
    # The last position takes the last list, since held-out samples have no other.
    is_last = within == np.repeat(length, length) - 1
    place = np.where(is_last, theirs - 1, np.minimum(within, theirs - 1))
    begin = np.repeat(samples.position_offsets[other], length)
    return replace(
        samples, row_start=samples.row_start[other], row_now=samples.row_now[begin + place]
    )
