"""Versions against their floors, threads against cores, folders that cannot be written."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest

from unclicked.doctor import environment
from unclicked.doctor.environment import (
    cache_finding,
    examine_environment,
    memory_finding,
    numbers,
    packages_finding,
    pairs_finding,
    python_finding,
    requirements,
    threads_finding,
)

ROOT = Path(__file__).resolve().parents[2]


def test_here_nothing_fails(tmp_path: Path) -> None:
    found = examine_environment(tmp_path)
    assert found.kind == "environment"
    assert not found.failed
    names = {one.name for one in found.findings}
    wanted = {
        "python",
        "packages",
        "torch",
        "threads",
        "bfloat16",
        "cuda",
        "memory",
        "disk",
        "writing",
    }
    assert wanted | {"idle threads", "compiled code", "extra dev"} <= names
    packages = next(one for one in found.findings if one.name == "packages")
    assert f"numpy {np.__version__}" in packages.found


def test_floors_are_those_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = dict(text.split(">=") for text in project["dependencies"])
    assert requirements() == wanted


def test_versions_are_compared_as_numbers() -> None:
    assert numbers("2.10") > numbers("2.9.1")
    assert numbers("2.13.0+cpu") == (2, 13, 0)
    assert numbers("unknown") == ()


def test_old_and_missing_packages_fail() -> None:
    found = packages_finding({"numpy": "999.0", "no-such-package": "1.0", "scipy": ""})
    assert found.level == "fail"
    assert f"numpy {np.__version__} is older than 999.0" in found.found
    assert "no-such-package is missing" in found.found
    assert packages_finding({"numpy": "1.0"}).level == "ok"


def test_a_pin_is_the_only_version_that_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    assert requirements("sharded")["fbgemm-gpu-cpu"] == "==1.8.0"
    assert packages_finding({"numpy": f"=={np.__version__}"}).level == "ok"
    found = packages_finding({"numpy": "==1.8.0"})
    assert (found.level, found.found) == ("fail", f"numpy {np.__version__} is not 1.8.0")


def test_packages_that_must_fit_each_other() -> None:
    alone = pairs_finding({"torch": "2.13.0"}.get)
    assert (alone.level, alone.found[:12]) == ("ok", "torch 2.13.0")
    fits = {"torch": "2.13.0", "torchrec": "1.8.0", "fbgemm-gpu-cpu": "1.8.0"}
    assert pairs_finding(fits.get).level == "ok"
    found = pairs_finding((fits | {"fbgemm-gpu-cpu": "1.9.0"}).get)
    assert found.level == "warn"
    assert "fbgemm-gpu-cpu 1.9.0" in found.found
    assert "torch 2.13.0 needs torchrec 1.8.0 and fbgemm-gpu-cpu 1.8.0" in found.advice


def test_an_extra_that_is_too_old_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    old = {"granian": "1.0"}
    monkeypatch.setattr(environment, "_version", lambda name: old.get(name, "999.0"))
    found = {one.name: one for one in environment._extras_findings()}["extra serve"]
    assert (found.level, found.found) == ("warn", "granian 1.0 is older than 2.8")


def test_old_python_fails() -> None:
    assert python_finding((3, 9, 1)).level == "fail"
    assert python_finding((3, 11, 0)).level == "ok"
    assert python_finding((4, 0, 0)).level == "ok"


def test_threads() -> None:
    assert threads_finding(2, 2).level == "ok"
    found = threads_finding(8, 2)
    assert (found.level, found.advice) == (
        "warn",
        "Give --threads 2, or set OMP_NUM_THREADS=2.",
    )


def test_little_memory() -> None:
    assert memory_finding(1 << 30).level == "warn"
    assert memory_finding(8 << 30).level == "ok"
    assert memory_finding(None).level == "ok"


def test_a_cache_that_is_not_there_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache_finding(tmp_path / "a" / "b").level == "ok"
    monkeypatch.setattr(environment.os, "access", lambda path, mode: path != tmp_path)
    assert cache_finding(tmp_path / "a" / "b").level == "warn"


def test_a_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**where: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(environment.tempfile, "TemporaryFile", refuse)
    found = {one.name: one for one in examine_environment(tmp_path).findings}
    assert found["writing"].level == "warn"
    assert "Permission denied" in found["writing"].found
