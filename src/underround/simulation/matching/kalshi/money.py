"""Kalshi's money: cash by member, subaccount and shard, signed positions, and what backs them.

Every contract that is held by somebody is held against by somebody else, and one dollar backs the
pair.  Nothing is rounded: prices are multiples of 0.0001 dollars and sizes of 0.01 contracts, so a
match is a whole number of micro-dollars.  Cash, backing and fees always add up to what was paid in.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import msgspec

from underround.model.fees import KalshiFees
from underround.model.ids import MarketId
from underround.model.market import Market
from underround.model.units import ONE, Money, Nanos, Price, Size
from underround.simulation.matching.kalshi.terms import (
    PRIMARY,
    Holder,
    KalshiOrder,
    KalshiSettlement,
    Position,
)
from underround.simulation.matching.terms import AccountId

PRICE_STEP: Final = 100
"""0.0001 dollars: the finest price, and the step of a direct member's balance."""
SIZE_STEP: Final = 10_000
"""0.01 contracts."""
_ENDED: Final = 5_000
"""Settled positions that are kept."""
_REBATE: Final = 10_000
"""Rounding fees of an order are paid back by the cent."""


class KalshiMoney:
    """Who has what.  Cash of a shard pays for markets of that shard only."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.cash: dict[tuple[AccountId, int, int], Money] = {}
        """By member, subaccount and shard."""
        self.reserved: dict[tuple[AccountId, int, int], Money] = {}
        """What open orders bind, likewise."""
        self.positions: dict[Holder, dict[MarketId, Position]] = {}
        self.backing: dict[MarketId, Money] = {}
        """One dollar for each pair of contracts of a market."""
        self.holders: dict[MarketId, dict[Holder, None]] = {}
        """Who ever held a market, in order of appearance."""
        self.fees: Money = 0
        """Everything the exchange took."""
        self._ended: deque[tuple[Holder, MarketId]] = deque()

    # --- cash ----------------------------------------------------------------------------------

    def deposit(
        self, account: AccountId, amount: Money, *, shard: int = 0, subaccount: int = PRIMARY
    ) -> None:
        """Pay cash in; raises ``ValueError`` for less than nothing."""
        if amount < 0:
            raise ValueError(f"{amount} cannot be paid in: name an amount above 0")
        key = (account, subaccount, shard)
        self.cash[key] = self.cash.get(key, 0) + amount

    def withdraw(
        self, account: AccountId, amount: Money, *, shard: int = 0, subaccount: int = PRIMARY
    ) -> None:
        """Pay cash out; raises ``ValueError`` beyond what is free."""
        free = self.available((account, subaccount), shard)
        if not 0 <= amount <= free:
            raise ValueError(f"{account} has {free} free on shard {shard}, not {amount}")
        self.cash[account, subaccount, shard] = self.balance((account, subaccount), shard) - amount

    def balance(self, holder: Holder, shard: int) -> Money:
        """Return a holder's cash on a shard, what orders bind included."""
        return self.cash.get((*holder, shard), 0)

    def bound(self, holder: Holder, shard: int) -> Money:
        """Return what a holder's open orders bind on a shard."""
        return self.reserved.get((*holder, shard), 0)

    def available(self, holder: Holder, shard: int) -> Money:
        """Return what is free for new orders, for transfers and to be paid out."""
        return self.balance(holder, shard) - self.bound(holder, shard)

    def total(self) -> Money:
        """Return all money there is: changed by payments in and out, by nothing else."""
        return sum(self.cash.values()) + sum(self.backing.values()) + self.fees

    # --- positions -----------------------------------------------------------------------------

    def position(self, holder: Holder, market: MarketId) -> Position:
        """Return what a holder has in a market; an empty position if it never traded there."""
        return self.positions.get(holder, {}).get(market) or Position()

    def open_interest(self, market: MarketId) -> Size:
        """Return how many contracts are held on each side."""
        return self.backing.get(market, 0)

    def trade(
        self, order: KalshiOrder, shard: int, price: Price, size: Size, now: Nanos
    ) -> Position:
        """Book one side of a match at the YES price ``price``; return the position."""
        holder, market = order.holder, order.sent.outcome.market
        held = self.positions.setdefault(holder, {}).setdefault(market, Position())
        self.holders.setdefault(market, {})[holder] = None
        leg = price if order.bid else ONE - price
        closed = closing(order.bid, held.contracts, size)
        paid = leg * (size - closed) // ONE
        received = (ONE - leg) * closed // ONE
        key = (*holder, shard)
        self.cash[key] = self.cash.get(key, 0) + received - paid
        self.backing[market] = self.backing.get(market, 0) + paid - received
        self._carry(held, closed, paid, received)
        held.contracts += size if order.bid else -size
        held.traded += leg * size // ONE
        held.volume += size
        held.updated_ns = now
        return held

    def charge(self, holder: Holder, shard: int, held: Position, fee: Money) -> Money:
        """Take a fee, at most what is free; return what was taken.

        An order reserves its fee as one fill; several round to a little more, which an account
        without a cent to spare does not owe.
        """
        taken = min(fee, max(0, self.available(holder, shard)))
        self.cash[*holder, shard] = self.balance(holder, shard) - taken
        self.fees += taken
        held.fees += taken
        return taken

    @staticmethod
    def _carry(held: Position, closed: Size, paid: Money, received: Money) -> None:
        """Take what was closed out of the cost, and add what was opened."""
        if closed:
            gone = held.cost * closed // abs(held.contracts)
            held.cost -= gone
            held.realized += received - gone
        held.cost += paid

    # --- the end of a market -------------------------------------------------------------------

    def settle(
        self, market: MarketId, shard: int, value: Price, now: Nanos
    ) -> list[KalshiSettlement]:
        """Pay every holder what one YES is worth, or one NO; return what each got.

        A payout is rounded down to 0.0001 dollars; what is left over is a settlement fee.
        """
        made = []
        for holder in self.holders.get(market, {}):
            held = self.positions[holder][market]
            worth = value if held.contracts > 0 else ONE - value
            exact = worth * abs(held.contracts) // ONE
            revenue = exact - exact % PRICE_STEP
            if held.contracts:
                key = (*holder, shard)
                self.cash[key] = self.cash.get(key, 0) + revenue
                self.backing[market] -= revenue
                held.realized += revenue - held.cost
            made.append(_settlement(holder, market, held, (value, revenue), now))
            held.contracts = held.cost = 0
            held.settled = True
            held.updated_ns = now
            self._end(holder, market)
        self.fees += self.backing.pop(market, 0)
        self.holders.pop(market, None)
        return made

    def _end(self, holder: Holder, market: MarketId) -> None:
        """Remember a settled position for a while."""
        self._ended.append((holder, market))
        if len(self._ended) > _ENDED:
            gone, market = self._ended.popleft()
            self.positions[gone].pop(market, None)


