"""Secrets in memory: locked against swapping, left out of core dumps, wiped when they are dropped.

What this can do: a secret lives in one page of its own that is never swapped (where the system
allows it), is left out of core dumps, and is overwritten with zeros as soon as nobody needs it, at
the latest when the process ends.  What it cannot do: wipe the ``bytes`` and ``str`` objects that a
library makes of it in passing (a decoded HMAC key, a terminal's input).  Those are kept few and
short-lived.
"""

from __future__ import annotations

import ctypes
import mmap
import resource
import sys
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final, NoReturn, Self

from underround.model.errors import KeyStoreError

_PR_SET_DUMPABLE: Final = 4
_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_LIBC.mlock.argtypes = _LIBC.munlock.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
_held: weakref.WeakSet[LockedSecret]


class LockedSecret:
    """One secret (``model.secret.Secret``); shows its name, never its content.

    ``locked`` tells whether the system agreed to keep it out of the swap.
    """

    __slots__ = ("__weakref__", "_length", "_page", "locked", "name")

    def __init__(self, name: str, content: bytes | bytearray | memoryview) -> None:
        """Copy ``content`` into a page of its own; a ``bytearray`` given is wiped."""
        self.name = name
        self._length = len(content)
        page = mmap.mmap(-1, max(1, self._length))
        self._page: mmap.mmap | None = page
        self.locked = _lock(page)
        with suppress(AttributeError, OSError):  # what the system does not know it does not do
            page.madvise(mmap.MADV_DONTDUMP)
        page[: self._length] = bytes(content) if isinstance(content, memoryview) else content
        if isinstance(content, bytearray):
            wipe(content)
        _held.add(self)

    @contextmanager
    def reveal(self) -> Iterator[memoryview]:
        """Lend the bytes for one ``with`` block.  Raises ``KeyStoreError`` once it was wiped."""
        if self._page is None:
            raise KeyStoreError(f"the secret {self.name} was wiped: open the key store again")
        with memoryview(self._page) as page, page[: self._length].toreadonly() as view:
            yield view

    def wipe(self) -> None:
        """Overwrite it with zeros and let go of the memory; again is no fault."""
        page, self._page = self._page, None
        if page is None:
            return
        page[:] = bytes(len(page))
        _unlock(page)
        with suppress(BufferError):  # lent at this moment: who holds it holds zeros now
            page.close()
        self._length = 0

    @property
    def wiped(self) -> bool:
        """Whether it is gone."""
        return self._page is None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.wipe()

    def __del__(self) -> None:
        self.wipe()

    def __repr__(self) -> str:
        return f"<secret {self.name}>"

    def __copy__(self) -> NoReturn:
        raise TypeError("a secret is not copied: pass it on")

    def __deepcopy__(self, memo: object) -> NoReturn:
        raise TypeError("a secret is not copied: pass it on")

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a secret is not pickled")


_held = weakref.WeakSet()


def wipe(content: bytearray) -> None:
    """Overwrite ``content`` with zeros."""
    content[:] = bytes(len(content))


def wipe_all() -> None:
    """Wipe every secret of the process: its last act, whatever ended it."""
    for secret in list(_held):
        secret.wipe()


def harden_process() -> None:
    """Leave no core dump and let no other process of the user look into this one.

    What a system does not know is left out: it is one precaution among others.
    """
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        _LIBC.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def _address(page: mmap.mmap) -> tuple[int, int]:
    # The view is dropped at once: an exported buffer would keep the page from being closed.
    buffer = (ctypes.c_char * len(page)).from_buffer(page)
    return ctypes.addressof(buffer), len(page)


def _lock(page: mmap.mmap) -> bool:
    return int(_LIBC.mlock(*_address(page))) == 0


def _unlock(page: mmap.mmap) -> None:
    _LIBC.munlock(*_address(page))
