"""``underround markets`` on venues that run on loopback."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import pytest

from tests.cli import loopback
from tests.cli.loopback import Venues, venues
from tests.venues.kalshi.test_kalshi_catalogue import BITCOIN, EVENT, MARKET
from tests.venues.polymarket.gamma_rows import NOW, Row, listing_of, market_row, v2_row
from tests.venues.scripted import Answer, sample
from underround.app.configuration import Config, load_config
from underround.app.markets.search import Wish
from underround.cli import main
from underround.cli.key_opener import key_opener
from underround.cli.market_table import dollars_of, markets_command, seconds_of
from underround.cli.market_words import fee_words, flags_of
from underround.model.errors import ConfigError, KeyStoreError
from underround.model.fees import KalshiFees, NoFees, PolymarketFees
from underround.model.ids import POLYMARKET
from underround.model.units import usd
from underround.operations.keystore import KeyStore
from underround.operations.memory import LockedSecret

TICKER = MARKET["ticker"]
ALWAYS: Any = {
    "acceptingOrdersTimestamp": "2020-01-01T00:00:00Z",
    "endDate": "2099-01-01T00:00:00Z",
}
ROWS = [
    market_row(1, **ALWAYS),
    market_row(2, liquidity="12.5", **ALWAYS),
    market_row(3, volume24hr=99999.5, **ALWAYS),
    {**market_row(4, **ALWAYS), "orderMinSize": 0},
]
KALSHI = loopback.kalshi(
    BITCOIN, EVENT, [MARKET],
    {TICKER: {"yes_dollars": [["0.4000", "10.00"]], "no_dollars": [["0.5500", "7.00"]]}},
)  # fmt: skip
NOBODY = "http://127.0.0.1:9"
Said: TypeAlias = tuple[int, str, str]
Run = Callable[..., Said]


@pytest.fixture(scope="module")
def running() -> Iterator[Venues]:
    with venues(ROWS[:3], KALSHI, listed=ROWS) as served:
        yield served


@pytest.fixture
def markets(
    running: Venues, capsys: pytest.CaptureFixture[str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Run:  # fmt: skip
    """Return a function that runs the command in this process."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Said:
        with pytest.raises(SystemExit) as end:
            main(["markets", *running.options(), *arguments])
        told = capsys.readouterr()
        assert isinstance(end.value.code, int)
        return end.value.code, told.out, told.err

    return run


def names(out: str) -> list[str]:
    """Return the first word of each line below the head."""
    return [line.split()[0] for line in out.splitlines()[1:]]


# --- which markets -----------------------------------------------------------------------------


def test_without_a_query_the_liquid_open_markets_come_the_busiest_first(markets: Run) -> None:
    code, out, err = markets()
    assert code == 0
    assert names(out) == [
        "polymarket:will-it-rain-3", "polymarket:will-it-rain-1", f"kalshi:{TICKER}"
    ]  # fmt: skip
    assert "minutes old" in err


def test_the_table_has_the_books_best_prices_and_the_listed_terms(markets: Run) -> None:
    _, out, _ = markets("polymarket:will-it-rain-1")
    head, row = out.splitlines()
    assert head.split("  ")[0] == "name"
    for words in ("Will it rain on day 1?", "0.4", "0.6", "$18,191", "$1,941", "0.05·p(1-p)"):
        assert words in row


def test_prices_of_kalshi_are_those_of_its_book(markets: Run) -> None:
    _, out, _ = markets("--venue", "kalshi", "--json")
    row = json.loads(out)["markets"][0]
    assert (row["bid"], row["bid_size"], row["ask"], row["ask_size"]) == ("0.4", "10", "0.45", "7")


def test_why_counts_what_the_filter_left_out_and_what_was_unusable(markets: Run) -> None:
    _, out, _ = markets("rain", "--why")
    left = next(line for line in out.splitlines() if "below 2000 dollars" in line)
    assert left.split()[0] == "1"
    assert left.endswith("polymarket:will-it-rain-2")
    assert any("orderMinSize" in line and line.split()[0] == "1" for line in out.splitlines())


