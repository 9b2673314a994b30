"""From a draft to the bytes of ``POST /order``: choice of exchange, amounts, signature, JSON.

``OrderDraft`` → ``OrderSigner.order`` → ``PolymarketOrder`` (its id is known) → ``outgoing`` →
``Outgoing``, which the REST client sends.  Nothing here reads a clock or draws a number.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final

import msgspec

from underround.model.book import Side
from underround.model.errors import AccountError, RequestRefused
from underround.model.frames import NANOS_PER_MS, NANOS_PER_SECOND
from underround.model.ids import OrderId
from underround.model.orders import TimeInForce
from underround.model.units import Money, Nanos, Price, Size
from underround.venues.ethereum import EvmKey
from underround.venues.polymarket.amounts import Amounts, budget_amounts, budget_of, limit_amounts
from underround.venues.polymarket.contracts import POLYGON, Contracts
from underround.venues.polymarket.exchange import (
    NO_CODE,
    Exchange,
    OrderFields,
    code_bytes,
    contents_hash,
    exchange_of,
    nested_digest,
    order_digest,
    wrapped_signature,
)
from underround.venues.polymarket.ids import MarketProtocol, protocol_of, token_number
from underround.venues.polymarket.sign import L2Credentials
from underround.venues.polymarket.wallets import SignatureType, Wallet

LARGEST_SALT: Final = 2**53 - 1
"""The salt travels as a JSON number."""
EARLY_S: Final = 60
"""The venue drops a GTD order so long before its stated expiration."""
LEAST_AHEAD_S: Final = 180
"""An expiration must lie at least so far ahead."""
_SIDES: Final[dict[Side, int]] = {"buy": 0, "sell": 1}
_RESTING: Final = frozenset(("GTC", "GTD"))


class OrderDraft(msgspec.Struct, frozen=True, kw_only=True):
    """What to trade, in the market's own terms of this moment."""

    token: str
    side: Side
    price: Price
    """Limit, on the grid."""
    size: Size | None = None
    """Shares.  A FAK or FOK BUY is turned into dollars: it never pays more than ``price · size``,
    and at better prices the venue spends the rest on more shares."""
    budget: Money | None = None
    """Dollars instead of a size; only for a FAK or FOK BUY."""
    tick: Price
    tif: TimeInForce
    post_only: bool = False
    good_until_ns: Nanos | None = None
    """When a GTD order shall leave the book."""
    neg_risk: bool
    protocol: MarketProtocol
    """What the market states (``Listing.protocol``); must be what the token's bits say."""
    builder: str = NO_CODE
    """Builder code: 32 bytes, ``0x`` hex."""


class PolymarketOrder(msgspec.Struct, frozen=True):
    """An order as it will be signed, and what travels beside it unsigned."""

    fields: OrderFields
    exchange: Exchange
    tif: TimeInForce
    post_only: bool
    expiration_s: int
    """Unix seconds; 0: none."""

    @property
    def digest(self) -> bytes:
        """The order's id, 32 bytes."""
        return order_digest(self.exchange, contents_hash(self.fields))

    @property
    def id(self) -> OrderId:
        """The id the venue will know the order by: ask for it when the outcome is unknown."""
        return OrderId(f"0x{self.digest.hex()}")


class SignedOrder(msgspec.Struct, frozen=True):
    """An order nobody can change any more."""

    order: PolymarketOrder
    id: OrderId
    signature: bytes


class Outgoing(msgspec.Struct, frozen=True):
    """A signed order as it is sent.  Its body names our API key, so it shows its id only."""

    order_id: OrderId
    """The digest of the order, ``0x`` hex: its id at the venue, known before sending."""
    side: Side
    body: bytes
    """The JSON object of ``POST /order``: the very bytes that the HMAC covers."""
    tif: TimeInForce
    """What some answers mean depends on it: see ``answers.placed``."""

    def __repr__(self) -> str:
        return f"Outgoing({self.order_id})"


