"""Allora's chain: a block every five seconds, and predictions made of the reference price.

Nobody here knows the future: a prediction is the price of its block with an error drawn from the
seed, so strategies can be shown fresh, late, scattered or missing inferences, not good ones.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from math import isqrt
from typing import Final

import msgspec

from underround.local_venue.world import World
from underround.model.frames import NANOS_PER_SECOND
from underround.model.signals import ForecastTopic
from underround.model.units import Money, Nanos
from underround.venues.allora.answers import EmissionsVersion
from underround.venues.allora.topics import TOPICS

BLOCK_NS: Final[Nanos] = 5 * NANOS_PER_SECOND
SUBMISSION_BLOCKS: Final = 12
"""An inference is known so many blocks after the one it is named after."""
CHAIN: Final = "allora-testnet-1"
_GENESIS_NS: Final = 1_700_000_000 * NANOS_PER_SECOND
INFERERS: Final = 6
FORECASTERS: Final = 3
_KEPT: Final = 16
"""Inferences of each topic."""
_DECIMALS: Final = 10**12
"""Values are kept in billionths of a billionth, prices come in millionths."""


class Prediction(msgspec.Struct, frozen=True):
    """What the network said about a topic at a block; values in 10^-18."""

    topic: int
    nonce: int
    combined: int
    naive: int
    inferers: tuple[tuple[str, int], ...]
    forecasters: tuple[tuple[str, int], ...]

    def without(self) -> Iterator[tuple[str, int]]:
        """Yield each worker, and what the others said together; inferers first."""
        everybody = (*self.inferers, *self.forecasters)
        total = sum(value for _, value in everybody)
        for worker, value in everybody:
            yield worker, (total - value) // (len(everybody) - 1)

    def joined_by(self) -> Iterator[tuple[str, int]]:
        """Yield each forecaster, and what the inferers and it alone said together."""
        total = sum(value for _, value in self.inferers)
        for worker, value in self.forecasters:
            yield worker, (total + value) // (len(self.inferers) + 1)


class AlloraChain:
    """The topics of the test network about assets that have a price here."""

    def __init__(self, world: World, version: EmissionsVersion = "v10") -> None:
        """Speak ``version`` of the emissions module."""
        self._world = world
        self.version: EmissionsVersion = version
        self.topics: dict[int, ForecastTopic] = {
            topic.id: topic for topic in TOPICS if topic.chain == CHAIN
        }
        self._known: dict[int, deque[Prediction]] = {}
        """The newest ones, which stay when the prices they were made of are forgotten."""
        for topic in self.topics.values():
            nonce = self.newest_nonce(topic.id, self.height(world.clock.now()))
            self._plan(topic, nonce + topic.epoch_blocks)

    def _plan(self, topic: ForecastTopic, nonce: int) -> None:
        known = self.time_of(nonce + SUBMISSION_BLOCKS)
        self._world.agenda.plan(known, lambda _at: self._epoch(topic, nonce))

    def _epoch(self, topic: ForecastTopic, nonce: int) -> None:
        """Keep the inference that becomes known now."""
        found = self.prediction(topic.id, nonce)
        if found is not None:
            self._known.setdefault(topic.id, deque(maxlen=_KEPT)).append(found)
        self._plan(topic, nonce + topic.epoch_blocks)

    def height(self, now: Nanos) -> int:
        """Return the number of the newest block."""
        return (now - _GENESIS_NS) // BLOCK_NS

    def time_of(self, height: int) -> Nanos:
        """Return when a block was made."""
        return _GENESIS_NS + height * BLOCK_NS

    def active(self, topic: int) -> bool:
        """Whether the topic's asset has a price here."""
        found = self.topics.get(topic)
        return found is not None and _symbol(found) in self._world.prices.symbols

    def newest_nonce(self, topic: int, height: int) -> int:
        """Return the block of the newest inference that is known at ``height``."""
        epoch = self.topics[topic].epoch_blocks
        return (height - SUBMISSION_BLOCKS) // epoch * epoch

    def prediction(self, topic: int, nonce: int) -> Prediction | None:
        """Return what was predicted at block ``nonce``; ``None``: nothing, not yet, or forgotten.

        The last ones of every topic stay, as a node keeps a part of its history.
        """
        asked = self.topics.get(topic)
        if asked is None or nonce % asked.epoch_blocks:
            return None
        if nonce + SUBMISSION_BLOCKS > self.height(self._world.time()):
            return None
        for found in self._known.get(topic, ()):
            if found.nonce == nonce:
                return found
        price = self._world.prices.mean(_symbol(asked), self.time_of(nonce), 1)
        return None if price is None else self._predicted(asked, nonce, price)

    def _predicted(self, asked: ForecastTopic, nonce: int, price: Money) -> Prediction:
        drawn = random.Random(f"allora {self._world.seed} {asked.id} {nonce}")
        inferers = tuple(
            (_worker(asked.id, number), _value(asked, price, drawn)) for number in range(INFERERS)
        )
        forecasters = tuple(
            (_worker(asked.id, INFERERS + number), _value(asked, price, drawn))
            for number in range(FORECASTERS)
        )
        values = [value for _, value in (*inferers, *forecasters)]
        naive = sum(value for _, value in inferers) // INFERERS
        return Prediction(asked.id, nonce, sum(values) // len(values), naive, inferers, forecasters)


def _symbol(topic: ForecastTopic) -> str:
    return f"{topic.asset.lower()}/usd"


def _value(asked: ForecastTopic, price: Money, drawn: random.Random) -> int:
    """Return one opinion: off by up to a tenth of a percent times the root of the hours ahead."""
    most = isqrt(10**12 * asked.horizon_s // 3_600)
    error = drawn.randrange(-most, most + 1)  # of 10^-9
    if asked.kind == "price":
        return price * _DECIMALS * (10**9 + error) // 10**9
    if asked.kind == "log_return":
        return error * 10**9
    return (abs(error) + 100_000) * 10**9


def _worker(topic: int, number: int) -> str:
    """Return an address: letters of bech32, the same for the same worker."""
    drawn = random.Random(f"worker {topic} {number}")
    return "allo1" + "".join(drawn.choices("qpzry9x8gf2tvdw0s3jn54khce6mua7l", k=38))


def decimal18(value: int) -> str:
    """Return 10^-18 units as the chain writes a decimal."""
    sign = "-" if value < 0 else ""
    whole, fraction = divmod(abs(value), 10**18)
    return f"{sign}{whole}.{fraction:018d}"


def block_time(at: Nanos) -> str:
    """Return a time as blocks carry it."""
    moment = datetime.fromtimestamp(at // NANOS_PER_SECOND, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at % NANOS_PER_SECOND:09d}Z"
