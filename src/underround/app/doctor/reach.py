"""Whether the hosts of streams accept connections: TCP, and TLS where the address wants it.

No frame is sent: that the venue lets us subscribe is seen when a feed begins.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from ssl import SSLError
from typing import Final
from urllib.parse import urlsplit

from underround.app.doctor.findings import Verdict, failed, ok

_TLS: Final = {"wss": 443, "https": 443}
_PLAIN: Final = {"ws": 80, "http": 80}


async def accepts(url: str) -> str:
    """Return why ``url`` cannot be connected to; empty if it can."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "no address"
    if host is None or parts.scheme not in {*_TLS, *_PLAIN}:
        return "no address"
    secure = parts.scheme in _TLS
    try:
        _, writer = await asyncio.open_connection(
            host, port or {**_TLS, **_PLAIN}[parts.scheme], ssl=True if secure else None
        )
    except OSError as error:
        return _words(error)
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return ""


def _words(error: OSError) -> str:
    """Return why, without the address that asyncio repeats; a name or certificate says more."""
    if error.errno is None or error.errno <= 0 or isinstance(error, SSLError):
        return str(error) or type(error).__name__
    return os.strerror(error.errno)


async def examine_hosts(named: Mapping[str, str]) -> Verdict:
    """Say whether all hosts (key of the configuration → address) accept connections."""
    answers = await asyncio.gather(*(accepts(url) for url in named.values()))
    return judge_hosts(dict(zip(named, answers, strict=True)))


def judge_hosts(told: Mapping[str, str]) -> Verdict:
    """Judge what ``accepts`` returned for each name."""
    shut = [f"{name} ({why})" for name, why in told.items() if why]
    if not shut:
        count = len(told)
        return ok(f"{count} host{'s accept' if count > 1 else ' accepts'} connections")
    return failed(
        f"no connection to {', '.join(shut)}",
        "check network, firewall and these addresses",
        later=True,
    )


def is_loopback(url: str) -> bool:
    """Whether an address is on this machine, by its words alone: no name is looked up."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def all_loopback(urls: Iterable[str]) -> bool:
    """Whether nothing here leaves this machine."""
    return all(is_loopback(url) for url in urls if url)
