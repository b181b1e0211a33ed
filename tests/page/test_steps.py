"""Where a number goes, step by step."""

from __future__ import annotations

import re

from tests.page.document_twin import Page

from unclicked.page.steps import Step, steps_table


def test_each_part_begins_where_the_last_one_ended() -> None:
    text = steps_table(
        "t",
        "Rows",
        [
            Step("read", 1000, "all"),
            Step("bad", 100, "removed"),
            Step("double", 300, "removed"),
            Step("kept", 600, "kept"),
        ],
    )
    bars = re.findall(r"margin-left:([\d.]+)%;width:([\d.]+)%", text)
    assert [tuple(map(float, one)) for one in bars] == [(0, 100), (90, 10), (60, 30), (0, 60)]
    rows = Page(text).tables["t"]
    assert rows[2][:3] == ["bad", "\u2212100", "10 %"]


def test_nothing_is_drawn_for_nothing() -> None:
    text = steps_table("t", "Rows", [Step("read", 0, "all"), Step("bad", 0, "removed")])
    assert 'class="bar' not in text
    assert Page(text).tables["t"][1][:3] == ["read", "0", "0 %"]
