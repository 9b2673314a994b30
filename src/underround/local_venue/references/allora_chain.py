"""Allora's chain: a block every five seconds, and predictions made of the reference price.

Nobody here knows the future: a prediction is the price of its block with an error drawn from the
seed, so strategies can be shown fresh, late, scattered or missing inferences, not good ones.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime
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
_INFERERS: Final = 6
_FORECASTERS: Final = 3
_DECIMALS: Final = 10**12
"""Values are kept in billionths of a millionth."""


class Prediction(msgspec.Struct, frozen=True):
    """What the network said about a topic at a block; values in 10^-18."""

    topic: int
    nonce: int
    combined: int
    naive: int
    inferers: tuple[tuple[str, int], ...]
    forecasters: tuple[tuple[str, int], ...]


class AlloraChain:
    """The topics of the test network about assets that have a price here."""

    def __init__(self, world: World, version: EmissionsVersion = "v10") -> None:
        """Speak ``version`` of the emissions module."""
        self._world = world
        self.version: EmissionsVersion = version
        self.topics: dict[int, ForecastTopic] = {
            topic.id: topic for topic in TOPICS if topic.chain == CHAIN
        }

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
        """Return what was predicted at block ``nonce``; ``None``: nothing (yet)."""
        asked = self.topics.get(topic)
        now = self._world.clock.now()
        if asked is None or nonce % asked.epoch_blocks:
            return None
        if nonce + SUBMISSION_BLOCKS > self.height(now):
            return None
        price = self._world.prices.mean(_symbol(asked), self.time_of(nonce), 1)
        return None if price is None else self._predicted(asked, nonce, price)

    def _predicted(self, asked: ForecastTopic, nonce: int, price: Money) -> Prediction:
        drawn = random.Random(f"allora {self._world.seed} {asked.id} {nonce}")
        inferers = tuple(
            (_worker(asked.id, number), _value(asked, price, drawn)) for number in range(_INFERERS)
        )
        forecasters = tuple(
            (_worker(asked.id, _INFERERS + number), _value(asked, price, drawn))
            for number in range(_FORECASTERS)
        )
        values = [value for _, value in (*inferers, *forecasters)]
        naive = sum(value for _, value in inferers) // _INFERERS
        return Prediction(asked.id, nonce, sum(values) // len(values), naive, inferers, forecasters)


def _symbol(topic: ForecastTopic) -> str:
    return f"{topic.asset.lower()}/usd"


def _value(asked: ForecastTopic, price: Money, drawn: random.Random) -> int:
    """Return one opinion: within about a tenth of a percent a square root of an hour."""
    error = drawn.randrange(-1_000_000, 1_000_001) * asked.horizon_s // 3_600  # of 10^-9
    if asked.kind == "price":
        return price * _DECIMALS + price * _DECIMALS // 10**9 * error
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
