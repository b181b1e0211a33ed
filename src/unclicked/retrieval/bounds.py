"""How far a product of vectors, as a matrix product makes it, may be from their score.

The score of user u and item v is S: products in float64, four sums of every fourth of them, their
total, rounded once to float32. A fast matrix product gives another number, a. For each pair there
is a bound E on the difference of a and S that needs lengths alone, so that a - E and a + E are
certain bounds of S.

Rounding of the inputs. Let w = v - m, where m is any fixed vector (the mean of the items, or zero
in float32): u.v and u.w differ by u.m, the same for all items, and order them alike. Let u' and w'
be what the processor multiplies: u and w rounded to bfloat16 or to whole numbers, or themselves in
float32. Then

    u.w - u'.w' = (u - u').w' + u.(w - w'),

at most |u - u'| |w'| + |u| |w - w'| by Cauchy and Schwarz. Both differences are measured, not
guessed, so no property of the rounding is needed.

Accumulation. D products and their sum in float32, in any order, are off by no more than
D r / (1 - D r) times the sum of |u'_d w'_d|, which is at most |u'| |w'|; r is 2^-24 where one
rounds to the nearest value. We take (D + 2) 2^-23, twice that, so that processors that cut off are
covered, and D up to 2^22.

Underflow. Inputs, products and sums below 2^-126 may be taken for zero: D products and D sums, each
off by 2^-126, and each of the inputs times its partner. In all at most
2^-124 D (1 + |u'| + |w'|). Products with a vector of zeros are zero.

Rounding of the product. Where a is stored in bfloat16 it is off by at most 2^-8 of what it was,
which is less than 2^-8 (1 + 2^-7) of |a|.

The score itself. The sum in float64, its rounding to float32 and the subtraction of m are off by
less than 2^-22 (|v| + |m|) |u|.

Whole numbers. With int8, u' and w' are whole numbers of at most 127 times a scale; their sums of
products are exact in 32 bits, and what is said of accumulation holds all the more.

Together, with N the larger of |u| and |u'|, l the larger of |w| and |w'|, and
r = |w - w'| + 2^-22 (|v| + |m|),

    E = (|u - u'| + (D + 2) 2^-23 N + 2^-124 D) l + N r + 2^-124 D (1 + N) + kappa |a|.

Two scores whose bounds do not touch differ in the order of the bounds after rounding to float32
too, because the last rounding is part of both bounds.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

# What storing a product in bfloat16 may take, as a share of its size; nothing in float32.
STORED_SHARE: Final = {torch.bfloat16: 2.0**-8 * (1 + 2.0**-7), torch.float32: 0.0}
# Products of vectors as long as this, or longer, may overflow on the way and are not looked at.
LONGEST: Final = 2.0**120


def user_terms(users: Tensor, rounded: Tensor, *, coarse: bool) -> NDArray[np.float64]:
    """What each user adds to the bound E of an item.

    Args:
        users: float32 [U, D].
        rounded: What is multiplied, float32 or bfloat16 [U, D].
        coarse: Whether float32 inputs may be rounded to bfloat16 on the way.

    Returns:
        float64 [U, 3]: factor of an item's l, factor of its r, and a constant; zeros for a user of
        zeros.

    Source: the derivation above.

    Example:
        Numbers that bfloat16 holds exactly leave the accumulation alone: 4 times 2^-23 times 5.

        >>> user = torch.tensor([[3.0, 4.0], [0.0, 0.0]])
        >>> terms = user_terms(user, user.bfloat16(), coarse=False)
        >>> (terms[0, :2] * [2**23, 1]).round(6).tolist(), terms[1].tolist()
        ([20.0, 5.0], [0.0, 0.0, 0.0])
    """
    exact, held = users.double(), rounded.double()
    width = users.shape[1]
    lost = torch.linalg.vector_norm(exact - held, dim=1)
    length = torch.maximum(
        torch.linalg.vector_norm(exact, dim=1), torch.linalg.vector_norm(held, dim=1)
    )
    tiny = 2.0**-124 * width
    of_length = lost + (width + 2) * 2.0**-23 * length + tiny
    if coarse:
        # Each input is off by at most 2^-8 of itself, each product by 2^-7 and a little.
        of_length += (2.0**-7 + 2.0**-16) * length
    terms = torch.stack([of_length, length, tiny * (1 + length)], dim=1)
    # A little more, for the rounding of these very sums.
    terms *= 1 + 2.0**-30
    found: NDArray[np.float64] = torch.where(length[:, None] > 0, terms, 0.0).numpy()
    return found


def middle(vectors: Tensor) -> Tensor:
    """A vector near the mean of the items: what all have in common orders none of them.

    Args:
        vectors: float32 [V + 1, D]; row 0 is padding.

    Returns:
        float32 [D], finite; zeros where vectors are so long that a mean could overflow.

    Example:
        >>> middle(torch.tensor([[9.0], [1.0], [2.0]])).tolist()
        [1.5]
    """
    some = vectors[1 :: max(1, (len(vectors) - 1) // 4096)]
    mean = some.double().mean(dim=0)
    usable = bool(torch.linalg.vector_norm(mean) < LONGEST)
    return mean.float() if usable else torch.zeros_like(vectors[0])
