"""Every row is visited once, errors are told, and a forked child has threads of its own."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from unclicked.row_threads import LEAST_VALUES, over_rows


@pytest.fixture(params=[1, 2, 5], ids=lambda count: f"{count} threads")
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 100])
def test_each_row_once(count: int, threads: int) -> None:
    seen, names = np.zeros(count, int), set()

    def loop(begin: int, end: int) -> None:
        names.add(threading.current_thread().name)
        seen[begin:end] += 1

    over_rows(loop, count, LEAST_VALUES)
    assert (seen == 1).all()
    assert threads > 1 or names <= {threading.main_thread().name}


def test_few_values_stay_in_one_thread(threads: int) -> None:
    calls: list[tuple[int, int]] = []
    over_rows(lambda begin, end: calls.append((begin, end)), 10, 5)
    assert calls == [(0, 10)]


def test_an_error_in_any_part_is_told(threads: int) -> None:
    def loop(begin: int, end: int) -> None:
        if end == 50:
            raise ValueError("the last part")

    with pytest.raises(ValueError, match="the last part"):
        over_rows(loop, 50, LEAST_VALUES)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_works() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        over_rows(lambda begin, end: None, 100, LEAST_VALUES)
        child = os.fork()
        if child == 0:
            rows: list[int] = []
            over_rows(lambda begin, end: rows.extend(range(begin, end)), 100, LEAST_VALUES)
            os._exit(0 if sorted(rows) == list(range(100)) else 1)
        assert os.waitpid(child, 0)[1] == 0
    finally:
        torch.set_num_threads(before)