def test_what_is_left_out_is_never_left_out_silently(markets: Run) -> None:
    _, _, err = markets("rain")
    assert "the filter left out 1: --why says why" in err
    assert "1 rows could not be used" in err


def test_all_drops_the_configured_filter(markets: Run) -> None:
    assert "polymarket:will-it-rain-2" in names(markets("rain", "--all")[1])


def test_a_limit_says_how_many_more_there_are(markets: Run) -> None:
    _, out, err = markets("rain", "--limit", "1")
    assert names(out) == ["polymarket:will-it-rain-3"]
    assert "1 more fit" in err


@pytest.mark.parametrize(
    "query",
    [
        "will-it-rain-2",
        "polymarket:will-it-rain-2",
        "polymarket:will-it-rain-2:YES",
        "polymarket:will-it-rain-2:no",
        ROWS[1]["conditionId"],
        f"polymarket:{ROWS[1]['conditionId']}",
    ],
)
def test_what_is_named_is_shown_whatever_the_filter_says(markets: Run, query: str) -> None:
    code, out, _ = markets(query)
    assert code == 0
    assert names(out) == ["polymarket:will-it-rain-2"]


@pytest.mark.parametrize(
    "query", [TICKER, f"kalshi:{TICKER}", f"kalshi:{TICKER}:YES", "KXBTC15M", EVENT["event_ticker"]]
)
def test_kalshi_is_named_by_market_event_or_series(markets: Run, query: str) -> None:
    assert names(markets(query)[1]) == [f"kalshi:{TICKER}"]


def test_words_are_looked_for_at_every_venue(markets: Run) -> None:
    assert names(markets("btc up")[1]) == [f"kalshi:{TICKER}"]
    assert "polymarket:will-it-rain-1" in names(markets("rain on day")[1])


def test_an_explicit_option_holds_for_named_markets_too(markets: Run) -> None:
    code, _, err = markets("polymarket:will-it-rain-2", "--min-liquidity", "100")
    assert code == 1
    assert "the filter leaves out every one" in err


def test_a_tag_is_asked_of_the_venue(markets: Run, running: Venues) -> None:
    _, out, _ = markets("--tag", "weather", "--venue", "polymarket")
    assert names(out) == ["polymarket:will-it-rain-3", "polymarket:will-it-rain-1"]
    assert loopback.query(running.polymarket.of("/events/keyset")[-1])["tag_slug"] == ["weather"]


def test_the_end_is_asked_of_the_venue_and_judged_here(markets: Run, running: Venues) -> None:
    code, _, err = markets("--ends-within", "24h", "--venue", "polymarket", "--why")
    assert code == 1
    assert "end_date_max" in loopback.query(running.polymarket.of("/markets/keyset")[-1])
    assert "2 markets match" in err


# --- nothing, and errors -----------------------------------------------------------------------


def test_a_name_nobody_has_is_answered_with_the_nearest(markets: Run) -> None:
    code, out, err = markets("polymarket:will-it-rain-33")
    assert (code, out) == (1, "")
    assert "the nearest are polymarket:will-it-rain-3" in err
    assert len(err.splitlines()) == 1


def test_a_wrong_ticker_is_answered_with_the_nearest_of_its_series(markets: Run) -> None:
    code, _, err = markets("kalshi:KXBTC15M-26SEP261900-77")
    assert code == 1
    assert f"kalshi:{TICKER}" in err


def test_words_that_nothing_has_are_one_sentence(markets: Run) -> None:
    code, out, err = markets("zzzz")
    assert (code, out) == (1, "")
    assert err == "nothing matches 'zzzz': use a slug, an id, a ticker, or fewer words\n"


