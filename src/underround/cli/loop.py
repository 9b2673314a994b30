"""The event loop of commands that speak to the outside: uvloop where it is installed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    """Return what ``main`` returns; whatever it leaves behind is cancelled first."""
    with asyncio.Runner(loop_factory=_factory()) as runner:
        return runner.run(main)


def _factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return uvloop's maker of loops, ``None`` (asyncio's own) where there is none for a system."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
