"""The verb `serve`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unclicked.cli import shared
from unclicked.errors import UserError


def serve(
    bundle: Annotated[Path, typer.Argument(help="A bundle, as `unclicked export` makes one.")],
    beside: Annotated[
        Path | None, typer.Option(help="A second bundle, shown beside the first on the page.")
    ] = None,
    examples: Annotated[
        Path | None, typer.Option(help="A prepared data set whose test users the page offers.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 8000,
    workers: Annotated[
        int, typer.Option(help="Worker processes; more than one needs Redis.", min=1)
    ] = 1,
    threads: Annotated[int, typer.Option(help="Threads for arithmetic in each worker.", min=1)] = 1,
    state: Annotated[
        str,
        typer.Option(
            envvar="UNCLICKED_STATE",
            help="Where users' events are kept: memory, or redis://HOST:PORT/N.",
        ),
    ] = "memory",
    max_users: Annotated[
        int, typer.Option(help="Users kept in memory; one more drops the longest unasked.", min=1)
    ] = 20_000,
    queue: Annotated[
        int, typer.Option(help="Users that may wait; more are refused with 503.", min=1)
    ] = 256,
    max_batch: Annotated[int, typer.Option(help="Users computed together at most.", min=1)] = 64,
    timeout_seconds: Annotated[
        float, typer.Option(help="How long a request may wait before it is refused.", min=0.01)
    ] = 2.0,
    watch_seconds: Annotated[
        float, typer.Option(help="Seconds between looks for a new bundle; 0 never looks.", min=0)
    ] = 1.0,
    max_body: Annotated[int, typer.Option(help="Largest body in KiB.", min=1, max=65536)] = 64,
    access_log: Annotated[
        bool, typer.Option("--access-log", help="Write a line of JSON on stdout for each request.")
    ] = False,
) -> None:
    """Serve a model over HTTP: an API, its reference at /docs, and a page at /.

    A new bundle under the same name, exported there or linked, is checked and takes over by
    itself; a bad one changes nothing. SIGTERM answers what was asked and then ends.

    Example: unclicked serve bundle --port 8000
    """
    import importlib.util

    lacking = [
        name
        for name in ("granian", "starlette", "prometheus_client")
        if importlib.util.find_spec(name) is None
    ]
    if lacking:
        raise UserError(
            "EXTRA",
            ", ".join(lacking),
            "is not installed. Install the extra: pip install '.[serve]'",
        )
    from unclicked.serving.server import serve as run
    from unclicked.serving.settings import Settings

    settings = Settings(
        bundle=str(bundle),
        beside=None if beside is None else str(beside),
        examples=None if examples is None else str(examples),
        host=host,
        port=port,
        workers=workers,
        threads=threads,
        state=state,
        max_users=max_users,
        queue=queue,
        max_batch=max_batch,
        timeout_seconds=timeout_seconds,
        watch_seconds=watch_seconds,
        max_body_kib=max_body,
        access_log=access_log,
    )
    shown = f"[{host}]" if ":" in host else host
    where = f"page: http://{shown}:{port}/   reference: http://{shown}:{port}/docs"

    def begun() -> None:
        typer.echo(where, err=True)
        _warn_of_state(state)

    run(settings, begun)


def _warn_of_state(state: str) -> None:
    """Say at once what would otherwise be seen by /ready and by 503s alone.

    The service starts all the same: lists and raw events need no kept ones, and after an outage
    the store may well come up after the service. It is asked anew for each request.
    """
    if state == "memory":
        return
    from unclicked.serving.redis_state import trouble_at

    if trouble := trouble_at(state):
        shared.warn(
            f"{trouble} Until it answers, /ready and requests with a user_id answer 503; other "
            "requests are answered."
        )
