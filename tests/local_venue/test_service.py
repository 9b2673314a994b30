"""The whole venue: how it starts, what it refuses, whose time it keeps, and what it never shows."""

from __future__ import annotations

import asyncio
import json
import socket
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import msgspec
import pytest

from tests.local_venue.kalshi.talker import signed
from tests.oracles.known import Lent
from underround.local_venue.endpoints import Endpoints, KalshiMember
from underround.local_venue.faults import Skew, Stale
from underround.local_venue.flow.quantities import Amount, Span
from underround.local_venue.flow.scene import PriceStep, Scene
from underround.local_venue.flow.scene_file import find_scene, read_scene
from underround.local_venue.kalshi.members import Credentials
from underround.local_venue.service import LocalVenue, Opened, VenueTerms
from underround.model.errors import ConfigError
from underround.pipeline.bundled import BUNDLED
from underround.simulation.matching.terms import AccountId
from underround.venues.polymarket.sign import L2Credentials

QUIET = read_scene(find_scene("quiet"))
FAR = datetime(2027, 3, 1, 12, tzinfo=UTC)


def ports(opened: Opened) -> list[int]:
    urls = {url.split("/")[2] for url in msgspec.structs.astuple(opened.endpoints) if url}
    return sorted(int(each.rpartition(":")[2]) for each in urls)


def free_run(count: int) -> int:
    """Return the first of ``count`` ports in a row that are free now."""
    for first in range(20_000, 60_000, count):
        try:
            for port in range(first, first + count):
                socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return first
    raise AssertionError("no ports are free")


def run_venue(terms: VenueTerms) -> Opened:
    """Open a venue and close it again."""

    async def main() -> Opened:
        async with LocalVenue(terms) as venue:
            return venue.opened

    return asyncio.run(main())


# --- starting -------------------------------------------------------------------------------------


def test_the_servers_have_the_ports_after_the_page_s() -> None:
    first = free_run(16)
    opened = run_venue(VenueTerms(scene=QUIET, port=first))
    assert opened.endpoints.status == f"http://127.0.0.1:{first}"
    assert ports(opened) == list(range(first, first + 15))


def test_a_taken_port_ends_everything_that_was_started_and_names_the_server() -> None:
    first = free_run(16)
    with socket.create_server(("127.0.0.1", first + 5)) as taken:
        with pytest.raises(ConfigError) as told:
            run_venue(VenueTerms(scene=QUIET, port=first))
        assert str(told.value) == (
            f"port {first + 5} for site cannot be used (Address already in use): end what uses it, "
            "or choose others with --port"
        )
        taken.close()
    assert ports(run_venue(VenueTerms(scene=QUIET, port=first)))[0] == first, "all are free again"


def test_keys_follow_from_the_seed_and_the_token_from_nothing() -> None:
    one, same, other = (run_venue(VenueTerms(scene=QUIET, seed=seed)) for seed in (1, 1, 2))
    assert one.accounts == same.accounts
    assert one.kalshi == same.kalshi
    assert one.accounts[0].private_key != other.accounts[0].private_key
    assert len({one.token, same.token, other.token}) == 3
    assert len(one.token) >= 32


def test_faults_are_in_force_from_the_beginning() -> None:
    async def main() -> None:
        async with LocalVenue(VenueTerms(scene=QUIET, faults=(Stale(), Skew(ms=5)))) as venue:
            told = venue.status(venue.world.act())
            assert [row.fault for row in told.faults] == [Stale(), Skew(ms=5)]

    asyncio.run(main())


def test_a_recording_is_played_beside_a_scene() -> None:
    async def main() -> None:
        terms = VenueTerms(scene=QUIET, recording=BUNDLED["nhl-2026-06-07"])
        async with LocalVenue(terms) as venue:
            venue.world.act()
            slugs = {row.listing.slug for row in venue.world.catalogue.markets.values()}
            assert "quiet-even" in slugs
            assert len(slugs) > 7

    asyncio.run(main())


