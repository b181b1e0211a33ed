"""Small public logs in their published formats, and the road from an import to a data set."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from typer.testing import CliRunner

from unclicked.cli.main import app
from unclicked.settings import resolve


def rows_of(folder: Path, name: str = "impressions") -> list[dict[str, Any]]:
    """A table as plain rows."""
    rows: list[dict[str, Any]] = pq.read_table(folder / f"{name}.parquet").to_pylist()
    return rows


def check_notes(folder: Path, facts: dict[str, Any]) -> str:
    """What must hold of the notes of every import; the text of SOURCE.md."""
    step = facts["next"]
    assert json.loads((folder / "source.json").read_text()) | {"next": step} == facts
    assert step.startswith("unclicked prepare ") and "config.toml" in step
    text = (folder / "SOURCE.md").read_text()
    for words in (facts["licence_line"], facts["citation"], "only KuaiRand", "small files"):
        assert words in text
    lines = [line for line in (folder / "config.toml").read_text().splitlines() if line]
    settings = [number for number, line in enumerate(lines) if " = " in line]
    assert settings and all(lines[number - 1].startswith("# ") for number in settings)
    resolve(tomllib.loads((folder / "config.toml").read_text()))
    return text


def import_and_prepare(name: str, source: Path, out: Path) -> dict[str, Any]:
    """Runs both verbs as a user would; what `prepare` says about the data set."""
    runner = CliRunner()
    done = runner.invoke(app, ["import", name, str(source), str(out), "--json"])
    assert done.exit_code == 0, repr(done.exception)
    step = json.loads(done.stdout)["next"].split()
    step = step[1 : step.index("--out")]
    done = runner.invoke(app, [*step, "--out", f"{out}-data", "--json"])
    assert done.exit_code == 0, repr(done.exception)
    facts: dict[str, Any] = json.loads(done.stdout)
    return facts
