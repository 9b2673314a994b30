"""Sessions and ladders made of several files: what is missing or contradicts is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from underround.model.errors import ImportRefused
from underround.pipeline.importers.registry import run_import
from underround.storage.recording import Recording

TICKER = "KXBTC15M-26MAY131130-30"
T0 = 1_778_685_759_000_000_000
BOOK_HEAD = (
    "fetched_at_utc,city,ticker,yes_best_bid,yes_best_ask,yes_ask_depth_usdc,yes_vwap_buy_100,"
    "no_best_bid,no_best_ask,no_ask_depth_usdc,no_vwap_buy_100"
)
SNAPSHOT_HEAD = (
    "fetched_at_utc,city,condition_id,question,book_ts,yes_best_bid,yes_best_ask,"
    "yes_vwap_buy_100,no_best_ask,no_vwap_buy_100,clob_token_ids_json"
)


def row(kind: str, at: int, payload: object, **changed: object) -> str:
    """Return one line of the recorder."""
    line = {
        "event_type": kind,
        "exchange_ts": None,
        "local_recv_ns": T0 + at,
        "market_ticker": TICKER,
        "payload_json": payload,
        "sequence_number": None,
        **changed,
    }
    return json.dumps(line) + "\n"


def session(folder: Path, *deltas: str) -> Path:
    """Write a Kalshi session: one connection, one snapshot, and ``deltas``."""
    source = folder / "session"
    source.mkdir()
    watched = {"close_time": "2026-05-13T15:30:00Z", "market_ticker": TICKER, "strike": 79435.4}
    files = {
        "watch_market": row("watch_market", 0, watched),
        "ws_connected": row("ws_connected", 1, {}),
        "ws_subscribed": row("ws_subscribed", 2, {"msg": {"channel": "orderbook_delta", "sid": 2}}),
        "orderbook_snapshot": row("orderbook_snapshot", 3, {"a": 1}, sequence_number=1),
        "orderbook_delta": "".join(deltas),
    }
    for name, text in files.items():
        (source / f"{name}.ndjson").write_text(text)
    return source


def delta(at: int = 9, **changed: object) -> str:
    """Return a good change, with some fields replaced."""
    good = {"exchange_ts": "2026-05-13T15:22:39.072734Z", "sequence_number": 2}
    return row("orderbook_delta", at, {"delta_fp": "1.00"}, **{**good, **changed})


def test_rows_without_a_time_take_that_of_the_next_change(tmp_path: Path) -> None:
    """Control rows and the snapshot come first, on the venue's clock, in the recorder's order."""
    run_import("kalshi-ws", session(tmp_path, delta()), tmp_path / "new")
    frames = list(Recording.open(tmp_path / "new").frames())
    assert [frame.stream for frame in frames] == ["recorder.control"] * 3 + ["kalshi.book"] * 2
    assert {frame.recv_ns for frame in frames} == {1_778_685_759_072_734_000}
    assert frames[3].payload == b'{"type":"orderbook_snapshot","sid":2,"seq":1,"msg":{"a": 1}}'


@pytest.mark.parametrize(
    "bad, says",
    [
        (delta(exchange_ts=None), "line 1 has the exchange_ts None"),
        (delta(exchange_ts="yesterday"), "line 1 has the exchange_ts 'yesterday'"),
        (delta(sequence_number=None), "line 1 has no sequence_number"),
        (delta(market_ticker="OTHER"), "line 1 came before any connection for OTHER"),
        (delta(event_type="rumour"), "line 1 is of kind 'rumour'"),
        ('{"half": ', "line 1 is not what this importer reads"),
        ("", "holds no change"),
    ],
)
def test_a_bad_change_is_refused(tmp_path: Path, bad: str, says: str) -> None:
    """A change that cannot be placed in its book stops the import."""
    source = session(tmp_path, bad)
    with pytest.raises(ImportRefused, match=says):
        run_import("kalshi-ws", source, tmp_path / "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["session"]


def ladders(folder: Path, book: str, snapshot: str) -> Path:
    """Write both venues' files with one row each."""
    source = folder / "weather"
    (source / "kalshi").mkdir(parents=True)
    (source / "polymarket").mkdir()
    (source / "kalshi" / "x_books.csv").write_text(f"{BOOK_HEAD}\n{book}\n")
    (source / "polymarket" / "x_snapshots.csv").write_text(f"{SNAPSHOT_HEAD}\n{snapshot}\n")
    return source


BOOK = "2026-08-03T20:47:29.428490+00:00,X,KXHIGHX-26AUG04-T91,0.08,0.1,1546,0.1,0.9,0.92,2935,0.95"
SNAPSHOT = (
    "2026-08-04T12:22:50.994458+00:00,X,0x1,Will the highest temperature in X be 75°F or below on "
    'August 4?,1785846272519,0.002,0.011,0.129664,0.998,,"[""1"", ""2""]"'
)


def test_good_ladders_are_imported(tmp_path: Path) -> None:
    """The rows that the refusals below spoil are fine as they are."""
    assert (
        run_import("weather-ladders", ladders(tmp_path, BOOK, SNAPSHOT), tmp_path / "w").frames == 2
    )


@pytest.mark.parametrize(
    "old, new, says",
    [
        ("0.08,0.1,", "0.08,,", None),
        ("0.08,0.1,", "0.18,0.1,", "bid at or above its ask"),
        ("0.08,0.1,", "0.08,1.0,", "no order can rest there"),
        ("0.08,0.1,", "0.08,-0.1,", "bad price"),
        ("2026-08-03T20:47:29.428490+00:00", "2026-08-03", "has the fetched_at_utc"),
        ("KXHIGHX-26AUG04-T91", "RAIN", "has the ticker 'RAIN'"),
        ("Will the highest temperature", "How warm", "line 2 asks"),
        ("1785846272519,", ",", "has prices but no book_ts"),
        ('"[""1"", ""2""]"', '"[""1""]"', "is not what this importer reads"),
    ],
)
def test_a_bad_poll_is_refused(tmp_path: Path, old: str, new: str, says: str | None) -> None:
    """An empty side is no fault; an impossible one, or a row that contradicts itself, is."""
    source = ladders(tmp_path, BOOK.replace(old, new), SNAPSHOT.replace(old, new))
    if says is None:
        assert run_import("weather-ladders", source, tmp_path / "w").frames == 2
        return
    with pytest.raises(ImportRefused, match=says):
        run_import("weather-ladders", source, tmp_path / "w")
    assert not (tmp_path / "w").exists()
