"""Start the server: settings checked first, then worker processes that answer until told to end."""

from __future__ import annotations

import os
import signal
import socket
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from unclicked import artefact
from unclicked.errors import UserError
from unclicked.sealed import BUNDLE, BUNDLE_KIND, DATASET, refuse_mistaken
from unclicked.serving.access_log import FORMAT, logging_with_lines
from unclicked.serving.connections import HELD
from unclicked.serving.settings import FIGURES, Settings

APP = "unclicked.serving.worker:create"
HEADER_SECONDS = 10
GRACE_SECONDS = 20


def check(settings: Settings) -> None:
    """Refuse, before anything is started, what could not work.

    Args:
        settings: What the service is to be started with.

    Raises:
        UserError: If something is no bundle, `state` is no address of Redis, options do not go
            together, or the port is taken.
        ArtefactError: If a bundle is broken.
    """
    for path in filter(None, (settings.bundle, settings.beside)):
        refuse_mistaken(Path(path), BUNDLE)
        artefact.verify(Path(path), BUNDLE_KIND)
    if settings.examples is not None:
        refuse_mistaken(Path(settings.examples), DATASET)
    if settings.state != "memory":
        # Late: it brings the library with it, which this process does not need.
        from unclicked.serving.redis_state import RedisStore

        RedisStore.from_url(settings.state, 1)
    elif settings.workers > 1:
        raise UserError(
            "SERVE-STATE",
            f"--workers {settings.workers}",
            "several workers would each keep other events. Give --state redis://HOST:PORT/0, or "
            "--workers 1.",
        )
    address = address_of(settings.host)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind((address, settings.port))
        except OSError as error:
            where = f"{settings.host}:{settings.port}"
            raise UserError(
                "SERVE-PORT",
                where,
                f"cannot be listened on ({error.strerror}). Choose another --host or --port.",
            ) from None


def address_of(host: str) -> str:
    """The address that a name of this machine stands for; the server takes no names.

    Args:
        host: A name or an address.

    Returns:
        An address of IPv4, or of IPv6 where there is no other.

    Raises:
        UserError: Nobody knows the name.

    Example:
        >>> address_of("127.0.0.1"), address_of("::1")
        ('127.0.0.1', '::1')
    """
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UserError(
            "SERVE-HOST",
            f"--host {host}",
            f"is no address of this machine ({reason}). Give one, such as 127.0.0.1 or 0.0.0.0.",
        ) from None
    addresses = [str(where[0]) for _, _, _, _, where in found]
    return next((one for one in addresses if ":" not in one), addresses[0])


def _stay(*_: object) -> None:
    """A handler that does nothing, and that child processes do not inherit."""


def serve(settings: Settings, begun: Callable[[], None] = lambda: None) -> None:
    """Serve until SIGTERM or SIGINT; requests that were taken are answered first.

    Args:
        settings: What to serve and how.
        begun: Called when nothing speaks against the start any more.
    """
    from granian import Granian
    from granian.constants import Interfaces, Loops
    from granian.http import HTTP1Settings

    check(settings)
    begun()
    settings.publish()
    with ExitStack() as stack:
        if settings.workers > 1:
            # Nothing here has imported what counts: it looks at this once, when it is imported.
            os.environ[FIGURES] = stack.enter_context(tempfile.TemporaryDirectory())
        server = Granian(
            APP,
            factory=True,
            address=address_of(settings.host),
            port=settings.port,
            interface=Interfaces.ASGI,
            loop=Loops.asyncio,
            workers=settings.workers,
            websockets=False,
            backpressure=HELD,
            http1_settings=HTTP1Settings(header_read_timeout=HEADER_SECONDS * 1000),
            workers_kill_timeout=GRACE_SECONDS,
            log_access=settings.access_log,
            log_access_format=FORMAT,
            log_dictconfig=logging_with_lines(),
            log_enabled=settings.log != "none",
            process_name=None,
        )
        # A hangup would have the server start its workers anew, with nobody to answer meanwhile;
        # a new bundle is seen without one.
        if hasattr(signal, "SIGHUP"):
            server.on_startup(lambda: signal.signal(signal.SIGHUP, _stay))
        sys.stdout.flush()
        server.serve()
