"""Parts of the made-up runs in ``sample_run``."""

from __future__ import annotations

import random
from typing import get_args

from underround.model.ids import (
    POLYMARKET,
    FillId,
    IntentId,
    MarketId,
    OrderId,
    OutcomeId,
    PlanId,
    StrategyId,
)
from underround.model.orders import Fill, Order, OrderState
from underround.model.run import (
    BookCounters,
    EquityPoint,
    FillKindRow,
    Gap,
    InventoryPoint,
    MarketSeries,
    PricePoint,
    ProofKind,
    RefusalRow,
    StrategySummary,
    StreamCoverage,
)
from underround.model.units import ONE, cost_of, proceeds_of

START = 1_780_000_000_123_456_789
SECOND = 1_000_000_000
LENGTH = 7_200 * SECOND
TITLES = (
    "Will the central bank cut rates in December?",
    "Bitcoin Up or Down, 20 November, 14:00 to 14:15 UTC",
    "Will the incumbent win the second round by more than five points?",
    "Northern Lights visible in Edinburgh on Friday",
    "Team A beats Team B",
    "A very quiet market",
)
MAKER, TAKER = StrategyId("spread_maker"), StrategyId("pair_taker")


def prices(rng: random.Random, points: int, *, quiet: bool) -> list[PricePoint]:
    middle = rng.randrange(25, 75) * 10_000
    found = []
    for place in range(points):
        if not quiet:
            middle = min(950_000, max(50_000, middle + rng.choice((-10_000, 0, 0, 0, 10_000))))
        half = rng.choice((5_000, 10_000, 10_000, 20_000))
        trusted = place > points // 40 and not 0.55 < place / points < 0.61 and place % 397 != 0
        bid, ask = middle - half, middle + half
        empty = place % 611 == 5
        at_ns = START + LENGTH * place // points + rng.randrange(1_000_000)
        found.append(PricePoint(at_ns, 0 if empty else bid, ONE if empty else ask, trusted))
    return found


def _order(number: int, strategy: StrategyId, outcome: OutcomeId, start: int, **own: int) -> Order:
    return Order(
        id=OrderId(f"o{number}"),
        intent=IntentId(number),
        strategy=strategy,
        plan=PlanId(f"plan-{number}"),
        leg_group=None,
        outcome=outcome,
        side="buy" if own["buy"] else "sell",
        price=own["price"],
        size=own["size"],
        tif="GTC" if strategy == MAKER else "FAK",
        post_only=strategy == MAKER,
        purpose="open",
        good_until_ns=None,
        created_ns=start,
        updated_ns=start + own["rests"],
    )


