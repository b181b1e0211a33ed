"""Sizes and probabilities of the simulated log, checked."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Final

from unclicked.errors import UserError

WORDS: Final = {
    "draws": ("all", "tries"),
    "feed": ("needs", "abandoned"),
    "feed_days": ("every", "shopping"),
}


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
    num_leaves: int = field(
        default=30,
        metadata=_means("Leaf categories; `taobao`: one for every 100 items (count)."),
    )
    num_categories: int = field(
        default=6,
        metadata=_means(
            "First-level categories: leaf number modulo this; `taobao`: the square root of the "
            "number of leaves (count)."
        ),
    )
    num_brands: int = field(
        default=12, metadata=_means("Brands; `taobao`: one for every 20 items (count).")
    )
    brand_groups: int = field(
        default=0,
        metadata=_means(
            "Groups of brands, brand number modulo this, that a user accepts as a whole; 0 lets "
            "each brand stand for itself (count)."
        ),
    )
    shops_per_brand: int = field(default=6, metadata=_means("Shops inside each brand (count)."))
    popularity_sigma: float = field(
        default=0.5, metadata=_means("Spread of an item's log popularity (standard deviation).")
    )
    draws: str = field(
        default="all",
        metadata=_means(
            "How items of a leaf are drawn by popularity: 'all' weighs every one, 'tries' takes "
            "the first that fits, which is faster (word)."
        ),
    )
    leaf_sigma: float = field(
        default=0.0,
        metadata=_means(
            "Spread of a leaf's log chance to be an interest, at most 3 (standard deviation)."
        ),
    )
    interests_per_user: int = field(
        default=14, metadata=_means("Leaf categories a user can ever need (count).")
    )
    accepted_brands: int = field(
        default=7,
        metadata=_means(
            "Brands, or groups of brands, a user accepts, fixed for the whole log (count)."
        ),
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
    feed_days: str = field(
        default="every",
        metadata=_means(
            "Days on which a user looks at the feed: 'every' day, or only before a visit for "
            "'shopping' (word)."
        ),
    )
    feed_visits: int = field(
        default=2, metadata=_means("Visits to the feed a day, from 8:00 (count).")
    )
    feed_turns: int = field(
        default=1,
        metadata=_means(
            "Visits in a row that show the same places of the feed. Above 1 the items of an "
            "interest take turns; at 1 each place draws one (count)."
        ),
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
            "Chance per day of a shopping visit after 17:00, except on the last day (share)."
        ),
    )
    shop_spread: float = field(
        default=0.0,
        metadata=_means(
            "How far the users' own chances of a shopping visit lie around that, evenly to both "
            "sides (share)."
        ),
    )
    shop_last_day: float = field(
        default=1.0,
        metadata=_means(
            "Chance of a shopping visit on the last day; who never came before comes then (share)."
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
        for name, words in WORDS.items():
            if getattr(self, name) not in words:
                raise knob_error(name, getattr(self, name), f"'{words[0]}' or '{words[1]}'")
        for small, large in _ORDERED:
            if getattr(self, small) > getattr(self, large):
                found = f"{getattr(self, small)} with {large} = {getattr(self, large)}"
                more = f"; --items {getattr(self, small)} is enough" if large == "num_items" else ""
                raise knob_error(small, found, f"at most {large}{more}")
        if self.accepted_brands > self.brands_to_accept:
            expected = f"at most the {self.brands_to_accept} brands or groups of brands"
            raise knob_error("accepted_brands", str(self.accepted_brands), expected)
        room = min(self.shop_probability, 1.0 - self.shop_probability)
        if self.shop_spread > room:
            expected = f"at most {room:.6g}, so that every chance is between 0 and 1"
            raise knob_error("shop_spread", str(self.shop_spread), expected)
        if self.needs_per_user + self.shop_other_pages > self.interests_per_user:
            expected = "needs_per_user + shop_other_pages at most interests_per_user"
            raise knob_error("shop_other_pages", str(self.shop_other_pages), expected)

    @property
    def brands_to_accept(self) -> int:
        """Brands, or groups of brands, of which a user accepts some."""
        return min(self.brand_groups, self.num_brands) or self.num_brands


_ORDERED: Final = (
    ("needs_per_user", "interests_per_user"),
    ("interests_per_user", "num_leaves"),
    ("num_leaves", "num_items"),
    ("brand_groups", "num_brands"),
)
_MAY_BE_ZERO: Final = ("shop_other_pages", "lag_days", "popularity_sigma", "brand_groups")
# Beyond it a few leaves take all, and drawing distinct interests has no end.
MOST_LEAF_SIGMA: Final = 3


def knob_meanings() -> dict[str, str]:
    """One sentence with its unit for every knob.

    Returns:
        Sentences by knob name, in the order of `SimulationKnobs`.

    Example:
        >>> knob_meanings()["num_days"]
        'Length of the log (days).'
    """
    return {knob.name: knob.metadata["meaning"] for knob in dataclasses.fields(SimulationKnobs)}


def _check_range(name: str, value: object, meaning: str) -> None:
    if isinstance(value, str):
        return
    number = value if isinstance(value, int | float) else -1
    is_share = meaning.endswith(("(share).", "(probability)."))
    if is_share and not 0 <= number <= 1:
        raise knob_error(name, str(value), "a share between 0 and 1")
    lowest = 0 if name in _MAY_BE_ZERO else 1 if isinstance(value, int) else 0
    if not lowest <= number < 2**40:
        raise knob_error(name, str(value), f"a finite number of at least {lowest}")
    if name == "leaf_sigma" and number > MOST_LEAF_SIGMA:
        raise knob_error(name, str(value), f"at most {MOST_LEAF_SIGMA}")


def knob_error(name: str, found: str, expected: str) -> UserError:
    """The error of a knob that cannot be used.

    Args:
        name: The knob.
        found: Its value.
        expected: What it could be.

    Returns:
        The error, to be raised.
    """
    message = f"found {found}, expected {expected}. Choose another value."
    return UserError("SIMULATE-KNOB", name, message)
