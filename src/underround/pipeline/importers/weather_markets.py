"""The catalogue of the weather ladders: markets, event groups with proof, and results."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from underround.model.fees import KalshiFees, polymarket_fees
from underround.model.ids import KALSHI, POLYMARKET, GroupId, MarketId
from underround.model.market import (
    CENT,
    Catalogue,
    EventGroup,
    Market,
    Resolution,
    uniform_ticks,
)
from underround.model.units import ONE, shares
from underround.pipeline.importers.quantities import iso_ns
from underround.pipeline.importers.source import Place, Row, csv_rows, decoder
from underround.pipeline.importers.tiling import (
    Rung,
    kalshi_rung,
    proof_of_tiling,
    question_rung,
)

POLYMARKET_COLUMNS: Final = (
    "fetched_at_utc",
    "city",
    "condition_id",
    "question",
    "book_ts",
    "clob_token_ids_json",
)
_KALSHI_COLUMNS: Final = (
    "ticker",
    "event_ticker",
    "title",
    "result",
    "floor_strike",
    "cap_strike",
    "strike_type",
    "open_time",
    "close_time",
    "settlement_ts",
    "fetched_at_utc",
    "price_level_structure",
)
_LINEAR: Final = frozenset({"linear_cent", ""})
_DAY: Final = re.compile(r"Will the (highest temperature in .+) be .+ (on [A-Z][a-z]+ \d+)\?")

Described = dict[str, tuple[Place, Row]]
"""What Kalshi's own list last said of each ticker."""

_token_ids = decoder(tuple[str, str])


def tokens_of(place: Place, row: Row) -> tuple[str, str]:
    """Return the tokens of YES and NO of a Polymarket row."""
    return _token_ids(place, row["clob_token_ids_json"])


def catalogue_of(
    books: Sequence[Path], lists: Sequence[Path], snapshots: Sequence[Path]
) -> tuple[Catalogue, tuple[tuple[str, str], ...]]:
    """Return the catalogue, and for each group that is not proven exhaustive the reason."""
    described: Described = {}
    for path in lists:
        for place, row in csv_rows(path, _KALSHI_COLUMNS):
            held = described.get(row["ticker"])
            if held is None or held[1]["fetched_at_utc"] <= row["fetched_at_utc"]:
                described[row["ticker"]] = place, row
    markets: list[Market] = []
    rungs: dict[GroupId, list[Rung]] = {}
    titles: dict[GroupId, str] = {}
    for ticker, city in _tickers(books).items():
        market, rung = _kalshi_market(ticker, city, described.get(ticker))
        _enlist(market, rung, markets, rungs)
        event = ticker.rpartition("-")[0]
        titles.setdefault(_group(market), f"Highest temperature in {city} ({event})")
    for place, row in _questions(snapshots):
        market, title = _polymarket_market(place, row)
        _enlist(market, question_rung(market.id.native, row["question"]), markets, rungs)
        titles.setdefault(_group(market), title)
    groups, holes = _groups(markets, rungs, titles)
    resolutions = tuple(_resolutions(markets, described))
    return Catalogue(tuple(markets), groups, resolutions), holes


def _tickers(books: Sequence[Path]) -> dict[str, str]:
    """Return each ticker with its city, in order of appearance."""
    found: dict[str, str] = {}
    for path in books:
        for place, row in csv_rows(path, ("ticker", "city")):
            if "-" not in row["ticker"]:
                raise place.refused(f"has the ticker {row['ticker']!r}", "expected EVENT-STRIKE")
            found.setdefault(row["ticker"], row["city"])
    return found


def _questions(snapshots: Sequence[Path]) -> list[tuple[Place, Row]]:
    """Return the first row of each Polymarket market, in order of appearance."""
    found: Described = {}
    for path in snapshots:
        for place, row in csv_rows(path, POLYMARKET_COLUMNS):
            found.setdefault(row["condition_id"], (place, row))
    return list(found.values())


