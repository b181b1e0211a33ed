"""Progress on stderr for people at a terminal; silence for everybody else."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Bar(Protocol):
    """Something that can be told of progress."""

    def advance(self, amount: int = 1, note: str = "") -> None:
        """Move on.

        Args:
            amount: Units of work done since the last call.
            note: What to show beside the bar.
        """


class Note(str):
    """A line among those that tell of progress which a person should read wherever it goes."""

    __slots__ = ()


class _Silent:
    def advance(self, amount: int = 1, note: str = "") -> None:
        """Say nothing."""


def silent() -> Bar:
    """A bar that says nothing, for work inside work that is shown.

    Returns:
        The bar.
    """
    return _Silent()


@contextmanager
def bar(title: str, total: int, done: int = 0) -> Iterator[Bar]:
    """A progress bar with the time left, where stderr is a terminal.

    Args:
        title: What is being done.
        total: Units of work.
        done: Units that were done before.

    Yields:
        The bar.
    """
    if not sys.stderr.isatty():
        yield _Silent()
        return
    # Imported late: a pipe or a service never needs it.
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(title, total=total, completed=done, note="")

        class _Shown:
            def advance(self, amount: int = 1, note: str = "") -> None:
                progress.update(task, advance=amount, note=note)

        yield _Shown()