def test_a_series_of_which_nothing_is_listed_is_one_sentence(markets: Run) -> None:
    code, _, err = markets("--series", "eth-updown-4h")
    assert code == 1
    assert "no market of the series 'eth-updown-4h' is listed now" in err


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (["--series", "btc-updown-7m"], "5m, 15m, 1h or 4h"),
        (["--series", "btc-updown-5m", "--venue", "kalshi"], "is of another venue"),
        (["--venue", "nasdaq"], "known are polymarket, kalshi"),
        (["--venue", "kalshi", "--set", "venues.kalshi.enabled=false"], "venues.kalshi.enabled"),
        (["--ends-within", "soon"], "--ends-within"),
        (["--min-liquidity", "much"], "--min-liquidity"),
        (["--min-volume", "-1"], "--min-volume"),
        (["--limit", "0"], "limit"),
        (["polymarket:will-it-rain-1:MAYBE"], "has no outcome 'MAYBE'"),
    ],
)
def test_a_wrong_command_line_is_one_sentence_and_code_2(
    markets: Run, arguments: list[str], sentence: str
) -> None:
    code, out, err = markets(*arguments)
    assert (code, out) == (2, "")
    assert sentence in err
    assert len(err.splitlines()) == 1


def test_a_venue_that_is_down_is_said_and_the_others_are_shown(markets: Run) -> None:
    code, out, err = markets("--set", f"venues.kalshi.rest={NOBODY}")
    assert code == 0
    assert names(out) == ["polymarket:will-it-rain-3", "polymarket:will-it-rain-1"]
    assert "kalshi is left out: GET http://127.0.0.1:9" in err
    assert "no connection" in err


def test_without_any_venue_it_is_one_sentence_and_code_8(markets: Run) -> None:
    code, out, err = markets(
        "--set", f"venues.kalshi.rest={NOBODY}",
        "--set", f"venues.polymarket.hosts.gamma={NOBODY}",
    )  # fmt: skip
    assert (code, out) == (8, "")
    assert err.startswith("error: polymarket: ")
    assert "; kalshi: " in err
    assert len(err.splitlines()) == 1


def test_without_books_markets_are_listed_and_their_prices_are_not(markets: Run) -> None:
    code, out, err = markets("rain", "--set", f"venues.polymarket.hosts.clob={NOBODY}", "--json")
    assert code == 0
    told = json.loads(out)
    assert {row["bid"] for row in told["markets"]} == {None}
    assert "no connection" in told["failures"]["polymarket"]
    assert "polymarket gives no books now" in err


def test_no_secret_is_opened_to_look_at_markets(markets: Run) -> None:
    wallet = ["--set", "venues.polymarket.wallet=env:NOT_THERE"]
    kalshi = ["--set", "venues.kalshi.key_id=env:A", "--set", "venues.kalshi.private_key=env:B"]
    assert markets(*wallet, *kalshi)[0] == 0


# --- for programs ------------------------------------------------------------------------------


def test_json_is_one_document_with_exact_texts(markets: Run) -> None:
    _, out, _ = markets("rain", "--json")
    told = json.loads(out)
    assert [row["slug"] for row in told["markets"]] == ["will-it-rain-3", "will-it-rain-1"]
    row = told["markets"][1]
    assert row["name"] == "polymarket:will-it-rain-1"
    assert row["id"] == ROWS[0]["conditionId"]
    assert row["tokens"] == json.loads(ROWS[0]["clobTokenIds"])
    assert (row["bid"], row["ask"], row["tick"], row["min_size"]) == ("0.4", "0.6", "0.01", "5")
    assert (row["liquidity"], row["volume_24h"]) == ("18191.2606", "1941.5")
    assert told["left_out"] == {"its liquidity is below 2000 dollars": 1}
    assert sum(told["refused"].values()) == 1


# --- at a told time ----------------------------------------------------------------------------


def window_row(number: int, start_s: int) -> Row:
    def at(seconds: int) -> str:
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))

    return market_row(
        number,
        slug=f"btc-updown-15m-{start_s}",
        question=f"Bitcoin Up or Down {start_s}",
        outcomes='["Up", "Down"]',
        eventStartTime=at(start_s),
        endDate=at(start_s + 900),
        liquidity="10",
        cryptoMarketConfig={
            "asset": "BTC", "duration": "15m", "twapEnabled": True, "twapLookbackSeconds": 60
        },
    )  # fmt: skip


