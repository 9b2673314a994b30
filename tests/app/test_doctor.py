"""``underround doctor`` against every venue on loopback: all well, and each thing that can fail."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias, cast

import pytest

from tests import aio
from tests.app.venue_hosts import (
    API_SECRET,
    ENVIRONMENT,
    KEYS,
    NOBODY,
    NODE_KEY,
    PASSPHRASE,
    PLANTED,
    PUBLIC_KEY,
    SECOND,
    Venues,
    allowances,
    block,
    granted,
    http_date,
    iso,
    money,
    reply,
    rules,
    tier,
    venue_hosts,
    written,
)
from tests.venues.polymarket.gamma_rows import market_row, v2_row
from tests.venues.scripted import Answer
from underround.app import Config, load_config
from underround.app.clients import Clients
from underround.app.doctor import Examination, Finding, Wanted, stored_keys, worst_code
from underround.model.errors import AccountError, ConfigError, KeyStoreError
from underround.operations.folders import find_folders
from underround.operations.halt import HaltFlag

Change: TypeAlias = Callable[[Venues], object]
Found: TypeAlias = Mapping[tuple[str, str], Finding]
API = "/trade-api/v2"
CONSUMER = '[venues.allora]\napi_key = "env:T_CONSUMER"'


def well(_: Venues) -> None:
    """Change nothing."""


class Doctor:
    """Examines the venues on loopback; keeps all that was said."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.findings: list[Finding] = []
        self.asked: list[str] = []
        self.venues: Venues | None = None

    def examine(
        self,
        change: Change = well,
        *extra: str,
        wanted: Wanted | None = None,
        locked: KeyStoreError | None = None,
    ) -> Found:
        """Return what is found by venue and subject; ``extra`` adds to the configuration."""

        async def main() -> list[Finding]:
            loop = cast("aio.JumpingLoop", asyncio.get_running_loop())
            async with venue_hosts(loop.now_ns) as venues:
                self.venues = venues
                change(venues)
                keys = f'[keys]\nfile = "{self.folder}/keys.json"'
                file = written(self.folder, venues.configuration(keys, *extra))
                config: Config = load_config(file, strategies=False).value
                heard: list[Finding] = []
                examination = Examination(
                    config, wanted or Wanted(), locked=locked, clock=loop.now_ns
                )
                async with examination:
                    findings = await examination.run(
                        lambda _, each: heard.append(each), lambda _: None
                    )
                assert sorted(map(str, heard)) == sorted(map(str, findings))
                assert venues.host is not None
                self.asked = [asked.path for asked in venues.host.asked]
                return findings

        self.findings = aio.run(main())
        return {(each.venue, each.subject): each for each in self.findings}


