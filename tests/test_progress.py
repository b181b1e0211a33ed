"""Progress is for terminals."""

from __future__ import annotations

import sys

import pytest

from unclicked.progress import bar


def test_a_pipe_hears_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with bar("users", 3) as shown:
        shown.advance(2, "fast")
    assert capsys.readouterr() == ("", "")


def test_a_terminal_sees_title_and_note(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    with bar("users", 3, done=1) as shown:
        shown.advance(2, "fast")
    out, err = capsys.readouterr()
    assert out == ""
    assert "users" in err
    assert "3/3" in err
    assert "fast" in err
