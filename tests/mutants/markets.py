"""Faults between the venue's bytes and a trusted book, and in the recording of both."""

from __future__ import annotations

from typing import Final

from tests.mutants.fault import Fault

_POLYMARKET: Final = ("venues/polymarket/test_polymarket_codec.py", "venues/polymarket")
_KALSHI: Final = ("venues/kalshi/test_kalshi_codec.py",)
_MARKET: Final = ("market",)
_RECORDING: Final = ("storage/recording/test_recording_crash.py",)

FAULTS: Final = (
    Fault(
        "bids are read as asks",
        "venues/polymarket/levels.py",
        '{"BUY": "buy", "SELL": "sell"}',
        '{"BUY": "sell", "SELL": "buy"}',
        _POLYMARKET,
    ),
    Fault(
        "a missing price is a half",
        "venues/polymarket/wire.py",
        "    asset_id: str\n    price: str\n    size: str\n    side: str\n"
        "    hash: str | None = None\n    best_bid",
        '    asset_id: str\n    price: str = "0.5"\n    size: str = "0"\n    side: str = "BUY"\n'
        "    hash: str | None = None\n    best_bid",
        _POLYMARKET,
    ),
    Fault(
        "a crossed snapshot is a book",
        "venues/polymarket/codec.py",
        "if bids and asks and bids[-1][0] >= asks[-1][0]:",
        "if False:",
        _POLYMARKET,
    ),
    Fault(
        "the loser wins",
        "venues/polymarket/codec.py",
        "payouts = (ONE, 0) if won else (0, ONE)",
        "payouts = (0, ONE) if won else (ONE, 0)",
        _POLYMARKET,
    ),
    Fault(
        "best prices of NO are taken for those of YES",
        "venues/polymarket/codec.py",
        "        if outcome == NO:\n            bid, ask =",
        "        if False:\n            bid, ask =",
        _POLYMARKET,
    ),
    Fault(
        "Kalshi's NO levels are YES levels",
        "venues/kalshi/codec.py",
        'outcome = YES if message.side == "yes" else NO',
        "outcome = YES",
        _KALSHI,
    ),
    Fault(
        "Kalshi's NO bids are not mirrored into asks",
        "venues/kalshi/levels.py",
        "asks = tuple((ONE - price, size) for price, size in no_bids)",
        "asks = tuple((price, size) for price, size in no_bids)",
        _KALSHI,
    ),
    Fault(
        "a changed size is added to the level",
        "market/changes.py",
        "book.set_bid(index, change.size)",
        "book.set_bid(index, book.bids[index] + change.size)",
        _MARKET,
    ),
    Fault(
        "a change of NO is applied to YES",
        "market/changes.py",
        "book.set_ask(top - index, change.size)",
        "book.set_ask(index, change.size)",
        _MARKET,
    ),
    Fault(
        "a sequence gap goes unnoticed",
        "market/shelf.py",
        "if last is None or number.number == last + 1:",
        "if last is None or number.number > last:",
        _MARKET,
    ),
    Fault(
        "an older snapshot replaces a newer book",
        "market/snapshots.py",
        "if event.at_ns is not None and event.at_ns < tracked.changed_ns:",
        "if False:",
        _MARKET,
    ),
    Fault(
        "a silent stream stays believed",
        "market/hub.py",
        "            if feed.heard_ns and not feed.silent "
        "and now - feed.heard_ns > feed.silence_ns\n        ]",
        "            if False\n        ]",
        _MARKET,
    ),
    Fault(
        "a silence is forgotten with the frame that ends it",
        "market/hub.py",
        "if feed.heard_ns and not feed.silent and now - feed.heard_ns > feed.silence_ns:",
        "if False:",
        _MARKET,
    ),
    Fault(
        "a book survives the loss of its connection",
        "market/hub.py",
        'if tracked.new_epoch("reconnected", now):',
        "if False:",
        _MARKET,
    ),
    Fault(
        "a crossed Kalshi book is traded on",
        "market/changes.py",
        "        if book.crossed:\n            if tracked.doubt(",
        "        if False:\n            if tracked.doubt(",
        _MARKET,
    ),
    Fault(
        "a price off the grid is passed over",
        "market/changes.py",
        'tracked.invalid("price off the grid", now)',
        "pass",
        _MARKET,
    ),
    Fault(
        "a closed market's book stays trusted",
        "market/hub.py",
        'return TRUST if tracked.doubt("market closed", now) else NOTHING',
        "return NOTHING",
        _MARKET,
    ),
    Fault(
        "a wrong book hash is accepted",
        "market/proof.py",
        "    if _hashes_match(tracked, book_hash):\n",
        "    if True:\n",
        _MARKET,
    ),
    Fault(
        "a wrong snapshot hash is accepted",
        "market/proof.py",
        "if hashes[tracked.market.id.venue](event, tracked.market) == event.venue_hash:",
        "if True:",
        _MARKET,
    ),
    Fault(
        "trust begins before anything agreed",
        "market/proof.py",
        "if tracked.agreements >= rules.agreements_to_trust:",
        "if tracked.agreements >= 0:",
        _MARKET,
    ),
    Fault(
        "trust survives a differing best price",
        "market/proof.py",
        'tracked.doubt("stated best differs", now)',
        "pass",
        _MARKET,
    ),
    Fault(
        "a torn tail is read as if it were whole",
        "storage/recording/tail.py",
        " or zlib.crc32(body) != checksum",
        "",
        _RECORDING,
    ),
    Fault(
        "a changed segment is read",
        "storage/recording/segment.py",
        "if checksum != entry.crc32:",
        "if False:",
        ("storage/recording/test_recording_verify.py", "storage/recording"),
    ),
    Fault(
        "frames merge as they come, whatever their clock says",
        "storage/recording/merge.py",
        "(max(key, following.recv_ns), rank, position, following, frames)",
        "(key, rank, position, following, frames)",
        ("storage/recording/test_recording_merge.py",),
    ),
    Fault(
        "a recording may go back in time",
        "storage/recording/writer.py",
        "not self._last_ns <= recv_ns <= _LARGEST",
        "not 0 <= recv_ns <= _LARGEST",
        ("storage/recording/test_recording_roundtrip.py", "storage/recording"),
    ),
)
