"""The whole model: item tower, profile tower, any encoder, the plug-in, vectors to score with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from unclicked.config import ModelConfig
from unclicked.data.batching import BatchBuilder
from unclicked.data.catalogue import Catalogue
from unclicked.encoders import ENCODERS, build_encoder
from unclicked.encoders.asks import long_input_of, reads_unclicked
from unclicked.encoders.base import EncoderContext, EncoderShape
from unclicked.errors import UserError
from unclicked.nn.tables import Table
from unclicked.nn.towers import ItemField, ItemTower, ProfileTower, field_widths
from unclicked.plugin import UnclickedPlugin
from unclicked.tensors import TensorBatch, thinned, unclicked_of_samples


@dataclass(frozen=True)
class Rows:
    """Vectors of a batch's rows.

    Attributes:
        clicked: h, float [R, D].
        unclicked_mean: Mean item vector of the unclicked list, float [R, D].
        unclicked_mask: bool [R], True where the list is not empty.
        items: Vectors of the batch's distinct items, float [n, D].
    """

    clicked: Tensor
    unclicked_mean: Tensor
    unclicked_mask: Tensor
    items: Tensor


class UnclickedRecommender(nn.Module):
    """Turns a batch into user vectors that are scored by inner product with item vectors.

    Args:
        config: The `[model]` table.
        catalogue: The items and their fields.
        profile_sizes: Number of values of each profile field.
        num_users: Number of users, for the user id's embedding where that is wanted.
        encoder: A module to use instead of the one that `config.encoder` names.
        exposure_weights: Whether an unclicked item weighs as much as its showings.
        fixed_item_vectors: Whether the vectors scored against stay as they start, random and of
            length one; the largest inner product is then the smallest distance.

    Raises:
        UserError: If vectors that are not to change are tied to the item tower, which is trained.

    Source: section 3 of the paper; Figure 3.
    """

    def __init__(
        self,
        config: ModelConfig,
        catalogue: Catalogue,
        profile_sizes: Mapping[str, int],
        num_users: int,
        encoder: Callable[[EncoderShape], nn.Module] | None = None,
        *,
        exposure_weights: bool = False,
        fixed_item_vectors: bool = False,
    ) -> None:
        super().__init__()
        if fixed_item_vectors and config.tie_item_vectors:
            raise UserError(
                "MODEL-TIED",
                "model.tie_item_vectors",
                "found true, but vectors that train.ranking_loss = mse is measured against must "
                "not change: all would become one. Set it to false.",
            )
        self.config = config
        self.fixed_item_vectors = fixed_item_vectors
        self.num_items = len(catalogue.items)
        self.exposure_weights = exposure_weights
        fields = {
            name: ItemField(
                len(field.vocabulary),
                torch.from_numpy(np.array(field.offsets)),
                torch.from_numpy(np.array(field.codes, dtype=np.int64)),
            )
            for name, field in catalogue.fields.items()
        }
        sizes = {name: field.num_values for name, field in fields.items()}
        widths = field_widths(config.dim, sizes) | config.field_dims
        init = config.embedding_init
        self.tower = ItemTower(self.num_items, fields, config.dim, widths, init)
        known_users = num_users if config.use_user_id else 0
        has_profile = bool(profile_sizes) or known_users > 0
        self.profile = (
            ProfileTower(profile_sizes, known_users, config.dim, init) if has_profile else None
        )
        shape = EncoderShape(config.dim, dict(self.tower.widths), has_profile)
        if encoder is not None:
            self.encoder = encoder(shape)
        else:
            self.encoder = build_encoder(config.encoder, shape, **config.encoder_options)
        sees = config.sees_unclicked or reads_unclicked(self.encoder)
        self.left_out = config.unclicked_dropout if sees else 0.0
        self.plugin = _plugin(config)
        self.output = None if config.tie_item_vectors else Table(self.num_items, config.dim)
        if self.output is not None and fixed_item_vectors:
            weight = self.output.weight
            weight.copy_(functional.normalize(weight, dim=1))

    def asked_of(self, builder: BatchBuilder) -> BatchBuilder:
        """A builder whose batches hold what this model's encoder asks for.

        Args:
            builder: Where batches come from.

        Returns:
            The same with other lists.
        """
        return replace(
            builder,
            long=long_input_of(self.encoder),
            need_unclicked=builder.need_unclicked or reads_unclicked(self.encoder),
        )

    def unclicked_readers(self) -> list[str]:
        """Parts by which a user's unclicked items reach her vector.

        Returns:
            "encoder", "plug-in", both or neither; a metric loss alone reads them in training only.
        """
        found = ["encoder"] if reads_unclicked(self.encoder) else []
        return found if self.config.fusion == "none" else [*found, "plug-in"]

    def encode(self, batch: TensorBatch) -> Rows:
        """Vectors of every row of a batch.

        Args:
            batch: The batch.

        Returns:
            Clicked vectors and means of unclicked item vectors.

        Raises:
            UserError: If the encoder returns another shape than it was given.
        """
        if self.training:
            batch = thinned(batch, self.left_out)
        items = self.tower(batch.items)
        padded = functional.embedding(batch.clicked, items)
        encoded: Tensor = self.encoder(padded, batch.mask, self._context(batch, items))
        if encoded.shape != padded.shape:
            raise UserError(
                "ENCODER-OUTPUT",
                type(self.encoder).__name__,
                f"returned {list(encoded.shape)}, expected [B, T, D] = {list(padded.shape)}. "
                "Wrap a module that returns [B, D] in LastPositionEncoder.",
            )
        clicked = encoded[batch.row_sample, batch.row_position]
        mean, mask = self._unclicked(batch, items)
        return Rows(clicked, mean, mask, items)

    def user_vectors(self, batch: TensorBatch) -> Tensor:
        """User vectors for retrieval; labels have no place here.

        Args:
            batch: The batch.

        Returns:
            float [R, D].
        """
        rows = self.encode(batch)
        user: Tensor = self.plugin(rows.clicked, rows.unclicked_mean, rows.unclicked_mask)
        return user

    def item_vectors(self, items: Tensor) -> Tensor:
        """Vectors that user vectors are scored against.

        Args:
            items: int64 [n], distinct item indices, ascending.

        Returns:
            float [n, D].
        """
        if self.output is None:
            vectors: Tensor = self.tower(items)
            return vectors
        if self.fixed_item_vectors:
            return self.output.weight[items]
        return self.output.rows(items)

    @torch.no_grad()
    def all_item_vectors(self) -> Tensor:
        """Vectors of the whole catalogue.

        Returns:
            float [V + 1, D]; row 0 is padding.
        """
        if self.output is not None:
            return self.output.weight[: self.num_items + 1]
        device = next(self.tower.parameters()).device
        every = torch.arange(self.num_items + 1, device=device)
        return torch.cat([self.tower(part) for part in every.split(65_536)])

    def tables(self) -> dict[str, Table]:
        """All embedding tables by the name of their weight.

        Returns:
            Name to table.
        """
        return {
            f"{name}.weight": module
            for name, module in self.named_modules()
            if isinstance(module, Table)
        }

    def _context(self, batch: TensorBatch, items: Tensor) -> EncoderContext:
        profile = None if self.profile is None else self.profile(batch.user, batch.profile)
        context = EncoderContext(profile=profile)
        if reads_unclicked(self.encoder):
            places, seen = unclicked_of_samples(batch)
            unclicked = functional.embedding(places, items)
            context = replace(context, unclicked=unclicked, unclicked_mask=seen)
        long_input = long_input_of(self.encoder)
        if long_input == "none":
            return context
        if long_input == "fields":
            fields = {
                name: self.tower.long_term(name, values)
                for name, values in batch.long_fields.items()
            }
            return replace(context, long_fields=fields)
        long = functional.embedding(batch.long_items, items)
        return replace(context, long=long, long_mask=batch.long_items > 0)

    def _unclicked(self, batch: TensorBatch, items: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and presence of every row's unclicked items; each distinct list is averaged once."""
        mean, mask = self._unclicked_lists(batch, items)
        return functional.embedding(batch.unclicked_list, mean), mask[batch.unclicked_list]

    def _unclicked_lists(self, batch: TensorBatch, items: Tensor) -> tuple[Tensor, Tensor]:
        offsets = batch.unclicked_offsets
        mask = offsets[1:] > offsets[:-1]
        if len(batch.unclicked) == 0:
            return items.new_zeros(len(mask), items.shape[1]), mask
        if not self.exposure_weights:
            mean = functional.embedding_bag(
                batch.unclicked, items, offsets=offsets, mode="mean", include_last_offset=True
            )
            return mean, mask
        weights = batch.unclicked_counts.to(items.dtype)
        summed = functional.embedding_bag(
            batch.unclicked,
            items,
            offsets=offsets,
            mode="sum",
            per_sample_weights=weights,
            include_last_offset=True,
        )
        total = torch.cat([weights.new_zeros(1), weights.cumsum(0)])
        total = total[offsets[1:]] - total[offsets[:-1]]
        return summed / total.clamp(min=1)[:, None], mask


def _plugin(config: ModelConfig) -> UnclickedPlugin:
    return UnclickedPlugin(
        config.dim,
        config.fusion,
        config.metric,
        config.margin,
        symmetric_form=config.symmetric_form,
        gate_activation=config.gate_activation,
        label_encoder=config.label_encoder,
        stop_gradient_labels=config.stop_gradient_labels,
        metric_norm=config.metric_norm,
        pair_form=config.pair_form,
        metric_on=config.metric_on,
        intermediate_margin=config.intermediate_margin,
        metric_temperature=config.metric_temperature,
        metric_input=config.metric_input,
    )


def encoder_names() -> list[str]:
    """Names that `model.encoder` may take.

    Returns:
        The names in the order of the dict.
    """
    return list(ENCODERS)
