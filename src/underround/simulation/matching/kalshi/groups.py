"""Kalshi's order groups: when too many contracts match within 15 seconds, all is cancelled."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final
from uuid import UUID, uuid5

from underround.model.ids import OrderId
from underround.model.units import ONE, Nanos, Size
from underround.simulation.matching.kalshi.terms import GroupMoved, Holder

WINDOW_NS: Final[Nanos] = 15 * 10**9
LARGEST: Final[Size] = 1_000_000 * ONE
_IDS: Final = UUID("7a6b1f2e-0f0b-5d3c-9c57-0b1c6a2f4e11")


class OrderGroup:
    """One group of one holder on one shard."""

    def __init__(self, group: str, holder: Holder, shard: int, limit: Size) -> None:
        """``limit``: contracts matched within 15 seconds that end it."""
        self.id = group
        self.holder = holder
        self.shard = shard
        self.limit = limit
        self.triggered = False
        """Takes no orders until it is reset."""
        self.orders: dict[OrderId, None] = {}
        """What rests."""
        self._matched: deque[tuple[Nanos, Size]] = deque()

    def matched(self, now: Nanos) -> Size:
        """Return what matched within the last 15 seconds."""
        while self._matched and self._matched[0][0] <= now - WINDOW_NS:
            self._matched.popleft()
        return sum(size for _, size in self._matched)

    def count(self, size: Size, now: Nanos) -> bool:
        """Count a match; return whether the limit is reached."""
        self._matched.append((now, size))
        return self.matched(now) >= self.limit

    def reset(self) -> None:
        """Take orders again, from zero."""
        self.triggered = False
        self._matched.clear()


class OrderGroups:
    """All groups.  A group of another holder is as good as none."""

    def __init__(
        self,
        emit: Callable[[GroupMoved], None],
        cancel: Callable[[OrderGroup, Nanos], None],
        done: Callable[[Nanos], None],
    ) -> None:
        """``cancel`` cancels everything in a group; ``done`` lets what was done be told."""
        self._emit = emit
        self._cancel = cancel
        self._done = done
        self._number = 0
        self.all: dict[str, OrderGroup] = {}

    def create(self, holder: Holder, shard: int, limit: Size, now: Nanos) -> OrderGroup:
        """Make a group; raises ``ValueError`` for a limit outside 1 … 1,000,000 contracts."""
        _check(limit)
        self._number += 1
        made = OrderGroup(str(uuid5(_IDS, f"order group {self._number}")), holder, shard, limit)
        self.all[made.id] = made
        self._tell(made, "created", now)
        self._done(now)
        return made

    def of(self, holder: Holder, group: str) -> OrderGroup | None:
        """Return a holder's group."""
        found = self.all.get(group)
        return found if found is not None and found.holder == holder else None

    def count(self, group: OrderGroup, size: Size, now: Nanos) -> None:
        """Count a match of one of its orders."""
        if group.count(size, now) and not group.triggered:
            self._trigger(group, now)

    def _trigger(self, group: OrderGroup, now: Nanos) -> None:
        group.triggered = True
        self._tell(group, "triggered", now)
        self._cancel(group, now)

    def trigger(self, group: OrderGroup, now: Nanos) -> None:
        """Cancel everything in it; it takes no orders until it is reset."""
        self._trigger(group, now)
        self._done(now)

    def reset(self, group: OrderGroup, now: Nanos) -> None:
        """Let it take orders again."""
        group.reset()
        self._tell(group, "reset", now)
        self._done(now)

    def limit(self, group: OrderGroup, limit: Size, now: Nanos) -> None:
        """Give it another limit, which may trigger it; ``ValueError`` as in ``create``."""
        _check(limit)
        group.limit = limit
        self._tell(group, "limit_updated", now)
        if group.matched(now) >= limit and not group.triggered:
            self._trigger(group, now)
        self._done(now)

    def delete(self, group: OrderGroup, now: Nanos) -> None:
        """Cancel everything in it and forget it."""
        self._cancel(group, now)
        del self.all[group.id]
        self._tell(group, "deleted", now)
        self._done(now)

    def _tell(self, group: OrderGroup, change: str, now: Nanos) -> None:
        self._emit(GroupMoved(group.holder[0], group.id, change, group.limit, now))


def _check(limit: Size) -> None:
    if not ONE <= limit <= LARGEST:
        raise ValueError(f"a limit of {limit} millionths is outside 1 … 1,000,000 contracts")
