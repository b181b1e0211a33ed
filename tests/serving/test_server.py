"""The service as a process: what it refuses to start with, and how it ends."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest
from tests.serving.recommending_asked import ago
from tests.serving.redis_state_server import RedisServer, redis_server
from tests.serving.server_running import free_port, running, service

from unclicked.bundle import contents
from unclicked.cli.main import run
from unclicked.errors import ArtefactError, UserError
from unclicked.run import open_run
from unclicked.serving.server import check
from unclicked.serving.settings import VARIABLE, Settings

__all__ = ["redis_server"]


def asked(url: str, body: Any) -> Any:
    """The answer to a body of /recommend."""
    request = urllib.request.Request(
        f"{url}/recommend", json.dumps(body).encode(), {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bundle": "RUN"}, "is a run, not a bundle"),
        ({"bundle": "nowhere"}, "is not there, expected the folder of a bundle"),
        ({"beside": "nowhere"}, "is not there"),
        ({"state": "http://127.0.0.1/0"}, "redis"),
        ({"workers": 2}, "several workers would each keep other events"),
        ({"port": 0}, ""),
        ({"host": "no.such.name.invalid"}, "is no address of this machine"),
        ({"host": ""}, "is no address of this machine"),
        ({"host": "a" * 300}, "is no address of this machine"),
    ],
)
def test_what_cannot_work_is_refused_before_the_start(
    tiny_bundle: Path, tiny_run: Path, changes: dict[str, Any], message: str
) -> None:
    given = {"bundle": str(tiny_bundle), "port": free_port()} | changes
    if given["bundle"] == "RUN":
        given["bundle"] = str(tiny_run)
    with socket.socket() as taken:
        if given["port"] == 0:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            given["port"] = taken.getsockname()[1]
            message = "cannot be listened on"
        with pytest.raises(UserError, match=message):
            check(Settings(**given))


def test_a_broken_bundle_is_not_served(tiny_bundle: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_bundle, tmp_path / "bundle"))
    (folder / contents.WEIGHTS).write_bytes(b"x" * 9)
    with pytest.raises(ArtefactError, match=contents.WEIGHTS):
        check(Settings(bundle=str(folder), port=free_port()))


def test_sigterm_loses_no_request_and_ends_well(tiny_bundle: Path, tiny_run: Path) -> None:
    ids = open_run(tiny_run).catalogue.items.values.to_pylist()
    done, lost = [], []

    with service(tiny_bundle, "--watch-seconds", "0") as one:

        def ask() -> None:
            while True:
                try:
                    done.append(asked(one.url, {"clicked": ids[:3]}))
                except URLError as error:
                    # A new connection after the door was closed is refused, not lost.
                    if not isinstance(error.reason, ConnectionRefusedError):
                        lost.append(error)
                    return

        clients = [threading.Thread(target=ask) for _ in range(4)]
        for client in clients:
            client.start()
        time.sleep(1.5)
        one.process.send_signal(signal.SIGTERM)
        for client in clients:
            client.join(30)
        assert one.process.wait(30) == 0
    assert len(done) > 20
    assert lost == []


def test_it_listens_on_a_name_and_a_hangup_changes_nothing(
    tiny_bundle: Path, tiny_run: Path
) -> None:
    first = open_run(tiny_run).catalogue.items.values[0].as_py()
    with service(tiny_bundle, "--host", "localhost") as one:
        before = asked(one.url, {"clicked": [first]})["items"]
        for _ in range(3):
            one.process.send_signal(signal.SIGHUP)
            until = time.monotonic() + 0.5
            while time.monotonic() < until:
                assert asked(one.url, {"clicked": [first]})["items"] == before
        assert one.process.poll() is None


def test_an_address_that_is_too_long_is_refused_as_described(tiny_bundle: Path) -> None:
    def status(line: str) -> tuple[int, bytes]:
        with socket.create_connection(("127.0.0.1", one.port), timeout=20) as client:
            client.sendall(f"{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            head, _, body = b"".join(iter(lambda: client.recv(4096), b"")).partition(b"\r\n\r\n")
        return int(head.split()[1]), body

    with service(tiny_bundle) as one:
        with urllib.request.urlopen(f"{one.url}/openapi.json", timeout=20) as answer:
            described = json.load(answer)
        longer, shorter = "a" * 65_600, "a" * 60_000
        for method, path in (("GET", "/items"), ("GET", "/model"), ("POST", "/recommend")):
            assert status(f"{method} {path}?query={longer}") == (414, b"")
            assert status(f"{method} {path}?query={shorter}")[0] != 414
            assert "414" in described["paths"][path][method.lower()]["responses"]
        assert "content" not in described["paths"]["/items"]["get"]["responses"]["414"]


def test_sigterm_while_models_are_loaded_ends_at_once(tiny_bundle: Path) -> None:
    command = [sys.executable, "-m", "unclicked", "serve", str(tiny_bundle)]
    command += ["--port", str(free_port())]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        said = next((line for line in process.stdout if "Spawning worker" in line), "")
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0
    assert said


def test_a_state_that_does_not_answer_is_told_at_the_start(
    tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # The server itself is not started: what is said before is what counts here.
    monkeypatch.setenv(VARIABLE, "")
    monkeypatch.setattr("granian.Granian.serve", lambda self: None)
    port = str(free_port())
    words = ["serve", str(tiny_bundle), "--port", port, "--state", "redis://:hunter2@127.0.0.1:1/0"]
    assert run(words) == 0
    told = capsys.readouterr().err.splitlines()
    assert told[0].startswith("page: http://127.0.0.1:")
    assert told[1].startswith("warning: Redis at 127.0.0.1:1 does not answer (ConnectionError).")
    assert told[1].endswith("answer 503; other requests are answered.")
    assert "hunter2" not in told[1]
    assert len(told) == 2


@pytest.mark.slow
def test_no_worker_outlives_its_parent(tiny_bundle: Path) -> None:
    with service(tiny_bundle) as one:
        one.process.kill()
        until = time.monotonic() + 5
        while time.monotonic() < until:
            try:
                urllib.request.urlopen(f"{one.url}/health", timeout=1).close()
            except URLError:
                break
            time.sleep(0.1)
        else:
            pytest.fail("a worker goes on")


@pytest.mark.slow
def test_two_workers_share_redis_and_count_together(
    tiny_bundle: Path, tiny_run: Path, redis_server: RedisServer
) -> None:
    ids = open_run(tiny_run).catalogue.items.values.to_pylist()
    with running(tiny_bundle, "--workers", "2", "--state", redis_server.url) as url:
        event = {"item_id": ids[3], "timestamp": ago(hours=1), "clicked": True}
        body = json.dumps({"user_id": "anna", "events": [event]}).encode()
        kind = {"content-type": "application/json"}
        urllib.request.urlopen(urllib.request.Request(f"{url}/events", body, kind)).close()
        ask = {"user_id": "anna", "now": ago(minutes=50), "explain": True}
        for _ in range(20):
            assert asked(url, ask)["explain"]["clicked"] == [ids[3]]
        with urllib.request.urlopen(f"{url}/metrics") as answer:
            text = answer.read().decode()
        assert 'unclicked_requests_total{route="/recommend",status="200"} 20.0' in text
