"""One look at the catalogue while its pages come in: rows taken, rows refused and why."""

from __future__ import annotations

from collections import Counter

import msgspec

from underround.model.errors import AnswerRefused
from underround.model.ids import GroupId, MarketId
from underround.model.listing import Found, Listing
from underround.model.market import EventGroup, Resolution
from underround.model.units import Nanos
from underround.venues.polymarket.gamma.listings import DerivesTokens, group_of, listed
from underround.venues.polymarket.gamma.wire import EventHead, EventRow, MarketRow
from underround.venues.polymarket.ids import derive_tokens

_market_row = msgspec.json.Decoder(MarketRow).decode
_event_row = msgspec.json.Decoder(EventRow).decode


class Look:
    """Gathers what Gamma's rows say; a row is taken whole, or counted with its reason."""

    def __init__(
        self, now: Nanos, *, archive: bool = False, derive: DerivesTokens = derive_tokens
    ) -> None:
        """Begin empty; see ``listings.listed`` for the parameters."""
        self._now = now
        self._archive = archive
        self._derive = derive
        self._listings: dict[MarketId, Listing] = {}
        self._groups: dict[GroupId, EventGroup] = {}
        self._resolutions: dict[MarketId, Resolution] = {}
        self._refused: Counter[str] = Counter()

    def market(self, raw: msgspec.Raw, event: EventHead | None = None) -> Listing | None:
        """Take a market's row; ``None``: it was refused and counted.  Never raises.

        A row that comes again (rows move while pages are read) replaces the first.
        """
        try:
            row = _market_row(bytes(raw))
            said = listed(
                row, now=self._now, event=event, archive=self._archive, derive=self._derive
            )
        except (AnswerRefused, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            self._refuse(error)
            return None
        listing = said.listing
        self._listings[listing.market.id] = listing
        self._resolutions.pop(listing.market.id, None)
        if said.resolution is not None:
            self._resolutions[listing.market.id] = said.resolution
        return listing

    def event(self, raw: msgspec.Raw) -> None:
        """Take an event's row with all its markets.  Never raises."""
        try:
            event = _event_row(bytes(raw))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            self._refuse(error)
            return
        read = [self.market(row, event) for row in event.markets]
        members = {each.market.id: each for each in read if each is not None}
        try:
            group = group_of(event, tuple(members.values()), len(read) - len(members))
        except AnswerRefused as error:
            self._refuse(error)
            return
        if group is not None:
            self._groups[group.id] = group

    def _refuse(self, error: Exception) -> None:
        if isinstance(error, AnswerRefused):
            reason = str(error)
        elif isinstance(error, msgspec.ValidationError):
            reason = f"the row has another form: {error}"
        elif isinstance(error, RecursionError):
            reason = "the row is nested too deeply"
        else:
            reason = "the row is no JSON text in UTF-8"
        self._refused[reason] += 1

    def found(self) -> Found:
        """Return what was taken, in the venue's order."""
        return Found(
            tuple(self._listings.values()),
            tuple(self._groups.values()),
            tuple(self._resolutions.values()),
            dict(self._refused),
        )
