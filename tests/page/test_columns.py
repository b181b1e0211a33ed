"""Bars drawn by hand: as tall as their values, and told in words."""

from __future__ import annotations

import itertools
from xml.etree import ElementTree

import pytest

from unclicked.page.columns import BOTTOM, FONT, HEIGHT, Column, columns


def rectangles(text: str) -> list[ElementTree.Element]:
    return [one for one in ElementTree.fromstring(text).iter() if one.tag == "rect"]


def test_heights_are_proportional() -> None:
    bars = [Column("a", 10.0, "10"), Column("b", 5.0, "5"), Column("c", 0.0, "0")]
    found = rectangles(columns("Title", bars))
    heights = [float(one.get("height", "")) for one in found]
    assert heights[0] == pytest.approx(2 * heights[1], abs=0.11)
    assert heights[2] == 0
    for one in found:
        end = float(one.get("y", "")) + float(one.get("height", ""))
        assert end == pytest.approx(HEIGHT - BOTTOM, abs=0.11)


def test_few_bars_are_told_one_by_one() -> None:
    root = ElementTree.fromstring(
        columns("<T>", [Column("<a>", 1.0, "1 %"), Column("b", 2.0, "2")])
    )
    assert root.get("aria-label") == "<T>: <a> 1 %, b 2."
    assert root.get("role") == "img"


def test_many_bars_show_the_highest_alone() -> None:
    bars = [Column(f"d{n}", float(n == 7), f"v{n}") for n in range(40)]
    text = columns("Days", bars)
    root = ElementTree.fromstring(text)
    shown = [one.text for one in root.iter() if one.tag == "text"]
    assert [one for one in shown if one and one.startswith("v")] == ["v7"]
    assert sum(bool(one and one.startswith("d")) for one in shown) <= 6
    assert "first d0 v0, highest d7 v7, last d39 v39" in (root.get("aria-label") or "")


def test_same_bytes_and_all_zero() -> None:
    bars = [Column("a", 0.0, "0", ends=(0.0, 0.0))]
    assert columns("T", bars) == columns("T", bars)
    assert "nan" not in columns("T", bars)


def ends(text: ElementTree.Element) -> tuple[float, float]:
    """Where a text begins and ends, at 0.58 of its size a letter."""
    wide, x = 0.58 * FONT * len(text.text or ""), float(text.get("x", ""))
    begin = {"start": x, "middle": x - wide / 2, "end": x - wide}[text.get("text-anchor", "")]
    return begin, begin + wide


@pytest.mark.parametrize("count", range(1, 60))
def test_labels_and_values_that_would_touch_are_left_out(count: int) -> None:
    bars = [Column(f"2024-01-{n + 1:02d}", 1.0 + n, f"{100_000 + n:,}") for n in range(count)]
    texts = list(ElementTree.fromstring(columns("Days", bars)).iter("text"))
    labels = [one for one in texts if (one.text or "").startswith("2024")]
    values = [one for one in texts if "," in (one.text or "")]
    assert len(labels) >= min(count, 3)
    assert len(values) == (count if count <= 6 else 1)
    for row in (labels, values):
        places = [ends(one) for one in row]
        assert all(after[0] > before[1] for before, after in itertools.pairwise(places))
