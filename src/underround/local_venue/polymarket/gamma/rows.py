"""A market and an event as Gamma writes them (captures of 2026-03 … 2026-10).

Lists stand as JSON text inside strings, money as JSON numbers, volume and liquidity as both.
Prices and volumes are indicative: the CLOB knows the present.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeAlias

from underround.local_venue.catalogue import LocalEvent, LocalMarket
from underround.local_venue.polymarket.gamma import text
from underround.local_venue.polymarket.gamma.measures import Measures
from underround.local_venue.polymarket.gamma.names import (
    Names,
    label,
    neg_risk_market,
    series_of,
    tags_of,
)
from underround.local_venue.polymarket.gamma.state import (
    clob_tokens,
    condition_of,
    fee_fields,
    position_ids,
    resolution_fields,
    reward_fields,
    state_fields,
    window_fields,
)
from underround.local_venue.world import World
from underround.model.ids import POLYMARKET
from underround.model.listing import Listing
from underround.model.units import Nanos, decimal_text

Row: TypeAlias = dict[str, Any]


class Rows:
    """Writes the rows of a world's catalogue."""

    def __init__(self, world: World, measures: Measures, names: Names) -> None:
        """``measures`` gives prices and volumes, ``names`` the numbers of tags and series."""
        self._world = world
        self.measures = measures
        self.names = names

    # --- markets -------------------------------------------------------------------------------

    def markets(self, rows: Sequence[LocalMarket], now: Nanos, *, tags: bool) -> list[Row]:
        """Return rows of markets with their events, each of which is written once."""
        heads: dict[str, Row] = {}
        told = []
        for row in rows:
            if row.event not in heads:
                heads[row.event] = self.event_head(self.home(row), now)
            made = self.market(row, now, event=False, tags=tags)
            told.append(made | {"events": [heads[row.event]]})
        return told

    def market(
        self, row: LocalMarket, now: Nanos, *, event: bool = True, tags: bool = False
    ) -> Row:
        """Return a market's row; with the event it belongs to, and with its tags."""
        listing, home = row.listing, self.home(row)
        market = listing.market
        told: Row = {
            "id": str(row.id),
            "question": market.title,
            "conditionId": condition_of(listing),
            "slug": listing.slug,
            "resolutionSource": listing.resolution_source,
        }
        if listing.ends_ns is not None:
            told["endDate"] = text.stamp(listing.ends_ns)
        told |= {
            "liquidity": decimal_text(self.measures.liquidity(row)),
            "startDate": text.stamp(_starts(row)),
            "image": "",
            "icon": "",
            "description": listing.rules or market.title,
            "outcomes": text.text_list(market.outcomes),
            "outcomePrices": self.measures.outcome_prices(row),
            "volume": decimal_text(self.measures.volume(row)),
        }
        told |= state_fields(row, now)
        told |= {"marketMakerAddress": "", "createdAt": text.stamp(row.listed_ns)}
        told["updatedAt"] = text.stamp(listing.updated_ns or row.listed_ns)
        told |= {"new": False, "featured": False, "archived": False, "restricted": True}
        told |= self._group_fields(row, home)
        told |= {"questionID": row.question_id, "enableOrderBook": True}
        told["orderPriceMinTickSize"] = text.number(self.measures.finest_tick(row))
        told["orderMinSize"] = text.number(market.min_size)
        told |= self.measures.volumes(row, now)
        if listing.ends_ns is not None:
            told["endDateIso"] = text.day(listing.ends_ns)
        told |= {"startDateIso": text.day(_starts(row)), "hasReviewedDates": True}
        told["clobTokenIds"] = clob_tokens(listing)
        told |= position_ids(listing)
        told |= {"comboStatus": "disabled", "ready": False, "funded": False, "cyom": False}
        told |= {"competitive": 0, "approved": True}
        told |= reward_fields(row, now)
        told |= self.measures.prices(row, now)
        told |= _CONSTANTS
        told |= resolution_fields(row)
        told |= window_fields(listing)
        told |= fee_fields(listing)
        told["version"] = listing.protocol or "v1"
        if event:
            told["events"] = [self.event_head(home, now)]
        if tags:
            told["tags"] = [self.tag(slug) for slug in tags_of(row, home)]
        return told

    def home(self, row: LocalMarket) -> LocalEvent:
        """Return the event of a market."""
        return self._world.catalogue.events[row.event]

    def members(self, event: LocalEvent) -> list[LocalMarket]:
        """Return the event's markets that are Polymarket's."""
        catalogue = self._world.catalogue
        return [catalogue.markets[each] for each in event.markets if each.venue == POLYMARKET]

    def _group_fields(self, row: LocalMarket, home: LocalEvent) -> Row:
        """Return what places a market within its event."""
        listing = row.listing
        place = home.markets.index(listing.market.id)
        told: Row = {"groupItemThreshold": str(place), "negRisk": listing.market.neg_risk}
        if len(home.markets) > 1 or home.neg_risk or listing.placeholder:
            told["groupItemTitle"] = group_title(listing, place)
        if listing.market.neg_risk:
            told["negRiskMarketID"] = neg_risk_market(home)
            told["negRiskRequestID"] = row.question_id
        told["negRiskOther"] = listing.placeholder and "other" in listing.market.title.lower()
        return told

    # --- events --------------------------------------------------------------------------------

    def event_head(self, event: LocalEvent, now: Nanos) -> Row:
        """Return an event without its markets."""
        rows = self.members(event)
        first = rows[0] if rows else None
        told: Row = {
            "id": str(event.id),
            "ticker": event.slug,
            "slug": event.slug,
            "title": event.title,
            "description": first.listing.rules if first else "",
            "resolutionSource": first.listing.resolution_source if first else "",
        }
        begun = event.starts_ns or (first.listed_ns if first else now)
        told |= {"startDate": text.stamp(begun), "creationDate": text.stamp(begun)}
        ends = event.ends_ns or max((row.listing.ends_ns or 0 for row in rows), default=0)
        if ends:
            told["endDate"] = text.stamp(ends)
        told |= {"image": "", "icon": "", "active": True, "closed": closed(rows)}
        told |= {"archived": False, "new": False, "featured": False, "restricted": True}
        told |= self._event_figures(rows, now)
        changed = [row.listing.updated_ns or row.listed_ns for row in rows]
        told |= {"createdAt": text.stamp(begun), "updatedAt": text.stamp(max(changed, default=now))}
        told |= {"enableOrderBook": True, "negRisk": event.neg_risk, "commentCount": 0}
        if event.neg_risk:
            told["negRiskMarketID"] = neg_risk_market(event)
        slug = event.series or (series_of(first, event) if first else "")
        if slug:
            told |= {"series": [self.series(slug)], "seriesSlug": slug}
        told |= {"cyom": False, "showAllOutcomes": True, "showMarketImages": True}
        told |= {"enableNegRisk": event.neg_risk, "negRiskAugmented": event.augmented}
        told |= {"automaticallyActive": True, "cumulativeMarkets": False}
        window = first.listing.window if first else None
        if window is not None:
            told["startTime"] = text.stamp(window.start_ns)
        return told | {"pendingDeployment": False, "deploying": False, "requiresTranslation": False}

    def event(self, event: LocalEvent, now: Nanos, *, markets: bool = True) -> Row:
        """Return an event with its tags and, unless told otherwise, its markets."""
        told = self.event_head(event, now)
        rows = self.members(event)
        if markets:
            told["markets"] = [self.market(row, now, event=False) for row in rows]
        told["tags"] = [self.tag(slug) for slug in event_tags(event, rows)]
        return told

    def _event_figures(self, rows: Sequence[LocalMarket], now: Nanos) -> Row:
        day = sum(self.measures.volume_24h(row, now) for row in rows)
        total = sum(self.measures.volume(row) for row in rows)
        rests = sum(self.measures.liquidity(row) for row in rows)
        return {
            "liquidity": text.number(rests),
            "volume": text.number(total),
            "openInterest": 0,
            "competitive": 0,
            "volume24hr": text.number(day),
            "volume1yr": text.number(total),
            "liquidityClob": text.number(rests),
        }

    # --- tags and series -----------------------------------------------------------------------

    def tag(self, slug: str) -> Row:
        """Return a tag."""
        since = text.stamp(self.names.since(slug))
        return {
            "id": str(self.names.tag_number(slug)),
            "label": label(slug),
            "slug": slug,
            "forceShow": False,
            "createdAt": since,
            "updatedAt": since,
            "requiresTranslation": False,
        }

    def series(self, slug: str) -> Row:
        """Return a series, without its events."""
        told: Row = {
            "id": str(self.names.series_number(slug)),
            "ticker": slug,
            "slug": slug,
            "title": label(slug),
            "seriesType": "single",
        }
        recurrence = self.names.recurrence(slug)
        if recurrence:
            told["recurrence"] = recurrence
        since = text.stamp(self.names.since(slug))
        told |= {"image": "", "icon": "", "active": True, "closed": False, "archived": False}
        told |= {"featured": False, "restricted": True, "createdAt": since, "updatedAt": since}
        return told | {"commentCount": 0, "requiresTranslation": False}


def closed(rows: Sequence[LocalMarket]) -> bool:
    """Whether every market of an event is resolved."""
    return bool(rows) and all(row.listing.state == "resolved" for row in rows)


def event_tags(event: LocalEvent, rows: Sequence[LocalMarket]) -> tuple[str, ...]:
    """Return the tags of an event and of its markets, each once."""
    own = [tag for row in rows for tag in row.listing.tags]
    return tuple(dict.fromkeys((*event.tags, *own)))


def group_title(listing: Listing, place: int) -> str:
    """Return what a market is called among the others of its event."""
    return f"Outcome {chr(ord('A') + place % 26)}" if listing.placeholder else listing.market.title


def _starts(row: LocalMarket) -> Nanos:
    opens = row.listing.market.opens_ns
    return row.listed_ns if opens is None else opens


_CONSTANTS: Final[Row] = {
    "automaticallyActive": True,
    "clearBookOnStart": False,
    "showGmpSeries": False,
    "showGmpOutcome": False,
    "manualActivation": False,
    "pendingDeployment": False,
    "deploying": False,
    "rfqEnabled": False,
    "holdingRewardsEnabled": False,
    "pagerDutyNotificationEnabled": False,
    "requiresTranslation": False,
}
