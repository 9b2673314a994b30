"""``signing`` and ``request``: orders signed by us and by the official SDKs, in turns.

The SDKs run in an environment and a process of their own (``tests/oracles``) and are timed inside
it; rounds alternate between the processes.  They hold warm clients with everything about the market
in their caches, and sign with coincurve, which their own installation leaves out; the rows "as
installed" show what that costs.
"""

from __future__ import annotations

import gc
import secrets
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import msgspec

from benchmarks.measure import Figure, against, figure, ratios
from benchmarks.order_line import Request, Sender
from benchmarks.traffic import make_hub
from tests.oracles.driver import Oracles
from tests.oracles.known import (
    API_KEY,
    API_SECRET,
    OWNER,
    PASSPHRASE,
    PRIVATE_KEY,
    known_credentials,
    known_key,
)
from underround.model.errors import Bug
from underround.model.fees import NoFees
from underround.model.ids import POLYMARKET, MarketId
from underround.model.market import Catalogue, Market, uniform_ticks
from underround.venues.polymarket.codec import PolymarketDecoder
from underround.venues.polymarket.ids import derive_tokens
from underround.venues.polymarket.orders import OrderDraft, OrderSigner, Outgoing, PolymarketOrder
from underround.venues.polymarket.wallets import SignatureType, Wallet

TARGET_ORDER: Final = 8.0
TARGET_REQUEST: Final = 15.0
OURS: Final = 2_000
THEIRS: Final = 200
UNAIDED: Final = 20
"""Calls in a round of an SDK that signs in pure Python."""
CONDITIONS: Final = 200
CONDITION: Final = "0x" + "ab" * 32
OTHER: Final = "52114319501245915516055106046884209969926127482827954674443846427813813222426"
OUTCOME: Final = "71321045679252212594626385532706912750332728571942532289631379312455583992563"
Seconds: TypeAlias = float
Round: TypeAlias = Callable[[], Seconds]
"""Times some calls and returns the seconds of one."""


class Desk:
    """A signer as the program holds it: random salts, the real time."""

    def __init__(self) -> None:
        self.key = known_key()
        self.credentials = known_credentials()
        wallet = Wallet(OWNER, OWNER, SignatureType.EOA)
        self.signer = OrderSigner(self.key, wallet, self.credentials, lambda: secrets.randbits(53))
        self.made = self.signer.order(self.draft(), time.time_ns())
        self.digest = self.made.digest
        market = _market()
        catalogue = Catalogue((market,))
        self.decoder = PolymarketDecoder(catalogue.by_token())
        self.hub, self.feed = make_hub(catalogue, "stated_best")
        self.frames = (_frame("150", 1), _frame("151", 2))
        self.turn = 0
        for event in (*self.decoder.decode(_book()), *self.decoder.decode(self.frames[0])):
            self.hub.apply(event, self.feed, 1)
        self.book = self.hub.books[market.id]
        if self.book.counters.verified != 1 or self.book.book.ask * self.book.book.step != 520_000:
            raise Bug("the benchmark's book does not agree with what its frames state")

    def draft(self) -> OrderDraft:
        """Return what a decision hands over."""
        return OrderDraft(
            token=OUTCOME, side="buy", price=520_000, size=100_000_000, tick=10_000, tif="GTC",
            neg_risk=False, protocol="v1",
        )  # fmt: skip

    def order(self) -> None:
        """Hash and sign: the order's id and its signature."""
        self.signer.sign(self.made)

    def request(self) -> Request:
        """Price and size → amounts, order, signature, body and headers."""
        signer, now = self.signer, time.time_ns()
        body = signer.body(signer.sign(signer.order(self.draft(), now)))
        return body, self.credentials.headers("POST", "/order", body, now)

    def tick(self) -> Request:
        """A market message → book, its proof → decision's price → body and headers."""
        body = self.ticked().body
        return body, self.credentials.headers("POST", "/order", body, time.time_ns())

    def ticked(self) -> Outgoing:
        """The same without the headers, which the program's client makes as it sends."""
        signer, now = self.signer, time.time_ns()
        self.turn ^= 1
        for event in self.decoder.decode(self.frames[self.turn]):
            self.hub.apply(event, self.feed, now)
        book = self.book.book
        draft = OrderDraft(
            token=OUTCOME, side="buy", price=book.ask * book.step, size=100_000_000, tick=10_000,
            tif="GTC", neg_risk=False, protocol="v1",
        )  # fmt: skip
        return signer.outgoing(signer.order(draft, now))

    def floor(self) -> None:
        """The curve alone."""
        self.key.sign(self.digest)


