"""How many nats a list adds: fitted on some users, judged on the others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy import special

from unclicked.data.skip_features import CLICKED, OTHERS_LIST, OWN, OWN_LIST
from unclicked.data.skip_model import RIDGE, Choices, Slopes, fit, slopes

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

NUM_FOLDS = 5
CONFIDENCE = 0.975


@dataclass(frozen=True)
class FoldOfChoices:
    """All predictions as one fold sees them.

    Attributes:
        choices: The predictions.
        counts: float64 [E, 7], the counts behind their features.
        user: int64 [N], user of each prediction.
        inside: bool [N], True where the user belongs to the fold, so that he is judged.
        log_share: float64 [K], log share of each category among the clicks of the other users.
    """

    choices: Choices
    counts: Floats
    user: Ints
    inside: NDArray[np.bool_]
    log_share: Floats


@dataclass(frozen=True)
class Judged:
    """Gains of the judged predictions, and what being in a list does to a category's log odds.

    Attributes:
        user: int64 [N], user of each prediction.
        gain: float64 [N], log-likelihood with the unclicked list minus without, in nats.
        control: float64 [N], the same with another user's list.
        effect: Mean change of a listed category's log odds.
        effect_error: Its standard error, users being independent.
    """

    user: Ints
    gain: Floats
    control: Floats
    effect: float
    effect_error: float


def judge(folds: list[FoldOfChoices]) -> Judged:
    """Fit on the users outside of each fold and judge those inside.

    Args:
        folds: Each fold's view; every user is inside one of them.

    Returns:
        The gains of all predictions.
    """
    start: dict[str, Floats] = {}
    gains, controls, users, effects = [], [], [], []
    for fold in folds:
        inside, outside = np.flatnonzero(fold.inside), np.flatnonzero(~fold.inside)
        values = {}
        for name, columns in (
            ("without", CLICKED),
            ("own", CLICKED + OWN_LIST),
            ("other", CLICKED + OTHERS_LIST),
        ):
            choices = fold.choices.with_features(columns)
            weights, found = fit(choices, outside, fold.log_share, start.get(name))
            start[name] = weights
            values[name] = slopes(choices, inside, weights, fold.log_share).values
            if name == "own":
                effects.append(_effect(fold, outside, weights, found))
        gains.append(values["own"] - values["without"])
        controls.append(values["other"] - values["without"])
        users.append(fold.user[inside])
    # The folds' fits share most of their users, so their errors are averaged, not divided.
    effect, error = np.mean(np.array(effects), axis=0)
    return Judged(
        np.concatenate(users), np.concatenate(gains), np.concatenate(controls), effect, error
    )


def _effect(
    fold: FoldOfChoices, outside: Ints, weights: Floats, found: Slopes
) -> tuple[float, float]:
    """Mean contribution of the list to the categories in it, and its error by the sandwich."""
    size = np.diff(fold.choices.offsets)
    listed = np.repeat(~fold.inside, size) & (fold.counts[:, OWN] > 0)
    if not listed.any():
        return 0.0, 0.0
    direction = np.zeros(len(weights))
    direction[1 + len(CLICKED) :] = fold.choices.features[:, list(OWN_LIST)][listed].mean(axis=0)
    _, place = np.unique(fold.user[outside], return_inverse=True)
    score = np.zeros((int(place.max()) + 1, len(weights)))
    np.add.at(score, place, found.gradients)
    bread = np.linalg.solve(found.curvature + RIDGE * np.eye(len(weights)), direction)
    return float(direction @ weights), float(np.sqrt(((score @ bread) ** 2).sum()))


def mean_and_interval(gain: Floats, user: Ints) -> tuple[float, float, float]:
    """Mean over predictions, with a 95 % interval that takes whole users as independent.

    Args:
        gain: float64 [N].
        user: int64 [N], user of each.

    Returns:
        The mean, and the ends of the interval.

    Example:
        >>> mean, low, high = mean_and_interval(np.array([1.0, 3.0]), np.array([0, 1]))
        >>> mean, round(low, 3), round(high, 3)
        (2.0, -10.706, 14.706)
    """
    _, place = np.unique(user, return_inverse=True)
    mean = float(gain.mean())
    users = int(place.max()) + 1
    if users < 2:
        return mean, -np.inf, np.inf
    off = np.bincount(place, weights=gain - mean)
    error = np.sqrt((off**2).sum() * users / (users - 1)) / len(gain)
    reach = float(special.stdtrit(users - 1, CONFIDENCE) * error)
    return mean, mean - reach, mean + reach


@njit(cache=True, nogil=True)
def _count(start, end, fold, clicks, value_of, result):
    for number in range(len(start)):
        for index in range(start[number], end[number]):
            value = value_of[clicks[index]]
            if value >= 0:
                result[fold[number], value] += 1


def log_shares(
    start: Ints,
    end: Ints,
    fold: Ints,
    click_item: NDArray[np.int32],
    value_of: NDArray[np.int32],
) -> Floats:
    """How often each category is clicked by the users outside of each fold.

    Args:
        start: int64 [S], first click of each session.
        end: int64 [S], end of its clicks.
        fold: int64 [S], fold of its user.
        click_item: int32 [C], item index of every click.
        value_of: int32 [V + 2], category of each item index, -1 for none.

    Returns:
        float64 [folds, K], log shares; a click is added to every category.
    """
    counts = np.zeros((NUM_FOLDS, int(value_of.max()) + 1), dtype=np.int64)
    _count(start, end, fold, np.asarray(click_item), value_of, counts)
    others = counts.sum(axis=0) - counts + 1.0
    return np.asarray(np.log(others / others.sum(axis=1, keepdims=True)))
