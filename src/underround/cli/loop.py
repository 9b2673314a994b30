"""The event loop of commands that speak to the outside: uvloop where it is installed."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar

from underround.cli.endings import SIGNALS, Interrupted

T = TypeVar("T")


class _Leaving(KeyboardInterrupt):
    """``Interrupted`` inside a loop: of what a signal raises, loops let only this kind through."""

    def __init__(self, end: Interrupted) -> None:
        super().__init__(end.signal)
        self.end = end


def run(main: Coroutine[Any, Any, T]) -> T:
    """Return what ``main`` returns; whatever it leaves behind is cancelled first.

    ``Interrupted`` that a signal raises meanwhile ends it at once.
    """
    try:
        with _let_through(), asyncio.Runner(loop_factory=_factory()) as runner:
            try:
                return runner.run(main)
            except _Leaving:
                # What is cancelled in the middle of its work may complain; nobody wants to know.
                runner.get_loop().set_exception_handler(lambda _loop, _context: None)
                raise
    except _Leaving as leaving:
        raise leaving.end from None


@contextmanager
def _let_through() -> Iterator[None]:
    """Make the handlers of signals raise what loops let through."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number, handler in before.items():
        if callable(handler) and handler is not signal.default_int_handler:
            signal.signal(number, _leaving(handler))
    try:
        yield
    finally:
        for number, handler in before.items():
            if handler is not None:  # None: set by foreign code, and out of Python's reach
                signal.signal(number, handler)


def _leaving(
    handler: Callable[[int, FrameType | None], Any],
) -> Callable[[int, FrameType | None], None]:
    def handle(number: int, frame: FrameType | None) -> None:
        try:
            handler(number, frame)
        except Interrupted as end:
            raise _Leaving(end) from None

    return handle


def _factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return uvloop's maker of loops, ``None`` (asyncio's own) where there is none for a system."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
