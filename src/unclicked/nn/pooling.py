"""From lists of vectors of different lengths to one vector each."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from unclicked.nn.attention import Query, masked_softmax
from unclicked.nn.initialise import UNIFORM_RANGE, dense

LONG_ATTENTIONS = ("paper", "code", "mean")


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Return the mean of the real entries of each list, zero for an empty list.

    Args:
        values: Vectors [..., N, D], float; whatever stands at padding (NaN too) is ignored.
        mask: True where an entry is real, bool [..., N].

    Returns:
        Means [..., D].

    Example:
        >>> values = torch.tensor([[[1.0], [3.0], [9.0]], [[1.0], [1.0], [1.0]]])
        >>> masked_mean(values, torch.tensor([[True, True, False], [False, False, False]]))
        tensor([[2.],
                [0.]])
    """
    total = values.masked_fill(~mask.unsqueeze(-1), 0.0).sum(dim=-2)
    count = mask.sum(dim=-1, keepdim=True).clamp(min=1)
    return total / count.to(total.dtype)


class FieldPooling(nn.Module):
    """One vector from the long-term values of one item field (item, brand, category, ...).

    Args:
        field_dim: Width of the field's value vectors, at least 1.
        profile_dim: Width of the profile, or 0 without profiles (the query is then learned).
        attention: `paper`: dot product of a projected profile and each value; `code`: one tanh
            unit over [profile; value], divided by the root of the width; `mean`: no attention.
        dropout: Probability with which a weight is dropped, in [0, 1).

    Source: the long-term part of the SDM paper (`paper`) and of the official SDM code (`code`).
    Differs: the paper multiplies value and profile directly, which needs equal widths; `paper`
        projects the profile to the field's width first.
    """

    def __init__(self, field_dim: int, profile_dim: int, *, attention: str, dropout: float) -> None:
        super().__init__()
        self.scale = math.sqrt(field_dim)
        self.weight_dropout = nn.Dropout(dropout)
        self.query: Query | None = None
        self.unit: nn.Linear | None = None
        if attention == "code":
            self.unit = nn.Linear(profile_dim + field_dim, 1)
            nn.init.uniform_(self.unit.weight, -UNIFORM_RANGE, UNIFORM_RANGE)
            nn.init.zeros_(self.unit.bias)
        elif attention == "paper":
            self.query = Query(profile_dim, field_dim, activation=False)

    def forward(self, values: Tensor, mask: Tensor, profile: Tensor | None) -> Tensor:
        """Return the weighted sum of the real values of each row.

        Args:
            values: Value vectors [B, M, d], float; padding is ignored.
            mask: True where a value is real, bool [B, M].
            profile: Profiles [B, D], float, or None.

        Returns:
            Vectors [B, d]; zero for an empty list.
        """
        values = values.masked_fill(~mask.unsqueeze(-1), 0.0)
        scores = self._scores(values, profile)
        if scores is None:
            return masked_mean(values, mask)
        weights = self.weight_dropout(masked_softmax(scores, mask))
        pooled: Tensor = weights.unsqueeze(-2) @ values
        return pooled.squeeze(-2)

    def _scores(self, values: Tensor, profile: Tensor | None) -> Tensor | None:
        if self.query is not None:
            query: Tensor = self.query(profile, values.shape[0])
            return (values @ query).squeeze(-1)
        if self.unit is None:
            return None
        inputs = values
        if profile is not None:
            spread = profile.unsqueeze(-2).expand(-1, values.shape[-2], -1)
            inputs = torch.cat([spread, values], dim=-1)
        return torch.tanh(self.unit(inputs)).squeeze(-1) / self.scale


class LongTermInterest(nn.Module):
    """One vector of a user's long-term clicks from the lists of all item fields.

    Args:
        field_dims: Width of the value vectors by field, at least one field.
        dim: Width D of the result, at least 1.
        has_profile: Whether `forward` will be given a profile [B, D].
        attention: One of `LONG_ATTENTIONS`; see `FieldPooling`.
        dropout: Probability with which an attention weight is dropped, in [0, 1).

    Source: the long-term part of the SDM paper: p = tanh(W [z_1; ...; z_F] + b).
    """

    def __init__(
        self,
        field_dims: Mapping[str, int],
        dim: int,
        *,
        has_profile: bool,
        attention: str,
        dropout: float,
    ) -> None:
        super().__init__()
        self.field_dims = dict(field_dims)
        profile_dim = dim if has_profile else 0
        # A list in the order of field_dims: a field may have any name, a submodule may not.
        self.pools = nn.ModuleList(
            FieldPooling(width, profile_dim, attention=attention, dropout=dropout)
            for width in self.field_dims.values()
        )
        self.output = dense(sum(self.field_dims.values()), dim, orthogonal=True)

    def forward(
        self, fields: Mapping[str, tuple[Tensor, Tensor]], like: Tensor, profile: Tensor | None
    ) -> Tensor:
        """Pool every field, join them and map them to the width of the user vector.

        Args:
            fields: Values [B, M, d] and mask [B, M] by field; an absent field is an empty list.
            like: Any tensor [B, ...] with the batch size, dtype and device to use.
            profile: Profiles [B, D], float, or None.

        Returns:
            Vectors [B, D] in (-1, 1).
        """
        parts = []
        for (name, width), pool in zip(self.field_dims.items(), self.pools, strict=True):
            if name in fields:
                parts.append(pool(*fields[name], profile))
            else:
                parts.append(like.new_zeros(like.shape[0], width))
        return torch.tanh(self.output(torch.cat(parts, dim=-1)))
