"""Exponents of logits in two compiled passes over each row while it lies in the cache."""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from numba import njit
from torch import Tensor

from unclicked.row_threads import over_rows

# Width of the compiled loops: a multiple of what any processor does at once.
LANES: Final = 32
ZERO: Final = np.float32(0)
ONE: Final = np.float32(1)
# Below it an exponent of a float32 is no longer a normal number; it counts as nothing.
LOWEST: Final = np.float32(-87.0)
LOG2_E: Final = np.float32(1 / np.log(2))
# ln 2 in two parts, of which the first has few digits, so that its multiples are exact.
LN2_HIGH: Final = np.float32(0.693359375)
LN2_LOW: Final = np.float32(np.log(2) - 0.693359375)
# Adding 1.5 times 2^23 leaves no digit behind the point: the sum is rounded to an integer.
ROUND: Final = np.float32(12582912.0)
SIXTH: Final = np.float32(1 / 6)
HALF: Final = np.float32(1 / 2)
BIAS: Final = np.int32(127)
MANTISSA: Final = np.int32(23)
# 1/7! and so on; Taylor's series suffices within half of ln 2 of zero.
T7: Final = np.float32(1 / 5040)
T6: Final = np.float32(1 / 720)
T5: Final = np.float32(1 / 120)
T4: Final = np.float32(1 / 24)
SIXTEEN: Final = np.uint32(16)
BELOW_HALF: Final = np.uint32(0x7FFF)
LAST_BIT: Final = np.uint32(1)


def exponents(logits: Tensor, shift: Tensor, top: Tensor) -> tuple[Tensor, Tensor]:
    """Replace logits by exp(logit - shift - largest of the row).

    Compiled for float32 and bfloat16 on the CPU; torch's own operations elsewhere. Exponents below
    -87 count as nothing in the compiled form.

    Args:
        logits: float [r, S], contiguous; changed.
        shift: float [S], taken from every row; the logarithm of expected counts.
        top: float [r], other logits that a row's largest has to be compared with; -inf for none.

    Returns:
        Largest of each row, float [r], 0 where all are -inf; and the sums of the exponents, float
        [r], taken before these are rounded to the type of `logits`. NaN or +inf in a row makes its
        sum NaN.

    Example:
        >>> logits = torch.tensor([[1.0, 0.0]])
        >>> top, total = exponents(logits, torch.tensor([1.0, 0.0]), torch.tensor([-1.0]))
        >>> logits.tolist(), top.tolist(), total.tolist()
        ([[1.0, 1.0]], [0.0], [2.0])
    """
    if logits.device.type != "cpu" or logits.dtype not in _LOOPS:
        return _exponents_by_torch(logits, shift, top)
    tops, totals = top.to(torch.float32, copy=True), torch.empty_like(top, dtype=torch.float32)
    half = logits.dtype == torch.bfloat16
    values = (logits.view(torch.uint16) if half else logits).numpy()
    given = (values, shift.to(torch.float32).contiguous().numpy(), tops.numpy(), totals.numpy())
    loop = _LOOPS[logits.dtype]
    over_rows(lambda begin, end: loop(*given, begin, end), *values.shape)
    return tops, totals


def _exponents_by_torch(logits: Tensor, shift: Tensor, top: Tensor) -> tuple[Tensor, Tensor]:
    """The same by torch's operations, in the type of `top`."""
    values = logits if logits.dtype == top.dtype else logits.to(top.dtype)
    top = torch.maximum(values.sub_(shift).amax(dim=1), top)
    top = top.masked_fill(top == -torch.inf, 0.0)
    values.sub_(top[:, None]).exp_()
    total = values.sum(dim=1)
    if values is not logits:
        logits.copy_(values)
    return top, total


@njit(cache=True)
def _bits(value):
    return np.float32(value).view(np.uint32)


@njit(cache=True)
def _widened(bits):
    return np.uint32(np.uint32(bits) << SIXTEEN).view(np.float32)


@njit(cache=True)
def _narrowed(value):
    """The nearest bfloat16, of two equally near the even one."""
    bits = _bits(value)
    odd = np.uint32(np.uint32(bits >> SIXTEEN) & LAST_BIT)
    return np.uint16(np.uint32(bits + BELOW_HALF + odd) >> SIXTEEN)


@njit(cache=True, fastmath={"contract"})
def _exp(x):
    """exp(x) for x up to 0; 0 below LOWEST, NaN for NaN. No call, so that loops become wide."""
    inside = max(x, LOWEST)
    whole = (inside * LOG2_E + ROUND) - ROUND
    rest = (inside - whole * LN2_HIGH) - whole * LN2_LOW
    series = ((T7 * rest + T6) * rest + T5) * rest + T4
    series = ((series * rest + SIXTH) * rest + HALF) * (rest * rest) + rest + ONE
    power = np.int32((np.int32(whole) + BIAS) << MANTISSA)
    value = series * power.view(np.float32)
    # x - x is 0 for every number and NaN for NaN.
    return ZERO if x < LOWEST else value + (x - x)


@njit(cache=True)
def _largest(lanes, other):
    for lane in range(LANES):
        other = max(other, lanes[lane])
    return ZERO if other == -np.inf else other


@njit(cache=True)
def _sum(lanes):
    total = ZERO
    for lane in range(LANES):
        total += lanes[lane]
    return total


# Rows are walked LANES columns at a time into LANES sums of their own: the compiler may then use
# wide registers without being allowed to change the order of a sum.
@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def _float32(logits, shift, top, total, begin, end):
    width = logits.shape[1]
    wide = width - width % LANES
    lanes = np.empty(LANES, np.float32)
    for number in range(begin, end):
        row = logits[number]
        lanes[:] = top[number]
        for first in range(0, wide, LANES):
            for lane in range(LANES):
                value = row[first + lane] - shift[first + lane]
                lanes[lane] = value if value > lanes[lane] else lanes[lane]
        for place in range(wide, width):
            lanes[0] = max(lanes[0], row[place] - shift[place])
        largest = _largest(lanes, lanes[0])
        lanes[:] = ZERO
        for first in range(0, wide, LANES):
            for lane in range(LANES):
                value = _exp(row[first + lane] - shift[first + lane] - largest)
                row[first + lane] = value
                lanes[lane] += value
        for place in range(wide, width):
            value = _exp(row[place] - shift[place] - largest)
            row[place] = value
            lanes[0] += value
        top[number] = largest
        total[number] = _sum(lanes)


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def _bfloat16(logits, shift, top, total, begin, end):
    width = logits.shape[1]
    wide = width - width % LANES
    lanes = np.empty(LANES, np.float32)
    room = np.empty(width, np.float32)
    for number in range(begin, end):
        row = logits[number]
        lanes[:] = top[number]
        for first in range(0, wide, LANES):
            for lane in range(LANES):
                value = _widened(row[first + lane]) - shift[first + lane]
                room[first + lane] = value
                lanes[lane] = value if value > lanes[lane] else lanes[lane]
        for place in range(wide, width):
            room[place] = _widened(row[place]) - shift[place]
            lanes[0] = max(lanes[0], room[place])
        largest = _largest(lanes, lanes[0])
        lanes[:] = ZERO
        for first in range(0, wide, LANES):
            for lane in range(LANES):
                value = _exp(room[first + lane] - largest)
                lanes[lane] += value
                row[first + lane] = _narrowed(value)
        for place in range(wide, width):
            value = _exp(room[place] - largest)
            lanes[0] += value
            row[place] = _narrowed(value)
        top[number] = largest
        total[number] = _sum(lanes)


_LOOPS = {torch.float32: _float32, torch.bfloat16: _bfloat16}
