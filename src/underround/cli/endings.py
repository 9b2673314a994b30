"""How a command ends early: Ctrl-C, a request to terminate, or nobody reading its output."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from types import FrameType, TracebackType
from typing import Any, ClassVar, Final, Self, TypeAlias

Handler: TypeAlias = Callable[[int, FrameType | None], Any] | int | None
SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class OutputClosed(Exception):
    """The reader of our output went away."""

    exit_code: ClassVar[int] = 141


class Interrupted(BaseException):
    """The operator asked to stop.  No ``Exception``: nothing on the way may take it for a fault."""

    def __init__(self, number: int, when: str = "") -> None:
        super().__init__(number)
        self.signal = number
        self.when = when
        """What was going on and what became of it, to be read after "interrupted"."""


@contextmanager
def before(when: str) -> Iterator[None]:
    """Let an interruption inside say ``when`` it came."""
    try:
        yield
    except Interrupted as end:
        raise Interrupted(end.signal, end.when or when) from None


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise ``Interrupted`` in the main thread when a signal to stop arrives."""

    def stop(number: int, _frame: FrameType | None) -> None:
        raise Interrupted(number)

    # Only the main thread may set handlers; elsewhere (embedded) the owner of the process decides.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: dict[int, Handler] = {number: signal.signal(number, stop) for number in SIGNALS}
    try:
        yield
    finally:
        _restore(before)


def _restore(handlers: Mapping[int, Handler]) -> None:
    for number, handler in handlers.items():
        if handler is not None:  # None: set by foreign code, and out of Python's reach
            signal.signal(number, handler)


class Stopper:
    """Lets the first signal ask for a clean end; a second one ends at once.

    Use as a context manager; calling it tells whether to stop.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self.signal = 0
        self._quiet = quiet
        self._before: dict[int, Handler] = {}

    def __call__(self) -> bool:
        """Return whether a signal to stop arrived."""
        return self.signal != 0

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                self._before[number] = signal.signal(number, self._stop)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _restore(self._before)

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        if self.signal:
            raise Interrupted(number, "twice: the run was left where it was, without a summary")
        self.signal = number
        if not self._quiet:
            # Not through a console: a handler may interrupt one in the middle of a write.
            with suppress(OSError):
                os.write(2, b"stopping cleanly; once more ends at once\n")

    @property
    def exit_code(self) -> int:
        """The shell's code for the signal that stopped it, 130 for Ctrl-C."""
        return 128 + (self.signal or signal.SIGINT)