@pytest.fixture
def doctor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Doctor:
    """Return a doctor whose configuration may name the planted secrets."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    return Doctor(tmp_path)


# --- all well ----------------------------------------------------------------------------------


def test_everything_well_is_ok_from_the_first_line_to_the_last(doctor: Doctor) -> None:
    doctor.examine(well, KEYS, CONSUMER, wanted=Wanted(live=True))
    assert [each for each in doctor.findings if each.level != "ok"] == []
    assert worst_code(doctor.findings) == 0
    assert len(doctor.findings) == 39


def test_without_keys_public_data_are_looked_at_and_nothing_is_wrong(doctor: Doctor) -> None:
    found = doctor.examine()
    assert worst_code(doctor.findings) == 0
    assert "no wallet is configured" in found["polymarket", "wallet"].says
    assert "no key is configured" in found["kalshi", "key"].says
    assert {each.level for each in doctor.findings} == {"ok", "note"}


def test_live_trading_without_keys_fails(doctor: Doctor) -> None:
    found = doctor.examine(wanted=Wanted(live=True))
    assert found["polymarket", "wallet"].level == "failed"
    assert found["kalshi", "key"].level == "failed"
    assert worst_code(doctor.findings) == 7


def test_keys_that_must_stay_shut_are_not_opened_and_it_is_said(doctor: Doctor) -> None:
    keys = KEYS.replace("env:T_WALLET", "env:NOT_SET").replace("env:T_KALSHI_ID", "env:NOT_SET")
    found = doctor.examine(well, keys, CONSUMER, wanted=Wanted(keys=False))
    for place in (("polymarket", "wallet"), ("kalshi", "key"), ("allora", "consumer key")):
        assert found[place].level == "note"
        assert "--no-keys" in found[place].says
    assert not [path for path in doctor.asked if path.startswith(("/auth", "/balance"))]


def test_only_the_named_venues_are_looked_at(doctor: Doctor) -> None:
    doctor.examine(wanted=Wanted(venues=("allora", "binance")))
    assert [each.venue for each in doctor.findings] == ["binance"] * 3 + ["allora"] * 4


def test_a_venue_that_is_not_enabled_is_left_out(doctor: Doctor) -> None:
    doctor.examine(well, "[venues.kalshi]\nenabled = false")
    assert "kalshi" not in {each.venue for each in doctor.findings}


def test_a_doctor_that_does_not_judge_for_live_makes_no_api_key(doctor: Doctor) -> None:
    def none_yet(venues: Venues) -> None:
        venues.change("GET /auth/derive-api-key", {"error": "no such key"}, 404)

    found = doctor.examine(none_yet, KEYS)
    assert found["polymarket", "credentials"].level == "note"
    assert "has no API key yet" in found["polymarket", "credentials"].says
    assert "no API key yet" in found["polymarket", "cash"].says
    assert "/auth/api-key" not in doctor.asked


def test_for_live_trading_a_missing_api_key_is_made(doctor: Doctor) -> None:
    def none_yet(venues: Venues) -> None:
        venues.script["POST /auth/api-key"] = venues.script["GET /auth/derive-api-key"]
        venues.change("GET /auth/derive-api-key", {"error": "no such key"}, 404)

    found = doctor.examine(none_yet, KEYS, wanted=Wanted(live=True))
    assert found["polymarket", "credentials"].level == "ok"
    assert found["polymarket", "cash"].says == "$1,250.50 pUSD, and both exchanges may move it"


# --- what can be wrong -------------------------------------------------------------------------


def answers(path: str, value: object, status: int = 200) -> Change:
    """Let one path answer otherwise."""
    return lambda venues: venues.change(path, value, status)


def sets(**values: Any) -> Change:
    """Change the state of the nodes or the time server."""

    def change(venues: Venues) -> None:
        for name, value in values.items():
            setattr(venues, name, value)

    return change


def off_by(ms: int) -> Change:
    """Let every venue and the time server be ahead of us."""

    def change(venues: Venues) -> None:
        clock = venues.clock
        venues.script["GET /api/v3/time"] = lambda _: reply(
            {"serverTime": clock() // 1_000_000 + ms}
        )
        venues.script["GET /time"] = lambda _: reply((clock() + ms * 1_000_000) // SECOND)
        active = {"exchange_active": True, "trading_active": True}
        venues.script[f"GET {API}/exchange/status"] = lambda _: reply(
            active, Date=http_date(clock() + ms * 1_000_000)
        )
        venues.ntp_offset_ns = ms * 1_000_000

    return change


def shards(*paused: int, resume: str | None = None) -> dict[str, Any]:
    """Return Kalshi's status with some shards paused."""
    rows = [
        {"exchange_index": shard, "exchange_active": True, "trading_active": shard not in paused}
        for shard in range(4)
    ]
    told: dict[str, Any] = {"exchange_active": True, "trading_active": True}
    return told | {"exchange_index_statuses": rows, "exchange_estimated_resume_time": resume}


def dated(status: dict[str, Any]) -> Change:
    """Answer Kalshi's status with a right Date."""

    def change(venues: Venues) -> None:
        venues.script[f"GET {API}/exchange/status"] = lambda _: reply(
            status, Date=http_date(venues.clock())
        )

    return change


