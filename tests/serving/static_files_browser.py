"""A real browser before the pages of the service, and a record of what it did."""

from __future__ import annotations

import json
import os
import shutil
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")


@dataclass
class Seen:
    """What a page did: lines on the console, errors, and addresses outside its origin."""

    console: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)


def _program() -> str | None:
    """A chromium of the system; None for the one that playwright may have fetched."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def browser() -> Iterator[Any]:
    """A chromium without a window; the test is skipped where there is none."""
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as play:
        try:
            one = play.chromium.launch(executable_path=_program(), args=["--no-sandbox"])
        except api.Error as error:
            pytest.skip(f"no chromium starts here: {str(error).splitlines()[0]}")
        try:
            yield one
        finally:
            one.close()


@contextmanager
def page(
    chromium: Any, address: str, *, width: int = 1200, dark: bool = False
) -> Iterator[tuple[Any, Seen]]:
    """A fresh page that has no state of another one, and what it does.

    Args:
        chromium: The browser.
        address: Origin of the service; requests to any other are recorded.
        width: Of the window, in CSS pixels.
        dark: Whether the visitor prefers dark colours.

    Yields:
        The page and the record.
    """
    context = chromium.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce",
    )
    seen = Seen()
    one = context.new_page()
    one.on("console", lambda message: seen.console.append(f"{message.type}: {message.text}"))
    one.on("pageerror", lambda error: seen.errors.append(str(error)))

    def requested(request: Any) -> None:
        if not request.url.startswith((f"{address}/", "data:")):
            seen.outside.append(request.url)

    one.on("request", requested)
    try:
        yield one, seen
    finally:
        context.close()


def ready(one: Any, address: str) -> None:
    """Open the first page and wait until both lists are there."""
    one.goto(f"{address}/")
    one.wait_for_selector(".row")
    settled(one)


def settled(one: Any) -> None:
    """Wait until no answer is awaited."""
    one.wait_for_selector("#shelves:not([aria-busy])")


def names(one: Any, model: str = "main") -> list[str]:
    """Keys of the items in a list, from the first place on."""
    rows = one.locator(f".list.{model} .row")
    return [str(rows.nth(place).get_attribute("data-key")) for place in range(rows.count())]


def ask(address: str, path: str, body: object = None) -> Any:
    """The service's own answer."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        f"{address}/{path}", data, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def keys(answer: Any) -> list[str]:
    """Keys of an answer's items as the page writes them."""
    kinds = {str: "text", int: "number"}
    return [f"{kinds[type(one['item_id'])]}:{one['item_id']}" for one in answer["items"]]


def marks(before: list[str], after: list[str]) -> list[str]:
    """What each row should say of its move, by a naive look into the list before."""
    said = []
    for place, key in enumerate(after):
        if key not in before:
            said.append("new")
            continue
        up = before.index(key) - place
        said.append(f"▲ {up}" if up > 0 else f"▼ {-up}" if up < 0 else "")
    return said


def contrast(one: str, other: str) -> float:
    """Ratio of relative luminances, as WCAG defines it.

    >>> round(contrast("#ffffff", "#000000"))
    21
    """

    def light(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        red, green, blue = (
            part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
        )
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    low, high = sorted((light(one), light(other)))
    return (high + 0.05) / (low + 0.05)


def first_user(address: str) -> dict[str, Any]:
    """The example that the page opens with, as a request."""
    one = ask(address, "examples")["examples"][0]
    names = ("clicked", "long_term", "unclicked", "profile")
    return {name: one[name] for name in names} | {"top_k": 10}


def said(one: Any) -> list[str]:
    """What each row of the main list says of its move."""
    return list(one.locator(".list.main .move > [aria-hidden]").all_text_contents())


def tab_to(one: Any, selector: str) -> None:
    """Press Tab until an element of this kind has the focus."""
    for _press in range(80):
        one.keyboard.press("Tab")
        if one.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"Tab never comes to {selector}")
