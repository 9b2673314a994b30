"""What the topics ask: asset, kind and horizon, read from the chain's own words.

The table is a starting point for a node that was not asked yet.  It was true on 2026-07-30
(allora-network/docs, public/api/topics.json); topics come and go, so ``rest.AlloraRest.topics``
reads what is there and ``active`` asks whether a topic is alive.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from underround.model.signals import ForecastKind, ForecastTopic
from underround.venues.allora.hosts import MAINNET, TESTNET

_UPDATES: Final = re.compile(r"\([^)]*updates?\)", re.IGNORECASE)
"""``(5min Updates)`` says how often, not how far."""
_PAIR: Final = re.compile(r"\b([A-Z]{2,6})/USD\b")
_OLDEST: Final = re.compile(r"([A-Z]{2,6}) \d{1,3}(?:min|h|d) Prediction")
"""The oldest topics say no more than ``BTC 5min Prediction`` and mean a price in dollars."""
_HORIZON: Final = re.compile(r"\b(\d{1,3})\s*(m|min|minutes?|h|hours?|d|days?)\b", re.IGNORECASE)
_SECONDS: Final = {"m": 60, "h": 3_600, "d": 86_400}

_TESTNET: Final = (
    (1, "ETH 10min Prediction", 120),
    (2, "ETH 24h Prediction", 17280),
    (3, "BTC 10min Prediction", 120),
    (8, "BNB 20min Prediction", 240),
    (9, "ARB 20min Prediction", 240),
    (13, "ETH 5min Prediction", 60),
    (14, "BTC 5min Prediction", 60),
    (18, "BTC 8h Prediction", 5760),
    (37, "SOL/USD - 5min Price Prediction", 35),
    (38, "SOL/USD - 8h Price Prediction", 35),
    (41, "ETH/USD - 8h Price Prediction", 35),
    (42, "BTC/USD - 8h Price Prediction", 35),
    (56, "1 hour BERA/USD Log-Return Prediction", 655),
    (58, "8 hour SOL/USD Log-Return Prediction", 52),
    (60, "24 hour XAU/USD Log-Return Prediction", 60),
    (61, "1 day BTC/USD Log-Return Prediction", 60),
    (62, "1 day SOL/USD Log-Return Prediction", 60),
    (63, "1 day ETH/USD Log-Return Prediction", 60),
    (64, "8h BTC/USD Log-Return Prediction (5min Updates)", 54),
    (65, "8h BTC/USD Log-Return Prediction (2h Updates)", 1286),
    (66, "7 day SOL/USD Log-Return Prediction", 720),
    (67, "7 day BTC/USD Log-Return Prediction", 720),
    (68, "7 day ETH/USD Log-Return Prediction", 720),
    (69, "PLAYGROUND: 1 day BTC/USD Price Prediction", 54),
    (70, "7 day NEAR/USD Log-Return Prediction", 720),
    (71, "8 hour NEAR/USD Log-Return Prediction", 60),
    (72, "1 hour BTC/USD Log-Return Prediction", 60),
    (73, "1 hour ETH/USD Log-Return Prediction", 60),
    (74, "15 minute BTC/USD Log-Return Prediction", 60),
    (75, "15 minute ETH/USD Log-Return Prediction", 60),
    (76, "15 minute SOL/USD Log-Return Prediction", 60),
    (77, "PLAYGROUND FAST - 5 minute BTC/USD Price Prediction", 60),
    (79, "15 minute BTC/USD - Volatility Prediction", 60),
    (80, "15 minute ETH/USD - Volatility Prediction", 60),
    (81, "15 minute XRP/USD - Volatility Prediction", 60),
    (82, "15 minute SOL/USD - Volatility Prediction", 60),
    (83, "BTC/USD - Log Returns - 8h", 60),
    (84, "ETH/USD - Log Returns - 8h", 60),
    (85, "4 hour ETH/USD - Volatility Prediction", 60),
)
_MAINNET: Final = (
    (1, "BTC/USD - Log Returns - 8h", 75),
    (2, "ETH/USD - Log Returns - 8h", 75),
    (3, "SOL/USD - Log Returns - 8h", 75),
    (9, "ETH/USD - Price Prediction - 8h", 60),
    (10, "SOL/USD - Price Prediction - 8h", 60),
    (14, "BTC/USD - Price Prediction - 8h", 60),
    (15, "BTC/USD - Log Returns - 24h", 60),
    (16, "ETH/USD - Log Returns - 24h", 60),
    (17, "SOL/USD - Log Returns - 24h", 60),
    (18, "BTC/USD - Log Returns - 20m", 60),
    (19, "NEAR/USD - Log Returns - 8h", 60),
    (20, "BTC/USD - Volatility - 15m", 60),
    (21, "ETH/USD - Volatility - 15m", 60),
)


def read_topic(
    chain: str, number: int, metadata: str, epoch_blocks: int, submission_blocks: int | None = None
) -> ForecastTopic:
    """Return what a topic asks; raises ``ValueError`` when its words do not say it plainly."""
    words = _UPDATES.sub("", metadata)
    assets = set(_PAIR.findall(words)) or set(_OLDEST.findall(words))
    horizons = {int(amount) * _SECONDS[unit[0].lower()] for amount, unit in _HORIZON.findall(words)}
    kind = _kind(words)
    if len(assets) != 1 or len(horizons) != 1 or 0 in horizons or kind is None:
        raise ValueError(f"topic {number}: {metadata[:80]!r} names no one asset, kind and horizon")
    if epoch_blocks < 1:
        raise ValueError(f"topic {number} has epochs of {epoch_blocks} blocks")
    return ForecastTopic(
        chain=chain,
        id=number,
        metadata=metadata,
        asset=assets.pop(),
        kind=kind,
        horizon_s=horizons.pop(),
        epoch_blocks=epoch_blocks,
        submission_blocks=submission_blocks,
        sandbox="playground" in words.lower(),
    )


def matching(
    topics: Sequence[ForecastTopic],
    asset: str,
    kind: ForecastKind,
    horizon_s: int,
    *,
    sandbox: bool = False,
) -> tuple[ForecastTopic, ...]:
    """Return the topics that ask exactly this, the most often asked first."""
    found = [
        topic
        for topic in topics
        if (topic.asset, topic.kind, topic.horizon_s) == (asset, kind, horizon_s)
        and (sandbox or not topic.sandbox)
    ]
    return tuple(sorted(found, key=lambda topic: (topic.epoch_blocks, topic.id)))


def _kind(words: str) -> ForecastKind | None:
    """Return what the value is, ``None`` if the words leave it open."""
    lower = words.lower()
    log_return = "log-return" in lower or "log return" in lower
    volatility = "volatility" in lower
    if log_return and volatility:
        return None
    if log_return:
        return "log_return"
    if volatility:
        return "volatility"
    return "price" if "price prediction" in lower or _OLDEST.fullmatch(words) else None


TOPICS: Final = tuple(
    read_topic(network.chain, number, words, epoch)
    for network, rows in ((TESTNET, _TESTNET), (MAINNET, _MAINNET))
    for number, words, epoch in rows
)
"""Every topic that was active on 2026-07-30."""
