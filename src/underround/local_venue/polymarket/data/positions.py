"""Positions, holders and values of wallets: sizes from custody, costs from the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from underround.local_venue.catalogue import LocalMarket
from underround.local_venue.polymarket.data.basis import Basis
from underround.local_venue.polymarket.data.ledger import DataLedger
from underround.local_venue.polymarket.data.query import DataQuery, DataRefused, Key
from underround.local_venue.polymarket.data.rows import Row, position_row
from underround.local_venue.polymarket.gamma import text
from underround.local_venue.polymarket.gamma.measures import Measures
from underround.local_venue.world import World
from underround.model.ids import NO, POLYMARKET, YES, MarketId, OutcomeId
from underround.model.units import ONE, Money, Price, Size
from underround.simulation.matching.custody import BURNT
from underround.simulation.matching.terms import AccountId
from underround.venues.ethereum import keccak

STATUSES: Final = ("OPEN", "REDEEMABLE", "REDEEMABLE_LOST", "MERGEABLE", "CLOSED")
SORTS: Final = (
    "CURRENT_VALUE",
    "PRICE",
    "TOKENS",
    "UNREALIZED_PNL",
    "REALIZED_PNL",
    "TOTAL_PNL",
    "TIMESTAMP",
)
_DUST: Final[Size] = 100_000
"""Below a tenth of a share a position is left out unless it is asked for."""
_MOST_HOLDERS: Final = 500


class Held(msgspec.Struct, frozen=True):
    """One outcome of one wallet."""

    wallet: AccountId
    outcome: OutcomeId
    size: Size
    price: Price
    basis: Basis
    mergeable: bool
    resolved: bool

    @property
    def value(self) -> Money:
        """What it is worth."""
        return self.size * self.price // ONE

    @property
    def unrealized(self) -> Money:
        """What it is worth beyond what it cost."""
        basis = self.basis
        paid = (basis.cost + basis.fees) * self.size // basis.size if basis.size else 0
        return self.value - paid

    def measure(self, sort: str) -> int:
        """Return what it is sorted by."""
        return {
            "CURRENT_VALUE": self.value,
            "PRICE": self.price,
            "TOKENS": self.size,
            "UNREALIZED_PNL": self.unrealized,
            "REALIZED_PNL": self.basis.realized,
            "TOTAL_PNL": self.basis.realized + self.unrealized,
            "TIMESTAMP": self.basis.last_ns,
        }[sort]

    @property
    def place(self) -> int:
        """A number of its own, the same on every page."""
        return int.from_bytes(keccak(f"{self.wallet} {self.outcome}".encode())[:8], "big")


class Positions:
    """Looks wallets up."""

    def __init__(self, world: World, ledger: DataLedger, measures: Measures) -> None:
        """``measures`` says what shares are worth."""
        self._world = world
        self._ledger = ledger
        self._measures = measures

    # --- positions -----------------------------------------------------------------------------

    def listed(self, query: DataQuery) -> tuple[list[Row], dict[str, Any]]:
        """Return a page of ``/v2/positions``."""
        wallet, conditions = query.wallet(needed=False), query.conditions()
        status = query.word("status", STATUSES) or "OPEN"
        if wallet is None and len(conditions) != 1:
            raise DataRefused("provide 'user' or exactly one 'condition'", "user")
        if wallet is None and status in {"REDEEMABLE_LOST", "MERGEABLE"}:
            raise DataRefused(f"status {status} requires 'user'", "status")
        usual = {"CLOSED": "REALIZED_PNL", "MERGEABLE": "TOKENS"}.get(status, "CURRENT_VALUE")
        sort = query.word("sort_by", SORTS) or usual
        direction = query.word("sort_direction", ("ASC", "DESC")) or "DESC"
        found = [
            held
            for held in self._all(wallet, conditions)
            if _is(held, status) and self._wanted(held, query, status)
        ]
        sign = 1 if direction == "DESC" else -1

        def key(held: Held) -> Key:
            return sign * held.measure(sort), held.place

        page, pagination = query.page(found, key, cohort=f"{status} {sort} {direction}")
        return [self._row(held) for held in page], pagination

    def _row(self, held: Held) -> Row:
        return position_row(
            self._world,
            held.wallet,
            held.outcome,
            held.size,
            held.basis,
            held.price,
            mergeable=held.mergeable,
        )

    def _all(self, wallet: AccountId | None, conditions: frozenset[str]) -> Iterator[Held]:
        if wallet is not None:
            yield from self.of(wallet, conditions)
            return
        for account in list(self._world.polymarket.custody.accounts()):
            if account != BURNT:
                yield from self.of(account, conditions)

    def of(self, wallet: AccountId, conditions: frozenset[str] = frozenset()) -> Iterator[Held]:
        """Yield what a wallet holds or held, of the markets asked for."""
        custody = self._world.polymarket.custody
        held = {outcome for outcome, _ in custody.assets(wallet) if outcome is not None}
        for outcome in sorted(held | self._ledger.outcomes(wallet)):
            if conditions and outcome.market.native not in conditions:
                continue
            row = self._world.catalogue.markets.get(outcome.market)
            if row is not None and outcome.market.venue == POLYMARKET:
                yield self._held(wallet, outcome, row)

    def _held(self, wallet: AccountId, outcome: OutcomeId, row: LocalMarket) -> Held:
        custody = self._world.polymarket.custody
        size = custody.balance(wallet, outcome)
        opposite = custody.balance(wallet, OutcomeId(outcome.market, 1 - outcome.index))
        return Held(
            wallet,
            outcome,
            size,
            self.price(row, outcome.index),
            self._ledger.basis(wallet, outcome),
            bool(size and opposite) and row.resolution is None,
            row.resolution is not None,
        )

    def price(self, row: LocalMarket, index: int) -> Price:
        """Return what a share of an outcome is worth now."""
        if row.resolution is not None:
            return row.resolution.payouts[index]
        yes = self._measures.price(row)
        return yes if index == YES else ONE - yes

    def _wanted(self, held: Held, query: DataQuery, status: str) -> bool:
        row = self._world.catalogue.markets[held.outcome.market]
        title = (query.word("title") or "").strip().lower()
        if title and title not in row.listing.market.title.lower():
            return False
        events = query.words("event_id")
        if events and str(self._world.catalogue.events[row.event].id) not in events:
            return False
        first, last = query.second("start"), query.second("end")
        if first is not None and not held.basis.last_ns >= first:
            return False
        if last is not None and not 0 < held.basis.last_ns <= last:
            return False
        return status == "CLOSED" or _large(held, query)

    def value(self, wallet: AccountId, conditions: frozenset[str]) -> Money:
        """Return what a wallet's positions are worth."""
        return sum(held.value for held in self.of(wallet, conditions))

    # --- holders -------------------------------------------------------------------------------

    def holders(self, query: DataQuery) -> tuple[list[Row], dict[str, Any]]:
        """Return a page of ``/v2/holders``: the holders of each outcome asked for."""
        conditions = query.conditions()
        if not conditions:
            raise DataRefused("required query param 'condition' not provided", "condition")
        least = query.micros("min_balance") or 1
        markets = [MarketId(POLYMARKET, native) for native in sorted(conditions)]
        known = [each for each in markets if each in self._world.catalogue.markets]
        outcomes = [OutcomeId(market, index) for market in known for index in (YES, NO)]
        numbered = list(enumerate(outcomes))
        page, pagination = query.page(numbered, lambda each: (-each[0],))
        profit = query.truth("include_pnl", default=False)
        return [self._outcome_holders(each, least, profit=profit) for _, each in page], pagination

    def _outcome_holders(self, outcome: OutcomeId, least: Size, *, profit: bool) -> Row:
        row = self._world.catalogue.markets[outcome.market]
        accounts = self._world.polymarket.custody.accounts()
        found = [
            held
            for account in list(accounts)
            if account != BURNT and (held := self._held(account, outcome, row)).size >= least
        ]
        found.sort(key=lambda held: (-held.size, held.place))
        token = row.listing.market.tokens[outcome.index]
        rows = [_holder(held, token, profit=profit) for held in found[:_MOST_HOLDERS]]
        return {"token_id": token, "holders": rows}


