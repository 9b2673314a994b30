"""Why HTTP failed, in words of our own: aiohttp's quote the address, which may hold a key."""

from __future__ import annotations

import os
import socket
import ssl
from typing import Final

import aiohttp

NO_SUCH_NAME: Final = "its name cannot be resolved"
_WORDS: Final[tuple[tuple[type[aiohttp.ClientError], str], ...]] = (
    (aiohttp.ClientConnectorDNSError, NO_SUCH_NAME),
    (aiohttp.ClientResponseError, "what came is no HTTP answer"),
    (aiohttp.ClientPayloadError, "the answer is incomplete or garbled"),
    (aiohttp.ConnectionTimeoutError, "none within the time"),
    (aiohttp.ServerDisconnectedError, "the other side closed it"),
)


def failure_words(error: aiohttp.ClientError) -> str:
    """Return on one line why ``error`` came about, without any part of an address."""
    for kind, words in _WORDS:
        if isinstance(error, kind):
            return words
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return _certificate_words(error.certificate_error)
    if isinstance(error, aiohttp.ClientConnectorError):
        return system_words(error.os_error)
    if isinstance(error, OSError):
        return system_words(error)
    return type(error).__name__


def system_words(error: OSError) -> str:
    """Return why a connection could not be made, without the address that asyncio repeats."""
    if isinstance(error, socket.gaierror):
        return NO_SUCH_NAME
    if isinstance(error, ssl.SSLCertVerificationError):
        return _certificate_words(error)
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {getattr(error, 'reason', None) or 'no reason given'}"
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return type(error).__name__


def _certificate_words(error: Exception) -> str:
    told = getattr(error, "verify_message", "")
    return "its certificate is not accepted" + (f": {told}" if told else "")
