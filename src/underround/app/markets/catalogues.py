"""The public catalogues of the configured venues; no key is opened for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from underround.app.clients import Clients
from underround.app.markets.kalshi_look import KalshiLook
from underround.app.markets.polymarket_look import PolymarketLook
from underround.model.ids import KALSHI, POLYMARKET, Venue
from underround.model.market import Market
from underround.venues.kalshi.limits import TIERS
from underround.venues.kalshi.limits import limits_of as kalshi_limits
from underround.venues.kalshi.rest import KalshiRest
from underround.venues.polymarket.limits import limits_of as polymarket_limits
from underround.venues.polymarket.public import PolymarketPublic
from underround.venues.polymarket.requests import Requests
from underround.venues.transport.http import HttpTransport, Reply

_NO_HEADERS: Final[Mapping[str, str]] = {}


class _Counted:
    """Tells of every answer: long lists come page by page, and somebody waits for them."""

    def __init__(self, transport: HttpTransport, told: Callable[[], None]) -> None:
        self._transport = transport
        self._told = told

    async def send(
        self,
        method: str,
        target: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] = _NO_HEADERS,
        write: bool = False,
    ) -> Reply:
        """Send one request (see ``HttpTransport``)."""
        reply = await self._transport.send(method, target, body=body, headers=headers, write=write)
        self._told()
        return reply


class Catalogues:
    """What is asked of the venues without an account: catalogues and books.

    ``told`` is called with the venue for each answer.
    """

    def __init__(self, clients: Clients, told: Callable[[Venue], None] = lambda _venue: None):
        hosts = clients.access.polymarket.hosts
        budget = clients.budget(polymarket_limits())
        gamma = _Counted(clients.http(hosts.gamma), lambda: told(POLYMARKET))
        self.polymarket = PolymarketLook(gamma, budget)
        self.tokens: dict[str, tuple[Market, int]] = {}
        """The catalogue that requested books are read with; it grows with what is shown."""
        self.clob = Requests(clients.http(hosts.clob), budget, clients.clock)
        self.books = PolymarketPublic(self.clob, self.tokens)
        tier = TIERS[clients.access.kalshi.tier]
        rest = KalshiRest(
            _Counted(clients.http(clients.access.kalshi.rest), lambda: told(KALSHI)),
            clients.budget(kalshi_limits(tier)),
            None,
            clients.clock,
            tier=tier,
        )
        self.kalshi_markets = rest.markets
        self.kalshi = KalshiLook(rest.markets)
        self.venues: tuple[Venue, ...] = tuple(
            venue
            for venue, enabled in (
                (POLYMARKET, clients.access.polymarket.enabled),
                (KALSHI, clients.access.kalshi.enabled),
            )
            if enabled
        )
        """The enabled ones."""
