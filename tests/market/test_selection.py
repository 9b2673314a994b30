"""Which listings are taken, the reason shown for the others, and how people name markets."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.market.listings import NOW, found, listing
from underround.market.catalogue import KnownMarkets
from underround.market.selection import MarketFilter, find, matching, resolve
from underround.model.errors import ConfigError
from underround.model.ids import KALSHI, NO, POLYMARKET, YES, OutcomeId
from underround.model.listing import Listing
from underround.model.units import usd


def test_an_open_liquid_market_is_taken_by_default() -> None:
    assert MarketFilter().why_not(listing(), NOW) is None


@pytest.mark.parametrize(
    "changes, reason",
    [
        ({"state": "paused"}, "it is paused"),
        ({"state": "resolved"}, "it is resolved"),
        ({"placeholder": True, "augmented": True}, "its outcome has no name yet"),
        ({"augmented": True}, "its group may be given more outcomes"),
        ({"liquidity": usd("1999.99")}, "its liquidity of 1999.99 is below 2000 dollars"),
        ({"liquidity": None}, "it states no liquidity"),
    ],
)
def test_the_default_leaves_a_market_out_and_says_why(changes: Any, reason: str) -> None:
    assert MarketFilter().why_not(listing(**changes), NOW) == reason


@pytest.mark.parametrize(
    "wish, changes, reason",
    [
        ({"venues": (KALSHI,)}, {}, "its venue polymarket is not wanted"),
        ({"states": ("closed",)}, {}, "it is open"),
        ({"text": "Rain COME"}, {}, None),
        ({"text": "rain pour"}, {}, "'pour' is not in its title"),
        ({"text": "rain-weekly"}, {"series": "rain-weekly"}, None),
        ({"tags": ("sun", "rain")}, {"tags": ("rain",)}, None),
        ({"tags": ("sun",)}, {"tags": ("rain",)}, "it has none of the tags sun"),
        ({"without_tags": ("rain",)}, {"tags": ("sun", "rain")}, "it has the tag rain"),
        ({"volume_min": 5}, {"volume": 4}, "its volume of 0.000004 is below 0.000005 dollars"),
        ({"volume_24h_min": 5}, {}, "it states no 24-hour volume"),
        ({"ends_after_s": 3_600}, {}, None),
        ({"ends_after_s": 3_601}, {}, "it ends in less than 3601 s"),
        ({"ends_within_s": 3_600}, {}, None),
        ({"ends_within_s": 3_599}, {}, "it ends in more than 3599 s"),
        ({"ends_within_s": 9}, {"ends_ns": None}, "it does not say when it ends"),
        ({}, {"ends_ns": None}, None),
        ({"augmented": True}, {"augmented": True}, None),
        (
            {"augmented": True},
            {"augmented": True, "placeholder": True},
            "its outcome has no name yet",
        ),
        ({"placeholders": True}, {"augmented": True, "placeholder": True}, None),
        ({"liquidity_min": 0}, {"liquidity": None}, None),
    ],
)
def test_a_wish_is_kept_to_its_border(wish: Any, changes: Any, reason: str | None) -> None:
    assert MarketFilter(**wish).why_not(listing(**changes), NOW) == reason


def test_a_filter_is_read_from_a_configuration_and_refuses_unknown_wishes() -> None:
    told = msgspec.convert({"tags": ["crypto"], "liquidity_min": 7}, MarketFilter)
    assert told == MarketFilter(tags=("crypto",), liquidity_min=7)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"liquidity": 7}, MarketFilter)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"liquidity_min": -1}, MarketFilter)


@given(
    liquidity=st.none() | st.integers(0, 10**10),
    least=st.integers(0, 10**10),
    left=st.integers(-(10**4), 10**4),
    window=st.tuples(st.integers(0, 10**4), st.none() | st.integers(0, 10**4)),
)
def test_a_market_is_taken_exactly_when_it_meets_every_wish(
    liquidity: int | None, least: int, left: int, window: tuple[int, int | None]
) -> None:
    after, within = window
    wish = MarketFilter(liquidity_min=least, ends_after_s=after, ends_within_s=within)
    one = listing(liquidity=liquidity, ends_ns=NOW + left * 10**9)
    meets = (
        (least == 0 or (liquidity is not None and liquidity >= least))
        and (after == 0 or left >= after)
        and (within is None or left <= within)
    )
    assert (wish.why_not(one, NOW) is None) is meets


# --- names -------------------------------------------------------------------------------------


@pytest.fixture
def known() -> KnownMarkets:
    markets = KnownMarkets()
    markets.take(
        found(
            listing("btc-updown-5m-1", outcomes=("Up", "Down")),
            listing("btc-updown-5m-2", outcomes=("Up", "Down")),
            listing("eth-updown-5m-1", outcomes=("Up", "Down")),
            listing("person-b", placeholder=True),
            listing("KXBTC15M-1", KALSHI),
        ),
        NOW,
    )
    return markets


def slugs(listings: tuple[Listing, ...]) -> list[str]:
    return [each.slug for each in listings]


@pytest.mark.parametrize(
    "name, index",
    [
        ("polymarket:btc-updown-5m-1:YES", YES),
        ("polymarket:btc-updown-5m-1:no", NO),
        ("polymarket:btc-updown-5m-1:Up", YES),
        ("polymarket:btc-updown-5m-1:DOWN", NO),
        ("polymarket:0xbtc-updown-5m-1:YES", YES),
    ],
)
def test_an_outcome_is_named_by_venue_market_and_side(
    known: KnownMarkets, name: str, index: int
) -> None:
    market = known.by_slug(POLYMARKET, "btc-updown-5m-1")
    assert market is not None
    assert resolve(name, known) == OutcomeId(market.market.id, index)
    assert resolve(str(resolve(name, known)), known) == resolve(name, known)


def test_a_venue_that_swaps_the_words_is_taken_at_its_word(known: KnownMarkets) -> None:
    """A label of the market comes before the words YES and NO."""
    known.take(found(listing("swap", outcomes=("No", "Yes"))), NOW)
    assert resolve("polymarket:swap:YES", known).index == 1


@pytest.mark.parametrize(
    "name, words",
    [
        ("btc-updown-5m-1", "names no outcome"),
        ("polymarket:btc-updown-5m-1", "names no outcome"),
        ("polymarket:btc-updown-5m-1:MAYBE", "write YES or NO or Up or Down"),
        ("polymarket:btc-updown-5m-3:YES", "did you mean polymarket:btc-updown-5m-"),
        ("polymarket:moon:YES", "look for it with a pattern"),
        ("nowhere:moon:YES", "no market of venue 'nowhere' is known"),
    ],
)
def test_a_name_nobody_has_says_which_part_is_wrong(
    known: KnownMarkets, name: str, words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        resolve(name, known)


def test_patterns_name_many_markets_in_order_and_never_a_placeholder(
    known: KnownMarkets,
) -> None:
    assert slugs(matching(["polymarket:btc-*"], known)) == ["btc-updown-5m-1", "btc-updown-5m-2"]
    assert slugs(matching(["*:*-updown-5m-1", "kalshi:*"], known)) == [
        "KXBTC15M-1",
        "btc-updown-5m-1",
        "eth-updown-5m-1",
    ]
    assert slugs(matching(["polymarket:0xeth*"], known)) == ["eth-updown-5m-1"]
    assert matching(["polymarket:person-b"], known) == ()
    assert matching(["polymarket:moon*"], known) == ()
    with pytest.raises(ConfigError, match="names no known market"):
        matching(["polymarket:moon"], known)
    assert find("kalshi:KXBTC15M-1", known).slug == "KXBTC15M-1"
