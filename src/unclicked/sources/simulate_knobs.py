"""Sizes and probabilities of the simulated log, and the presets that set them."""

from __future__ import annotations

import dataclasses
import difflib
from dataclasses import dataclass, field
from typing import Any, Final

from unclicked.errors import UserError

FEEDS: Final = ("needs", "abandoned")


def _means(sentence: str) -> dict[str, str]:
    return {"meaning": sentence}


@dataclass(frozen=True, kw_only=True)
class SimulationKnobs:
    """Everything a simulated log depends on besides its seed.

    The sentence and unit of each knob is in `knob_meanings()`; the defaults are the preset
    `planted`.

    Raises:
        UserError: A knob lies outside its range, or two of them do not fit together.

    Example:
        >>> SimulationKnobs(num_users=10).num_days
        8
        >>> SimulationKnobs(eta=1.5)
        Traceback (most recent call last):
        unclicked.errors.UserError: error[SIMULATE-KNOB] eta: found 1.5, expected a share \
between 0 and 1. Choose another value.
    """

    num_users: int = field(default=2_500, metadata=_means("Users in the log (count)."))
    num_items: int = field(default=1_500, metadata=_means("Items in the catalogue (count)."))
    num_days: int = field(default=8, metadata=_means("Length of the log (days)."))
    num_leaves: int = field(default=30, metadata=_means("Leaf categories (count)."))
    num_categories: int = field(
        default=6, metadata=_means("First-level categories: leaf number modulo this (count).")
    )
    num_brands: int = field(default=12, metadata=_means("Brands (count)."))
    shops_per_brand: int = field(default=6, metadata=_means("Shops inside each brand (count)."))
    popularity_sigma: float = field(
        default=0.5, metadata=_means("Spread of an item's log popularity (standard deviation).")
    )
    interests_per_user: int = field(
        default=14, metadata=_means("Leaf categories a user can ever need (count).")
    )
    accepted_brands: int = field(
        default=7, metadata=_means("Brands a user accepts, fixed for the whole log (count).")
    )
    needs_per_user: int = field(
        default=4, metadata=_means("Interests that are needed at one time (count).")
    )
    redraw_probability: float = field(
        default=0.4, metadata=_means("Chance per day that all needs are drawn anew (share).")
    )
    end_probability: float = field(
        default=0.0,
        metadata=_means(
            "Chance per day that one need ends; the interest abandoned longest ago, or never "
            "needed, takes its place (share)."
        ),
    )
    feed: str = field(
        default="needs",
        metadata=_means(
            "What the site's guess in the feed aims at: 'needs' (now wanted) or 'abandoned' "
            "(wanted until some days ago) (word)."
        ),
    )
    eta: float = field(
        default=0.7,
        metadata=_means("Share of feed impressions that follow the site's guess (share)."),
    )
    lag_days: int = field(
        default=3,
        metadata=_means("How long the site keeps showing an abandoned need (days)."),
    )
    feed_accepted_share: float = field(
        default=0.0, metadata=_means("Share of feed items drawn from accepted brands (share).")
    )
    feed_visits: int = field(
        default=2, metadata=_means("Visits to the feed a day, from 8:00 (count).")
    )
    feed_impressions: int = field(
        default=40, metadata=_means("Items shown in one visit to the feed (count).")
    )
    feed_pool: int = field(
        default=6, metadata=_means("Items of one interest between which the feed rotates (count).")
    )
    shop_probability: float = field(
        default=0.6,
        metadata=_means(
            "Chance per day of a shopping visit after 17:00; 1 on the last day (share)."
        ),
    )
    shop_other_pages: int = field(
        default=3,
        metadata=_means("Pages of a shopping visit that are not about a need (count)."),
    )
    shop_pool: int = field(
        default=8, metadata=_means("Items on one page of a shopping visit (count).")
    )
    click_feed: float = field(
        default=0.01, metadata=_means("Chance to click an item of the feed (probability).")
    )
    click_need: float = field(
        default=0.7,
        metadata=_means("Chance to click a needed item of an accepted brand (probability)."),
    )
    click_wrong_brand: float = field(
        default=0.1,
        metadata=_means("Chance to click a needed item of another brand (probability)."),
    )
    click_other: float = field(
        default=0.05,
        metadata=_means("Chance to click what is not needed, in a shopping visit (probability)."),
    )
    gap_seconds: float = field(
        default=8.0, metadata=_means("Mean time between two impressions of a visit (seconds).")
    )
    replaced_share: float = field(
        default=0.0,
        metadata=_means(
            "Share of unclicked impressions whose item is replaced by a random one of the "
            "catalogue; 1 leaves no information in them (share)."
        ),
    )

    def __post_init__(self) -> None:
        for knob in dataclasses.fields(self):
            _check_range(knob.name, getattr(self, knob.name), knob.metadata["meaning"])
        if self.feed not in FEEDS:
            raise _knob_error("feed", self.feed, "'needs' or 'abandoned'")
        for small, large in _ORDERED:
            if getattr(self, small) > getattr(self, large):
                found = f"{getattr(self, small)} with {large} = {getattr(self, large)}"
                raise _knob_error(small, found, f"at most {large}")
        if self.needs_per_user + self.shop_other_pages > self.interests_per_user:
            expected = "needs_per_user + shop_other_pages at most interests_per_user"
            raise _knob_error("shop_other_pages", str(self.shop_other_pages), expected)


_ORDERED: Final = (
    ("needs_per_user", "interests_per_user"),
    ("interests_per_user", "num_leaves"),
    ("num_leaves", "num_items"),
    ("accepted_brands", "num_brands"),
)
_MAY_BE_ZERO: Final = ("shop_other_pages", "lag_days", "popularity_sigma")

# planted: the feed guesses the needs and shows the wrong brands, so a skip attracts its category.
# rejected: the feed goes on showing needs that have ended, so a skip repels its category.
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
    return SimulationKnobs(**values)


def knob_meanings() -> dict[str, str]:
    """One sentence with its unit for every knob.

    Returns:
        Sentences by knob name, in the order of `SimulationKnobs`.

    Example:
        >>> knob_meanings()["num_days"]
        'Length of the log (days).'
    """
    return {knob.name: knob.metadata["meaning"] for knob in dataclasses.fields(SimulationKnobs)}


def _as_type(name: str, value: int | float | str, kind: type) -> int | float | str:
    if kind is float and type(value) in (int, float):
        return float(value)
    if type(value) is kind:
        return value
    raise _knob_error(name, repr(value), f"a value of type {kind.__name__}")


def _check_range(name: str, value: object, meaning: str) -> None:
    if isinstance(value, str):
        return
    number = value if isinstance(value, int | float) else -1
    is_share = meaning.endswith(("(share).", "(probability)."))
    if is_share and not 0 <= number <= 1:
        raise _knob_error(name, str(value), "a share between 0 and 1")
    lowest = 0 if name in _MAY_BE_ZERO else 1 if isinstance(value, int) else 0
    if not lowest <= number < 2**40:
        raise _knob_error(name, str(value), f"a finite number of at least {lowest}")


def _knob_error(name: str, found: str, expected: str) -> UserError:
    message = f"found {found}, expected {expected}. Choose another value."
    return UserError("SIMULATE-KNOB", name, message)
