"""What a skip signal says to a person who must decide whether unclicked items are worth it."""

from __future__ import annotations

from typing import Any

# Nine simulated logs of 1,500 users and items, two seeds each (docs/experiments.md): the least
# signal that was not 0, and the gains that went with it and with larger ones.
LITTLE_NATS = 0.12
# Logs whose skips were made random gave up to a tenth of this.
NEGLIGIBLE_NATS = 0.02
SEEN = (
    "on simulated logs 0.12 to 0.25 nats went with +0.9 to +10.9 points of HR@50, and "
    "0.30 to 0.33 nats with +5.6 to +13.3"
)
_SIGNS = {
    "attracts": "a category that is passed over is clicked next more often than the clicks say",
    "repels": "a category that is passed over is clicked next less often than the clicks say",
    "unclear": "whether a passed-over category attracts or repels is unclear",
}


def verdict(signal: dict[str, Any]) -> str:
    """A sentence on the largest signal.

    Args:
        signal: One field's entry of the skip signal.

    Returns:
        What was found and what to expect of training with unclicked lists.
    """
    nats, low, field = signal["nats"], signal["ci95"][0], signal["field"]
    if says_nothing(signal):
        what = "nothing measurable" if low <= 0 else f"next to nothing ({nats:.3g} nats)"
        return (
            f"The unclicked lists tell {what} of the next click's {field} beyond the clicks: do "
            "not expect a gain from training with them."
        )
    size = f"The unclicked lists add {nats:.3g} nats on the next click's {field}"
    if signal["control_ci95"][0] > 0:
        size += (
            f" ({signal['control_nats']:.3g} of them with another user's list too, so that part "
            "tells nothing of the user)"
        )
    if nats < LITTLE_NATS:
        seen = f"that is little: no simulated log with a gain had less than {LITTLE_NATS} nats"
    else:
        seen = f"that can be worth it: {SEEN}"
    return f"{size}; {_SIGNS[signal['sign']]}; {seen}."


def says_nothing(signal: dict[str, Any]) -> bool:
    """Whether a signal was measured and found to be nothing, or next to it.

    Args:
        signal: The skip signal.

    Returns:
        True where no gain is to be expected.

    Example:
        >>> says_nothing({"nats": 0.3, "ci95": [0.28, 0.32]}), says_nothing(no_signal("no log"))
        (False, False)
        >>> says_nothing({"nats": 0.01, "ci95": [0.005, 0.015]})
        True
    """
    nats = signal["nats"]
    return nats is not None and (signal["ci95"][0] <= 0 or nats < NEGLIGIBLE_NATS)


def no_signal(reason: str) -> dict[str, Any]:
    """What stands in the place of a signal that could not be measured.

    Args:
        reason: Why, without a full stop.

    Returns:
        All keys of a signal, without numbers.

    Example:
        >>> no_signal("there is no log")["verdict"]
        'Not measured: there is no log.'
    """
    return {
        "field": None,
        "nats": None,
        "ci95": None,
        "sign": "unclear",
        "effect": None,
        "effect_ci95": None,
        "predictions": 0,
        "users": 0,
        "control_nats": None,
        "control_ci95": None,
        "fields": [],
        "verdict": f"Not measured: {reason}.",
    }


def signal_line(signal: dict[str, Any]) -> str:
    """A skip signal as one line of a terminal.

    Args:
        signal: The skip signal.

    Returns:
        Such as `0.310 nats (0.290 to 0.330) on leaf_category, attracts; control 0.000`.
    """
    if signal["nats"] is None:
        return str(signal["verdict"])
    low, high = map(_short, signal["ci95"])
    return (
        f"{_short(signal['nats'])} nats ({low} to {high}) on {signal['field']}, "
        f"{signal['sign']}; control {_short(signal['control_nats'])}"
    )


def _short(value: float) -> str:
    # Nothing is told of the side from which a number comes to zero.
    return f"{round(value, 3) + 0.0:.3f}"
