"""What the CLOB's endpoints share."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final, Protocol

from aiohttp import web

from underround.local_venue.accounts import Login, account_of
from underround.local_venue.catalogue import LocalMarket
from underround.local_venue.polymarket.clob.auth import WINDOW_NS, Gate
from underround.local_venue.polymarket.clob.heartbeat import Heartbeats
from underround.local_venue.polymarket.clob.ledger import ClobLedger
from underround.local_venue.polymarket.clob.limits import AddressLimits, SignerLimits
from underround.local_venue.polymarket.clob.notices import Notices
from underround.local_venue.polymarket.clob.refused import Refused
from underround.local_venue.polymarket.clob.restart import EngineState
from underround.local_venue.polymarket.gamma.figures import Figures
from underround.local_venue.world import World
from underround.model.book import Side
from underround.model.ids import POLYMARKET, MarketId
from underround.model.units import Nanos, Price
from underround.simulation.matching.terms import AccountId
from underround.venues.ethereum import address_bytes
from underround.venues.polymarket.exchange import NO_CODE
from underround.venues.polymarket.wallets import deposit_wallets, proxy_wallet, safe_wallet

_HEX: Final = "0123456789abcdefABCDEF"
_BUILDER_ORDERS: Final = 20_000


class Books(Protocol):
    """Where the public's books come from: ``PublishedBooks``."""

    def book(self, token: str, now: Nanos, /) -> dict[str, object] | None:
        """Return the body of ``GET /book``; ``None``: no book."""

    def best(self, token: str, /) -> tuple[Price | None, Price | None]:
        """Return the best bid and the best ask of a token."""

    def last_trade(self, token: str, /) -> tuple[str, Side] | None:
        """Return the last trade's price and the taker's side; ``None``: nothing was traded."""


class ClobServer:
    """The CLOB of one world: who may ask, how often, and what is remembered for answers."""

    def __init__(
        self,
        world: World,
        books: Books,
        *,
        window_ns: Nanos | None = WINDOW_NS,
        limits_enforced: bool = True,
        address_limits: AddressLimits | None = None,
    ) -> None:
        """``window_ns``: how far clients' clocks may be off; ``None``: any time will do.

        ``limits_enforced=False``: the signer's limiter only warns, as the venue's began.
        """
        self.world = world
        self.books = books
        self.gate = Gate(world, window_ns=window_ns)
        self.signers = SignerLimits(world.accounts, enforced=limits_enforced)
        self.addresses = address_limits or AddressLimits()
        self.engine = EngineState(world)
        self.ledger = ClobLedger(world)
        self.notices = Notices(world)
        self.figures = Figures(world)
        self.beats = Heartbeats(world)
        self.builders: dict[str, tuple[int, int]] = {}
        """Builder codes with their fees for makers and takers, in basis points."""
        self.builder_orders: dict[str, str] = {}
        """The builder code of the newest orders that name one."""

    def came_through(self, order: str, code: str) -> None:
        """Remember the builder code that an order names."""
        if code == NO_CODE:
            return
        self.builder_orders[order] = code.lower()
        if len(self.builder_orders) > _BUILDER_ORDERS:
            del self.builder_orders[next(iter(self.builder_orders))]

    # --- who asks ------------------------------------------------------------------------------

    def arrive(self, request: web.Request, group: str) -> Nanos:
        """Count a request of an address; return the time at which it is worked on."""
        now = self.world.act()
        self.addresses.pass_through(request.remote or "", group, now)
        return now

    async def signed(self, request: web.Request, group: str) -> tuple[Login, bytes, Nanos]:
        """Return whose API key sealed the request, its body, and the time."""
        body = await request.read()
        now = self.arrive(request, group)
        return self.gate.login(request, body, now), body, now

    async def reading(self, request: web.Request, group: str) -> tuple[Login, bytes, Nanos]:
        """Return who may read, the body, and the time; read-only keys may."""
        body = await request.read()
        now = self.arrive(request, group)
        return self.gate.reader(request, body, now), body, now

    # --- what is asked about -------------------------------------------------------------------

    def market(self, condition: str) -> LocalMarket:
        """Return a market of ours; 400 for no condition id, 404 for an unknown one."""
        if not _is_condition(condition):
            raise Refused(400, "Invalid market")
        row = self.world.catalogue.markets.get(MarketId(POLYMARKET, condition.lower()))
        if row is None:
            raise Refused(404, "market not found")
        return row

    def of_token(self, token: str | None, missing: str) -> tuple[LocalMarket, int]:
        """Return a token's market and outcome; 400 for no token id, 404 (``missing``)."""
        if not token or not (token.isascii() and token.isdigit()):
            raise Refused(400, "Invalid token id")
        found = self.world.catalogue.tokens.get(token)
        if found is None:
            raise Refused(404, missing)
        return found

    def markets(self) -> list[LocalMarket]:
        """Return every market of Polymarket, in the order of listing."""
        rows: Iterable[LocalMarket] = self.world.catalogue.markets.values()
        return [row for row in rows if row.listing.market.id.venue == POLYMARKET]


@lru_cache(maxsize=1 << 10)
def accounts_of(owner: str) -> tuple[AccountId, ...]:
    """Return every account whose wallet a key can have."""
    raw = address_bytes(owner)
    wallets = (owner, proxy_wallet(raw), safe_wallet(raw), *deposit_wallets(raw))
    return tuple(account_of(owner, wallet)[0] for wallet in wallets)


def _is_condition(text: str) -> bool:
    digits = text.removeprefix("0x")
    return text.startswith("0x") and len(digits) in {62, 64} and not digits.strip(_HEX)
