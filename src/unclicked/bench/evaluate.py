"""Exact lists over the whole catalogue, against matrix product and `topk`, and against faiss."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor

from unclicked.bench.ratio import Row, by_turns, compared
from unclicked.errors import NumericError
from unclicked.processor import fast_int8
from unclicked.progress import Note
from unclicked.retrieval import ExactIndex, Precision
from unclicked.retrieval.products import half_pays, holds

TITLE = "exact lists over the whole catalogue, against PyTorch's matmul and topk and against faiss"
TORCH, FAISS = "matmul and topk", "faiss IndexFlatIP"
# Users whose scores of all items PyTorch holds at once; more are slower here.
TORCH_USERS: Final = 128
# Users who are searched for one by one.
ALONE: Final = 20
Found = tuple[Tensor, Tensor]
# Lists of some users, [U, D].
Search = Callable[[Tensor], Found]


@dataclass(frozen=True)
class Sizes:
    """Sizes of a search.

    Attributes:
        num_items: V.
        dim: D.
        num_users: Users searched for.
        top_k: Length of the lists.
    """

    num_items: int = 1_078_723
    dim: int = 128
    num_users: int = 1_024
    top_k: int = 80


SMALL: Final = Sizes(num_items=3_000, dim=16, num_users=150, top_k=10)


def learned_like(sizes: Sizes) -> Found:
    """Vectors as training makes them: groups of like items, and longer ones for popular items.

    Args:
        sizes: The sizes.

    Returns:
        Item vectors float32 [V + 1, D], and user vectors float32 [U, D] near the groups.
    """
    random = torch.Generator().manual_seed(1)
    groups = torch.randn(1_000, sizes.dim, generator=random)
    of_item = torch.randint(1_000, (sizes.num_items + 1,), generator=random)
    items = torch.randn(sizes.num_items + 1, sizes.dim, generator=random)
    items += groups[of_item]
    # Clicks follow a power law of the rank; vectors grow with their logarithm, fivefold in all.
    rank = torch.arange(sizes.num_items + 1).clamp(min=1)
    items *= (1 - 0.8 * rank.log() / rank[-1].log())[:, None]
    users = torch.randn(sizes.num_users, sizes.dim, generator=random)
    users += groups[torch.randint(1_000, (sizes.num_users,), generator=random)]
    return items, users


def gaussian(sizes: Sizes) -> Found:
    """Vectors of independent normal values.

    Args:
        sizes: The sizes.

    Returns:
        Item vectors float32 [V + 1, D] and user vectors float32 [U, D].
    """
    random = torch.Generator().manual_seed(2)
    items = torch.randn(sizes.num_items + 1, sizes.dim, generator=random)
    return items, torch.randn(sizes.num_users, sizes.dim, generator=random)


DRAWN: Final = {"learned lengths": learned_like, "normal values": gaussian}


def run(rounds: int, small: bool, say: Callable[[str], None]) -> list[Row]:
    """Ours with each kind of product that is quick here, against the others.

    Args:
        rounds: Rounds that count.
        small: Tiny sizes, to see that it works.
        say: Called with lines that tell how far it is.

    Returns:
        A row for each pair and kind of vectors.

    Raises:
        NumericError: If two sides do not find the same lists.
    """
    sizes = SMALL if small else Sizes()
    if not has_faiss():
        advice = "pip install '.[faiss]'"
        say(Note(f"faiss is not installed, so its rows are left out: {advice}"))
    slow = "products are not faster on this processor, so their rows are left out"
    if not half_pays():
        say(Note(f"bfloat16 {slow}"))
    if not _integers_pay(sizes.dim):
        say(Note(f"int8 {slow}"))
    rows = []
    for name, draw in DRAWN.items():
        say(f"{name}: {sizes.num_items:,} items, width {sizes.dim}, top {sizes.top_k}")
        items, users = draw(sizes)
        ours, theirs = _sides(items, sizes.top_k)
        _check_all(ours, theirs, items, users)
        many = {side: _at_once(one, users) for side, one in (ours | theirs).items()}
        rows += _rows(f"lists, {name}", many, set(ours), sizes.num_users, rounds, say)
        say(f"{name}, one user at a time")
        kept = list(ours)[-1]
        some = users[:ALONE]
        single = {
            side: _one_by_one(one, some) for side, one in {kept: ours[kept], **theirs}.items()
        }
        rows += _rows(f"one list, {name}", single, {kept}, len(some), rounds, say)
    return rows


def _at_once(search: Search, users: Tensor) -> Callable[[], object]:
    return lambda: search(users)


def _one_by_one(search: Search, users: Tensor) -> Callable[[], object]:
    return lambda: [search(one) for one in users.split(1)]


def _rows(
    what: str,
    sides: dict[str, Callable[[], object]],
    ours: set[str],
    count: int,
    rounds: int,
    say: Callable[[str], None],
) -> list[Row]:
    seconds = by_turns(sides, rounds, say)
    each = {side: [1e6 * one / count for one in values] for side, values in seconds.items()}
    for side, values in each.items():
        say(f"{side}: {1e6 / sorted(values)[len(values) // 2]:,.0f} users/s")
    return [
        compared(f"{what}, {our}", each[our], other, each[other], "us a user")
        for our in each
        for other in each
        if our in ours and other not in ours
    ]


def has_faiss() -> bool:
    """Whether faiss can be imported."""
    return importlib.util.find_spec("faiss") is not None


def _integers_pay(width: int) -> bool:
    return holds(torch.int8, width) and fast_int8()


def _sides(items: Tensor, top_k: int) -> tuple[dict[str, Search], dict[str, Search]]:
    """Ours and theirs by name, with everything built that is built once; ours kept comes last."""
    kinds: list[Precision] = ["float32"]
    kinds += ["bfloat16"] if half_pays() else []
    kinds += ["int8"] if _integers_pay(items.shape[1]) else []
    ours = {str(kind): _ours(ExactIndex(items, precision=kind), top_k) for kind in kinds}
    # What a service uses: it takes the quickest kind, which for one user is not that for many.
    ours["auto, items ready"] = _ours(ExactIndex(items, ready=True), top_k)
    theirs: dict[str, Search] = {TORCH: lambda users: by_matmul(items, users, top_k)}
    if has_faiss():
        theirs[FAISS] = _faiss(items, top_k)
    return ours, theirs


def _ours(index: ExactIndex, top_k: int) -> Search:
    return lambda users: index.search(users, top_k)


def by_matmul(items: Tensor, users: Tensor, top_k: int) -> Found:
    """Lists in straightforward PyTorch, with memory used again.

    Args:
        items: float32 [V + 1, D].
        users: float32 [U, D].
        top_k: K.

    Returns:
        Scores float32 [U, K] and items int64 [U, K].

    Example:
        >>> by_matmul(torch.tensor([[9.0], [1.0], [2.0]]), torch.ones(1, 1), 1)[1].tolist()
        [[2]]
    """
    scores = torch.empty(min(TORCH_USERS, len(users)), len(items) - 1)
    parts = []
    for block in users.split(TORCH_USERS):
        own = scores[: len(block)]
        torch.mm(block, items[1:].T, out=own)
        parts.append(own.topk(top_k, dim=1))
    return torch.cat([one.values for one in parts]), torch.cat([one.indices for one in parts]) + 1


def _faiss(items: Tensor, top_k: int) -> Search:
    faiss: Any = importlib.import_module("faiss")
    faiss.omp_set_num_threads(torch.get_num_threads())
    index = faiss.IndexFlatIP(items.shape[1])
    index.add(items[1:].numpy())

    def search(users: Tensor) -> Found:
        scores, places = index.search(users.numpy(), top_k)
        return torch.from_numpy(scores), torch.from_numpy(places) + 1

    return search


def _check_all(
    ours: dict[str, Search], theirs: dict[str, Search], items: Tensor, users: Tensor
) -> None:
    """All sides find the same: ours to the last bit, theirs up to rounding of their scores."""
    expected = ours["float32"](users)
    for name, side in (ours | theirs).items():
        scores, found = side(users)
        exact = torch.einsum("ukd,ud->uk", items[found].double(), users.double())
        # A list is right when its items, scored exactly, are as good at every place.
        worse = (expected[0] - exact).abs().max() / exact.abs().max()
        same = torch.equal(found, expected[1]) and torch.equal(scores, expected[0])
        if float(worse) > 1e-6 or (name in ours and not same):
            raise NumericError("BENCH-LISTS", name, "found other lists than float32, expected none")
