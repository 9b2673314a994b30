"""What a venue can do, as facts with their source; each venue folder fills in the table."""

from __future__ import annotations

from typing import Generic, Literal, TypeVar

import msgspec

from underround.model.ids import Venue
from underround.model.orders import TimeInForce
from underround.model.run import ProofKind

T = TypeVar("T")


class Fact(msgspec.Struct, Generic[T], frozen=True):
    """A value and where it is known from."""

    value: T
    source: str
    """The venue's own page, or the capture it was checked on, with its date."""


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """The table of one venue.  Reference feeds have no orders and no sets."""

    venue: Venue
    trades: Fact[bool]
    """Whether orders can be sent there; ``False``: a reference price only."""
    book_proof: Fact[ProofKind]
    """The strongest proof of a book that its market data allow."""
    sequence_per: Fact[Literal["nothing", "subscription", "symbol"]]
    """What the numbers of its messages count."""
    snapshot_timed: Fact[bool]
    """Whether a snapshot says when the book last changed."""
    deltas: Fact[Literal["absolute", "signed", "none"]]
    """Whether a level's message carries its new size or the change."""
    one_mirrored_book: Fact[bool]
    """Whether YES and NO are one book read from two sides."""
    nets_outcomes: Fact[bool]
    """Whether holding YES and NO of one market turns into cash by itself."""
    mints_sets: Fact[bool]
    """Whether a user can turn a dollar into one share of each outcome, and back."""
    tifs: Fact[tuple[TimeInForce, ...]]
    post_only: Fact[bool]
    order_id_known: Fact[bool]
    """Whether an order can be looked up by an id that is known before it is sent."""
    resolution_stated: Fact[bool]
    """Whether the stream says how a market resolved."""
