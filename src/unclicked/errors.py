"""Errors that a user can act on, each with the exit code that the command line returns."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager


class UnclickedError(Exception):
    """An error with one line for the user: where, what was found, what was expected, what to do.

    Args:
        name: Short upper-case name of the kind of error, such as `DATA-COLUMN`.
        where: File, row, column, key or tensor that is concerned; may be empty.
        message: What was found, what was expected and what to do, without a line break.

    Example:
        >>> print(UserError("DATA-CLICKED", "log.csv:7", "found 2, expected 0 or 1."))
        error[DATA-CLICKED] log.csv:7: found 2, expected 0 or 1.
    """

    exit_code = 1

    def __init__(self, name: str, where: str, message: str) -> None:
        self.name = name
        self.where = where
        self.message = message
        prefix = f"error[{name}] {where}".rstrip()
        # A name from a file may hold line breaks; the message is one line all the same.
        super().__init__(" ".join(f"{prefix}: {message}".splitlines()))


class UserError(UnclickedError):
    """Input, an option or a configuration that the user can correct (exit code 2)."""

    exit_code = 2


class ArtefactError(UnclickedError):
    """A file or folder that is broken, foreign or does not fit (exit code 3)."""

    exit_code = 3


class ResourceError(UnclickedError):
    """Not enough disk or memory (exit code 4)."""

    exit_code = 4


class NumericError(UnclickedError):
    """NaN or Inf where a finite number was needed (exit code 5)."""

    exit_code = 5


class BusyError(UnclickedError):
    """Another process is writing to the same directory (exit code 75)."""

    exit_code = 75


class UnclickedWarning(UserWarning):
    """Something that a caller of the Python interface should read, and nothing that stops."""


def command(*words: object) -> str:
    """A command of ours as a person can paste it into a shell.

    Args:
        *words: Verb, options and paths; whatever a shell would split or read otherwise is quoted.

    Returns:
        One line.

    Example:
        >>> command("train", "my data", "--out", "RUN")
        "unclicked train 'my data' --out RUN"
    """
    return shlex.join(["unclicked", *map(str, words)])


@contextmanager
def enough_memory(stage: str, advice: str) -> Iterator[None]:
    """Say where memory ran out, whichever library noticed it.

    Args:
        stage: What was being done.
        advice: What to do, such as a setting to lower.

    Yields:
        Nothing.

    Raises:
        ResourceError: If memory ran out in the block.

    Example:
        >>> with enough_memory("step 3", "Lower it."):
        ...     raise MemoryError
        Traceback (most recent call last):
        unclicked.errors.ResourceError: error[MEMORY] step 3: not enough memory. Lower it.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not out_of_memory(error):
            raise
        raise ResourceError("MEMORY", stage, f"not enough memory. {advice}") from None


def out_of_memory(error: Exception) -> bool:
    """Whether an error says that memory ran out.

    Args:
        error: What was raised; torch has no class of its own for it on a CPU.

    Returns:
        True if so.

    Example:
        >>> out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory: ..."))
        True
    """
    texts = ("can't allocate memory", "out of memory", "not enough memory", "bad_alloc")
    return isinstance(error, MemoryError) or any(text in str(error) for text in texts)
