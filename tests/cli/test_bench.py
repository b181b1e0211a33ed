"""The verb `bench`: what it refuses before it measures anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from unclicked.cli.main import run


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["speed"], ["error[BENCH-NAME]", "'speed'", "step"]),
        ([], ["error[BENCH-NAME]", "found none"]),
        (["step", "--install"], ["error[BENCH-INSTALL]", "bench peers --install"]),
        (["step", "--picture", "a.svg"], ["error[BENCH-PICTURE]", "bench scale"]),
        (["scale", "--picture", "a.pdf"], ["error[BENCH-PICTURE]", "a.pdf", ".svg or .png"]),
        (["scale", "--picture", "nowhere/a.svg"], ["error[BENCH-PICTURE]", "nowhere/a.svg"]),
    ],
)
def test_what_cannot_be_measured_is_refused(
    options: list[str],
    words: list[str],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["bench", *options]) == 2
    told = capsys.readouterr().err
    assert all(word in told for word in words), told
    assert list(tmp_path.iterdir()) == []
