"""Attention that is causal, ignores padding and stays finite where there is nothing to see."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from unclicked.errors import UserError
from unclicked.nn.initialise import dense, free_vector

LAYER_NORM_EPS = 1e-8


def masked_softmax(scores: Tensor, mask: Tensor) -> Tensor:
    """Return the softmax over the last axis with weight 0 where the mask is False.

    Args:
        scores: Scores [..., K], float.
        mask: True where a key may be seen, bool, broadcastable to [..., K].

    Returns:
        Weights [..., K] that sum to 1, or to 0 where every key is masked (not NaN, and the
        gradient is 0 there).

    Example:
        >>> masked_softmax(torch.zeros(2, 2), torch.tensor([[True, True], [False, False]]))
        tensor([[0.5000, 0.5000],
                [0.0000, 0.0000]])
    """
    # The smallest finite number instead of -inf: a row of -inf alone would turn into NaN.
    lowest = torch.finfo(scores.dtype).min
    weights = scores.masked_fill(~mask, lowest).softmax(dim=-1)
    return weights.masked_fill(~mask, 0.0)


def causal_mask(mask: Tensor) -> Tensor:
    """Return which keys each position may see: real ones, up to and including itself.

    Args:
        mask: True where an item is real, bool [B, T].

    Returns:
        Bool [B, T, T], axes batch, query, key.

    Example:
        >>> causal_mask(torch.tensor([[True, True, False]])).int().tolist()
        [[[1, 0, 0], [1, 1, 0], [1, 1, 0]]]
    """
    length = mask.shape[-1]
    order = torch.ones(length, length, dtype=torch.bool, device=mask.device).tril()
    return mask.unsqueeze(-2) & order


def default_num_heads(dim: int) -> int:
    """Return the number of heads of about 16 dimensions each that divides a width.

    Args:
        dim: Width of the vectors, at least 1.

    Returns:
        The largest divisor of `dim` that is at most `dim // 16`, at least 1.

    Source: the SDM paper uses 4 heads at width 64 and 8 at width 128.

    Example:
        >>> [default_num_heads(dim) for dim in (8, 56, 64, 128)]
        [1, 2, 4, 8]
    """
    return max(heads for heads in range(1, max(1, dim // 16) + 1) if dim % heads == 0)


class CausalHeads(nn.Module):
    """Multi-head self-attention alone: no residual, no layer norm, one output per position.

    Args:
        dim: Width D, at least 1.
        num_heads: Number of heads; divides D.
        dropout: Probability with which a weight is dropped, in [0, 1).

    Raises:
        UserError: `num_heads` does not divide `dim`.
    """

    def __init__(self, dim: int, num_heads: int, dropout: float) -> None:
        super().__init__()
        if num_heads < 1 or dim % num_heads != 0:
            raise UserError(
                "ENCODER-OPTION",
                "num_heads",
                f"found {num_heads}, expected a divisor of the width {dim}. "
                f"Try {default_num_heads(dim)}.",
            )
        self.num_heads = num_heads
        self.scale = math.sqrt(dim / num_heads)
        self.project = dense(dim, 3 * dim)
        self.output = dense(dim, dim)
        self.weight_dropout = nn.Dropout(dropout)

    def forward(self, inputs: Tensor, mask: Tensor) -> Tensor:
        """Attend from each position to itself and to the real positions before it.

        Args:
            inputs: Vectors [B, T, D], float, finite at padding too.
            mask: True where a position is real, bool [B, T].

        Returns:
            Vectors [B, T, D].
        """
        return self.attend(inputs, causal_mask(mask))

    def attend(self, inputs: Tensor, seen: Tensor) -> Tensor:
        """Attend from the last positions to those that they may see.

        Args:
            inputs: Vectors [B, T, D], float, finite at padding too.
            seen: True where one of the last Q positions may see a position, bool [B, Q, T].

        Returns:
            Vectors [B, Q, D].
        """
        batch, length, dim = inputs.shape
        asked = seen.shape[1]
        projected = self.project(inputs).view(batch, length, 3, self.num_heads, -1)
        queries, keys, values = projected.permute(2, 0, 3, 1, 4)
        scores = queries[:, :, length - asked :] @ keys.transpose(-1, -2) / self.scale
        weights = masked_softmax(scores, seen.unsqueeze(1))
        heads = self.weight_dropout(weights) @ values
        attended: Tensor = self.output(heads.transpose(1, 2).reshape(batch, asked, dim))
        return attended


class CausalSelfAttention(CausalHeads):
    """Multi-head self-attention with residual and layer norm, one output per position.

    Args:
        dim: Width D, at least 1.
        num_heads: Number of heads; divides D.
        dropout: Probability with which a weight or an output is dropped, in [0, 1).

    Raises:
        UserError: `num_heads` does not divide `dim`.

    Source: the multi-head attention of the SDM paper; the order of the steps is the code's.
    """

    def __init__(self, dim: int, num_heads: int, dropout: float) -> None:
        super().__init__(dim, num_heads, dropout)
        self.output_dropout = nn.Dropout(dropout)
        self.norm = nn.LayerNorm(dim, eps=LAYER_NORM_EPS)

    def forward(self, inputs: Tensor, mask: Tensor) -> Tensor:
        """Attend from each position to itself and to the real positions before it.

        Args:
            inputs: Vectors [B, T, D], float, finite at padding too.
            mask: True where a position is real, bool [B, T].

        Returns:
            Vectors [B, T, D].
        """
        attended = super().forward(inputs, mask)
        normed: Tensor = self.norm(inputs + self.output_dropout(attended))
        return normed


class Query(nn.Module):
    """The vector that asks an attention: a map of the profile, or a learned one without profiles.

    Args:
        profile_dim: Width of the profile, or 0 without profiles.
        dim: Width of the query, at least 1.
        activation: Whether tanh follows the map of the profile.
    """

    def __init__(self, profile_dim: int, dim: int, *, activation: bool) -> None:
        super().__init__()
        self.activation = activation
        self.project = dense(profile_dim, dim) if profile_dim > 0 else None
        self.vector = None if profile_dim > 0 else free_vector(dim)

    def forward(self, profile: Tensor | None, batch: int) -> Tensor:
        """Return the queries.

        Args:
            profile: Profiles [B, D], float, or None where the query is learned.
            batch: Number of rows B.

        Returns:
            Queries [B, dim, 1], to be multiplied from the right.
        """
        if self.project is None:
            return torch.as_tensor(self.vector).expand(batch, -1).unsqueeze(-1)
        query: Tensor = self.project(profile).unsqueeze(-1)
        return torch.tanh(query) if self.activation else query


class ProfileAttention(nn.Module):
    """Causal attention over the positions, asked by the user's profile.

    Without a profile the query is a learned vector, the same for every user.

    Args:
        dim: Width D, at least 1.
        has_profile: Whether `forward` will be given a profile.
        dropout: Probability with which a weight is dropped, in [0, 1).

    Source: the user attention of the SDM paper.
    Differs: the query goes through one tanh layer and scores are divided by sqrt(D), as in the
        official SDM code.
    """

    def __init__(self, dim: int, *, has_profile: bool, dropout: float) -> None:
        super().__init__()
        self.scale = math.sqrt(dim)
        self.query = Query(dim if has_profile else 0, dim, activation=True)
        self.weight_dropout = nn.Dropout(dropout)

    def forward(self, inputs: Tensor, mask: Tensor, profile: Tensor | None) -> Tensor:
        """Return for each position the weighted sum of the real positions up to it.

        Args:
            inputs: Vectors [B, T, D], float.
            mask: True where a position is real, bool [B, T].
            profile: Profiles [B, D], float; None if the layer was built without.

        Returns:
            Vectors [B, T, D]; zero where no position may be seen.
        """
        scores = (inputs @ self.query(profile, inputs.shape[0])).squeeze(-1) / self.scale
        weights = masked_softmax(scores.unsqueeze(-2), causal_mask(mask))
        attended: Tensor = self.weight_dropout(weights) @ inputs
        return attended
