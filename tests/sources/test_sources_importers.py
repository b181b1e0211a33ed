"""Every importer of the dict keeps the same promises."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path

import pytest

from unclicked.errors import UserError
from unclicked.sources import IMPORTERS
from unclicked.sources.imported import Origin


@pytest.mark.parametrize("name", IMPORTERS)
def test_an_importer_is_called_and_documented_alike(name: str) -> None:
    importer = IMPORTERS[name]
    assert importer.__name__ == f"import_{name}"
    parameters = list(inspect.signature(importer).parameters.values())
    assert [parameter.name for parameter in parameters[:2]] == ["source", "out"]
    options = {parameter.name: parameter for parameter in parameters[2:]}
    assert options["label"].default is None
    for option in options.values():
        assert option.kind is inspect.Parameter.KEYWORD_ONLY
        assert option.default is not inspect.Parameter.empty
    text = inspect.getdoc(importer) or ""
    assert "Args:" in text and "Returns:" in text and "Raises:" in text
    assert all(f"\n    {parameter.name}: " in text for parameter in parameters)


@pytest.mark.parametrize("name", [name for name in IMPORTERS if name != "kuairand"])
def test_an_importer_names_licence_and_citation(name: str) -> None:
    module = importlib.import_module(IMPORTERS[name].__module__)
    origin = module.ORIGIN
    assert isinstance(origin, Origin)
    assert origin.source and origin.licence
    # Who made it, where it is, and what the licence asks for are one sentence.
    assert origin.source in origin.licence_line and "(" in origin.licence_line
    assert origin.licence_line.endswith(".") and "\n" not in origin.licence_line
    assert ":" in origin.citation and "\n" not in origin.citation


@pytest.mark.parametrize("name", IMPORTERS)
def test_an_importer_refuses_what_is_not_there(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such folder"):
        IMPORTERS[name](tmp_path / "nowhere", tmp_path / "out")
    (tmp_path / "in").mkdir()
    with pytest.raises(UserError, match="IMPORT-SOURCE"):
        IMPORTERS[name](tmp_path / "in", tmp_path / "out")
    with pytest.raises(UserError, match="IMPORT-LABEL|IMPORT-SOURCE"):
        IMPORTERS[name](tmp_path / "in", tmp_path / "out", label="no such label")
    assert not (tmp_path / "out").exists()
