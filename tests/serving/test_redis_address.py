"""Addresses of Redis: what is none is refused, and no message repeats a password."""

from __future__ import annotations

import sys

import pytest

from unclicked.errors import UserError
from unclicked.serving.redis_state import RedisStore

HOUR = 3_600_000_000


@pytest.mark.parametrize(
    "url",
    [
        "", "memory", "http://:hunter2@host/0", "unix:///hunter2.sock", "hunter2@host:6379",
        "redis:/hunter2", "redis://", "redis:///0", "redis://:hunter2@:6379/0",
        "redis://:hunter#2@host:6379/0", "redis://u:hunter2@host:x/0", "redis://:hunter2@host:0/0",
        "redis://:hunter2@host:70000/0", "redis://:hunter2@host/first", "redis://:hunter2@host/0/1",
        "redis://:hunter2@[host/0", "redis://:hunter2@host/0?socket_timeout=99",
        "redis://:hunter2@host/0?ssl_ca_certs=a", "rediss://:hunter2@host/0?ssl_cert_reqs=none",
        "redis://:hunter2@host/\u0663",
    ],
)  # fmt: skip
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(UserError, match="expected") as caught:
        RedisStore.from_url(url, HOUR)
    assert "hunter" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_an_address_with_tls() -> None:
    pytest.importorskip("redis")
    from redis.asyncio import SSLConnection

    store = RedisStore.from_url("rediss://u:p@host/3?ssl_ca_certs=/a.pem", HOUR)
    pool = vars(store)["_client"].connection_pool
    assert pool.connection_class is SSLConnection
    kwargs = pool.connection_kwargs
    assert (kwargs["db"], kwargs["ssl_ca_certs"], kwargs["password"]) == (3, "/a.pem", "p")
    assert kwargs["socket_timeout"] == kwargs["socket_connect_timeout"] == 0.5


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    with pytest.raises(UserError, match=r'pip install "\.\[serve\]"'):
        RedisStore.from_url("redis://host/0", HOUR)
