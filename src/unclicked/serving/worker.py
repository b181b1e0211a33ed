"""Where a worker begins: it starts the process that holds the model, and talks to clients."""

from __future__ import annotations

import ctypes
import gc
import signal
import sys
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp

_DEATH_SIGNAL = 1


def create() -> ASGIApp:
    """The service with the settings of the environment, as the server's workers call it.

    Returns:
        An ASGI application.
    """
    # A worker inherits a handler that only remembers; while libraries and models are loaded nobody
    # is served, so that there is nothing to wait for. The server sets its own before it answers.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    end_with_parent(signal.SIGINT)
    from unclicked.serving.connections import HELD
    from unclicked.serving.front import build_front, end_model, give_up, start_model
    from unclicked.serving.settings import Settings

    allow_connections(HELD)
    process, other = start_model()
    spare_collector()
    return build_front(
        Settings.read(), other, lost=partial(give_up, process), ended=partial(end_model, process)
    )


def spare_collector() -> None:
    """Let the collector of cycles look at what requests leave, not at libraries and models.

    A look at everything stops all threads for a tenth of a second, and under load it came often.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)


def allow_connections(number: int) -> None:
    """Let this process hold so many connections, where the system allows it.

    Args:
        number: How many.
    """
    try:
        import resource
    except ImportError:
        # Windows has no such limit.
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # Beside connections: libraries, the server's own threads, and the processes that it starts.
    wanted = number + 512 if hard == resource.RLIM_INFINITY else min(hard, number + 512)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def end_with_parent(number: int) -> None:
    """Let the system send this process a signal when its parent is gone, by whatever (Linux alone).

    Args:
        number: The signal; the server's SIGINT ends a worker without farewells.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DEATH_SIGNAL, number)
