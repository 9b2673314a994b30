"""Other people's rows through a mapping, beginning with the example of docs/data.md."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from underround.model.errors import DiskError, ImportRefused
from underround.model.events import BookSnapshot, LevelsChanged, TradePrinted
from underround.model.fees import PolymarketFees
from underround.model.frames import Frame
from underround.model.market import decode_catalogue
from underround.pipeline.importers.plan import ImportOptions
from underround.pipeline.importers.registry import run_import
from underround.storage.recording import Recording
from underround.venues.polymarket.codec import PolymarketDecoder

Imported = Callable[..., list[Frame]]
DOCS = Path(__file__).parents[2] / "docs" / "data.md"


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """Write the files of the documented example and return their folder."""
    blocks = re.findall(r'```\w+ title="([^"]+)"\n(.*?)```', DOCS.read_text(), re.DOTALL)
    for name, text in blocks:
        (tmp_path / name).write_text(text)
    return tmp_path


def altered(folder: Path, name: str, old: str, new: str) -> None:
    """Replace ``old`` in a file of the example, which must be there."""
    text = (folder / name).read_text()
    assert old in text
    (folder / name).write_text(text.replace(old, new))


def test_the_documented_example_runs(example: Path, tmp_path: Path) -> None:
    """The example's six rows are one snapshot, one change of two levels and one trade."""
    options = ImportOptions(example / "mapping.toml")
    run_import("generic", example / "rows.csv", tmp_path / "rain", options=options)
    recording = Recording.open(tmp_path / "rain")
    catalogue = decode_catalogue(recording.markets)
    decoder = PolymarketDecoder(catalogue.by_token())
    events = [event for frame in recording.frames() for event in decoder.decode(frame.payload)]
    snapshot, changed, trade = events
    assert isinstance(snapshot, BookSnapshot)
    assert snapshot.bids == ((400_000, 100_000_000), (410_000, 25_500_000))
    assert snapshot.asks == ((440_000, 60_000_000),)
    assert isinstance(changed, LevelsChanged)
    assert [(c.price, c.size) for c in changed.changes] == [(440_000, 0), (430_000, 75_000_000)]
    assert isinstance(trade, TradePrinted)
    assert (trade.outcome, trade.taker_side, trade.price) == (1, "buy", 570_000)
    assert recording.header.clock == "receive"
    assert recording.header.lost[-1] == "My recorder kept the three best levels only."
    market = catalogue.markets[0]
    assert market.fees == PolymarketFees(50_000, 1)
    assert market.closes_ns == 1_780_876_800_000_000_000


def test_ndjson_numbers_are_read_digit_by_digit(example: Path, imported: Imported) -> None:
    """The same rows as NDJSON, with JSON numbers, give the same messages."""
    lines = (example / "rows.csv").read_text().splitlines()
    names = lines[0].split(",")
    rows = []
    for line in lines[1:]:
        row = dict(zip(names, line.split(","), strict=True))
        text = json.dumps({k: v for k, v in row.items() if k not in {"price", "size"}})
        rows.append(f'{text[:-1]}, "price": {row["price"]}, "size": "{row["size"]}"}}')
    (example / "rows.ndjson").write_text("\n".join(rows))
    options = ImportOptions(example / "mapping.toml")
    frames = imported("generic", example / "rows.ndjson", options)
    run_import("generic", example / "rows.csv", example / "again", options=options)
    assert frames == list(Recording.open(example / "again").frames())