def test_what_has_been_opened_shows_no_key(tmp_path: Path) -> None:
    """A repr ends in logs and tracebacks."""
    terms = VenueTerms(scene=QUIET, scene_name="quiet", fork="https://node.example/secret")
    assert repr(terms) == "VenueTerms(quiet)"
    opened = run_venue(VenueTerms(scene=QUIET))
    shown = repr((opened, opened.accounts, opened.kalshi))
    secrets = [opened.token]
    secrets += [each.private_key for each in opened.accounts]
    secrets += [each.api_secret for each in opened.accounts]
    secrets += [each.private_key.splitlines()[1] for each in opened.kalshi]
    assert not [secret for secret in secrets if secret in shown]
    assert isinstance(opened.kalshi[0], KalshiMember)


# --- time -----------------------------------------------------------------------------------------


def test_a_scene_that_says_when_it_starts_starts_exactly_then() -> None:
    """Not when the servers were open: its steps have the same times in every run."""
    steps = (PriceStep(at=Span(0), symbol="btc/usd", price=Amount(5)),)

    async def main() -> None:
        async with LocalVenue(VenueTerms(scene=Scene(starts=FAR, steps=steps))) as venue:
            venue.world.act()
            told = venue.world.prices.last("btc/usd")
            assert told is not None
            assert told.at_ns == int(FAR.timestamp()) * 10**9

    asyncio.run(main())


@pytest.mark.parametrize(
    "terms, taken",
    [
        (VenueTerms(scene=QUIET), False),
        (VenueTerms(scene=QUIET, speed=60), True),
        (VenueTerms(scene=msgspec.structs.replace(QUIET, starts=FAR)), True),
    ],
    ids=["the clients' time", "sixty times as fast", "another day"],
)
def test_times_that_clients_sign_are_judged_only_where_the_venue_has_their_time(
    terms: VenueTerms, taken: bool
) -> None:
    """Signatures an hour old: refused in real time, taken by a venue whose time is another."""

    async def main() -> None:
        async with LocalVenue(terms) as venue, aiohttp.ClientSession() as session:
            opened, old_ms = venue.opened, int(datetime.now(UTC).timestamp() * 1_000) - 3_600_000
            statuses = [
                await polymarket(session, opened, old_ms),
                await kalshi(session, opened, old_ms),
            ]
            assert statuses == ([200, 200] if taken else [401, 401])

    asyncio.run(main())


async def polymarket(session: aiohttp.ClientSession, opened: Opened, at_ms: int) -> int:
    """Return how the CLOB answers a request that was sealed at a time."""
    who, path = opened.accounts[0], "/data/orders"
    credentials = L2Credentials(
        who.owner,
        Lent("key", who.api_key),
        Lent("secret", who.api_secret),
        Lent("passphrase", who.api_passphrase),
    )
    headers = credentials.headers("GET", path, b"", at_ms * 10**6)
    async with session.get(opened.endpoints.clob + path, headers=headers) as answer:
        return answer.status


async def kalshi(session: aiohttp.ClientSession, opened: Opened, at_ms: int) -> int:
    """Return how Kalshi answers a request that was signed at a time."""
    who, path = opened.kalshi[0], "/trade-api/v2/portfolio/balance"
    key = Credentials(
        member=AccountId(""),
        name=who.name,
        key_id=who.key_id,
        kind="ed25519",
        private_key=who.private_key,
    )
    headers = signed(key, "GET", path, at_ms)
    async with session.get(opened.endpoints.kalshi + path, headers=headers) as answer:
        return answer.status


# --- the end --------------------------------------------------------------------------------------


def test_when_it_is_closed_nothing_listens_and_sockets_are_told() -> None:
    async def main() -> Endpoints:
        async with aiohttp.ClientSession() as session:
            async with LocalVenue(VenueTerms(scene=QUIET)) as venue:
                at = venue.opened.endpoints
                socket_ = await session.ws_connect(at.clob_market_stream)
                async with session.get(at.status + "/status.json") as answer:
                    assert json.loads(await answer.read())["scene"] == "empty"
                told = asyncio.create_task(socket_.receive())
            assert (await told).data == 1001
            return at

    at = asyncio.run(main())
    for url in msgspec.structs.astuple(at):
        if url:
            host, _, port = url.split("/")[2].partition(":")
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection((host, int(port)))
