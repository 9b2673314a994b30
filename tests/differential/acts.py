"""What people do in a market, written down before it happens: nobody looks at the book.

A script says who sends and cancels what and when.  Played with our orders and without them it is
the same but for us, which is what makes two markets twins.
"""

from __future__ import annotations

import random
from typing import Final, TypeAlias

import msgspec

from underround.model.book import Side
from underround.model.frames import NANOS_PER_MS, NANOS_PER_SECOND
from underround.model.ids import NO, POLYMARKET, YES, Venue
from underround.model.orders import TimeInForce
from underround.model.units import ONE, Nanos, Price, Size

START: Final[Nanos] = 1_790_000_000 * NANOS_PER_SECOND
HUNDREDTH: Final[Size] = 10_000


class Send(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody sends an order."""

    at: Nanos
    name: str
    ours: bool = False
    outcome: int
    side: Side
    price: Price
    size: Size
    tif: TimeInForce = "GTC"
    post_only: bool = False
    until: Nanos | None = None


class Drop(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody cancels an order."""

    at: Nanos
    name: str
    ours: bool = False


Act: TypeAlias = Send | Drop


class Script(msgspec.Struct, frozen=True, kw_only=True):
    """A market and what happens in it, in order of time; no two acts at once."""

    venue: Venue
    tick: str
    rate: int = 0
    """Polymarket's fee rate in millionths."""
    levels_first: bool = False
    """A level is told to be smaller before the trade that made it so, as Polymarket was recorded;
    otherwise the trade is told first, as its documentation has it."""
    acts: tuple[Act, ...]

    @property
    def ours(self) -> dict[str, Send]:
        """Return our orders by name."""
        return {act.name: act for act in self.acts if isinstance(act, Send) and act.ours}


class Crowd(msgspec.Struct, frozen=True, kw_only=True):
    """What kind of people there are, and what we do among them."""

    venue: Venue = POLYMARKET
    steps: int = 120
    tick: str = "0.01"
    centre: int = 50
    """In ticks."""
    rate: int = 0
    wanders: bool = True
    """Whether the centre moves."""
    takers: tuple[TimeInForce, ...] = ("FAK", "FAK", "FOK", "GTC")
    distance: int = 1
    """In ticks, from the centre: makers' best."""
    depth: int = 6
    """In ticks: over how many prices makers spread."""
    cancels: float = 0.25
    """Share of what others do that is a cancel."""
    reach: int = 4
    """In ticks, beyond the centre: how far takers go."""
    post_only: bool = True
    """Whether some makers insist on making."""
    us: str = "rest take cancel odd"
    """What we do: ``rest``, ``take``, ``cancel``, ``odd`` (orders that are to be refused)."""
    alone: bool = False
    """We have one order on each side, and never another one."""
    inside: int = 1
    """In ticks, beyond the centre: how far inside the spread we rest."""
    levels_first: bool = False


class _Writer:
    def __init__(self, seed: int, crowd: Crowd) -> None:
        self.chance = random.Random(seed)
        self.crowd = crowd
        self.step = _step(crowd.tick)
        self.at = START
        self.centre = crowd.centre
        self.acts: list[Act] = []
        self.theirs: list[str] = []
        self.mine: list[str] = []
        self.sides: set[bool] = set()

    def write(self) -> tuple[Act, ...]:
        for number in range(self.crowd.steps):
            pause = self.chance.choice((10, 30, 200, 700, 1_500, 4_000))
            self.at += pause * NANOS_PER_MS
            if self.crowd.wanders and not self.chance.randrange(6):
                self.centre = self._bounded(self.centre + self.chance.choice((-1, 1)))
            if number > 12 and self.chance.random() < 0.25:
                self._ours(number)
            else:
                self._theirs(number)
        return tuple(self.acts)

    def _bounded(self, ticks: int) -> int:
        return max(2, min(ONE // self.step - 2, ticks))

    # --- the others ----------------------------------------------------------------------------

    def _theirs(self, number: int) -> None:
        kind = self.chance.random()
        if number < 12 or kind < 0.6 * (1 - self.crowd.cancels):
            self._make(number)
        elif kind < 1 - self.crowd.cancels:
            self._take(number)
        elif self.theirs:
            name = self.theirs.pop(self.chance.randrange(len(self.theirs)))
            self.acts.append(Drop(at=self.at, name=name))

    def _make(self, number: int) -> None:
        bid = bool(self.chance.randrange(2))
        away = self.crowd.distance + min(
            self.chance.randrange(self.crowd.depth), self.chance.randrange(self.crowd.depth)
        )
        ticks = self.centre - away if bid else self.centre + away
        insists = self.crowd.post_only and not self.chance.randrange(4)
        self._send(f"maker {number}", bid, ticks, post_only=insists)
        self.theirs.append(f"maker {number}")

    def _take(self, number: int) -> None:
        bid = bool(self.chance.randrange(2))
        away = self.chance.randrange(self.crowd.reach + 1)
        tif = self.chance.choice(self.crowd.takers)
        ticks = self.centre + away if bid else self.centre - away
        self._send(f"taker {number}", bid, ticks, tif=tif)
        if tif == "GTC":
            self.theirs.append(f"taker {number}")

    # --- we ------------------------------------------------------------------------------------

    def _ours(self, number: int) -> None:
        at, self.at = self.at, self.at + 5 * NANOS_PER_MS  # never at the same time as others
        what = self.chance.choice(self.crowd.us.split())
        if what == "rest":
            self._rest(number)
        elif what == "take":
            bid = bool(self.chance.randrange(2))
            away = self.chance.randrange(-1, 6)
            tifs: tuple[TimeInForce, ...] = ("FOK", "FAK", "GTC", "FOK", "FAK")
            tif = self.chance.choice(tifs)
            ticks = self.centre + away if bid else self.centre - away
            self._send(f"our taker {number}", bid, ticks, tif=tif, ours=True)
        elif what == "cancel" and self.mine:
            name = self.mine.pop(self.chance.randrange(len(self.mine)))
            self.acts.append(Drop(at=self.at, name=name, ours=True))
        elif what == "odd":
            self._odd(number)
        self.at = at

    def _rest(self, number: int) -> None:
        bid = bool(self.chance.randrange(2))
        if self.crowd.alone and bid in self.sides:
            return
        self.sides.add(bid)
        away = self.chance.randrange(-self.crowd.inside, 4)
        ticks = self.centre - away if bid else self.centre + away
        lives = self.chance.choice((None, None, None, 121, 130, 200))
        name = f"our order {number}"
        self._send(
            name, bid, ticks, ours=True,
            tif="GTC" if lives is None else "GTD",
            until=None if lives is None else self.at + lives * NANOS_PER_SECOND + 3,
            post_only=not self.chance.randrange(4),
        )  # fmt: skip
        self.mine.append(name)

    def _odd(self, number: int) -> None:
        """Send what a rule is against, mostly."""
        bid = bool(self.chance.randrange(2))
        kind = self.chance.randrange(6)
        ticks = self.centre + (3 if bid else -3)
        name = f"our odd order {number}"
        if kind == 0:
            self._send(name, bid, ticks, ours=True, tif="FAK", off=self.step // 2)
        elif kind == 1:
            size = self.chance.choice((0, 7, 100, 7_005_000))
            self._send(name, bid, ticks, ours=True, tif="FAK", size=size)
        elif kind == 2:
            self._send(name, bid, ticks, ours=True, tif="FOK", post_only=True)
        elif kind == 3:
            self._send(name, bid, ticks, ours=True, tif="FAK", size=HUNDREDTH)
        elif kind == 4:
            short = self.at + self.chance.choice((-1, 1, 119)) * NANOS_PER_SECOND
            self._send(name, bid, ticks, ours=True, tif="GTD", until=short)
        else:
            self._send(name, bid, ticks, ours=True, post_only=True)

    def _send(
        self,
        name: str,
        bid: bool,
        ticks: int,
        *,
        ours: bool = False,
        tif: TimeInForce = "GTC",
        post_only: bool = False,
        until: Nanos | None = None,
        size: Size | None = None,
        off: int = 0,
    ) -> None:
        yes = self._bounded(ticks) * self.step + off
        outcome = self.chance.randrange(2)
        drawn = self.chance.choice((500, 700, 1_000, 1_237, 2_500, 6_001)) * HUNDREDTH
        self.acts.append(
            Send(
                at=self.at,
                name=name,
                ours=ours,
                outcome=YES if outcome == YES else NO,
                side="buy" if bid == (outcome == YES) else "sell",
                price=yes if outcome == YES else ONE - yes,
                size=drawn if size is None else size,
                tif=tif,
                post_only=post_only,
                until=until,
            )
        )


def write(seed: int, crowd: Crowd) -> Script:
    """Return what people of this kind do; the same seed, the same."""
    acts = _Writer(seed, crowd).write()
    return Script(
        venue=crowd.venue,
        tick=crowd.tick,
        rate=crowd.rate,
        levels_first=crowd.levels_first,
        acts=acts,
    )


def without_us(script: Script) -> Script:
    """Return what happens when we are not there."""
    return msgspec.structs.replace(script, acts=tuple(a for a in script.acts if not a.ours))


def _step(tick: str) -> Price:
    return round(float(tick) * ONE)
