"""Following a contract's logs through reorganisations: what was seen, and what must be undone.

Pure: ``LogFollower`` is told chunks of logs and block hashes and says what changed.  It keeps the
logs and hashes of blocks that are not final yet; a final block is never asked about again.

A log is named by (block hash, transaction hash, index).  The same transaction in another block is
another log: the first is undone, the second is new.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

import msgspec

from underround.model.errors import AnswerRefused
from underround.venues.polygon.answers import Log
from underround.venues.polygon.quantities import Hash

LogKey: TypeAlias = tuple[Hash, Hash, int]


class LogSeen(msgspec.Struct, frozen=True):
    """A log is part of the chain now."""

    log: Log


class LogUndone(msgspec.Struct, frozen=True):
    """A log that was seen is not part of the chain any more."""

    log: Log


LogChange: TypeAlias = LogSeen | LogUndone


class Mark(msgspec.Struct, frozen=True):
    """A block up to which everything was processed."""

    number: int
    hash: Hash


class LogFollower:
    """The logs of one filter, each told once, in the chain's order."""

    __slots__ = ("_final", "_logs", "_marks")

    def __init__(self, after: Mark) -> None:
        """Begin with the block after ``after``, which has to be final."""
        self._final = after
        self._marks: dict[int, Hash] = {}
        self._logs: dict[LogKey, Log] = {}

    @property
    def last(self) -> Mark:
        """The newest block that was processed."""
        if not self._marks:
            return self._final
        number = max(self._marks)
        return Mark(number, self._marks[number])

    @property
    def resume(self) -> Mark:
        """Where to begin after a restart: the newest final block that was processed.

        What came after it is told again then; whoever keeps logs drops those whose key it has.
        """
        return self._final

    def processed(self, upto: Mark, logs: Iterable[Log]) -> list[LogChange]:
        """Take in the logs of the blocks after ``last`` up to ``upto``; return what is new.

        A log that was told is not told again.  One that the node marks ``removed`` is undone.
        Raises ``AnswerRefused`` for logs of other blocks: nothing is taken in then.
        """
        first = self.last.number + 1
        logs = list(logs)
        for log in logs:
            if not log.removed and not first <= log.block_number <= upto.number:
                raise AnswerRefused(
                    f"a log of block {log.block_number} among those of {first} to {upto.number}: "
                    "ask again"
                )
            if log.block_number == upto.number and log.block_hash != upto.hash and not log.removed:
                raise AnswerRefused(f"block {upto.number} changed while its logs were read")
        changes: list[LogChange] = []
        for log in logs:
            changes += self.told(log)
        self._marks[upto.number] = upto.hash
        return changes

    def told(self, log: Log) -> list[LogChange]:
        """Take in one log as a subscription delivers it; return what changed, if anything."""
        if log.removed:
            known = self._logs.pop(log.key, None)
            return [] if known is None else [LogUndone(known)]
        if log.key in self._logs or log.block_number <= self._final.number:
            return []
        self._logs[log.key] = log
        return [LogSeen(log)]

    def marks(self) -> list[Mark]:
        """Return the blocks whose hashes prove what was seen, newest first, final one last.

        They are compared with the chain from the first on: the first that agrees is the fork.
        """
        hashes = {
            int(log.block_number): log.block_hash for log in self._logs.values()
        } | self._marks
        newest = sorted(hashes.items(), reverse=True)
        return [*(Mark(number, name) for number, name in newest), self._final]

    def rewind(self, hashes: Mapping[int, Hash]) -> list[LogChange]:
        """Undo what is not on the chain with these block hashes; return the undone, newest first.

        ``hashes`` holds the chain's hash for every height of ``marks``.  Raises ``AnswerRefused``
        when even the final block differs: another chain, or a node that lies.
        """
        if hashes.get(self._final.number, self._final.hash) != self._final.hash:
            raise AnswerRefused(
                f"block {self._final.number} was final and is another one now: check the providers"
            )
        agreed = self._final.number
        for mark in self.marks():
            if hashes.get(mark.number) == mark.hash:
                agreed = mark.number
                break
        self._marks = {number: name for number, name in self._marks.items() if number <= agreed}
        gone = [log for log in self._logs.values() if log.block_number > agreed]
        for log in gone:
            del self._logs[log.key]
        gone.sort(key=lambda log: (log.block_number, log.log_index), reverse=True)
        if agreed > self.last.number:  # a log's own block proved it, without a mark of its own
            self._marks[agreed] = hashes[agreed]
        return [LogUndone(log) for log in gone]

    def finalized(self, number: int) -> None:
        """Forget what can no longer be undone: all blocks up to ``number``."""
        done = [at for at in self._marks if at <= number]
        if not done:
            return
        newest = max(done)
        self._final = Mark(newest, self._marks[newest])
        for at in done:
            del self._marks[at]
        for key in [key for key, log in self._logs.items() if log.block_number <= newest]:
            del self._logs[key]


class Watchdog:
    """Notices that the chain stands still, or that nobody tells us that it moves."""

    __slots__ = ("_limit_ns", "_number", "_since_ns")

    def __init__(self, limit_ns: int, now: int) -> None:
        """Allow ``limit_ns`` nanoseconds without a new head."""
        self._limit_ns = limit_ns
        self._number = -1
        self._since_ns = now

    def head(self, number: int, now: int) -> None:
        """Note a head; only a higher one counts as life."""
        if number > self._number:
            self._number = number
            self._since_ns = now

    def silent_ns(self, now: int) -> int | None:
        """Return how long the head has not moved if that is too long, else ``None``."""
        silent = now - self._since_ns
        return silent if silent > self._limit_ns else None