def shown_at(now: int, rows: list[Row], capsys: pytest.CaptureFixture[str], **wish: Any) -> str:
    """Return what the command shows at a told time."""
    with venues(rows, KALSHI) as served:
        config = load_config(None, served.options()[1::2], strategies=False).value
        assert isinstance(config, Config)
        asked = Wish(**{"venues": (POLYMARKET,), "ahead": 4, "limit": 20, **wish})
        markets_command(config, asked, why=False, as_json=False, clock=lambda: now)
    return capsys.readouterr().out


def test_windows_of_a_series_come_in_order_of_time_however_small(
    capsys: pytest.CaptureFixture[str],
) -> None:
    first = NOW // 10**9 // 900 * 900
    rows = [window_row(1, first + 900), window_row(2, first), window_row(3, first + 9_000)]
    out = shown_at(NOW, rows, capsys, series="btc-updown-15m")
    assert names(out) == [
        f"polymarket:btc-updown-15m-{first}", f"polymarket:btc-updown-15m-{first + 900}"
    ]  # fmt: skip
    assert "10 min 0 s" in out
    assert "twap-60s" in out


@pytest.mark.shared
def test_the_venue_s_own_window_is_shown_with_its_terms(
    shared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    body = sample(shared, "polymarket/gamma/market_btc_updown_15m_2026-10-05.json")
    told = json.loads(body)
    row = told[0] if isinstance(told, list) else told
    start_s = int(row["slug"].rpartition("-")[2])
    out = shown_at(start_s * 10**9, [row], capsys, series="btc-updown-15m", ahead=0)
    assert names(out) == [f"polymarket:{row['slug']}"]
    assert "15 min 0 s" in out
    assert "0.07·p(1-p)" in out


# --- words -------------------------------------------------------------------------------------


def test_fees_are_shown_as_the_curve_that_a_taker_pays() -> None:
    assert fee_words(NoFees()) == fee_words(PolymarketFees(0)) == "0"
    assert fee_words(PolymarketFees(72_000)) == "0.072·p(1-p)"
    assert fee_words(PolymarketFees(250_000, 2)) == "0.25·(p(1-p))^2"
    assert fee_words(KalshiFees(multiplier=500_000)) == "0.035·p(1-p)"
    assert fee_words(KalshiFees(maker_share=250_000)).endswith("makers 0.25 of it")


def test_flags_name_what_a_trader_must_know() -> None:
    v2 = flags_of(listing_of(v2_row(rewardsMinSize=..., rewardsMaxSpread=...)))
    assert "v2" in v2
    listing = listing_of(market_row(neg_risk=True))
    delayed = msgspec.structs.replace(listing, taker_delay_ms=3_000, state="paused")
    assert {"neg-risk", "augmented", "delay-3s", "paused"} <= set(flags_of(delayed))


def test_times_and_amounts_are_read_exactly() -> None:
    assert [seconds_of(text) for text in ("90s", "15m", "24H", "7d", "1w", None)] == [
        90, 900, 86_400, 604_800, 604_800, None
    ]  # fmt: skip
    assert dollars_of("--x", "0.000001") == 1
    assert dollars_of("--x", "2000") == usd("2000")
    for text in ("1e3", "0.0000001", "-1"):
        with pytest.raises(ConfigError, match="--x"):
            dollars_of("--x", text)


# --- in a process of its own, live -------------------------------------------------------------


def started(running: Venues, tmp_path: Path, *arguments: str) -> subprocess.Popen[str]:
    config = running.config(tmp_path)
    return subprocess.Popen(
        [sys.executable, "-m", "underround", "markets", "--config", str(config), *arguments],
        cwd=tmp_path, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def test_a_configuration_file_leads_the_command_to_its_hosts(
    running: Venues, tmp_path: Path
) -> None:
    out, err = started(running, tmp_path, "rain", "--limit", "1").communicate(timeout=60)
    assert names(out) == ["polymarket:will-it-rain-3"], err


def test_a_watch_into_a_pipe_writes_a_line_per_change_of_a_best_price(
    running: Venues, tmp_path: Path
) -> None:
    with started(running, tmp_path, "polymarket:will-it-rain-1", "--watch") as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        market = next(iter(running.stream.truth))
        running.call(running.stream.change, market, (True, 450_000, 3_000_000))
        second = process.stdout.readline()
        running.call(running.stream.change, market, (True, 100_000, 9_000_000))  # no best price
        running.call(running.stream.change, market, (True, 450_000, 0))
        third = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert "polymarket:will-it-rain-1  bid 0.4 × 5  ask 0.6 × 7  ✓ venue_hash" in first
    assert "bid 0.45 × 3  ask 0.6 × 7  ✓ venue_hash" in second
    assert "bid 0.4 × 5" in third


def test_a_watch_can_write_json_lines(running: Venues, tmp_path: Path) -> None:
    with started(running, tmp_path, "polymarket:will-it-rain-3", "--watch", "--json") as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 143
    assert (told["bid"], told["ask_size"], told["trusted"]) == ("0.4", "7", True)


def test_a_watch_on_a_terminal_redraws_and_q_ends_it(running: Venues, tmp_path: Path) -> None:
    config = running.config(tmp_path)
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "underround", "markets", "rain", "--watch", "--config", config],
        cwd=tmp_path, stdin=follower, stdout=follower, stderr=follower,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "120"},
    )  # fmt: skip
    os.close(follower)
    shown = b""
    pressed = False
    while select.select([leader], [], [], 30)[0]:
        try:
            part = os.read(leader, 1 << 16)
        except OSError:  # the other end is closed
            break
        shown += part
        if not pressed and shown.count("✓ venue_hash".encode()) >= 6:
            pressed = True
            os.write(leader, b"q")
    assert process.wait(30) == 0
    os.close(leader)
    assert b"spread" in shown
    assert b"1/1 sockets" in shown
    assert b"\x1b[?25h" in shown  # the cursor is back


