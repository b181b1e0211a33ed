"""A step's randomness is a function of seed, step and use."""

from __future__ import annotations

import itertools

import torch

from unclicked.training.randomness import generator_for, step_seed


def test_every_seed_step_and_use_has_its_own_number() -> None:
    found = [step_seed(*one) for one in itertools.product(range(6), range(50), range(4))]
    assert len(set(found)) == len(found)
    assert all(0 <= one < 2**63 for one in found)


def test_generators_are_fresh_and_alike() -> None:
    first, second = (torch.rand(3, generator=generator_for(1, 2, 3)) for _ in range(2))
    assert torch.equal(first, second)
    assert not torch.equal(first, torch.rand(3, generator=generator_for(1, 3, 3)))
