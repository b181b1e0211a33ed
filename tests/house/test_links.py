"""Every link and every file that a page names is there."""

from __future__ import annotations

import re
from pathlib import Path

LINK = re.compile(r"!?\[[^\]]*\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)")
# A file in backticks, from the project's folder: `src/...`, `tests/...`.
NAMED = re.compile(r"`((?:src|tests|docs|configs|requirements|benchmarks|\.ci)/[\w./-]+)`")
ELSEWHERE = re.compile(r"^(?:[a-z][a-z0-9+.-]*:|#|//)")


def missing(page: Path, root: Path) -> list[str]:
    """Targets of relative links, and files named in backticks, that are not there."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    absent = []
    for target in LINK.findall(text):
        path = target.partition("#")[0]
        if not ELSEWHERE.match(target) and not (page.parent / path).exists():
            absent.append(target)
    return absent + [name for name in NAMED.findall(text) if not (root / name).exists()]


def test_pages_name_what_is_there(root: Path, project_files: list[Path]) -> None:
    pages = [path for path in project_files if path.suffix == ".md"]
    assert root / "README.md" in pages
    absent = {str(page.relative_to(root)): missing(page, root) for page in pages}
    assert {page: names for page, names in absent.items() if names} == {}


def test_a_missing_target_is_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "[a](a.md#top) [b](https://b.example) [c](#c) [p](page.md) `src/d.py`\n"
        "```\n[e](e.md)\n```\n",
        encoding="utf-8",
    )
    assert missing(page, tmp_path) == ["a.md#top", "src/d.py"]
