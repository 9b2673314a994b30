"""Our REST clients prove against the local venue what every client has to prove.

The sentences are those of ``tests/venues/client_conformance.py``; the host is the venue, and what
goes wrong is a fault of its own.  Three of the suite's sentences need a host that says what no
venue says, and stay with the scripted one: bodies that are cut or garbled (a fault changes frames
of streams, no HTTP bodies), pages that never end, and an answer that repeats what it was sent.
What they are for is asked here in other words: what is told after a failure is the truth, lists of
several pages are whole, and no error shows a secret.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Final, cast

import msgspec
import pytest

from tests.aio import JumpingLoop
from tests.local_venue.our_clients import TICKER, Ours, Running, running
from tests.oracles.known import Lent
from tests.venues.client_conformance import (
    ClientConformance,
    Clock,
    Met,
    Request,
    Spending,
    _nobody,
)
from tests.venues.conformance import words_of
from tests.venues.scripted import Asked
from underround.local_venue.faults import Answer, AnyFault, Host, Slow, Swallow
from underround.model.errors import (
    AccountError,
    OutcomeUnknown,
    RateLimited,
    UnderroundError,
    Unreachable,
)
from underround.model.ids import OrderId
from underround.model.units import ONE
from underround.venues.allora.limits import LIMITS as ALLORA_LIMITS
from underround.venues.allora.rest import AlloraConsumer, AlloraRest
from underround.venues.binance.limits import LIMITS as BINANCE_LIMITS
from underround.venues.binance.rest import BinanceRest
from underround.venues.kalshi.limits import TIERS
from underround.venues.kalshi.limits import limits_of as kalshi_limits
from underround.venues.kalshi.orders import CreateBody, decrease_body
from underround.venues.kalshi.rest import KalshiRest
from underround.venues.polygon import positions
from underround.venues.polymarket.data_api import PolymarketData
from underround.venues.polymarket.gamma.query import MarketQuery
from underround.venues.polymarket.gamma.rest import GammaRest
from underround.venues.polymarket.limits import limits_of
from underround.venues.polymarket.orders import Outgoing
from underround.venues.polymarket.relayer.rest import PolymarketRelayer
from underround.venues.polymarket.relayer.wallet_calls import Call
from underround.venues.polymarket.requests import Requests
from underround.venues.polymarket.rest import PolymarketRest
from underround.venues.transport.budget import RateBudget
from underround.venues.transport.http import HttpClient, HttpTransport

NEVER_MS: Final = 60_000
API: Final = "/trade-api/v2"
CHAIN: Final = "allora-testnet-1"


class Failing(msgspec.Struct, frozen=True):
    """One way for a request to fail."""

    fault: Callable[[Host, str, str], AnyFault] | None
    """``None``: nothing fails."""
    hang_up: bool = False


def _answered(status: int, *, processed: bool = False) -> Failing:
    return Failing(
        lambda host, method, path: Answer(
            host=host, method=method, path=path, status=status, processed=processed
        )
    )


WELL: Final = Failing(None)
FAILURES: Final[Mapping[str, Failing]] = {
    "hang-up": Failing(
        lambda host, method, path: Swallow(host=host, method=method, path=path), hang_up=True
    ),
    "no answer": Failing(
        lambda host, method, path: Slow(host=host, method=method, path=path, ms=NEVER_MS)
    ),
    "500": _answered(500),
    "500, and done": _answered(500, processed=True),
    "502": _answered(502),
    "503, and done": _answered(503, processed=True),
    "504": _answered(504, processed=True),
}
NOT_DONE: Final = frozenset(("500", "502"))
"""What the venue did not carry out."""


@pytest.fixture(scope="module")
def venue() -> Iterator[Running]:
    with running() as made:
        yield made


class VenueConformance(ClientConformance):
    """The suite, with the venue as host."""

    host: Host
    endpoint: str = ""
    """Name of the host's address; empty: as the host."""
    signs: bool = True
    """Whether the host asks who we are."""
    venue: Running

    @pytest.fixture(autouse=True)
    def _at(self, venue: Running) -> None:
        self.venue = venue

    @property
    def ours(self) -> Ours:
        return self.venue.ours

    def failures(self) -> Any:
        return {**FAILURES, **self.unsettled}

    def meet(
        self, request: Request, answer: Any, *, warm: bool = False, closed: bool = False
    ) -> Met:
        failing = answer if isinstance(answer, Failing) else WELL
        return self.venue.run(lambda: self._meet(request, failing, warm=warm, closed=closed))

    async def _meet(self, request: Request, failing: Failing, *, warm: bool, closed: bool) -> Met:
        met = Met(asked=[], log=[])
        loop = cast("JumpingLoop", asyncio.get_running_loop())
        faults = self.ours.world.faults

        def heard(method: str, path: str) -> None:
            met.asked.append(Asked(method, path, {}, b""))
            met.log.append(f"asked {method} {path}")

        url = _nobody() if closed else getattr(self.ours.at, self.endpoint or self.host)
        async with HttpClient(url, timeout_ms=5_000, max_body_bytes=4 << 20) as http:
            if warm:
                await http.send("GET", "/warm")
            self.venue.heard = heard
            if failing.fault is not None:
                method, _, path = request.key.partition(" ")
                faults.set(failing.fault(self.host, method, path), self.ours.now)
            budget = Spending(self.limits, loop.now_ns, met.log)
            try:
                met.result = await request.ask(self.client(http, budget, loop.now_ns))
            except UnderroundError as error:
                met.error = error
            faults.clear()
        await asyncio.sleep(3)  # whatever the venue counts by the second is full again
        return met

    # --- what the venue cannot be made to say -----------------------------------------------------

    def test_an_unreadable_answer_to_a_read_is_refused(self) -> None:
        """Here: after every failure the next answer is read as if nothing had been."""
        for request in self.reads():
            for failing in self.failures().values():
                self.meet(request, failing)
                assert self.meet(request, WELL).error is None, request.key

    def test_half_an_answer_to_a_write_is_unknown(self) -> None:
        """Here: a connection that is cut after the venue did it, before it said so."""
        for request in self.writes():
            met = self.meet(request, FAILURES["hang-up"])
            assert isinstance(met.error, OutcomeUnknown), (request.key, met.error)

    def test_pages_that_do_not_end_are_an_error(self) -> None:
        """Here nothing: each venue's own tests page through its lists."""

    def test_no_error_shows_a_secret(self) -> None:
        refused = {str(status): _answered(status) for status in (400, 401, 403, 404, 425, 429)}
        for request in (*self.reads(), *self.writes()):
            for name, failing in {**self.failures(), **refused}.items():
                met = self.meet(request, failing)
                for secret in self.secrets:
                    assert secret not in words_of(met.error), (request.key, name)

    # --- what only a venue shows ------------------------------------------------------------------

    def test_who_is_not_known_has_an_account_to_see_to(self) -> None:
        for request in (*self.reads(), *self.writes()) if self.signs else ():
            met = self.meet(request, _answered(401))
            assert isinstance(met.error, AccountError), (request.key, met.error)

    def test_who_asks_too_much_is_told_so(self) -> None:
        for request in self.reads():
            met = self.meet(request, _answered(429))
            assert isinstance(met.error, RateLimited), (request.key, met.error)


