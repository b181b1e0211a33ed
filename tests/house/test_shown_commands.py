"""Commands that the product shows are made by `command`, which quotes what a shell splits."""

from __future__ import annotations

import ast
import re
from pathlib import Path

# A verb with nothing after it but words: a value that follows is an argument. (Unclicked items are
# no verb.)
VERBS = (
    "quickstart|simulate|import|prepare|train|evaluate|compare|recommend|reproduce|export|items add"
    "|serve|bench|doctor"
)
BEGUN = re.compile(rf"\bunclicked (?:{VERBS})(?: [^\s`.;]+)* $")
QUOTING = {"quote", "join", "command"}


def faults(text: str) -> list[int]:
    """Lines of f-strings that put a bare value into a command."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.JoinedStr):
            continue
        so_far = ""
        for part in node.values:
            if isinstance(part, ast.Constant):
                so_far += str(part.value)
                continue
            if BEGUN.search(so_far) and not _is_quoted(part):
                found.append(node.lineno)
            so_far += "VALUE"
    return found


def _is_quoted(part: ast.expr) -> bool:
    value = part.value if isinstance(part, ast.FormattedValue) else part
    called = value.func if isinstance(value, ast.Call) else None
    name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
    return name in QUOTING


def test_no_path_is_put_bare_into_a_command(root: Path, sources: list[Path]) -> None:
    found = {str(path.relative_to(root)): faults(path.read_text("utf-8")) for path in sources}
    assert {name: lines for name, lines in found.items() if lines} == {}


def test_bare_values_are_noticed() -> None:
    assert faults('x = f"unclicked train {out}"') == [1]
    assert faults('x = f"Run `unclicked evaluate {run} --split {split}`."') == [1, 1]
    assert faults('x = f"unclicked prepare {a} "\n') == [1]
    assert faults('x = f"unclicked train {shlex.quote(str(out))} --out RUN"') == []
    assert faults('x = f"{count:.1f} unclicked items a sample, {n}"') == []
    assert faults('x = f"Run unclicked doctor. {found}"') == []
