"""The first half of a request: where it goes, and its head written once per form of request.

A form is a method, a target and the names of the caller's headers; only values and the length of
the body differ between two requests of a form.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

import msgspec

from underround.model.errors import Bug, ConfigError
from underround.venues.transport.http import USER_AGENT, host_of

_FORMS: Final = 256
"""Forms that are remembered; a host has a few dozen, queries aside."""
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_TARGET: Final = re.compile(r"/[!-~]*")
_HOST: Final = re.compile(
    r"[0-9A-Za-z]([0-9A-Za-z._-]{0,251}[0-9A-Za-z])?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*"
)
_OURS: Final = frozenset(
    ("host", "connection", "content-length", "transfer-encoding", "te", "trailer", "upgrade",
     "expect", "accept-encoding")
)  # fmt: skip
"""What the line itself answers for: with one of these a caller could end a request early."""
_BODILESS: Final = frozenset(("GET", "DELETE", "OPTIONS"))
"""Methods whose requests need no ``Content-Length`` when they have no body (RFC 9110, 8.6)."""


class Site(msgspec.Struct, frozen=True):
    """A host as one speaks to it."""

    tls: bool
    host: str
    """A name or a bare address, as the resolver and the certificate have it."""
    port: int
    authority: str
    """What the ``Host`` header says."""
    prefix: str
    """Put before every target; empty or ``/…``."""


def site_of(base_url: str) -> Site:
    """Return the site of ``http[s]://host[:port][/prefix]``; raises ``ConfigError``."""
    wrong = ConfigError(f"{host_of(base_url)} with what follows is no address: correct it")
    try:
        parts = urlsplit(base_url)
        port = parts.port
    except ValueError:
        raise wrong from None
    host, prefix = parts.hostname or "", parts.path.rstrip("/")
    if not (base_url.isascii() and base_url.isprintable()):
        raise wrong
    if parts.scheme not in {"http", "https"} or parts.username is not None or port == 0:
        raise wrong
    if not _HOST.fullmatch(host) or parts.query or parts.fragment:
        raise wrong
    if prefix and not _TARGET.fullmatch(prefix):
        raise wrong
    tls = parts.scheme == "https"
    usual = 443 if tls else 80
    named = f"[{host}]" if ":" in host else host
    authority = named if port in {None, usual} else f"{named}:{port}"
    return Site(tls, host, port or usual, authority, prefix)


class Heads:
    """Writes the requests of one site."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._form = lru_cache(_FORMS)(self._written)

    def request(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None
    ) -> bytes:
        """Return the bytes of a request, head and body.

        Raises ``ConfigError`` for a header's value that is not printable ASCII, and ``Bug`` for a
        method, target or header name that no request can have; neither shows a value.
        """
        together = "".join(headers.values())
        if not (together.isascii() and together.isprintable()):
            raise _unprintable(headers)
        form = self._form(method, target, body is not None, *headers)
        if body is None:
            return (form % (*headers.values(),)).encode()
        return (form % (*headers.values(), len(body))).encode() + body

    def _written(self, method: str, target: str, has_body: bool, *names: str) -> str:
        """Return a head with ``%s`` for each header's value and ``%d`` for the body's length."""
        if not _TOKEN.fullmatch(method) or method in {"HEAD", "CONNECT"}:
            raise Bug(f"{method!r} is no method this line can send")
        if not _TARGET.fullmatch(target):
            raise Bug(f"{target.partition('?')[0]!r} is no target of a request: encode it")
        given = {name.lower() for name in names}
        if len(given) < len(names) or given & _OURS or not all(map(_TOKEN.fullmatch, names)):
            raise Bug(f"{sorted(names)} are no headers a request can have: correct the names")
        own = {"User-Agent": USER_AGENT, "Accept": "application/json"}
        if has_body:
            own["Content-Type"] = "application/json"
        lines = [f"{method} {self._site.prefix}{target} HTTP/1.1", f"Host: {self._site.authority}"]
        lines += [f"{name}: {value}" for name, value in own.items() if name.lower() not in given]
        lines.append("Accept-Encoding: identity")
        fixed = [line.replace("%", "%%") for line in lines]
        fixed += [f"{name.replace('%', '%%')}: %s" for name in names]
        if has_body:
            fixed.append("Content-Length: %d")
        elif method not in _BODILESS:
            fixed.append("Content-Length: 0")
        return "\r\n".join([*fixed, "", ""])


def _unprintable(headers: Mapping[str, str]) -> ConfigError:
    wrong = [name for name, text in headers.items() if not (text.isascii() and text.isprintable())]
    return ConfigError(
        f"the value of the header {wrong[0]!r} has line ends or other characters that no header "
        "may have: correct the key or setting it is made from"
    )
