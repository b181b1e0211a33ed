"""Who says nothing or reads nothing is cut; everybody else is left alone."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from unclicked.serving.connections import Connections

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="asks Linux")


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as one:
        yield one


def pair(
    stack: ExitStack, listener: socket.socket, buffer: int = 0
) -> tuple[socket.socket, socket.socket]:
    """A client and the service's end of its connection."""
    client = stack.enter_context(socket.socket())
    if buffer:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    client.connect(listener.getsockname())
    server = stack.enter_context(listener.accept()[0])
    client.settimeout(2)
    return client, server


def is_open(client: socket.socket) -> bool:
    client.setblocking(False)
    try:
        return client.recv(1) != b""
    except BlockingIOError:
        return True
    except ConnectionResetError:
        return False


def test_who_says_nothing_is_cut_and_who_said_something_is_not(stack: ExitStack) -> None:
    listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    other = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    silent, _ = pair(stack, listener)
    spoke, spoken = pair(stack, listener)
    elsewhere, _ = pair(stack, other)
    spoke.sendall(b"G")
    connections = Connections(listener.getsockname()[1], silent_seconds=0.3)
    assert connections.look() == 0
    time.sleep(0.5)
    late, _ = pair(stack, listener)
    assert connections.look() == 1
    assert [is_open(one) for one in (silent, spoke, elsewhere, late)] == [False, True, True, True]
    assert spoken.recv(1) == b"G"
    # The one that listens goes on.
    pair(stack, listener)


def test_who_reads_nothing_is_cut_and_who_reads_slowly_is_not(stack: ExitStack) -> None:
    listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    stuck, to_stuck = pair(stack, listener, 2048)
    slow, to_slow = pair(stack, listener, 2048)
    for client, server in ((stuck, to_stuck), (slow, to_slow)):
        client.sendall(b"G")
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            while True:
                server.send(b"x" * 65536)
    connections = Connections(listener.getsockname()[1], unread_seconds=0.6)
    ended = 0
    for _ in range(8):
        ended += connections.look()
        for _ in range(20):
            slow.recv(4096)
        time.sleep(0.2)
    assert ended == 1
    with pytest.raises(OSError, match=r"Broken pipe|reset"):
        to_stuck.send(b"x")
    assert len(slow.recv(100)) == 100


def test_who_was_answered_and_asks_nothing_is_cut_sooner_in_a_crowd(stack: ExitStack) -> None:
    listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    three = [pair(stack, listener) for _ in range(3)]
    for client, server in three:
        client.sendall(b"G")
        assert server.recv(1) == b"G"
        server.sendall(b"x")
        assert client.recv(1) == b"x"
    (idle, _), (asking, asked), (waiting, to_answer) = three
    time.sleep(0.05)
    waiting.sendall(b"G")
    assert to_answer.recv(1) == b"G"
    port = listener.getsockname()[1]
    calm = Connections(port, idle_seconds=(60.0, 0.3), crowd=4)
    crowded = Connections(port, idle_seconds=(60.0, 0.3), crowd=3)
    time.sleep(0.5)
    asking.sendall(b"G")
    assert asked.recv(1) == b"G"
    assert [calm.look() for _ in range(3)] == [0, 0, 0]
    # The first look counts, the second one knows that there are many.
    assert [crowded.look() for _ in range(2)] == [0, 1]
    # Whoever waits for an answer is left alone.
    assert [is_open(one) for one in (idle, asking, waiting)] == [False, True, True]
