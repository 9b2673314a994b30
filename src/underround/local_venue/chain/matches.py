"""From a trade of the books to the ``matchOrders`` call that settles it."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from underround.local_venue.chain.people import People
from underround.local_venue.signed_orders import Signed
from underround.local_venue.world import World
from underround.model.book import Side
from underround.model.frames import NANOS_PER_MS
from underround.model.ids import OrderId, OutcomeId
from underround.model.market import Market
from underround.model.units import ONE, Nanos, Price, Size, ceil_div
from underround.simulation.matching.terms import AccountId, MakerFill, Trade
from underround.simulation.matching.transfers import maker_dollars
from underround.venues.polygon.matching import Share, SignedOrder, match_orders
from underround.venues.polygon.positions import whole_condition
from underround.venues.polygon.quantities import Address
from underround.venues.polygon.sign import Call
from underround.venues.polymarket.contracts import POLYGON
from underround.venues.polymarket.exchange import (
    NO_CODE,
    OrderFields,
    code_bytes,
    contents_hash,
    exchange_of,
    nested_digest,
    order_digest,
    wrapped_signature,
)
from underround.venues.polymarket.wallets import SignatureType

_SALT_BITS: Final = 53


class _Part:
    """One order's part in a trade: the taker's own, or a maker's."""

    def __init__(self, trade: Trade, fill: MakerFill | None = None) -> None:
        taken = fill or trade
        self.order: OrderId = taken.order
        self.account: AccountId = taken.account
        self.outcome: OutcomeId = taken.outcome
        self.side: Side = taken.side
        self.price: Price = trade.limit if fill is None else fill.price
        self.size: Size = taken.size
        self.at_ns: Nanos = trade.at_ns


class Matches:
    """Makes the calls; signs for the house what the house never signed."""

    def __init__(self, world: World, people: People) -> None:
        """Signed orders are the world's."""
        self._world = world
        self._people = people

    def call(self, trade: Trade, market: Market, *, spoilt: bool = False) -> Call:
        """Return the call that settles ``trade``; ``spoilt``: one that the exchange will refuse."""
        order = self._signed(_Part(trade), market)
        if spoilt:
            order = _unsigned(order)
        taker = Share(order, trade.cost if trade.side == "buy" else trade.size, trade.fee)
        makers = []
        for fill in trade.makers:
            made = self._signed(_Part(trade, fill), market)
            amount = maker_dollars(fill) if fill.side == "buy" else fill.size
            makers.append(Share(made, amount, fill.fee))
        condition = whole_condition(market.id.native)
        return match_orders(condition, taker, makers, neg_risk=market.neg_risk)

    def _signed(self, part: _Part, market: Market) -> SignedOrder:
        store = self._world.signed_orders
        assert store is not None
        kept = store.of(part.order)
        if kept is None:
            kept = self._by_house(part, market)
            store.keep(part.order, kept.fields, kept.signature, kept.owner)
        return as_struct(kept)

    def _by_house(self, part: _Part, market: Market) -> Signed:
        """Sign an order of the house: its quotient is the price exactly."""
        person = self._people.of(part.account)
        if person.key is None:
            raise KeyError(f"the order {part.order} of {part.account} was never signed")
        # What is being filled may be all that is still known of an order.
        known = self._world.polymarket.orders.get(part.order)
        size = part.size if known is None else max(part.size, known.sent.size)
        side, price, order = part.side, part.price, part.order
        steps = ceil_div(size, ONE)
        dollars, shares = price * steps, ONE * steps
        fields = OrderFields(
            int.from_bytes(bytes.fromhex(order[2:]), "big") % (1 << _SALT_BITS),
            person.address,
            person.address,
            market.tokens[part.outcome.index],
            dollars if side == "buy" else shares,
            shares if side == "buy" else dollars,
            0 if side == "buy" else 1,
            int(person.kind),
            part.at_ns // NANOS_PER_MS,
            NO_CODE,
            NO_CODE,
        )
        exchange = exchange_of(POLYGON, "v1", market.neg_risk)
        contents = contents_hash(fields)
        if person.kind is SignatureType.POLY_1271:
            inner = person.key.sign(nested_digest(exchange, person.address, contents))
            return Signed(fields, wrapped_signature(exchange, contents, inner), person.owner)
        return Signed(fields, person.key.sign(order_digest(exchange, contents)), person.owner)


def as_struct(signed: Signed) -> SignedOrder:
    """Return a signed order as the exchange's struct."""
    fields = signed.fields
    kind = SignatureType(fields.signature_type)
    return SignedOrder(
        salt=fields.salt,
        maker=Address(fields.maker.lower()),
        signer=Address(fields.signer.lower()),
        token=int(fields.token),
        maker_amount=fields.maker_amount,
        taker_amount=fields.taker_amount,
        side="sell" if fields.side else "buy",
        signature_type=_KINDS[kind],
        timestamp_ms=fields.timestamp_ms,
        metadata=code_bytes(fields.metadata),
        builder=code_bytes(fields.builder),
        signature=signed.signature,
    )


_KINDS: Final[dict[SignatureType, Literal[0, 1, 2, 3]]] = {
    SignatureType.EOA: 0,
    SignatureType.POLY_PROXY: 1,
    SignatureType.POLY_GNOSIS_SAFE: 2,
    SignatureType.POLY_1271: 3,
}


def _unsigned(order: SignedOrder) -> SignedOrder:
    """Return the order with a signature that is nobody's."""
    return msgspec.structs.replace(order, signature=bytes(len(order.signature)))
