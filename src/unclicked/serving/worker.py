"""Where a worker process begins: it can be ended at any moment until it answers."""

from __future__ import annotations

import ctypes
import gc
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp

_DEATH_SIGNAL = 1
# How long the loop waits for its turn while the computing thread holds the interpreter. Under
# overload 1 ms gave 100 and 90 % of the peak's useful answers, the usual 5 ms 51 and 71 % (two
# rounds each, on a busy machine).
_TURN_SECONDS = 0.001


def create() -> ASGIApp:
    """The service with the settings of the environment, as the server's workers call it.

    Returns:
        An ASGI application.
    """
    # A worker inherits a handler that only remembers; while libraries and models are loaded nobody
    # is served, so that there is nothing to wait for. The server sets its own before it answers.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _end_with_parent()
    from unclicked.errors import UnclickedError
    from unclicked.serving.app import build
    from unclicked.serving.settings import Settings

    try:
        app = build(Settings.read())
    except UnclickedError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_code)
    _spare_collector()
    sys.setswitchinterval(_TURN_SECONDS)
    return app


def _spare_collector() -> None:
    """Let the collector of cycles look at what requests leave, not at libraries and models.

    A look at everything stops all threads for a tenth of a second, and under load it came often.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)


def _end_with_parent() -> None:
    """Let the system end this worker, without farewells, when its parent is gone by SIGKILL."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGINT)
