"""What is said where Spark cannot run, without starting it."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from unclicked.errors import UserError
from unclicked.spark.session import cause_of, need_spark


def found(monkeypatch: pytest.MonkeyPatch, *, missing: str) -> None:
    """Let all modules be there but one."""
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == missing else object()
    )


@pytest.mark.parametrize("name", ["pyspark", "pandas"])
def test_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    found(monkeypatch, missing=name)
    with pytest.raises(UserError, match=rf'needs {name}.*pip install "\.\[spark\]"'):
        need_spark()


def test_java_is_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found(monkeypatch, missing="nothing")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(UserError, match="found no java on the PATH.*Install Java 17"):
        need_spark()
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(UserError, match=r"found no java at .*bin/java \(JAVA_HOME\)"):
        need_spark()
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.touch()
    need_spark()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "Job aborted.\norg.apache.spark.SparkException: lost\n  at x\nKeyError: 'a'\n\tat y",
            "KeyError: 'a'",
        ),
        ("java.lang.OutOfMemoryError: Java heap space\n at z", "OutOfMemoryError: Java heap space"),
        (
            "An error occurred while calling o1.x.\n: org.apache.SparkException: aborted\n\tat a"
            "\nCaused by: java.io.IOException: cannot read\n\t... 46 more",
            "IOException: cannot read",
        ),
        (
            "Caused by: org.apache.spark.api.python.PythonException: Traceback (most recent call):"
            "\n  File x\nModuleNotFoundError: No module named 'unclicked'\n\n\tat y",
            "ModuleNotFoundError: No module named 'unclicked'",
        ),
        ("nothing like it\nsecond line", "nothing like it"),
        ("", "Exception"),
    ],
)
def test_one_line_says_why(text: str, line: str) -> None:
    error: Any = Exception(text)
    assert cause_of(error) == line
