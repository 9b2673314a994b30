"""Why a call reverted: the standard forms of revert data, read."""

from __future__ import annotations

from typing import Final

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

_ERROR: Final = bytes.fromhex("08c379a0")
"""Selector of ``Error(string)``: ``require`` and ``revert`` with words."""
_PANIC: Final = bytes.fromhex("4e487b71")
"""Selector of ``Panic(uint256)``: the compiler's own checks."""
_PANICS: Final = {
    0x01: "an assertion failed",
    0x11: "a number overflowed",
    0x12: "a division by zero",
    0x32: "an index is out of bounds",
}
_LONGEST: Final = 200


def revert_reason(data: str) -> str:
    """Return the reason in revert data (hex, with or without ``0x``); empty if it has none.

    A contract's own error is named by its selector: ``error 0x82b42900``.
    """
    try:
        raw = bytes.fromhex(data.removeprefix("0x"))
    except ValueError:
        return ""
    selector, rest = raw[:4], raw[4:]
    try:
        if selector == _ERROR:
            (words,) = decode(["string"], rest)
            return " ".join(str(words).split())[:_LONGEST]
        if selector == _PANIC:
            (code,) = decode(["uint256"], rest)
            return _PANICS.get(code, f"panic {code:#x}")
    except (DecodingError, UnicodeDecodeError, OverflowError):
        return f"unreadable data {data[:80]}"
    return f"error 0x{selector.hex()}" if len(selector) == 4 else ""
