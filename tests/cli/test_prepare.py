"""The verb `prepare` in bounded memory, and what it says where Spark cannot be asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from unclicked.cli.main import run


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("log") / "tiny"
    assert run(["simulate", str(out), "--preset", "tiny", "--users", "40", "--items", "80"]) == 0
    return out


def prepare(log: Path, out: Path, *options: str) -> int:
    return run(["prepare", str(log / "impressions.parquet"), "--out", str(out), *options])


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_bounded_memory_gives_the_same_bytes(log: Path, tmp_path: Path) -> None:
    assert prepare(log, tmp_path / "held") == 0
    assert prepare(log, tmp_path / "bounded", "--memory", "1GiB") == 0
    assert files(tmp_path / "held") == files(tmp_path / "bounded")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--memory", "much"], ["error[MEMORY-SIZE]", "much"]),
        (["--memory", "1KiB"], ["error[MEMORY-SIZE]", "512"]),
        (["--engine", "flink"], ["error[OPTION] --engine", "flink", "local, spark"]),
        (["--master", "local[2]"], ["error[OPTION] --master", "--engine spark"]),
        (["--engine", "spark", "--memory", "1GiB"], ["error[OPTION] --memory", "--engine spark"]),
        (
            ["--engine", "spark", "--on-bad-row", "quarantine"],
            ["error[OPTION] --on-bad-row", "--engine spark"],
        ),
    ],
)
def test_options_that_do_not_fit(
    options: list[str],
    words: list[str],
    log: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert prepare(log, tmp_path / "data", *options) == 2
    told = capsys.readouterr().err
    assert all(word in told for word in words), told
    assert not (tmp_path / "data").exists()
