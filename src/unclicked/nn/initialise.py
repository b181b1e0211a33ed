"""Layers with the initial values of the official SDM code."""

from __future__ import annotations

import torch
from torch import nn

UNIFORM_RANGE = 0.1
"""Half the width of the interval from which free vectors are drawn."""


def dense(in_dim: int, out_dim: int, *, orthogonal: bool = False) -> nn.Linear:
    """Return a linear layer with a Glorot-uniform (or orthogonal) weight and a bias of zero.

    Args:
        in_dim: Width of the input, at least 1.
        out_dim: Width of the output, at least 1.
        orthogonal: Whether the weight is (semi-)orthogonal instead.

    Returns:
        The layer, in the default dtype.

    Source: the official SDM code.

    Example:
        >>> layer = dense(3, 2, orthogonal=True)
        >>> bool(torch.allclose(layer.weight @ layer.weight.T, torch.eye(2), atol=1e-6))
        True
    """
    layer = nn.Linear(in_dim, out_dim)
    if orthogonal:
        nn.init.orthogonal_(layer.weight)
    else:
        nn.init.xavier_uniform_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def lstm_layer(in_dim: int, hidden_dim: int) -> nn.LSTM:
    """Return one LSTM layer whose joint kernel is orthogonal and whose forget bias is 1.

    Args:
        in_dim: Width of the input, at least 1.
        hidden_dim: Width of the state, at least 1.

    Returns:
        A batch-first layer. The kernel [in_dim + hidden_dim, 4 * hidden_dim] that multiplies
        [input; state] is orthogonal as a whole. Biases are 0 except the input-side bias of the
        forget gate: torch adds two biases, so only one of them may hold the 1.

    Source: the official SDM code.

    Example:
        >>> layer = lstm_layer(3, 2)
        >>> layer.bias_ih_l0.tolist()
        [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0]
    """
    layer = nn.LSTM(in_dim, hidden_dim, batch_first=True)
    weights = dict(layer.named_parameters())
    with torch.no_grad():
        kernel = nn.init.orthogonal_(torch.empty(in_dim + hidden_dim, 4 * hidden_dim))
        weights["weight_ih_l0"].copy_(kernel[:in_dim].T)
        weights["weight_hh_l0"].copy_(kernel[in_dim:].T)
        weights["bias_ih_l0"].zero_()
        weights["bias_hh_l0"].zero_()
        weights["bias_ih_l0"][hidden_dim : 2 * hidden_dim] = 1.0
    return layer


def free_vector(dim: int) -> nn.Parameter:
    """Return a learned vector [dim] drawn from the uniform distribution on [-0.1, 0.1].

    Args:
        dim: Width, at least 1.

    Returns:
        The parameter.

    Example:
        >>> bool(free_vector(4).abs().max() <= 0.1)
        True
    """
    return nn.Parameter(torch.empty(dim).uniform_(-UNIFORM_RANGE, UNIFORM_RANGE))
