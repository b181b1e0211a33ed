"""Things made ahead come in order, no sooner than asked for, and leave no thread behind."""

from __future__ import annotations

import threading
import time
from contextlib import closing

import pytest

from unclicked.in_turn import in_turn


def threads() -> list[str]:
    return [one.name for one in threading.enumerate() if one.name.startswith("in turn")]


@pytest.mark.parametrize("depth", [-1, 0, 1, 2, 5])
@pytest.mark.parametrize("threads_", [0, 1, 3])
@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_same_as_a_loop(count: int, threads_: int, depth: int) -> None:
    assert list(in_turn(str, range(count), threads=threads_, ahead=depth)) == [
        str(one) for one in range(count)
    ]
    assert not threads()


def test_another_thread_makes_while_this_one_works() -> None:
    def make(number: int) -> tuple[int, str]:
        time.sleep(0.02)
        return number, threading.current_thread().name

    seconds = 0.0
    with closing(in_turn(make, range(10), threads=1, ahead=2)) as ready:
        for place, (number, thread) in enumerate(ready):
            assert number == place and thread.startswith("in turn")
            started = time.monotonic()
            time.sleep(0.03)
            seconds += time.monotonic() - started
    assert seconds >= 0.3


def test_no_more_than_the_depth_is_made_ahead() -> None:
    made: list[int] = []
    ready = in_turn(
        lambda number: made.append(number) or number, iter(range(100)), threads=1, ahead=2
    )
    assert next(ready) == 0
    time.sleep(0.05)
    assert made == [0, 1, 2]
    ready.close()
    assert not threads()


def test_an_error_comes_where_its_result_would() -> None:
    def make(number: int) -> int:
        if number == 3:
            raise ValueError("three")
        return number

    ready, seen = in_turn(make, range(6), threads=1, ahead=2), []
    with pytest.raises(ValueError, match="three"):
        seen.extend(ready)
    assert seen == [0, 1, 2]
    assert not threads()


def test_closing_early_waits_for_what_is_under_way_and_no_longer() -> None:
    started, stop = threading.Event(), threading.Event()

    def make(number: int) -> int:
        if number == 1:
            started.set()
            stop.wait(5)
        return number

    ready = in_turn(make, range(50), threads=1, ahead=2)
    assert next(ready) == 0
    assert started.wait(5)
    stop.set()
    ready.close()
    assert not threads()


def test_no_more_than_the_threads_are_held() -> None:
    """One is used, the others are under way."""
    made: list[int] = []
    ready = in_turn(lambda number: made.append(number) or number, range(100), threads=3)
    assert next(ready) == 0
    time.sleep(0.05)
    assert sorted(made) == [0, 1, 2]
    ready.close()
    assert not threads()