def _market() -> Market:
    return Market(
        id=MarketId(POLYMARKET, CONDITION), title="benchmark", outcomes=("Yes", "No"),
        tokens=(OUTCOME, OTHER), currency="pUSD", ticks=(uniform_ticks("0.01"),),
        min_size=5_000_000, size_step=10_000, fees=NoFees(), opens_ns=None, closes_ns=None,
        group=None, neg_risk=False,
    )  # fmt: skip


def _book() -> bytes:
    levels = {
        "bids": [{"price": f"0.{cent}", "size": "100"} for cent in range(41, 51)],
        "asks": [{"price": f"0.{cent}", "size": "100"} for cent in range(61, 51, -1)],
    }
    return msgspec.json.encode(
        {"event_type": "book", "market": CONDITION, "asset_id": OUTCOME,
         "timestamp": "1790000000000", "hash": "", **levels}
    )  # fmt: skip


def _frame(size: str, number: int) -> bytes:
    """Return a ``price_change`` as the venue sends it: the change and its mirror."""
    each = {"size": size, "hash": "ab" * 20}
    yes = {"asset_id": OUTCOME, "price": "0.5", "side": "BUY", "best_bid": "0.5"}
    no = {"asset_id": OTHER, "price": "0.5", "side": "SELL", "best_bid": "0.48"}
    return msgspec.json.encode(
        {
            "market": CONDITION,
            "price_changes": [
                {**yes, **each, "best_ask": "0.52"},
                {**no, **each, "best_ask": "0.5"},
            ],
            "timestamp": f"179000000000{number}",
            "event_type": "price_change",
        }
    )


def _here(run: Callable[[], object], count: int) -> Round:
    def timed() -> Seconds:
        gc.collect()
        gc.freeze()
        begin = time.perf_counter()
        for _ in range(count):
            run()
        took = time.perf_counter() - begin
        gc.unfreeze()
        return took / count

    return timed


def _there(oracles: Oracles, what: str, count: int, asked: dict[str, Any]) -> Round:
    def timed() -> Seconds:
        answer = oracles.ask("timed", what=what, count=count, **asked)
        return float(answer["seconds"]) / count

    return timed


def _sent(oracles: Oracles, what: str, protocol: str, count: int, asked: dict[str, Any]) -> Round:
    def timed() -> Seconds:
        answer = oracles.ask("sent", what=what, protocol=protocol, count=count, **asked)
        return float(answer["seconds"]) / count

    return timed


def _asked(order: PolymarketOrder) -> dict[str, Any]:
    return {
        "fields": msgspec.structs.asdict(order.fields),
        "exchange": order.exchange.address,
        "version": order.exchange.version,
        "chain_id": order.exchange.chain_id,
        "expiration": 0,
        "tif": "GTC",
        "post_only": False,
        "owner": API_KEY,
        "frame": _frame("150", 1).decode(),
        "key": PRIVATE_KEY,
        "secret": API_SECRET,
        "passphrase": PASSPHRASE,
    }


def _same_order(desk: Desk, oracles: Oracles, asked: dict[str, Any]) -> None:
    """Raise ``Bug`` unless all three sign the same bytes."""
    signed = desk.signer.sign(desk.made)
    theirs = oracles.ask("order", **asked)
    for sdk, answer in theirs.items():
        if (answer["digest"], answer["signature"]) != (signed.id, f"0x{signed.signature.hex()}"):
            raise Bug(f"{sdk} signs another order than we do")


def _tokens() -> Seconds:
    fresh = [f"0x{secrets.token_hex(32)}" for _ in range(CONDITIONS)]
    return _here(lambda: [derive_tokens(each, neg_risk=False) for each in fresh], 1)() / CONDITIONS


