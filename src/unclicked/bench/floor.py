"""The least that a training step can cost on this processor: its products and its rows."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from unclicked.bench.paper_size import Sizes
from unclicked.model import UnclickedRecommender
from unclicked.tensors import TensorBatch

ROUNDS = 5
# A gradient costs two products for each one of the way forward.
PASSES = 3
# A touched row: read for the batch; weight, sum and gradient read, weight and sum written.
ROW_PASSES = 6
BYTES = 4


@dataclass(frozen=True)
class Rates:
    """What this processor reaches.

    Attributes:
        products: Multiplications and additions a second in the softmax's products, by precision.
        layers: The same in products of the shape of a layer's, in single precision.
        memory: Bytes read and written a second by a copy.
    """

    products: dict[str, float]
    layers: float
    memory: float


def measured_rates(sizes: Sizes, precisions: list[str]) -> Rates:
    """Measure the rates, each as the best of some rounds.

    Args:
        sizes: Sizes of the step.
        precisions: Names of torch types for the softmax's products.

    Returns:
        The rates.
    """
    rows = min(512, sizes.batch_size * max(sizes.lengths))
    products = {
        name: _product_rate(rows, sizes.num_negatives, sizes.dim, getattr(torch, name))
        for name in precisions
    }
    tokens = sizes.batch_size * round(statistics.mean(sizes.lengths))
    layers = _product_rate(tokens, 4 * sizes.dim, sizes.dim, torch.float32)
    source = torch.zeros(8 * sizes.num_items)
    copy = torch.empty_like(source)
    memory = 2 * source.nbytes / _best(lambda: copy.copy_(source))
    return Rates(products, layers, memory)


def floor_seconds(
    model: UnclickedRecommender, batch: TensorBatch, sizes: Sizes, rates: Rates, precision: str
) -> float:
    """Seconds below which no step of this batch can be, by these rates.

    Counted are the products with the negatives and in all layers of the encoder, the plug-in and
    the profile, forward and twice backward, and each touched table row's bytes once a pass.
    Exponents, attention, item fields' averages and everything that waits count as nothing.

    Args:
        model: The model.
        batch: A batch.
        sizes: Sizes of the step.
        rates: What the processor reaches.
        precision: Of the products with the negatives.

    Returns:
        Seconds.
    """
    softmax = PASSES * 2 * len(batch.row_sample) * sizes.num_negatives * sizes.dim
    layers = PASSES * _layer_operations(model, batch)
    touched = _touched_bytes(model, batch, sizes)
    return (
        softmax / rates.products[precision]
        + layers / rates.layers
        + ROW_PASSES * touched / rates.memory
    )


def _layer_operations(model: UnclickedRecommender, batch: TensorBatch) -> int:
    """Multiplications and additions of all layers on the way forward, counted as they run."""
    counted = [0]

    def count(module: nn.Module, given: Any, _: Any) -> None:
        first: Tensor = given[0]
        weights = sum(one.numel() for one in module.parameters() if one.ndim == 2)
        counted[0] += 2 * weights * (first.numel() // first.shape[-1])

    hooks = [
        module.register_forward_hook(count)
        for module in model.modules()
        if isinstance(module, (nn.Linear, nn.LSTM, nn.GRU))
    ]
    try:
        with torch.no_grad():
            model.user_vectors(batch)
    finally:
        for hook in hooks:
            hook.remove()
    return counted[0]


def _touched_bytes(model: UnclickedRecommender, batch: TensorBatch, sizes: Sizes) -> int:
    """Bytes of the rows of all tables that a step needs, each once."""
    items = len(batch.items) * sum(model.tower.widths.values())
    scored = len(torch.unique(batch.labels)) + sizes.num_negatives
    return BYTES * (items + scored * sizes.dim)


def _product_rate(rows: int, columns: int, inner: int, kind: torch.dtype) -> float:
    left = torch.ones(rows, inner, dtype=kind)
    right = torch.ones(columns, inner, dtype=kind)
    out = torch.empty(rows, columns, dtype=kind)
    seconds = _best(lambda: torch.mm(left, right.T, out=out))
    return 2 * rows * columns * inner / seconds


def _best(action: Callable[[], object]) -> float:
    seconds = []
    for _ in range(ROUNDS + 1):
        started = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - started)
    return min(seconds[1:])
