"""Encoding and decoding by the contract ABI, for functions written as their signatures."""

from __future__ import annotations

from typing import Any, Final

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError, EncodingError

from underround.model.errors import AnswerRefused
from underround.venues.ethereum import keccak
from underround.venues.polygon.quantities import Address

SELECTOR_BYTES: Final = 4


class Function:
    """One function of a contract: ``Function("approve(address,uint256)", "bool")``."""

    __slots__ = ("_inputs", "_outputs", "selector", "signature")

    def __init__(self, signature: str, *outputs: str) -> None:
        self.signature = signature
        self.selector = keccak(signature.encode())[:SELECTOR_BYTES]
        self._inputs = split_types(signature[signature.index("(") + 1 : -1])
        self._outputs = outputs

    def __call__(self, *arguments: Any) -> bytes:
        """Return the calldata; raises ``ValueError`` for an argument that does not fit."""
        try:
            return self.selector + encode(self._inputs, arguments)
        except (EncodingError, ValueError, TypeError) as error:
            raise ValueError(f"{self.signature}: {error}") from None

    def read(self, data: bytes) -> tuple[Any, ...]:
        """Return what a call returned; addresses are ``Address``.  Raises ``AnswerRefused``."""
        return read_words(self._outputs, data, self.signature)

    def arguments(self, calldata: bytes) -> tuple[Any, ...]:
        """Return the arguments in ``calldata``.  Raises ``AnswerRefused``."""
        if calldata[:SELECTOR_BYTES] != self.selector:
            raise AnswerRefused(f"{self.signature}: the calldata are of another function")
        return read_words(self._inputs, calldata[SELECTOR_BYTES:], self.signature)


def read_words(kinds: tuple[str, ...], data: bytes, place: str) -> tuple[Any, ...]:
    """Return ABI-encoded ``data`` as ``kinds``; raises ``AnswerRefused`` naming ``place``."""
    try:
        values = decode(kinds, data)
    except (DecodingError, UnicodeDecodeError, OverflowError) as error:
        raise AnswerRefused(f"{place}: {error}: the data are not what it returns") from None
    pairs = zip(kinds, values, strict=True)
    return tuple(Address(value) if kind == "address" else value for kind, value in pairs)


def split_types(text: str) -> tuple[str, ...]:
    """Split a list of types at its outer commas: tuples stay whole."""
    parts: list[str] = []
    depth = start = 0
    for place, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            parts.append(text[start:place])
            start = place + 1
    return (*parts, text[start:]) if text else ()
