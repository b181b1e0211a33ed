"""The metric loss of the plug-in, as its options choose it."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from unclicked.errors import UserError
from unclicked.losses.contrast import CONTRASTS
from unclicked.losses.distance import unit_length
from unclicked.losses.triplet import intermediate
from unclicked.plugin.layers import check_rows
from unclicked.plugin.options import PluginOptions


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
        seen = self._transformed(seen)
        # A contrast sees directions only; the intermediate term beside it does not.
        sees_length = self.options.metric not in CONTRASTS or random is not None
        if self.options.metric_norm == "l2" and sees_length:
            seen, unclicked, labels = (unit_length(part) for part in (seen, unclicked, labels))
            random = None if random is None else unit_length(random)
        loss = self.loss(seen, unclicked, labels)
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

    def _transformed(self, seen: Tensor) -> Tensor:
        if self.options.metric_input == "tanh":
            return torch.tanh(seen)
        if self.options.metric_input == "layer_norm":
            return functional.layer_norm(seen, seen.shape[-1:])
        return seen

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
