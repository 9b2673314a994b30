"""The parts of one live recording, one being written after the other."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias

import msgspec

from underround.app.recorder.recording_parts import Part, next_number, part_path, sealed_or_why_not
from underround.app.recorder.scribe import Scribe
from underround.model.errors import DiskError
from underround.model.ids import GroupId, MarketId
from underround.model.market import EventGroup, Market, Resolution
from underround.model.units import Nanos
from underround.storage.recording import StreamHeader
from underround.storage.recording.disk import HEADER

_LOOK_S: Final = 0.02
FreeSpace: TypeAlias = Callable[[Path], int]


def free_bytes(folder: Path) -> int:
    """Return how much may still be written there.  Raises ``DiskError``."""
    try:
        return shutil.disk_usage(folder).free
    except OSError as error:
        raise DiskError(f"{folder} cannot be looked at: {error.strerror or error}") from error


class RecordRules(msgspec.Struct, frozen=True, kw_only=True):
    """Where, how long, and in what portions."""

    out: Path
    name: str
    """Parts are folders ``<name>-part-0001`` … in ``out``."""
    for_s: int | None = None
    """``None``: until a signal, or until every market has closed."""
    rotate_s: int | None = None
    rotate_bytes: int | None = None
    """A part that takes so much on the disk is complete; ``None`` of both: there is one part."""
    min_free: int = 2_000_000_000
    """Bytes that must stay free."""


class Parts:
    """Begins, changes and ends the parts that ``scribe`` writes."""

    def __init__(
        self,
        scribe: Scribe,
        rules: RecordRules,
        streams: Sequence[StreamHeader],
        sources: Mapping[str, str],
        groups: Iterable[EventGroup],
    ) -> None:
        """``sources`` are the venues' names with the addresses that frames come from."""
        self.all: list[Part] = []
        self._scribe = scribe
        self._rules = rules
        self._streams = streams
        self._sources = sources
        self._groups: dict[GroupId, EventGroup] = {each.id: each for each in groups}
        self._began_s = 0.0

    @property
    def present(self) -> Part:
        """The part that is being written, or the last one."""
        return self.all[-1]

    @property
    def size(self) -> int:
        """What the present part takes on the disk, as of its last flush."""
        return self._scribe.size_of(self.present.path)

    def begin(
        self, now: Nanos, now_s: float, markets: dict[MarketId, Market], used: Iterable[str]
    ) -> None:
        """Begin the next part, with its markets and the streams in use; ``now_s`` is monotonic."""
        rules = self._rules
        number = self.present.number + 1 if self.all else next_number(rules.out, rules.name)
        path = part_path(rules.out, rules.name, number)
        part = Part(number, path, now, markets, self._groups, {}, {})
        part.use(used, now)
        self.all.append(part)
        self._began_s = now_s
        self._scribe.begin(path, part.header(self._streams, self._sources), part.catalogue())

    def add(self, markets: Iterable[Market]) -> None:
        """Put markets into the present catalogue, before their first frame."""
        self.present.markets |= {each.id: each for each in markets}
        self._amend()

    def use(self, streams: Iterable[str], now: Nanos) -> None:
        """State which streams are in use now."""
        if self.present.use(streams, now):
            self._amend()

    def full(self, now_s: float) -> bool:
        """Return whether the present part has its length or its size."""
        rules = self._rules
        old = rules.rotate_s is not None and now_s - self._began_s >= rules.rotate_s
        return old or (rules.rotate_bytes is not None and self.size >= rules.rotate_bytes)

    def end(self, now: Nanos, paid: Mapping[MarketId, Resolution]) -> None:
        """Seal the present part; ``paid`` is what is known of payouts, of any market."""
        part = self.present
        part.ended_ns = now
        part.resolutions = {each: paid[each] for each in part.markets if each in paid}
        self._scribe.end(part.header(self._streams, self._sources), part.catalogue())

    async def sealed(self) -> tuple[Exception | None, list[str]]:
        """Wait until everything is sealed.

        Returns why something could not be written, and a sentence for each part that could not
        even be recovered then.
        """
        self._scribe.close()
        # Not joined: a second signal must not wait for a disk.
        while self._scribe.working:  # noqa: ASYNC110 - a thread sets no event of the loop
            await asyncio.sleep(_LOOK_S)
        try:
            self._scribe.check()
        except Exception as failed:  # noqa: BLE001 - the caller states it with the summary
            told = [
                f"{part.path.name} is not sealed: {why}"
                for part in self.all
                if (part.path / HEADER).exists() and (why := sealed_or_why_not(part.path))
            ]
            return failed, told
        return None, []

    def _amend(self) -> None:
        part = self.present
        self._scribe.amend(part.header(self._streams, self._sources), part.catalogue())
