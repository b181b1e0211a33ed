"""The pages of the service in a real browser, against what the service answers without one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.serving.static_files_browser import (
    ask,
    contrast,
    first_user,
    keys,
    marks,
    names,
    page,
    ready,
    said,
    settled,
    tab_to,
)
from tests.serving.static_files_served import address, chromium

__all__ = ["address", "chromium"]

pytestmark = pytest.mark.slow
WIDTHS = (390, 1200)


@pytest.mark.parametrize("path", ["", "docs"])
@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", WIDTHS)
def test_pages_are_quiet_and_fit(
    chromium: Any, address: str, path: str, dark: bool, width: int
) -> None:
    with page(chromium, address, width=width, dark=dark) as (one, seen):
        answer = one.goto(f"{address}/{path}")
        one.wait_for_selector(".route" if path else ".row")
        one.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
        one.wait_for_load_state("networkidle")
        policy = answer.headers["content-security-policy"]
        across = one.evaluate("document.documentElement.scrollWidth")
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert (seen.console, seen.errors, seen.outside) == ([], [], [])
    assert across == width


def test_both_lists_are_those_of_the_service(chromium: Any, address: str) -> None:
    user = first_user(address)
    models = ask(address, "model")["models"]
    with page(chromium, address) as (one, _):
        ready(one, address)
        shown = {model: names(one, model) for model in models}
    assert shown == {
        model: keys(ask(address, "recommend", user | {"model": model})) for model in models
    }


def test_a_skip_by_keyboard_alone_and_undo(chromium: Any, address: str) -> None:
    user = first_user(address)
    before = ask(address, "recommend", user)
    skipped = before["items"][1]["item_id"]
    after = ask(address, "recommend", user | {"unclicked": [*user["unclicked"], skipped]})
    with page(chromium, address) as (one, _):
        ready(one, address)
        tab_to(one, ".list.main .row")
        one.keyboard.press("ArrowDown")
        one.keyboard.press("s")
        one.wait_for_selector("#toast:not([hidden])")
        settled(one)
        assert names(one) == keys(after)
        assert said(one) == marks(keys(before), keys(after))
        gone = [key for key in keys(before) if key not in keys(after)]
        assert one.locator(".list.main .left li").count() == len(gone)
        assert f"passed over {len(user['unclicked']) + 1}" in one.inner_text("#told")
        # The focus stays at the place from which the key came.
        assert one.evaluate("document.activeElement.querySelector('.rank').textContent") == "2"
        one.keyboard.press("u")
        one.wait_for_selector("#undo[disabled]")
        settled(one)
        assert names(one) == keys(before)
        assert one.inner_text("#change").startswith("Undone")


def test_a_click_and_the_whole_shelf(chromium: Any, address: str) -> None:
    user = first_user(address)
    listed = ask(address, "recommend", user)["items"]
    with page(chromium, address) as (one, _):
        ready(one, address)
        one.click(".list.main .row >> nth=0 >> [data-act=click]")
        one.wait_for_selector("#toast:not([hidden])")
        settled(one)
        user["clicked"].append(listed[0]["item_id"])
        user["unclicked"] = [item for item in user["unclicked"] if item != listed[0]["item_id"]]
        now = ask(address, "recommend", user)["items"]
        assert names(one) == keys({"items": now})
        one.click("#pass-all")
        one.wait_for_selector('#change:has-text("items.")')
        settled(one)
        passed = [item["item_id"] for item in now if item["item_id"] not in user["clicked"]]
        user["unclicked"] += passed
        assert names(one) == keys(ask(address, "recommend", user))
        one.click("#restart")
        one.wait_for_selector("#restart[disabled]")
        settled(one)
        assert names(one) == keys({"items": listed})


def test_a_user_of_ones_own(chromium: Any, address: str) -> None:
    wanted = ask(address, "items?limit=1")["items"][0]
    with page(chromium, address) as (one, _):
        ready(one, address)
        one.click("text=Build a user")
        one.wait_for_selector(".flag:not([hidden])")
        one.fill("#query", str(wanted["item_id"]))
        one.click("#found li >> nth=0 >> text=Passed over")
        one.wait_for_selector('#told:has-text("clicked no items and passed over 1")')
        one.click("#found li >> nth=0 >> text=Clicked")
        # What is clicked is no longer passed over.
        one.wait_for_selector('#told:has-text("clicked 1 item and passed over none")')
        one.wait_for_selector(".list.main .flag", state="hidden")
        settled(one)
        found = one.locator("#clicked .words").first.inner_text()
        listed = names(one)
    assert str(wanted["item_id"]) in found
    assert listed == keys(ask(address, "recommend", {"clicked": [wanted["item_id"]]}))


@pytest.mark.parametrize(
    ("status", "told"),
    [(503, "wait 7 s"), (422, "clicked[0]: found a list."), (502, "error (502)"), (0, "reached")],
)
def test_errors_are_told_and_can_be_tried_again(
    chromium: Any, address: str, status: int, told: str
) -> None:
    error = {"code": "X", "path": "clicked[0]", "message": "found a list."}

    def refuse(route: Any) -> None:
        if status == 0:
            route.abort()
            return
        body = "<h1>no</h1>" if status == 502 else json.dumps({"error": error})
        route.fulfill(status=status, body=body, headers={"Retry-After": "7"})

    with page(chromium, address) as (one, _):
        ready(one, address)
        before = names(one)
        one.route("**/recommend", refuse)
        one.click(".list.main .row >> nth=0 >> [data-act=pass]")
        one.wait_for_selector("#trouble .trouble")
        assert told in one.inner_text("#trouble")
        assert names(one) == before
        one.unroute("**/recommend")
        one.click("#retry")
        one.wait_for_selector("#trouble .trouble", state="detached")
        assert "Passed over" in one.inner_text("#change")


def test_a_service_that_is_not_ready(chromium: Any, address: str) -> None:
    body = json.dumps({"error": {"code": "NOT-READY", "path": "", "message": "wait."}})
    with page(chromium, address) as (one, _):
        one.route("**/model", lambda route: route.fulfill(status=503, body=body))
        one.goto(f"{address}/")
        one.wait_for_selector("#retry")
        one.unroute("**/model")
        one.click("#retry")
        one.wait_for_selector(".row")
        assert one.locator(".list.main .row").count() == 10


def test_an_empty_list_is_told(chromium: Any, address: str) -> None:
    models = ask(address, "model")["models"]
    empty = {
        "model": {"name": "main", "sha256": ""},
        "items": [],
        "ignored": {"clicked": ["<b>x</b>"]},
        "fallback": True,
        "explain": None,
    }
    answer = empty if len(models) == 1 else {"users": [empty] * len(models)}
    with page(chromium, address) as (one, seen):
        one.route("**/recommend", lambda route: route.fulfill(json=answer))
        one.goto(f"{address}/")
        one.wait_for_selector("text=The list is empty")
        assert "<b>x</b>" in one.inner_text("#read")
    assert seen.errors == []


def test_integers_beyond_a_double_come_back_exact(chromium: Any, address: str) -> None:
    large = 9007199254740993
    user = {"label": "Ann", "clicked": [large], "unclicked": [], "profile": {}}
    sent = []

    examples = {"examples": [user], "source": "dataset"}
    with page(chromium, address) as (one, _):
        one.on("request", lambda request: sent.append(request.post_data))
        one.route("**/examples", lambda route: route.fulfill(json=examples))
        one.goto(f"{address}/")
        one.wait_for_selector(".row, #trouble .trouble")
    assert any(str(large) in (body or "") for body in sent)


@pytest.mark.parametrize("dark", [False, True])
def test_colours_can_be_told_apart(chromium: Any, address: str, dark: bool) -> None:
    pairs = [
        (ink, ground) for ink in ("ink", "soft", "accent", "bad") for ground in ("page", "card")
    ]
    pairs += [("on-accent", "accent"), ("ink", "tint"), ("soft", "tint")]
    with page(chromium, address, dark=dark) as (one, _):
        one.goto(f"{address}/")
        read = "name => getComputedStyle(document.documentElement).getPropertyValue(name).trim()"
        used = {name: one.evaluate(read, f"--{name}") for pair in pairs for name in pair}
        control = one.evaluate(read, "--control")
    ratios = {pair: contrast(used[pair[0]], used[pair[1]]) for pair in pairs}
    assert {pair: ratio for pair, ratio in ratios.items() if ratio < 4.5} == {}
    assert contrast(control, used["page"]) >= 3.0


def test_the_reference_has_every_route(chromium: Any, address: str) -> None:
    api = ask(address, "openapi.json")
    methods = ("get", "post", "put", "patch", "delete")
    routes = {(name, path) for path, all in api["paths"].items() for name in methods if name in all}
    with page(chromium, address) as (one, _):
        one.goto(f"{address}/docs")
        one.wait_for_selector(".route")
        titles = one.locator(".route h2").all_inner_texts()
        lines = one.locator(".route .copyable:first-of-type pre").all_inner_texts()
        dead = one.evaluate(
            "[...document.querySelectorAll('a[href^=\"#\"]')].map(a => a.hash.slice(1))"
            ".filter(id => !document.getElementById(id))"
        )
    assert {tuple(title.split()) for title in titles} == {
        (name.upper(), path) for name, path in routes
    }
    assert sum(line.startswith("curl -s ") for line in lines) == len(routes)
    assert dead == []


def test_no_page_holds_what_its_policy_forbids() -> None:
    folder = Path(__file__).parents[2] / "src" / "unclicked" / "serving" / "static"
    scripts = "".join(file.read_text(encoding="utf-8") for file in folder.glob("*.js"))
    pages = "".join(file.read_text(encoding="utf-8") for file in folder.glob("*.html"))
    assert not [word for word in ("innerHTML", "outerHTML", "insertAdjacent") if word in scripts]
    assert not [word for word in (" style=", "<style", " onclick", "http") if word in pages]
    assert pages.count("<script") == pages.count('<script type="module" src="static/')