RESUME = "2026-09-22T01:30:00Z"
DOWN = {"exchange_active": False, "trading_active": False, "exchange_estimated_resume_time": RESUME}
PAUSED = {"exchange_active": True, "trading_active": False}
MAINTENANCE = {
    "schedule": {
        "standard_hours": [],
        "maintenance_windows": [
            {"start_datetime": iso(1_790_000_000 * SECOND + 3_600 * SECOND),
             "end_datetime": iso(1_790_000_000 * SECOND + 7_200 * SECOND)}
        ],
    }
}  # fmt: skip
BLOCKED = {"blocked": True, "ip": "192.0.2.9", "country": "US", "region": "NY"}

Case: TypeAlias = tuple[Change, tuple[str, str], str, str, str, str]
"""Change, place, level, level for live trading, words, words of the remedy."""

CASES: dict[str, Case] = {
    "clock warned": (
        off_by(1_500), ("binance", "clock"), "warning", "warning", "more than 500 ms", "set this",
    ),
    "clock refused": (
        off_by(5_000), ("binance", "clock"), "warning", "failed",
        "above 2000 ms live trading is refused", "set this machine's clock",
    ),
    "clock, whole seconds": (
        off_by(5_000), ("polymarket", "clock"), "warning", "failed", "behind Polymarket's, ± ",
        "set this machine's clock",
    ),
    "clock by the Date": (
        off_by(-5_000), ("kalshi", "clock"), "warning", "failed", "ahead of Kalshi's, ± ",
        "set this machine's clock",
    ),
    "clock of the time server": (
        sets(ntp_offset_ns=3 * SECOND), ("machine", "clock"), "warning", "failed",
        " ms behind that of 127.0.0.1:", "chrony",
    ),
    "geoblocked": (
        answers("GET /api/geoblock", BLOCKED), ("polymarket", "place"), "warning", "failed",
        "US/NY is geoblocked", "do not trade from here",
    ),
    "another generation": (
        answers("GET /version", {"version": 3}), ("polymarket", "version"), "failed", "failed",
        "CLOB generation 3: this program signs orders for generation 2", "update the program",
    ),
    "empty catalogue": (
        answers("GET /markets/keyset", {"markets": []}), ("polymarket", "catalogue"), "failed",
        "failed", "lists no open market", "ask again later",
    ),
    "odd rows": (
        answers("GET /markets/keyset", {"markets": [market_row(1), {"slug": "x"}]}),
        ("polymarket", "catalogue"), "warning", "warning",
        "0 of 1 open markets are v2; 1 of 2 rows are left out", "changed its form",
    ),
    "closed only": (
        answers("GET /auth/ban-status/closed-only", {"closed_only": True}),
        ("polymarket", "closed-only"), "warning", "failed", "closed-only mode", "ask the venue why",
    ),
    "wrong Polymarket credentials": (
        answers("GET /auth/api-keys", {"error": "Unauthorized/Invalid api key"}, 401),
        ("polymarket", "credentials"), "failed", "failed", "status 401",
        "check the API key, its secret and the clock",
    ),
    "keys of another wallet": (
        answers("GET /auth/api-keys", {"apiKeys": ["other"]}), ("polymarket", "credentials"),
        "failed", "failed", "its 1 keys of this wallet are not ours", "let it be derived",
    ),
    "missing approvals": (
        lambda venues: venues.script.update({"GET /v2/approvals": granted({0, 6})}),
        ("polymarket", "approvals"), "warning", "failed",
        "2 permissions are missing: pUSD to exchange, CTF to exchange; orders will be refused",
        "approve(spender, 2^256 - 1)",
    ),
    "missing approvals of Protocol V2": (
        lambda venues: venues.script.update({"GET /v2/approvals": granted({15})}),
        ("polymarket", "approvals"), "warning", "warning",
        "PositionManager to auto_redeemer; orders work", "setApprovalForAll",
    ),
    "a wallet that gave nothing": (
        answers("GET /v2/approvals", {"data": None}), ("polymarket", "approvals"), "warning",
        "failed", "16 permissions are missing", "approve(",
    ),
    "no cash": (
        answers("GET /balance-allowance", {"balance": "0", "allowances": allowances()}),
        ("polymarket", "cash"), "warning", "warning", "$0.00 pUSD: nothing can be bought", "fund",
    ),
    "no allowance": (
        answers(
            "GET /balance-allowance",
            {"balance": "5000000", "allowances": allowances("neg_risk_exchange")},
        ),
        ("polymarket", "cash"), "warning", "failed",
        "$5.00 pUSD, but the CLOB sees no allowance for neg_risk_exchange", "look again",
    ),
    "unknown tier": (
        answers("GET /v1/user/rate-limit-tier", {"tier": "Mithril"}), ("polymarket", "rate tier"),
        "warning", "warning", "calls our tier 'mithril'", "update the program",
    ),
    "exchange down": (
        dated(DOWN), ("kalshi", "exchange"), "warning", "failed",
        "the exchange is down, expected back at 2026-09-22 01:30Z", "wait",
    ),
    "trading paused": (
        dated(PAUSED), ("kalshi", "exchange"), "warning", "failed",
        "trading is paused on the whole exchange", "wait",
    ),
    "one shard paused": (
        dated(shards(2)), ("kalshi", "exchange"), "warning", "warning",
        "trading is paused on shard 2 of 4", "orders on other shards work",
    ),
    "every shard paused": (
        dated(shards(0, 1, 2, 3)), ("kalshi", "exchange"), "warning", "failed",
        "trading is paused on every shard", "wait",
    ),
    "announced pause": (
        answers(f"GET {API}/exchange/schedule", MAINTENANCE), ("kalshi", "schedule"), "note",
        "note", "announced pauses: ", "not matched meanwhile",
    ),
    "wrong Kalshi credentials": (
        answers(f"GET {API}/account/limits", {"error": {"code": "authentication_error"}}, 401),
        ("kalshi", "credentials"), "failed", "failed", "Kalshi says 401",
        "check key id, private key and clock",
    ),
    "a scope that is missing": (
        answers(f"GET {API}/portfolio/balance", {"error": {"code": "forbidden"}}, 403),
        ("kalshi", "balance"), "failed", "failed", "Kalshi says 403", "check the scopes",
    ),
    "a higher tier is configured": (
        lambda venues: None, ("kalshi", "rate tier"), "warning", "warning",
        "but advanced is configured: we would ask too fast", 'tier = "basic"',
    ),
    "a lower tier is configured": (
        answers(f"GET {API}/account/limits", tier("premier", 1_200, 1_200)),
        ("kalshi", "rate tier"), "note", "note", "we ask slower than we may", 'tier = "premier"',
    ),
    "a tier with less": (
        answers(f"GET {API}/account/limits", tier("basic", 100, 50)), ("kalshi", "rate tier"),
        "warning", "warning", "fewer than the 200 and 100 we reckon with", "update",
    ),
    "no cash at Kalshi": (
        answers(f"GET {API}/portfolio/balance", money(0, {0: "0.00"})), ("kalshi", "balance"),
        "warning", "warning", "$0.00: nothing can be bought", "fund the account",
    ),
    "an unknown pair": (
        answers("GET /api/v3/exchangeInfo", {"code": -1121, "msg": "Invalid symbol."}, 400),
        ("binance", "symbols"), "warning", "warning", "no such symbol", "venues.binance.symbols",
    ),
    "a pair that stands": (
        answers(
            "GET /api/v3/exchangeInfo",
            rules(("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT"), SOLUSDT="BREAK"),
        ),
        ("binance", "symbols"), "warning", "warning", "no prices come of SOLUSDT (BREAK)", "wait",
    ),
    "a place Binance is closed to": (
        answers("GET /api/v3/time", {"code": 0, "msg": "restricted location"}, 451),
        ("binance", "clock"), "failed", "failed", "closed to this place", "market-data host",
    ),
    "an inactive topic": (
        answers("GET /emissions/v10/is_topic_active/20", {"is_active": False}),
        ("allora", "topics"), "note", "note",
        "2 of 3 topics up to an hour ahead are active; not active: 20", "build no signal",
    ),
    "an old Allora node": (
        lambda venues: venues.change(
            "GET /cosmos/base/tendermint/v1beta1/blocks/latest",
            block("allora-mainnet-1", venues.clock() - 300 * SECOND),
        ),
        ("allora", "head"), "warning", "warning", "the node is behind", "venues.allora.gateway",
    ),
    "another Allora chain": (
        answers("GET /cosmos/base/tendermint/v1beta1/blocks/latest", block("testnet-9", SECOND)),
        ("allora", "head"), "failed", "failed", "a block of 'testnet-9'", "configured address",
    ),
    "a lagging node": (
        sets(heads={"node0": 1_000, "node1": 900}), ("polygon", "nodes"), "warning", "warning",
        "1 in step (rpc[0]); rpc[1] is 100 blocks behind", "replace those nodes",
    ),
    "nodes of another chain": (
        sets(chain_id=1), ("polygon", "nodes"), "failed", "failed", "rpc[0] serves chain 1",
        "venues.polygon.rpc",
    ),
    "an old chain head": (
        sets(head_age_s=240), ("polygon", "head"), "warning", "warning", "240 s old: the nodes are",
        "name other nodes",
    ),
    "dear gas": (
        sets(base_fee_gwei=5_000), ("polygon", "gas price"), "warning", "failed",
        "5030.0 gwei (base fee and tip), above the cap of 2000", "max_fee_gwei",
    ),
    "no gas money": (
        sets(balance_wei=0), ("polygon", "gas money"), "warning", "failed",
        "can send no transaction", "send some POL to 0x",
    ),
    "little gas money": (
        sets(balance_wei=10**16), ("polygon", "gas money"), "warning", "warning",
        "0.0100 POL will not last long", "send some POL",
    ),
}  # fmt: skip


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_what_is_wrong_is_named_with_its_remedy(doctor: Doctor, name: str, live: bool) -> None:
    change, place, level, live_level, words, remedy = CASES[name]
    extra = '[venues.kalshi]\ntier = "advanced"' if "higher tier" in name else ""
    found = doctor.examine(change, KEYS, extra, wanted=Wanted(live=live))[place]
    assert found.level == (live_level if live else level)
    assert words in found.says
    assert remedy in f"{found.says}: {found.remedy}"
    for secret in PLANTED:
        assert secret not in str(doctor.findings)


