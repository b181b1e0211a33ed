"""Processes that train together: what they tell each other, and what happens when one is lost."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import Tensor, distributed

from unclicked.errors import ResourceError, out_of_memory
from unclicked.training.exchange import packed, summed_rows, unpacked
from unclicked.training.launch import Place, place_of

# In a step all ranks have the same work, so one that is this late will not come.
PATIENCE = timedelta(seconds=25)
# While the first one validates or writes, the others have nothing to do but wait.
LONG_PATIENCE = timedelta(hours=12)


@dataclass(frozen=True)
class Ranks:
    """All processes of a training as one of them sees them; alone, nothing is exchanged.

    All of them must make the same calls in the same order.

    Attributes:
        number: The rank of this one.
        count: How many there are.
        group: For what all do at once in a step.
        patient: For what they wait for; on the CPU.
    """

    number: int = 0
    count: int = 1
    group: distributed.ProcessGroup | None = None
    patient: distributed.ProcessGroup | None = None

    @property
    def first(self) -> bool:
        """Whether this is the one that writes and talks."""
        return self.number == 0

    def gather(self, pieces: Sequence[Tensor]) -> list[list[Tensor]]:
        """Give all ranks some tensors, whose lengths may differ from rank to rank.

        Args:
            pieces: Tensors of one type; a piece has the same other dimensions on all ranks.

        Returns:
            For each piece that of each rank, in the order of ranks.

        Raises:
            ResourceError: If another rank is lost.
        """
        if self.count == 1 or not pieces:
            return [[piece] for piece in pieces]
        with self.together():
            lengths = torch.tensor([len(piece) for piece in pieces])
            told = [torch.empty_like(lengths) for _ in range(self.count)]
            distributed.all_gather(told, lengths, group=self.group)
            flat = packed(pieces)
            widths = torch.tensor([_width(piece) for piece in pieces])
            longest = max(int((one * widths).sum()) for one in told)
            padded = flat.new_zeros(longest)
            padded[: len(flat)] = flat
            found = [torch.empty_like(padded) for _ in range(self.count)]
            distributed.all_gather(found, padded, group=self.group)
        apart = [unpacked(f, n.tolist(), pieces) for f, n in zip(found, told, strict=True)]
        return [list(one) for one in zip(*apart, strict=True)]

    def to_first(self, piece: Tensor) -> list[Tensor]:
        """Give the first rank a tensor of every rank, on the CPU.

        Args:
            piece: float [n, d]; n may differ from rank to rank.

        Returns:
            On the first rank those of all, in the order of ranks; nothing on the others.

        Raises:
            ResourceError: If another rank is lost.
        """
        lengths = [int(one) for one in self.gather([torch.tensor([len(piece)])])[0]]
        if self.count == 1:
            return [piece]
        padded = piece.new_zeros(max(lengths), *piece.shape[1:], device="cpu")
        padded[: len(piece)] = piece
        found = [torch.empty_like(padded) for _ in lengths] if self.first else None
        with self.together():
            distributed.gather(padded, found, group_dst=0, group=self.patient)
        return [one[:length] for one, length in zip(found or [], lengths, strict=False)]

    def sum(self, values: Tensor) -> Tensor:
        """Sum over ranks, with the same bits on all of them.

        Args:
            values: Of the same shape on all ranks; changed.

        Returns:
            The sums.

        Raises:
            ResourceError: If another rank is lost.
        """
        if self.count > 1:
            with self.together():
                distributed.all_reduce(values, group=self.group)
        return values

    def sum_rows(self, given: Sequence[tuple[Tensor, Tensor]]) -> list[tuple[Tensor, Tensor]]:
        """Sum the gradients of table rows over ranks.

        Args:
            given: Of each table distinct ids int64 [n] and their gradients float [n, d].

        Returns:
            Of each table the ids that any rank has, ascending, and the sums.

        Raises:
            ResourceError: If another rank is lost.
        """
        ids = self.gather([one for one, _ in given])
        gradients = self.gather([one for _, one in given])
        return [
            summed_rows(list(zip(some, rows, strict=True)))
            for some, rows in zip(ids, gradients, strict=True)
        ]

    def sum_present(
        self, given: Sequence[Tensor | None], like: Sequence[Tensor]
    ) -> list[Tensor | None]:
        """Sum gradients over ranks, of which some may have none.

        Args:
            given: Gradients, None where this rank has none.
            like: Tensors of their shapes, all of one type.

        Returns:
            The sums; None where no rank has a gradient.

        Raises:
            ResourceError: If another rank is lost.
        """
        if self.count == 1 or not given:
            return list(given)
        filled = [torch.zeros_like(b) if a is None else a for a, b in zip(given, like, strict=True)]
        there = filled[0].new_tensor([float(one is not None) for one in given])
        flat = self.sum(packed([*filled, there]))
        *sums, there = flat.split([one.numel() for one in (*like, there)])
        return [
            one.view_as(shape) if some else None
            for one, shape, some in zip(sums, like, there.tolist(), strict=True)
        ]

    def most(self, *values: int) -> list[int]:
        """The largest that any rank gives.

        Args:
            *values: Numbers, as many on all ranks.

        Returns:
            The largest of each.

        Raises:
            ResourceError: If another rank is lost.
        """
        if self.count == 1:
            return list(values)
        told = torch.tensor(values)
        with self.together():
            distributed.all_reduce(told, distributed.ReduceOp.MAX, group=self.group)
        return [int(value) for value in told]

    def from_first(self, make: Callable[[], float]) -> float:
        """A number that the first rank makes while the others wait.

        Args:
            make: Makes it; called on the first rank only.

        Returns:
            The number.

        Raises:
            ResourceError: If another rank is lost.
        """
        made = torch.tensor(make() if self.first else 0.0, dtype=torch.float64)
        self.take_over([made])
        return float(made)

    def take_over(self, tensors: Sequence[Tensor]) -> None:
        """Fill tensors with those of the first rank, for which the others wait.

        Args:
            tensors: Of the same shapes and types on all ranks; changed on all but the first.

        Raises:
            ResourceError: If another rank is lost.
        """
        if self.count == 1:
            return
        with self.together():
            for one in tensors:
                moved = one.detach().cpu().contiguous()
                distributed.broadcast(moved, group_src=0, group=self.patient)
                if not self.first:
                    one.detach().copy_(moved)

    def wait(self) -> None:
        """Go on when the first one has come here, however long that takes it.

        The first one waits for nobody: it finds out in the next step who is lost.

        Raises:
            ResourceError: If another rank is lost.
        """
        self.take_over([torch.zeros(1)])

    @contextmanager
    def together(self) -> Iterator[None]:
        """Say what a lost connection means, whichever library noticed it.

        Yields:
            Nothing.

        Raises:
            ResourceError: If another rank is lost in the block.
        """
        with _told(self.number, self.count):
            yield


ALONE = Ranks()


def join(device: torch.device) -> Ranks:
    """Meet the other processes that torchrun started, once in the life of a process.

    Args:
        device: Where this one trains.

    Returns:
        All of them; `ALONE` where torchrun did not start this process, or only this one.

    Raises:
        ResourceError: If the others do not come.
        UserError: If what torchrun tells cannot be.
    """
    place = place_of()
    if place.count == 1:
        return ALONE
    if place not in _joined:
        with _told(place.number, place.count):
            if device.type == "cuda":
                torch.cuda.set_device(device)
            # Lengths and flags are exchanged on the CPU, whatever the device.
            backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
            if not distributed.is_initialized():
                distributed.init_process_group(backend)
            group = distributed.new_group(timeout=PATIENCE)
            patient = distributed.new_group(timeout=LONG_PATIENCE, backend="gloo")
        _joined[place] = Ranks(place.number, place.count, group, patient)
    return _joined[place]


_joined: dict[Place, Ranks] = {}


def _width(piece: Tensor) -> int:
    """Numbers in a row of a tensor that may have no rows."""
    return torch.Size(piece.shape[1:]).numel()


@contextmanager
def _told(number: int, count: int) -> Iterator[None]:
    """A lost connection as an error of ours; it says what to do."""
    try:
        yield
    except RuntimeError as error:
        if out_of_memory(error):
            raise
        # Without the line of the library's own source that it begins with.
        reason = re.sub(r"^\[[^\]]*\]\s*", "", " ".join(str(error).split())).split(". ")[0][:120]
        raise ResourceError(
            "RANKS",
            f"rank {number} of {count}",
            f"another process ended or does not answer ({reason}). Look for its message, then "
            "start all of them again with --resume.",
        ) from None