class TestPolymarket(VenueConformance):
    host: Host = "clob"
    limits = limits_of()
    unsettled = cast("Any", {"425": _answered(425), "503": _answered(500)})

    @property
    def secrets(self) -> Collection[str]:  # type: ignore[override]  # known once the venue runs
        who = self.ours.who
        return (who.api_secret, who.api_passphrase, who.api_key, who.private_key[2:])

    def client(self, http: HttpTransport, budget: RateBudget, clock: Clock) -> PolymarketRest:
        return PolymarketRest(
            http, budget, clock, self.ours.tokens,
            authorizer=self.ours.credentials(), identity=self.ours.account,
        )  # fmt: skip

    def reads(self) -> Sequence[Request]:
        market = self.ours.market
        native, token = market.id.native, market.tokens[0]
        return (
            Request("GET /data/orders", lambda c: c.open_orders(), b""),
            Request("GET /data/trades", lambda c: c.fills(), b""),
            Request("GET /balance-allowance", lambda c: c.account.cash(), b""),
            Request("GET /tick-size", lambda c: c.public.tick_size(token), b""),
            Request(f"GET /clob-markets/{native}", lambda c: c.public.terms(native), b""),
            Request("GET /prices-history", lambda c: c.public.price_history(token), b""),
            Request("GET /auth/api-keys", lambda c: c.keys.api_keys(), b""),
            Request("GET /book", lambda c: c.public.book(token), b""),
        )

    def writes(self) -> Sequence[Request]:
        async def batch(client: PolymarketRest) -> Any:
            (truth,) = await client.post_orders((self.ours.outgoing(),))
            if isinstance(truth, UnderroundError):
                raise truth
            return truth

        nobodys = "0x" + "ab" * 32
        condition = self.ours.market.id.native
        return (
            Request("POST /order", lambda c: c.post_order(self.ours.outgoing()), b""),
            Request("POST /orders", batch, b""),
            Request("DELETE /order", lambda c: c.cancel_order(nobodys), b""),
            Request("DELETE /orders", lambda c: c.cancel_orders([nobodys]), b""),
            Request("DELETE /cancel-all", lambda c: c.cancel_all(), b""),
            Request("DELETE /cancel-market-orders",
                    lambda c: c.cancel_market(condition=condition), b""),
            Request("POST /auth/api-key",
                    lambda c: c.keys.create(self.ours.wallet_proof()), b""),
        )  # fmt: skip

    def test_an_order_whose_fate_is_unknown_is_found_by_its_own_id(self) -> None:
        """It rests or was filled exactly where the venue did it; elsewhere there is no trace."""
        found = []
        for name, failing in FAILURES.items():
            for price in ("0.1", "0.6"):  # one rests, one takes
                order, sent = self.ours.outgoing(price=price), self.ours.now
                assert isinstance(self.meet(_posted(order), failing).error, OutcomeUnknown)
                stated = self.meet(_looked_up(order.order_id, sent), WELL).result
                there = order.order_id in self.ours.world.polymarket.orders
                assert (stated is not None) == there, (name, price)
                if stated is not None:
                    assert stated.filled == (5 * ONE if price == "0.6" else 0)
                    found.append(name)
        assert set(found) == set(FAILURES) - NOT_DONE


