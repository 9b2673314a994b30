"""Faults in the local venue's Polymarket channels: published books, frames, a key's own news."""

from __future__ import annotations

from typing import Final

from tests.mutants.fault import Fault

_MARKET: Final = ("local_venue/polymarket/test_market_channel.py",)
_REBUILT: Final = ("local_venue/polymarket/test_market_channel_rebuilt.py",)
_PUBLISHED: Final = ("local_venue/polymarket/test_published.py",)
_USER: Final = ("local_venue/polymarket/test_user_channel.py",)
_MARKET_AND_REBUILT: Final = (*_MARKET, *_REBUILT)

FAULTS: Final = (
    # --- the published books ----------------------------------------------------------------------
    Fault(
        "a book's hash leaves the last trade out",
        "local_venue/polymarket/streams/published.py",
        "last_trade_price=self.last_text,",
        'last_trade_price="",',
        _PUBLISHED,
    ),
    Fault(
        "a book's hash has another time than the book",
        "local_venue/polymarket/streams/published.py",
        "return book_hash(self.market, self.book, outcome, self.at_ms, inputs)",
        "return book_hash(self.market, self.book, outcome, self.at_ms + 1, inputs)",
        _PUBLISHED,
    ),
    Fault(
        "the best level comes first instead of last",
        "local_venue/polymarket/streams/published.py",
        "return bids[::-1], asks[::-1]",
        "return bids, asks",
        _PUBLISHED,
    ),
    Fault(
        "a stale book is fresh",
        "local_venue/polymarket/streams/published.py",
        "if self._stale and self._world.faults.strikes(Stale, now) is not None:",
        "if False:",
        _PUBLISHED,
    ),
    Fault(
        "the book of NO is that of YES",
        "local_venue/polymarket/streams/published.py",
        "bids = [_level(*level) for level in self.book.bids_of(outcome)]",
        "bids = [_level(*level) for level in self.book.bids_of(0)]",
        _PUBLISHED,
    ),
    Fault(
        "a market that is over still has a book",
        "local_venue/polymarket/streams/published.py",
        '_SERVED: Final = frozenset({"open", "paused"})',
        '_SERVED: Final = frozenset({"open", "paused", "closed"})',
        _PUBLISHED,
    ),
    # --- the market channel -----------------------------------------------------------------------
    Fault(
        "NO is told YES's price",
        "local_venue/polymarket/streams/market_frames.py",
        "decimal_text(ONE - level.price)",
        "decimal_text(level.price)",
        _MARKET,
    ),
    Fault(
        "an empty side of offers is told as 0",
        "local_venue/polymarket/streams/market_frames.py",
        "ask = decimal_text(published.book.best_ask(outcome) or ONE)",
        "ask = decimal_text(published.book.best_ask(outcome) or 0)",
        _MARKET,
    ),
    Fault(
        "a change is told before its millisecond is over",
        "local_venue/polymarket/streams/market_channel.py",
        "if at_of(parts[0]) // NANOS_PER_MS < now // NANOS_PER_MS:",
        "if True:",
        _MARKET_AND_REBUILT,
    ),
    Fault(
        "an earlier millisecond has the hash of a later one",
        "local_venue/polymarket/streams/market_channel.py",
        "books.before_time_moves(self._publish)",
        "pass",
        _MARKET,
    ),
    Fault(
        "what a trade took is told as changes too",
        "local_venue/polymarket/streams/market_channel.py",
        ("            if not part.traded:\n"),
        ("            if True:\n"),
        _MARKET,
    ),
    Fault(
        "the books are not told after a trade",
        "local_venue/polymarket/streams/market_channel.py",
        "restated = restated or part.traded",
        "restated = bool(restated)",
        _MARKET,
    ),
    Fault(
        "the books are not told with a new grid",
        "local_venue/polymarket/streams/market_channel.py",
        ("        elif isinstance(part, TicksMoved):\n            restated = True\n"),
        ("        elif isinstance(part, TicksMoved):\n"),
        _MARKET,
    ),
    Fault(
        "everybody is told what only the featured asked for",
        "local_venue/polymarket/streams/market_channel.py",
        "[peer for peer in all_of_them if peer.featured]",
        "all_of_them",
        _MARKET,
    ),
    Fault(
        "a token that was dropped is told on",
        "local_venue/polymarket/streams/market_channel.py",
        "peer.tokens.difference_update(tokens)",
        "pass",
        _MARKET,
    ),
    Fault(
        "a subscription drops the ones before",
        "local_venue/polymarket/streams/market_channel.py",
        "peer.tokens.update(new)",
        "peer.tokens = set(new)",
        _MARKET,
    ),
    Fault(
        "the loser is told as the winner",
        "local_venue/polymarket/streams/market_frames.py",
        "how.payouts.index(ONE)",
        "how.payouts.index(0)",
        _MARKET,
    ),
    Fault(
        "a deeper level is told as a new best price",
        "local_venue/polymarket/streams/market_channel.py",
        "if self._best.get(book.market.id, (None, None)) == best:",
        "if False:",
        _MARKET,
    ),
    # --- the user channel -------------------------------------------------------------------------
    Fault(
        "a wrong secret lets in",
        "local_venue/polymarket/streams/user_channel.py",
        "secrets.compare_digest(login.secret.encode(), auth.secret.encode())",
        "bool(login.secret)",
        _USER,
    ),
    Fault(
        "who never says who he is stays",
        "local_venue/polymarket/streams/user_channel.py",
        ("            if not peer.key:\n                peer.cut()"),
        ("            if False:\n                peer.cut()"),
        _USER,
    ),
    Fault(
        "everybody hears of everybody's orders",
        "local_venue/polymarket/streams/user_channel.py",
        "return [peer for peer in self._peers.get(owner, ()) if peer.follows(market.id)]",
        "return [peer for peers in self._peers.values() for peer in peers]",
        _USER,
    ),
    Fault(
        "markets that were not asked for are told",
        "local_venue/polymarket/streams/user_channel.py",
        "return not self.markets or market.native in self.markets",
        "return True",
        _USER,
    ),
    Fault(
        "makers do not hear of their trades",
        "local_venue/polymarket/streams/user_channel.py",
        ("        if fill.owner not in told:\n"),
        ("        if False:\n"),
        _USER,
    ),
    Fault(
        "a maker is told that it took",
        "local_venue/polymarket/streams/user_channel.py",
        'yield fill.owner, "MAKER"',
        'yield fill.owner, "TAKER"',
        _USER,
    ),
    Fault(
        "a trade's frame has no side of its makers' own",
        "local_venue/polymarket/streams/user_frames.py",
        '"side": fill.side.upper(),',
        '"side": "BUY",',
        _USER,
    ),
    Fault(
        "a maker's price is the taker's limit",
        "local_venue/polymarket/streams/user_frames.py",
        '"price": decimal_text(fill.price),',
        '"price": "0.5",',
        _USER,
    ),
    Fault(
        "a buy of dollars states shares",
        "local_venue/polymarket/streams/user_frames.py",
        "return decimal_text(sent.size if sent.budget is None else sent.budget)",
        "return decimal_text(sent.size)",
        _USER,
    ),
    Fault(
        "a GTD order is told the end at which it leaves",
        "local_venue/polymarket/streams/user_frames.py",
        "return str((sent.good_until_ns + EARLY_NS) // NANOS_PER_SECOND)",
        "return str(sent.good_until_ns // NANOS_PER_SECOND)",
        _USER,
    ),
    Fault(
        "only the first step of a settlement is told",
        "local_venue/polymarket/streams/user_channel.py",
        ("        elif isinstance(event, TradeMoved):\n"),
        ('        elif isinstance(event, TradeMoved) and event.trade.status == "MATCHED":\n'),
        _USER,
    ),
)
