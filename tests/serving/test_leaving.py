"""The door is closed to newcomers alone."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys

import pytest

from unclicked.serving.leaving import Leaving, close_door


@pytest.mark.skipif(sys.platform != "linux", reason="the system must tell its sockets")
def test_newcomers_are_not_heard_and_whoever_is_in_gets_through() -> None:
    with socket.socket() as door, socket.socket() as other:
        for one in (door, other):
            one.bind(("127.0.0.1", 0))
            one.listen()
        address = door.getsockname()
        with socket.create_connection(address) as waiting:
            waiting.sendall(b"in time")
            assert close_door(address[1]) == 1
            accepted, _ = door.accept()
            with accepted:
                assert accepted.recv(9) == b"in time"
                accepted.sendall(b"answer")
                assert waiting.recv(9) == b"answer"
            with pytest.raises(TimeoutError):
                socket.create_connection(address, timeout=0.3)
        # Another port of the same process is nobody's concern.
        socket.create_connection(other.getsockname(), timeout=5).close()


def test_sigterm_asks_to_hang_up_and_the_server_s_own_signal_follows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("unclicked.serving.leaving.SECONDS", 0.05)
    ended = []

    async def live() -> bool:
        leaving = Leaving(1)
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, ended.append, True)
        leaving.listen()
        before = leaving.begun
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(0.02)
        assert (before, leaving.begun, ended) == (False, True, [])
        await asyncio.sleep(0.2)
        loop.remove_signal_handler(signal.SIGINT)
        loop.remove_signal_handler(signal.SIGTERM)
        return leaving.begun

    assert asyncio.run(live()) is True
    assert ended == [True]
