"""Each bad source is refused in one sentence, and nothing is left of it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
import zstandard

from underround.model.errors import ImportRefused
from underround.pipeline.importers.plan import ImportOptions
from underround.pipeline.importers.registry import IMPORTERS, run_import
from underround.storage.recording import Recording

MLB_HEAD = "market_slug,asset_id,market_id,event_type,price,side,size,hash,timestamp"
MLB_ROWS = (
    "game,111,,book,0.40,bid,10.0,h1,1750000000000",
    "game,222,,book,0.60,ask,10.0,h2,1750000000000",
    "game,111,,price_change,0.41,bid,5.0,h3,1750000000500",
)


def mlb(folder: Path, *rows: str, head: str = MLB_HEAD) -> Path:
    """Write a baseball file of good rows and then ``rows``."""
    path = folder / "20250617_game_market-events.csv"
    path.write_text("\n".join((head, *MLB_ROWS, *rows)) + "\n")
    return path


def ticks(folder: Path, **changed: object) -> Path:
    """Write a folder of two mirrored rows, the second with some cells changed."""
    at = datetime(2026, 6, 7, 1, 30, 51, tzinfo=UTC)
    row = {
        "timestamp": at,
        "price": 0.31,
        "size": 198.0,
        "best_bid": 0.35,
        "best_ask": 0.39,
        "side": "BID",
        "event_type": "PRICE_CHANGE",
        "asset_id": "1" * 30,
    }
    twin = {
        **row,
        "price": 0.69,
        "best_bid": 0.61,
        "best_ask": 0.65,
        "side": "ASK",
        "asset_id": "2" * 30,
        **changed,
    }
    table = pl.DataFrame([row, twin]).with_columns(
        pl.col("timestamp").cast(pl.Datetime("ms", "UTC")),
        pl.col("side", "event_type").cast(pl.Categorical),
    )
    source = folder / "ticks"
    source.mkdir()
    table.write_parquet(source / "polymarket_x.parquet")
    return source


def raw_session(folder: Path, **changed: object) -> Path:
    """Write a session of one REST body, with some fields of its row changed."""
    source = folder / "session"
    source.mkdir()
    row = {
        "run_id": "r",
        "source": "polymarket_clob",
        "recv_wall_ts": 1_777_366_911_692,
        "recv_mono_ns": 1_777_366_911_692_000_000,
        "ingest_seq": 1_000_000,
        "payload": '{"market":"0x1"}',
        **changed,
    }
    (source / "raw_messages.jsonl").write_text(json.dumps(row) + "\n")
    market = {
        "slug": "s",
        "title": "t",
        "condition_id": "0x1",
        "start_ts": 1,
        "end_ts": 2,
        "tick_size": 0.01,
        "min_order_size": 5.0,
        "outcomes": [{"token_id": "1", "outcome": "Up"}, {"token_id": "2", "outcome": "Down"}],
        "fee_parameters": {"fees_enabled": True, "raw_fee_config": {"exponent": 1, "rate": 0.072}},
    }
    (source / "markets.jsonl").write_text(json.dumps(market) + "\n")
    return source


def refused(kind: str, source: Path, options: ImportOptions | None = None) -> str:
    """Import into a new folder, expect a refusal, check that nothing is left, return its text."""
    target = source.parent / "out" / "recording"
    with pytest.raises(ImportRefused) as caught:
        run_import(kind, source, target, options=options)
    assert not target.exists()
    assert not any(target.parent.iterdir()) if target.parent.exists() else True
    text = str(caught.value)
    assert "\n" not in text
    assert ": " in text
    return text


@pytest.mark.parametrize(
    "row, says",
    [
        ("game,111,,price_change,,bid,5.0,h,1750000000500", "line 5 has no price"),
        ("game,111,,price_change,0.4,bid,-5.0,h,1750000000500", "line 5 has a bad size"),
        ("game,111,,price_change,0.4,bid,,h,1750000000500", "line 5 has no size"),
        ("game,111,,price_change,0.4,bid,5.0,h,soon", "line 5 has the timestamp 'soon'"),
        ("game,111,,price_change,0.4,bid,5.0,h,", "line 5 has no timestamp"),
        ("game,111,,price_change,0.4,bid,5.0,h,1750000000", "line 5 has the timestamp"),
        ("game,111,,price_change,1.4,bid,5.0,h,1750000000500", "line 5 has a bad price"),
        ("game,111,,price_change,0.4,middle,5.0,h,1750000000500", "line 5 has the side"),
        ("game,111,,rumour,0.4,bid,5.0,h,1750000000500", "line 5 is of kind 'rumour'"),
        ("game,111,,price_change,0.4,bid,5.0,,1750000000500", "line 5 has no hash"),
        ("game,111,,price_change,0.4,bid,5.0,h", "line 5 has 8 values for 9 columns"),
        ("game,333,,book,0.4,bid,5.0,h,1750000000500", "holds 3 tokens"),
        ("other,111,,book,0.4,bid,5.0,h,1750000000500", "line 5 is of market other"),
    ],
)
def test_a_bad_row_names_its_line(tmp_path: Path, row: str, says: str) -> None:
    """A row that lacks or breaks a field stops the import at its line."""
    assert says in refused("polymarket-mlb", mlb(tmp_path, row))


def test_the_same_rows_without_the_bad_one_are_imported(tmp_path: Path) -> None:
    """The refusals above are about their row: without it the file is imported."""
    report = run_import("polymarket-mlb", mlb(tmp_path), tmp_path / "new")
    assert report.frames == 3
    assert Recording.open(tmp_path / "new").sealed


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    """A file of another schema is refused with the column it lacks."""
    source = mlb(tmp_path, head=MLB_HEAD.replace("hash", "digest"))
    assert "line 1 has no column 'hash'" in refused("polymarket-mlb", source)


@pytest.mark.parametrize(
    "kind", ["polymarket-mlb", "polymarket-legacy", "chainlink-ticks", "generic"]
)
def test_another_file_type_is_refused(tmp_path: Path, kind: str) -> None:
    """A picture is no table, whatever the importer."""
    source = tmp_path / "photo.png"
    source.write_bytes(b"\x89PNG")
    mapping = tmp_path / "m.toml"
    mapping.write_text("")
    text = refused(kind, source, ImportOptions(mapping))
    assert "is a .png file" in text


@pytest.mark.parametrize(
    "pack", [lambda data: gzip.compress(data)[:-12], lambda data: zstandard.compress(data)[:-6]]
)
def test_a_truncated_download_is_refused(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    """A compressed file that ends early is noticed, not read as a shorter one."""
    data = ("\n".join((MLB_HEAD, *MLB_ROWS)) + "\n").encode()
    packed = pack(data)
    ending = ".gz" if packed[:2] == b"\x1f\x8b" else ".zst"
    source = tmp_path / f"20250617_game_market-events.csv{ending}"
    source.write_bytes(packed)
    refused("polymarket-mlb", source)


@pytest.mark.parametrize(
    "changed, says",
    [
        ({"price": None}, "line 2 has no price"),
        ({"size": -1.0}, "line 2 has the impossible size"),
        ({"price": 0.6900001}, "finer than a millionth"),
        ({"timestamp": None}, "line 2 has no time"),
        ({"side": "MIDDLE"}, "line 2 has no time, token or known side"),
        ({"event_type": "GUESS"}, "holds the event 'GUESS'"),
        ({"price": 0.5}, "without a mirrored twin"),
    ],
)
def test_a_bad_tick_is_refused(tmp_path: Path, changed: dict[str, object], says: str) -> None:
    """Parquet rows are held to the same rules as text."""
    assert says in refused("polymarket-ticks", ticks(tmp_path, **changed))


def test_another_parquet_schema_is_refused(tmp_path: Path) -> None:
    """A table without the needed columns, and a file that is no table, are told apart."""
    source = tmp_path / "ticks"
    source.mkdir()
    path = source / "polymarket_x.parquet"
    pl.DataFrame({"a": [1]}).write_parquet(path)
    assert "has no column 'timestamp'" in refused("polymarket-ticks", source)
    path.write_bytes(b"PAR1 not really")
    assert "is not a readable Parquet file" in refused("polymarket-ticks", source)


@pytest.mark.parametrize(
    "changed, says",
    [
        ({"source": "rumours"}, "line 1 names the unknown source 'rumours'"),
        ({"recv_mono_ns": 5}, "line 1 was received at"),
        ({"ingest_seq": 3}, "line 1 has the ingest_seq 3"),
        ({"recv_wall_ts": "soon"}, "line 1 is not what this importer reads"),
        ({"payload": '"a":'}, "line 1 is not what this importer reads"),
    ],
)
def test_a_bad_raw_row_is_refused(tmp_path: Path, changed: dict[str, object], says: str) -> None:
    """Raw sessions are strict about everything but the payload's meaning."""
    if changed == {"ingest_seq": 3}:
        changed = {"ingest_seq": 3, "payload": "[]"}
    assert says in refused("polymarket-raw", raw_session(tmp_path, **changed))


