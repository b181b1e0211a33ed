"""The card as a page: the card's numbers, escaped, the same bytes, and nothing of the machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.data.test_prepare import hashes, made, small_log
from tests.page.document_twin import Page
from unclicked.data.card_page import card_page
from unclicked.data.dataset import PreparedDataset


@pytest.fixture(scope="module")
def card(tiny_data: PreparedDataset) -> dict[str, Any]:
    return json.loads((tiny_data.path / "card.json").read_text(encoding="utf-8"))


def test_the_data_set_holds_it(tiny_data: PreparedDataset, card: dict[str, Any]) -> None:
    text = (tiny_data.path / "card.html").read_text(encoding="utf-8")
    assert text == card_page(card) == card_page(tiny_data.card)
    assert str(tiny_data.path) not in text
    manifest = json.loads((tiny_data.path / "manifest.json").read_text())
    assert "card.html" in manifest["files"]


def test_days_are_named_in_the_zone_of_the_rules(tmp_path: Path) -> None:
    data = made(tmp_path, small_log(), timezone="Asia/Shanghai")
    text = (data.path / "card.html").read_text(encoding="utf-8")
    assert text == card_page(data.card)
    # Showings begin on 1 January 10:00 UTC; the last day there begins on the 3rd, 16:00 UTC.
    assert "2024-01-01 18:00 Asia/Shanghai" in text
    assert "to 2024-01-05 00:00 Asia/Shanghai" in text
    assert "Each bar is a day, Asia/Shanghai:" in text
    assert "UTC" not in text
    assert "timezone" not in json.loads((data.path / "card.json").read_text(encoding="utf-8"))
    plain = made(tmp_path, small_log(), "plain")
    assert "Each bar is a day, UTC:" in (plain.path / "card.html").read_text(encoding="utf-8")


def test_it_asks_for_nothing(card: dict[str, Any]) -> None:
    text = card_page(card)
    seen = Page(text)
    assert [one for one in seen.references if not one.startswith(("#", "data:,"))] == []
    assert "://" not in text
    assert len(seen.ids) == len(set(seen.ids))


def counts(table: list[list[str]]) -> list[int]:
    return [int(row[1].replace(",", "").replace("\u2212", "-")) for row in table[1:]]


def test_numbers_are_those_of_the_card(card: dict[str, Any]) -> None:
    tables = Page(card_page(card)).tables
    rows = card["rows"]
    read, rejected, duplicates, kept, clicked = counts(tables["rows"])
    assert (read, kept, clicked) == (rows["read"], rows["kept"], card["clicks"])
    assert read + rejected + duplicates == kept
    for name in ("sessions", "unclicked", "judged"):
        whole, *removed, left = counts(tables[name])
        assert whole + sum(removed) == left
    assert counts(tables["sessions"])[-1] == card["samples"]["train"]
    assert counts(tables["judged"])[-1] == card["samples"]["test"]
    shown = [int(row[1].replace(",", "")) for row in tables["showings"][1:]]
    assert shown == [one["shown"] for one in card["clicks_by_showing"]]


def test_facts_of_the_log_agree_with_each_other(card: dict[str, Any]) -> None:
    assert sum(one["rows"] for one in card["days"]) == card["rows"]["kept"]
    assert sum(one["clicks"] for one in card["days"]) == card["clicks"]
    pairs = card["pairs_shown_again"]
    assert pairs["pairs"] + pairs["rows_again"] == card["rows"]["kept"]
    for one in card["lengths"].values():
        assert sum(one["count"]) == card["samples"]["train"]


def test_hostile_names_are_text(card: dict[str, Any]) -> None:
    bad = "<img src=x onerror=alert(1)>"
    changed = card | {
        "unused_columns": [bad],
        "item_fields": {bad: 3},
        "warnings": [bad],
        "skip_signal": {"field": bad, "nats": 0.1, "ci95": [0.0, 0.2], "verdict": bad},
    }
    seen = Page(card_page(changed))
    assert "img" not in seen.tags
    assert "".join(seen.text).count(bad) == 5


def test_a_card_without_the_newer_facts(card: dict[str, Any]) -> None:
    newer = ("lengths", "days", "clicks_by_showing", "pairs_shown_again", "skip_signal")
    older = {name: value for name, value in card.items() if name not in newer}
    seen = Page(card_page(older))
    assert "rows" in seen.tables
    assert "showings" not in seen.tables


def test_the_page_is_no_part_of_the_hash(tmp_path: Path) -> None:
    data = made(tmp_path, small_log())
    manifest = json.loads((data.path / "manifest.json").read_text())
    manifest["files"]["card.html"]["sha256"] = "0" * 64
    from unclicked.data.dataset import content_hash

    assert content_hash(manifest) == data.sha256
    manifest["files"]["card.json"]["sha256"] = "0" * 64
    assert content_hash(manifest) != data.sha256
    assert "card.html" in hashes(data.path)
