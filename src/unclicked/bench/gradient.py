"""How far gradients of the fused loss are from double precision, at the paper's width."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from unclicked.bench.ratio import Row, compared
from unclicked.losses.fused_softmax import PRECISIONS, fused_sampled_softmax
from unclicked.losses.sampled_softmax import sampled_softmax
from unclicked.sampling import LogUniform

TITLE = "distance of the loss's gradient from float64 autograd, against plain PyTorch in float32"
AGAINST = "straightforward PyTorch in float32"
UNIT = "of the gradient's length"
# Whose vectors a gradient is to.
OF = ("user", "item")


def run(rounds: int, small: bool, say: Callable[[str], None]) -> list[Row]:
    """Both sides on the same draws, each draw against autograd in float64.

    Args:
        rounds: Draws that count.
        small: Tiny sizes, to see that it works.
        say: Called with lines that tell how far it is.

    Returns:
        For each precision of the logits a row for user vectors and one for item vectors.
    """
    found: dict[tuple[str, str], list[float]] = {}
    for number in range(rounds):
        drawn = _drawn(number, *((16, 200, 50, 8) if small else (512, 50_000, 20_000, 128)))
        exact = _gradients(_plain, [_double(one) for one in drawn])
        for side in (AGAINST, *PRECISIONS):
            loss = _plain if side == AGAINST else _fused(side)
            for of, made, expected in zip(OF, _gradients(loss, drawn), exact, strict=True):
                distance = (made.double() - expected).norm() / expected.norm()
                found.setdefault((side, of), []).append(float(distance))
        say(f"round {number + 1} of {rounds}")
    return [
        compared(
            f"distance of the gradient to {of} vectors, {side}",
            found[side, of],
            AGAINST,
            found[AGAINST, of],
            UNIT,
        )
        for side in PRECISIONS
        for of in OF
    ]


def _drawn(seed: int, rows: int, items: int, negatives: int, width: int) -> list[Tensor]:
    """Arguments of a loss: vectors whose products have unit spread, labels and negatives."""
    random = torch.Generator().manual_seed(seed)
    size = width**-0.25
    user = size * torch.randn(rows, width, generator=random)
    # Row 0 is the padding's: items are numbered from 1.
    vectors = size * torch.randn(items + 1, width, generator=random)
    labels = torch.randint(1, items + 1, (rows, 5), generator=random)
    mask = torch.rand(rows, 5, generator=random) < 0.9
    sampler = LogUniform(items)
    shown = sampler.draw(negatives, random)
    log_labels = sampler.log_expected(labels, shown).float()
    return [user, labels, mask, shown.index, vectors, log_labels, shown.log_expected.float()]


def _double(one: Tensor) -> Tensor:
    return one.double() if one.is_floating_point() else one


def _plain(*given: Tensor) -> Tensor:
    return sampled_softmax(*given).mean()


def _fused(precision: str) -> Callable[..., Tensor]:
    return lambda *given: fused_sampled_softmax(*given, logits=precision)[0]


def _gradients(loss: Callable[..., Tensor], given: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Gradients to user and item vectors."""
    user, vectors = (given[place].clone().requires_grad_() for place in (0, 4))
    value = loss(user, *given[1:4], vectors, *given[5:])
    to_user, to_items = torch.autograd.grad(value, [user, vectors])
    return to_user, to_items
