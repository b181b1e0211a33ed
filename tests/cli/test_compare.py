"""The verb `compare`: a page never takes the place of something else."""

from __future__ import annotations

from pathlib import Path

import pytest

from unclicked.cli.main import run


@pytest.mark.parametrize("there", ["a table", ""])
def test_a_page_does_not_replace_a_file_that_is_none(
    tmp_path: Path, there: str, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "items.parquet"
    page.write_text(there)
    assert run(["compare", "base", "other", "--report", str(page)]) == 2
    assert "is no page and is not replaced" in capsys.readouterr().err
    assert page.read_text() == there


def test_a_page_needs_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["compare", "a", "b", "--report", str(tmp_path / "no" / "r.html")]) == 2
    assert "is no folder" in capsys.readouterr().err
