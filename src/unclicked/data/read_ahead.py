"""Read files in a thread of their own, some rows ahead of whoever works on them."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from queue import Full, Queue

from unclicked.data.log_columns import ColumnPlan
from unclicked.data.raw_file import RawFile
from unclicked.data.reader import FileEnd, stream_file
from unclicked.data.reader_limits import ReadLimits
from unclicked.data.reader_process import READER

AHEAD = 4
POLL_SECONDS = 0.1

Piece = tuple[int, RawFile | FileEnd]


class _UnwantedError(Exception):
    """Nobody wants the rest."""


def read_ahead(plans: Sequence[ColumnPlan], limits: ReadLimits) -> Iterator[Piece]:
    """Rows of all files, in order; decoding goes on while the caller works.

    Args:
        plans: Files and columns.
        limits: Limits of the child process.

    Yields:
        Place of the file among the plans, with its next rows, or with its account after the last.

    Raises:
        UserError: A CSV file whose lines cannot be told apart.
        ArtefactError: A Parquet file that cannot be decoded.
        ResourceError: One needed more memory or time than allowed.
    """
    reading = _Reading(plans, limits)
    reading.start()
    try:
        while (item := reading.queue.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        reading.end()


class _Reading(threading.Thread):
    """The thread that reads; what it puts into the queue ends with None or with an error."""

    def __init__(self, plans: Sequence[ColumnPlan], limits: ReadLimits) -> None:
        super().__init__(name="reading ahead", daemon=True)
        self._plans, self._limits = plans, limits
        self._unwanted = threading.Event()
        self.queue: Queue[Piece | BaseException | None] = Queue(AHEAD)

    def run(self) -> None:
        """Read all files, unless nobody wants the rest."""
        with suppress(_UnwantedError):
            try:
                for place, plan in enumerate(self._plans):
                    end = stream_file(plan, self._limits, partial(self._put_rows, place))
                    self._put((place, end))
                last = None
            except _UnwantedError:
                raise
            except BaseException as error:
                last = error
            self._put(last)

    def _put_rows(self, place: int, raw: RawFile) -> None:
        self._put((place, raw))

    def _put(self, item: Piece | BaseException | None) -> None:
        while not self._unwanted.is_set():
            with suppress(Full):
                self.queue.put(item, timeout=POLL_SECONDS)
                return
        raise _UnwantedError

    def end(self) -> None:
        """Wait for the thread; what it still reads is not wanted any more."""
        self._unwanted.set()
        # Done, or woken from waiting for the queue.
        self.join(2 * POLL_SECONDS)
        if self.is_alive():
            # It waits for a decoder that takes long.
            READER.interrupt()
        self.join()
