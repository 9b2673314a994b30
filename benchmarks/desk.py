"""The trader of the order benchmarks: a market with a book, a wallet, and a decision to buy."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from typing import Final, TypeAlias

import msgspec

from benchmarks.traffic import make_hub
from tests.oracles.known import OWNER, known_credentials, known_key
from underround.model.errors import Bug
from underround.model.fees import NoFees
from underround.model.ids import POLYMARKET, MarketId
from underround.model.market import Catalogue, Market, uniform_ticks
from underround.venues.polymarket.codec import PolymarketDecoder
from underround.venues.polymarket.orders import OrderDraft, OrderSigner, Outgoing
from underround.venues.polymarket.wallets import SignatureType, Wallet

CONDITION: Final = "0x" + "ab" * 32
OTHER: Final = "52114319501245915516055106046884209969926127482827954674443846427813813222426"
OUTCOME: Final = "71321045679252212594626385532706912750332728571942532289631379312455583992563"
Request: TypeAlias = tuple[bytes, Mapping[str, str]]
"""Body and headers."""


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
        self.frames = (price_change("150", 1), price_change("151", 2))
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


def price_change(size: str, number: int) -> bytes:
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