def trades(
    rng: random.Random, line: MarketSeries, count: int, number: int
) -> tuple[list[Order], list[Fill]]:
    market = MarketId(POLYMARKET, line.market.partition(":")[2])
    orders: list[Order] = []
    fills: list[Fill] = []
    held = [0, 0]
    sellable = {(kind, index): 0 for kind in (True, False) for index in (0, 1)}
    for place in range(count):
        quote = line.prices[(place + 1) * (len(line.prices) - 1) // (count + 1)]
        maker = place % 3 != 2
        index = place % 5 == 1
        buy = place % 7 < 4 or sellable[maker, int(index)] < 40 * ONE
        level = quote.bid if buy != index else quote.ask
        price = min(990_000, max(10_000, ONE - level if index else level))
        order = _order(
            number + place,
            MAKER if maker else TAKER,
            OutcomeId(market, int(index)),
            quote.at_ns,
            buy=buy,
            price=price,
            size=rng.choice((10, 25, 40)) * ONE,
            rests=rng.randrange(20, 400) * SECOND if maker else 0,
        )
        state: OrderState = "cancelled"
        if place % 2 == 0 or not maker:
            order.filled = order.size if place % 4 else order.size // 2
            state = "filled" if place % 4 else "cancelled"
            fee = 0 if maker else order.filled * price // ONE * (ONE - price) // ONE // 14 + 1
            held[index] += order.filled if buy else -order.filled
            sellable[maker, int(index)] += order.filled if buy else -order.filled
            at_ns = order.updated_ns
            fills.append(
                Fill(
                    id=FillId(f"f{number + place}"),
                    order=order.id,
                    outcome=order.outcome,
                    side=order.side,
                    price=price,
                    size=order.filled,
                    fee=fee,
                    liquidity="maker" if maker else "taker",
                    at_ns=at_ns,
                    evidence="traded through" if maker else "walked the book",
                )
            )
            line.inventory.append(InventoryPoint(at_ns, held[0], held[1]))
        order.state = state if place != count - 1 else "live"
        order.reason = "" if state == "filled" else "quote moved away"
        orders.append(order)
    line.inventory.sort(key=lambda point: point.at_ns)
    return orders, fills


def equity(rng: random.Random, points: int) -> list[EquityPoint]:
    worth, cash, fees, found = 1_000 * ONE, 1_000 * ONE, 0, []
    for place in range(points):
        worth += rng.randrange(-300_000, 306_000)
        cash = worth - min(place * 900_000, 180 * ONE) + place % 7 * 1_000
        fees += rng.choice((0, 0, 0, 1_237))
        found.append(EquityPoint(START + LENGTH * place // points, worth, cash, fees))
    return found


def books(lines: list[MarketSeries]) -> list[BookCounters]:
    proofs: tuple[ProofKind, ...] = get_args(ProofKind)
    return [
        BookCounters(
            market=line.market,
            title=line.title,
            proof=proof,
            epochs=3 + place,
            applied=42_000 - 6_500 * place,
            verified=41_200 - 6_500 * place if place < 5 else 0,
            unverifiable=3 * place,
            mismatched=int(place == 2) * 4,
            gaps=int(place == 1),
            stale_snapshots=place // 2,
            trusted_ns=(LENGTH * (97 - 7 * place) // 100) if place < 5 else 0,
            doubts={"reconnect": 1 + place, "hash differs from the venue's": 2} if place else {},
            trusted_at_end=place < 5,
        )
        for place, (line, proof) in enumerate(zip(lines, proofs, strict=False))
    ]


def strategies() -> list[StrategySummary]:
    return [
        StrategySummary(
            name="spread_maker",
            kind="spread",
            loses_when="the price runs through its resting orders before it can move them.",
            markets=6,
            wakes=311_204,
            intents=214,
            orders=151,
            fills=62,
            refusals=63,
            refused_by=[
                RefusalRow("max_notional", 40, 3_000_500, "asked $62.50, allowed $50.00"),
                RefusalRow("book_trusted", 23, 4_870_004, "book doubted since 14:02:11"),
            ],
            pairs_held=12_500_000,
            pairs_redeemed=4 * ONE,
        ),
        StrategySummary(
            name="pair_taker",
            kind="pair",
            loses_when="one leg fills and the other does not.",
            markets=6,
            wakes=311_204,
            intents=70,
            orders=52,
            fills=52,
            refusals=18,
            refused_by=[
                RefusalRow("expired", 8, 90_000, "expired 12 ms before"),
                RefusalRow("book_trusted", 6, 1_000_000, "book doubted since 14:02:11"),
                RefusalRow("max_notional", 4, 120_000, "asked $62.50, allowed $50.00"),
            ],
            why_idle="18 pairs cost less than one dollar for less than the 250 ms they take.",
        ),
        StrategySummary(
            name="dutch_book",
            kind="dutch_book",
            loses_when="a leg fills and another does not, or the group was not exhaustive.",
            markets=4,
            wakes=180_332,
            why_idle="The asks of the closest group summed to 1.013; it needs 0.98 after fees.",
        ),
    ]


def kinds(fills: list[Fill], orders: list[Order]) -> list[FillKindRow]:
    owners = {order.id: order.strategy for order in orders}
    kinds: dict[tuple[str, str, str], list[Fill]] = {}
    for fill in fills:
        kinds.setdefault((owners[fill.order], fill.liquidity, fill.evidence), []).append(fill)
    return [
        FillKindRow(
            *kind,
            count=len(group),
            size=sum(fill.size for fill in group),
            notional=sum(
                (cost_of if fill.side == "buy" else proceeds_of)(fill.price, fill.size)
                for fill in group
            ),
            fees=sum(fill.fee for fill in group),
        )
        for kind, group in sorted(kinds.items())
    ]


def coverage() -> list[StreamCoverage]:
    end = START + LENGTH
    gap = Gap("polymarket.market", START + LENGTH * 55 // 100, START + LENGTH * 61 // 100)
    blip = Gap("polymarket.market", START + LENGTH // 5, START + LENGTH // 5 + 14 * SECOND)
    return [
        StreamCoverage(
            "polymarket.market", 402_113, START, end, START + SECOND, end, (blip, gap), 0.938
        ),
        StreamCoverage(
            "binance.spot",
            86_400,
            START - 600 * SECOND,
            end,
            START + 300 * SECOND,
            end,
            (),
            0.8846,
        ),
        StreamCoverage("kalshi.orderbook", 0, START, end, None, None, (), 0.0),
    ]
