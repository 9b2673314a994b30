"""What is listed at the local venue: markets, the events they belong to, and their rules.

The rows are the platform's own ``Listing``; the servers write them in each venue's words.  Numbers
that a venue would give (Gamma's ids) count from 1 in the order of listing.
"""

from __future__ import annotations

from typing import Final

import msgspec

from underround.model.ids import GroupId, MarketId
from underround.model.listing import Listing
from underround.model.market import Resolution
from underround.model.units import Nanos
from underround.venues.ethereum import WORD, address_bytes, keccak, word
from underround.venues.polymarket.contracts import POLYGON
from underround.venues.polymarket.ids import condition_id, derive_tokens

ORACLE: Final = POLYGON.oracle_aggregator
"""Who answers the questions of Polymarket's CTF markets here."""


class LocalEvent(msgspec.Struct, kw_only=True):
    """An event: one question asked in one or more markets."""

    id: int
    slug: str
    title: str
    markets: list[MarketId] = []
    group: GroupId | None = None
    """Set when its markets exclude each other."""
    neg_risk: bool = False
    augmented: bool = False
    tags: tuple[str, ...] = ()
    series: str = ""
    starts_ns: Nanos | None = None
    ends_ns: Nanos | None = None


class LocalMarket(msgspec.Struct, kw_only=True):
    """A market as the local venue lists it."""

    id: int
    """Gamma's number."""
    listing: Listing
    event: str
    """Slug of its event."""
    question_id: str = ""
    """``0x`` and 64 hex digits; Polymarket only."""
    listed_ns: Nanos
    resolution: Resolution | None = None
    disputed: bool = False


class LocalCatalogue:
    """Everything that is or was listed."""

    def __init__(self) -> None:
        """Begin empty."""
        self.markets: dict[MarketId, LocalMarket] = {}
        self.events: dict[str, LocalEvent] = {}
        self.tokens: dict[str, tuple[LocalMarket, int]] = {}
        """Each token of Polymarket with its market and outcome."""
        self._events = 0
        self._markets = 0

    def add_event(
        self,
        slug: str,
        title: str,
        *,
        group: GroupId | None = None,
        neg_risk: bool = False,
        augmented: bool = False,
        tags: tuple[str, ...] = (),
        series: str = "",
        starts_ns: Nanos | None = None,
        ends_ns: Nanos | None = None,
    ) -> LocalEvent:
        """List an event without markets; raises ``ValueError`` for a slug that is taken."""
        if slug in self.events:
            raise ValueError(f"the event {slug} is listed already")
        self._events += 1
        event = LocalEvent(
            id=self._events,
            slug=slug,
            title=title,
            group=group,
            neg_risk=neg_risk,
            augmented=augmented,
            tags=tags,
            series=series,
            starts_ns=starts_ns,
            ends_ns=ends_ns,
        )
        self.events[slug] = event
        return event

    def add(
        self, event: LocalEvent, listing: Listing, now: Nanos, question: str = ""
    ) -> LocalMarket:
        """List a market of ``event``; raises ``ValueError`` for a market that is listed already."""
        market = listing.market
        if market.id in self.markets:
            raise ValueError(f"the market {market.id} is listed already")
        self._markets += 1
        row = LocalMarket(
            id=self._markets,
            listing=listing,
            event=event.slug,
            question_id=question,
            listed_ns=now,
        )
        self.markets[market.id] = row
        event.markets.append(market.id)
        for index, token in enumerate(market.tokens):
            self.tokens[token] = (row, index)
        return row

    def forget(self, market: MarketId) -> None:
        """Drop a market, and its event with its last market: nobody asks for it any more.

        Raises ``KeyError`` for a market that is not listed.  Numbers are not used again.
        """
        row = self.markets.pop(market)
        for token in row.listing.market.tokens:
            self.tokens.pop(token, None)
        event = self.events[row.event]
        event.markets.remove(market)
        if not event.markets:
            del self.events[row.event]

    def of_slug(self, slug: str) -> LocalMarket | None:
        """Return the market people call ``slug``."""
        return next((row for row in self.markets.values() if row.listing.slug == slug), None)


def question_ids(
    name: str, neg_risk: bool, place: tuple[str, int] | None = None
) -> tuple[str, str, tuple[str, str]]:
    """Return question id, condition id and tokens of a CTF market called ``name``.

    The same name gives the same ids, derived as the contracts derive them.  ``place``: slug of the
    neg-risk event it belongs to, and how many of its markets were listed before.
    """
    question = keccak(f"underround local venue: {name}".encode())
    if neg_risk and place is not None:
        group, _ = neg_risk_group(place[0])
        question = word(int.from_bytes(group, "big") + place[1])
    oracle = POLYGON.neg_risk_adapter if neg_risk else ORACLE
    condition = "0x" + condition_id(address_bytes(oracle), question).hex()
    return "0x" + question.hex(), condition, derive_tokens(condition, neg_risk)


def neg_risk_group(slug: str) -> tuple[bytes, bytes]:
    """Return the id the neg-risk adapter gives an event's group, and the data it is made from.

    That is what the adapter hashes: its operator, no fee, and the data.  The last byte is left to
    the number of a question.
    """
    data = f"underround local venue group: {slug}".encode()
    padded = data.ljust(-(-len(data) // WORD) * WORD, b"\0")
    head = word(address_bytes(POLYGON.neg_risk_operator)) + word(0) + word(3 * WORD)
    return keccak(head + word(len(data)) + padded)[:-1] + b"\0", data
