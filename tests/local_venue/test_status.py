"""What the page shows: markets, matches, accounts and servers, as they are."""

from __future__ import annotations

import json

import aiohttp
import pytest

from tests.aio import run
from tests.local_venue.flow.stage import WINDOWS, scene_of
from tests.local_venue.whole_venue import KIND, KalshiTrader, Trader, WholeVenue, opened
from underround.local_venue.flow.scene_file import find_scene, read_scene
from underround.local_venue.status import AccountRow, Status
from underround.model.ids import KALSHI, POLYMARKET, MarketId
from underround.venues.ethereum import EvmKey

QUIET = read_scene(find_scene("quiet"))
TICKER = "KXQUIET-26DEC31-T50"
__all__ = ["KIND"]


def status(whole: WholeVenue) -> Status:
    return whole.venue.status(whole.world.act())


def account(whole: WholeVenue, name: str, venue: str = POLYMARKET) -> AccountRow:
    (found,) = [row for row in status(whole).accounts if (row.name, row.venue) == (name, venue)]
    return found


def row_of(whole: WholeVenue, slug: str):  # type: ignore[no-untyped-def]
    return whole.world.catalogue.of_slug(slug)
