"""The tables of capabilities are complete, agree with the code, and are what the page shows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.oracles.known import known_credentials
from tests.venues.kalshi.making import signer
from underround.venues.allora.limits import LIMITS as ALLORA_LIMITS
from underround.venues.allora.stream import AlloraDialect
from underround.venues.binance.limits import LIMITS as BINANCE_LIMITS
from underround.venues.binance.stream import BinanceDialect
from underround.venues.capabilities import Capabilities
from underround.venues.capability_page import TABLES, as_json, main, page
from underround.venues.kalshi import limits as kalshi_limits
from underround.venues.kalshi.hosts import DEMO
from underround.venues.kalshi.stream import (
    KalshiDialect,
    KalshiIndexDialect,
    KalshiLifecycleDialect,
    KalshiUserDialect,
)
from underround.venues.polymarket import limits as polymarket_limits
from underround.venues.polymarket.prices_stream import PolyboltDialect, RtdsDialect
from underround.venues.polymarket.rest import MOST_ORDERS
from underround.venues.polymarket.sports import SportsDialect
from underround.venues.polymarket.stream import MarketDialect, UserDialect
from underround.venues.streams.dialect import Dialect
from underround.venues.transport.budget import Limits

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/venues/capabilities.md"
BY_NAME = {str(table.venue): table for table in TABLES}
GROUPS: dict[str, Limits] = {
    "polymarket": polymarket_limits.limits_of(),
    "kalshi": kalshi_limits.limits_of(kalshi_limits.TIERS["basic"]),
    "binance": BINANCE_LIMITS,
    "allora": ALLORA_LIMITS,
}


def dialects() -> dict[str, list[Dialect]]:
    key, credentials = signer(), known_credentials()
    return {
        "polymarket": [
            MarketDialect(dict), UserDialect(credentials), PolyboltDialect(credentials),
            RtdsDialect(), SportsDialect(),
        ],
        "kalshi": [
            KalshiDialect(key, DEMO), KalshiUserDialect(key, DEMO),
            KalshiLifecycleDialect(key, DEMO),
            KalshiIndexDialect(key, DEMO),
        ],
        "binance": [BinanceDialect()],
        "allora": [AlloraDialect()],
    }  # fmt: skip


def test_every_venue_folder_has_a_table() -> None:
    folders = {path.parent.name for path in (ROOT / "src/underround/venues").glob("*/__init__.py")}
    shared = {"streams", "transport"}  # what every venue's edge is made of
    assert folders - shared == set(BY_NAME)


def test_the_page_of_capabilities_is_up_to_date() -> None:
    assert PAGE.read_text("utf-8") == page(), (
        "run: python -m underround.venues.capability_page docs/venues/capabilities.md"
    )


def test_the_page_is_written_to_the_file_that_is_named(tmp_path: Path) -> None:
    main([str(tmp_path / "page.md")])
    assert (tmp_path / "page.md").read_text("utf-8") == page()


def test_the_tables_can_be_read_by_other_programs() -> None:
    read = {each["venue"]: each for each in json.loads(as_json())}
    assert read["kalshi"]["orders_per_batch"]["value"] == 9
    assert read["binance"]["orders_per_batch"]["value"] is None
    assert read["polymarket"]["channels"]["value"][0]["stream"] == "polymarket.market"


@pytest.mark.parametrize("table", TABLES, ids=lambda table: str(table.venue))
def test_the_channels_of_the_table_are_those_that_are_spoken(table: Capabilities) -> None:
    """With the same names and as many topics on a socket; no channel is spoken unlisted."""
    spoken = {}
    for dialect in dialects().get(str(table.venue), ()):
        name = "allora.*" if table.venue == "allora" else dialect.stream
        spoken[name] = dialect.limits.topics_per_socket
    assert {each.stream: each.topics_per_socket for each in table.channels.value} == spoken


@pytest.mark.parametrize("table", TABLES, ids=lambda table: str(table.venue))
def test_the_rate_groups_of_the_table_are_those_of_the_budget(table: Capabilities) -> None:
    limits = GROUPS.get(str(table.venue))
    assert set(table.rate_groups.value) == set(limits.groups if limits is not None else ())


def test_tiers_and_batches_are_those_of_the_limits() -> None:
    kalshi_table, polymarket_table = BY_NAME["kalshi"], BY_NAME["polymarket"]
    lowest = kalshi_limits.TIERS["basic"]
    assert kalshi_table.tiers.value == tuple(kalshi_limits.TIERS)
    assert kalshi_table.orders_per_batch.value == kalshi_limits.orders_per_batch(lowest)
    assert kalshi_table.cancels_per_batch.value == kalshi_limits.cancels_per_batch(lowest)
    assert polymarket_table.tiers.value == tuple(polymarket_limits.TIERS)
    assert polymarket_table.orders_per_batch.value == MOST_ORDERS
    burst = polymarket_limits.TIERS["standard"].cancels.burst
    assert polymarket_table.cancels_per_batch.value == burst


def test_a_table_without_orders_says_nothing_about_orders() -> None:
    """What does not apply is left out, not answered with a no that looks like knowledge."""
    for table in TABLES:
        if not table.writes.value:
            about = (table.orders_per_batch, table.cancels_per_batch, table.tiers,
                     table.idempotency, table.heartbeat_ms)  # fmt: skip
            assert not any(fact.value for fact in about), table.venue