def test_the_share_of_protocol_v2_is_told(doctor: Doctor) -> None:
    rows = {"markets": [market_row(1), v2_row(), market_row(3)]}
    found = doctor.examine(answers("GET /markets/keyset", rows))
    assert found["polymarket", "catalogue"].says == "Protocol V2: 1 of 3 open markets are v2"


def test_the_sample_of_the_catalogue_ends_after_five_pages(doctor: Doctor) -> None:
    turns = iter(range(1, 100))

    def page(_: object) -> Answer:
        number = next(turns)
        return reply({"markets": [market_row(number)], "next_cursor": f"c{number}"})

    found = doctor.examine(lambda venues: venues.script.update({"GET /markets/keyset": page}))
    assert found["polymarket", "catalogue"].says == "Protocol V2: 0 of 5 open markets are v2"


def test_a_clock_that_is_exact_to_whole_seconds_only_is_no_reason_to_warn(doctor: Doctor) -> None:
    found = doctor.examine(off_by(0), wanted=Wanted(live=True))
    assert found["polymarket", "clock"].level == found["kalshi", "clock"].level == "ok"


# --- nobody there ------------------------------------------------------------------------------


def test_hosts_that_are_not_there_fail_and_trying_again_may_help(doctor: Doctor) -> None:
    stream = NOBODY.replace("http", "ws")
    extra = (
        f'[venues.kalshi]\nrest = "{NOBODY}"\nstream = "{stream}"',
        f'[venues.binance]\nrest = "{NOBODY}"',
        f'[venues.allora]\ngateway = "{NOBODY}"',
        f'[venues.polygon]\nrpc = ["{NOBODY}"]',
    )
    found = doctor.examine(well, *extra)
    for place in (
        ("kalshi", "exchange"),
        ("kalshi", "clock"),
        ("kalshi", "stream"),
        ("binance", "clock"),
        ("allora", "version"),
        ("polygon", "nodes"),
    ):
        assert (found[place].level, found[place].later) == ("failed", True), place
    assert found["kalshi", "stream"].says == "no connection to stream (Connection refused)"
    assert found["allora", "topics"].says == "not asked, because version failed"
    assert found["polygon", "gas price"].level == "note"
    assert found["polymarket", "reachable"].level == "ok"
    assert worst_code(doctor.findings) == 8
    assert NODE_KEY not in str(doctor.findings)


