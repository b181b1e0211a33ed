"""Every text from outside is escaped, and tables say what they are."""

from __future__ import annotations

import pytest
from tests.page.document_twin import Page

from unclicked.page.markup import cell, chips, definitions, escaped, pictures, table, typeset

HOSTILE = "<script>alert('1')</script>&\"x"


@pytest.mark.parametrize(
    "html",
    [
        escaped(HOSTILE),
        typeset(HOSTILE),
        chips([HOSTILE]),
        definitions([(HOSTILE, HOSTILE)]),
        pictures([], HOSTILE),
        table("t", HOSTILE, [("a", "")], []),
    ],
)
def test_nothing_from_outside_is_markup(html: str) -> None:
    seen = Page(html)
    assert "script" not in seen.tags
    assert HOSTILE in "".join(seen.text)


def test_a_table_has_a_caption_and_scopes() -> None:
    text = table("t", "What it shows", [("a", ""), ("b", "number")], [f"<tr>{cell('1')}</tr>"])
    assert "<caption><span>What it shows</span></caption>" in text
    assert text.count('scope="col"') == 2
    assert Page(text).tables["t"] == [["a", "b"], ["1"]]


def test_minus_signs_and_percents() -> None:
    assert typeset("-1 %, a-1, x -2") == "\u22121\u00a0%, a-1, x \u22122"
