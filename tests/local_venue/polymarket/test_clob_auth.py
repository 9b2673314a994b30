"""Who may ask the local CLOB: wallets by signature, API keys by HMAC, read-only keys by name."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.local_venue.net.listening import START_NS, afflict
from tests.local_venue.polymarket.clob_desk import SECOND, Desk, clob
from tests.oracles.known import OWNER
from tests.venues.scripted import sample
from underround.local_venue.faults import ClosedOnly, Skew
from underround.local_venue.polymarket.clob.auth import clob_auth_digest, sealed
from underround.local_venue.polymarket.clob.recovery import hex_bytes, signer_of
from underround.venues.ethereum import address_bytes
from underround.venues.polymarket.sign import l1_headers

NO_KEY = (401, "Unauthorized/Invalid api key")
NO_WALLET = (401, "Invalid L1 Request headers")
ANY_FIXTURES = Path(__file__).parents[2] / "venues" / "fixtures"


def told(run: Callable[[Desk], Awaitable[None]]) -> None:
    async def main() -> None:
        async with clob() as desk:
            await run(desk)

    asyncio.run(main())


def vectors() -> dict[str, object]:
    loaded: dict[str, object] = json.loads((ANY_FIXTURES / "polymarket_signing.json").read_text())
    return loaded


# --- the wallet's own signature ---------------------------------------------------------------


def test_the_sdks_login_signature_is_its_wallets() -> None:
    stated = vectors()["clob_auth"]
    assert isinstance(stated, dict)
    digest = clob_auth_digest(address_bytes(OWNER), stated["timestamp"], 0, stated["chainId"])
    assert f"0x{digest.hex()}" == stated["digest"]
    assert signer_of(digest, hex_bytes(stated["signature"]) or b"") == address_bytes(OWNER)


@pytest.mark.shared
def test_the_published_login_signature_is_its_wallets(shared: Path) -> None:
    stated = json.loads(sample(shared, "polymarket/signing/signing_vectors.json"))
    vector = stated["published_clob_auth_vector"]
    address = address_bytes(vector["address"])
    digest = clob_auth_digest(address, vector["timestamp"], vector["nonce"], vector["chainId"])
    assert signer_of(digest, hex_bytes(vector["signature"]) or b"") == address


def test_a_wallet_makes_a_key_once_for_each_nonce_and_derives_it_again() -> None:
    async def run(desk: Desk) -> None:
        headers = l1_headers(desk.alice.key, 137, desk.now, 7)
        missing = await desk.ask("GET", "/auth/derive-api-key", headers=headers)
        made = await desk.ask("POST", "/auth/api-key", headers=headers)
        again = await desk.ask("POST", "/auth/api-key", headers=headers)
        derived = await desk.ask("GET", "/auth/derive-api-key", headers=headers)
        assert missing.error == (400, "Could not derive api key!")
        assert made.status == 200
        assert sorted(made.body) == ["apiKey", "passphrase", "secret"]
        assert again.error == (400, "Could not create api key")
        assert derived.body == made.body
        listed = await desk.alice.ask("GET", "/auth/api-keys")
        assert listed.body == {"apiKeys": [desk.alice.who.api_key, made.body["apiKey"]]}

    told(run)


@pytest.mark.parametrize(
    "header", ["POLY_ADDRESS", "POLY_SIGNATURE", "POLY_TIMESTAMP", "POLY_NONCE"]
)
def test_each_header_of_a_wallets_proof_counts(header: str) -> None:
    async def run(desk: Desk) -> None:
        mine = l1_headers(desk.alice.key, 137, desk.now, 7)
        others = l1_headers(desk.bob.key, 137, desk.now - SECOND, 8)
        refused = await desk.ask("POST", "/auth/api-key", headers=mine | {header: others[header]})
        gone = {name: value for name, value in mine.items() if name != header}
        missing = await desk.ask("POST", "/auth/api-key", headers=gone)
        assert refused.error == NO_WALLET
        assert missing.error == NO_WALLET

    told(run)


@pytest.mark.parametrize("off_s", [-61, 61])
def test_a_wallets_proof_is_good_for_a_minute(off_s: int) -> None:
    async def run(desk: Desk) -> None:
        late = l1_headers(desk.alice.key, 137, START_NS + off_s * SECOND, 7)
        just = l1_headers(desk.alice.key, 137, START_NS + off_s // abs(off_s) * 60 * SECOND, 7)
        assert (await desk.ask("POST", "/auth/api-key", headers=late)).error == NO_WALLET
        assert (await desk.ask("POST", "/auth/api-key", headers=just)).status == 200

    told(run)


def test_a_signature_for_another_chain_is_no_proof() -> None:
    async def run(desk: Desk) -> None:
        headers = l1_headers(desk.alice.key, 80_002, desk.now, 7)
        assert (await desk.ask("POST", "/auth/api-key", headers=headers)).error == NO_WALLET

    told(run)


# --- API keys ----------------------------------------------------------------------------------


def test_the_sdks_hmacs_are_ours() -> None:
    stated = vectors()
    rows = stated["hmac"]
    assert isinstance(rows, list)
    for row in rows:
        body = (row["body"] or "").encode()
        made = sealed(row["secret"], row["timestamp"], row["method"], row["path"], body)
        assert made == row["expected"]
    wire = stated["wire"]
    assert isinstance(wire, dict)
    body = wire["body"].encode()
    made = sealed(wire["secret"], wire["timestamp"], wire["method"], wire["path"], body)
    assert made == wire["POLY_SIGNATURE"]


@pytest.mark.parametrize(
    "header",
    ["POLY_ADDRESS", "POLY_API_KEY", "POLY_PASSPHRASE", "POLY_SIGNATURE", "POLY_TIMESTAMP"],
)
def test_each_header_of_an_api_key_counts(header: str) -> None:
    async def run(desk: Desk) -> None:
        mine = desk.alice.credentials.headers("GET", "/auth/api-keys", b"", desk.now)
        other = desk.bob.credentials.headers("GET", "/auth/api-keys", b"", desk.now - SECOND)
        assert (await desk.ask("GET", "/auth/api-keys", headers=mine)).status == 200
        changed = mine | {header: other[header]}
        assert (await desk.ask("GET", "/auth/api-keys", headers=changed)).error == NO_KEY
        gone = {name: value for name, value in mine.items() if name != header}
        assert (await desk.ask("GET", "/auth/api-keys", headers=gone)).error == NO_KEY

    told(run)


def test_the_seal_covers_method_path_and_every_byte_of_the_body_but_no_query() -> None:
    async def run(desk: Desk) -> None:
        alice, body = desk.alice, desk.alice.order().body
        headers = alice.credentials.headers("POST", "/order", body, desk.now)
        spaced = body.replace(b":", b": ", 1)
        assert (await desk.ask("POST", "/order", spaced, headers)).error == NO_KEY
        assert (await desk.ask("POST", "/orders", body, headers)).error == NO_KEY
        assert (await desk.ask("DELETE", "/order", body, headers)).error == NO_KEY
        assert (await desk.ask("POST", "/order", body, headers)).status == 200
        asked = await alice.ask("GET", "/data/orders", query={"market": desk.market.id.native})
        assert asked.status == 200

    told(run)


def test_a_request_is_good_for_a_minute_of_the_servers_clock_which_may_be_off() -> None:
    async def run(desk: Desk) -> None:
        async def at(seconds: int) -> int:
            now = desk.now + seconds * SECOND
            headers = desk.alice.credentials.headers("GET", "/auth/api-keys", b"", now)
            return (await desk.ask("GET", "/auth/api-keys", headers=headers)).status

        assert [await at(each) for each in (-61, -60, 0, 60, 61)] == [401, 200, 200, 200, 401]
        afflict(desk.world, Skew(ms=90_000))
        assert [await at(each) for each in (0, 30, 90)] == [401, 200, 200]
        assert await desk.get("/time") == desk.now // SECOND + 90

    told(run)


def test_a_venue_whose_clock_is_not_its_clients_takes_any_time() -> None:
    async def main() -> None:
        async with clob(window_ns=None) as desk:
            headers = desk.alice.credentials.headers("GET", "/auth/api-keys", b"", 0)
            assert (await desk.ask("GET", "/auth/api-keys", headers=headers)).status == 200

    asyncio.run(main())


def test_a_withdrawn_key_opens_nothing() -> None:
    async def run(desk: Desk) -> None:
        assert (await desk.alice.ask("DELETE", "/auth/api-key")).body == "OK"
        assert (await desk.alice.ask("GET", "/auth/api-keys")).error == NO_KEY

    told(run)


def test_a_read_only_key_reads_what_its_member_may_read_and_changes_nothing() -> None:
    async def run(desk: Desk) -> None:
        alice = desk.alice
        await alice.post()
        made = (await alice.ask("POST", "/auth/readonly-api-key")).body["apiKey"]
        assert (await alice.ask("GET", "/auth/readonly-api-keys")).body == {
            "readonlyApiKeys": [made]
        }
        headers = {"POLY_READONLY_API_KEY": made, "POLY_ADDRESS": alice.who.owner}
        query = {"maker_address": alice.who.owner}
        read = await desk.ask("GET", "/data/orders", headers=headers, query=query)
        assert len(read.body["data"]) == 1
        foreign = headers | {"POLY_ADDRESS": desk.bob.who.owner}
        assert (await desk.ask("GET", "/data/orders", headers=foreign)).error == NO_KEY
        assert (await desk.ask("DELETE", "/cancel-all", headers=headers)).error == NO_KEY
        usual = headers | {"POLY_READONLY_API_KEY": alice.who.api_key}
        assert (await desk.ask("GET", "/data/orders", headers=usual)).error == NO_KEY
        kept = desk.world.accounts.logins[made]
        stamp = str(desk.now // SECOND)
        sealing = {
            "POLY_ADDRESS": kept.owner,
            "POLY_API_KEY": kept.key,
            "POLY_PASSPHRASE": kept.passphrase,
            "POLY_TIMESTAMP": stamp,
            "POLY_SIGNATURE": sealed(kept.secret, stamp, "DELETE", "/cancel-all", b""),
        }
        assert (await desk.ask("DELETE", "/cancel-all", headers=sealing)).error == NO_KEY
        named = json.dumps({"key": made}).encode()
        others = await desk.bob.ask("DELETE", "/auth/readonly-api-key", named)
        assert others.error == (400, "Invalid readonly api key")
        assert (await alice.ask("DELETE", "/auth/readonly-api-key", named)).body == "OK"
        assert (await desk.ask("GET", "/data/orders", headers=headers)).error == NO_KEY
        assert (await alice.ask("GET", "/auth/api-keys")).status == 200

    told(run)


def test_a_builder_key_is_listed_withdrawn_by_itself_and_opens_no_orders() -> None:
    async def run(desk: Desk) -> None:
        made = (await desk.alice.ask("POST", "/auth/builder-api-key")).body
        (row,) = (await desk.alice.ask("GET", "/auth/builder-api-key")).body
        assert row == {"key": made["key"], "createdAt": str(desk.now // 10**6), "revokedAt": None}

        def headers(prefix: str, method: str, path: str) -> dict[str, str]:
            stamp = str(desk.now // SECOND)
            return {
                f"{prefix}API_KEY": made["key"],
                f"{prefix}PASSPHRASE": made["passphrase"],
                f"{prefix}TIMESTAMP": stamp,
                f"{prefix}SIGNATURE": sealed(made["secret"], stamp, method, path, b""),
            }

        usual = headers("POLY_", "GET", "/data/orders") | {"POLY_ADDRESS": desk.alice.who.owner}
        assert (await desk.ask("GET", "/data/orders", headers=usual)).error == NO_KEY
        path = "/auth/builder-api-key"
        own = headers("POLY_BUILDER_", "DELETE", path)
        assert (await desk.ask("DELETE", path, headers=own)).body == "OK"
        assert (await desk.alice.ask("GET", path)).body == []

    told(run)


# --- rights ------------------------------------------------------------------------------------


def test_an_account_in_closed_only_mode_may_sell_and_is_told_so() -> None:
    async def run(desk: Desk) -> None:
        alice = desk.alice
        owner = alice.who.owner
        afflict(desk.world, ClosedOnly(account=owner.lower()))
        path = "/auth/ban-status/closed-only"
        assert (await alice.ask("GET", path)).body == {"closed_only": True}
        assert (await desk.bob.ask("GET", path)).body == {"closed_only": False}
        assert (await alice.post("buy")).error == (400, f"'{owner}' address in closed only mode")
        assert (await alice.post("sell", "0.6")).status == 200
        assert (await desk.bob.post("buy")).status == 200
        desk.world.faults.clear()
        assert (await alice.post("buy")).status == 200
        desk.world.accounts.closed_only.add(owner)
        assert (await alice.post("buy")).status == 400

    told(run)


def test_a_banned_account_places_nothing() -> None:
    async def run(desk: Desk) -> None:
        desk.world.accounts.banned.add(desk.alice.who.owner)
        refused = await desk.alice.post("sell", "0.6")
        assert refused.error == (400, f"'{desk.alice.who.owner}' address banned")

    told(run)
