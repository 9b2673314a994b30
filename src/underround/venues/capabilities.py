"""What a venue can do, as facts with their source; each venue folder fills in the table.

A value of ``None`` says that the question does not arise, and the source says why.
"""

from __future__ import annotations

from typing import Final, Generic, Literal, TypeAlias, TypeVar

import msgspec

from underround.model.ids import Venue
from underround.model.orders import TimeInForce
from underround.model.run import ProofKind

T = TypeVar("T")

Spoken: TypeAlias = Literal["rest", "graphql", "json_rpc", "websocket", "recordings"]
"""``recordings``: its frames are read from recordings; nothing connects to it."""
Read: TypeAlias = Literal[
    "time", "status", "fees", "listings", "book", "books", "trades", "candles", "prices",
    "order", "orders", "fills", "positions", "balance", "settlements", "resolutions", "queue",
    "rewards", "allowances", "notices", "limits", "inferences", "topics", "blocks", "logs",
    "receipts", "nonces", "gas", "calls",
]  # fmt: skip
Write: TypeAlias = Literal[
    "place", "place_batch", "amend", "decrease", "cancel", "cancel_batch", "cancel_market",
    "cancel_all", "order_groups", "transfer", "api_keys", "wallet_calls", "transactions",
]  # fmt: skip
SignatureKind: TypeAlias = Literal[
    "rsa_pss_sha256", "ed25519", "hmac_sha256", "eip712", "eip1559", "api_key"
]
"""``api_key``: the key itself is sent, nothing is signed."""
Stored: TypeAlias = Literal[
    "trades", "candles", "prices", "orders", "fills", "positions", "settlements", "inferences",
    "logs",
]  # fmt: skip

_FILES: Final[dict[Spoken, frozenset[str]]] = {
    "rest": frozenset(("rest.py", "answers.py", "refusals.py", "hosts.py")),
    "graphql": frozenset(("rest.py", "answers.py", "refusals.py", "hosts.py")),
    "json_rpc": frozenset(("rpc.py", "answers.py", "refusals.py", "hosts.py")),
    "websocket": frozenset(("stream.py", "codec.py", "hosts.py")),
    "recordings": frozenset(("codec.py",)),
}


class Fact(msgspec.Struct, Generic[T], frozen=True):
    """A value and where it is known from."""

    value: T
    source: str
    """The venue's own page, or the capture it was checked on, with its date."""


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of stream of a venue."""

    stream: str
    """Its name here, as ``Dialect.stream``; ``allora.*`` stands for one per chain."""
    topic: str
    """What one subscribes to."""
    topics_per_socket: int
    private: bool = False
    """Whether it needs an account's key."""
    restates: bool = False
    """Whether an open socket can be made to send a topic's whole state again."""


_NO_ORDERS: Final = "does not apply: nothing is ordered or moved here"


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

    # --- what is asked and told ---------------------------------------------------------------
    speaks: Fact[tuple[Spoken, ...]]
    reads: Fact[tuple[Read, ...]]
    """What this program can ask."""
    channels: Fact[tuple[Channel, ...]]
    replay: Fact[Literal["none", "snapshot", "by_block"]]
    """What follows a reconnect: nothing (ask for what was missed), the present state, or every
    missed event by its place in the chain."""
    signatures: Fact[tuple[SignatureKind, ...]]
    rate_groups: Fact[tuple[str, ...]]
    """Groups of requests with a budget of their own (``limits.py``)."""
    history: Fact[tuple[Stored, ...]]
    """What of the past the venue gives."""
    history_days: Fact[int | None]
    """How many days back it reaches for certain; ``None``: no end is published."""
    reference_feeds: Fact[tuple[str, ...]]
    """First parts of the symbols of ``ReferenceTick`` that come from here."""

    # --- where one trades ---------------------------------------------------------------------
    writes: Fact[tuple[Write, ...]] = Fact((), _NO_ORDERS)
    orders_per_batch: Fact[int | None] = Fact(None, _NO_ORDERS)
    """The most orders of one request, in the lowest tier; 0: one by one."""
    cancels_per_batch: Fact[int | None] = Fact(None, _NO_ORDERS)
    tiers: Fact[tuple[str, ...]] = Fact((), _NO_ORDERS)
    """Names of the rate tiers, lowest first."""
    idempotency: Fact[Literal["none", "client_order_id", "order_hash", "nonce"] | None] = Fact(
        None, _NO_ORDERS
    )
    """What makes a repeated write harmless."""
    heartbeat_ms: Fact[int | None] = Fact(None, _NO_ORDERS)
    """Silence after which the venue cancels our orders; ``None``: it never does."""

    def files(self) -> frozenset[str]:
        """Return the files that a folder with these capabilities must have."""
        wanted = {name for way in self.speaks.value for name in _FILES[way]}
        if self.writes.value:
            wanted.add("sign.py")
        if self.rate_groups.value:
            wanted.add("limits.py")
        return frozenset(wanted)
