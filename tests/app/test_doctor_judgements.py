"""What the doctor makes of values: no network, no clock."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import aio
from underround.app.access import ClockSettings
from underround.app.doctor import Finding, Level, chain, machine, references, worst_code
from underround.app.doctor.checks import Check, Round, lines
from underround.app.doctor.clocks import Skew, date_ns, judge_skew, skew_of
from underround.app.doctor.findings import Verdict, dollars, failed, of_error, ok, warning
from underround.app.doctor.polymarket_account import judge_approvals, judge_wallet
from underround.app.doctor.reach import accepts, all_loopback, is_loopback, judge_hosts
from underround.model.errors import (
    AccountError,
    AnswerRefused,
    ConfigError,
    OpeningForbidden,
    RateLimited,
    UnderroundError,
    Unreachable,
    VenuePaused,
)
from underround.operations.ntp import PORT
from underround.venues.polygon.heads import Survey
from underround.venues.polymarket.contracts import POLYGON, required_approvals
from underround.venues.polymarket.wallets import SignatureType, Wallet

SECOND = 1_000_000_000
MS = 1_000_000
NOW = 1_790_000_000 * SECOND
CLOCK = ClockSettings()


# --- clocks ------------------------------------------------------------------------------------

ways = st.integers(0, 3 * SECOND)


@given(
    skew=st.integers(-20 * SECOND, 20 * SECOND),
    there=ways,
    back=ways,
    step=st.sampled_from([1, MS, SECOND]),
)
def test_the_true_skew_is_within_what_is_stated(
    skew: int, there: int, back: int, step: int
) -> None:
    """Whatever the two ways take, and however coarse the other clock counts."""
    stood = NOW + there + skew
    told = skew_of(stood - stood % step, NOW, NOW + there + back, step_ns=step)
    assert abs(told.offset_ns - skew) <= told.within_ns + 1


@given(there=ways, back=ways, step=st.sampled_from([1, MS, SECOND]), at=st.integers(0, SECOND))
def test_a_clock_that_is_right_is_never_warned_about(
    there: int, back: int, step: int, at: int
) -> None:
    sent = NOW + at
    stood = sent + there
    skew = skew_of(stood - stood % step, sent, sent + there + back, step_ns=step)
    assert judge_skew(skew, "it", CLOCK, live=True).level == "ok"


@pytest.mark.parametrize(
    "offset_ms, within_ms, level, live_level",
    [
        (0, 0, "ok", "ok"),
        (500, 1, "ok", "ok"),
        (501, 1, "warning", "warning"),
        (-501, 1, "warning", "warning"),
        (2_000, 1, "warning", "warning"),
        (2_001, 1, "warning", "failed"),
        (-2_001, 1, "warning", "failed"),
        (900, 900, "ok", "ok"),
        (5_000, 5_000, "ok", "ok"),
        (5_000, 4_999, "warning", "failed"),
    ],
)
def test_a_skew_is_judged_by_its_size_and_its_uncertainty(
    offset_ms: int, within_ms: int, level: Level, live_level: Level
) -> None:
    skew = Skew(offset_ms * MS, within_ms * MS)
    assert judge_skew(skew, "it", CLOCK, live=False).level == level
    assert judge_skew(skew, "it", CLOCK, live=True).level == live_level


def test_the_limits_of_the_configuration_count() -> None:
    clock = ClockSettings(warn_ms=10, refuse_ms=20)
    assert judge_skew(Skew(15 * MS, 1), "it", clock, live=True).level == "warning"
    assert judge_skew(Skew(21 * MS, 1), "it", clock, live=True).level == "failed"


def test_a_skew_is_told_with_its_direction() -> None:
    """Above 0 has to be added to our clock: it is behind."""
    for offset, words in ((700 * MS, "700 ms behind it"), (-700 * MS, "700 ms ahead of it")):
        assert f"our clock is {words}" in judge_skew(Skew(offset, 1), "it", CLOCK, live=True).says


def test_a_date_is_read_to_the_second() -> None:
    headers = {"date": "Mon, 21 Sep 2026 14:13:20 GMT"}
    assert date_ns(headers, "here") == 1_790_000_000 * SECOND
    with pytest.raises(AnswerRefused, match="here: the answer states no Date"):
        date_ns({}, "here")


# --- levels and codes --------------------------------------------------------------------------


def finding(level: Level, *, later: bool = False) -> Finding:
    return Finding(level, "v", "s", "says", later=later)


@pytest.mark.parametrize(
    "findings, code",
    [
        ([], 0),
        ([finding("ok"), finding("note")], 0),
        ([finding("ok"), finding("warning")], 1),
        ([finding("warning"), finding("failed", later=True)], 8),
        ([finding("failed", later=True), finding("failed"), finding("warning")], 7),
    ],
)
def test_the_worst_line_decides_and_what_must_be_corrected_outranks_waiting(
    findings: list[Finding], code: int
) -> None:
    assert worst_code(findings) == code


@pytest.mark.parametrize(
    "error, level, code",
    [
        (AccountError("no"), "failed", 7),
        (ConfigError("no"), "failed", 7),
        (AnswerRefused("no"), "failed", 7),
        (Unreachable("no"), "failed", 8),
        (RateLimited("no"), "failed", 8),
        (VenuePaused("no"), "failed", 8),
    ],
)
def test_an_error_is_sorted_by_what_must_happen_next(
    error: UnderroundError, level: Level, code: int
) -> None:
    verdict = of_error(error, live=False)
    assert verdict.level == level
    assert Finding(verdict.level, "v", "s", "", "", verdict.later).exit_code == code


def test_an_account_that_may_only_reduce_is_a_failure_for_live_trading_only() -> None:
    error = OpeningForbidden("only reduce")
    assert of_error(error, live=False).level == "warning"
    assert of_error(error, live=True).level == "failed"


# --- running -----------------------------------------------------------------------------------


async def _fine() -> Verdict:
    return ok("fine")


async def _broken() -> Verdict:
    raise KeyError("ours")


def test_findings_are_told_as_they_end_and_returned_in_order() -> None:
    async def slow() -> Verdict:
        await asyncio.sleep(5)
        return warning("slow", "wait")

    checks = (Check("v", "slow", slow, (Check("v", "after", _fine),)), Check("v", "fast", _fine))
    told: list[int] = []

    async def main() -> tuple[Finding, ...]:
        runs = Round(timeout_s=9, live=False, told=lambda place, _: told.append(place))
        return await runs.run(checks)

    findings = aio.run(main())
    assert [each.subject for each in findings] == ["slow", "after", "fast"]
    assert [line.subject for line in lines(checks)] == ["slow", "after", "fast"]
    assert told == [2, 0, 1]


def test_what_hangs_on_a_failure_is_not_asked() -> None:
    async def bad() -> Verdict:
        return failed("bad", "mend it")

    deeper = Check("v", "deeper", _broken)
    checks = (Check("v", "first", bad, (Check("v", "then", _broken, (deeper,)),)),)

    async def main() -> tuple[Finding, ...]:
        return await Round(timeout_s=9, live=False, told=lambda *_: None).run(checks)

    findings = aio.run(main())
    assert [each.level for each in findings] == ["failed", "note", "note"]
    assert findings[2].says == "not asked, because first failed"


def test_what_the_system_refuses_is_a_finding() -> None:
    async def refused() -> Verdict:
        raise PermissionError(13, "Permission denied", "keys.json")

    async def main() -> tuple[Finding, ...]:
        runs = Round(timeout_s=9, live=False, told=lambda *_: None)
        return await runs.run((Check("machine", "key store", refused),))

    (found,) = aio.run(main())
    assert (found.level, found.says) == ("failed", "keys.json: Permission denied")


def test_a_fault_of_our_own_is_not_taken_for_a_finding() -> None:
    async def main() -> None:
        runs = Round(timeout_s=9, live=False, told=lambda *_: None)
        with pytest.raises(ExceptionGroup):
            await runs.run((Check("v", "s", _broken),))

    aio.run(main())


# --- hosts -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url, local",
    [
        ("http://127.0.0.1:8545", True),
        ("ws://127.9.9.9/ws", True),
        ("http://localhost", True),
        ("http://[::1]:1", True),
        ("https://example.com", False),
        ("https://127.0.0.1.example.com", False),
        ("http://0.0.0.0", False),
        ("http://10.0.0.1", False),
        ("127.0.0.1", False),
        ("http://[bad", False),
    ],
)
def test_only_this_machine_is_loopback(url: str, local: bool) -> None:
    assert is_loopback(url) is local


def test_an_address_that_is_not_set_is_nowhere() -> None:
    assert all_loopback(["http://127.0.0.1", ""])
    assert not all_loopback(["http://127.0.0.1", "https://example.com"])


@pytest.mark.parametrize(
    "url", ["nothing", "ftp://127.0.0.1", "ws://[bad", "ws://h:99999", "ws://"]
)
def test_what_is_no_address_is_not_connected_to(url: str) -> None:
    assert aio.run(accepts(url)) == "no address"


def test_hosts_that_do_not_accept_are_named() -> None:
    told = judge_hosts({"a": "", "b": "Connection refused"})
    assert (told.level, told.later) == ("failed", True)
    assert told.says == "no connection to b (Connection refused)"
    assert judge_hosts({"a": "", "b": ""}).says == "2 hosts accept connections"


# --- this machine ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "free, level",
    [(3 << 30, "ok"), (2 << 30, "ok"), ((2 << 30) - 1, "warning"), (1 << 28, "warning"),
     ((1 << 28) - 1, "failed"), (0, "failed")],
)  # fmt: skip
def test_the_disk_is_judged_by_its_free_room(free: int, level: Level) -> None:
    assert machine.judge_disk(free, Path("runs")).level == level


@pytest.mark.parametrize(
    "mode, needed, level",
    [(0o100600, True, "ok"), (0o100640, True, "failed"), (0o100604, False, "failed"),
     (None, False, "ok"), (None, True, "failed")],
)  # fmt: skip
def test_a_key_store_belongs_to_its_owner(mode: int | None, needed: bool, level: Level) -> None:
    assert machine.judge_key_store(Path("keys.json"), mode, needed=needed).level == level


def test_a_missing_uvloop_is_a_note() -> None:
    assert machine.judge_python("3.12.1", uvloop=False).level == "note"
    assert machine.judge_python("3.12.1", uvloop=True).says == "3.12.1 with uvloop"


@pytest.mark.parametrize(
    "text, host, port",
    [
        ("pool.ntp.org", "pool.ntp.org", PORT),
        ("127.0.0.1:9999", "127.0.0.1", 9999),
        ("2001:db8::1", "2001:db8::1", PORT),
    ],
)
def test_a_time_server_may_name_its_port(text: str, host: str, port: int) -> None:
    assert machine.server_of(text) == (host, port)


@pytest.mark.parametrize("text", ["host:", "host:x", "host:0", "host:70000", ":1"])
def test_a_port_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"clock\.ntp"):
        machine.server_of(text)


def test_the_folder_above_is_looked_at_where_one_is_not_there(tmp_path: Path) -> None:
    assert machine.standing(tmp_path / "a" / "b") == tmp_path
    assert machine.standing(tmp_path) == tmp_path


# --- chain and topics --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "survey, level, words",
    [
        (Survey(("a", "b")), "ok", "2 in step (a, b)"),
        (Survey(("a",)), "warning", "nothing to compare it with"),
        (Survey(("a",), silent=(("b", "why"),)), "warning", "b gives no usable answer (why)"),
        (Survey(("a", "b"), disputed=7), "warning", "evenly split"),
        (Survey(("a", "b"), disputed=7, dissenting=("c",)), "warning", "c named another block"),
    ],
)
def test_nodes_are_judged_by_how_they_agree(survey: Survey, level: Level, words: str) -> None:
    told = chain.judge_survey(survey)
    assert told.level == level
    assert words in told.says


def test_topics_that_are_all_asleep_are_a_warning() -> None:
    assert references.judge_topics({1: True, 2: True}).level == "ok"
    assert references.judge_topics({1: True, 2: False}).level == "note"
    assert references.judge_topics({1: False, 2: False}).level == "warning"


@pytest.mark.parametrize("network", ["allora-testnet-1", "allora-mainnet-1"])
def test_the_watched_topics_of_both_networks_are_some_and_no_playgrounds(network: str) -> None:
    topics = references.watched(network)
    assert 3 <= len(topics) <= 20
    assert not any(topic.sandbox or topic.horizon_s > 3_600 for topic in topics)


@pytest.mark.parametrize("kind", [SignatureType.EOA, SignatureType.POLY_PROXY])
def test_a_wallet_whose_key_everybody_has_is_a_failure_except_among_local_hosts(
    kind: SignatureType,
) -> None:
    own = "0x1111111111111111111111111111111111111111"
    known = "0xa0Ee7A142d267C1f36714E4a8F75612F20a79720"  # the tenth of every development chain
    for owner, local, level in (
        (known, False, "failed"),
        (known, True, "note"),
        (own, False, "ok"),
    ):
        maker = owner if kind is SignatureType.EOA else "0x2222222222222222222222222222222222222222"
        wallet = Wallet(owner, maker, kind)
        assert judge_wallet(wallet, local=local).level == level


def test_only_missing_permissions_of_the_exchanges_hinder_live_trading() -> None:
    needed = required_approvals()
    exchanges = [each for each in needed if each.spender == POLYGON.exchange]
    others = [each for each in needed if each.spender == POLYGON.router]
    assert judge_approvals([], live=True).level == "ok"
    for missing, live_level in ((exchanges, "failed"), (others, "warning")):
        assert missing
        assert judge_approvals(missing, live=True).level == live_level
        assert judge_approvals(missing, live=False).level == "warning"


def test_money_is_shown_exactly() -> None:
    assert dollars(1_250_500_000) == "$1,250.50"
    assert dollars(-1) == "-$0.000001"
    assert dollars(0) == "$0.00"
