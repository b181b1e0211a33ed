"""Controls: unclicked lists that tell nothing of the user, under the same clicks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from unclicked.data.rules import Samples

Ints = NDArray[np.int64]


def with_source(samples: Samples, source: str, num_items: int, seed: int) -> Samples:
    """Replace every unclicked list as the control asks.

    Args:
        samples: Samples with the users' own lists.
        source: "own" changes nothing; "shuffled" gives each sample the lists of another user's
            sample; "random" keeps each list's length and draws its items from the catalogue.
        num_items: V.
        seed: Seed of the draw.

    Returns:
        Samples whose clicks, labels and truth are the same.
    """
    if source == "shuffled":
        return _shuffled(samples, seed)
    if source == "random":
        rng = np.random.default_rng(seed)
        drawn = rng.integers(1, num_items + 1, size=len(samples.row_items), dtype=np.int32)
        return replace(samples, row_items=drawn)
    return samples


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
