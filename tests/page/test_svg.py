"""Pictures that take their colours from the page and nothing from elsewhere."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from matplotlib.axes import Axes

from unclicked.page.svg import COLOURS, draw


def paint(axes: Axes) -> None:
    axes.plot([1, 2, 3], [1, 3, 2], "o-", color=COLOURS["base"], label="a & b")
    axes.legend()


def test_same_bytes() -> None:
    assert draw("one", "A line.", paint) == draw("one", "A line.", paint)


def test_colours_are_variables() -> None:
    text = draw("one", "A line.", paint)
    assert "var(--base)" in text
    assert [colour for colour in COLOURS.values() if colour in text] == []


def test_nothing_from_elsewhere() -> None:
    text = draw("one", "A line.", paint)
    assert "://" not in text
    assert "<style" not in text
    root = ElementTree.fromstring(text)
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    targets = re.findall(r'href="#([^"]*)"|url\(#([^)]*)\)', text)
    assert targets
    assert {first or second for first, second in targets} <= set(ids)


def test_two_pictures_share_no_id() -> None:
    ids = [set(re.findall(r' id="([^"]*)"', draw(name, "", paint))) for name in ("one", "two")]
    assert ids[0]
    assert not ids[0] & ids[1]


def test_alternative_is_a_label() -> None:
    text = draw("one", 'A "line" \\1 <here> & there.', paint)
    root = ElementTree.fromstring(text)
    assert root.get("aria-label") == 'A "line" \\1 <here> & there.'
    assert root.get("role") == "img"
    assert root.get("width") is None
