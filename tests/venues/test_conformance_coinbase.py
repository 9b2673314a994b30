"""Coinbase, whose feed is only read from recordings, proves what it has to prove."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.venues import conformance
from underround.venues.coinbase.capabilities import CAPABILITIES
from underround.venues.coinbase.codec import CoinbaseDecoder


class TestFrames(conformance.MarketDecoderConformance):
    @pytest.fixture
    def decoder(self) -> Callable[[], CoinbaseDecoder]:
        return lambda: CoinbaseDecoder({})

    @pytest.fixture
    def stranger(self) -> CoinbaseDecoder:
        return CoinbaseDecoder({})

    @pytest.fixture
    def frames(self) -> Sequence[bytes]:
        told = {"product_id": "BTC-USD", "price": "64000.25", "time": "2026-04-28T09:03:06.659049Z"}
        return [
            json.dumps({"type": kind, **told}).encode()
            for kind in ("match", "last_match", "ticker")
        ]


class TestCapabilities(conformance.CapabilityConformance):
    table = CAPABILITIES
    folder = Path(__file__).parents[2] / "src/underround/venues/coinbase"
