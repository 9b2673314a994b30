"""Polymarket as anybody sees it: reachable, its generation and clock, this place, the catalogue."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

import msgspec

from underround.app.access import ClockSettings
from underround.app.clients import Clients
from underround.app.doctor.checks import Check
from underround.app.doctor.clocks import judge_skew, skew_of
from underround.app.doctor.findings import Verdict, failed, hinders_live, note, ok, warning
from underround.app.doctor.reach import examine_hosts
from underround.model.frames import NANOS_PER_MS, NANOS_PER_SECOND
from underround.model.listing import Found
from underround.venues.polymarket.account import geoblock
from underround.venues.polymarket.account_answers import Geoblock
from underround.venues.polymarket.gamma.look import Look
from underround.venues.polymarket.gamma.query import MarketQuery, pairs
from underround.venues.polymarket.gamma.rest import PAGE
from underround.venues.polymarket.gamma.wire import MarketsPage
from underround.venues.polymarket.numbers import read_body
from underround.venues.polymarket.refusals import refusal

NAME: Final = "polymarket"
GENERATION: Final = 2
"""Of the CLOB whose orders we sign."""
SAMPLE_PAGES: Final = 5
_ODD_ROWS: Final = 10
"""Per cent of rows that may be of kinds we leave out before it looks like another form."""
_BUSIEST: Final = MarketQuery(order="volume24hr", ascending=False)

_page = msgspec.json.Decoder(MarketsPage).decode


class PublicPolymarket:
    """The checks that need no key."""

    def __init__(self, clients: Clients, clock: ClockSettings, *, live: bool) -> None:
        self._clients = clients
        self._desk = clients.polymarket
        self._clock = clock
        self._live = live

    def checks(self) -> tuple[Check, ...]:
        """Return the lines in order."""
        clob = (Check(NAME, "version", self.version), Check(NAME, "clock", self.clock))
        return (
            Check(NAME, "reachable", self.reachable, clob),
            Check(NAME, "place", self.place),
            Check(NAME, "catalogue", self.catalogue),
            Check(NAME, "streams", self.streams),
        )

    async def reachable(self) -> Verdict:
        """Ask whether the CLOB is well."""
        sent_ns = self._clients.clock()
        await self._desk.rest.public.ok()
        took_ms = (self._clients.clock() - sent_ns) // NANOS_PER_MS
        return ok(f"the CLOB answers in {took_ms} ms")

    async def version(self) -> Verdict:
        """Ask for the CLOB's generation."""
        return judge_version(await self._desk.rest.public.version())

    async def clock(self) -> Verdict:
        """Compare clocks; the venue's counts whole seconds."""
        sent_ns = self._clients.clock()
        told_ns = await self._desk.rest.public.time_ns()
        skew = skew_of(told_ns, sent_ns, self._clients.clock(), step_ns=NANOS_PER_SECOND)
        return judge_skew(skew, "Polymarket's", self._clock, live=self._live)

    async def place(self) -> Verdict:
        """Ask whether this place may trade."""
        return judge_place(await geoblock(self._desk.site), live=self._live)

    async def catalogue(self) -> Verdict:
        """Look at the busiest open markets, page by page, and stop after a sample."""
        http = self._clients.http(self._desk.access.hosts.gamma)
        look = Look(self._clients.clock())
        after: list[tuple[str, str]] = []
        for _ in range(SAMPLE_PAGES):
            asked = [*pairs(_BUSIEST), ("limit", str(PAGE)), *after]
            reply = await http.send("GET", f"/markets/keyset?{urlencode(asked)}")
            place = "GET /markets/keyset"
            error = refusal(reply.status, reply.headers, reply.body, write=False, place=place)
            if error is not None:
                raise error
            page = read_body(_page, reply.body, place)
            for raw in page.markets:
                look.market(raw)
            if not page.next_cursor:
                break
            after = [("after_cursor", page.next_cursor)]
        return judge_catalogue(look.found())

    async def streams(self) -> Verdict:
        """Look whether the streams that are used accept connections."""
        hosts = self._desk.access.hosts
        return await examine_hosts(
            {
                "clob_market_stream": hosts.clob_market_stream,
                "clob_user_stream": hosts.clob_user_stream,
                "live_prices_stream": hosts.live_prices_stream,
            }
        )


def judge_version(version: int) -> Verdict:
    """Judge the CLOB's generation: orders are signed for one only."""
    if version == GENERATION:
        return ok(f"CLOB generation {version}")
    return failed(
        f"CLOB generation {version}: this program signs orders for generation {GENERATION}",
        "update the program before trading",
    )


def judge_place(told: Geoblock, *, live: bool) -> Verdict:
    """Judge whether this place may trade."""
    place = "/".join(part for part in (told.country, told.region) if part) or "this place"
    if not told.blocked:
        return ok(f"{place} may trade")
    return hinders_live(
        f"{place} is geoblocked: orders that open positions are refused from here",
        "do not trade from here; reading and recording work",
        live=live,
    )


def judge_catalogue(found: Found) -> Verdict:
    """Say which share of a sample is Protocol V2, and whether its rows could be read."""
    refused: Counter[str] = Counter(_shortened(found.refused))
    rows = len(found.listings) + refused.total()
    if not found.listings:
        if not rows:
            return failed("the catalogue lists no open market", "ask again later", later=True)
        return failed(f"none of {rows} rows can be read ({_most(refused)})", "update the program")
    second = sum(listing.protocol == "v2" for listing in found.listings)
    told = f"Protocol V2: {second} of {len(found.listings)} open markets are v2"
    if not refused:
        return ok(told)
    told = f"{told}; {refused.total()} of {rows} rows are left out (most often: {_most(refused)})"
    if refused.total() * 100 > rows * _ODD_ROWS:
        return warning(told, "update the program: the venue may have changed its form")
    return note(told)


def _shortened(refused: Mapping[str, int]) -> dict[str, int]:
    """Count reasons without the names of markets that they begin with."""
    counts: Counter[str] = Counter()
    for reason, count in refused.items():
        counts[reason.partition(": ")[2] or reason] += count
    return dict(counts)


def _most(refused: Counter[str]) -> str:
    return refused.most_common(1)[0][0][:120]
