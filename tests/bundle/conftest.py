"""What the tests of bundles share: one of the tiny run, and ways to change a copy of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from unclicked import artefact
from unclicked.bundle import export_bundle
from unclicked.data.dataset import PreparedDataset
from unclicked.evaluation import evaluate
from unclicked.run import Run, build_model, open_run
from unclicked.sealed import BUNDLE_KIND

Change = Callable[[Path], None]
Variant = Callable[..., Run]


@pytest.fixture(scope="session")
def judged_run(tiny_run: Path, tiny_data: PreparedDataset) -> Run:
    """A copy of the tiny run with a stored evaluation."""
    folder = Path(shutil.copytree(tiny_run, tiny_run.parent / "judged"))
    run = open_run(folder)
    evaluate(run, tiny_data, split="test", top_k=(5, 20))
    return run


@pytest.fixture(scope="session")
def bundle_folder(judged_run: Run) -> Path:
    """A bundle of the tiny run; tests that write into it copy it first."""
    return export_bundle(judged_run, judged_run.path.parent / "bundle").path


@pytest.fixture
def changed(bundle_folder: Path, tmp_path: Path) -> Callable[[Change], Path]:
    """A copy with a change, under a manifest that fits it again."""

    def make(change: Change) -> Path:
        folder = Path(shutil.copytree(bundle_folder, tmp_path / "changed"))
        change(folder)
        files = [
            path for path in folder.rglob("*") if path.is_file() and path.name != artefact.MANIFEST
        ]
        listed = {
            path.relative_to(folder).as_posix(): {
                "sha256": artefact.sha256_file(path),
                "bytes": path.stat().st_size,
            }
            for path in files
        }
        manifest = artefact.seal({"kind": BUNDLE_KIND, "files": listed})
        (folder / artefact.MANIFEST).write_text(json.dumps(manifest))
        return folder

    return make


@pytest.fixture(scope="session")
def variant(judged_run: Run) -> Variant:
    """The tiny run with other settings and fresh weights: short lists, so that it is quick."""

    def make(
        exposures: bool = False, length: int = 8, train: dict[str, Any] | None = None, **model: Any
    ) -> Run:
        config = judged_run.config.model_dump()
        config["data"]["clicked"] |= {"max_short": 6, "max_long": 5}
        config["data"]["unclicked"] |= {
            "max_length": length,
            "weighting": "exposures" if exposures else "none",
        }
        config["model"] |= model
        config["train"] |= train or {}
        checked = type(judged_run.config).model_validate(config)
        words = judged_run.profile_vocabularies
        fresh = build_model(checked, judged_run.catalogue, words, len(judged_run.users))
        facts = replace(judged_run.facts, config=checked)
        return replace(judged_run, facts=facts, model=fresh.eval())

    return make