def _is(held: Held, status: str) -> bool:
    """Whether a position is among those of a status; ``OPEN`` is whatever is held."""
    if status == "CLOSED":
        return not held.size and bool(held.basis.bought)
    if not held.size:
        return False
    return {
        "OPEN": True,
        "MERGEABLE": held.mergeable,
        "REDEEMABLE": held.resolved and held.price > 0,
        "REDEEMABLE_LOST": held.resolved and not held.price,
    }[status]


def _large(held: Held, query: DataQuery) -> bool:
    kind = query.word("filter_type", ("TOKENS", "CASH"))
    least = query.micros("filter_amount")
    if kind is None and least is None:
        return held.size >= _DUST
    measured = held.value if kind == "CASH" else held.size
    return measured >= (least or 0)


def _holder(held: Held, token: str, *, profit: bool) -> Row:
    told: Row = {
        "proxy_wallet": held.wallet.lower(),
        "token_id": token,
        "amount": text.number(held.size),
        "outcome_index": held.outcome.index,
        "display_username_public": False,
        "verified": False,
        "name": "",
        "pseudonym": "",
        "bio": "",
        "profile_image": "",
        "profile_image_optimized": "",
    }
    if profit:
        told |= {
            "avg_price": text.quotient(held.basis.cost, held.basis.size),
            "current_price": text.number(held.price),
            "current_value": text.number(held.value),
            "realized_pnl": text.number(held.basis.realized),
            "unrealized_pnl": text.number(held.unrealized),
            "total_pnl": text.number(held.basis.realized + held.unrealized),
        }
    return told
