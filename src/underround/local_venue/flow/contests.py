"""Events that go on for hours: groups of outcomes that exclude each other, and games."""

from __future__ import annotations

from functools import partial
from typing import Final

from underround.local_venue.flow.belief import Match, Weights
from underround.local_venue.flow.chance import Chance
from underround.local_venue.flow.listings import (
    GAME_FEES,
    GAME_REBATE,
    Draft,
    polymarket_listing,
)
from underround.local_venue.flow.lives import NO_WINS, YES_WINS, Lives
from underround.local_venue.flow.terms import GameTerms, GroupTerms
from underround.model.frames import NANOS_PER_SECOND
from underround.model.ids import POLYMARKET, GroupId, MarketId
from underround.model.units import Nanos

_BREATH: Final[Nanos] = 5 * NANOS_PER_SECOND
"""From the end of an event to its resolution, and from there to the next edition."""
_SECOND: Final[Nanos] = NANOS_PER_SECOND


class Group:
    """A neg-risk event, edition after edition."""

    def __init__(self, lives: Lives, terms: GroupTerms) -> None:
        """Nothing is listed yet."""
        self._lives = lives
        self._world = lives.world
        self._terms = terms
        self._edition = 0
        self._markets: list[MarketId] = []
        self._ends: Nanos = 0

    def begin(self, now: Nanos) -> None:
        """List the next edition: one market for each outcome."""
        self._edition += 1
        terms, ends = self._terms, now + self._terms.lasts
        slug = terms.slug if self._edition == 1 else f"{terms.slug}-{self._edition}"
        chance = Chance(f"group {slug}", self._world.seed)
        weights = Weights(len(terms.outcomes), int(terms.restless), chance)
        group = GroupId(f"{POLYMARKET}:{slug}")
        event = self._world.catalogue.add_event(
            slug, terms.title, group=group, neg_risk=True, tags=("events",), ends_ns=ends
        )
        self._markets = []
        for place, outcome in enumerate(terms.outcomes):
            draft = Draft(
                slug=f"{slug}-{_slug(outcome)}-{place + 1}",
                title=f"{terms.title} {outcome}",
                rules=(
                    f'This market resolves to "Yes" if the answer to "{terms.title}" is {outcome}, '
                    'and otherwise to "No". Exactly one of the markets of this event resolves to '
                    '"Yes".'
                ),
                group=group,
                neg_risk=True,
                opens_ns=now,
                ends_ns=ends,
                tags=("events",),
            )
            listing, question = polymarket_listing(draft, event)
            self._markets.append(
                self._lives.begin(
                    event,
                    listing,
                    question,
                    terms.crowd,
                    partial(weights.likely, place),
                    now,
                )
            )
        self._ends = ends
        self._live(weights, now)

    def _live(self, weights: Weights, now: Nanos) -> None:
        if now >= self._ends:
            for market in self._markets:
                self._lives.close(market, now)
            self._world.agenda.plan(now + _BREATH, lambda at: self._end(weights, at))
            return
        weights.step()
        self._world.agenda.plan(now + _SECOND, lambda at: self._live(weights, at))

    def _end(self, weights: Weights, now: Nanos) -> None:
        winner = weights.draw()
        for place, market in enumerate(self._markets):
            payouts = YES_WINS if place == winner else NO_WINS
            self._lives.end(market, payouts, "local venue", now)
        self._world.agenda.plan(now + _BREATH, self.begin)


class Games:
    """One fixture, game after game."""

    def __init__(self, lives: Lives, terms: GameTerms) -> None:
        """Nothing is listed yet."""
        self._lives = lives
        self._world = lives.world
        self._terms = terms
        self._number = 0

    def begin(self, now: Nanos) -> None:
        """List the next game."""
        self._number += 1
        terms = self._terms
        starts = now + terms.starts_after
        ends = starts + terms.lasts
        slug = terms.slug if self._number == 1 else f"{terms.slug}-{self._number}"
        match = Match(terms.goals, starts, ends, Chance(f"game {slug}", self._world.seed))
        title = f"{terms.home} vs. {terms.away}"
        draft = Draft(
            slug=slug,
            title=title,
            outcomes=(terms.home, terms.away),
            rules=(
                f"This market resolves to the winner of {title}. A draw is decided by a penalty "
                "shoot-out."
            ),
            fees=GAME_FEES,
            rebate=GAME_REBATE,
            delay_ms=terms.delay_ms,
            opens_ns=now,
            ends_ns=ends,
            game_starts_ns=starts,
            tags=("sports",),
        )
        listing, question = polymarket_listing(draft)
        event = self._world.catalogue.add_event(
            slug, title, tags=("sports",), starts_ns=starts, ends_ns=ends
        )
        market = self._lives.begin(event, listing, question, terms.crowd, match.likely, now)
        self._world.agenda.plan(starts + _SECOND, lambda at: self._play(match, market, ends, at))

    def _play(self, match: Match, market: MarketId, ends: Nanos, now: Nanos) -> None:
        match.play(_SECOND)
        if now < ends:
            self._world.agenda.plan(now + _SECOND, lambda at: self._play(match, market, ends, at))
            return
        self._lives.close(market, now)
        self._world.agenda.plan(now + _BREATH, lambda at: self._end(match, market, at))

    def _end(self, match: Match, market: MarketId, now: Nanos) -> None:
        payouts = YES_WINS if match.home_wins() else NO_WINS
        self._lives.end(market, payouts, "local venue", now)
        self._world.agenda.plan(now + _BREATH, self.begin)


def _slug(words: str) -> str:
    """Return words as a slug; other letters than those of ASCII are left out."""
    kept = "".join(each if each.isascii() and each.isalnum() else "-" for each in words.lower())
    return "-".join(part for part in kept.split("-") if part) or "other"
