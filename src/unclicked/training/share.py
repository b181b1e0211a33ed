"""One rank's share of a batch: how its means, norms and rows become those of the whole batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from unclicked.config import ModelConfig
from unclicked.errors import UserError
from unclicked.training.ranks import ALONE, Ranks


@dataclass(frozen=True)
class Share:
    """What a rank computes of a batch, and how much there is in all.

    Attributes:
        ranks: All ranks.
        idle: Whether this one repeats a sample of another, which must not count.
        begin: Rows of the ranks before this one.
        rows: Rows of the whole batch.
        counted: Rows of the whole batch that the metric loss is a mean over.
        weight: This rank's part of all rows, 0 to 1.
    """

    ranks: Ranks
    idle: bool
    begin: int
    rows: int
    counted: int
    weight: float

    def total(self, values: Sequence[float]) -> list[float]:
        """Sums over the rows of the whole batch.

        Args:
            values: Sums over this rank's rows; of an idle rank 0.

        Returns:
            The sums over all ranks.
        """
        if self.ranks.count == 1:
            return list(values)
        summed: list[float] = self.ranks.sum(torch.tensor(values, dtype=torch.float64)).tolist()
        return summed

    def all_rows(self, pieces: Sequence[Tensor]) -> list[Tensor]:
        """Values of all rows of the batch.

        Args:
            pieces: Values of some of this rank's rows, float [n] or [n, d].

        Returns:
            Those of all ranks, in the order of a single one; nothing of an idle rank.
        """
        if self.ranks.count == 1:
            return list(pieces)
        own = [one[:0] if self.idle else one for one in pieces]
        return [torch.cat(found) for found in self.ranks.gather(own)]

    def drawn(self, values: Tensor, count: int) -> Tensor:
        """This rank's rows of something drawn for the whole batch.

        Args:
            values: Of every row of the batch, [rows, ...].
            count: Rows of this rank.

        Returns:
            The part, [count, ...].
        """
        begin = min(self.begin, self.rows - count)
        return values[begin : begin + count]


def share_of(counted: Tensor, ranks: Ranks = ALONE, idle: bool = False) -> Share:
    """Ask all ranks how many rows they have.

    Args:
        counted: bool [R], True where the metric loss counts a row of this rank.
        ranks: All ranks.
        idle: Whether this one repeats a sample of another.

    Returns:
        The share of this rank.
    """
    if ranks.count == 1:
        # There is nobody to ask, and this is done in every step.
        return Share(ranks, idle, 0, len(counted), int(counted.sum()), 1.0)
    own = torch.tensor([[0, 0] if idle else [len(counted), int(counted.sum())]])
    every = torch.cat(ranks.gather([own])[0])
    rows, judged = every.sum(dim=0).tolist()
    begin = int(every[: ranks.number, 0].sum())
    return Share(ranks, idle, begin, rows, judged, int(own[0, 0]) / max(rows, 1))


def refuse_permuted(config: ModelConfig, ranks: Ranks) -> None:
    """Refuse what needs all rows of a batch in one process.

    Args:
        config: The `[model]` table.
        ranks: All ranks.

    Raises:
        UserError: If labels are to be permuted over rows that lie apart.
    """
    if ranks.count > 1 and config.metric_labels == "permuted":
        raise UserError(
            "RANKS",
            "model.metric_labels",
            f"found permuted, which mixes the rows of a whole batch, and {ranks.count} processes. "
            "Train this control with one.",
        )
