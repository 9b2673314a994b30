"""Orders, keys and a clock for the tests of Kalshi."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from underround.model.book import Side
from underround.model.ids import (
    KALSHI,
    IntentId,
    MarketId,
    OrderId,
    OutcomeId,
    PlanId,
    StrategyId,
)
from underround.model.market import TickBand, TickEpoch, uniform_ticks
from underround.model.orders import Order, TimeInForce
from underround.model.units import ONE, Nanos, Price, Size
from underround.venues.kalshi.sign import KalshiSigner

TICKER = "KXBTC15M-26SEP261900-00"
KEY_ID = "8c35ecb3-328f-4f52-8c7c-0f4b9862f8d1"
NOW = 1_790_000_000_000_000_000
CENTS = uniform_ticks("0.01")
TAPERED = TickEpoch(
    0,
    (
        TickBand(0, 100_000, 1_000),
        TickBand(100_000, 900_000, 10_000),
        TickBand(900_000, ONE, 1_000),
    ),
)


class HeldPem:
    """A secret of the tests."""

    def __init__(self, pem: bytes, name: str = "kalshi-key") -> None:
        self._pem = pem
        self.name = name

    @contextmanager
    def reveal(self) -> Iterator[memoryview]:
        yield memoryview(self._pem)


@cache
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65_537, 2_048)


@cache
def edwards_key() -> ed25519.Ed25519PrivateKey:
    return ed25519.Ed25519PrivateKey.generate()


def pem_of(key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey, *, old: bool = False) -> bytes:
    form = PrivateFormat.TraditionalOpenSSL if old else PrivateFormat.PKCS8
    return key.private_bytes(Encoding.PEM, form, NoEncryption())


def signer() -> KalshiSigner:
    """Return a signer that is quick to make."""
    return KalshiSigner(KEY_ID, HeldPem(pem_of(edwards_key())))


def order(
    outcome: int = 0,
    side: Side = "buy",
    price: Price = 480_000,
    size: Size = 10 * ONE,
    *,
    tif: TimeInForce = "GTC",
    post_only: bool = False,
    good_until_ns: Nanos | None = None,
    name: str = "run1-o1",
    ticker: str = TICKER,
) -> Order:
    return Order(
        id=OrderId(name),
        intent=IntentId(1),
        strategy=StrategyId("s"),
        plan=PlanId("p"),
        leg_group=None,
        outcome=OutcomeId(MarketId(KALSHI, ticker), outcome),
        side=side,
        price=price,
        size=size,
        tif=tif,
        post_only=post_only,
        purpose="open",
        good_until_ns=good_until_ns,
        created_ns=NOW,
    )
