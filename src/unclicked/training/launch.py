"""Which of several processes this one is, as torchrun tells; knows without torch."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from unclicked.errors import UserError


@dataclass(frozen=True)
class Place:
    """A process among those that train together.

    Attributes:
        number: Its rank, from 0.
        count: How many there are.
        local: Its number on its own machine, from 0.
    """

    number: int = 0
    count: int = 1
    local: int = 0


def place_of(environment: Mapping[str, str] | None = None) -> Place:
    """Read what torchrun tells a process.

    Args:
        environment: Variables; those of the process without.

    Returns:
        The place; the only process where nothing is told.

    Raises:
        UserError: If what is told cannot be.

    Example:
        >>> place_of({"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1"})
        Place(number=3, count=4, local=1)
        >>> place_of({})
        Place(number=0, count=1, local=0)
    """
    told = os.environ if environment is None else environment
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK")
    if any(name not in told for name in names):
        return Place()
    texts = [told[name] for name in names]
    numbers = [int(text) if text.isdecimal() else -1 for text in texts]
    number, count, local = numbers
    if not (0 <= local <= number < count):
        found = ", ".join(f"{name}={text[:20]}" for name, text in zip(names, texts, strict=True))
        raise UserError(
            "RANKS", "environment", f"found {found}, which cannot be. Start it with torchrun."
        )
    return Place(number, count, local)


def is_first() -> bool:
    """Whether this process is the one that writes and talks.

    Returns:
        True for rank 0, and for a process on its own.

    Raises:
        UserError: If what torchrun tells cannot be.
    """
    return place_of().number == 0


def device_name(device: str, place: Place) -> str:
    """Where a process trains, so that those of one machine do not share a GPU.

    Args:
        device: What was asked for: cpu, cuda or cuda:1.
        place: The process.

    Returns:
        The same, with a number of its own for cuda.

    Raises:
        UserError: If several processes are to use one GPU.

    Example:
        >>> device_name("cuda", Place(number=3, count=4, local=1))
        'cuda:1'
    """
    if place.count == 1 or not device.startswith("cuda"):
        return device
    if device != "cuda":
        raise UserError(
            "RANKS",
            f"--device {device}",
            f"found one GPU for {place.count} processes. Give --device cuda: each takes its own.",
        )
    return f"cuda:{place.local}"
