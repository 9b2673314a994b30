"""The L2 fill model reads what a stranger was sent, and says what would have filled."""

from __future__ import annotations

from typing import Final

import msgspec

from tests.differential.acts import Send
from tests.differential.venue import NOW, Real
from underround.local_venue.flow.codecs import decoder_of
from underround.market.hub import Hub
from underround.market.trust import BookRules, Feed
from underround.model.book import Side
from underround.model.frames import NANOS_PER_MS
from underround.model.ids import POLYMARKET, IntentId, OrderId, PlanId, StrategyId
from underround.model.market import Catalogue, Market
from underround.model.orders import (
    Fill,
    FillSettled,
    Order,
    OrderEnded,
    OrderEvent,
    OrderFilled,
    OrderRejected,
    SetsChanged,
)
from underround.model.run import ProofKind
from underround.model.units import Nanos, Size
from underround.simulation.latency import Latency
from underround.simulation.paper import PaperVenue
from underround.simulation.rules import FAK_REST
from underround.venues.polymarket.book_hash import book_hash, snapshot_hash

_SILENCE_MS: Final = 10**9
_LONG: Final[Nanos] = 1_000 * 10**9
_AFTER: Final[Nanos] = 1
"""What an order did is told after it: our order, then the frames about it."""


class Foretold(msgspec.Struct):
    """What the fill model says would have happened."""

    refused: dict[str, str] = {}
    """Orders that were refused, or killed without a fill, with its words."""
    fills: list[Fill] = []
    ended: dict[str, Nanos] = {}
    after_use: set[str] = set()
    """Orders that arrived when the model had used up size which the venue shows: it had caught up
    from the book, where the venue had filled us before."""

    def filled(self, name: str) -> Size:
        return sum(fill.size for fill in self.fills if fill.order == name)


class Paper:
    """A hub that reads a stream, and the paper venue on its books."""

    def __init__(self, market: Market, latency: Latency) -> None:
        self.market = market
        self.latency = latency
        catalogue = Catalogue((market,))
        polymarket = market.id.venue == POLYMARKET
        proof: ProofKind = "venue_hash" if polymarket else "sequence"
        self.feed = Feed(f"{market.id.venue}.books", proof, _SILENCE_MS)
        decoder = decoder_of(market.id.venue, catalogue.by_token())
        assert decoder is not None
        self.decoder = decoder
        books, snapshots = {POLYMARKET: book_hash}, {POLYMARKET: snapshot_hash}
        self.hub = Hub(catalogue, [self.feed], BookRules(), books, snapshots)
        self.venue = PaperVenue(
            {market.id: market},
            lambda each: self.hub.books[each].ticks,
            lambda each: self.hub.books[each].book,
            lambda each: self.hub.books[each].trusted,
            latency,
            {},
        )
        self.foretold = Foretold()

    def hear(self, frames: list[bytes], now: Nanos) -> None:
        """Take frames in, as a replay does."""
        self.advance(now - 1)
        for frame in frames:
            for heard in self.hub.heard(self.feed, 0, now):
                self.hub.apply(heard, self.feed, now)
            for event in self.decoder.decode(frame):
                self.hub.apply(event, self.feed, now)
                if self.venue.resting(self.market.id):
                    self.venue.on_event(event, now)
        assert self.hub.books[self.market.id].trusted, self.hub.books[self.market.id].last_doubt

    def send(self, act: Send) -> None:
        """Decide on an order."""
        self.advance(act.at)
        self.venue.submit(order_of(act, self.market), act.at)

    def cancel(self, name: str, now: Nanos) -> None:
        """Decide to cancel one."""
        self.advance(now)
        self.venue.cancel(OrderId(name), now)

    def advance(self, now: Nanos) -> None:
        """Let time pass."""
        while (due := self.venue.next_due()) is not None and due <= now:
            used = bool(self.hub.books[self.market.id].book.consumed)
            for at, event in self.venue.advance(due):
                self._note(event, at, after_use=used)

    def _note(self, event: OrderEvent, at: Nanos, *, after_use: bool) -> None:
        told = self.foretold
        if after_use and not isinstance(event, FillSettled | SetsChanged):
            told.after_use.add(event.fill.order if isinstance(event, OrderFilled) else event.order)
        if isinstance(event, OrderFilled):
            told.fills.append(event.fill)
        elif isinstance(event, OrderRejected):
            told.refused[event.order] = event.reason
        elif isinstance(event, OrderEnded):
            if event.how == "killed" and event.reason != FAK_REST:
                told.refused[event.order] = event.reason
            elif event.how in ("cancelled", "expired"):
                told.ended[event.order] = at


def order_of(act: Send, market: Market) -> Order:
    """Return an act of ours as an order of the executor's."""
    side: Side = act.side
    return Order(
        id=OrderId(act.name),
        intent=IntentId(1),
        strategy=StrategyId("s"),
        plan=PlanId(act.name),
        leg_group=None,
        outcome=market.outcome(act.outcome),
        side=side,
        price=act.price,
        size=act.size,
        tif=act.tif,
        post_only=act.post_only,
        purpose="open",
        good_until_ns=act.until,
        created_ns=act.at,
    )


def foretell(acts: tuple[object, ...], real: Real, latency: Latency = NOW) -> Foretold:
    """Let our acts of a script meet the frames a stranger was sent; return what would fill."""
    paper = Paper(real.market, latency)
    feed = latency.feed_ms * NANOS_PER_MS
    happens: list[tuple[Nanos, int, object]] = []
    for number, (at, frames) in enumerate(real.told):
        happens.append((at + feed + _AFTER, number, frames))
    for number, act in enumerate(acts):
        if getattr(act, "ours", False):
            happens.append((getattr(act, "at", 0), number, act))
    for at, _, each in sorted(happens, key=lambda one: one[:2]):
        if isinstance(each, list):
            paper.hear(each, at)
        elif isinstance(each, Send):
            paper.send(each)
        else:
            paper.cancel(getattr(each, "name", ""), at)
    paper.advance(max(at for at, _, _ in happens) + _LONG)
    return paper.foretold
