"""The commands and the Python that a page shows are those that exist."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.main import get_command
from typer.testing import CliRunner

BLOCK = re.compile(
    r"(?:^<!-- runs in: (?P<test>\S+) -->\n+)?^```(?P<language>\w+)\n(?P<body>.*?)^```",
    flags=re.DOTALL | re.MULTILINE,
)


def app() -> typer.Typer:
    """The command line; imported late, so that a broken one fails the tests that use it."""
    from unclicked.cli.main import app

    return app


def pages(root: Path) -> list[Path]:
    """The pages that show commands."""
    return [root / "README.md", *sorted((root / "docs").rglob("*.md"))]


def commands(text: str) -> Iterator[str]:
    """Each line `unclicked ...` of the bash blocks, with continued lines joined."""
    for block in BLOCK.finditer(text):
        if block["language"] in {"bash", "console", "sh"}:
            for line in block["body"].replace("\\\n", " ").splitlines():
                words = line.removeprefix("$ ").strip()
                if re.match(r"(?:\S*/)?unclicked\s", words):
                    yield words


def wrong(line: str, application: typer.Typer) -> str:
    """What a command line names that does not exist, or the empty string."""
    words = shlex.split(line, comments=True)[1:]
    ends = [place for place, word in enumerate(words) if word in {"|", ">", ">>", "&&", ";"}]
    words = words[: min(ends, default=len(words))]
    command = get_command(application)
    while words and (verbs := getattr(command, "commands", None)) is not None:
        if words[0].startswith("-"):
            break
        if words[0] not in verbs:
            return f"verb {words[0]}"
        command = verbs[words.pop(0)]
    known = {"--help"}
    for parameter in command.params:
        known |= {*parameter.opts, *parameter.secondary_opts}
    used = [word.partition("=")[0] for word in words if re.match(r"--?[A-Za-z]", word)]
    return ", ".join(f"option {word}" for word in used if word not in known)


def test_commands_exist(root: Path) -> None:
    application = app()
    lines = [
        (page.name, line) for page in pages(root) for line in commands(page.read_text("utf-8"))
    ]
    assert any(name == "README.md" for name, _ in lines), "README.md shows no command"
    faults = {line: wrong(line, application) for _, line in lines}
    assert {line: fault for line, fault in faults.items() if fault} == {}


def test_wrong_commands_are_noticed() -> None:
    toy = typer.Typer()

    @toy.callback()
    def first() -> None:
        """Toy."""

    @toy.command()
    def train(data: str, out: str = "") -> None:
        """Train."""

    page = "```bash\nunclicked train shop \\\n  --out runs/a  # a comment --no\nls --all\n```\n"
    assert [wrong(line, toy) for line in commands(page)] == [""]
    assert wrong("unclicked tarin shop", toy) == "verb tarin"
    assert wrong("unclicked train shop --output=a | tee --append b", toy) == "option --output"


def script(text: str, root: Path) -> str:
    """The Python blocks of a page as one program, each at the line where the page has it."""
    lines = [""] * (text.count("\n") + 1)
    for block in BLOCK.finditer(text):
        if block["language"] != "python":
            continue
        if block["test"]:
            assert (root / block["test"]).is_file(), block["test"]
            continue
        first = text[: block.start("body")].count("\n")
        body = block["body"].splitlines()
        lines[first : first + len(body)] = body
    return "\n".join(lines).rstrip() + "\n"


def test_python_runs(root: Path, tmp_path: Path) -> None:
    made = CliRunner().invoke(app(), ["simulate", str(tmp_path), "--preset", "tiny"])
    assert made.exit_code == 0, made.output
    program = script((root / "README.md").read_text(encoding="utf-8"), root)
    assert "import unclicked" in program, "README.md shows no Python that runs"
    (tmp_path / "README.py").write_text(program, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "README.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr


def test_python_blocks_keep_their_lines(tmp_path: Path) -> None:
    (tmp_path / "test_a.py").touch()
    page = "# A\n```python\nx = 1\n```\n<!-- runs in: test_a.py -->\n```python\ny = 2\n```\n"
    assert script(page + "```python\nz = x\n```\n", tmp_path) == "\n\nx = 1\n\n\n\n\n\n\nz = x\n"
    with pytest.raises(AssertionError, match="test_b"):
        script(page.replace("test_a", "test_b"), tmp_path)
