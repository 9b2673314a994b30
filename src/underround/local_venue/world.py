"""The exchange on your desk: everything the servers are doors to, in one place, told the time.

``World`` holds the venues' order-level engines, the catalogue, the reference prices, who is known,
what goes wrong, and one agenda of what happens next.  ``act`` is the first thing every door calls:
it lets everything happen that was due before, at its own time, and returns what time it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

import msgspec

from underround.local_venue.accounts import Accounts
from underround.local_venue.bus import Bus
from underround.local_venue.catalogue import LocalCatalogue, LocalEvent, LocalMarket
from underround.local_venue.clock import VenueClock
from underround.local_venue.faults import Faults
from underround.local_venue.prices import PriceTold, ReferencePrices
from underround.local_venue.signed_orders import SignedOrders
from underround.model.ids import POLYMARKET, YES, MarketId
from underround.model.listing import Listing
from underround.model.market import Market, Resolution
from underround.model.units import Nanos
from underround.simulation.agenda import Agenda
from underround.simulation.matching.kalshi.exchange import KalshiExchange
from underround.simulation.matching.kalshi.terms import KalshiEvent
from underround.simulation.matching.polymarket import PolymarketExchange
from underround.simulation.matching.terms import ExchangeEvent, Trade
from underround.venues.polymarket.contracts import POLYGON
from underround.venues.polymarket.exchange import exchange_of
from underround.venues.polymarket.ids import protocol_of, token_number


class ListingTold(msgspec.Struct, frozen=True):
    """A market was listed, or its row changed (state, rules, fees, end)."""

    market: MarketId
    new: bool
    at_ns: Nanos


class ListingForgotten(msgspec.Struct, frozen=True):
    """A market that ended long ago is not listed any more."""

    market: MarketId
    at_ns: Nanos


WorldEvent: TypeAlias = ExchangeEvent | KalshiEvent | PriceTold | ListingTold | ListingForgotten


class Settlement(Protocol):
    """What makes a match final: calls ``PolymarketExchange.move_trade`` step by step."""

    def begin(self, trade: Trade) -> None:
        """Take on a trade that was just matched; returns at once."""


class WalletCall(msgspec.Struct, frozen=True):
    """One call a wallet makes on the chain."""

    to: str
    data: bytes
    value: int = 0


class WalletDesk(Protocol):
    """Where calls of wallets are carried out: on the local chain, or kept in the books without."""

    async def execute(self, wallet: str, calls: Sequence[WalletCall]) -> str:
        """Carry the calls out, all or none; return the transaction's hash.

        Raises ``CallReverted`` with the contract's reason.
        """


class CallReverted(Exception):
    """A contract refused a wallet's call."""


def exchanges_of(market: Market) -> tuple[str, ...]:
    """Return the contracts that must be allowed to move what is traded in a market."""
    protocol = protocol_of(token_number(market.tokens[YES]))
    return (exchange_of(POLYGON, protocol, market.neg_risk).address,)


class World:
    """One local venue."""

    def __init__(
        self,
        clock: VenueClock,
        *,
        seed: int = 0,
        settlement: Callable[[World], Settlement],
    ) -> None:
        """``settlement`` is made for this world: timed, or on a chain."""
        self.clock = clock
        self.seed = seed
        self.agenda = Agenda()
        self._happening: Nanos | None = None
        self.bus: Bus[WorldEvent] = Bus()
        self.faults = Faults(seed)
        self.catalogue = LocalCatalogue()
        self.accounts = Accounts(seed)
        self.prices = ReferencePrices(self.bus.publish)
        self.signed_orders: SignedOrders | None = None
        """Set by a settlement that needs them; then the CLOB keeps what it verified."""
        self.settlement = settlement(self)
        self.polymarket = PolymarketExchange(
            emit=self.bus.publish,
            plan=self.agenda.plan,
            settle=self.settlement.begin,
            spenders=exchanges_of,
            seed=seed,
        )
        self.kalshi = KalshiExchange(emit=self.bus.publish, plan=self.agenda.plan, seed=seed)

    def time(self) -> Nanos:
        """Return the time of what is happening: the agenda's while it runs, else the clock's.

        A running clock is ahead of what is due by some chance; what happens must not depend on it.
        """
        return self.clock.now() if self._happening is None else self._happening

    def act(self) -> Nanos:
        """Let everything happen that is due, at its own time; return what time it is."""
        self.clock.keep_pace(self.agenda.next_due())
        now = self.clock.now()
        self.advance(now)
        return now

    def advance(self, now: Nanos) -> None:
        """Let everything happen that is due at or before ``now``."""
        while (due := self.agenda.next_due()) is not None and due <= now:
            outer, self._happening = self._happening, due
            try:
                self.agenda.run(due)
            finally:
                self._happening = outer

    def list_market(
        self, event: LocalEvent, listing: Listing, now: Nanos, question: str = ""
    ) -> LocalMarket:
        """List a market and open its book."""
        row = self.catalogue.add(event, listing, now, question)
        if listing.market.id.venue == POLYMARKET:
            self.polymarket.open_market(
                listing.market,
                delay_ms=listing.taker_delay_ms or 0,
                maker_rebate=listing.maker_rebate or 0,
                now=now,
            )
        else:
            self.kalshi.open_market(listing.market, shard=listing.shard or 0, now=now)
        self.bus.publish(ListingTold(listing.market.id, True, now))
        return row

    def change(self, market: MarketId, now: Nanos, /, **changes: object) -> Listing:
        """Change fields of a market's row, e.g. ``rules=…``, and tell it."""
        row = self.catalogue.markets[market]
        row.listing = msgspec.structs.replace(row.listing, updated_ns=now, **changes)
        self.bus.publish(ListingTold(market, False, now))
        return row.listing

    def forget(self, market: MarketId, now: Nanos) -> None:
        """Drop a market that ended long ago and that no client has anything of; tell it."""
        self.catalogue.forget(market)
        if market.venue == POLYMARKET:
            self.polymarket.forget(market)
        else:
            self.kalshi.forget(market)
        self.bus.publish(ListingForgotten(market, now))

    def resolve(self, resolution: Resolution, now: Nanos) -> None:
        """End a market: cancel its orders, give its shares their value, tell it."""
        row = self.catalogue.markets[resolution.market]
        row.resolution = resolution
        exchange = self.polymarket if resolution.market.venue == POLYMARKET else self.kalshi
        exchange.resolve(resolution, now)
        self.change(resolution.market, now, state="resolved")
