"""Other people's accounts and orders, at both venues, in YES terms.

An account of the house is the address of a key that follows from the seed (``house_key``), so that
a chain can be given its signatures; it owns more than it will ever need.  Nobody of the house has a
login.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Final

from underround.local_venue.accounts import seeded_private_key
from underround.local_venue.flow.chance import Chance
from underround.local_venue.world import World
from underround.model.ids import KALSHI, NO, POLYMARKET, YES, MarketId, OrderId, OutcomeId, Venue
from underround.model.market import Market, TickEpoch
from underround.model.orders import TimeInForce
from underround.model.units import ONE, Money, Nanos, Price, Size, usd
from underround.simulation.matching.terms import AccountId, BookOrder, Level, Placement, Submission
from underround.venues.ethereum import EvmKey, keccak

_SHARDS: Final = (0, 2)
"""Kalshi's shards that have markets here."""
OWNER: Final = "house"
"""Login of every order of the house; nobody can log in with it."""
WEALTH: Final[Money] = usd("1000000000")
_FIRST_KEY: Final = 1_000
"""Keys of the seed from this number on are the house's; those below are ready-made accounts."""


class House:
    """Everybody who is not a client."""

    def __init__(self, world: World) -> None:
        """Nobody has an account yet."""
        self.world = world
        self._accounts: dict[tuple[Venue, str], AccountId] = {}
        self._orders = 0
        self._chance = Chance("ways of the house", world.seed)
        self.paid_in: Money = 0
        """All money the house has brought to Polymarket."""

    # --- accounts ------------------------------------------------------------------------------

    def account(self, name: str, venue: Venue = POLYMARKET) -> AccountId:
        """Return the account of somebody, with money in it; the same name is the same account."""
        account = self._accounts.get((venue, name))
        if account is None:
            account = self._open(name, venue)
            self._accounts[venue, name] = account
        return account

    def _open(self, name: str, venue: Venue) -> AccountId:
        seed, number = self.world.seed, len(self._accounts)
        if venue == KALSHI:
            member = AccountId(f"house-{keccak(f'{seed} {name}'.encode()).hex()[:24]}")
            for shard in _SHARDS:
                self.world.kalshi.money.deposit(member, WEALTH, shard=shard)
            return member
        account = AccountId(EvmKey(_Lent(house_key(seed, number))).address)
        self.world.polymarket.custody.deposit(account, WEALTH)
        self.paid_in += WEALTH
        self.world.polymarket.custody.allow_all(account)
        return account

    def stock(self, account: AccountId, market: MarketId, size: Size) -> None:
        """Give an account shares of both outcomes; Kalshi knows no sets and needs none."""
        if market.venue != POLYMARKET:
            return
        custody = self.world.polymarket.custody
        if custody.available(account) < size:
            custody.deposit(account, WEALTH + size)
            self.paid_in += WEALTH + size
        custody.split(account, market, size)

    def provide(self, account: AccountId, market: MarketId, stock: Size, size: Size) -> None:
        """See that an account can sell ``size`` of either outcome; if not, give it ``stock``."""
        if market.venue == KALSHI:
            return
        available = self.world.polymarket.custody.available
        if min(available(account, OutcomeId(market, index)) for index in (YES, NO)) < size:
            self.stock(account, market, max(stock, size))

    def cash_in(self, account: AccountId, market: MarketId) -> None:
        """Turn what an account has in a resolved market into money; Kalshi does so by itself."""
        if market.venue == POLYMARKET:
            self.world.polymarket.custody.redeem(account, market)

    def position(self, account: AccountId, market: MarketId) -> Size:
        """Return by how much an account has more YES than NO."""
        if market.venue == KALSHI:
            return self.world.kalshi.money.position((account, 0), market).contracts
        custody = self.world.polymarket.custody
        yes = custody.balance(account, OutcomeId(market, YES))
        return yes - custody.balance(account, OutcomeId(market, NO))

    def strangers(self, market: MarketId) -> bool:
        """Return whether anybody else has or had shares of a market (of Kalshi: not asked)."""
        custody, mine = self.world.polymarket.custody, set(self._accounts.values())
        outcomes = {OutcomeId(market, YES), OutcomeId(market, NO)}
        return any(
            account not in mine
            and any(outcome in outcomes for outcome, _ in custody.assets(account))
            for account in custody.accounts()
        )

    def owes(self, market: MarketId) -> bool:
        """Return whether anybody else has shares of a resolved market that are worth something."""
        custody, mine = self.world.polymarket.custody, set(self._accounts.values())
        payouts = custody.payouts.get(market, (0, 0))
        worthy = [OutcomeId(market, index) for index in (YES, NO) if payouts[index]]
        return any(
            custody.balance(account, outcome)
            for account in custody.accounts()
            if account not in mine
            for outcome in worthy
        )

    # --- orders --------------------------------------------------------------------------------

    def send(
        self,
        market: Market,
        account: AccountId,
        price: Price,
        size: Size,
        now: Nanos,
        *,
        bid: bool,
        tif: TimeInForce = "GTC",
        post_only: bool = False,
        recorded: bool = False,
    ) -> BookOrder | None:
        """Send an order in YES terms; return it if it rests now.

        Selling one outcome and buying the other is the same wish, and other people do both: who
        has enough to sell does either by chance.  ``recorded``: it stands for what did happen.
        """
        outcome, buying = self._way(market.id, account, size, bid=bid)
        sent = self.submission(
            market.outcome(outcome),
            account,
            price if outcome == YES else ONE - price,
            size,
            now,
            buying=buying,
            tif=tif,
            post_only=post_only,
        )
        placed = self.submit(sent, now, recorded=recorded)
        return self.resting(sent) if placed.state == "live" else None

    def submission(
        self,
        outcome: OutcomeId,
        account: AccountId,
        price: Price,
        size: Size,
        now: Nanos,
        *,
        buying: bool,
        tif: TimeInForce = "GTC",
        post_only: bool = False,
    ) -> Submission:
        """Return an order of the house in the terms of its own outcome."""
        self._orders += 1
        return Submission(
            id=self.order_id(self._orders, outcome.market.venue),
            account=account,
            owner=OWNER,
            outcome=outcome,
            side="buy" if buying else "sell",
            price=price,
            size=size,
            tif=tif,
            post_only=post_only,
            created_ns=now,
        )

    def order_id(self, number: int, venue: Venue) -> OrderId:
        """Return the id of the house's order ``number``, in the form its venue gives ids."""
        drawn = keccak(f"house order {self.world.seed} {number}".encode()).hex()
        if venue == POLYMARKET:
            return OrderId(f"0x{drawn}")
        return OrderId("-".join((drawn[:8], drawn[8:12], drawn[12:16], drawn[16:20], drawn[20:32])))

    def submit(self, sent: Submission, now: Nanos, *, recorded: bool = False) -> Placement:
        """Hand an order to its exchange; ``recorded``: no rule of Polymarket's is asked."""
        if sent.outcome.market.venue == POLYMARKET:
            return self.world.polymarket.submit(sent, now, recorded=recorded)
        return self.world.kalshi.submit(sent, now)

    def resting(self, sent: Submission) -> BookOrder:
        """Return the order of a submission that was accepted."""
        if sent.outcome.market.venue == POLYMARKET:
            return self.world.polymarket.orders[sent.id]
        return self.world.kalshi.orders[sent.id]

    def withdraw(self, market: MarketId, orders: Iterable[BookOrder], now: Nanos) -> None:
        """Cancel orders of one market; those that are gone already are passed over."""
        self.cancel(market.venue, [o.sent.id for o in orders if o.state == "live"], now)

    def cancel(self, venue: Venue, ids: Sequence[OrderId], now: Nanos) -> None:
        """Cancel orders by their ids; the venue may refuse to, as it does while it restarts."""
        if not ids:
            return
        if venue == POLYMARKET:
            self.world.polymarket.cancel(ids, now)
        else:
            self.world.kalshi.cancel(ids, now)

    def cancel_all(self, venue: Venue, account: AccountId, now: Nanos) -> None:
        """Cancel everything an account has open at a venue."""
        if venue == POLYMARKET:
            self.world.polymarket.cancel_where(now, account=account)
        else:
            self.world.kalshi.cancel_where(now, account=account)

    def shrink(self, order: BookOrder, left: Size, now: Nanos) -> None:
        """Leave ``left`` of a resting order where it stands; 0 cancels it."""
        if order.sent.outcome.market.venue == POLYMARKET:
            self.world.polymarket.shrink(order.sent.id, left, now)
        else:
            self.world.kalshi.decrease(order.sent.id, now, account=order.sent.account, left=left)

    # --- reading -------------------------------------------------------------------------------

    def levels(self, market: MarketId) -> tuple[Sequence[Level], Sequence[Level]]:
        """Return bids and asks in YES terms, best first."""
        if market.venue == POLYMARKET:
            return self.world.polymarket.levels(market)
        return self.world.kalshi.levels(market)

    def best(self, market: MarketId) -> tuple[Price | None, Price | None]:
        """Return the best bid and ask in YES terms."""
        bids, asks = self.levels(market)
        return (bids[0].price if bids else None), (asks[0].price if asks else None)

    def ticks(self, market: Market) -> TickEpoch:
        """Return the price grid of a market now."""
        if market.id.venue == POLYMARKET:
            return self.world.polymarket.ticks(market.id)
        return self.world.kalshi.ticks(market.id)

    def _way(
        self, market: MarketId, account: AccountId, size: Size, *, bid: bool
    ) -> tuple[int, bool]:
        """Return the outcome to act on, and whether by buying."""
        given = OutcomeId(market, NO if bid else YES)
        custody = self.world.polymarket.custody
        sells = market.venue == POLYMARKET and bool(self._chance.below(2))
        if sells and custody.available(account, given) >= size:
            return given.index, False
        return (YES if bid else NO), True


class _Lent:
    """A key that is no secret, in the form in which keys are taken."""

    def __init__(self, value: str) -> None:
        self.name = OWNER
        self._value = value.encode()

    def reveal(self) -> AbstractContextManager[memoryview]:
        return nullcontext(memoryview(self._value))


def house_key(seed: int, number: int) -> str:
    """Return the private key (``0x`` hex) of the house's account ``number``, counted from 0."""
    return seeded_private_key(seed, _FIRST_KEY + number)