def _kalshi_market(
    ticker: str, city: str, described: tuple[Place, Row] | None
) -> tuple[Market, Rung]:
    opens = closes = None
    title = f"{city}: {ticker} (title not in the source)"
    rung = Rung(ticker, None, None, known=False)
    if described is not None:
        place, row = described
        if row["price_level_structure"] not in _LINEAR:
            raise place.refused(
                f"has the ticks {row['price_level_structure']!r}", "only linear_cent is expected"
            )
        title = row["title"]
        opens = iso_ns(place, "open_time", row["open_time"])
        closes = iso_ns(place, "close_time", row["close_time"])
        rung = kalshi_rung(ticker, row["strike_type"], row["floor_strike"], row["cap_strike"])
    market = Market(
        id=MarketId(KALSHI, ticker),
        title=title,
        outcomes=("Yes", "No"),
        tokens=(f"{ticker}:yes", f"{ticker}:no"),
        currency="USD",
        ticks=(uniform_ticks("0.01"),),
        min_size=CENT,
        size_step=CENT,
        fees=KalshiFees(),
        opens_ns=opens,
        closes_ns=closes,
        group=GroupId(f"{KALSHI}:{ticker.rpartition('-')[0]}"),
        neg_risk=False,
    )
    return market, rung


def _polymarket_market(place: Place, row: Row) -> tuple[Market, str]:
    match = _DAY.fullmatch(row["question"])
    if match is None:
        raise place.refused(
            f"asks {row['question']!r}", "expected a question about a highest temperature"
        )
    title = f"{match[1]} {match[2]}"
    market = Market(
        id=MarketId(POLYMARKET, row["condition_id"]),
        title=row["question"],
        outcomes=("Yes", "No"),
        tokens=tokens_of(place, row),
        currency="pUSD",
        ticks=(uniform_ticks("0.001"),),
        min_size=shares("5"),
        size_step=CENT,
        fees=polymarket_fees("0.05"),
        opens_ns=None,
        closes_ns=None,
        group=GroupId(f"{POLYMARKET}:{title.lower().replace(' ', '-')}"),
        neg_risk=False,
    )
    return market, title[:1].upper() + title[1:]


def _group(market: Market) -> GroupId:
    assert market.group is not None, "every market of a ladder has a group"
    return market.group


def _enlist(
    market: Market, rung: Rung, markets: list[Market], rungs: dict[GroupId, list[Rung]]
) -> None:
    markets.append(market)
    rungs.setdefault(_group(market), []).append(rung)


def _groups(
    markets: list[Market], rungs: dict[GroupId, list[Rung]], titles: dict[GroupId, str]
) -> tuple[tuple[EventGroup, ...], tuple[tuple[str, str], ...]]:
    groups, holes = [], []
    for group, own in rungs.items():
        tiling = proof_of_tiling(own)
        if tiling.hole is not None:
            holes.append((str(group), tiling.hole))
        groups.append(
            EventGroup(
                id=group,
                title=titles[group],
                markets=tuple(market.id for market in markets if market.group == group),
                neg_risk=False,
                augmented=False,
                exhaustive_because=tiling.because,
            )
        )
    return tuple(groups), tuple(holes)


def _resolutions(markets: list[Market], described: Described) -> list[Resolution]:
    found = []
    for market in markets:
        if market.id.venue != KALSHI or market.id.native not in described:
            continue
        place, row = described[market.id.native]
        if not row["result"]:
            continue
        if row["result"] not in {"yes", "no"}:
            raise place.refused(f"has the result {row['result']!r}", "expected yes or no")
        at_ns = iso_ns(place, "settlement_ts", row["settlement_ts"])
        payouts = (ONE, 0) if row["result"] == "yes" else (0, ONE)
        found.append(Resolution(market.id, at_ns, payouts, "Kalshi's market result"))
    return found
