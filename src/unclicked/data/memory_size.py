"""Sizes of memory as people write them."""

from __future__ import annotations

import re

from unclicked.errors import UserError

_UNITS = {"mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40}
_UNITS |= {"mb": 10**6, "gb": 10**9, "tb": 10**12}
_SIZE = re.compile(r"\s*([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*([A-Za-z]{2,3})\s*")
# Python, the compiled functions and the process that decodes files take most of it.
LEAST = 512 << 20


def memory_bytes(text: str) -> int:
    """Bytes of a size.

    Args:
        text: A number with a unit: MiB, GiB or TiB, or MB, GB or TB.

    Returns:
        Bytes.

    Raises:
        UserError: If it is no such size, or less than 512 MiB.

    Example:
        >>> memory_bytes("1.5GiB") == 1536 * 2**20
        True
    """
    found = _SIZE.fullmatch(text)
    unit = None if found is None else _UNITS.get(found[2].lower())
    size = 0 if found is None or unit is None else int(float(found[1]) * unit)
    if size < LEAST:
        raise UserError(
            "MEMORY-SIZE",
            f"--memory {text[:40]}",
            "expected a size of at least 512MiB, such as 1GiB or 1500MB.",
        )
    return size
