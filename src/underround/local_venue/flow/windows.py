"""Rolling up-or-down windows: listed ahead, traded, resolved on the 60-second average.

The strike of a window is the average at its start, which is the one the window before ended on.
Up wins if the average at the end is at or above it.
"""

from __future__ import annotations

from typing import Final

import msgspec

from underround.local_venue.flow.belief import TWAP_S, UpOrDown
from underround.local_venue.flow.listings import (
    CRYPTO_DELAY_MS,
    CRYPTO_FEES,
    CRYPTO_REBATE,
    TAPERED,
    Draft,
    kalshi_listing,
    kalshi_tickers,
    polymarket_listing,
    up_or_down_rules,
)
from underround.local_venue.flow.lives import NO_WINS, YES_WINS, Lives
from underround.local_venue.flow.terms import PathTerms, WindowTerms
from underround.model.frames import NANOS_PER_MS, NANOS_PER_SECOND
from underround.model.ids import KALSHI, GroupId, MarketId
from underround.model.listing import Listing, Window
from underround.model.units import Money, Nanos
from underround.venues.polymarket.gamma.series import (
    SECONDS,
    Planned,
    Rolling,
    windows_ahead,
)

STRIKE_AFTER: Final[Nanos] = 250 * NANOS_PER_MS
"""After the start: every price of the start itself was told by then."""
_CENT: Final[Money] = 10_000
SOURCE: Final = "60-second average of the local venue"


class Windows:
    """One series at one venue."""

    def __init__(self, lives: Lives, terms: WindowTerms, path: PathTerms) -> None:
        """``path`` gives the volatility people reckon with."""
        self._lives = lives
        self._world = lives.world
        self._terms = terms
        self._volatility = int(path.volatility)
        self._rolling = Rolling(terms.asset, terms.period)
        self._symbol = f"{terms.asset.lower()}/usd"
        self._kalshi = terms.venue == "kalshi"

    def begin(self, now: Nanos) -> None:
        """List the present window and those ahead, and roll from then on.

        Kalshi lists a window when it opens.
        """
        ahead = 0 if self._kalshi else self._terms.ahead
        present, *later = windows_ahead(self._rolling, now, ahead)
        for window in (present, *later):
            self._list(window, now)
        self._world.agenda.plan(present.end_ns, self._roll)

    def _roll(self, now: Nanos) -> None:
        """A window begins: list the one that is far enough ahead now."""
        ahead = 0 if self._kalshi else self._terms.ahead
        *_, last = windows_ahead(self._rolling, now, ahead)
        self._list(last, now)
        self._world.agenda.plan(now + SECONDS[self._terms.period] * NANOS_PER_SECOND, self._roll)

    # --- one window ----------------------------------------------------------------------------

    def _list(self, window: Planned, now: Nanos) -> None:
        belief = UpOrDown(self._world.prices, self._symbol, self._volatility, window.end_ns)
        make = self._kalshi_market if self._kalshi else self._polymarket_market
        slug, title, listing, question = make(window, now)
        series = listing.series
        event = self._world.catalogue.add_event(
            slug,
            title,
            group=listing.market.group,
            tags=listing.tags,
            series=series,
            starts_ns=window.start_ns,
            ends_ns=window.end_ns,
        )
        market = self._lives.begin(event, listing, question, self._terms.crowd, belief, now)
        plan = self._world.agenda.plan
        plan(max(now, window.start_ns + STRIKE_AFTER), lambda at: self._strike(market, belief, at))
        plan(window.end_ns, lambda at: self._lives.close(market, at))
        settles = window.end_ns + max(self._terms.settles_after, STRIKE_AFTER)
        plan(settles, lambda at: self._settle(market, window, at))

    def _strike(self, market: MarketId, belief: UpOrDown, now: Nanos) -> None:
        """The average at the start is known: the market has its strike."""
        window = self._world.catalogue.markets[market].listing.window
        assert window is not None
        belief.strike = self._average(window.start_ns)
        strike = msgspec.structs.replace(window, strike=belief.strike)
        self._world.change(market, now, window=strike)

    def _settle(self, market: MarketId, window: Planned, now: Nanos) -> None:
        end, start = self._average(window.end_ns), self._average(window.start_ns)
        self._lives.end(market, YES_WINS if end >= start else NO_WINS, SOURCE, now)

    def _average(self, at: Nanos) -> Money:
        mean = self._world.prices.mean(self._symbol, at, TWAP_S)
        assert mean is not None, f"{self._symbol} has no price a minute before {at}"
        if not self._kalshi:
            return mean
        return (mean + _CENT // 2) // _CENT * _CENT

    # --- how it is listed ----------------------------------------------------------------------

    def _polymarket_market(self, window: Planned, now: Nanos) -> tuple[str, str, Listing, str]:
        asset, period = self._terms.asset, self._terms.period
        title = f"{asset} Up or Down - {period} from {window.start_ns // NANOS_PER_SECOND}"
        draft = Draft(
            slug=window.slug,
            title=title,
            outcomes=("Up", "Down"),
            rules=up_or_down_rules(asset),
            source=SOURCE,
            fees=CRYPTO_FEES,
            rebate=CRYPTO_REBATE,
            delay_ms=CRYPTO_DELAY_MS,
            opens_ns=now,
            ends_ns=window.end_ns,
            tags=("crypto", "up-or-down"),
            series=self._rolling.slug,
            window=Window(asset, window.start_ns, window.end_ns, TWAP_S, None),
        )
        listing, question = polymarket_listing(draft)
        return window.slug, title, listing, question

    def _kalshi_market(self, window: Planned, now: Nanos) -> tuple[str, str, Listing, str]:
        asset = self._terms.asset
        series, event, ticker = kalshi_tickers(asset, window.end_ns)
        title = f"{asset} price up in next 15 mins?"
        draft = Draft(
            slug=ticker,
            title=title,
            rules=(
                f"If the simple average of the reference price of {asset} over the sixty seconds "
                "before the close is at or above the one before the open, rounded to two decimals, "
                "the market resolves to Yes."
            ),
            source=SOURCE,
            group=GroupId(f"{KALSHI}:{event}"),
            opens_ns=min(now, window.start_ns),
            ends_ns=window.end_ns,
            tags=("Crypto",),
            series=series,
            window=Window(asset, window.start_ns, window.end_ns, TWAP_S, None),
        )
        listing = kalshi_listing(ticker, draft, closes_ns=window.end_ns, ticks=TAPERED)
        return event, title, listing, ""
