"""The data card as a page: what was read, what each rule removed, how the log is made."""

from __future__ import annotations

from typing import Any

from unclicked.data.card_pictures import (
    day_columns,
    length_columns,
    rows_steps,
    sessions_steps,
    showing_columns,
    showing_table,
    unclicked_steps,
    users_steps,
)
from unclicked.data.card_signal import signal_box
from unclicked.data.split import readable
from unclicked.page.digits import share
from unclicked.page.document import document
from unclicked.page.markup import cell, chips, definitions, escaped, pictures, table, typeset


def card_page(facts: dict[str, Any]) -> str:
    """The card as a page of its own.

    Args:
        facts: The data card.

    Returns:
        A whole HTML document; the same card gives the same bytes.
    """
    rows = facts["rows"]
    about = f"{facts['users']:,} users, {facts['items']:,} items, {rows['kept']:,} showings"
    return document("Data card", about, _lead(facts), card_sections(facts))


def card_sections(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """The card in sections.

    Args:
        facts: The data card; facts that an older one lacks are left out.

    Returns:
        Heading and HTML of each; the HTML may be empty.
    """
    return [
        ("Rows and rules", _rules(facts)),
        ("Repeated lines and repeated showings", _repeats(facts)),
        ("Lengths of the lists", _lengths(facts)),
        ("Days", _days(facts)),
        ("Users of the test", _users(facts)),
        ("Fields", _fields(facts)),
    ]


def warning_list(facts: dict[str, Any]) -> str:
    """The card's warnings.

    Args:
        facts: The data card.

    Returns:
        HTML; empty where there is none.
    """
    return "\n".join(f'<p class="warning">{typeset(text)}</p>' for text in facts["warnings"])


def _lead(facts: dict[str, Any]) -> str:
    zone = facts.get("timezone")
    bounds = {name: readable(value, zone) for name, value in facts["boundaries"].items()}
    samples = facts["samples"]
    known = [
        ("clicks", f"{facts['clicks']:,}, {facts['click_rate']:.2%} of the showings"),
        (
            "training",
            f"{bounds['begin_us']} to {bounds['validation_us']}, {samples['train']:,} sessions",
        ),
        ("validation", f"to {bounds['test_us']}, {samples['validation']:,} users"),
        ("test", f"to {bounds['end_us']}, {samples['test']:,} users"),
    ]
    return "\n".join([signal_box(facts), definitions(known), warning_list(facts)])


def _rules(facts: dict[str, Any]) -> str:
    return "\n".join([rows_steps(facts), sessions_steps(facts), unclicked_steps(facts)])


def _repeats(facts: dict[str, Any]) -> str:
    pairs = facts.get("pairs_shown_again")
    if pairs is None:
        return ""
    rows = facts["rows"]
    again = share(pairs["shown_again"], pairs["pairs"])
    told = [
        f"{rows['duplicates']:,} lines repeated another line, with the same user, item and time, "
        "and were dropped: they count as one showing.",
        f"{pairs['shown_again']:,} of {pairs['pairs']:,} pairs of user and item ({again}) were "
        f"shown at several times: {pairs['rows_again']:,} further showings, which are kept.",
    ]
    if rows.get("clicked_and_unclicked"):
        told.append(
            f"{rows['clicked_and_unclicked']:,} showings were there both clicked and unclicked; "
            "the click counts."
        )
    parts = [f"<p>{typeset(text)}</p>" for text in told]
    if facts.get("clicks_by_showing"):
        parts += [showing_columns(facts), showing_table(facts)]
    return "\n".join(parts)


def _lengths(facts: dict[str, Any]) -> str:
    mean = facts["mean_length_by_split"]
    heading = [("list", ""), *((f"mean, {name}", "number") for name in ("train", "test"))]
    names = {
        "short": "clicks of the session",
        "long": "long-term items",
        "unclicked": "unclicked items",
        "truth": "items to be found",
    }
    rows = [
        f'<tr><th scope="row">{label}</th>'
        + "".join(
            cell(
                "" if name == "truth" and split == "train" else f"{mean[split][name]:.1f}", "number"
            )
            for split in ("train", "test")
        )
        + "</tr>"
        for name, label in names.items()
    ]
    drawn = []
    if facts.get("lengths"):
        caption = (
            "Training sessions by the length of their lists at the last click. Bins get wider to "
            "the right."
        )
        drawn.append(pictures(length_columns(facts), caption))
    return "\n".join([*drawn, table("means", "Mean lengths", heading, rows)])


def _days(facts: dict[str, Any]) -> str:
    if not facts.get("days"):
        return ""
    together = facts["days"][0].get("days", 1)
    each = "Each bar is a day" if together == 1 else f"Each bar is {together} days"
    zone = facts.get("timezone") or "UTC"
    caption = (
        f"{each}, {zone}: first those of training, then of validation and test, each in its own "
        "colour. A click counts on the day its item was shown."
    )
    return pictures(day_columns(facts), caption)


def _users(facts: dict[str, Any]) -> str:
    return users_steps(facts)


def _fields(facts: dict[str, Any]) -> str:
    parts = []
    if facts["item_fields"]:
        heading = [("item field", ""), ("values", "number")]
        rows = [
            f'<tr><th scope="row">{escaped(name)}</th>{cell(f"{count:,}", "number")}</tr>'
            for name, count in facts["item_fields"].items()
        ]
        parts.append(table("fields", "Fields of the items", heading, rows))
    else:
        parts.append("<p>Items have no fields: a model knows them by their ids alone.</p>")
    if facts["unused_columns"]:
        parts += ["<h3>Columns that nothing reads</h3>", chips(facts["unused_columns"])]
    return "\n".join(parts)
