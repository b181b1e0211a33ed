"""The child is started once, ended once, and replaced when it is gone."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from unclicked.data.reader_process import ReaderProcess

ECHO = "import sys\nfor line in sys.stdin: sys.stdout.write(line.upper()); sys.stdout.flush()"


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Iterator[ReaderProcess]:
    """A child that answers in capitals."""
    monkeypatch.setattr("unclicked.data.reader_process._CODE", ECHO)
    process = ReaderProcess()
    yield process
    process.end(kill=True)


def test_one_child_answers_many_requests(reader: ReaderProcess) -> None:
    assert reader.pid is None
    reader.start()
    first = reader.pid
    assert [reader.send(text).readline() for text in ("a", "b")] == [b"A\n", b"B\n"]
    assert reader.pid == first is not None


def test_a_dead_child_is_replaced(reader: ReaderProcess) -> None:
    reader.start()
    first = reader.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    os.waitid(os.P_PID, first, os.WEXITED | os.WNOWAIT)
    assert reader.send("a").readline() == b"A\n"
    assert reader.pid != first


def test_how_it_ended(reader: ReaderProcess) -> None:
    assert reader.end() == 0
    reader.start()
    assert reader.end() == 0
    reader.start()
    assert reader.end(kill=True) is None
    reader.start()
    assert reader.pid is not None
    os.kill(reader.pid, signal.SIGTERM)
    assert reader.end() == -signal.SIGTERM
    assert reader.pid is None


def test_a_child_that_will_not_end_is_killed(
    reader: ReaderProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("unclicked.data.reader_process._CODE", "import time; time.sleep(60)")
    monkeypatch.setattr("unclicked.data.reader_process.STOP_SECONDS", 0.2)
    reader.start()
    assert reader.end() is None
