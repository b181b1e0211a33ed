"""Randomness of a step as a function of the run's seed and the step's number alone."""

from __future__ import annotations

import numpy as np
import torch


def step_seed(seed: int, step: int, stream: int) -> int:
    """Seed of one step's stream of randomness, so that a run can go on anywhere exactly.

    Args:
        seed: Seed of the run.
        step: Number of the step, or of the epoch.
        stream: Which use it is for; different uses get unrelated numbers.

    Returns:
        An integer of 63 bits.

    Example:
        >>> step_seed(0, 1, 2) == step_seed(0, 1, 2), step_seed(0, 1, 2) == step_seed(0, 2, 1)
        (True, False)
    """
    words = np.random.SeedSequence([seed, step, stream]).generate_state(2, np.uint32)
    return (int(words[0]) << 31) ^ int(words[1])


def generator_for(seed: int, step: int, stream: int) -> torch.Generator:
    """A CPU generator for one use in one step.

    Args:
        seed: Seed of the run.
        step: Number of the step.
        stream: Which use it is for.

    Returns:
        A fresh generator.
    """
    return torch.Generator().manual_seed(step_seed(seed, step, stream))


def seed_dropout(seed: int, step: int, stream: int, device: torch.device) -> None:
    """Set the generator from which torch's dropout draws on a device.

    Args:
        seed: Seed of the run.
        step: Number of the step.
        stream: Which use it is for.
        device: Where the model lives.
    """
    number = step_seed(seed, step, stream)
    if device.type == "cpu":
        # `torch.manual_seed` also writes down for every absent kind of accelerator who called it.
        torch.default_generator.manual_seed(number)
    else:
        torch.manual_seed(number)
