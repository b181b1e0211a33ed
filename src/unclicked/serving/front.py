"""The process that talks to clients, put together, and the start of the one with the model."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from unclicked.child_command import child_command
from unclicked.serving.connections import Connections, idle_seconds
from unclicked.serving.forwarding import Forwarding
from unclicked.serving.guard import Guard
from unclicked.serving.leaving import Leaving
from unclicked.serving.metrics import Answered
from unclicked.serving.settings import Settings

_CODE = "from unclicked.serving.model_process import main; main(int(sys.argv[1]))"
END_SECONDS = 5.0
# Batches come in hundreds of shapes, and what oneDNN makes ready for each it keeps: 1,024 of them
# unless told otherwise, 100 MiB after 165,000 requests. With 64 it stays below 50, as fast.
_CACHE = {"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "64"}


def start_model() -> tuple[subprocess.Popen[bytes], socket.socket]:
    """Start the process that holds the model, and wait until it can answer.

    Returns:
        The process, and the connection to it.

    Raises:
        SystemExit: It ended before; its exit code is handed on, or 1 where a signal ended it.
    """
    here, there = socket.socketpair()
    with there:
        handle = there.fileno()
        process = subprocess.Popen(
            child_command(_CODE, str(handle)),
            stdin=subprocess.DEVNULL,
            pass_fds=[handle],
            env={**_CACHE, **os.environ},
        )
    if not here.recv(1):
        here.close()
        code = process.wait()
        # What it says by its exit code is understood by whoever started all this.
        if code > 0:
            sys.exit(code)
        # It had no time to say anything, as where the system lacked memory.
        sys.stderr.write(_lost(code))
        sys.exit(1)
    return process, here


def build_front(
    settings: Settings,
    other: socket.socket,
    *,
    lost: Callable[[], None],
    ended: Callable[[], None] = lambda: None,
) -> ASGIApp:
    """What clients talk to.

    Args:
        settings: What the service was started with.
        other: A connection to the process that holds the model.
        lost: Called when that process is gone, though nobody asked it to end.
        ended: Called at the end, when the connection is closed.

    Returns:
        An ASGI application.
    """
    answered, leaving = Answered(), Leaving(settings.port)
    # One batch is computed while the queue waits; who sends several users finds the queue later.
    most = settings.queue + settings.max_batch
    forwarding = Forwarding(most, settings.max_body_kib * 1024, answered, lost)
    guard = Guard(forwarding, lambda: forwarding.full, answered, leaving)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await guard(scope, receive, send)
            return
        await receive()
        leaving.listen()
        idle = idle_seconds(settings.timeout_seconds)
        watch = asyncio.create_task(Connections(settings.port, idle_seconds=idle).watch())
        await forwarding.connect(other)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        watch.cancel()
        forwarding.close()
        await asyncio.to_thread(ended)
        await send({"type": "lifespan.shutdown.complete"})

    return app


def end_model(process: subprocess.Popen[bytes]) -> None:
    """Wait for the process of the model after its connection was closed; it is given some seconds.

    Args:
        process: The process.
    """
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def give_up(process: subprocess.Popen[bytes]) -> None:
    """End this process too, as one that failed, when the model's is gone.

    Args:
        process: The process that was lost.
    """
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(1)
    sys.stderr.write(_lost(process.returncode))
    # Whoever was answered a moment ago shall have read it.
    asyncio.get_running_loop().call_later(0.2, os._exit, 1)


def _lost(code: int | None) -> str:
    advice = " A signal of -9 often means that memory ran out." if code == -9 else ""
    return f"error[SERVE-MODEL] the process of the model ended ({code}).{advice}\n"
