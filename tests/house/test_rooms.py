"""Small rooms, plain names, docstrings, and nothing that runs what a file says."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

LONGEST_FILE = 300
LONGEST_BODY = 50
VAGUE = {"utils", "util", "helpers", "helper", "common", "misc"}
UNSAFE_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
UNSAFE_CALLS = {"eval", "exec", "torch.load", "yaml.load", "yaml.unsafe_load", "yaml.full_load"}

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def parse(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def dotted(node: ast.expr) -> str:
    """`a.b.c` of an expression that is such a name, else the empty string."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (base := dotted(node.value)):
        return f"{base}.{node.attr}"
    return ""


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from the first statement after the docstring to the last."""
    body = function.body
    if ast.get_docstring(function) is not None:
        body = body[1:]
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def unsafe(tree: ast.Module) -> Iterator[str]:
    """Each way in which a module could run what a file says."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            imported = [node.module or ""]
            imported += [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            imported = []
        yield from (
            f"line {getattr(node, 'lineno', 0)}: import of {name}"
            for name in imported
            if name.split(".")[0] in UNSAFE_MODULES or name in UNSAFE_CALLS
        )
        if isinstance(node, ast.Call):
            if dotted(node.func) in UNSAFE_CALLS:
                yield f"line {node.lineno}: {dotted(node.func)}"
            for keyword in node.keywords:
                harmless = isinstance(keyword.value, ast.Constant) and keyword.value.value is False
                if keyword.arg == "allow_pickle" and not harmless:
                    yield f"line {node.lineno}: allow_pickle"


def public_definitions(body: list[ast.stmt], prefix: str = "") -> Iterator[tuple[str, Definition]]:
    """Public functions and classes of a module, and the public methods of those classes."""
    for node in body:
        if not isinstance(node, Definition) or node.name.startswith("_"):
            continue
        names = {dotted(decorator) for decorator in node.decorator_list}
        if names & {"override", "typing.override", "overload", "typing.overload"}:
            continue
        yield prefix + node.name, node
        if isinstance(node, ast.ClassDef):
            yield from public_definitions(node.body, f"{prefix}{node.name}.")


def test_files_are_small(root: Path, sources: list[Path]) -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in sources}
    long = {str(path.relative_to(root)): n for path, n in lengths.items() if n > LONGEST_FILE}
    assert long == {}


def test_functions_fit_a_screen(root: Path, sources: list[Path]) -> None:
    long = {
        f"{path.relative_to(root)}:{node.lineno} {node.name}": body_lines(node)
        for path in sources
        for node in ast.walk(parse(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and body_lines(node) > LONGEST_BODY
    }
    assert long == {}


def test_no_vague_names(root: Path, sources: list[Path]) -> None:
    package = root / "src" / "unclicked"
    named = {path: set(path.relative_to(package).with_suffix("").parts) for path in sources}
    assert [str(path) for path, parts in named.items() if parts & VAGUE] == []


def test_nothing_runs_what_a_file_says(root: Path, sources: list[Path]) -> None:
    found = [
        f"{path.relative_to(root)}: {what}" for path in sources for what in unsafe(parse(path))
    ]
    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from pickle import loads",
        "import torch\ntorch.load('x')",
        "from torch import load",
        "eval('1')",
        "numpy.load('x', allow_pickle=True)",
        "numpy.load('x', allow_pickle=flag)",
    ],
)
def test_unsafe_lines_are_noticed(line: str) -> None:
    assert list(unsafe(ast.parse(line)))


@pytest.mark.parametrize("line", ["model.eval()", "numpy.load('x', allow_pickle=False)"])
def test_harmless_lines_pass(line: str) -> None:
    assert not list(unsafe(ast.parse(line)))


def test_modules_say_what_they_are(root: Path, sources: list[Path]) -> None:
    silent = [str(path.relative_to(root)) for path in sources if not ast.get_docstring(parse(path))]
    assert silent == []


def test_public_names_have_docstrings(root: Path, sources: list[Path]) -> None:
    silent = [
        f"{path.relative_to(root)}:{node.lineno} {name}"
        for path in sources
        for name, node in public_definitions(parse(path).body)
        if not ast.get_docstring(node)
    ]
    assert silent == []


def test_annotations_are_postponed(root: Path, sources: list[Path]) -> None:
    line = "from __future__ import annotations"
    without = [
        str(path.relative_to(root))
        for path in sources
        if parse(path).body[1:] and line not in path.read_text(encoding="utf-8").splitlines()
    ]
    assert without == []
