"""The skip signal: what the unclicked lists tell of the next click beyond the clicked ones."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special

from unclicked.data.catalogue import Catalogue
from unclicked.data.controls import with_source
from unclicked.data.dataset import PreparedDataset
from unclicked.data.samples import Samples
from unclicked.data.skip_categories import Grouping, click_grouping, field_groupings
from unclicked.data.skip_features import Moments, choices_of, draw_moments
from unclicked.data.skip_judging import (
    CONFIDENCE,
    NUM_FOLDS,
    FoldOfChoices,
    judge,
    log_shares,
    mean_and_interval,
)
from unclicked.data.skip_verdict import no_signal, verdict

Ints = NDArray[np.int64]

MOST_PREDICTIONS = 10_000
MOST_ENTRIES = 300_000
MOST_ENTRIES_OF_ALL = 2_000_000
FEWEST_PREDICTIONS = 100
FEWEST_USERS = 20
SEED = 22


def skip_signal(
    samples: Samples,
    click_item: NDArray[np.int32],
    catalogue: Catalogue,
    *,
    cut: Literal["session_start", "now"],
) -> dict[str, Any]:
    """Nats that unclicked lists add to the prediction of the next click's category.

    A conditional logit over the categories knows the popularity of each and how often and how
    lately it occurs among the short- and long-term clicks; a second one knows the unclicked list
    too. Both are fitted on four fifths of the users and judged on the others. The gain is in
    log-likelihood for one prediction, and its interval takes whole users as independent. The
    control is the same with the lists of another user.

    Args:
        samples: Training samples, with the users' own lists.
        click_item: int32 [C], item index of every click.
        catalogue: The items.
        cut: Which unclicked list counts: as of the session's first click, or of each position's.

    Returns:
        "field", "nats", "ci95", "sign" ("attracts", "repels" or "unclear"), "effect" (mean change
        of a listed category's log odds), "effect_ci95", "predictions", "users", "control_nats" and
        "control_ci95" of the field with the largest clear gain; "fields" with the same for each;
        "verdict", a sentence. Numbers are None where nothing could be measured. The same input
        gives the same result.

    Source: none in the paper, which assumes that a skipped item repels.
    """
    others = with_source(samples, "shuffled", len(catalogue.items), SEED)
    moments = draw_moments(samples, others, cut, MOST_PREDICTIONS, SEED)
    users = len(np.unique(moments.user))
    if len(moments) < FEWEST_PREDICTIONS or users < FEWEST_USERS:
        return no_signal(
            f"{len(moments)} predictions of {users} users are too few ({FEWEST_PREDICTIONS} of "
            f"{FEWEST_USERS} are needed)"
        )
    number = np.random.default_rng(SEED).permutation(int(samples.user.max()) + 1) % NUM_FOLDS
    fold = number[samples.user]
    groupings = field_groupings(catalogue)
    if not groupings:
        made = click_grouping(samples, click_item, len(catalogue.items), fold, NUM_FOLDS)
        groupings = [] if made is None else [made]
    room = min(MOST_ENTRIES, MOST_ENTRIES_OF_ALL // max(len(groupings), 1))
    sorted_in = [_measure(samples, click_item, moments, fold, one, room) for one in groupings]
    fields = [one for one in sorted_in if one is not None]
    if not fields:
        return no_signal("items have no field of two values, and clicks form no groups of items")
    clear = [one for one in fields if one["ci95"][0] > 0] or fields
    head = max(clear, key=lambda one: float(one["nats"]))
    return {**head, "fields": fields, "verdict": verdict(head)}


def skip_signal_of(dataset: PreparedDataset) -> dict[str, Any]:
    """The skip signal of a prepared data set: of its card, or measured where that lacks it.

    Args:
        dataset: The data set.

    Returns:
        As `skip_signal`.
    """
    stored = dataset.card.get("skip_signal")
    if isinstance(stored, dict):
        return stored
    return skip_signal(
        dataset.splits["train"],
        dataset.click_item,
        dataset.catalogue,
        cut=dataset.config.unclicked.cut,
    )


def _measure(
    samples: Samples,
    click_item: NDArray[np.int32],
    moments: Moments,
    fold: Ints,
    grouping: Grouping,
    room: int,
) -> dict[str, Any] | None:
    """The signal of one way to sort items; None where too little of it can be predicted."""
    views, built = [], None
    for number in range(NUM_FOLDS):
        value_of = grouping.value_of[number % len(grouping.value_of)]
        if built is None or len(grouping.value_of) > 1:
            built = choices_of(samples, click_item, moments, value_of, room)
            shares = log_shares(samples.start, samples.end, fold, click_item, value_of)
        choices, kept, counts = built
        user = moments.user[kept]
        inside = fold[moments.sample[kept]] == number
        if not inside.any() or inside.all() or len(kept) < FEWEST_PREDICTIONS:
            return None
        views.append(FoldOfChoices(choices, counts, user, inside, shares[number]))
    found = judge(views)
    nats, low, high = mean_and_interval(found.gain, found.user)
    control, control_low, control_high = mean_and_interval(found.control, found.user)
    users = len(np.unique(found.user))
    reach = float(special.stdtrit(users - 1, CONFIDENCE)) * found.effect_error
    sign = "unclear"
    if low > 0 and abs(found.effect) > reach:
        sign = "attracts" if found.effect > 0 else "repels"
    return {
        "field": grouping.name,
        "nats": _rounded(nats),
        "ci95": [_rounded(low), _rounded(high)],
        "sign": sign,
        "effect": _rounded(found.effect),
        "effect_ci95": [_rounded(found.effect - reach), _rounded(found.effect + reach)],
        "predictions": len(found.gain),
        "users": users,
        "control_nats": _rounded(control),
        "control_ci95": [_rounded(control_low), _rounded(control_high)],
    }


def _rounded(value: float) -> float:
    # Four places: the last bits of a sum may differ between machines. No minus before a zero.
    return round(float(value), 4) + 0.0
