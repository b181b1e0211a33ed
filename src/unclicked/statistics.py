"""Paired comparison of two runs that were judged on the same users."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from unclicked.errors import NumericError, UserError

CONFIDENCE = 0.95
# Quantiles of the normal distribution for alpha 0.05 (two-sided) and a power of 80 %.
Z_ALPHA = 1.96
Z_POWER = 0.84
# Differences that vary by less than this share of the values vary by rounding alone.
ROUNDING = 1e-13


@dataclass(frozen=True)
class PairedResult:
    """What a paired comparison of two runs found.

    Args:
        base_mean: Mean over the users of the run compared against.
        run_mean: Mean over the users of the run that is judged.
        difference: `run_mean - base_mean`.
        relative: `difference / base_mean`; NaN where `base_mean` is 0.
        ci95: 95 % confidence interval of the difference.
        p: Two-tailed p value of the paired t-test.
        users: Number of users.
        detectable: Smallest true difference that such a test would find in 80 % of its repetitions.
    """

    base_mean: float
    run_mean: float
    difference: float
    relative: float
    ci95: tuple[float, float]
    p: float
    users: int
    detectable: float


def paired_comparison(base: NDArray[np.float64], run: NDArray[np.float64]) -> PairedResult:
    """Compare two runs by the differences within each user.

    Args:
        base: [U] values of the run compared against, U >= 2.
        run: [U] values of the run that is judged, same users in the same order.

    Returns:
        Means, their difference, its interval (Student's t with U - 1 degrees of freedom), the
        two-tailed p value, and the smallest detectable difference `(1.96 + 0.84) * sd / sqrt(U)`:
        a normal approximation for alpha 0.05 and a power of 80 %, with sd the standard deviation of
        the differences. Where all users differ by one constant, no variation is left: the interval
        is that constant, and p is 1 if it is 0, else 0.

    Raises:
        UserError: The shapes differ or hold fewer than two users.
        NumericError: A value is NaN or infinite.

    Example:
        >>> result = paired_comparison(np.array([0.0, 1.0, 0.0]), np.array([1.0, 1.0, 2.0]))
        >>> result.difference, round(result.p, 4), [round(x, 3) for x in result.ci95]
        (1.0, 0.2254, [-1.484, 3.484])
    """
    base, run, differences = _pairs(base, run)
    num_users = len(differences)
    base_mean, run_mean = float(base.mean()), float(run.mean())
    difference = float(differences.mean())
    constant = _constant(base, run, differences)
    error = 0.0 if constant is not None else float(differences.std(ddof=1)) / num_users**0.5
    p = float(constant == 0) if constant is not None else _t_test(base, run, "two-sided")
    reach = float(stats.t.ppf((1 + CONFIDENCE) / 2, num_users - 1)) * error
    return PairedResult(
        base_mean=base_mean,
        run_mean=run_mean,
        difference=difference,
        relative=difference / base_mean if base_mean else float("nan"),
        ci95=(difference - reach, difference + reach),
        p=p,
        users=num_users,
        detectable=(Z_ALPHA + Z_POWER) * error,
    )


def one_sided_greater(base: NDArray[np.float64], run: NDArray[np.float64]) -> float:
    """Test by the paired t-test whether a run is better than its base.

    Args:
        base: [U] values of the run compared against, U >= 2.
        run: [U] values of the run that is judged, same users in the same order.

    Returns:
        The p value: small if the run's mean is greater. Where all users differ by one constant, 0
        if that constant is positive, else 1.

    Raises:
        UserError: The shapes differ or hold fewer than two users.
        NumericError: A value is NaN or infinite.

    Example:
        >>> round(one_sided_greater(np.array([0.0, 1.0, 0.0]), np.array([1.0, 1.0, 2.0])), 4)
        0.1127
    """
    base, run, differences = _pairs(base, run)
    constant = _constant(base, run, differences)
    if constant is not None:
        return float(constant <= 0)
    return _t_test(base, run, "greater")


def holm(p_values: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Adjust p values for the number of tests by Holm's step-down procedure.

    Args:
        p_values: [M] p values in [0, 1]; NaN marks a test that was not made.

    Returns:
        [M] adjusted p values in the order given; NaN stays NaN and does not count as a test.

    Raises:
        UserError: A p value lies outside [0, 1].

    Source: Holm (1979).

    Example:
        >>> holm([0.01, 0.04, 0.03]).tolist()
        [0.03, 0.06, 0.06]
    """
    raw = np.asarray(p_values, dtype=np.float64).ravel()
    made = np.flatnonzero(~np.isnan(raw))
    if np.any((raw[made] < 0) | (raw[made] > 1)):
        raise UserError("STATISTICS-P", "p_values", "found a value outside 0 to 1.")
    adjusted = np.full(raw.shape, np.nan)
    order = made[np.argsort(raw[made], kind="stable")]
    steps = raw[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted


def _pairs(
    base: NDArray[np.float64], run: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    base, run = np.asarray(base, dtype=np.float64), np.asarray(run, dtype=np.float64)
    if base.ndim != 1 or base.shape != run.shape or len(base) < 2:
        raise UserError(
            "STATISTICS-PAIRS",
            "base and run",
            f"found shapes {list(base.shape)} and {list(run.shape)}, expected two arrays over the "
            "same users, at least two of them.",
        )
    for name, values in (("base", base), ("run", run)):
        if not np.isfinite(values).all():
            row = int(np.flatnonzero(~np.isfinite(values))[0])
            raise NumericError(
                "STATISTICS-FINITE", f"{name} row {row}", f"found {values[row]}, expected a number."
            )
    return base, run, run - base


def _constant(
    base: NDArray[np.float64], run: NDArray[np.float64], differences: NDArray[np.float64]
) -> float | None:
    """Return the difference that all users share, or None where users differ."""
    rounding = ROUNDING * max(float(np.abs(base).max()), float(np.abs(run).max()))
    if float(np.ptp(differences)) > rounding:
        return None
    mean = float(differences.mean())
    return mean if abs(mean) > rounding else 0.0


def _t_test(base: NDArray[np.float64], run: NDArray[np.float64], alternative: str) -> float:
    return float(stats.ttest_rel(run, base, alternative=alternative).pvalue)
