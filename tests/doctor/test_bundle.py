"""The doctor opens a bundle, asks its golden queries and reads its card."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from unclicked.bundle import contents, export_bundle
from unclicked.doctor import examine
from unclicked.run import open_run


@pytest.fixture
def bundle(tiny_run: Path, tmp_path: Path) -> Path:
    export_bundle(open_run(tiny_run), tmp_path / "bundle")
    return tmp_path / "bundle"


def test_a_good_bundle_may_be_served(bundle: Path) -> None:
    found = examine(bundle)
    levels = {one.name: one.level for one in found.findings}
    assert (found.kind, found.failed) == ("bundle", False)
    assert (levels["files"], levels["golden queries"]) == ("ok", "ok")
    assert found.next_step == f"unclicked serve {bundle}"


@pytest.mark.parametrize("name", ["manifest.json", contents.WEIGHTS, contents.GOLDEN])
def test_a_broken_one_may_not(bundle: Path, name: str) -> None:
    path = bundle / name
    path.write_bytes(path.read_bytes()[:-9])
    found = examine(bundle)
    assert found.failed
    assert name in found.findings[0].found
    shutil.rmtree(bundle)
