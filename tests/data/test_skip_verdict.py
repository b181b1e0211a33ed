"""What the sentence of a skip signal says."""

from __future__ import annotations

from typing import Any

from unclicked.data.skip_verdict import no_signal, signal_line, verdict


def signal(nats: float, low: float, sign: str, control_low: float = -0.001) -> dict[str, Any]:
    """One field's entry."""
    return {
        "field": "leaf",
        "nats": nats,
        "ci95": [low, 2 * nats - low],
        "sign": sign,
        "control_nats": 0.04,
        "control_ci95": [control_low, 0.08],
    }


def test_nothing_is_called_nothing() -> None:
    text = verdict(signal(0.01, -0.002, "unclear"))
    assert "nothing measurable" in text
    assert "do not expect a gain" in text


def test_next_to_nothing_is_no_signal() -> None:
    assert "next to nothing (0.007 nats)" in verdict(signal(0.007, 0.004, "attracts"))


def test_little_and_much() -> None:
    little, much = (verdict(signal(nats, nats - 0.02, "repels")) for nats in (0.1, 0.3))
    assert "that is little" in little
    assert "0.30 to 0.33 nats with +5.6 to +13.3" in much
    assert all("less often" in text for text in (little, much))
    assert "more often" in verdict(signal(0.3, 0.2, "attracts"))


def test_a_control_that_speaks_is_told() -> None:
    assert "another user's list too" in verdict(signal(0.3, 0.2, "attracts", 0.01))
    assert "another user's list too" not in verdict(signal(0.3, 0.2, "attracts"))


def test_lines() -> None:
    line = signal_line(signal(0.31, 0.29, "attracts"))
    assert line == "0.310 nats (0.290 to 0.330) on leaf, attracts; control 0.040"
    assert signal_line(signal(0.0001, -0.0002, "unclear")).startswith("0.000 nats (0.000 to 0.000)")
    assert signal_line(no_signal("too few")) == "Not measured: too few."