def _rounds(contenders: Mapping[str, Round], rounds: int) -> dict[str, list[Seconds]]:
    """Return the seconds of one call in each round; round 0 warms up and is not kept."""
    kept: dict[str, list[Seconds]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, timed in contenders.items():
            took = timed()
            if number:
                kept[name].append(took)
        print(f"  round {number or 'warm-up'} of {rounds}", file=sys.stderr)
    return kept


def measure(rounds: int) -> list[Figure]:
    """Measure ours and both SDKs, interleaved."""
    desk = Desk()
    asked = _asked(desk.made)
    with (
        Oracles() as aided,
        Oracles(as_installed=True) as unaided,
        Sender(desk.credentials) as sender,
    ):
        _same_order(desk, aided, asked)
        _same_order(desk, unaided, asked)
        seconds = _rounds(
            {
                "order": _here(desk.order, OURS),
                "floor": _here(desk.floor, OURS),
                "clob order": _there(aided, "clob_signed", THEIRS, asked),
                "clob order, unaided": _there(unaided, "clob_signed", UNAIDED, asked),
                "request": _here(desk.request, OURS),
                "clob request": _there(aided, "clob_request", THEIRS, asked),
                "client request": _there(aided, "client_request", THEIRS, asked),
                "client request, unaided": _there(unaided, "client_request", UNAIDED, asked),
                "tick": _here(desk.tick, OURS),
                "clob tick": _there(aided, "clob_tick", THEIRS, asked),
                "client tick": _there(aided, "client_tick", THEIRS, asked),
                "bytes": lambda: sender.bare(desk.tick, OURS),
                "bytes, whole": lambda: sender.whole(desk.ticked, OURS),
                "clob bytes": _sent(aided, "clob_sent", "h2", THEIRS, asked),
                "client bytes": _sent(aided, "client_sent", "h2", THEIRS, asked),
                "clob bytes, 1.1": _sent(aided, "clob_sent", "http/1.1", THEIRS, asked),
                "client bytes, 1.1": _sent(aided, "client_sent", "http/1.1", THEIRS, asked),
                "clob bytes, unaided": _sent(unaided, "clob_sent", "h2", UNAIDED, asked),
                "client bytes, unaided": _sent(unaided, "client_sent", "h2", UNAIDED, asked),
                "tokens": _tokens,
            },
            rounds,
        )
    return _figures(seconds)


def _figures(seconds: dict[str, list[Seconds]]) -> list[Figure]:
    def each(name: str, benchmark: str, what: str, note: str = "") -> Figure:
        unit = "µs/market" if name == "tokens" else "µs/order"
        return figure(benchmark, what, unit, [took * 1e6 for took in seconds[name]], note=note)

    def times(name: str, benchmark: str, what: str, ours: str) -> Figure:
        return figure(benchmark, what, "×", ratios(seconds[name], seconds[ours]))

    clob, client = "py-clob-client-v2", "polymarket-client"
    signed = "typed data and signature; ours also has the order's id"
    ticked = "decoded, put into the book and compared with the stated best, then as above"
    asked = "price and size → amounts, order, signature, JSON body, HMAC headers; warm caches"
    return [
        each("order", "signing", "ours: id and signature", "EOA, standard market"),
        each("floor", "signing", "secp256k1 alone", "the floor: one signature of a digest"),
        each("clob order", "signing", f"{clob}, coincurve added", signed),
        each("clob order, unaided", "signing", f"{clob}, as installed", "curve in pure Python"),
        times("order", "signing", "ours ÷ secp256k1 alone", "floor"),
        against(times("clob order", "signing", f"{clob} with coincurve ÷ ours", "order"),
                "≥", TARGET_ORDER),
        each("request", "request", "ours: decision → signed, authenticated bytes", asked),
        each("clob request", "request", f"{clob}, coincurve added", asked),
        each("client request", "request", f"{client}, coincurve added", asked),
        each("client request, unaided", "request", f"{client}, as installed",
             "curve in pure Python"),
        times("clob request", "request", f"{clob} with coincurve ÷ ours", "request"),
        times("client request", "request", f"{client} with coincurve ÷ ours", "request"),
        times("client request, unaided", "request", f"{client} as installed ÷ ours", "request"),
        each("tick", "tick", "ours: market message → signed, authenticated bytes", ticked),
        each("client tick", "tick", f"{client}, coincurve added", "its own event; keeps no book"),
        each("clob tick", "tick", f"{clob}, coincurve added", "plain JSON: it has no streams"),
        against(times("client tick", "tick", f"{client} with coincurve ÷ ours", "tick"),
                "≥", TARGET_REQUEST),
        times("clob tick", "tick", f"{clob} with coincurve ÷ ours", "tick"),
        each("tokens", "signing", "both tokens of a condition", "CTF ids offline, nothing cached"),
    ]  # fmt: skip
