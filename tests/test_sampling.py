"""The sampler against worked numbers and against draws counted one by one."""

from __future__ import annotations

import math

import pytest
import torch

from unclicked.errors import UserError
from unclicked.sampling import LogUniform

TEN = [
    0.289065,
    0.169092,
    0.119973,
    0.093058,
    0.076034,
    0.064286,
    0.055687,
    0.049119,
    0.043939,
    0.039747,
]


def test_probabilities_of_ten_items():
    found = LogUniform(10).probability(torch.arange(10))
    assert found.tolist() == pytest.approx(TEN, abs=5e-7)
    assert float(found.sum()) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize(
    ("num_items", "rank", "expected"),
    [
        (1000, 0, 0.10032882),
        (1000, 1, 0.05868859),
        (1000, 9, 0.01379557),
        (1000, 99, 0.00144025),
        (1000, 999, 0.00014467),
        (1_078_723, 0, 0.0498980),
        (1_078_723, 1, 0.0291884),
        (1_078_723, 9, 0.00686115),
        (1_078_723, 99, 0.000716300),
        (1_078_723, 9999, 7.19840e-6),
        (1_078_723, 999_999, 7.19875e-8),
    ],
)
def test_probabilities_of_larger_catalogues(num_items, rank, expected):
    digits = 5e-9 if expected > 1e-4 and num_items == 1000 else expected * 5e-6
    assert float(LogUniform(num_items).probability(rank)) == pytest.approx(expected, abs=digits)


def test_expected_counts_at_the_papers_size():
    sampler = LogUniform(1_078_723)
    ranks = torch.tensor([0, 100, 1000, 5000, 10_000, 50_000, 100_000, 1_000_000])
    found = sampler.expected_count(ranks, 44_501, 20_000).tolist()
    expected = [1.0, 1.0, 0.9592, 0.4730, 0.2741, 0.0621, 0.0315, 0.0032]
    assert found == pytest.approx(expected, abs=6e-5)


def test_tries_at_the_papers_size_are_about_44501():
    sampler = LogUniform(1_078_723)
    generator = torch.Generator().manual_seed(1)
    tries = [sampler.draw(20_000, generator).tries for _ in range(20)]
    assert sum(tries) / len(tries) == pytest.approx(44_501, rel=0.005)


def test_a_draw_is_distinct_and_tries_end_at_its_last_item():
    sampler, size = LogUniform(50), 20
    for seed in range(200):
        drawn = sampler.draw(size, torch.Generator().manual_seed(seed))
        assert len(set(drawn.index.tolist())) == size
        assert int(drawn.index.min()) >= 1
        assert int(drawn.index.max()) <= 50
        # The same uniform numbers, walked one by one.
        uniform = torch.rand(
            256, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
        )
        seen = []
        walked = 0
        for u in uniform.tolist():
            walked += 1
            rank = int(math.exp(u * math.log(51))) - 1
            if rank not in seen:
                seen.append(rank)
            if len(seen) == size:
                break
        assert [rank + 1 for rank in seen] == drawn.index.tolist()
        assert walked == drawn.tries


def test_inclusion_follows_the_expected_count():
    sampler, generator = LogUniform(30), torch.Generator().manual_seed(3)
    hits, expected, draws = torch.zeros(31), torch.zeros(30, dtype=torch.float64), 4000
    for _ in range(draws):
        drawn = sampler.draw(8, generator)
        hits[drawn.index] += 1
        expected += sampler.expected_count(torch.arange(30), drawn.tries, 8)
    found, wanted = hits[1:] / draws, (expected / draws).float()
    # The formula is no probability at the head, where it can pass one; below it is close.
    assert torch.allclose(found[1:], wanted[1:], atol=0.025)


def test_the_whole_catalogue_has_expected_counts_of_one():
    sampler = LogUniform(5)
    drawn = sampler.draw(9, torch.Generator())
    assert drawn.index.tolist() == [1, 2, 3, 4, 5]
    assert drawn.log_expected.tolist() == [0.0] * 5
    assert sampler.log_expected(torch.tensor([[5, 0]]), drawn).tolist() == [[0.0, 0.0]]


def test_an_empty_catalogue_is_refused():
    with pytest.raises(UserError, match="at least 1"):
        LogUniform(0)
