"""Markets on the chain: a condition for each that is listed, its payouts when it is resolved."""

from __future__ import annotations

from typing import Final

from underround.local_venue.catalogue import LocalMarket, neg_risk_group
from underround.local_venue.chain.placed import ADMIN
from underround.local_venue.chain.transactions import Errand
from underround.local_venue.world import ListingTold, World, WorldEvent
from underround.model.ids import POLYMARKET, MarketId
from underround.model.market import Resolution
from underround.model.units import ONE
from underround.simulation.matching.terms import MarketEnded
from underround.venues.polygon.abi import Function
from underround.venues.polygon.calldata import PREPARE_CONDITION, REPORT_PAYOUTS
from underround.venues.polygon.quantities import Address
from underround.venues.polymarket.contracts import POLYGON

_PREPARE_GROUP: Final = Function("prepareMarket(uint256,bytes)")
_PREPARE_QUESTION: Final = Function("prepareQuestion(bytes32,bytes)")
_REPORT_OUTCOME: Final = Function("reportOutcome(bytes32,bool)")


class Listings:
    """Turns what is listed and resolved into errands for the next block."""

    def __init__(self, world: World) -> None:
        """Everything listed before now is due, too."""
        self._world = world
        self._errands: list[Errand] = []
        self._groups: dict[bytes, int] = {}
        """Groups at the neg-risk adapter, and how many questions each has."""
        self._listed: set[MarketId] = set()
        for row in world.catalogue.markets.values():
            self._list(row)
            if row.resolution is not None:
                self._resolve(row.resolution)
        world.bus.listen(self._heard)

    def due(self) -> list[Errand]:
        """Return what has come up since the last time, in order."""
        errands, self._errands = self._errands, []
        return errands

    def _heard(self, event: WorldEvent) -> None:
        if isinstance(event, ListingTold) and event.new:
            self._list(self._world.catalogue.markets[event.market])
        elif isinstance(event, MarketEnded):
            self._resolve(event.resolution)

    def _list(self, row: LocalMarket) -> None:
        market = row.listing.market
        if market.id.venue != POLYMARKET or row.listing.protocol != "v1":
            return
        self._listed.add(market.id)
        question = bytes.fromhex(row.question_id[2:])
        if not market.neg_risk:
            self._prepare(POLYGON.oracle_aggregator, question)
            return
        group, data = neg_risk_group(row.event)
        known = self._groups.get(group)
        if question != (int.from_bytes(group, "big") + (known or 0)).to_bytes(32, "big"):
            # No question of its event's group: it can be traded and redeemed, but not converted.
            self._prepare(POLYGON.neg_risk_adapter, question)
            return
        if known is None:
            self._as_operator(_PREPARE_GROUP(0, data))
        self._as_operator(_PREPARE_QUESTION(group, row.listing.slug.encode()))
        self._groups[group] = (known or 0) + 1

    def _prepare(self, oracle: str, question: bytes) -> None:
        data = PREPARE_CONDITION(Address(oracle.lower()), question, 2)
        self._errands.append(Errand(ADMIN, POLYGON.conditional_tokens, data))

    def _as_operator(self, data: bytes) -> None:
        self._errands.append(Errand(POLYGON.neg_risk_operator, POLYGON.neg_risk_adapter, data))

    def _resolve(self, resolution: Resolution) -> None:
        row = self._world.catalogue.markets.get(resolution.market)
        if row is None or resolution.market not in self._listed:
            return
        self._listed.remove(resolution.market)
        question = bytes.fromhex(row.question_id[2:])
        neg_risk = row.listing.market.neg_risk
        grouped = question[:-1] + b"\0" in self._groups
        if neg_risk and grouped and ONE in resolution.payouts:
            self._as_operator(_REPORT_OUTCOME(question, resolution.payouts[0] == ONE))
            return
        # The adapter knows YES and NO only: a market that is voided is reported in its name.
        oracle = POLYGON.neg_risk_adapter if neg_risk else POLYGON.oracle_aggregator
        data = REPORT_PAYOUTS(question, resolution.payouts)
        self._errands.append(Errand(oracle, POLYGON.conditional_tokens, data))
