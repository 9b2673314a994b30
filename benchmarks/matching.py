"""``matching``: orders a second through the order-level engine of the local venue.

A market in its usual state: a book some hundred orders deep around a price that wanders.  Of ten
calls five add an order that rests, three cancel one, two take: complementary, mint and merge as it
comes.  Everything the engine does is part of it: rules, balances, fees, events (to a listener that
counts them), and settlement of every trade up to CONFIRMED.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final, NamedTuple

from benchmarks.measure import Figure, against, figure, interleave
from underround.model.book import Side
from underround.model.errors import Bug
from underround.model.fees import polymarket_fees
from underround.model.ids import NO, POLYMARKET, YES, MarketId, OrderId
from underround.model.market import CENT, Market, uniform_ticks
from underround.model.units import ONE, Nanos, shares, usd
from underround.simulation.matching.polymarket import PolymarketExchange
from underround.simulation.matching.terms import AccountId, ExchangeEvent, Submission, Trade

TARGET: Final = 50_000
CALLS: Final = 60_000
MAKERS: Final = tuple(AccountId(f"0xmaker{number:02}") for number in range(40))
TAKERS: Final = tuple(AccountId(f"0xtaker{number:02}") for number in range(20))
MARKET: Final = Market(
    id=MarketId(POLYMARKET, "0x" + "dd" * 32),
    title="benchmark",
    outcomes=("Up", "Down"),
    tokens=("1", "2"),
    currency="pUSD",
    ticks=(uniform_ticks("0.01"),),
    min_size=shares("5"),
    size_step=shares("0.01"),
    fees=polymarket_fees("0.07"),
    opens_ns=None,
    closes_ns=None,
    group=None,
    neg_risk=False,
)


class Script(NamedTuple):
    """What is done: submissions, and ids to cancel."""

    steps: list[Submission | OrderId]
    orders: int
    cancels: int


class Count:
    """The listener: counts events and what settles."""

    def __init__(self) -> None:
        self.events = 0
        self.trades: list[Trade] = []

    def heard(self, _event: ExchangeEvent) -> None:
        """Count an event."""
        self.events += 1


def exchange(count: Count) -> PolymarketExchange:
    """Return an exchange with one market and accounts that can afford everything."""
    made = PolymarketExchange(emit=count.heard, plan=_never, settle=count.trades.append)
    made.open_market(MARKET, delay_ms=0, maker_rebate=usd("0.2"), now=0)
    for account in (*MAKERS, *TAKERS):
        made.custody.deposit(account, 10**15)
        made.custody.split(account, MARKET.id, 10**14)
    return made


def _never(_at: Nanos, _happen: Callable[[Nanos], None]) -> None:
    """Plan nothing: no order of the script expires."""


def script(seed: int = 1) -> Script:
    """Return the same calls for the same seed; prices wander between 0.20 and 0.80."""
    draw = random.Random(seed)
    steps: list[Submission | OrderId] = []
    resting: list[OrderId] = []
    mid, orders, cancels = 50, 0, 0
    for number in range(CALLS):
        mid = min(max(mid + draw.choice((-1, 0, 0, 0, 0, 0, 0, 0, 1)), 20), 80)
        kind = draw.random()
        if kind < 0.3 and resting:
            steps.append(resting.pop(draw.randrange(len(resting))))
            cancels += 1
            continue
        takes = kind >= 0.8
        bid = draw.random() < 0.5
        away = draw.randint(1, 8)
        # A taker reaches past the middle, a maker stays behind it.
        cents = mid + (away if bid == takes else -away)
        sent = _submission(draw, number, bid, cents * CENT, takes)
        if not takes:
            resting.append(sent.id)
        steps.append(sent)
        orders += 1
    return Script(steps, orders, cancels)


def _submission(
    draw: random.Random, number: int, bid: bool, yes_price: int, takes: bool
) -> Submission:
    outcome = draw.choice((YES, NO))
    side: Side = "buy" if bid == (outcome == YES) else "sell"
    price = yes_price if outcome == YES else ONE - yes_price
    return Submission(
        id=OrderId(f"0x{number:064x}"),
        account=draw.choice(TAKERS if takes else MAKERS),
        owner="key",
        outcome=MARKET.outcome(outcome),
        side=side,
        price=price,
        size=draw.randint(500, 20_000) * CENT,
        tif="FAK" if takes else "GTC",
        created_ns=0,
    )


def run(work: Script) -> tuple[PolymarketExchange, Count]:
    """Do everything of the script; each trade settles as soon as it was made."""
    count = Count()
    made = exchange(count)
    submit, cancel, settle = made.submit, made.cancel, made.move_trade
    trades = count.trades
    for now, step in enumerate(work.steps):
        if isinstance(step, str):
            cancel((step,), now)
        else:
            submit(step, now)
            if trades:
                name = trades.pop().id
                settle(name, "MINED", now)
                settle(name, "CONFIRMED", now)
    return made, count


def _check(work: Script) -> str:
    made, count = run(work)
    if made.custody.total() != 10**15 * (len(MAKERS) + len(TAKERS)):
        raise Bug("the benchmark's exchange lost or made money")
    taken = sum(1 for trade in made.trades.values() if trade.status == "CONFIRMED")
    deep = sum(1 for _ in made.resting(MARKET.id))
    return f"{taken:,} of the last trades kept, {deep:,} orders left, {count.events:,} events"


def measure(rounds: int) -> list[Figure]:
    """Measure orders a second; cancels are done in the same time but not counted as orders."""
    work = script()
    note = _check(work)
    seconds = interleave({"mix": lambda: run(work)}, rounds)["mix"]
    mix = f"{work.orders:,} orders and {work.cancels:,} cancels; {note}"
    orders = figure(
        "matching",
        "orders (cancels in the same time)",
        "orders/s",
        [work.orders / took for took in seconds],
        note=mix,
    )
    calls = figure(
        "matching",
        "orders and cancels",
        "calls/s",
        [len(work.steps) / took for took in seconds],
    )
    return [against(orders, "≥", TARGET), calls]
