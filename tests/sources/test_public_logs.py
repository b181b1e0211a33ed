"""What is told of the public logs is what their importers do."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path

import pytest

from unclicked.cli.main import run
from unclicked.errors import UserError
from unclicked.sources import IMPORTERS
from unclicked.sources.kuairand_tables import LABELS
from unclicked.sources.public_logs import PUBLIC_LOGS

FILE = re.compile(r"[\w*-]+\.(?:csv|tsv|parquet|npz|jsonl|json)\b")
SITE = re.compile(r"[\w-]+(?:\.[\w-]+)+/?\S*$")


def test_every_importer_is_told_of() -> None:
    assert list(PUBLIC_LOGS) == list(IMPORTERS)
    for log in PUBLIC_LOGS.values():
        assert all(vars(log).values())


@pytest.mark.parametrize("name", [name for name in IMPORTERS if name != "kuairand"])
def test_labels_are_those_of_the_importer(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        IMPORTERS[name](tmp_path, tmp_path / "out", label="nothing")
    assert f"expected {' or '.join(PUBLIC_LOGS[name].labels)}. " in str(caught.value)


def test_labels_of_kuairand() -> None:
    assert PUBLIC_LOGS["kuairand"].labels == LABELS == ("is_click", "long_view")


@pytest.mark.parametrize("name", IMPORTERS)
def test_files_and_sites_are_those_of_the_importer(name: str) -> None:
    module = Path(importlib.import_module(IMPORTERS[name].__module__).__file__ or "")
    rooms = sorted(module.parent.glob(f"{name}*.py"))
    code = "\n".join(path.read_text(encoding="utf-8") for path in rooms)
    named = FILE.findall(PUBLIC_LOGS[name].files)
    assert named or name == "contentwise"
    for file in named:
        assert file.partition("*")[0] in code
    found = SITE.search(PUBLIC_LOGS[name].publisher)
    assert found is not None and found[0] in code


def test_people_are_told_of_every_log(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["import", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 96
    assert [line.split()[0] for line in lines if not line.startswith(" ")] == list(IMPORTERS)
    text = " ".join(" ".join(lines).split())
    for log in PUBLIC_LOGS.values():
        for part in (log.publisher, log.files, log.clicked, log.licence):
            assert part in text
    assert "(--label any or view or details or purchase)" in text


def test_scripts_find_the_names_and_the_rest(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["import", "--list", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["names"] == list(IMPORTERS)
    assert told["logs"]["kuairand"]["licence"] == "CC BY-SA 4.0"
    assert told["logs"]["alidisplay"]["labels"] == ["clk"]
