"""Every link and every file that a page names is there."""

from __future__ import annotations

import re
from pathlib import Path

LINK = re.compile(r"!?\[[^\]]*\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)")
# A file in backticks, from the project's folder: `src/...`, `tests/...`.
NAMED = re.compile(r"`((?:src|tests|docs|configs|requirements|benchmarks|\.ci)/[\w./-]+)`")
HEADING = re.compile(r"^#{1,6} +(.*?) *$", flags=re.M)
ELSEWHERE = re.compile(r"^(?:[a-z][a-z0-9+.-]*:|//)")


def missing(page: Path, root: Path) -> list[str]:
    """Targets of relative links, and files named in backticks, that are not there."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    absent = []
    for target in LINK.findall(text):
        path, _, anchor = target.partition("#")
        if ELSEWHERE.match(target):
            continue
        there = page.parent / path if path else page
        if not there.exists() or (anchor and anchor not in anchors(there)):
            absent.append(target)
    return absent + [name for name in NAMED.findall(text) if not (root / name).exists()]


def anchors(page: Path) -> set[str]:
    """What a link may name of a page after `#`: its headings, as they are written in links."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    bare = (re.sub(r"[^\w\- ]", "", found.lower()) for found in HEADING.findall(text))
    return {one.replace(" ", "-") for one in bare}


def test_pages_name_what_is_there(root: Path, project_files: list[Path]) -> None:
    pages = [path for path in project_files if path.suffix == ".md"]
    assert root / "README.md" in pages
    absent = {str(page.relative_to(root)): missing(page, root) for page in pages}
    assert {page: names for page, names in absent.items() if names} == {}


def test_a_missing_target_is_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# Table 2: bases\n"
        "[a](a.md#top) [b](https://b.example) [c](#c) [p](page.md) `src/d.py`\n"
        "[q](page.md#table-2-bases) [r](page.md#table-2)\n"
        "```\n[e](e.md)\n```\n",
        encoding="utf-8",
    )
    assert missing(page, tmp_path) == ["a.md#top", "#c", "page.md#table-2", "src/d.py"]
