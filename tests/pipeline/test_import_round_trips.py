"""Every row of a real source is found again in its recording, exactly."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections import Counter, defaultdict
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import msgspec
import polars as pl
import pytest
import zstandard

from underround.model.fees import polymarket_fees
from underround.model.frames import Frame
from underround.model.market import decode_catalogue
from underround.pipeline.importers.registry import run_import
from underround.storage.recording import Recording

pytestmark = pytest.mark.shared

Imported = Callable[..., list[Frame]]


def text_of(path: Path) -> str:
    """Return a file's text, whatever it is packed in."""
    data = path.read_bytes()
    if path.suffix == ".zst":
        data = zstandard.ZstdDecompressor().decompressobj().decompress(data)
    return (gzip.decompress(data) if path.suffix == ".gz" else data).decode()


def rows_of(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file."""
    return list(csv.DictReader(io.StringIO(text_of(path), newline="")))


def exact(text: object) -> Decimal:
    """Return a number without regard to how many zeros it was written with."""
    return Decimal(str(text)).normalize()


def test_raw_sessions_keep_every_byte_and_each_source_its_order(
    shared: Path, tmp_path: Path
) -> None:
    """The payloads of each source, in order, are the recorder's, in all seven sessions."""
    source = shared / "data/polymarket/15m-raw-sessions-2026-04"
    report = run_import("polymarket-raw", source, tmp_path / "all")
    assert len(report.recordings) == 7
    streams = {
        "polymarket.market": "polymarket_clob",
        "polymarket.rest": "polymarket_clob",
        "polymarket.rtds": "polymarket_rtds_chainlink",
        "binance.spot": "binance",
        "coinbase.ticker": "coinbase",
        "pyth.proxy": "pyth_proxy",
    }
    for made in report.recordings:
        session = source / made.path.name
        path = next(session.glob("raw_messages.jsonl*"))
        expected = defaultdict(list)
        for line in text_of(path).splitlines():
            row = json.loads(line)
            expected[row["source"]].append((row["recv_mono_ns"], row["payload"].encode()))
        found = defaultdict(list)
        for frame in Recording.open(made.path).frames():
            found[streams[frame.stream]].append((frame.recv_ns, frame.payload))
            assert frame.kind == "raw"
            if frame.stream in {"polymarket.rest", "polymarket.market"}:
                body = b'"event_type"' not in frame.payload
                assert body == (frame.stream == "polymarket.rest")
        assert found == expected
        catalogue = decode_catalogue(Recording.open(made.path).markets)
        assert {market.fees for market in catalogue.markets} == {polymarket_fees("0.072")}


def test_every_tick_row_is_found_again(shared: Path, imported: Imported) -> None:
    """Each Parquet row is one entry of a message, each token's rows in the file's order."""
    source = shared / "data/polymarket/market-channel-ticks-2026-06-07"
    frames = imported("polymarket-ticks", source)
    found: dict[tuple[str, str], list[tuple[object, ...]]] = defaultdict(list)
    sizes: Counter[int] = Counter()
    for frame in frames:
        message = msgspec.json.decode(frame.payload)
        if frame.stream == "espn.score":
            continue
        assert int(message["timestamp"]) * 1_000_000 == frame.recv_ns
        entries = message.get("price_changes", [message])
        sizes[len(entries)] += message["event_type"] == "price_change"
        for entry in entries:
            best = (float(entry.get("best_bid", 0)), float(entry.get("best_ask", 0)))
            found[message["event_type"], entry["asset_id"]].append(
                (
                    int(message["timestamp"]),
                    float(entry["price"]),
                    float(entry["size"]),
                    entry["side"],
                    *best,
                )
            )
    table = pl.read_parquet(source / "polymarket_20260607_0130.parquet")
    kinds = {"PRICE_CHANGE": "price_change", "LAST_TRADE": "last_trade_price"}
    expected: dict[tuple[str, str], list[tuple[object, ...]]] = defaultdict(list)
    for row in table.with_columns(pl.col("timestamp").dt.epoch("ms")).iter_rows(named=True):
        expected[kinds[row["event_type"]], row["asset_id"]].append(
            (
                row["timestamp"],
                row["price"],
                row["size"],
                {"BID": "BUY", "ASK": "SELL"}[row["side"]],
                row["best_bid"],
                row["best_ask"],
            )
        )
    assert found == expected
    assert sizes == {2: 103_182, 1: 1}
    scores = [json.loads(f.payload) for f in frames if f.stream == "espn.score"]
    assert scores == rows_of(source / "espn_nhl_401874173.csv")


def test_every_baseball_row_is_found_again(shared: Path, tmp_path: Path) -> None:
    """Levels and changes of all 26 games come back, per token in the file's order."""
    source = shared / "data/polymarket/mlb-market-channel-2025-06"
    run_import("polymarket-mlb", source, tmp_path / "mlb")
    found: dict[str, Counter[tuple[object, ...]]] = defaultdict(Counter)
    order: dict[str, list[str]] = defaultdict(list)
    for frame in Recording.open(tmp_path / "mlb").frames():
        m = json.loads(frame.payload)
        order[m["asset_id"]].append(m["hash"])
        if m["event_type"] == "book":
            entries = [("BUY", e) for e in m["bids"]] + [("SELL", e) for e in m["asks"]]
        else:
            entries = [(e["side"], e) for e in m["changes"]]
        for side, e in entries:
            key = (
                m["event_type"],
                m["market"],
                side,
                exact(e["price"]),
                exact(e["size"]),
                m["hash"],
                m["timestamp"],
            )
            found[m["asset_id"]][key] += 1
    sides = {"bid": "BUY", "ask": "SELL", "BUY": "BUY", "SELL": "SELL"}
    files = sorted(source.glob("*_market-events.csv.zst"))
    assert len(files) == 26
    for path in files:
        expected: dict[str, Counter[tuple[object, ...]]] = defaultdict(Counter)
        hashes: dict[str, list[str]] = defaultdict(list)
        for r in rows_of(path):
            key = (
                r["event_type"],
                r["market_slug"],
                sides[r["side"]],
                exact(r["price"]),
                exact(r["size"]),
                r["hash"],
                r["timestamp"],
            )
            expected[r["asset_id"]][key] += 1
            hashes[r["asset_id"]].append(r["hash"])
        for token, rows in expected.items():
            assert found[token] == rows
            assert list(dict.fromkeys(order[token])) == list(dict.fromkeys(hashes[token]))


def test_every_legacy_message_is_found_again(shared: Path, imported: Imported) -> None:
    """The old messages come back in order, with their hashes and every change."""
    source = shared / "data/polymarket/legacy-price-change-2025-01"
    frames = imported("polymarket-legacy", source)
    rows = rows_of(next(source.glob("*.csv.zst")))
    for frame, row in zip(frames, rows, strict=True):
        message = json.loads(frame.payload)
        assert message["changes"] == json.loads(row["changes"])
        assert (message["asset_id"], message["market"], message["hash"]) == (
            row["asset_id"],
            row["market"],
            row["hash"],
        )


def test_kalshi_messages_are_verbatim_and_numbered_without_a_gap(
    shared: Path, imported: Imported
) -> None:
    """Each message is the recorder's bytes; per connection the numbers run on from 1."""
    source = shared / "data/kalshi/btc15m-ws-2026-05/20260513T1522"
    frames = imported("kalshi-ws", source)
    expected: dict[tuple[str, str], bytes] = {}
    for name in ("orderbook_delta", "orderbook_snapshot"):
        for line in text_of(next(source.glob(f"{name}.ndjson*"))).splitlines():
            row = msgspec.json.decode(line, type=dict[str, msgspec.Raw])
            key = (bytes(row["market_ticker"]).decode(), bytes(row["sequence_number"]).decode())
            expected[key] = bytes(row["payload_json"])
    numbers: dict[int, list[int]] = defaultdict(list)
    for frame in frames:
        if frame.stream != "kalshi.book":
            continue
        envelope = msgspec.json.decode(frame.payload, type=dict[str, msgspec.Raw])
        message = json.loads(frame.payload)["msg"]
        key = (json.dumps(message["market_ticker"]), bytes(envelope["seq"]).decode())
        assert bytes(envelope["msg"]) == expected.pop(key)
        numbers[frame.connection].append(int(bytes(envelope["seq"])))
        assert bytes(envelope["sid"]) == b"2"
    assert not expected
    assert sorted(numbers) == [0, 1]
    assert all(seen == list(range(1, len(seen) + 1)) for seen in numbers.values())
    last = [json.loads(f.payload) for f in frames if f.stream == "kalshi.book" and not f.connection]
    assert last[-1]["type"] == "orderbook_snapshot"
    assert last[-1]["seq"] == 33_371
    assert "yes_dollars_fp" not in last[-1]["msg"]


def test_kalshi_side_streams_are_complete(shared: Path, imported: Imported) -> None:
    """Tickers, Coinbase trades and control rows are all there, prices to the digit."""
    source = shared / "data/kalshi/btc15m-ws-2026-05/20260513T1522"
    frames = imported("kalshi-ws", source)
    by_stream: dict[str, list[Frame]] = defaultdict(list)
    for frame in frames:
        by_stream[frame.stream].append(frame)
    ticks = [
        msgspec.json.decode(line, type=dict[str, msgspec.Raw])
        for line in text_of(source / "coinbase_spot_ticks.ndjson.zst").splitlines()
    ]
    for frame, tick in zip(by_stream["coinbase.matches"], ticks, strict=True):
        match = json.loads(frame.payload)
        assert match["price"].encode() == bytes(tick["price"])
        assert str(match["trade_id"]) == json.loads(bytes(tick["trade_id"]))
    tickers = text_of(source / "ticker.ndjson.zst").splitlines()
    assert [json.loads(f.payload)["msg"] for f in by_stream["kalshi.ticker"]] == [
        json.loads(line)["payload_json"] for line in tickers
    ]
    controls = ("watch_market", "ws_connected", "ws_subscribed", "market_rotated")
    lines = [line for name in controls for line in text_of(source / f"{name}.ndjson").splitlines()]
    assert sorted(f.payload.decode() for f in by_stream["recorder.control"]) == sorted(lines)
    mine = [f.stream for f in frames if f.stream != "coinbase.matches"]
    assert mine.index("recorder.control") < mine.index("kalshi.book")


def test_kalshi_results_are_kalshis_own(shared: Path, tmp_path: Path) -> None:
    """The catalogue's resolutions are the public results of the session's markets."""
    source = shared / "data/kalshi/btc15m-ws-2026-05/20260513T1522"
    run_import("kalshi-ws", source, tmp_path / "k")
    catalogue = decode_catalogue(Recording.open(tmp_path / "k").markets)
    labels = {
        row["market_ticker"]: row["binary_result"]
        for row in rows_of(source.parent / "settlement_labels.csv")
    }
    found = {r.market.native: "yes" if r.payouts[0] else "no" for r in catalogue.resolutions}
    known = {m.id.native for m in catalogue.markets} & set(labels)
    assert found == {ticker: labels[ticker] for ticker in known}


def test_binance_lines_are_verbatim(shared: Path, imported: Imported) -> None:
    """Every line of both files comes back with its nanosecond, in its file's order."""
    source = shared / "data/binance/spot-raw-streams-2024-08"
    frames = imported("binance-raw", source)
    for symbol in ("btcusdt", "ethusdt"):
        lines = [
            line.partition(" ")[::2]
            for line in text_of(source / f"{symbol}_20240808.gz").splitlines()
        ]
        own = [
            (str(f.recv_ns), f.payload.decode())
            for f in frames
            if f.stream == f"binance.rest.{symbol}"
            or f.payload.startswith(f'{{"stream":"{symbol}@'.encode())
        ]
        assert own == lines


def test_chainlink_values_are_exact(shared: Path, imported: Imported) -> None:
    """Full-accuracy values and both clocks of every tick come back unrounded."""
    source = (
        shared / "data/polymarket/btc5m-chainlink-and-outcomes" / "BTCUSD-prices-2026-07-24.csv.gz"
    )
    frames = imported("chainlink-ticks", source)
    for frame, row in zip(frames, rows_of(source), strict=True):
        message = msgspec.json.decode(frame.payload)
        payload = message["payload"]
        assert payload["full_accuracy_value"] == row["full_accuracy_value"]
        assert f'"value":{row["value"]}}}'.encode() in frame.payload
        assert (str(payload["timestamp"]), str(message["timestamp"])) == (
            row["feed_ts_ms"],
            row["server_ts_ms"],
        )


def test_feed_ticks_are_exact(shared: Path, imported: Imported) -> None:
    """Rows of three feeds come back in order; computed prices stay rows."""
    source = (
        shared
        / "data/reference/chainlink-binance-ticks-2026-04-27"
        / "feed_latency_ticks.jsonl.zst"
    )
    lines = text_of(source).splitlines()
    for frame, line in zip(imported("chainlink-ticks", source), lines, strict=True):
        if frame.stream == "binance.direct":
            assert frame.payload.decode() == line
        else:
            price = line.partition('"price": ')[2].partition(",")[0]
            assert f'"value":{price}}}'.encode() in frame.payload


def test_every_weather_poll_is_found_again(shared: Path, imported: Imported) -> None:
    """Each poll with a book gives exactly its best prices, in YES terms."""
    source = shared / "data/crossvenue/weather-kalshi-polymarket-2026-08"
    frames = imported("weather-ladders", source)
    found: Counter[tuple[str, str, str]] = Counter()
    for frame in frames:
        message = json.loads(frame.payload)
        for entry in message.get("orderbooks", ()):
            book = entry["orderbook_fp"]
            no = book["no_dollars"]
            bid = str(exact(book["yes_dollars"][0][0])) if book["yes_dollars"] else ""
            ask = str(exact(1 - Decimal(no[0][0]))) if no else ""
            found[entry["ticker"], bid, ask] += 1
        if "asset_id" in message:
            bid, ask = (
                str(exact(s[0]["price"])) if s else "" for s in (message["bids"], message["asks"])
            )
            found[message["market"], bid, ask] += 1
    expected: Counter[tuple[str, str, str]] = Counter()
    closed = 0
    for path in (*source.glob("kalshi/*_books.csv"), *source.glob("polymarket/*_snapshots.csv*")):
        for row in rows_of(path):
            if "book_ts" in row and not row["book_ts"]:
                closed += 1
                continue
            bid = str(exact(row["yes_best_bid"])) if row["yes_best_bid"] else ""
            ask = str(exact(row["yes_best_ask"])) if row["yes_best_ask"] else ""
            expected[row.get("ticker") or row["condition_id"], bid, ask] += 1
    assert found == expected
    assert closed == 77


def test_weather_groups_are_exhaustive_only_with_a_proof(shared: Path, tmp_path: Path) -> None:
    """All Polymarket ladders tile; Kalshi's only where the source has their strikes."""
    source = shared / "data/crossvenue/weather-kalshi-polymarket-2026-08"
    run_import("weather-ladders", source, tmp_path / "w")
    recording = Recording.open(tmp_path / "w")
    groups = decode_catalogue(recording.markets).groups
    proven = Counter(g.id.partition(":")[0] for g in groups if g.exhaustive)
    assert proven == {"polymarket": 30, "kalshi": 6}
    unproven = [g.id for g in groups if not g.exhaustive]
    assert len(recording.header.notes.splitlines()) == len(unproven) == 29
    for group in unproven:
        assert f"{group} is not proven exhaustive: " in recording.header.notes