@pytest.mark.parametrize(
    "name, old, new, says",
    [
        ("rows.csv", ",0.44,60", ",,60", r"rows\.csv line 4 has no price"),
        ("rows.csv", "0.44,60", "0.44,-60", r"rows\.csv line 4 has a bad size"),
        ("rows.csv", "rain-no,print", "snow,print", "line 7 names the unknown token 'snow'"),
        ("rows.csv", "delta,S,0.43", "hint,S,0.43", "line 6 is of kind 'hint'"),
        ("rows.csv", "print,B", "print,X", "line 7 has the side 'X'"),
        ("rows.csv", "01:30:53.250Z", "01:30:53.250", "line 7 has the when"),
        ("rows.csv", "price,size", "price,volume", "has no column 'size'"),
        ("rows.csv", "price,size", "price,volume", r"correct \[columns\]\.size in mapping\.toml"),
        ("rows.csv", "B,0.40,100", "B,0.405,100", r"line 2 has the price 0\.405.* tick 0\.01 "),
        ("rows.csv", "print,B,0.57", "print,B,1", r"line 7 has the price 1, .* tick 0\.01 "),
        ("rows.csv", "01:30:53.250Z", "01:30:51.999Z", "line 7 is stamped .*: sort the rows"),
        ("rows.csv", "snap,S,0.44", "snap,S,0.41", r"line 4 makes a crossed snapshot.* 0\.41 "),
        ("rows.csv", "snap,B,0.41", "snap,B,0.4", r"line 3 gives the buy level 0\.4 a second time"),
        (
            "mapping.toml",
            'price = "price"',
            'prize = "price"',
            r"toml line 15 has the unknown key prize of \[columns\]: did you mean price\?",
        ),
        ("mapping.toml", 'tick = "0.01"', "tick = 0.01", "line 30 gives tick .*: put it in quotes"),
        (
            "mapping.toml",
            'clock = "receive"',
            'clock = "sun"',
            "line 5 gives clock .*receive, venue",
        ),
        ("mapping.toml", 'buy = ["B"]', 'buy = "B"', r"gives buy of \[words\] .*: write a list"),
        ("mapping.toml", 'time = "when"', 'time = ""', "line 11 gives time .*must not be empty"),
        ("mapping.toml", "exponent = 1", 'exponent = "1"', "line 34 .*: write it without quotes"),
        ("mapping.toml", '["rain-yes", "rain-no"]', '["rain-yes"]', "tokens .*: a market has two"),
        ("mapping.toml", "[[markets]]", "[markets]", r"line 25 .*: head it with \[\[markets\]\]"),
        ("mapping.toml", "[words]", "[words", "line 18 is not TOML"),
        ("mapping.toml", "[words]", "[wrods]", "line 18 has the unknown key wrods: did you mean"),
        ("mapping.toml", "2026-06-08T00:00:00Z", "soon", "has the closes 'soon'"),
        (
            "mapping.toml",
            'closes = "2026-06-08T00:00:00Z"   # or "unknown"\n',
            "",
            r"does not give closes of \[\[markets\]\] number 1: add it",
        ),
        ("mapping.toml", 'tick = "0.01"', 'tick = "0.03"', "impossible markets"),
        ("mapping.toml", 'min_size = "5"\n', "", "line 25 does not give min_size"),
        ("mapping.toml", 'fee_rate = "0.05"', 'fee_rate = "-1"', "impossible fee"),
        ("mapping.toml", 'side = "side"', "", "says side twice or never"),
        ("mapping.toml", '["rain-yes", "rain-no"]', '["rain-yes", "rain-yes"]', "token twice"),
    ],
)
def test_what_does_not_fit_is_refused(
    example: Path, name: str, old: str, new: str, says: str
) -> None:
    """Each fault of file or mapping is one sentence, and no recording appears."""
    altered(example, name, old, new)
    options = ImportOptions(example / "mapping.toml")
    with pytest.raises(ImportRefused, match=says):
        run_import("generic", example / "rows.csv", example / "out", options=options)
    assert not (example / "out").exists()


def test_constants_replace_columns(example: Path, imported: Imported) -> None:
    """A file of trades by one side needs neither a kind nor a side column."""
    altered(example, "mapping.toml", 'event = "what"', "")
    altered(example, "mapping.toml", 'side = "side"', "")
    text = (example / "mapping.toml").read_text()
    (example / "mapping.toml").write_text(
        text.replace("[words]", '[constants]\nevent = "trade"\nside = "sell"\n\n[words]')
    )
    options = ImportOptions(example / "mapping.toml")
    messages = [json.loads(f.payload) for f in imported("generic", example / "rows.csv", options)]
    assert {(m["event_type"], m["side"]) for m in messages} == {("last_trade_price", "SELL")}
    assert len(messages) == 6


def test_a_mapping_is_needed(example: Path) -> None:
    """Without a mapping the importer says what it wants."""
    with pytest.raises(ImportRefused, match="needs a mapping"):
        run_import("generic", example / "rows.csv", example / "out")


def test_a_close_may_be_unknown_but_has_to_be_said(example: Path, tmp_path: Path) -> None:
    """``closes = "unknown"`` is a market of which nobody says when it closes."""
    altered(example, "mapping.toml", '"2026-06-08T00:00:00Z"', '"unknown"')
    options = ImportOptions(example / "mapping.toml")
    run_import("generic", example / "rows.csv", tmp_path / "rain", options=options)
    (market,) = decode_catalogue(Recording.open(tmp_path / "rain").markets).markets
    assert market.closes_ns is None


def test_a_fault_of_the_second_market_is_found_at_its_own_line(example: Path) -> None:
    """The line is that of the market it is about, not of the first one with such a key."""
    text = (example / "mapping.toml").read_text()
    second = text[text.index("[[markets]]") :].replace('tick = "0.01"', "tick = 1")
    (example / "mapping.toml").write_text(f"{text}\n{second}")
    line = f"{text}\n{second}".splitlines().index("tick = 1") + 1
    options = ImportOptions(example / "mapping.toml")
    with pytest.raises(ImportRefused, match=rf"line {line} gives tick of \[\[markets\]\] number 2"):
        run_import("generic", example / "rows.csv", example / "out", options=options)


def test_an_empty_file_is_to_be_checked(example: Path) -> None:
    """Nobody downloaded it: the remedy is to look at the file."""
    (example / "rows.csv").write_bytes(b"")
    options = ImportOptions(example / "mapping.toml")
    with pytest.raises(ImportRefused, match=r"rows\.csv is empty: check the file"):
        run_import("generic", example / "rows.csv", example / "out", options=options)


def test_a_target_below_a_file_is_named(example: Path) -> None:
    """The sentence names the file in the way."""
    options = ImportOptions(example / "mapping.toml")
    for target in ("rows.csv/x", "rows.csv/x/y"):
        with pytest.raises(DiskError, match=r"rows\.csv is a file: name a place"):
            run_import("generic", example / "rows.csv", example / target, options=options)
