"""Whether the hosts of streams accept connections: TCP, and TLS where the address wants it.

No frame is sent: that the venue lets us subscribe is seen when a feed begins.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

from underround.app.doctor.findings import Verdict, failed, ok
from underround.venues.transport.failures import system_words

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
        return system_words(error)
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return ""


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


async def examine_names(hosts: Iterable[str], timeout_s: float) -> Verdict:
    """Say whether this machine resolves host names at all: one of ``hosts`` is enough."""

    async def resolves(host: str) -> bool:
        try:
            await asyncio.get_running_loop().getaddrinfo(host, None)
        except OSError:
            return False
        return True

    with suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            for answer in asyncio.as_completed([resolves(host) for host in hosts]):
                if await answer:
                    return ok("host names are resolved")
    return failed("this machine resolves no host names", "check the network", later=True)


def names_in(urls: Iterable[str]) -> tuple[str, ...]:
    """Return the hosts that have to be looked up: names, without addresses and ``localhost``."""
    found = []
    for url in urls:
        with suppress(ValueError):
            host = urlsplit(url).hostname
            if host and host != "localhost" and not _is_address(host):
                found.append(host)
    return tuple(dict.fromkeys(found))


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


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