def test_a_node_that_is_silent_is_left_out_and_its_address_is_not_shown(doctor: Doctor) -> None:
    def silent(venues: Venues) -> None:
        venues.script[f"POST /node1/{NODE_KEY}"] = Answer(b"<html>", 502)

    found = doctor.examine(silent)["polygon", "nodes"]
    assert found.level == "warning"
    assert "rpc[1] gives no usable answer" in found.says
    assert NODE_KEY not in str(doctor.findings)


def test_a_node_s_address_that_is_none_is_not_shown(doctor: Doctor) -> None:
    with pytest.raises(ConfigError, match=r"venues\.polygon\.rpc: a base address") as caught:
        doctor.examine(well, f'[venues.polygon]\nrpc = ["nowhere/{NODE_KEY}"]')
    assert NODE_KEY not in str(caught.value)


def test_silence_ends_with_the_time_out_and_holds_up_nobody_else(doctor: Doctor) -> None:
    found = doctor.examine(answers("GET /ok", Answer(never=True)), wanted=Wanted(timeout_s=3.5))
    line = found["polymarket", "reachable"]
    assert line.says == "no answer within 3.5 s"
    assert "--timeout" in line.remedy
    assert line.exit_code == 8
    assert found["polymarket", "clock"].says == "not asked, because reachable failed"
    assert found["polymarket", "place"].level == "ok"


