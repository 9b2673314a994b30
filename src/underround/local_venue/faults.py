"""Faults on demand: what can go wrong at a venue, as values, and which are in force.

The same structs are written in a scene, on the command line and at the control endpoint, e.g.
``{"fault": "lose", "stream": "polymarket.market", "per_mille": 50, "for_ms": 10000}``.
Chance comes from a generator seeded with the scene: the same seed loses the same frames.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Annotated, Final, Literal, TypeAlias, TypeVar

import msgspec

from underround.model.frames import NANOS_PER_MS
from underround.model.units import Nanos

Stream: TypeAlias = Literal[
    "polymarket.market",
    "polymarket.user",
    "polymarket.polybolt",
    "polymarket.rtds",
    "kalshi.ws",
    "binance.ws",
    "allora.ws",
]
Host: TypeAlias = Literal[
    "clob", "gamma", "data", "relayer", "site", "kalshi", "binance", "allora", "chain"
]
Count = Annotated[int, msgspec.Meta(ge=1)]
PerMille = Annotated[int, msgspec.Meta(ge=1, le=1000)]
Millis = Annotated[int, msgspec.Meta(ge=0)]


class Fault(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    tag_field="fault",
    tag=str.lower,
    forbid_unknown_fields=True,
):
    """Something that goes wrong until it has happened ``count`` times or ``for_ms`` have passed.

    With neither it goes on until it is cleared.
    """

    count: Count | None = None
    for_ms: Count | None = None
    per_mille: PerMille = 1000
    """How often it happens where it could."""


# --- sockets -------------------------------------------------------------------------------------


class SocketFault(Fault, frozen=True, kw_only=True):
    """A fault of the frames of one stream."""

    stream: Stream


class Drop(SocketFault, frozen=True, kw_only=True):
    """The connections break without a word; ``count`` of them counts breaks, one is the usual."""


class Freeze(SocketFault, frozen=True, kw_only=True):
    """Nothing more is sent, while pings are answered."""


class Delay(SocketFault, frozen=True, kw_only=True):
    """Frames come later; their order stays."""

    ms: Count


class Duplicate(SocketFault, frozen=True, kw_only=True):
    """A frame comes twice."""


class Reorder(SocketFault, frozen=True, kw_only=True):
    """A frame comes after the one that follows it."""


class Lose(SocketFault, frozen=True, kw_only=True):
    """A frame never comes."""


class Corrupt(SocketFault, frozen=True, kw_only=True):
    """A byte of a frame is another one."""


# --- requests ------------------------------------------------------------------------------------


class HttpFault(Fault, frozen=True, kw_only=True):
    """A fault of the answers of one host; ``path`` is the beginning of the paths it is about."""

    host: Host
    method: str = ""
    """Empty: any."""
    path: str = "/"


class Answer(HttpFault, frozen=True, kw_only=True):
    """The request is answered with ``status`` (401, 425, 429, 500, 503 …).

    ``processed``: it was carried out all the same, as a 500 may hide.
    """

    status: Annotated[int, msgspec.Meta(ge=400, le=599)]
    processed: bool = False


class Swallow(HttpFault, frozen=True, kw_only=True):
    """The request is carried out and the answer never comes: the connection is cut."""

    after_ms: Millis = 0


class Slow(HttpFault, frozen=True, kw_only=True):
    """The answer comes ``ms`` later; the request is carried out at once."""

    ms: Count


# --- the exchange and the chain ------------------------------------------------------------------


class Ghost(Fault, frozen=True, kw_only=True):
    """A match is told as MATCHED and ends FAILED: the fill was none."""


class Retry(Fault, frozen=True, kw_only=True):
    """A match is told as RETRYING once before it is mined."""


class Stuck(Fault, frozen=True, kw_only=True):
    """Settlement transactions wait in the mempool and are not mined."""


class Reorg(Fault, frozen=True, kw_only=True):
    """The chain forgets its last ``blocks`` and mines them anew."""

    blocks: Annotated[int, msgspec.Meta(ge=1, le=30)] = 1


class Stale(Fault, frozen=True, kw_only=True):
    """REST books lag behind the stream: they are as they were when the fault began."""


class Skew(Fault, frozen=True, kw_only=True):
    """The clocks the servers tell, and check signatures against, are off by ``ms``."""

    ms: int


class ClosedOnly(Fault, frozen=True, kw_only=True):
    """One may only close positions: an owner's address, a Kalshi member's id; empty: everybody."""

    account: Annotated[str, msgspec.Meta(pattern="^(0x[0-9a-fA-F]{40}|[0-9a-f-]{36})?$")] = ""


AnyFault: TypeAlias = (
    Drop
    | Freeze
    | Delay
    | Duplicate
    | Reorder
    | Lose
    | Corrupt
    | Answer
    | Swallow
    | Slow
    | Ghost
    | Retry
    | Stuck
    | Reorg
    | Stale
    | Skew
    | ClosedOnly
)
SOCKET_FAULTS: Final = (Drop, Freeze, Delay, Duplicate, Reorder, Lose, Corrupt)
HTTP_FAULTS: Final = (Answer, Swallow, Slow)
Kind = TypeVar("Kind", bound=Fault)


class InForce:
    """A fault that was set, with what is left of it."""

    __slots__ = ("fault", "happened", "id", "since_ns", "until_ns")

    def __init__(self, number: int, fault: AnyFault, now: Nanos) -> None:
        """Put ``fault`` in force at ``now``."""
        self.id = number
        self.fault = fault
        self.since_ns = now
        self.until_ns = None if fault.for_ms is None else now + fault.for_ms * NANOS_PER_MS
        self.happened = 0

    def over(self, now: Nanos) -> bool:
        """Whether it has happened often or long enough."""
        if self.until_ns is not None and now >= self.until_ns:
            return True
        return self.fault.count is not None and self.happened >= self.fault.count


class Faults:
    """The faults in force, in the order in which they were set."""

    def __init__(self, seed: int = 0) -> None:
        """Begin without faults."""
        self._random = random.Random(f"faults {seed}")
        self._number = 0
        self._all: list[InForce] = []
        self._on_set: list[Callable[[InForce], None]] = []

    def on_set(self, listener: Callable[[InForce], None]) -> None:
        """Call ``listener`` whenever a fault is set: what acts at once (Drop, Reorg) hooks here."""
        self._on_set.append(listener)

    def set(self, fault: AnyFault, now: Nanos) -> InForce:
        """Put a fault in force."""
        self._number += 1
        entry = InForce(self._number, fault, now)
        self._all.append(entry)
        for listener in self._on_set:
            listener(entry)
        return entry

    def clear(self, number: int | None = None) -> int:
        """End one fault, or all; returns how many there were."""
        before = len(self._all)
        self._all = [] if number is None else [each for each in self._all if each.id != number]
        return before - len(self._all)

    def in_force(self, now: Nanos) -> tuple[InForce, ...]:
        """Return what is in force; what is over is forgotten."""
        if self._all:
            self._all = [each for each in self._all if not each.over(now)]
        return tuple(self._all)

    @property
    def none(self) -> bool:
        """Whether there is certainly nothing in force: one look for the hot path."""
        return not self._all

    def of(self, kind: type[Kind], now: Nanos) -> tuple[Kind, ...]:
        """Return the faults of a kind that are in force, without letting them happen."""
        if not self._all:
            return ()
        return tuple(each.fault for each in self.in_force(now) if isinstance(each.fault, kind))

    def strikes(
        self, kind: type[Kind], now: Nanos, where: Callable[[Kind], bool] | None = None
    ) -> Kind | None:
        """Let the first fault of a kind that applies happen, by its chance; return it, or none."""
        if not self._all:
            return None
        for each in self.in_force(now):
            fault = each.fault
            if not isinstance(fault, kind) or (where is not None and not where(fault)):
                continue
            if fault.per_mille < 1000 and self._random.randrange(1000) >= fault.per_mille:
                continue
            each.happened += 1
            return fault
        return None

    def skew_ns(self, now: Nanos) -> Nanos:
        """Return by how much the servers' clocks are off."""
        return sum(fault.ms for fault in self.of(Skew, now)) * NANOS_PER_MS


def read_fault(data: bytes) -> AnyFault:
    """Return the fault in JSON ``data``; raises ``msgspec.ValidationError`` naming the place."""
    return _FAULT.decode(data)


_FAULT: Final[msgspec.json.Decoder[AnyFault]] = msgspec.json.Decoder(AnyFault)