def test_a_gap_in_the_session_folder_is_named(tmp_path: Path) -> None:
    """A folder without one of its files says which."""
    source = raw_session(tmp_path)
    (source / "markets.jsonl").unlink()
    assert "holds no markets.jsonl" in refused("polymarket-raw", source)
    (source / "orderbook_delta.ndjson").write_text("{}\n")
    assert "holds no watch_market.ndjson" in refused("kalshi-ws", source)


@pytest.mark.parametrize(
    "line, says",
    [
        ('17231612539370 {"stream":"x@trade"}', "line 1 has the local time"),
        ("no gap", "line 1 has the local time 'no'"),
        ("nogap", "line 1 is not `<ns> <message>`"),
        ('1723161253937085768 {"stream":"x@rumour"}', "unknown stream 'x@rumour'"),
        ('1723161253937085768 {"other":1}', "neither a stream message nor a depth snapshot"),
    ],
)
def test_a_bad_binance_line_is_refused(tmp_path: Path, line: str, says: str) -> None:
    """Lines that are not `<ns> <message>` are refused one by one."""
    source = tmp_path / "btcusdt_20240808.gz"
    source.write_bytes(gzip.compress(line.encode() + b"\n"))
    assert says in refused("binance-raw", source)


def test_an_existing_target_is_kept(tmp_path: Path) -> None:
    """An import never writes into a folder that is there."""
    target = tmp_path / "mine"
    target.mkdir()
    (target / "letter").write_text("dear")
    with pytest.raises(ImportRefused, match="exists: name a new folder"):
        run_import("polymarket-mlb", mlb(tmp_path), target)
    assert [path.name for path in target.iterdir()] == ["letter"]


def test_an_unknown_importer_lists_the_known_ones(tmp_path: Path) -> None:
    """The refusal of a wrong name says which names there are."""
    with pytest.raises(ImportRefused, match=r"choose binance-raw, .*weather-ladders"):
        run_import("excel", tmp_path, tmp_path / "new")


def test_a_source_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    """A wrong path is told before anything is made."""
    for kind in IMPORTERS:
        with pytest.raises(ImportRefused, match="does not exist"):
            run_import(kind, tmp_path / "nowhere", tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_an_interrupted_import_leaves_nothing(tmp_path: Path) -> None:
    """Stopping in the middle (the operator's Ctrl-C) removes what was written so far."""
    rows = [f"game,111,,price_change,0.4,bid,{n}.0,h{n},1750000001000" for n in range(11_000)]
    source = mlb(tmp_path, *rows)

    def stop(name: str, frames: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_import("polymarket-mlb", source, tmp_path / "out" / "new", stop)
    assert not any((tmp_path / "out").iterdir())
