"""Tables and pictures of the data card."""

from __future__ import annotations

from typing import Any

from unclicked.page.columns import Column, columns
from unclicked.page.digits import share
from unclicked.page.markup import cell, pictures, table
from unclicked.page.steps import Step, steps_table

SPLIT_COLOURS = {"train": "popularity", "validation": "base", "test": "unclicked"}
LIST_TITLES = {
    "short": "Clicks of the session",
    "long": "Long-term items",
    "unclicked": "Unclicked items",
}
Z = 1.96


def rows_steps(facts: dict[str, Any]) -> str:
    """Rows read, and what became of them.

    Args:
        facts: The data card.

    Returns:
        HTML.
    """
    rows = facts["rows"]
    lines = [
        Step("read", rows["read"], "all"),
        Step("rejected", rows["rejected"], "removed"),
        Step("duplicates", rows["duplicates"], "removed"),
        Step("kept", rows["kept"], "kept"),
        Step("of these clicked", facts["clicks"], "clicked"),
    ]
    return steps_table("rows", "Rows: read = kept + rejected + duplicates", lines)


def sessions_steps(facts: dict[str, Any]) -> str:
    """Sessions of the training days, and what the rules removed.

    Args:
        facts: The data card.

    Returns:
        HTML.
    """
    rules = facts["rules"]["train"]
    lines = [
        Step("sessions", rules["sessions"], "all"),
        Step("too short", rules["sessions_too_short"], "removed"),
        Step("without a label", rules["sessions_without_label"], "removed"),
        Step("kept", facts["samples"]["train"], "kept"),
    ]
    return steps_table("sessions", "Sessions of the training days", lines)


def unclicked_steps(facts: dict[str, Any]) -> str:
    """Items shown before the training sessions, and which of them count as unclicked.

    Args:
        facts: The data card.

    Returns:
        HTML.
    """
    rules = facts["rules"]["train"]
    reasons = {
        "clicked by the user": "unclicked_removed_clicked",
        "shown too rarely": "unclicked_removed_exposures",
        "beyond the longest list": "unclicked_removed_length",
    }
    shown = rules["unclicked_shown_in_window"]
    left = shown - sum(rules[name] for name in reasons.values())
    lines = [
        Step("shown in the window", shown, "all"),
        *(Step(label, rules[name], "removed") for label, name in reasons.items()),
        Step("count as unclicked", left, "kept"),
    ]
    caption = "Items shown inside the window before the first click of each training session"
    return steps_table("unclicked", caption, lines)


def users_steps(facts: dict[str, Any]) -> str:
    """Users of the test days, and those who cannot be judged.

    Args:
        facts: The data card.

    Returns:
        HTML.
    """
    rules = facts["rules"]["test"]
    lines = [
        Step("users with a click", rules["users_with_clicks"], "all"),
        Step("one click only", rules["users_with_one_click"], "removed"),
        Step("nothing new to be found", rules["users_with_nothing_new"], "removed"),
        Step("judged", facts["samples"]["test"], "kept"),
    ]
    return steps_table("judged", "Users of the test days who can be judged", lines)


def showing_columns(facts: dict[str, Any]) -> str:
    """How likely a click is at each showing.

    Args:
        facts: The data card with "clicks_by_showing".

    Returns:
        HTML.
    """
    found = facts["clicks_by_showing"]
    bars = [_showing(one, last=one is found[-1]) for one in found if one["shown"]]
    if not bars:
        return ""
    drawn = columns("Clicked at this showing, if not before", bars)
    caption = (
        "Showings of the training days, of one item to one user, as long as she has not clicked "
        "it; lines are 95 % intervals. Bars that fall: what was passed over once tends to be "
        "passed over again. Bars that rise: it comes back."
    )
    return pictures([drawn], caption)


def _showing(one: dict[str, int], *, last: bool) -> Column:
    label = _ordinal(one["showing"], last)
    rate = one["clicked"] / one["shown"]
    return Column(
        label, rate, f"{100 * rate:.1f} %", "unclicked", wilson(one["clicked"], one["shown"])
    )


def _ordinal(number: int, last: bool) -> str:
    word = {1: "1st", 2: "2nd", 3: "3rd"}.get(number, f"{number}th")
    return f"{word} on" if last else word


def wilson(hits: int, tries: int) -> tuple[float, float]:
    """95 % interval of a share, by Wilson's score.

    Args:
        hits: How often it happened.
        tries: How often it could have, at least once.

    Returns:
        Both ends.

    Source: Wilson (1927).

    Example:
        >>> [round(end, 4) for end in wilson(1, 10)]
        [0.0179, 0.4042]
    """
    rate, square = hits / tries, Z * Z / tries
    middle = (rate + square / 2) / (1 + square)
    reach = Z * (rate * (1 - rate) / tries + square / (4 * tries)) ** 0.5 / (1 + square)
    return max(middle - reach, 0.0), min(middle + reach, 1.0)


def showing_table(facts: dict[str, Any]) -> str:
    """The numbers behind the picture of clicks by showing.

    Args:
        facts: The data card with "clicks_by_showing".

    Returns:
        HTML.
    """
    found = facts["clicks_by_showing"]
    heading = [("showing", ""), ("shown", "number"), ("clicked", "number"), ("share", "number")]
    rows = []
    for one in found:
        shown, clicked = one["shown"], one["clicked"]
        rows.append(
            f'<tr><th scope="row">{_ordinal(one["showing"], one is found[-1])}</th>'
            f"{cell(f'{shown:,}', 'number')}{cell(f'{clicked:,}', 'number')}"
            f"{cell(share(clicked, shown), 'number')}</tr>"
        )
    inside = table("showings", "Pairs of user and item not clicked before", heading, rows)
    return f"<details><summary>the numbers</summary>{inside}</details>"


def length_columns(facts: dict[str, Any]) -> list[str]:
    """Training sessions by the length of each list.

    Args:
        facts: The data card with "lengths".

    Returns:
        An `svg` element for each list that has any.
    """
    drawn = []
    for name, title in LIST_TITLES.items():
        one = facts["lengths"][name]
        total = sum(one["count"])
        bars = [
            Column(label, count, _short_count(count, total))
            for label, count in zip(_bins(one["from"]), one["count"], strict=True)
        ]
        while len(bars) > 1 and not bars[0].value and bars[0].label != "0":
            bars.pop(0)
        if bars:
            drawn.append(columns(f"{title}, % of sessions", bars))
    return drawn


def _bins(lower: list[int]) -> list[str]:
    """Names of bins from their lower ends; the last one is named by its own lower end and on."""
    names = []
    for low, following in zip(lower, [*lower[1:], None], strict=True):
        if following is None:
            names.append(f"{low}+" if low > 2 else str(low))
        else:
            names.append(str(low) if following == low + 1 else f"{low}-{following - 1}")
    return names


def _short_count(count: int, total: int) -> str:
    return share(count, total).removesuffix(" %")


def day_columns(facts: dict[str, Any]) -> list[str]:
    """Showings and clicks of each day.

    Args:
        facts: The data card with "days".

    Returns:
        Two `svg` elements.
    """
    drawn = []
    for key, title in (("rows", "Showings"), ("clicks", "Clicks")):
        bars = [
            Column(one["day"][5:], one[key], _count(one[key]), SPLIT_COLOURS[one["split"]])
            for one in facts["days"]
        ]
        drawn.append(columns(f"{title} by day", bars))
    return drawn


def _count(number: int) -> str:
    """A count in at most four characters or so."""
    for size, unit in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if number >= size:
            return f"{number / size:.3g}{unit}"
    return str(number)
