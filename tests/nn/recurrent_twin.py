"""GRU layers unit by unit and step by step in NumPy, from their formulas."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Weights = dict[str, Array]


def sigmoid(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x))


def dot(row: Array, x: Array) -> float:
    return sum(float(a) * float(b) for a, b in zip(row, x, strict=True))


def reset_before(w: Weights, prefix: str, xs: list[Array]) -> list[Array]:
    """n = tanh(W x + U (r * h) + b), with the weights of a `ResetBeforeGRU`."""
    kernel, recurrent = w[f"{prefix}of_input.weight"], w[f"{prefix}of_state"]
    bias = w[f"{prefix}of_input.bias"]
    width = recurrent.shape[1]
    h, states = np.zeros(width), []
    for x in xs:
        fed = [dot(kernel[k], x) + float(bias[k]) for k in range(3 * width)]
        reset = [sigmoid(fed[k] + dot(recurrent[k], h)) for k in range(width)]
        keep = [sigmoid(fed[width + k] + dot(recurrent[width + k], h)) for k in range(width)]
        weakened = np.array([r * float(v) for r, v in zip(reset, h, strict=True)])
        fresh = [
            math.tanh(fed[2 * width + k] + dot(recurrent[2 * width + k], weakened))
            for k in range(width)
        ]
        h = np.array([keep[k] * h[k] + (1.0 - keep[k]) * fresh[k] for k in range(width)])
        states.append(h)
    return states


def reset_after(w: Weights, prefix: str, xs: list[Array]) -> list[Array]:
    """n = tanh(W x + b + r * (U h + c)), with the weights of a `ResetAfterGRU`."""
    kernel, recurrent = w[f"{prefix}layer.weight_ih_l0"], w[f"{prefix}layer.weight_hh_l0"]
    bias, bias_of_state = w[f"{prefix}layer.bias_ih_l0"], w[f"{prefix}layer.bias_hh_l0"]
    width = recurrent.shape[1]
    h, states = np.zeros(width), []
    for x in xs:
        fed = [dot(kernel[k], x) + float(bias[k]) for k in range(3 * width)]
        back = [dot(recurrent[k], h) + float(bias_of_state[k]) for k in range(3 * width)]
        new = []
        for k in range(width):
            reset, keep = sigmoid(fed[k] + back[k]), sigmoid(fed[width + k] + back[width + k])
            fresh = math.tanh(fed[2 * width + k] + reset * back[2 * width + k])
            new.append(keep * float(h[k]) + (1.0 - keep) * fresh)
        h = np.array(new)
        states.append(h)
    return states


FORMS = {"reset_before": reset_before, "reset_after": reset_after}


def session_gru(
    w: Weights, prefix: str, cell: str, num_layers: int, xs: list[Array], profile: Array | None
) -> list[Array]:
    """States of the layers of a `SessionGRU`, for one user."""
    if profile is not None:
        xs = [np.concatenate([x, profile]) for x in xs]
    for layer in range(num_layers):
        xs = FORMS[cell](w, f"{prefix}layers.{layer}.", xs)
    return xs
