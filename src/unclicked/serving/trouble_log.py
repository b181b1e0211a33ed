"""One line in the log where a store fails, and not one for every request."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

PAUSE_SECONDS = 10.0

Log = Callable[[str], None]


class TroubleLog:
    """Tells of a trouble at once, and of what follows at most every few seconds.

    Args:
        write: Takes a line with its end; stderr without.
        clock: Seconds, never going back.
    """

    def __init__(
        self,
        write: Callable[[str], object] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._write = write
        self._clock = clock
        self._next = -float("inf")
        self._untold = 0

    def __call__(self, text: str) -> None:
        """Tell, or count.

        Args:
            text: What happened, one sentence or two.

        Example:
            >>> now = [0.0]
            >>> log = TroubleLog(lambda line: print(line, end=""), lambda: now[0])
            >>> log("no answer."); log("no answer."); log("no answer.")
            no answer.
            >>> now[0] = 10.0
            >>> log("no answer.")
            no answer. (2 more since the last such line)
        """
        if self._clock() < self._next:
            self._untold += 1
            return
        more = f" ({self._untold} more since the last such line)" if self._untold else ""
        # Looked up at each line: a service may send its output elsewhere meanwhile.
        (self._write or sys.stderr.write)(f"{text}{more}\n")
        self._next, self._untold = self._clock() + PAUSE_SECONDS, 0
