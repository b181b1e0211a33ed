"""How much memory, time and decoded data one file of a user may cost."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

GIB = 1 << 30
FLOOR_BYTES = 256 << 20
BASE_GIB = 1.5
FILE_FACTOR = 4
BASE_SECONDS = 300
BYTES_PER_SECOND = 500_000


@dataclass(frozen=True)
class ReadLimits:
    """Limits of the process that reads files, and of what it may hand over.

    Args:
        memory_gib: Address space of that process in GiB; 0 stands for 1.5 GiB and 4 times the
            size of the file.
        max_expansion: Decoded bytes of the columns that are read, as a multiple of the size of
            the file; 256 MiB are allowed on top.
    """

    memory_gib: float = 0.0
    max_expansion: float = 100.0

    def memory_bytes(self, file_bytes: int) -> int:
        """Largest address space while reading a file.

        Args:
            file_bytes: Size of the file.

        Returns:
            Bytes.

        Example:
            >>> ReadLimits().memory_bytes(1 << 30) / (1 << 30)
            5.5
        """
        if self.memory_gib:
            return int(self.memory_gib * GIB)
        return int(BASE_GIB * GIB) + FILE_FACTOR * file_bytes

    def decoded_bytes(self, file_bytes: int) -> int:
        """Most bytes that the columns of a file may have when decoded.

        Args:
            file_bytes: Size of the file.

        Returns:
            Bytes.

        Example:
            >>> ReadLimits().decoded_bytes(1000)
            268535456
        """
        return FLOOR_BYTES + int(self.max_expansion * file_bytes)


def cpu_seconds(file_bytes: int) -> int:
    """Time of the processor that reading a file may take.

    Args:
        file_bytes: Size of the file.

    Returns:
        Seconds: 300, and one for each 500,000 bytes.

    Example:
        >>> cpu_seconds(1_000_000)
        302
    """
    return BASE_SECONDS + file_bytes // BYTES_PER_SECOND


def apply(memory_bytes: int, seconds: int) -> None:
    """Limit this process; where the system has no such limits (Windows), nothing happens.

    Args:
        memory_bytes: Address space.
        seconds: Time of the processor from now on.
    """
    try:
        import resource
    except ImportError:
        return
    usage = resource.getrusage(resource.RUSAGE_SELF)
    used = int(usage.ru_utime + usage.ru_stime) + 1
    for kind, value in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_CPU, used + seconds),
        (resource.RLIMIT_CORE, 0),
    ):
        # Never above what the caller's own limits allow.
        _, hard = resource.getrlimit(kind)
        lowest = value if hard == resource.RLIM_INFINITY else min(value, hard)
        # macOS knows the name of some limits and refuses to set them.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (lowest, hard))
