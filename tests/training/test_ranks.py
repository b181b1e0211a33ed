"""What ranks tell each other, with ranks as threads; and what a lost one looks like."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from tests.training.ranks_threads import together

from unclicked.errors import ResourceError, UserError
from unclicked.training.ranks import ALONE, Ranks, join


def test_alone_nothing_is_exchanged() -> None:
    one, other = torch.rand(3, 2), torch.rand(0)
    assert ALONE.first
    assert ALONE.gather([one, other]) == [[one], [other]]
    assert ALONE.sum(one) is one
    assert ALONE.sum_present([one, None], [one, other]) == [one, None]
    assert ALONE.most(3, 1) == [3, 1]
    assert ALONE.from_first(lambda: 0.25) == 0.25
    ALONE.take_over([one])
    ALONE.wait()


def test_a_process_that_torchrun_did_not_start_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    assert join(torch.device("cpu")) is ALONE
    monkeypatch.setenv("RANK", "7")
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_RANK", "0")
    with pytest.raises(UserError, match="RANK=7"):
        join(torch.device("cpu"))


@pytest.mark.parametrize("count", [2, 3])
def test_all_ranks_get_all_pieces_in_order(count: int) -> None:
    def act(ranks: Ranks) -> list[list[torch.Tensor]]:
        mine = ranks.number
        return ranks.gather([torch.full((mine, 2), mine * 1.0), torch.arange(3.0 - mine)])

    for found in together(count, act):
        assert [one.shape for one in found[0]] == [(number, 2) for number in range(count)]
        assert all(bool((one == number).all()) for number, one in enumerate(found[0]))
        assert [one.tolist() for one in found[1]] == [[0.0, 1.0, 2.0], [0.0, 1.0], [0.0]][:count]


def test_sums_are_the_same_on_all_ranks() -> None:
    def act(ranks: Ranks) -> Any:
        number = ranks.number
        rows = [
            (torch.tensor([4, 2]) + number, torch.tensor([[1.0], [2.0]])),
            # A table of which one rank needs no row, and one that nobody needs.
            (torch.arange(2 * number) + 1, torch.ones(2 * number, 3)),
            (torch.zeros(0, dtype=torch.int64), torch.zeros(0, 5)),
        ]
        like = [torch.zeros(2), torch.zeros(()), torch.zeros(1, 2)]
        present = [torch.tensor([1.0, number]), None, like[2] + 1 if number else None]
        return (
            ranks.sum(torch.tensor([1.0, number])),
            ranks.sum_rows(rows),
            ranks.sum_present(present, like),
        )

    for total, rows, dense in together(2, act):
        assert total.tolist() == [2.0, 1.0]
        assert [(ids.tolist(), sums.tolist()) for ids, sums in rows] == [
            ([2, 3, 4, 5], [[2.0], [2.0], [1.0], [1.0]]),
            ([1, 2], [[1.0] * 3] * 2),
            ([], []),
        ]
        assert dense[0].tolist() == [2.0, 1.0]
        assert dense[1] is None
        assert dense[2].tolist() == [[1.0, 1.0]]


def test_the_first_decides_and_the_largest_flag_counts() -> None:
    def act(ranks: Ranks) -> Any:
        own = [
            torch.full((2,), float(ranks.number)),
            torch.nn.Parameter(torch.ones(1) - ranks.number),
        ]
        ranks.take_over(own)
        ranks.wait()
        flags = ranks.most(ranks.number, 5 - ranks.number)
        return own[0].tolist(), own[1].tolist(), flags, ranks.from_first(lambda: 0.1 + ranks.number)

    assert together(3, act) == [([0.0, 0.0], [1.0], [2, 5], 0.1)] * 3


@pytest.mark.parametrize("hangs", [False, True])
def test_a_lost_rank_is_an_error_with_advice(hangs: bool) -> None:
    def act(ranks: Ranks) -> str:
        if ranks.number == 1:
            if hangs:
                with pytest.raises(ResourceError):
                    ranks.wait()
            return ""
        with pytest.raises(ResourceError) as caught:
            ranks.sum(torch.zeros(1))
        assert caught.value.exit_code == 4
        return str(caught.value)

    said = together(2, act, seconds=1.0)[0]
    assert re.search(r"error\[RANKS\] rank 0 of 2: .*start all of them again with --resume", said)
    assert "\n" not in said
    assert "third_party" not in said
