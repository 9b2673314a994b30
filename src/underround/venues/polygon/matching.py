"""Matching orders on chain: only for accounts that hold the exchange's operator role.

Nobody else can execute against the book there: the exchange reverts with ``NotOperator``.
``operator_match`` asks it first; ``match_orders`` only writes the call.
Source: Polymarket's ``clob-client-v2``, src/order-utils/abi/ExchangeV2.ts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal

import msgspec

from underround.model.book import Side
from underround.model.errors import AccountError
from underround.venues.polygon.abi import Function
from underround.venues.polygon.accounts import Accounts
from underround.venues.polygon.contracts import EXCHANGE_V2, NEG_RISK_EXCHANGE_V2
from underround.venues.polygon.quantities import Address
from underround.venues.polygon.sign import Call

_ORDER: Final = (
    "(uint256,address,address,uint256,uint256,uint256,uint8,uint8,uint256,bytes32,bytes32,bytes)"
)
MATCH_ORDERS: Final = Function(
    f"matchOrders(bytes32,{_ORDER},{_ORDER}[],uint256,uint256[],uint256,uint256[])"
)


class SignedOrder(msgspec.Struct, frozen=True, kw_only=True):
    """A V2 order with its signature, as the exchange's struct."""

    salt: int
    maker: Address
    signer: Address
    token: int
    maker_amount: int
    taker_amount: int
    side: Side
    signature_type: Literal[0, 1, 2, 3]
    timestamp_ms: int
    metadata: bytes = bytes(32)
    builder: bytes = bytes(32)
    signature: bytes

    @property
    def fields(self) -> tuple[Any, ...]:
        """The fields in the order of the struct."""
        return (
            self.salt,
            self.maker,
            self.signer,
            self.token,
            self.maker_amount,
            self.taker_amount,
            0 if self.side == "buy" else 1,
            self.signature_type,
            self.timestamp_ms,
            self.metadata,
            self.builder,
            self.signature,
        )


class Share(msgspec.Struct, frozen=True):
    """One order's part of a match."""

    order: SignedOrder
    fill: int
    """In terms of what the order gives (``maker_amount``)."""
    fee: int
    """Micro-dollars, added to what a buyer pays and taken from what a seller gets."""


def match_orders(
    condition: bytes, taker: Share, makers: Sequence[Share], *, neg_risk: bool
) -> Call:
    """Return the call that fills ``taker`` against ``makers``.  Raises ``ValueError``."""
    if not makers:
        raise ValueError("a match needs at least one maker order")
    for share in (taker, *makers):
        if not 0 < share.fill <= share.order.maker_amount:
            raise ValueError(f"a fill of {share.fill} of an order for {share.order.maker_amount}")
    data = MATCH_ORDERS(
        condition,
        taker.order.fields,
        [share.order.fields for share in makers],
        taker.fill,
        [share.fill for share in makers],
        taker.fee,
        [share.fee for share in makers],
    )
    return Call(NEG_RISK_EXCHANGE_V2 if neg_risk else EXCHANGE_V2, data)


async def operator_match(
    accounts: Accounts,
    operator: Address,
    condition: bytes,
    taker: Share,
    makers: Sequence[Share],
    *,
    neg_risk: bool,
) -> Call:
    """Return ``match_orders`` for ``operator``, after the exchange confirmed its role.

    Raises ``AccountError`` for anybody else, ``ValueError`` as ``match_orders`` and what reading
    the chain raises.
    """
    call = match_orders(condition, taker, makers, neg_risk=neg_risk)
    if not await accounts.is_operator(operator, call.to):
        raise AccountError(
            f"{operator} is no operator of the exchange {call.to}, which would refuse the match: "
            "place orders at the venue instead"
        )
    return call
