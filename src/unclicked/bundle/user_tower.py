"""The way from a user's items to a user vector with lists of fixed lengths, as ONNX needs it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from unclicked.config import Config
from unclicked.encoders.asks import long_input_of, reads_unclicked
from unclicked.encoders.base import EncoderContext
from unclicked.model import UnclickedRecommender
from unclicked.tensors import TensorBatch

Arrays = dict[str, NDArray[np.int64]]


class UserTower(nn.Module):
    """The model's user vectors, from item indices alone; it shares the model's weights.

    Args:
        model: The model, in evaluation mode, on the CPU.
        config: Its configuration, for the lengths of the lists.

    Attributes:
        lengths: Width of each input by name, in the order in which `forward` takes them.
    """

    def __init__(self, model: UnclickedRecommender, config: Config) -> None:
        super().__init__()
        self.encoder, self.plugin = model.encoder, model.plugin
        self.weighted = model.exposure_weights
        with torch.no_grad():
            every = torch.arange(model.num_items + 2)
            vectors = torch.cat([model.tower(part) for part in every.split(65_536)])
        self.register_buffer("items", vectors)
        data, long_input = config.data, long_input_of(model.encoder)
        self.lengths = {"clicked": data.clicked.max_short}
        self.fields: list[str] = []
        if long_input == "items":
            self.lengths["long_items"] = data.clicked.max_long
        elif long_input == "fields":
            self.fields = list(model.tower.widths)
            self.lengths |= {f"long_{name}": data.clicked.max_long for name in self.fields}
        for number, name in enumerate(self.fields):
            self.register_buffer(f"field{number}", model.tower.table(name).weight.detach())
        self.fuses = config.model.fusion != "none"
        self.reads = reads_unclicked(model.encoder)
        if self.fuses or self.reads:
            self.lengths["unclicked"] = data.unclicked.max_length
            if self.fuses and self.weighted:
                self.lengths["unclicked_counts"] = data.unclicked.max_length
        self.profile = model.profile
        self.columns = 0 if model.profile is None else len(model.profile.tables)
        if self.columns:
            self.lengths["profile"] = self.columns

    def forward(self, *inputs: Tensor) -> Tensor:
        """User vectors.

        Args:
            *inputs: int64 [B, length] each, in the order of `lengths`; 0 is padding.

        Returns:
            float [B, D].
        """
        given = dict(zip(self.lengths, inputs, strict=True))
        mask = given["clicked"] > 0
        encoded = self.encoder(self._rows("items", given["clicked"]), mask, self._context(given))
        last = (mask.sum(dim=1) - 1).clamp(min=0)[:, None, None]
        clicked = encoded.gather(1, last.expand(-1, 1, encoded.shape[2])).squeeze(1)
        if not self.fuses:
            h: Tensor = clicked
            return h
        listed = self._rows("items", given["unclicked"])
        there = given["unclicked"] > 0
        weight = there.to(listed.dtype)
        if self.weighted:
            weight = weight * given["unclicked_counts"].to(listed.dtype)
        summed = (listed * weight.unsqueeze(-1)).sum(dim=1)
        mean = summed / weight.sum(dim=1).clamp(min=1)[:, None]
        user: Tensor = self.plugin(clicked, mean, there.any(dim=1))
        return user

    def _rows(self, table: str, codes: Tensor) -> Tensor:
        return functional.embedding(codes, self.get_buffer(table))

    def _context(self, given: dict[str, Tensor]) -> EncoderContext:
        context = EncoderContext(self._profile(given) if self.profile is not None else None)
        if self.reads:
            listed = given["unclicked"]
            place = torch.arange(self.lengths["clicked"], device=listed.device)
            is_last = place == (given["clicked"] > 0).sum(dim=1, keepdim=True) - 1
            seen = is_last[:, :, None] & (listed > 0)[:, None]
            context = replace(context, unclicked=self._rows("items", listed), unclicked_mask=seen)
        if "long_items" in given:
            long = given["long_items"]
            return replace(context, long=self._rows("items", long), long_mask=long > 0)
        fields = {}
        for number, name in enumerate(self.fields):
            codes = given[f"long_{name}"]
            fields[name] = (self._rows(f"field{number}", codes), codes > 0)
        return replace(context, long_fields=fields)

    def _profile(self, given: dict[str, Tensor]) -> Tensor:
        """As the profile tower does, without its search for distinct values."""
        if self.profile is None:
            raise TypeError("profile")
        parts = [
            functional.embedding(given["profile"][:, column], table.get_parameter("weight"))
            for column, table in enumerate(self.profile.tables)
        ]
        if self.profile.user_table is not None:
            nobody = torch.zeros_like(given["clicked"][:, 0])
            parts.append(functional.embedding(nobody, self.profile.user_table.weight))
        return torch.tanh(self.profile.join(torch.cat(parts, dim=1)))


def tower_inputs(lengths: dict[str, int], batch: TensorBatch) -> Arrays:
    """A batch of one row for each user as the arrays that a user tower takes.

    Args:
        lengths: Width of each input by name.
        batch: The batch.

    Returns:
        Name to int64 [B, length], padded on the right with 0.
    """
    items = batch.items
    found: dict[str, Tensor] = {"clicked": items[batch.clicked], "profile": batch.profile}
    found["long_items"] = items[batch.long_items]
    found |= {f"long_{name}": values for name, values in batch.long_fields.items()}
    offsets, lists = batch.unclicked_offsets, batch.unclicked_list
    length = (offsets[1:] - offsets[:-1])[lists]
    place = torch.arange(int(length.max()), device=items.device)
    there = place < length[:, None]
    place = (offsets[lists][:, None] + place) * there
    if len(batch.unclicked):
        found["unclicked"] = items[batch.unclicked][place] * there
        found["unclicked_counts"] = batch.unclicked_counts.long()[place] * there
    size = len(batch.clicked)
    return {name: _padded(found.get(name), size, width) for name, width in lengths.items()}


def _padded(values: Tensor | None, size: int, width: int) -> NDArray[Any]:
    result = np.zeros((size, width), dtype=np.int64)
    if values is not None:
        result[:, : values.shape[1]] = values.cpu().numpy()
    return result
