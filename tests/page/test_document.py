"""A document is whole, asks for nothing and appears at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.page.document_twin import Page

from unclicked.errors import ResourceError
from unclicked.page.document import document, write_page
from unclicked.page.style import STYLE


def test_parts() -> None:
    text = document("A <b>", "some & more", "<p>lead</p>", [("One", "<p>1</p>"), ("None", "")])
    seen = Page(text)
    words = "".join(seen.text)
    assert "A <b>" in words
    assert "some & more" in words
    assert "None" not in words
    assert {"script", "iframe", "object", "form"} & seen.tags == set()
    assert seen.references == ["data:,"]
    assert "default-src &#x27;none&#x27;" in text


def test_style_asks_for_nothing() -> None:
    assert [word for word in ("://", "url(", "@import", "@font-face") if word in STYLE] == []
    assert "prefers-color-scheme: dark" in STYLE


def luminance(colour: str) -> float:
    """Relative luminance of `#rrggbb`, as WCAG defines it."""
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Contrast of two colours, 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [0, 1])
def test_contrast(theme: int) -> None:
    block = STYLE.split(":root {")[theme + 1].split("}")[0]
    colours = {
        name.strip().removeprefix("--"): value.strip()
        for name, _, value in (part.partition(":") for part in block.split(";"))
        if name.strip().startswith("--")
    }
    for text in ("ink", "soft", "accent", "good", "bad"):
        for ground in ("page", "card", "tint"):
            assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
    for drawn in ("popularity", "base", "unclicked", "shuffled", "further", "another"):
        assert contrast(colours[drawn], colours["page"]) >= 3, drawn


def test_a_page_appears_whole(tmp_path: Path) -> None:
    write_page(tmp_path / "a.html", "first")
    write_page(tmp_path / "a.html", "second")
    assert [one.name for one in tmp_path.iterdir()] == ["a.html"]
    assert (tmp_path / "a.html").read_text() == "second"
    with pytest.raises(ResourceError, match="REPORT-WRITE"):
        write_page(tmp_path / "absent" / "a.html", "third")
