"""What a processor is fast at must not depend on what else it does at the moment."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from unclicked import processor

MILLISECONDS = {torch.float32: 2.0, torch.bfloat16: 1.0, torch.int8: 0.4}


@pytest.fixture
def asked_again() -> Iterator[None]:
    processor._seconds.cache_clear()
    yield
    processor._seconds.cache_clear()


@pytest.mark.usefixtures("asked_again")
def test_a_slow_beginning_decides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: Counter[torch.dtype] = Counter()
    threads = []

    def multiply(left: Tensor, right: Tensor) -> Tensor:
        seen[left.dtype] += 1
        threads.append(torch.get_num_threads())
        slow = 20.0 if seen[left.dtype] <= 5 else 1.0
        time.sleep(slow * MILLISECONDS[left.dtype] / 1000 if left.dtype == torch.int8 else 0.002)
        return left

    monkeypatch.setattr(processor, "_multiply", multiply)
    before = torch.get_num_threads()
    assert processor.fast_int8()
    assert not processor.fast_bfloat16()
    assert set(threads) == {1}
    assert torch.get_num_threads() == before


@pytest.mark.usefixtures("asked_again")
def test_a_build_without_products_of_one_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    def multiply(left: Tensor, right: Tensor) -> Tensor:
        if left.dtype == torch.int8:
            raise RuntimeError("not here")
        time.sleep(MILLISECONDS[left.dtype] / 1000)
        return left

    monkeypatch.setattr(processor, "_multiply", multiply)
    assert not processor.fast_int8()
    assert processor.fast_bfloat16()
