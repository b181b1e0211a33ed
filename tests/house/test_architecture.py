"""ARCHITECTURE.md shows the tree that is on the disk."""

from __future__ import annotations

import ast
import re
from pathlib import Path

# A line for each room, and as much around them as fits a page.
LONGEST = 420
PACKAGE = "src/unclicked/"
# A line of the tree: a path, at least two blanks, a dash, a sentence.
LINE = re.compile(r"^\s*(?P<path>[\w/]+\.py)\s{2,}- (?P<sentence>\S.*)$")


def tree_of(text: str) -> dict[str, str]:
    """Path (from `src/unclicked/`) to sentence, from the fenced blocks of a page."""
    tree: dict[str, str] = {}
    fenced = re.findall(r"^```[^\n]*\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    for line in "\n".join(fenced).splitlines():
        if match := LINE.match(line):
            path = match["path"].removeprefix(PACKAGE)
            assert path not in tree, f"{path} is listed twice"
            tree[path] = match["sentence"]
    return tree


def only_marks_a_package(path: Path) -> bool:
    """Whether a file is an `__init__.py` with no more than a docstring."""
    if path.name != "__init__.py":
        return False
    body = ast.parse(path.read_text(encoding="utf-8")).body
    future = "__future__"
    return all(
        isinstance(node, ast.Expr) or (isinstance(node, ast.ImportFrom) and node.module == future)
        for node in body
    )


def test_tree_is_read_as_written() -> None:
    block = "```\n-- floor 0\nerrors.py   - Errors.\nsrc/unclicked/nn/a.py  - A.\n```\n"
    page = f"# A\n{block}b.py  - outside the block\n"
    assert tree_of(page) == {"errors.py": "Errors.", "nn/a.py": "A."}


def test_tree_is_the_disk(root: Path, sources: list[Path]) -> None:
    listed = set(tree_of((root / "ARCHITECTURE.md").read_text(encoding="utf-8")))
    there = {path.relative_to(root / PACKAGE).as_posix(): path for path in sources}
    marks = {name for name, path in there.items() if only_marks_a_package(path)}
    assert sorted(listed - set(there)) == [], "listed, but not on the disk"
    assert sorted(set(there) - listed - marks) == [], "on the disk, but not listed"


def test_it_stays_a_list(root: Path) -> None:
    lines = (root / "ARCHITECTURE.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= LONGEST
