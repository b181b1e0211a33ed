"""What the page says of items, and how it comes to know it, in a real browser."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.serving.static_files_browser import ask, page, ready, settled, tab_to
from tests.serving.static_files_served import address, chromium

__all__ = ["address", "chromium"]

pytestmark = pytest.mark.slow
WIDTHS = (390, 1200)
MARKUP = "<img src=x onerror=\"document.title='broken'\"><b>bold</b>"


def test_items_are_fetched_together(chromium: Any, address: str) -> None:
    ids = [one["item_id"] for one in ask(address, "items?limit=200")["items"]]
    ghosts = [f"{'ghost' * 20}{n}" for n in range(80)]
    user = {"label": "Ann", "clicked": [*ids[:30], *ghosts[:40]], "unclicked": ghosts[40:]}
    examples = {"examples": [user | {"profile": {}}], "source": "dataset"}
    asked: list[list[str]] = []

    def heard(request: Any) -> None:
        address = urlsplit(request.url)
        if address.path.endswith("/items"):
            asked.append(parse_qs(address.query).get("id", []))
            assert len(request.url) < 7000
        assert "/items/" not in address.path

    with page(chromium, address) as (one, seen):
        one.on("request", heard)
        one.route("**/examples", lambda route: route.fulfill(json=examples))
        ready(one, address)
        first = one.locator("#clicked .words .name").first.inner_text()
        facts = one.locator(".list.main .row .facts").all_inner_texts()
        before = len(asked)
        one.click("#pass-all")
        one.wait_for_selector("#toast:not([hidden])")
        settled(one)
        again = asked[before:]
    wanted = {identity for part in asked for identity in part}
    # The page tells of the last 50 clicks; more would not be seen.
    assert {*ghosts[:40], *ghosts[40:]} <= wanted
    assert sum(map(len, asked)) == len(wanted)
    assert 1 < before <= 4
    assert len(again) <= 1
    assert first == ghosts[39]
    assert all(facts)
    assert seen.errors == []


@pytest.mark.parametrize("width", WIDTHS)
def test_what_an_item_is_can_be_read_whole(chromium: Any, address: str, width: int) -> None:
    wanted = ask(address, "items?limit=1")["items"][0]
    value = "a leaf of the catalogue with a name as long as names of categories can be " * 3
    user = {"label": "Ann", "clicked": [wanted["item_id"]], "unclicked": [], "profile": {}}

    def known(route: Any) -> None:
        asked = parse_qs(urlsplit(route.request.url).query)["id"]
        found = [{"item_id": one, "fields": {"leaf": [value]}, "clicks": 1} for one in asked]
        route.fulfill(json={"items": found, "unknown": []})

    lines = "one => Math.round(one.clientHeight / parseFloat(getComputedStyle(one).lineHeight))"
    with page(chromium, address, width=width) as (one, _):
        one.route(lambda url: "/items?id=" in url, known)
        one.route(
            "**/examples",
            lambda route: route.fulfill(json={"examples": [user], "source": "dataset"}),
        )
        ready(one, address)
        facts = one.locator(".list.main .row .facts").first
        assert facts.evaluate(lines) == 2
        assert value.strip() in str(one.locator(".list.main .words").first.get_attribute("title"))
        tab_to(one, ".list.main .row")
        assert facts.evaluate(lines) > 2
        assert facts.evaluate("one => one.scrollHeight <= one.clientHeight + 1")
        card = one.locator("#clicked .facts").first
        assert card.evaluate(lines) == 2
        one.keyboard.press("Shift+Tab")
        tab_to(one, ".list.main .row")
        assert one.evaluate("document.documentElement.scrollWidth") == width


def test_skips_are_not_said_to_repel(chromium: Any, address: str) -> None:
    with page(chromium, address) as (one, _):
        ready(one, address)
        assert "speaks for them" in one.inner_text("#skips-note")
        models = ask(address, "model")
        for info in models["models"].values():
            info["reads_unclicked"] = False
        one.route("**/model", lambda route: route.fulfill(json=models))
        ready(one, address)
        # Where no model reads them, there is nothing to say.
        assert one.locator("#skips-note").is_hidden()


def test_markup_in_data_stays_text(chromium: Any, address: str) -> None:
    item = {"name": MARKUP, "fields": {"<i>kind</i>": [MARKUP]}, "clicks": 1}
    long = {"b": {"name": "x" * 1000, "fields": {"kind": ["y" * 500]}, "clicks": 1}}
    user = {"label": MARKUP, "clicked": ["a"], "unclicked": ["b"], "profile": {}}

    def known(route: Any) -> None:
        asked = parse_qs(urlsplit(route.request.url).query)["id"]
        found = [long.get(one, item) | {"item_id": one} for one in asked]
        route.fulfill(json={"items": found, "unknown": []})

    with page(chromium, address, width=390) as (one, seen):
        one.route(lambda url: "/items?id=" in url, known)
        answer = {"examples": [user], "source": "dataset"}
        one.route("**/examples", lambda route: route.fulfill(json=answer))
        ready(one, address)
        assert MARKUP in one.inner_text(".list.main .name >> nth=0")
        assert one.locator("main img, main b, main i").count() == 0
        assert one.title() == "Unclicked: try the model"
        assert one.evaluate("document.documentElement.scrollWidth") == 390
    assert seen.errors == []
