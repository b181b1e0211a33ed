"""Search on the CPU: tiles of products, a certain threshold for each user, and exact scores last.

Most of a straightforward search is not the matrix product but the choice of the largest scores of
each chunk. Here a compiled filter reads each tile of products once, while it is in the cache, and
keeps what the bounds of `bounds` do not rule out. Because only certain bounds rule an item out,
the products may be of rounded numbers: the lists and the scores are the same.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np
import torch

from unclicked.retrieval.candidates import Asked, Candidates, Catalogue, Lists, room_of
from unclicked.retrieval.float_candidates import FloatCandidates
from unclicked.retrieval.integer_candidates import IntegerCandidates

# Users for whom a thread of their own is worth while.
LEAST_USERS: Final = 64


def search(catalogue: Catalogue, asked: Asked, lists: Lists, kind: torch.dtype, room: int) -> None:
    """Fill the lists of all users, with as many threads as torch may use.

    Args:
        catalogue: What is searched.
        asked: The users.
        lists: Their lists; changed.
        kind: What is multiplied where the catalogue has no whole numbers: float32 or bfloat16.
        room: Bytes that candidates may take, about.
    """
    count, top_k = lists.scores.shape
    each = 12 * room_of(catalogue, top_k) + 4 * top_k
    threads = max(1, min(torch.get_num_threads(), -(-count // LEAST_USERS)))
    step = max(LEAST_USERS, room // (each * threads))
    parts = max(threads, -(-count // step))
    edges = [count * part // parts for part in range(parts + 1)]
    stop = threading.Event()

    def one(part: int) -> None:
        rows = slice(edges[part], edges[part + 1])
        own = Lists(lists.scores[rows], lists.items[rows], lists.again[rows])
        _search_part(catalogue, asked.only(rows), own, kind, stop)

    if threads == 1:
        for part in range(parts):
            one(part)
        return
    before = torch.get_num_threads()
    # Each worker multiplies alone; that setting is one of its own thread.
    pool = ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,))
    try:
        for done in [pool.submit(one, part) for part in range(parts)]:
            done.result()
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)
        # Threads that are yet to be born take the number that was set last.
        torch.set_num_threads(before)


def _search_part(
    catalogue: Catalogue,
    asked: Asked,
    lists: Lists,
    kind: torch.dtype,
    stop: threading.Event,
) -> None:
    """One thread's users; those who need it a second time in float32."""
    top_k = lists.scores.shape[1]
    found: Candidates
    if catalogue.integers is not None:
        found = IntegerCandidates(catalogue, asked, top_k, catalogue.integers)
    else:
        found = FloatCandidates(catalogue, asked, top_k, kind)
    found.run(stop)
    found.write(lists, np.arange(len(lists.scores)))
    rows = np.flatnonzero(found.given_up)
    lists.again[rows] = True
    if len(rows):
        found = FloatCandidates(catalogue, asked.only(rows), top_k, torch.float32)
        found.run(stop)
        found.write(lists, rows)
