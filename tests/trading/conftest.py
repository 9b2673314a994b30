"""The account most tests of this folder start from."""

from __future__ import annotations

import pytest

from tests.trading.world import World, make_market


@pytest.fixture
def world() -> World:
    """Make one market with a trusted book: bids 0.48 × 100, asks 0.52 × 100; 1,000 dollars."""
    made = World([make_market()])
    made.show(made.hub.markets[next(iter(made.hub.markets))], {"0.48": "100"}, {"0.52": "100"})
    return made
