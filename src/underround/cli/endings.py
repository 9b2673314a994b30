"""How a command ends early: Ctrl-C, a request to terminate, or nobody reading its output."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import ClassVar, Final, Self

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class OutputClosed(Exception):
    """The reader of our output went away."""

    exit_code: ClassVar[int] = 141


class Interrupted(BaseException):
    """The operator asked to stop.  No ``Exception``: nothing on the way may take it for a fault."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.signal = number


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise ``Interrupted`` in the main thread when a signal to stop arrives."""

    def stop(number: int, _frame: FrameType | None) -> None:
        raise Interrupted(number)

    # Only the main thread may set handlers; elsewhere (embedded) the owner of the process decides.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number in SIGNALS:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Stopper:
    """Lets the first signal ask for a clean end; a second one ends at once.

    Use as a context manager; calling it tells whether to stop.
    """

    def __init__(self) -> None:
        self.signal = 0
        self._before: dict[int, object] = {}

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
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what signal() returned, it takes

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        if self.signal:
            raise Interrupted(number)
        self.signal = number

    @property
    def exit_code(self) -> int:
        """The shell's code for the signal that stopped it, 130 for Ctrl-C."""
        return 128 + (self.signal or signal.SIGINT)