def _posted(order: Outgoing) -> Request:
    return Request("POST /order", lambda c: c.post_order(order), b"")


def _looked_up(order: OrderId, sent: int) -> Request:
    return Request("GET /x", lambda c: c.lookup(order, sent_ns=sent), b"")


class TestPolymarketData(VenueConformance):
    host: Host = "data"
    limits = limits_of()

    def client(self, http: HttpTransport, budget: RateBudget, clock: Clock) -> PolymarketData:
        return PolymarketData(Requests(http, budget, clock))

    def reads(self) -> Sequence[Request]:
        wallet, condition = self.ours.who.maker, self.ours.market.id.native
        return (
            Request("GET /v2/positions", lambda c: c.positions(wallet), b""),
            Request("GET /v2/resolutions", lambda c: c.resolutions([condition]), b""),
            Request("GET /v2/value", lambda c: c.value(wallet), b""),
        )


class TestGamma(VenueConformance):
    host: Host = "gamma"
    limits = limits_of()

    def client(self, http: HttpTransport, budget: RateBudget, clock: Clock) -> GammaRest:
        return GammaRest(http, budget)

    def reads(self) -> Sequence[Request]:
        return (
            Request("GET /tags", lambda c: c.tags(), b""),
            Request("GET /markets/keyset",
                    lambda c: c.markets(MarketQuery(), self.ours.now), b""),
        )  # fmt: skip


class TestRelayer(VenueConformance):
    host: Host = "relayer"
    limits = limits_of()

    @property
    def secrets(self) -> Collection[str]:  # type: ignore[override]  # known once the venue runs
        return (self.ours.who.relayer_key, self.ours.who.private_key[2:])

    def client(self, http: HttpTransport, budget: RateBudget, clock: Clock) -> PolymarketRelayer:
        ours = self.ours
        requests = Requests(http, budget, clock, ours.relayer_key())
        return PolymarketRelayer(requests, ours.key, ours.wallet, asyncio.sleep)

    def reads(self) -> Sequence[Request]:
        return (Request("GET /deployed", lambda c: c.deployed(), b""),)

    def writes(self) -> Sequence[Request]:
        call = positions.split("ctf", self.ours.market.id.native, ONE)
        asked = Call(str(call.to), call.data)
        return (Request("POST /submit", lambda c: c.execute([asked]), b""),)


