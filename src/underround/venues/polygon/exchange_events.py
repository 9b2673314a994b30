"""Events of Polymarket's exchanges: V1 until 2026-04-28, V2 since, V3 for Protocol V2.

Sources: ``ctf-exchange`` (V1), ``clob-client-v2``'s ExchangeV2 ABI, ``polymarket-v2-external``'s
src/exchange/Exchange.sol (V3, which emits the same two events as V2).  In each of them a match
emits one OrderFilled per maker, then the taker's own, then OrdersMatched.
"""

from __future__ import annotations

from underround.venues.polygon.event import Event
from underround.venues.polygon.quantities import Address


class OrderFilledV1(Event, frozen=True):
    """A fill on the first exchanges; asset 0 is collateral."""

    SIGNATURE = (
        "OrderFilled(bytes32 indexed,address indexed,address indexed,uint256,uint256,uint256,"
        "uint256,uint256)"
    )

    order: bytes
    maker: Address
    taker: Address
    maker_asset: int
    taker_asset: int
    maker_amount: int
    taker_amount: int
    fee: int
    """In units of ``taker_asset``."""


class OrdersMatchedV1(Event, frozen=True):
    """The end of a match on the first exchanges."""

    SIGNATURE = "OrdersMatched(bytes32 indexed,address indexed,uint256,uint256,uint256,uint256)"

    order: bytes
    maker: Address
    maker_asset: int
    taker_asset: int
    maker_amount: int
    taker_amount: int


class OrderFilled(Event, frozen=True):
    """A fill on the second or third exchange."""

    SIGNATURE = (
        "OrderFilled(bytes32 indexed,address indexed,address indexed,uint8,uint256,uint256,"
        "uint256,uint256,bytes32,bytes32)"
    )

    order: bytes
    maker: Address
    taker: Address
    side: int
    """Of the maker's order: 0 buys, 1 sells."""
    token: int
    maker_amount: int
    taker_amount: int
    fee: int
    """In collateral."""
    builder: bytes
    metadata: bytes


class OrdersMatched(Event, frozen=True):
    """The end of a match on the second or third exchange, in terms of the taker's order."""

    SIGNATURE = "OrdersMatched(bytes32 indexed,address indexed,uint8,uint256,uint256,uint256)"

    order: bytes
    maker: Address
    side: int
    token: int
    maker_amount: int
    taker_amount: int
