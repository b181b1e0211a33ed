"""The process that decodes files of users: started when needed, and again after its death."""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import subprocess
import threading
from typing import IO

from unclicked.child_command import child_command

_CODE = "from unclicked.data.reader_child import main; main()"
STOP_SECONDS = 5.0


class ReaderProcess:
    """One child that reads files, one after the other.

    A decoder that crashes or takes all memory on a damaged file ends this child and not the
    process that asked. The child leaves by itself when nobody asked for a while; an owner that
    was forked starts a child of its own.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = os.getpid()

    @property
    def pid(self) -> int | None:
        """Number of the child's process; None where none runs."""
        process = self._process
        return None if process is None or self._owner != os.getpid() else process.pid

    def start(self) -> None:
        """Start the child where none runs; it loads while the caller goes on."""
        with self.lock:
            if self._owner != os.getpid():
                # The pipes of a fork belong to the parent's child.
                self._process, self._owner = None, os.getpid()
            if self._process is not None and self._process.poll() is None:
                return
            self.end(kill=True)
            self._process = subprocess.Popen(
                child_command(_CODE),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                # What other allocators reserve ahead would count against the limit of memory.
                env=os.environ | {"ARROW_DEFAULT_MEMORY_POOL": "system", "MALLOC_ARENA_MAX": "2"},
            )

    def send(self, line: str) -> IO[bytes]:
        """Ask for something.

        Args:
            line: The request, one line of JSON.

        Returns:
            Where the answer comes from.

        Raises:
            BrokenPipeError: The child is gone.
        """
        with self.lock:
            self.start()
            process = self._process
            if process is None or process.stdin is None or process.stdout is None:
                raise BrokenPipeError
            process.stdin.write(line.encode() + b"\n")
            process.stdin.flush()
            return process.stdout

    def interrupt(self) -> None:
        """End the child now, whoever reads its answer; that reader finds the answer cut off."""
        process = self._process
        if process is not None and self._owner == os.getpid():
            process.kill()

    def end(self, *, kill: bool = False) -> int | None:
        """Let the child end, and wait for it.

        Args:
            kill: End it now; else it is given time to end by itself.

        Returns:
            Its exit code, negative for a signal; 0 where there was none; None where it had to be
            killed.
        """
        with self.lock:
            process, self._process = self._process, None
            if process is None or self._owner != os.getpid():
                return 0
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    # What was not sent yet cannot be sent any more.
                    with contextlib.suppress(OSError):
                        pipe.close()
            if not kill:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    return process.wait(STOP_SECONDS)
            process.kill()
            process.wait()
            return None


def signal_name(code: int) -> str:
    """How a process ended, in words.

    Args:
        code: Exit code as Python gives it, negative for a signal.

    Returns:
        Name of the signal, or the exit code.

    Example:
        >>> signal_name(-11), signal_name(3)
        ('SIGSEGV', 'exit code 3')
    """
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


READER = ReaderProcess()


@atexit.register
def _stop() -> None:
    READER.end(kill=True)