class TestKalshi(VenueConformance):
    host: Host = "kalshi"
    limits = kalshi_limits(TIERS["basic"])

    @property
    def secrets(self) -> Collection[str]:  # type: ignore[override]  # known once the venue runs
        member = self.ours.member
        return (member.key_id, *member.private_key.splitlines()[1:-1])

    def client(self, http: HttpTransport, budget: RateBudget, clock: Clock) -> KalshiRest:
        return KalshiRest(http, budget, self.ours.signer(), clock)

    def reads(self) -> Sequence[Request]:
        return (
            Request(f"GET {API}/portfolio/balance", lambda c: c.portfolio.balance(), b""),
            Request(f"GET {API}/portfolio/positions", lambda c: c.portfolio.positions(), b""),
            Request(f"GET {API}/account/limits", lambda c: c.portfolio.limits(), b""),
            Request(f"GET {API}/markets/{TICKER}/orderbook",
                    lambda c: c.markets.order_book(TICKER), b""),
        )  # fmt: skip

    def writes(self) -> Sequence[Request]:
        orders, groups = f"{API}/portfolio/events/orders", f"{API}/portfolio/order_groups"
        shard = self.ours.shard

        async def batch(client: KalshiRest) -> Any:
            (truth,) = await client.orders.place_batch((self.ours.kalshi_order()[1],))
            if isinstance(truth, UnderroundError):
                raise truth
            return truth

        return (
            Request(f"POST {orders}", lambda c: c.orders.place(self.ours.kalshi_order()[1]), b""),
            Request(f"POST {orders}/batched", batch, b""),
            Request(f"DELETE {orders}", lambda c: c.orders.cancel_all(), b""),
            Request(f"POST {groups}/create", lambda c: c.groups.create(5 * ONE, shard), b""),
            Request(f"POST {API}/portfolio/intra_exchange_instance_transfer",
                    lambda c: c.portfolio.transfer(ONE, 0, 2), b""),
        )  # fmt: skip

    def test_a_change_of_an_order_is_sent_once_and_a_failed_one_is_unknown(self) -> None:
        """Decreasing and cancelling need an order that is there."""
        for name, failing in {"well": WELL, **FAILURES}.items():
            placed = self.meet(_placed(self.ours.kalshi_order()[1]), WELL).result
            for request in _changes(placed.native, self.ours.shard):
                met = self.meet(request, failing)
                assert len(met.of(request)) == 1, (request.key, name)
                expected = type(None) if name == "well" else OutcomeUnknown
                assert isinstance(met.error, expected), (request.key, name, met.error)

    def test_an_order_whose_fate_is_unknown_is_found_by_our_own_name_for_it(self) -> None:
        found = []
        for name, failing in FAILURES.items():
            for price in ("0.1", "0.6"):
                order, body = self.ours.kalshi_order(price=price)
                sent = self.ours.now
                assert isinstance(self.meet(_placed(body), failing).error, OutcomeUnknown), name
                stated = self.meet(_found(order, sent), WELL).result
                if stated is not None:
                    assert stated.filled == (5 * ONE if price == "0.6" else 0)
                    found.append(name)
        assert set(found) == set(FAILURES) - NOT_DONE


def _placed(body: CreateBody) -> Request:
    return Request(f"POST {API}/portfolio/events/orders", lambda c: c.orders.place(body), b"")


def _found(order: OrderId, sent: int) -> Request:
    return Request("GET x", lambda c: c.portfolio.find_order(order, TICKER, sent), b"")


def _changes(native: str, shard: int) -> tuple[Request, ...]:
    at, smaller = f"{API}/portfolio/events/orders/{native}", decrease_body(TICKER, shard, by=ONE)
    return (
        Request(f"POST {at}/decrease", lambda c: c.orders.decrease(native, smaller), b""),
        Request(f"DELETE {at}", lambda c: c.orders.cancel(native, shard), b""),
    )


class TestBinance(VenueConformance):
    host: Host = "binance"
    signs = False
    limits = BINANCE_LIMITS

    def client(self, http: HttpTransport, budget: RateBudget, clock: Clock) -> BinanceRest:
        return BinanceRest(http, budget, clock)

    def reads(self) -> Sequence[Request]:
        return (
            Request("GET /api/v3/time", lambda c: c.time(), b""),
            Request("GET /api/v3/depth", lambda c: c.depth("BTCUSDT"), b""),
            Request("GET /api/v3/aggTrades", lambda c: c.trades("BTCUSDT"), b""),
            Request("GET /api/v3/ticker/bookTicker", lambda c: c.quote("BTCUSDT"), b""),
            Request("GET /api/v3/klines",
                    lambda c: c.candles("BTCUSDT", "1m", now=self.ours.now), b""),
        )  # fmt: skip


class TestAllora(VenueConformance):
    host: Host = "allora"
    limits = ALLORA_LIMITS

    def client(self, http: HttpTransport, budget: RateBudget, clock: Clock) -> AlloraRest:
        return AlloraRest(http, CHAIN, budget)

    def reads(self) -> Sequence[Request]:
        v10 = "GET /emissions/v10"
        return (
            Request(f"{v10}/is_topic_active/13", lambda c: c.active(13), b""),
            Request("GET /cosmos/base/tendermint/v1beta1/blocks/latest",
                    lambda c: c.newest_block(), b""),
        )  # fmt: skip


class TestAlloraConsumer(VenueConformance):
    host: Host = "allora"
    limits = ALLORA_LIMITS
    secrets: Collection[str] = ("UP-local-key-of-a-test",)

    def client(self, http: HttpTransport, budget: RateBudget, clock: Clock) -> AlloraConsumer:
        return AlloraConsumer(http, Lent("allora", "UP-local-key-of-a-test"), budget)

    def reads(self) -> Sequence[Request]:
        return (Request(f"GET /v2/allora/{CHAIN}/topics", lambda c: c.topics(CHAIN), b""),)


def test_nothing_answers_where_nobody_listens_and_everything_where_the_venue_does(
    venue: Running,
) -> None:
    async def main() -> None:
        async with HttpClient(_nobody()) as http:
            with pytest.raises(Unreachable):
                await http.send("GET", "/")
        async with HttpClient(venue.ours.at.clob) as http:
            assert (await http.send("GET", "/ok")).status == 200

    venue.run(main)
