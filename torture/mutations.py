"""Ways in which the bytes of a file can go wrong."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Mutation = Callable[[bytes, np.random.Generator], bytes | None]


def flip_bit(content: bytes, rng: np.random.Generator) -> bytes:
    """One bit turned over."""
    place = int(rng.integers(len(content)))
    changed = content[place] ^ 1 << int(rng.integers(8))
    return content[:place] + bytes([changed]) + content[place + 1 :]


def overwrite(content: bytes, rng: np.random.Generator) -> bytes:
    """Up to 64 bytes of noise in the place of others."""
    begin, size = int(rng.integers(len(content))), int(rng.integers(1, 65))
    size = min(size, len(content) - begin)
    return content[:begin] + rng.bytes(size) + content[begin + size :]


def zero(content: bytes, rng: np.random.Generator) -> bytes:
    """A block of 512 bytes that was never written."""
    begin = int(rng.integers(len(content))) // 512 * 512
    return content[:begin] + bytes(len(content[begin : begin + 512])) + content[begin + 512 :]


def truncate(content: bytes, rng: np.random.Generator) -> bytes:
    """Cut anywhere, to nothing at worst."""
    return content[: int(rng.integers(len(content)))]


def extend(content: bytes, rng: np.random.Generator) -> bytes:
    """More at the end."""
    return content + rng.bytes(int(rng.integers(1, 200)))


def leave_out(content: bytes, rng: np.random.Generator) -> bytes:
    """Some bytes gone in the middle."""
    begin, size = int(rng.integers(len(content))), int(rng.integers(1, 33))
    return content[:begin] + content[begin + size :]


def twice(content: bytes, rng: np.random.Generator) -> bytes:
    """Some bytes repeated."""
    begin, size = int(rng.integers(len(content))), int(rng.integers(1, 33))
    return content[: begin + size] + content[begin:]


def digit(content: bytes, rng: np.random.Generator) -> bytes:
    """Another digit in the place of one: what stays readable in a text file."""
    places = [place for place, byte in enumerate(content) if 48 <= byte <= 57]
    if not places:
        return flip_bit(content, rng)
    place = places[int(rng.integers(len(places)))]
    changed = 48 + (content[place] - 48 + int(rng.integers(1, 10))) % 10
    return content[:place] + bytes([changed]) + content[place + 1 :]


def lose(content: bytes, rng: np.random.Generator) -> None:
    """The file is gone."""
    return


MUTATIONS: list[Mutation] = [
    flip_bit, overwrite, zero, truncate, extend, leave_out, twice, digit, lose,
]  # fmt: skip