def closing(bid: bool, contracts: int, size: Size) -> Size:
    """Return how much of a trade of ``size`` closes the position ``contracts``."""
    return min(size, max(0, -contracts if bid else contracts))


def fee_of(
    market: Market, order: KalshiOrder, price: Price, size: Size, closed: Size, *, taker: bool
) -> Money:
    """Return the fee of one fill and note its rounding with the order.

    The trade fee is rounded up to 0.0001 dollars and the change of the balance down to it; that
    difference counts per order, and by the cent it is paid back.
    """
    leg = price if order.bid else ONE - price
    cost = leg * size // ONE
    charged = market.fees.fee(leg, size, taker=taker)
    if not isinstance(market.fees, KalshiFees):
        return charged
    # ``fees.fee`` rounds as if all of it was opened: take that part out, and round what happens.
    charged -= -cost % PRICE_STEP
    change = closed - cost - charged
    rounding = change % PRICE_STEP
    order.rounding += rounding
    rebate = 0
    if order.rounding > _REBATE and charged + rounding >= _REBATE:
        rebate = _REBATE
        order.rounding -= _REBATE
    return charged + rounding - rebate


def _settlement(
    holder: Holder, market: MarketId, held: Position, paid: tuple[Price, Money], now: Nanos
) -> KalshiSettlement:
    value, revenue = paid
    return KalshiSettlement(
        account=holder[0],
        subaccount=holder[1],
        market=market,
        result="yes" if value == ONE else "no" if value == 0 else "scalar",
        value=value,
        contracts=held.contracts,
        cost=held.cost,
        revenue=revenue,
        fees=held.fees,
        at_ns=now,
    )


def copied(held: Position) -> Position:
    """Return a position that never changes."""
    return msgspec.structs.replace(held)
