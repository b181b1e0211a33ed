"""Negatives from a log-uniform (Zipfian) law over frequency ranks, with expected counts."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from unclicked.errors import UserError


@dataclass(frozen=True)
class SampledNegatives:
    """One shared draw of negatives.

    Attributes:
        index: int64 [S], distinct item indices 1..V.
        tries: Draws that were needed to find S distinct items; 0 where the draw is the catalogue.
        log_expected: float64 [S], logarithm of each item's expected count.
    """

    index: Tensor
    tries: int
    log_expected: Tensor


class LogUniform:
    """Sampler over items 1..V numbered by descending training frequency; the rank is index - 1.

    Args:
        num_items: V, at least 1.

    Raises:
        UserError: If there is no item.

    Source: section 4.3 (log-uniform sampler); formulas of the TensorFlow candidate sampler that
        the official SDM code uses.

    Example:
        >>> sampler = LogUniform(10)
        >>> [round(p, 6) for p in sampler.probability(torch.tensor([0, 9])).tolist()]
        [0.289065, 0.039747]
    """

    def __init__(self, num_items: int) -> None:
        if num_items < 1:
            raise UserError("SAMPLER", "num_items", f"found {num_items}, expected at least 1.")
        self.num_items = num_items
        self._log_range = math.log(num_items + 1)

    def probability(self, rank: Tensor | int) -> Tensor:
        """Chance of each rank in one draw.

        Args:
            rank: int64, any shape, 0..V-1.

        Returns:
            float64, same shape: ln((k + 2) / (k + 1)) / ln(V + 1).
        """
        ranks = torch.as_tensor(rank).to(torch.float64)
        return torch.log1p(1.0 / (ranks + 1.0)) / self._log_range

    def expected_count(
        self, rank: Tensor | int, tries: int, num_negatives: int | None = None
    ) -> Tensor:
        """Expected number of times that a rank is in a draw of distinct items.

        Args:
            rank: int64, any shape, 0..V-1.
            tries: Draws that were needed.
            num_negatives: Distinct items asked for; where it equals `tries` no item was drawn
                twice, and the count is S P.

        Returns:
            float64, same shape: 1 - (1 - P)^tries otherwise.

        Example:
            >>> sampler = LogUniform(10)
            >>> round(float(sampler.expected_count(3, 7)), 6)
            0.495273
            >>> round(float(sampler.expected_count(3, 4, num_negatives=4)), 6)
            0.372232
        """
        chance = self.probability(rank)
        if tries == num_negatives:
            return tries * chance
        return -torch.expm1(tries * torch.log1p(-chance))

    def log_expected(self, index: Tensor, drawn: SampledNegatives) -> Tensor:
        """Logarithm of the expected count of any items under a draw, such as the labels.

        Args:
            index: int64, any shape, item indices; 0 (padding) counts as the first item.
            drawn: The draw.

        Returns:
            float64, same shape; zeros where the draw is the whole catalogue.
        """
        if drawn.tries == 0:
            return torch.zeros_like(index, dtype=torch.float64)
        rank = (index - 1).clamp(min=0)
        return torch.log(self.expected_count(rank, drawn.tries, len(drawn.index)))

    def draw(self, num_negatives: int, generator: torch.Generator) -> SampledNegatives:
        """Draw until enough distinct items are found.

        Args:
            num_negatives: S; where it reaches V, the draw is the whole catalogue and every
                expected count is one, so that the loss becomes the full softmax.
            generator: Source of randomness, on the CPU.

        Returns:
            The negatives, in the order in which they were first drawn.

        Source: unique candidate sampling of TensorFlow: expected counts follow from the draws.
        """
        if num_negatives >= self.num_items:
            index = torch.arange(1, self.num_items + 1)
            return SampledNegatives(index, 0, torch.zeros(len(index), dtype=torch.float64))
        ranks = torch.empty(0, dtype=torch.int64)
        while True:
            size = max(256, 3 * num_negatives)
            uniform = torch.rand(size, generator=generator, dtype=torch.float64)
            # The product can reach V + 1 only by rounding; modulo brings it back.
            fresh = (torch.exp(uniform * self._log_range).to(torch.int64) - 1) % self.num_items
            ranks = torch.cat([ranks, fresh])
            first = _first_places(ranks)
            if len(first) >= num_negatives:
                break
        kept = first[:num_negatives]
        tries = int(kept[-1]) + 1
        drawn = ranks[kept]
        log_expected = torch.log(self.expected_count(drawn, tries, num_negatives))
        return SampledNegatives(drawn + 1, tries, log_expected)


def _first_places(values: Tensor) -> Tensor:
    """Places at which each distinct value occurs first, ascending."""
    ordered, place = torch.sort(values, stable=True)
    is_first = torch.ones(len(values), dtype=torch.bool)
    is_first[1:] = ordered[1:] != ordered[:-1]
    return torch.sort(place[is_first]).values
