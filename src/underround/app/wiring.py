"""From recordings and a configuration to a replay that is ready to run."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from underround.app.configuration import Config
from underround.app.recordings import decoder_for, read_catalogue
from underround.market.hub import Hub
from underround.market.trust import BookRules, Feed
from underround.model.errors import ConfigError, RecordingError
from underround.model.frames import Frame
from underround.model.ids import KALSHI, POLYMARKET, MarketId, StrategyId, Venue
from underround.model.market import Catalogue, EventGroup, Market
from underround.simulation.latency import Latency
from underround.simulation.paper import PaperVenue
from underround.simulation.replay import Source
from underround.storage.recording import Recording, merge_recordings
from underround.strategies.base import REGISTRY
from underround.trading.digest import DecisionSink
from underround.trading.engine import Decider, Engine
from underround.trading.executor import Executor
from underround.trading.exposure import OpenOrders
from underround.trading.facts import EngineFacts
from underround.trading.portfolio import Portfolio
from underround.venues.capabilities import Capabilities
from underround.venues.kalshi.capabilities import CAPABILITIES as KALSHI_CAPABILITIES
from underround.venues.polymarket.book_hash import book_hash, snapshot_hash
from underround.venues.polymarket.capabilities import CAPABILITIES as POLYMARKET_CAPABILITIES

CAPABILITIES: Mapping[Venue, Capabilities] = {
    POLYMARKET: POLYMARKET_CAPABILITIES,
    KALSHI: KALSHI_CAPABILITIES,
}


class Opened(msgspec.Struct):
    """Recordings opened to be replayed together."""

    recordings: list[Recording]
    catalogue: Catalogue
    sources: dict[str, Source]
    """By stream name; with several recordings the name is prefixed by the recording's."""

    @property
    def frame_count(self) -> int:
        """How many frames there are in all."""
        return sum(recording.rows for recording in self.recordings)

    def frames(self) -> Iterator[Frame]:
        """Yield every frame in the total order."""
        if len(self.recordings) == 1:
            return self.recordings[0].frames()
        return self._merged()

    def _merged(self) -> Iterator[Frame]:
        names = [recording.header.name for recording in self.recordings]
        for keyed, frame in merge_recordings(self.recordings):
            yield msgspec.structs.replace(
                frame, stream=f"{names[keyed.source]}/{frame.stream}", recv_ns=keyed.key_ns
            )


def open_recordings(paths: Sequence[Path], rules: BookRules) -> Opened:
    """Open recordings; their markets are joined, and each stream gets its feed and decoder.

    Raises ``RecordingError`` when one cannot be opened, two have the same name, or no codec is
    known for a stream.
    """
    recordings = [Recording.open(path) for path in paths]
    names = [recording.header.name for recording in recordings]
    if len(set(names)) != len(names):
        raise RecordingError("two of the recordings have the same name: replay each only once")
    catalogue = _join([read_catalogue(recording) for recording in recordings])
    tokens = catalogue.by_token()
    sources: dict[str, Source] = {}
    for recording in recordings:
        prefix = f"{recording.header.name}/" if len(recordings) > 1 else ""
        for stream in recording.header.streams:
            name = prefix + stream.name
            feed = Feed(name, stream.proof, stream.silence_ms or rules.max_silence_ms)
            sources[name] = Source(feed, decoder_for(stream.codec, name, tokens))
    return Opened(recordings, catalogue, sources)


def _join(catalogues: Sequence[Catalogue]) -> Catalogue:
    if len(catalogues) == 1:
        return catalogues[0]
    markets: dict[MarketId, Market] = {}
    for catalogue in catalogues:
        for market in catalogue.markets:
            if markets.setdefault(market.id, market) != market:
                raise RecordingError(
                    f"the recordings describe {market.id} differently: replay them apart"
                )
    groups = {group.id: group for catalogue in catalogues for group in catalogue.groups}
    resolutions = {
        resolution.market: resolution
        for catalogue in catalogues
        for resolution in catalogue.resolutions
    }
    return Catalogue(tuple(markets.values()), tuple(groups.values()), tuple(resolutions.values()))


def make_hub(opened: Opened, rules: BookRules) -> Hub:
    """Return a hub that knows the venues' own book hashes."""
    return Hub(
        opened.catalogue,
        [source.feed for source in opened.sources.values()],
        rules,
        {POLYMARKET: book_hash},
        {POLYMARKET: snapshot_hash},
    )


def make_engine(config: Config, opened: Opened, sink: DecisionSink) -> Engine:
    """Return an engine with the configured strategies on the recordings' markets."""
    hub = make_hub(opened, config.books)
    orders = OpenOrders()
    executor = Executor(orders)
    portfolio = Portfolio(
        hub.markets,
        nets=[venue for venue, table in CAPABILITIES.items() if table.nets_outcomes.value],
        promised=orders.selling,
    )
    groups = {group.id: group for group in opened.catalogue.groups}
    mints = frozenset(venue for venue, table in CAPABILITIES.items() if table.mints_sets.value)
    facts = EngineFacts(hub, portfolio, executor, orders, groups, config.risk, mints)
    strategies = make_strategies(config, opened.catalogue)
    return Engine(hub, portfolio, executor, facts, groups, strategies, sink)


def make_strategies(config: Config, catalogue: Catalogue) -> list[Decider]:
    """Return one strategy per configured instance, on the markets its patterns name.

    A pattern matches a market's id (``polymarket:0x…``), its group or its title, with shell
    wildcards.  Raises ``ConfigError`` when a pattern matches nothing although there are markets.
    """
    strategies: list[Decider] = []
    for name, section in config.strategies.items():
        markets = [
            market
            for market in catalogue.markets
            if any(_matches(market, pattern) for pattern in section.markets)
        ]
        if catalogue.markets and not markets:
            raise ConfigError(
                f"[strategies.{name}] markets {', '.join(section.markets)} match none of the "
                f"{len(catalogue.markets)} markets: use * or a pattern of their ids or titles"
            )
        chosen = {market.id for market in markets}
        groups: list[EventGroup] = [
            group for group in catalogue.groups if chosen.issuperset(group.markets)
        ]
        kind = REGISTRY[section.kind]
        strategies.append(kind(StrategyId(name), section.params, markets, groups))
    return strategies


def _matches(market: Market, pattern: str) -> bool:
    names = (str(market.id), market.title, market.group or "")
    return any(fnmatch.fnmatchcase(name, pattern) for name in names)


def make_venues(config: Config, opened: Opened, hub: Hub) -> dict[Venue, PaperVenue]:
    """Return a simulated venue with its own latency for every venue of the recordings."""
    latencies: dict[Venue, Latency] = {
        POLYMARKET: config.latency.polymarket,
        KALSHI: config.latency.kalshi,
    }
    groups = {group.id: group for group in opened.catalogue.groups}
    present = dict.fromkeys(market.id.venue for market in opened.catalogue.markets)
    return {
        venue: PaperVenue(
            hub.markets,
            lambda market: hub.books[market].ticks,
            lambda market: hub.books[market].book,
            lambda market: market in hub.books and hub.books[market].trusted,
            latencies[venue],
            groups,
            settlement_failure_ppm=config.replay.settlement_failure_ppm,
        )
        for venue in present
    }