def test_a_time_server_that_is_silent_is_a_warning(doctor: Doctor) -> None:
    found = doctor.examine(well, '[clock]\nntp = "127.0.0.1:9"')
    assert found["machine", "clock"].level == "warning"
    assert "clock.ntp" in found["machine", "clock"].says


MALFORMED = {
    ("polymarket", "reachable"): "GET /ok",
    ("polymarket", "version"): "GET /version",
    ("polymarket", "clock"): "GET /time",
    ("polymarket", "place"): "GET /api/geoblock",
    ("polymarket", "catalogue"): "GET /markets/keyset",
    ("polymarket", "approvals"): "GET /v2/approvals",
    ("polymarket", "credentials"): "GET /auth/derive-api-key",
    ("polymarket", "closed-only"): "GET /auth/ban-status/closed-only",
    ("polymarket", "cash"): "GET /balance-allowance",
    ("polymarket", "rate tier"): "GET /v1/user/rate-limit-tier",
    ("kalshi", "exchange"): f"GET {API}/exchange/status",
    ("kalshi", "schedule"): f"GET {API}/exchange/schedule",
    ("kalshi", "credentials"): f"GET {API}/account/limits",
    ("kalshi", "balance"): f"GET {API}/portfolio/balance",
    ("binance", "clock"): "GET /api/v3/time",
    ("binance", "symbols"): "GET /api/v3/exchangeInfo",
    ("allora", "head"): "GET /cosmos/base/tendermint/v1beta1/blocks/latest",
    ("allora", "topics"): "GET /emissions/v10/is_topic_active/18",
    ("allora", "consumer key"): "GET /v2/allora/allora-mainnet-1/topics",
}