class OrderSigner:
    """Makes and signs the orders of one wallet; sends nothing."""

    __slots__ = ("_contracts", "_credentials", "_key", "_parties", "_salts", "wallet")

    def __init__(
        self,
        key: EvmKey,
        wallet: Wallet,
        credentials: L2Credentials,
        salts: Callable[[], int],
        contracts: Contracts = POLYGON,
    ) -> None:
        """``salts`` draws a random number up to 2^53 - 1 for each order.

        Raises ``AccountError`` when key, wallet and API credentials are not of one account.
        """
        if key.address != wallet.owner:
            raise AccountError(
                f"the key is that of {key.address}, but the wallet {wallet.maker} is owned by "
                f"{wallet.owner}: use the owner's key"
            )
        if credentials.address != key.address:
            raise AccountError(
                f"the API credentials belong to {credentials.address}, but {key.address} signs: "
                "derive credentials with this key"
            )
        self.wallet = wallet
        self._parties = (wallet.maker, wallet.signer, int(wallet.kind))
        self._key = key
        self._credentials = credentials
        self._salts = salts
        self._contracts = contracts

    def order(self, draft: OrderDraft, now: Nanos) -> PolymarketOrder:
        """Return the order ``draft`` asks for, created at ``now``; its id is known from here on.

        Raises ``OffGrid`` for price, size or budget; ``RequestRefused`` for a combination no order
        can have; ``AccountError`` when the token is not of the protocol the market states.
        """
        _check_token(draft.token, draft.protocol)
        expiration = _expiration(draft, now)
        maker_amount, taker_amount = _amounts(draft)
        salt = self._salts()
        if not 0 <= salt <= LARGEST_SALT:
            raise ValueError(f"salt {salt} is not within 0 … 2^53 - 1")
        _check_builder(draft.builder)
        maker, signer, kind = self._parties
        fields = OrderFields(
            salt,
            maker,
            signer,
            draft.token,
            maker_amount,
            taker_amount,
            _SIDES[draft.side],
            kind,
            now // NANOS_PER_MS,
            NO_CODE,
            draft.builder,
        )
        exchange = exchange_of(self._contracts, draft.protocol, draft.neg_risk)
        return PolymarketOrder(fields, exchange, draft.tif, draft.post_only, expiration)

    def sign(self, order: PolymarketOrder) -> SignedOrder:
        """Sign ``order``; raises ``AccountError`` for one that another wallet made."""
        self._require_ours(order)
        exchange, wallet = order.exchange, self.wallet
        contents = contents_hash(order.fields)
        digest = order_digest(exchange, contents)
        if wallet.kind is SignatureType.POLY_1271:
            inner = self._key.sign(nested_digest(exchange, wallet.maker, contents))
            signature = wrapped_signature(exchange, contents, inner)
        else:
            signature = self._key.sign(digest)
        return SignedOrder(order, OrderId(f"0x{digest.hex()}"), signature)

    def body(self, signed: SignedOrder) -> bytes:
        """Return the body of ``POST /order``: exactly what the HMAC covers and what is sent.

        Raises ``AccountError`` for an order of another wallet.
        """
        self._require_ours(signed.order)
        return _json(signed, self._credentials.owner).encode()

    def outgoing(self, order: PolymarketOrder) -> Outgoing:
        """Sign ``order`` and return what is sent; raises like ``sign``."""
        signed = self.sign(order)
        side: Side = "sell" if order.fields.side else "buy"
        return Outgoing(signed.id, side, self.body(signed), order.tif)

    def _require_ours(self, order: PolymarketOrder) -> None:
        fields, wallet = order.fields, self.wallet
        if (fields.maker, fields.signer, fields.signature_type) != self._parties:
            raise AccountError(
                f"the order is of {fields.maker} (type {fields.signature_type}), not of "
                f"{wallet.maker} (type {wallet.kind}): use its own account"
            )


@lru_cache(maxsize=1 << 17)
def _check_token(token: str, stated: MarketProtocol) -> None:
    """Raise ``AccountError`` unless the token's bits say the protocol the market states."""
    try:
        found = protocol_of(token_number(token))
    except ValueError as error:
        raise RequestRefused(f"{error}: reload the market") from None
    if found != stated:
        raise AccountError(
            f"token {token} looks like protocol {found}, but its market states {stated!r}: an "
            "order would be signed for the wrong exchange; do not trade it and reload the market"
        )


def _check_builder(code: str) -> None:
    try:
        code_bytes(code)
    except ValueError as error:
        raise AccountError(f"builder {error}: correct the configuration") from None


def _amounts(draft: OrderDraft) -> Amounts:
    size, budget = draft.size, draft.budget
    taking_buy = draft.side == "buy" and draft.tif not in _RESTING
    if budget is None:
        if size is None:
            raise RequestRefused("an order without size and budget: state one of them")
        if not taking_buy:
            return limit_amounts(draft.side, draft.price, size, draft.tick)
        budget = budget_of(draft.price, size)
    elif size is not None or not taking_buy:
        raise RequestRefused("only a FAK or FOK BUY has a budget, and then no size: state a size")
    return budget_amounts(draft.price, budget, draft.tick)


def _expiration(draft: OrderDraft, now: Nanos) -> int:
    """Return the expiration that makes the venue drop the order at ``good_until_ns``, or 0."""
    if draft.post_only and draft.tif not in _RESTING:
        raise RequestRefused(f"a {draft.tif} order cannot be post-only: use GTC or GTD")
    if (draft.good_until_ns is None) == (draft.tif == "GTD"):
        raise RequestRefused("a GTD order, and no other, needs a time until which it is good")
    if draft.good_until_ns is None:
        return 0
    expiration = draft.good_until_ns // NANOS_PER_SECOND + EARLY_S
    if expiration * NANOS_PER_SECOND < now + LEAST_AHEAD_S * NANOS_PER_SECOND:
        raise RequestRefused(
            f"a GTD order must be good for at least {LEAST_AHEAD_S - EARLY_S} seconds: use GTC and "
            "cancel it"
        )
    return expiration


def _json(signed: SignedOrder, owner: str) -> str:
    """Return the order as the venue's own SDK writes it: compact, keys in this order.

    Nothing in it needs escaping: numbers, hex, decimal ids, words of ours, and an owner that was
    checked.
    """
    order, fields = signed.order, signed.order.fields
    post_only = ',"postOnly":true' if order.post_only else ""
    return (
        f'{{"deferExec":false,"order":{{"builder":"{fields.builder}",'
        f'"expiration":"{order.expiration_s}","maker":"{fields.maker}",'
        f'"makerAmount":"{fields.maker_amount}","metadata":"{fields.metadata}",'
        f'"salt":{fields.salt},"side":"{"SELL" if fields.side else "BUY"}",'
        f'"signature":"0x{signed.signature.hex()}","signatureType":{fields.signature_type},'
        f'"signer":"{fields.signer}","takerAmount":"{fields.taker_amount}",'
        f'"timestamp":"{fields.timestamp_ms}","tokenId":"{fields.token}"}},'
        f'"orderType":"{order.tif}","owner":"{owner}"{post_only}}}'
    )
