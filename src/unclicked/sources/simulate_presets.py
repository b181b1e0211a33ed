"""Presets of the simulated log, and how the sizes of a catalogue follow its number of items."""

from __future__ import annotations

import dataclasses
import difflib
import math
from typing import Any, Final

from unclicked.errors import UserError
from unclicked.sources.simulate_knobs import SimulationKnobs, knob_error

ITEMS_PER_LEAF: Final = 100
ITEMS_PER_BRAND: Final = 20
SHOPS_PER_BRAND: Final = 2
_SCALED: Final = ("taobao",)


def _scaled(num_items: int) -> dict[str, int | float | str]:
    """Sizes of a catalogue whose leaves, brands and shops do not grow with it, only their number.

    Small catalogues keep enough leaves and brands for the users' interests.
    """
    leaves = max(24, num_items // ITEMS_PER_LEAF)
    return {
        "num_leaves": leaves,
        "num_categories": round(math.sqrt(leaves)),
        "num_brands": max(24, num_items // ITEMS_PER_BRAND),
        "shops_per_brand": SHOPS_PER_BRAND,
    }


# planted: the feed guesses the needs and shows the wrong brands, so a skip attracts its category.
# rejected: the feed goes on showing needs that have ended, so a skip repels its category.
# lagging: like rejected, with sessions in which needs last for pages, so that a model fed clicks
# alone learns from it too; in rejected none gets above popularity.
# taobao: like planted, with the list lengths and sessions of the paper's Table 1; the number of
# leaves, brands and shops follows the number of items.
# noise: planted with the same clicks, but what was skipped is random. tiny: planted, for tests.
PRESETS_SIMULATION: Final[dict[str, dict[str, int | float | str]]] = {
    "planted": {},
    "rejected": {
        "interests_per_user": 30,
        "accepted_brands": 12,
        "needs_per_user": 9,
        "redraw_probability": 0.0,
        "end_probability": 0.35,
        "feed": "abandoned",
        "lag_days": 4,
        "eta": 0.95,
        "feed_accepted_share": 1.0,
        "feed_pool": 5,
        "shop_pool": 2,
        "shop_other_pages": 5,
        "click_feed": 0.002,
    },
    "lagging": {
        "num_users": 4_000,
        "redraw_probability": 0.0,
        "end_probability": 0.4,
        "feed": "abandoned",
        "lag_days": 3,
        "eta": 0.95,
        "feed_accepted_share": 1.0,
        "click_feed": 0.002,
    },
    "taobao": {
        "num_users": 3_590,
        "num_items": 10_787,
        **_scaled(10_787),
        "brand_groups": 12,
        "draws": "tries",
        "popularity_sigma": 1.0,
        "leaf_sigma": 1.0,
        "feed_days": "shopping",
        "feed_turns": 2,
        "eta": 0.5,
        "feed_impressions": 44,
        "feed_pool": 12,
        "shop_probability": 0.468,
        "shop_spread": 0.41,
        "shop_last_day": 0.5,
        "shop_pool": 7,
        "shop_other_pages": 1,
        "click_feed": 0.004,
        "click_need": 0.9,
    },
    "noise": {"replaced_share": 1.0},
    "tiny": {
        "num_users": 120,
        "num_items": 200,
        "num_leaves": 12,
        "interests_per_user": 8,
        "needs_per_user": 3,
    },
}


def preset_knobs(preset: str, **changes: int | float | str | None) -> SimulationKnobs:
    """The knobs of a preset, with some of them changed.

    Args:
        preset: A key of `PRESETS_SIMULATION`.
        **changes: Knobs by name; `None` leaves the preset's value.

    Returns:
        The knobs, checked.

    Raises:
        UserError: The preset or a knob is unknown, or a value is of another type or out of range.

    Example:
        >>> preset_knobs("noise", num_users=7).replaced_share
        1.0
    """
    if preset not in PRESETS_SIMULATION:
        known = ", ".join(PRESETS_SIMULATION)
        message = f"found '{preset}', expected one of {known}. Name one of them."
        raise UserError("SIMULATE-PRESET", "preset", message)
    values: dict[str, Any] = dict(PRESETS_SIMULATION[preset])
    defaults = {knob.name: knob.default for knob in dataclasses.fields(SimulationKnobs)}
    for name, value in changes.items():
        if name not in defaults:
            near = difflib.get_close_matches(name, defaults, n=1, cutoff=0.0)
            message = f"there is no such knob. Did you mean '{near[0]}'?"
            raise UserError("SIMULATE-KNOB", name, message)
        if value is not None:
            values[name] = _as_type(name, value, type(defaults[name]))
    if preset in _SCALED:
        sizes = _scaled(int(values["num_items"]))
        named = {name for name, value in changes.items() if value is not None}
        values.update({name: size for name, size in sizes.items() if name not in named})
    return SimulationKnobs(**values)


def _as_type(name: str, value: int | float | str, kind: type) -> int | float | str:
    if kind is float and type(value) in (int, float):
        return float(value)
    if type(value) is kind:
        return value
    raise knob_error(name, repr(value), f"a value of type {kind.__name__}")
