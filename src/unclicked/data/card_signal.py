"""The skip signal on the data card: big, with its sign and interval, and field by field."""

from __future__ import annotations

from typing import Any

from unclicked.page.digits import interval_of
from unclicked.page.markup import cell, escaped, table, typeset

SIGNS = {"attracts": "skips attract", "repels": "skips repel", "unclear": "sign unclear"}
DECIMALS = 3


def signal_box(facts: dict[str, Any]) -> str:
    """How much unclicked lists say about the next click.

    Args:
        facts: The data card.

    Returns:
        HTML; empty where the card knows nothing of it.
    """
    signal = facts.get("skip_signal")
    if not isinstance(signal, dict):
        return ""
    verdict = f"<p>{typeset(signal.get('verdict', ''))}</p>" if signal.get("verdict") else ""
    if signal.get("nats") is None:
        return f'<div class="signal"><p><strong>Skip signal</strong></p>{verdict}</div>'
    size = typeset(f"{signal['nats']:+.{DECIMALS}f}")
    return (
        f'<div class="signal"><p>Skip signal on the next click\'s {escaped(signal["field"])}</p>'
        f'<p class="big">{size} nats, {_sign(signal)}</p>'
        f"<p>95 % interval {_ends(signal.get('ci95'))}. With another user's skips instead: "
        f"{_number(signal.get('control_nats'))} nats.</p>{verdict}{_fields(signal)}</div>"
    ).replace(" %", "\N{NO-BREAK SPACE}%")


def _fields(signal: dict[str, Any]) -> str:
    """Every field, behind a click."""
    if len(signal.get("fields") or []) < 2:
        return ""
    names = ("nats", "95 % interval", "control")
    heading = [("field", ""), *((name, "number") for name in names), ("sign", "")]
    rows = [
        f'<tr><th scope="row">{escaped(one["field"])}</th>{cell(_number(one["nats"]), "number")}'
        f"{cell(_ends(one['ci95']), 'number')}{cell(_number(one['control_nats']), 'number')}"
        f"{cell(_sign(one))}</tr>"
        for one in signal["fields"]
    ]
    caption = "Nats that unclicked lists add to the prediction of the next click, by item field"
    inside = table("signal-fields", caption, heading, rows)
    return f"<details><summary>all fields</summary>{inside}</details>"


def _sign(signal: dict[str, Any]) -> str:
    return escaped(SIGNS.get(str(signal.get("sign")), SIGNS["unclear"]))


def _number(value: float | None) -> str:
    if value is None:
        return "n/a"
    return typeset(f"{value:+.{DECIMALS}f}") if round(value, DECIMALS) else f"{0:.{DECIMALS}f}"


def _ends(ends: Any) -> str:
    return typeset(interval_of(ends, DECIMALS)) if ends else "n/a"
