"""The sources of signals: Binance's prices and Allora's inferences."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from underround.app.access import ClockSettings
from underround.app.clients import Clients
from underround.app.doctor.checks import Check
from underround.app.doctor.clocks import judge_skew, skew_of
from underround.app.doctor.findings import Verdict, note, ok, warning
from underround.app.doctor.reach import examine_hosts
from underround.model.errors import NotThere
from underround.model.frames import NANOS_PER_MS, NANOS_PER_SECOND
from underround.model.signals import BlockSeen, ForecastTopic
from underround.model.units import Nanos
from underround.venues.allora.hosts import MAINNET, TESTNET
from underround.venues.allora.limits import LIMITS as ALLORA_LIMITS
from underround.venues.allora.rest import AlloraConsumer
from underround.venues.allora.topics import TOPICS
from underround.venues.binance.answers import ExchangeRules

BINANCE: Final = "binance"
ALLORA: Final = "allora"
_STALE_HEAD_NS: Final = 60 * NANOS_PER_SECOND
"""A dozen blocks of Allora."""
_FARTHEST_S: Final = 3_600
"""Topics that look farther than an hour say little about a window of minutes."""


class Binance:
    """The checks of the reference prices; no key is needed."""

    def __init__(self, clients: Clients, clock: ClockSettings, *, live: bool) -> None:
        self._clients = clients
        self._rest = clients.binance()
        self._clock = clock
        self._live = live

    def checks(self) -> tuple[Check, ...]:
        """Return the lines in order."""
        return (
            Check(BINANCE, "clock", self.clock),
            Check(BINANCE, "symbols", self.symbols),
            Check(BINANCE, "stream", self.stream),
        )

    async def clock(self) -> Verdict:
        """Compare clocks; the venue's counts milliseconds."""
        sent_ns = self._clients.clock()
        told_ns = await self._rest.time()
        skew = skew_of(told_ns, sent_ns, self._clients.clock(), step_ns=NANOS_PER_MS)
        return judge_skew(skew, "Binance's", self._clock, live=self._live)

    async def symbols(self) -> Verdict:
        """Ask whether the configured pairs are traded."""
        wanted = self._clients.access.binance.symbols
        if not wanted:
            return note("no pair is configured", "name some in venues.binance.symbols")
        try:
            return judge_symbols(await self._rest.rules(wanted), wanted)
        except NotThere as error:
            return warning(f"{error}", "correct venues.binance.symbols")

    async def stream(self) -> Verdict:
        """Look whether the streams' host accepts connections."""
        return await examine_hosts({"stream": self._clients.access.binance.stream})


def judge_symbols(rules: ExchangeRules, wanted: Sequence[str]) -> Verdict:
    """Name the pairs that give no prices now."""
    states = {each.symbol: each.status for each in rules.symbols}
    still = [f"{each} ({states.get(each, 'not listed')})" for each in wanted
             if states.get(each) != "TRADING"]  # fmt: skip
    if not still:
        return ok(f"all {len(wanted)} pairs are traded")
    return warning(
        f"no prices come of {', '.join(still)}", "wait, or correct venues.binance.symbols"
    )


class Allora:
    """The checks of the inferences."""

    def __init__(self, clients: Clients, *, keys: bool) -> None:
        """``keys``: whether secrets may be opened."""
        self._clients = clients
        self._rest = clients.allora()
        self._keys = keys
        self._network = TESTNET if clients.access.allora.network == "testnet" else MAINNET

    def checks(self) -> tuple[Check, ...]:
        """Return the lines in order."""
        after = (Check(ALLORA, "head", self.head), Check(ALLORA, "topics", self.topics))
        found = (
            Check(ALLORA, "version", self.version, after),
            Check(ALLORA, "events", self.events),
        )
        if self._clients.access.allora.api_key is None:
            return found
        return (*found, Check(ALLORA, "consumer key", self.consumer))

    async def version(self) -> Verdict:
        """Ask which version of the emissions module the node speaks."""
        return ok(f"{self._rest.chain}, emissions {await self._rest.version()}")

    async def head(self) -> Verdict:
        """Ask for the newest block, and how old it is."""
        return judge_head(await self._rest.newest_block(), self._clients.clock())

    async def topics(self) -> Verdict:
        """Ask whether the topics that can matter to short windows are active."""
        topics = [topic.id for topic in watched(self._rest.chain)]
        told = await asyncio.gather(*(self._active(topic) for topic in topics))
        return judge_topics(dict(zip(topics, told, strict=True)))

    async def _active(self, topic: int) -> bool:
        try:
            return await self._rest.active(topic)
        except NotThere:
            return False

    async def events(self) -> Verdict:
        """Look whether the node's WebSocket accepts connections."""
        return await examine_hosts(
            {"events": self._clients.access.allora.events or self._network.events}
        )

    async def consumer(self) -> Verdict:
        """Prove the key of the consumer's service."""
        access = self._clients.access.allora
        if not self._keys or access.api_key is None:
            return note("not asked: --no-keys")
        secret = self._clients.secrets.open(access.api_key)
        budget = self._clients.budget(ALLORA_LIMITS)
        client = AlloraConsumer(self._clients.http(access.consumer), secret, budget)
        return ok(f"the key works, {len(await client.topics(self._rest.chain))} topics are listed")


def watched(chain: str) -> tuple[ForecastTopic, ...]:
    """Return the topics of a chain that look at most an hour ahead, without playgrounds."""
    return tuple(
        topic
        for topic in TOPICS
        if topic.chain == chain and topic.horizon_s <= _FARTHEST_S and not topic.sandbox
    )


def judge_head(block: BlockSeen, now: Nanos) -> Verdict:
    """Judge a node by the age of its newest block."""
    age_s = (now - block.at_ns) // NANOS_PER_SECOND
    told = f"block {block.height}, {age_s} s old"
    if now - block.at_ns <= _STALE_HEAD_NS:
        return ok(told)
    return warning(
        f"{told}: the node is behind, or the chain stands still",
        "name another node in venues.allora.gateway",
    )


def judge_topics(active: Mapping[int, bool]) -> Verdict:
    """Name the topics that are not active."""
    asleep = [str(topic) for topic, is_active in active.items() if not is_active]
    told = f"{len(active) - len(asleep)} of {len(active)} topics up to an hour ahead are active"
    if not asleep:
        return ok(told)
    if len(asleep) == len(active):
        return warning(told, "no inferences come: run without them, or ask another network")
    return note(f"{told}; not active: {', '.join(asleep)}", "build no signal on those")
