"""Addresses of Redis, as a user gives them."""

from __future__ import annotations

from urllib.parse import SplitResult, parse_qsl, urlsplit

from unclicked.errors import UserError

TLS_OPTIONS = {"ssl_ca_certs", "ssl_certfile", "ssl_keyfile"}


def checked(url: str) -> SplitResult:
    """The parts of an address; no message repeats any of it, since it may hold a password.

    Args:
        url: What was given.

    Returns:
        Its parts, of which host and port are sound.

    Raises:
        UserError: If it is no whole address of Redis, or has options that are none of TLS.

    Example:
        >>> parts = checked("redis://cache:6380/1")
        >>> parts.hostname, parts.port
        ('cache', 6380)
    """
    expected = "expected redis://HOST:PORT/N or rediss://HOST:PORT/N. Write it so."
    if not url.startswith(("redis://", "rediss://")):
        raise UserError(
            "STATE", "--state", f"found neither memory nor an address of Redis, {expected}"
        )
    try:
        parts = urlsplit(url)
        number = parts.path.removeprefix("/")
        whole = parts.hostname and parts.port != 0 and not parts.fragment
        whole = whole and (not number or (number.isascii() and number.isdigit()))
    except ValueError:
        whole = False
    if not whole:
        raise UserError(
            "STATE",
            "--state",
            f"found an address of Redis that is not whole, {expected} In a password write "
            "characters such as # / ? @ as %23 %2F %3F %40.",
        )
    options = {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
    if options - TLS_OPTIONS or (options and parts.scheme == "redis"):
        known = ", ".join(sorted(TLS_OPTIONS))
        raise UserError(
            "STATE", "--state", f"found other options after ?, expected {known} of rediss://."
        )
    return parts
