"""Keys for tests: derived from words, so that everybody knows them and nobody uses them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from underround.venues.ethereum import EvmKey, keccak


class Spoken:
    """A ``Secret`` that everybody may read."""

    def __init__(self, name: str, value: bytes) -> None:
        self.name = name
        self._value = value

    @contextmanager
    def reveal(self) -> Iterator[memoryview]:
        """Lend the bytes."""
        yield memoryview(self._value)


def key_of(words: str) -> EvmKey:
    """Return the key of some words."""
    return EvmKey(Spoken(words, keccak(b"underround test key: " + words.encode())))