def test_kalshi_cannot_be_watched_without_a_key_and_says_so(markets: Run) -> None:
    code, _, err = markets("--venue", "kalshi", "--watch")
    assert code == 7
    assert "set venues.kalshi.key_id" in err


def test_a_key_store_is_opened_only_for_a_key_that_is_needed(tmp_path: Path) -> None:
    store = tmp_path / "keys.json"
    with (
        LockedSecret("password", b"let me in") as password,
        LockedSecret("id", b"the id") as value,
        KeyStore.create(store, password) as made,
    ):
        made.add("kalshi-id", "text", value, NOW)
    config = load_config(None, [f"keys.file={store}"], strategies=False).value
    read, write = os.pipe()
    os.write(write, b"let me in")
    os.close(write)
    with key_opener(config, read) as secret:
        with secret("kalshi-id").reveal() as bare:
            assert bytes(bare) == b"the id"
        with pytest.raises(KeyStoreError, match="kalshi-pem"):
            secret("kalshi-pem")
    os.close(read)
    nowhere = load_config(None, [f"keys.file={tmp_path / 'none'}"], strategies=False).value
    with key_opener(nowhere) as secret, pytest.raises(KeyStoreError, match="there is no key store"):
        secret("kalshi-id")


def test_a_market_that_is_not_open_cannot_be_watched(markets: Run) -> None:
    code, _, err = markets("zzzz", "--watch")
    assert code == 1
    assert "nothing matches" in err


def test_a_broken_answer_of_a_venue_is_said_with_its_place(
    capsys: pytest.CaptureFixture[str],
) -> None:
    broken = {"GET /trade-api/v2/markets": Answer(b'{"markets": 7}')}
    with venues(ROWS[:1], {**KALSHI, **broken}) as served, pytest.raises(SystemExit) as end:
        main(["markets", *served.options()])
    told = capsys.readouterr()
    assert end.value.code == 0
    assert "polymarket:will-it-rain-1" in told.out
    assert "kalshi is left out" in told.err
    assert "/markets" in told.err
