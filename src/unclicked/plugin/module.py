"""The module that joins unclicked encoder, fusion and metric loss."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from unclicked.errors import UserError
from unclicked.plugin.layers import Fusion, ItemsEncoder, check_rows, has_item
from unclicked.plugin.metric import MetricTerm
from unclicked.plugin.options import PluginOptions
from unclicked.plugin.output import Distances, PluginOutput, active_share, distances_between


class UnclickedPlugin(nn.Module):
    """Turns clicked vectors and unclicked items into user vectors, and judges them by the labels.

    Weights exist only where the chosen variant uses them. Items are given as vectors [R, N, D]
    with a bool mask [R, N], or as their mean [R, D] with a bool mask [R] (True: there is an item).

    Args:
        dim: Width D of all vectors, at least 1.
        fusion: `none`: the user vector is h; `subtract`: h - n; `confidence`: h - G * n.
        metric: `none`, `asymmetric`, `symmetric`, `clicked_label`, `clicked_unclicked` or
            `label_unclicked`, see `unclicked.losses.triplet`; or `infonce`, see
            `unclicked.losses.contrast`.
        margin: Margin of the metric loss, squared distance, above 0; `infonce` has none.
        symmetric_form: `one_hinge`, or `two_hinges` with half the margin each.
        gate_activation: `sigmoid`, `tanh` or `identity`, of the gate G; with the last two G may
            be negative (unclicked items attract) and starts near 0, almost shut: a slow start.
        label_encoder: `shared`: labels go through the map f of the unclicked items; `separate`:
            through a map of their own.
        stop_gradient_labels: Whether no gradient flows into the label vectors.
        metric_norm: `none`, or `l2`: the metric loss sees vectors of length 1.
        pair_form: `hinge` or `plain`, of the two losses that push a pair apart.
        metric_on: `clicked`: the metric loss sees h; `user`: the fused vector instead.
        intermediate_margin: 0 is off; above 0 adds max(0, |h - n|^2 - |h - r|^2 + this), with r
            the vector of random items, to the metric loss.
        metric_temperature: Divides the cosines of `infonce`, above 0.
        metric_input: What the metric loss does to h (or the user vector) first: `raw`: nothing;
            `tanh`; `layer_norm`: mean 0 and variance 1 of each vector, without weights.

    Raises:
        UserError: An option is unknown or out of range.

    Source: Eq. 3 to 8 and section 4.3 (one sigmoid layer for the gate).
    Differs: n is 0, not f(0), for a row without unclicked items, so its user vector is exactly h.

    Example:
        >>> plugin = UnclickedPlugin(dim=4, fusion="confidence", metric="symmetric", margin=5.0)
        >>> clicked, items = torch.ones(2, 4), torch.ones(2, 3, 4)
        >>> some = torch.tensor([[True, True, False], [False, False, False]])
        >>> out = plugin.train_step(clicked, items, some, items, some)
        >>> out.metric_mask.tolist(), bool((out.user[1] == clicked[1]).all())
        ([True, False], True)
    """

    def __init__(
        self,
        dim: int,
        fusion: str = "confidence",
        metric: str = "symmetric",
        margin: float = 5.0,
        *,
        symmetric_form: str = "one_hinge",
        gate_activation: str = "sigmoid",
        label_encoder: str = "shared",
        stop_gradient_labels: bool = False,
        metric_norm: str = "none",
        pair_form: str = "hinge",
        metric_on: str = "clicked",
        intermediate_margin: float = 0.0,
        metric_temperature: float = 0.1,
        metric_input: str = "raw",
    ) -> None:
        super().__init__()
        self.options = PluginOptions(
            dim=dim,
            fusion=fusion,
            metric=metric,
            margin=margin,
            symmetric_form=symmetric_form,
            gate_activation=gate_activation,
            label_encoder=label_encoder,
            stop_gradient_labels=stop_gradient_labels,
            metric_norm=metric_norm,
            pair_form=pair_form,
            metric_on=metric_on,
            intermediate_margin=intermediate_margin,
            metric_temperature=metric_temperature,
            metric_input=metric_input,
        )
        self.metric_term = MetricTerm(self.options)
        shares = label_encoder == "shared"
        needs_labels = self.options.needs_labels
        needs_map = self.options.needs_unclicked or (shares and needs_labels)
        self.unclicked_encoder = ItemsEncoder(dim, has_map=needs_map)
        self.label_encoder = None if shares else ItemsEncoder(dim, has_map=needs_labels)
        self.fusion = Fusion(dim, fusion, gate_activation)

    def forward(self, clicked: Tensor, unclicked_items: Tensor, unclicked_mask: Tensor) -> Tensor:
        """Return the user vectors; labels have no place here, so they cannot leak.

        Args:
            clicked: Clicked vectors h [R, D], float.
            unclicked_items: Vectors [R, N, D] of unclicked items, or their mean [R, D].
            unclicked_mask: Bool [R, N], or [R] for means.

        Returns:
            User vectors [R, D].

        Raises:
            UserError: Shapes do not fit.
        """
        return self.fuse(clicked, self.encode_unclicked(unclicked_items, unclicked_mask))

    def train_step(
        self,
        clicked: Tensor,
        unclicked_items: Tensor,
        unclicked_mask: Tensor,
        label_items: Tensor,
        label_mask: Tensor,
        *,
        random_items: Tensor | None = None,
        random_mask: Tensor | None = None,
    ) -> PluginOutput:
        """Return user vectors and metric loss of a batch of rows, for training only.

        Args:
            clicked: Clicked vectors h [R, D], float.
            unclicked_items: Vectors [R, N, D] of unclicked items, or their mean [R, D].
            unclicked_mask: Bool [R, N], or [R] for means.
            label_items: Vectors [R, K, D] of label items, or their mean [R, D].
            label_mask: Bool [R, K], or [R] for means.
            random_items: Vectors of random items, in either form; with `intermediate_margin`.
            random_mask: Their mask; a row without any gets no intermediate term.

        Returns:
            The output; average `metric_loss` over the same rows as the ranking loss.

        Raises:
            UserError: Shapes do not fit, or random items are missing or not used.
        """
        if (random_items is None) != (random_mask is None):
            raise UserError(
                "PLUGIN-RANDOM", "random_items", "random_items and random_mask go together."
            )
        unclicked = self.encode_unclicked(unclicked_items, unclicked_mask)
        labels = self.encode_labels(label_items, label_mask)
        check_rows(self.options.dim, clicked=clicked, unclicked=unclicked, labels=labels)
        random = random_rows = None
        if random_items is not None and random_mask is not None:
            random = self.encode_unclicked(random_items, random_mask)
            random_rows = has_item(random_mask)
        user = self.fuse(clicked, unclicked)
        rows = has_item(unclicked_mask) & has_item(label_mask)
        loss = self.metric(
            clicked, unclicked, labels, rows, user=user, random=random, random_rows=random_rows
        )
        distances = self._report(clicked, unclicked, labels, rows)
        return PluginOutput(user, loss, distances, clicked, unclicked, labels, rows)

    def encode_unclicked(self, unclicked_items: Tensor, unclicked_mask: Tensor) -> Tensor:
        """Return the unclicked vectors n = tanh(W mean + b), 0 for rows without an item.

        Args:
            unclicked_items: Vectors [R, N, D] of unclicked items, or their mean [R, D].
            unclicked_mask: Bool [R, N], or [R] for means.

        Returns:
            Vectors n [R, D]; all 0 where the variant has no use for them.

        Raises:
            UserError: Shapes do not fit.
        """
        vectors: Tensor = self.unclicked_encoder(unclicked_items, unclicked_mask)
        return vectors

    def encode_labels(self, label_items: Tensor, label_mask: Tensor) -> Tensor:
        """Return the label vectors c, 0 for rows without a label.

        Args:
            label_items: Vectors [R, K, D] of label items, or their mean [R, D].
            label_mask: Bool [R, K], or [R] for means.

        Returns:
            Vectors c [R, D]; all 0 where the variant has no use for them.

        Raises:
            UserError: Shapes do not fit.
        """
        vectors: Tensor = self._encoder_of_labels()(label_items, label_mask)
        return vectors.detach() if self.options.stop_gradient_labels else vectors

    def gate(self, clicked: Tensor, unclicked: Tensor) -> Tensor:
        """Return how much of each dimension of n is taken away from h.

        Args:
            clicked: Clicked vectors h [R, D], float.
            unclicked: Unclicked vectors n [R, D], float.

        Returns:
            Gate G [R, D]: W [h; n] + b, through a sigmoid by default; all 1 with `subtract`, all
            0 with `none`.

        Raises:
            UserError: Shapes do not fit.
        """
        return self.fusion.gate(clicked, unclicked)

    def fuse(self, clicked: Tensor, unclicked: Tensor) -> Tensor:
        """Return the user vectors from clicked and unclicked vectors.

        Args:
            clicked: Clicked vectors h [R, D], float.
            unclicked: Unclicked vectors n [R, D], float.

        Returns:
            h, h - n or h - G * n [R, D].

        Raises:
            UserError: Shapes do not fit.
        """
        fused: Tensor = self.fusion(clicked, unclicked)
        return fused

    def metric(
        self,
        clicked: Tensor,
        unclicked: Tensor,
        labels: Tensor,
        row_mask: Tensor,
        user: Tensor | None = None,
        random: Tensor | None = None,
        *,
        random_rows: Tensor | None = None,
    ) -> Tensor:
        """Return the metric loss of each row, 0 where the row mask is False.

        Args:
            clicked: Clicked vectors h [R, D], float.
            unclicked: Unclicked vectors n [R, D], float.
            labels: Label vectors c [R, D], float.
            row_mask: True where a row has an unclicked item and a label, bool [R].
            user: User vectors [R, D]; needed with `metric_on = "user"`.
            random: Vectors of random items [R, D]; needed with `intermediate_margin`.
            random_rows: True where a row has a random item, bool [R]; None: everywhere.

        Returns:
            Loss [R], not reduced.

        Raises:
            UserError: Shapes do not fit, or a needed vector is missing.
        """
        return self.metric_term(
            clicked,
            unclicked,
            labels,
            row_mask,
            user=user,
            random=random,
            random_rows=random_rows,
        )

    def distances(self, clicked: Tensor, unclicked: Tensor, labels: Tensor) -> Distances:
        """Return the squared distances of each row between the vectors as given.

        Args:
            clicked: Clicked vectors h [R, D], float.
            unclicked: Unclicked vectors n [R, D], float.
            labels: Label vectors c [R, D], float.

        Returns:
            The three distances [R].

        Raises:
            UserError: Shapes do not fit.
        """
        check_rows(self.options.dim, clicked=clicked, unclicked=unclicked, labels=labels)
        return distances_between(clicked, unclicked, labels)

    active_share = staticmethod(active_share)

    def _encoder_of_labels(self) -> ItemsEncoder:
        return self.unclicked_encoder if self.label_encoder is None else self.label_encoder

    @torch.no_grad()
    def _report(
        self, clicked: Tensor, unclicked: Tensor, labels: Tensor, rows: Tensor
    ) -> Distances:
        raw = self.distances(clicked, unclicked, labels)
        has_unclicked = self.unclicked_encoder.linear is not None
        has_labels = self._encoder_of_labels().linear is not None
        known = (has_labels, has_unclicked, has_labels and has_unclicked)
        kept = (
            distance.masked_fill(~rows, 0.0) if is_known else torch.zeros_like(distance)
            for distance, is_known in zip(raw.values(), known, strict=True)
        )
        return Distances(*kept)
