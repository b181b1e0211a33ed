"""The pages made from the code say what the code says, and what they describe is there."""

from __future__ import annotations

import importlib.util
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from unclicked.config import Config
from unclicked.presets import PRESETS
from unclicked.settings import flatten

if TYPE_CHECKING:
    from unclicked.data.dataset import PreparedDataset

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
MADE = re.compile(r"^<!-- made: ([\w-]+) -->$", flags=re.MULTILINE)


def load(name: str) -> ModuleType:
    """A module of the documentation, which is no package."""
    spec = importlib.util.spec_from_file_location(f"docs_{name}", DOCS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def made() -> ModuleType:
    """The module that makes parts of the reference."""
    return load("made")


def test_every_made_part_has_a_place_and_every_place_a_part(made: ModuleType) -> None:
    places = [name for page in DOCS.rglob("*.md") for name in MADE.findall(page.read_text("utf-8"))]
    assert sorted(places) == sorted(made.PARTS)


def test_every_setting_has_its_row(made: ModuleType) -> None:
    text = made.configuration()
    sections = re.split(r"^## `\[(.*?)\]`$", text, flags=re.MULTILINE)[1:]
    tables = dict(zip(sections[::2], sections[1::2], strict=True))
    rows = {
        f"{table}.{name}": line
        for table, body in tables.items()
        for line in body.splitlines()
        if line.startswith("| `") and (name := line.split("`")[1])
    }
    assert sorted(rows) == sorted(flatten(Config()))
    assert rows["model.dim"].endswith("| `128` |")
    assert "Whole number at least 4, at most 4,096." in rows["model.dim"]
    assert 'One of `"s"`, `"ms"`, `"us"`.' in rows["data.time_unit"]
    assert rows["data.time_unit"].endswith("| not set |")


def test_presets_are_told_from_each_other(made: ModuleType) -> None:
    text = made.presets()
    assert all(f"| `{name}` |" in text for name in PRESETS)
    assert '| `sdm` | `"none"` | `"none"` |' in text
    assert "| `model.dim` | `128` | `64` | `128` |" in text


def test_every_verb_shows_its_help(made: ModuleType) -> None:
    from unclicked.cli.main import app

    text = made.commands()
    verbs = re.findall(r"^## `([\w ]+)`$", text, flags=re.MULTILINE)
    groups = {
        f"{one.name} {inner.name}"
        for one in app.registered_groups
        for inner in one.typer_instance.registered_commands
    }
    assert set(verbs) == {command.name for command in app.registered_commands} | groups
    for verb in verbs:
        assert f"Example: unclicked {verb}" in text, verb
    assert max(map(len, text.splitlines())) <= made.HELP_COLUMNS


def test_exit_codes_are_those_of_the_errors(made: ModuleType) -> None:
    codes = re.findall(r"^\| (\d+) \|", made.exit_codes(), flags=re.MULTILINE)
    assert codes == ["0", "2", "3", "4", "5", "75", "1"]


def test_encoders_importers_and_simulations_are_listed(made: ModuleType) -> None:
    from unclicked.encoders import ENCODERS
    from unclicked.sources import IMPORTERS, PRESETS_SIMULATION, knob_meanings

    assert all(f"### `{name}`" in made.encoders() for name in ENCODERS)
    assert "| `num_layers` |" in made.encoders()
    assert all(f"| `{name}` |" in made.importers() for name in IMPORTERS)
    simulations = made.simulations()
    assert all(f"| `{name}` |" in simulations for name in knob_meanings())
    assert all(f"`{name}`" in simulations for name in PRESETS_SIMULATION)


@pytest.mark.parametrize(
    ("line", "rest"),
    [
        ("Square |h - c|^2 of `h`.", r"Square \|h - c\|^2 of ``h``."),
        ("    *layers: Nested tables.", r"    *layers: Nested tables."),
        ("more * than one", r"more \* than one"),
        ("a name_ that ends so", r"a name\_ that ends so"),
    ],
)
def test_docstrings_become_plain_text(line: str, rest: str) -> None:
    docstrings = load("docstrings")
    assert docstrings.escaped(line) == rest


def test_examples_in_docstrings_stay_as_they_are() -> None:
    lines = ["Doubles.", "", "Source: Eq. 1.", "", "Example:", "    >>> a | b", "    c*", "", "x|"]
    load("docstrings").as_rest(None, "function", "f", None, None, lines)
    assert lines[2] == ":Source: Eq. 1."
    assert lines[5:7] == ["    >>> a | b", "    c*"]
    assert lines[8] == "x\\|"


def test_folders_hold_what_the_page_lists(tiny_data: PreparedDataset, tiny_run: Path) -> None:
    text = (DOCS / "reference" / "data-formats.md").read_text(encoding="utf-8")
    first_cells = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    named = {name.rstrip("/") for cell in first_cells for name in re.findall(r"`([^`]+)`", cell)}
    for folder in (tiny_data.path, tiny_run):
        found = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
        assert sorted(found - named) == [], f"not on the page: {folder.name}"


class Loads(HTMLParser):
    """Collects what a page loads from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at what is loaded; a link that a reader may follow loads nothing."""
        for name, value in attrs:
            loaded = name in ("src", "data", "poster") or (name == "href" and tag == "link")
            if loaded and re.match(r"(?:https?:)?//", value or ""):
                self.found.append(f"{tag} {value}")


def outside(text: str) -> list[str]:
    """What a page loads from elsewhere."""
    parser = Loads()
    parser.feed(text)
    return parser.found


def test_a_request_outside_is_noticed() -> None:
    page = '<a href="https://a.example">a</a><script src="//b.example/b.js"></script>'
    assert outside(page) == ["script //b.example/b.js"]
    assert outside('<link rel="stylesheet" href="_static/a.css"><img src="b.png">') == []


def test_a_built_page_asks_for_nothing_outside(tmp_path: Path) -> None:
    from sphinx.application import Sphinx
    from sphinx.util.docutils import docutils_namespace

    source = tmp_path / "docs"
    source.mkdir()
    (source / "index.md").write_text("# A\n\n```{toctree}\nb\n```\n", encoding="utf-8")
    (source / "b.md").write_text("# B\n\n<!-- made: exit-codes -->\n", encoding="utf-8")
    site = tmp_path / "site"
    with docutils_namespace():
        app = Sphinx(source, DOCS, site, tmp_path / "trees", "html", status=None, warning=None)
        app.build()
    pages = sorted(site.rglob("*.html"))
    assert "75" in (site / "b.html").read_text(encoding="utf-8")
    assert {page.name: outside(page.read_text(encoding="utf-8")) for page in pages} == {
        page.name: [] for page in pages
    }
    styles = [path.read_text(encoding="utf-8") for path in site.rglob("*.css")]
    assert styles
    assert not [
        one for one in styles if re.search(r"(?:@import|url\()\s*[\"']?(?:https?:)?//", one)
    ]
