"""Every tutorial does what it shows: its blocks run in order, and shown output is what came out."""

from __future__ import annotations

import contextlib
import io
import re
import runpy
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
TUTORIALS = sorted((ROOT / "docs" / "tutorials").glob("*.md"))
# A fenced block; one that has a caption is a file of that name.
BLOCK = re.compile(
    r"^```(?:\{code-block\} )?(?P<language>\w+)\n"
    r"(?::caption: (?P<file>\S+)\n\n)?(?P<body>.*?)^```$",
    flags=re.DOTALL | re.MULTILINE,
)
FAILS = re.compile(r"# exit code (\d+)$")


@dataclass(frozen=True)
class Block:
    """One fenced block of a page, and the line of the page that it begins in."""

    language: str
    file: str | None
    body: str
    line: int


def blocks(text: str) -> Iterator[Block]:
    """The fenced blocks of a page in order."""
    for found in BLOCK.finditer(text):
        line = text[: found.start("body")].count("\n")
        yield Block(found["language"], found["file"], found["body"], line)


def is_shown_by(shown: str, printed: str) -> bool:
    """Whether a page shows what was printed; `...` stands for anything, blanks do not matter."""
    parts = [re.escape(" ".join(part.split())) for part in shown.split("...")]
    return re.fullmatch(".*".join(parts), " ".join(printed.split())) is not None


@dataclass
class Reader:
    """Does what a page says, in the current folder."""

    page: str
    names: dict[str, Any] = field(default_factory=dict)
    printed: str | None = None

    def follow(self, block: Block) -> None:
        """Run a block, write the file it shows, or compare the output it shows."""
        where = f"{self.page}:{block.line}"
        if block.file is not None:
            Path(block.file).write_text(block.body, encoding="utf-8")
        elif block.language == "text":
            assert self.printed is not None, f"{where}: output of what?"
            shown = f"{where}: shown\n{block.body}\nprinted\n{self.printed}"
            assert is_shown_by(block.body, self.printed), shown
            self.printed = None
        elif block.language in ("bash", "python"):
            out = io.StringIO()
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
                self._run(block, where)
            self.printed = out.getvalue()

    def _run(self, block: Block, where: str) -> None:
        if block.language == "python":
            # Blank lines in front, so that a traceback names the line of the page.
            Path("page.py").write_text("\n" * block.line + block.body, encoding="utf-8")
            self.names = runpy.run_path("page.py", init_globals=self.names)
            return
        from unclicked.cli.main import run

        for command in block.body.replace("\\\n", " ").splitlines():
            words = shlex.split(command, comments=True)
            if not words:
                continue
            assert words[0] == "unclicked", f"{where}: {command} cannot run here"
            expected = int(found[1]) if (found := FAILS.search(command)) else 0
            code = run(words[1:])
            assert code == expected, f"{where}: {command} gave {code}"


def test_there_are_tutorials() -> None:
    assert len(TUTORIALS) >= 4


@pytest.fixture(autouse=True)
def same_encoders() -> Iterator[None]:
    """A page may add an encoder to the dict; the tests after it must not see that."""
    from unclicked.encoders import ENCODERS

    before = dict(ENCODERS)
    yield
    ENCODERS.clear()
    ENCODERS.update(before)


@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_a_tutorial_does_what_it_shows(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    reader = Reader(path.name)
    found = list(blocks(path.read_text(encoding="utf-8")))
    assert any(block.language in ("bash", "python") for block in found)
    for block in found:
        try:
            reader.follow(block)
        except AssertionError:
            raise
        except Exception as error:
            error.add_note(f"in the block at {path.name}:{block.line}")
            raise


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("a  b\n", "a b", True),
        ("a\n...\nb", "a b", True),
        ("a ... d", "a b c d", True),
        ("a ... d", "a b c d e", False),
        ("a.b", "axb", False),
    ],
)
def test_three_dots_stand_for_anything(shown: str, printed: str, same: bool) -> None:
    assert is_shown_by(shown, printed) is same


PAGE = """# A
```python
x = 2
```
Then
```python
print(x + 1)
```
```text
3
```
```{code-block} toml
:caption: a.toml

b = 1
```
```bash
unclicked prepare nothing.csv --out data  # exit code 2
```
```text
error[...] nothing.csv: ...
```
"""


def test_blocks_share_names_and_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    reader = Reader("a.md")
    for block in blocks(PAGE):
        reader.follow(block)
    assert (tmp_path / "a.toml").read_text(encoding="utf-8") == "b = 1\n"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("text\n3", "text\n4", "a.md:9: shown"),
        ("x + 1", "x + y", "'y' is not defined"),
        ("code 2", "code 3", "gave 2"),
        ("unclicked prepare", "rm", "cannot run here"),
    ],
)
def test_what_is_wrong_on_a_page_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    reader = Reader("a.md")
    with pytest.raises((AssertionError, NameError), match=message):
        for block in blocks(PAGE.replace(old, new)):
            reader.follow(block)
