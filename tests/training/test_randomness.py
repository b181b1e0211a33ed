"""A step's randomness is a function of seed, step and use."""

from __future__ import annotations

import itertools

import torch

from unclicked.training.randomness import generator_for, seed_dropout, step_seed


def test_every_seed_step_and_use_has_its_own_number() -> None:
    found = [step_seed(*one) for one in itertools.product(range(6), range(50), range(4))]
    assert len(set(found)) == len(found)
    assert all(0 <= one < 2**63 for one in found)


def test_generators_are_fresh_and_alike() -> None:
    first, second = (torch.rand(3, generator=generator_for(1, 2, 3)) for _ in range(2))
    assert torch.equal(first, second)
    assert not torch.equal(first, torch.rand(3, generator=generator_for(1, 3, 3)))


def test_dropout_draws_what_torch_itself_draws_after_the_same_seed() -> None:
    ones = torch.ones(1000)
    torch.manual_seed(step_seed(3, 4, 5))
    wanted = torch.nn.functional.dropout(ones, 0.5)
    torch.rand(7)
    seed_dropout(3, 4, 5, torch.device("cpu"))
    assert torch.equal(torch.nn.functional.dropout(ones, 0.5), wanted)
    seed_dropout(3, 4, 6, torch.device("cpu"))
    assert not torch.equal(torch.nn.functional.dropout(ones, 0.5), wanted)