@pytest.mark.parametrize("place", MALFORMED)
@pytest.mark.parametrize("body", [b"<html>planted", b'{"odd": 1}', b"[]", b"\xff"])
def test_an_answer_that_cannot_be_read_fails_its_line(
    doctor: Doctor, place: tuple[str, str], body: bytes
) -> None:
    found = doctor.examine(answers(MALFORMED[place], Answer(body)), KEYS, CONSUMER)
    assert found[place].level == "failed"
    assert found[place].exit_code == 7
    assert found[place].remedy
    for secret in PLANTED:
        assert secret not in str(doctor.findings)


def test_an_answer_without_a_date_compares_no_clocks(doctor: Doctor) -> None:
    change = answers(f"GET {API}/exchange/status", Answer(b"{}", headers={"Date": "yesterday"}))
    assert "states no Date" in doctor.examine(change)["kalshi", "clock"].says


# --- keys --------------------------------------------------------------------------------------


def test_a_wallet_that_everybody_has_is_refused_unless_all_is_local(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("T_WALLET", PUBLIC_KEY)
    local = doctor.examine(well, KEYS)["polymarket", "wallet"]
    assert local.level == "note"
    assert "every host is on this machine" in local.says
    remote = '[venues.polygon]\nprivate_rpc = "https://node.invalid"'
    found = doctor.examine(well, KEYS, remote, wanted=Wanted(venues=("polymarket",)))
    assert found["polymarket", "wallet"].level == "failed"
    assert "everybody has this key" in found["polymarket", "wallet"].says
    assert found["polymarket", "cash"].says == "not asked, because wallet failed"
    assert not [path for path in doctor.asked if path.startswith("/auth")]


def test_a_wallet_of_somebody_else_is_named(doctor: Doctor) -> None:
    maker = f'[venues.polymarket]\nmaker = "0x{"1" * 40}"'
    found = doctor.examine(well, KEYS, maker)
    assert "is no wallet of" in found["polymarket", "wallet"].says
    assert found["polymarket", "reachable"].level == "ok"
    assert found["polygon", "gas money"].level == "failed"


def test_a_deposit_wallet_without_a_relayer_key_is_a_warning(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("T_WALLET", PUBLIC_KEY)
    maker = '[venues.polymarket]\nmaker = "0xBc0fF067b7740Eff76C1ca93c875Ba6B890d6B50"'
    found = doctor.examine(well, KEYS, maker)
    assert "deposit wallet (signature type 3) of 0xf39F" in found["polymarket", "wallet"].says
    assert found["polymarket", "relayer"].level == "warning"
    assert "none is needed" in found["polygon", "gas money"].says
    monkeypatch.setenv("T_RELAYER", PASSPHRASE)
    relayer = f'{maker}\nrelayer_key = "env:T_RELAYER"'
    assert doctor.examine(well, KEYS, relayer)["polymarket", "relayer"].level == "ok"


@pytest.mark.parametrize(
    "name, value, place, words",
    [
        ("T_WALLET", "", ("polymarket", "wallet"), "there is no secret where it points"),
        ("T_WALLET", "planted-no-key", ("polymarket", "wallet"), "T_WALLET"),
        ("T_KALSHI_KEY", "planted-no-pem", ("kalshi", "key"), "not a private key in PEM"),
        ("T_KALSHI_ID", "planted id", ("kalshi", "key"), "not a UUID"),
    ],
)
def test_a_key_that_cannot_be_used_is_named_and_not_shown(
    doctor: Doctor,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: str,
    place: tuple[str, str],
    words: str,
) -> None:
    monkeypatch.setenv(name, value)
    found = doctor.examine(well, KEYS)[place]
    assert found.level == "failed"
    assert words in found.says
    assert "planted" not in str(doctor.findings)


def test_a_key_store_that_does_not_open_is_told_and_the_rest_is_looked_at(doctor: Doctor) -> None:
    keys = KEYS.replace("env:T_WALLET", "keystore:mine")
    found = doctor.examine(well, keys, locked=KeyStoreError("the password is wrong"))
    assert found["machine", "key store"].says == "the keys are not open: the password is wrong"
    assert found["polymarket", "wallet"].level == "failed"
    assert "keystore:mine is not open" in found["polymarket", "wallet"].says
    assert found["kalshi", "balance"].level == "ok"


def test_only_keys_that_an_examination_needs_are_asked_for(doctor: Doctor) -> None:
    doctor.examine()
    keys = KEYS.replace("env:T_WALLET", "keystore:mine").replace("env:T_KALSHI_ID", "keystore:id")
    assert doctor.venues is not None
    file = written(doctor.folder, doctor.venues.configuration(keys))
    access = load_config(file, strategies=False).value.venues
    assert stored_keys(access, Wanted()) == ("mine", "id")
    assert stored_keys(access, Wanted(venues=("kalshi", "machine"))) == ("id",)
    assert stored_keys(access, Wanted(keys=False)) == ()


# --- this machine ------------------------------------------------------------------------------


def test_a_key_store_that_others_may_read_fails(doctor: Doctor) -> None:
    file = doctor.folder / "keys.json"
    file.write_text("{}")
    file.chmod(0o644)
    found = doctor.examine()["machine", "key store"]
    assert found.level == "failed"
    assert found.remedy == f"chmod 600 {file}"


def test_a_key_store_that_is_not_there_fails_only_if_it_is_needed(doctor: Doctor) -> None:
    assert doctor.examine()["machine", "key store"].level == "ok"
    keys = KEYS.replace("env:T_WALLET", "keystore:mine")
    found = doctor.examine(well, keys)
    assert "underround keys init" in found["machine", "key store"].remedy
    assert found["polymarket", "wallet"].level == "failed"


def test_a_journal_that_is_none_fails(doctor: Doctor) -> None:
    file = doctor.folder / "journal.db"
    file.write_bytes(b"nothing of the kind" * 100)
    found = doctor.examine(well, f'[journal]\nurl = "sqlite:///{file}"')["machine", "journal"]
    assert found.level == "failed"
    assert "not a journal" in found.says


def test_looking_makes_no_journal_and_no_folder(doctor: Doctor, state_folder: Path) -> None:
    assert "there is none yet" in doctor.examine()["machine", "journal"].says
    assert not state_folder.exists()


def test_a_halt_is_told_and_a_warning_for_live_trading(doctor: Doctor) -> None:
    HaltFlag(find_folders().halt_flag).halt("storm")
    assert doctor.examine()["machine", "halt flag"].level == "note"
    found = doctor.examine(wanted=Wanted(live=True))["machine", "halt flag"]
    assert (found.level, found.remedy) == ("warning", "underround resume")
    assert "storm" in found.says


def test_derived_credentials_serve_the_user_stream_until_they_are_wiped(doctor: Doctor) -> None:
    """Of ``Clients``: the stream sends the secret itself, long after the login."""

    async def main() -> None:
        loop = cast("aio.JumpingLoop", asyncio.get_running_loop())
        async with venue_hosts(loop.now_ns) as venues:
            file = written(doctor.folder, venues.configuration(KEYS))
            access = load_config(file, strategies=False).value.venues
            async with Clients(access, clock=loop.now_ns) as clients:
                credentials = await clients.polymarket.log_in(create=False)
                assert credentials.stream_auth()["secret"] == API_SECRET
            with pytest.raises(AccountError, match="wiped"):
                credentials.stream_auth()

    aio.run(main())
