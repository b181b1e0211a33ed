"""The metric loss of the plug-in, as its options choose it."""

from __future__ import annotations

from torch import Tensor

from unclicked.errors import UserError
from unclicked.losses.triplet import intermediate
from unclicked.plugin.layers import check_rows
from unclicked.plugin.options import PluginOptions

NORM_EPS = 1e-12


class MetricTerm:
    """One loss per row from clicked, unclicked and label vectors.

    Args:
        options: The plug-in's options.
    """

    def __init__(self, options: PluginOptions) -> None:
        self.options = options
        self.loss = options.metric_loss()

    def __call__(
        self,
        clicked: Tensor,
        unclicked: Tensor,
        labels: Tensor,
        row_mask: Tensor,
        *,
        user: Tensor | None = None,
        random: Tensor | None = None,
        random_rows: Tensor | None = None,
    ) -> Tensor:
        """Return the loss of each row [R], 0 where the row mask is False.

        Args:
            clicked: Vectors h [R, D], float.
            unclicked: Vectors n [R, D], float.
            labels: Vectors c [R, D], float.
            row_mask: Bool [R].
            user: Fused vectors [R, D], used with `metric_on = "user"`.
            random: Vectors of random items [R, D], used with `intermediate_margin`.
            random_rows: Rows that have a random item, bool [R]; None: all.

        Returns:
            The losses.

        Raises:
            UserError: Shapes do not fit, or a vector is missing or not used.
        """
        self._check_random(random)
        seen = self._seen(clicked, user)
        check_rows(self.options.dim, clicked=seen, unclicked=unclicked, labels=labels)
        if self.loss is None:
            return clicked.new_zeros(clicked.shape[0])
        if row_mask.shape != clicked.shape[:1]:
            raise UserError(
                "PLUGIN-SHAPE",
                "row_mask",
                f"found {list(row_mask.shape)}, expected [R] = [{clicked.shape[0]}].",
            )
        if self.options.metric_norm == "l2":
            seen, unclicked, labels = (unit_length(part) for part in (seen, unclicked, labels))
            random = None if random is None else unit_length(random)
        loss = self.loss(seen, unclicked, labels, margin=self.options.margin)
        if random is not None:
            margin = self.options.intermediate_margin
            extra = intermediate(seen, unclicked, labels, random, margin=margin)
            loss = loss + (extra if random_rows is None else extra.masked_fill(~random_rows, 0.0))
        return loss.masked_fill(~row_mask, 0.0)

    def _seen(self, clicked: Tensor, user: Tensor | None) -> Tensor:
        if self.options.metric_on == "clicked" or self.loss is None:
            return clicked
        if user is None:
            raise UserError(
                "PLUGIN-MISSING", "user", "found none, metric_on = 'user' needs the user vectors."
            )
        return user

    def _check_random(self, random: Tensor | None) -> None:
        wanted = self.options.intermediate_margin > 0.0
        if wanted and random is None:
            raise UserError(
                "PLUGIN-MISSING",
                "random",
                "found none, intermediate_margin above 0 needs the vectors of random items.",
            )
        if random is not None and not wanted:
            raise UserError(
                "PLUGIN-RANDOM",
                "random",
                "found vectors that nothing uses. Set intermediate_margin above 0 or leave them "
                "out.",
            )


def unit_length(vectors: Tensor) -> Tensor:
    """Return vectors of length 1 in the same directions; 0 stays 0.

    Args:
        vectors: Vectors [R, D], float.

    Returns:
        Vectors [R, D].

    Example:
        >>> import torch
        >>> unit_length(torch.tensor([[3.0, 4.0], [0.0, 0.0]]))
        tensor([[0.6000, 0.8000],
                [0.0000, 0.0000]])
    """
    # A division by max(length, 1e-12) would have a gradient of 1e12 at 0.
    return vectors * (vectors.square().sum(dim=-1, keepdim=True) + NORM_EPS).rsqrt()
