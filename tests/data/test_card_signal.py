"""The skip signal on the card."""

from __future__ import annotations

from typing import Any

import pytest

from tests.page.document_twin import Page
from unclicked.data.card_signal import signal_box

ONE: dict[str, Any] = {
    "field": "brand",
    "nats": 0.3057,
    "ci95": [0.29, 0.321],
    "sign": "attracts",
    "control_nats": -0.0001,
    "verdict": "It adds 0.306 nats.",
}


def words(**change: Any) -> str:
    return "".join(Page(signal_box({"skip_signal": ONE | change})).text)


@pytest.mark.parametrize(
    ("sign", "word"), [("attracts", "attract"), ("repels", "repel"), ("unclear", "unclear")]
)
def test_size_sign_and_interval(sign: str, word: str) -> None:
    text = words(sign=sign)
    assert "+0.306 nats" in text
    assert word in text
    assert "+0.290 to +0.321" in text
    assert "instead: 0.000 nats" in text
    assert "It adds 0.306 nats." in text


def test_fields_have_a_table() -> None:
    text = signal_box({"skip_signal": ONE | {"fields": [ONE, ONE | {"field": "shop"}]}})
    rows = Page(text).tables["signal-fields"]
    assert [row[0] for row in rows] == ["field", "brand", "shop"]


def test_not_measured() -> None:
    assert signal_box({}) == ""
    text = words(nats=None, ci95=None, verdict="Not measured: too few.")
    assert "Not measured: too few." in text
    assert "nats" not in text
