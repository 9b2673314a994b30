"""Writes the parts of a recording in a thread of its own: no disk delays the time of a frame.

The event loop hands frames over in batches; parts begin, change and end between two batches, in the
order in which it was said.  What waits is bounded: a disk that cannot keep up ends the recording
instead of the memory.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import Final, TypeAlias

from underround.model.errors import DiskError
from underround.model.units import Nanos
from underround.storage.recording import RecordingHeader, RecordingWriter, WriterLimits
from underround.storage.recording.disk import disk_errors

BATCH_BYTES: Final = 256 << 10
"""How much gathers before the thread is woken; ``hand_over`` wakes it earlier."""
MOST_WAITING: Final = 256 << 20
"""How much may wait for the disk."""
FRAME_BYTES: Final = 200
"""What a waiting frame costs besides its payload."""

Job: TypeAlias = Callable[[], None]


class Scribe:
    """Takes frames on the event loop's thread; every method but the jobs is called there.

    What writing raised is raised by the next call of ``take`` or ``check``.
    """

    def __init__(
        self, limits: WriterLimits | None = None, *, most_waiting: int = MOST_WAITING
    ) -> None:
        self.frames = 0
        """Frames taken."""
        self.payload_bytes = 0
        self._limits = limits
        self._most_waiting = most_waiting
        self._batch: list[tuple[str, int, Nanos, bytes]] = []
        self._batch_bytes = 0
        self._handed = self._written = 0  # each is written by one thread only
        self._jobs: SimpleQueue[Job | threading.Event | None] = SimpleQueue()
        self._failure: Exception | None = None
        self._writer: RecordingWriter | None = None
        self._size: tuple[Path | None, int] = (None, 0)
        self._thread: threading.Thread | None = None

    # --- frames --------------------------------------------------------------------------------

    def take(self, stream: str, connection: int, recv_ns: Nanos, payload: bytes) -> None:
        """Keep a frame.  Raises what writing raised; ``DiskError`` when too much waits."""
        self.check()
        self._batch.append((stream, connection, recv_ns, payload))
        self._batch_bytes += len(payload) + FRAME_BYTES
        self.frames += 1
        self.payload_bytes += len(payload)
        if self._batch_bytes >= BATCH_BYTES:
            self.hand_over()
            waiting = self._handed - self._written
            if waiting > self._most_waiting:
                raise DiskError(
                    f"the disk is too slow: {waiting >> 20} MiB of frames wait to be written; "
                    "record to a faster one, or fewer markets"
                )

    def hand_over(self) -> None:
        """Give the thread what has gathered."""
        if not self._batch:
            return
        batch, size = self._batch, self._batch_bytes
        self._batch, self._batch_bytes = [], 0
        self._handed += size
        self._jobs.put(lambda: self._append(batch, size))

    def check(self) -> None:
        """Raise what writing raised."""
        if self._failure is not None:
            raise self._failure

    # --- parts ---------------------------------------------------------------------------------

    def begin(self, path: Path, header: RecordingHeader, markets: bytes) -> None:
        """Begin a part, which the following frames belong to; the one before must have ended."""

        def job() -> None:
            self._writer = RecordingWriter(path, header, markets, self._limits)

        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="scribe", daemon=True)
            self._thread.start()
        self._jobs.put(job)

    def amend(self, header: RecordingHeader, markets: bytes) -> None:
        """Replace header and catalogue of the part; frames taken from now on may rely on them."""
        self.hand_over()
        self._jobs.put(lambda: self._open().amend(header=header, markets=markets))

    def flush(self) -> None:
        """Have everything taken so far out of the process, and look at the part's size."""
        self.hand_over()
        self._jobs.put(self._flush)

    def end(self, header: RecordingHeader, markets: bytes) -> None:
        """Seal the part with its last header and catalogue."""
        self.amend(header, markets)
        self._jobs.put(self._seal)

    def settle(self) -> None:
        """Wait until everything asked for is done.  Raises what writing raised."""
        done = threading.Event()
        self._jobs.put(done)
        done.wait()
        self.check()

    def size_of(self, path: Path) -> int:
        """Return what a part takes on the disk as of its last flush; 0 before the first."""
        place, size = self._size
        return size if place == path else 0

    def close(self) -> None:
        """Have the thread end, see ``working``; a part that has not ended is left unsealed.

        It is flushed then.  The thread does not keep the process alive.
        """
        self.hand_over()
        self._jobs.put(None)

    @property
    def working(self) -> bool:
        """Whether the thread has begun and not ended."""
        return self._thread is not None and self._thread.is_alive()

    # --- within the thread ---------------------------------------------------------------------

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            if isinstance(job, threading.Event):
                job.set()
                continue
            if self._failure is not None:
                continue  # whoever asked for it is told
            try:
                job()
            except Exception as error:  # noqa: BLE001 - raised again on the loop's thread
                self._failure = error
                self._let_go(error)
        self._let_go(DiskError("the recording was ended before its time"))

    def _let_go(self, error: Exception) -> None:
        """Flush what can be and free the part, so that it can be recovered."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.__exit__(type(error), error, None)

    def _open(self) -> RecordingWriter:
        assert self._writer is not None, "a part has begun"
        return self._writer

    def _append(self, batch: list[tuple[str, int, Nanos, bytes]], size: int) -> None:
        append = self._open().append
        for stream, connection, recv_ns, payload in batch:
            append(stream, connection, recv_ns, payload)
        self._written += size

    def _flush(self) -> None:
        writer = self._open()
        writer.flush()
        with disk_errors(writer.path):
            files = (file.stat() for file in writer.path.rglob("*") if file.is_file())
            self._size = (writer.path, sum(each.st_size for each in files))

    def _seal(self) -> None:
        writer = self._open()
        writer.close()
        self._writer = None
