"""Double entry in several commodities, with finality.

Every transaction is a list of postings ``(account, commodity, amount)`` that sums to zero in each
commodity: dollars of a venue's currency and shares of each outcome are never created or destroyed,
they move between our accounts and the world's.

Accounts of ours: ``cash``, ``shares.matched`` (a match that may still fail), ``shares.confirmed``
(owned).  Accounts of the world: ``market`` (counterparties), ``fees``, ``issuer`` (mints, merges
and pays out complete sets), ``opening`` (where the first dollars came from).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, TypeAlias

import msgspec

from underround.model.errors import Bug, Imbalance
from underround.model.ids import FillId, MarketId, OutcomeId
from underround.model.orders import Fill
from underround.model.units import ONE, Money, Nanos, Price, Size, cost_of, proceeds_of

Account: TypeAlias = Literal[
    "cash", "shares.matched", "shares.confirmed", "market", "fees", "issuer", "opening"
]
OURS: tuple[Account, ...] = ("cash", "shares.matched", "shares.confirmed")

Commodity: TypeAlias = str
"""``cash:<venue>:<currency>`` or ``share:<outcome>``."""

EntryKind: TypeAlias = Literal["opening", "fill", "confirm", "reverse", "mint", "merge", "settle"]


def cash(venue: str, currency: str) -> Commodity:
    """Return the commodity of a venue's money: a Kalshi dollar is not a pUSD."""
    return f"cash:{venue}:{currency}"


def share(outcome: OutcomeId) -> Commodity:
    """Return the commodity of one outcome's shares."""
    return f"share:{outcome}"


class Posting(msgspec.Struct, frozen=True, gc=False):
    """``amount`` (millionths) moves into ``account``; negative: out of it."""

    account: Account
    commodity: Commodity
    amount: int


class Entry(msgspec.Struct, frozen=True):
    """One balanced transaction."""

    seq: int
    at_ns: Nanos
    kind: EntryKind
    cause: str
    """Id of the fill, intent or market that caused it."""
    postings: tuple[Posting, ...]


class Holding(msgspec.Struct):
    """Shares of one outcome with what they cost; cost includes fees."""

    matched: Size = 0
    confirmed: Size = 0
    cost: Money = 0
    """Of all shares."""
    realised: Money = 0
    matched_cost: Money = 0
    """Of the matched shares alone: what is sold, merged or paid out leaves it alone."""

    @property
    def total(self) -> Size:
        """Shares matched and confirmed."""
        return self.matched + self.confirmed

    def basis(self, size: Size) -> Money:
        """Return what ``size`` of the confirmed shares cost, on average, rounded down."""
        return (self.cost - self.matched_cost) * size // self.confirmed if self.confirmed else 0


class _Booked(msgspec.Struct, frozen=True):
    fill: Fill
    currency: Commodity
    cost_change: Money
    realised_change: Money


class Ledger:
    """The books of one run.  Every change returns the ``Entry`` to journal.

    Raises ``Imbalance`` when a transaction does not sum to zero: a bug, never an input error.
    """

    def __init__(self) -> None:
        """Make an empty ledger."""
        self._balances: dict[tuple[Account, Commodity], int] = {}
        self._holdings: dict[OutcomeId, Holding] = {}
        self._pending: dict[FillId, _Booked] = {}
        self._final: set[FillId] = set()
        self._seq = 0
        self.fees_paid: Money = 0

    # --- reading -------------------------------------------------------------------------------

    def balance(self, account: Account, commodity: Commodity) -> int:
        """Return what an account holds of a commodity, in millionths."""
        return self._balances.get((account, commodity), 0)

    def cash_total(self) -> Money:
        """Return the sum of our cash over all venues: for display, dollars of venues differ."""
        return sum(
            amount
            for (account, commodity), amount in self._balances.items()
            if account == "cash" and commodity.startswith("cash:")
        )

    def cash_by_commodity(self) -> dict[Commodity, Money]:
        """Return our cash per venue and currency."""
        return {
            commodity: amount
            for (account, commodity), amount in self._balances.items()
            if account == "cash"
        }

    @property
    def holdings(self) -> Mapping[OutcomeId, Holding]:
        """What we hold, by outcome."""
        return self._holdings

    def holding(self, outcome: OutcomeId) -> Holding:
        """Return what we hold of ``outcome`` (an empty holding if nothing)."""
        return self._holdings.get(outcome) or Holding()

    def imbalance(self) -> dict[Commodity, int]:
        """Return the commodities whose accounts do not sum to zero: always empty."""
        sums: dict[Commodity, int] = {}
        for (_, commodity), amount in self._balances.items():
            sums[commodity] = sums.get(commodity, 0) + amount
        return {commodity: amount for commodity, amount in sums.items() if amount}

    # --- writing -------------------------------------------------------------------------------

    def open(self, commodity: Commodity, amount: Money, at_ns: Nanos) -> Entry:
        """Book the money a run starts with."""
        return self._post(
            at_ns,
            "opening",
            commodity,
            (Posting("cash", commodity, amount), Posting("opening", commodity, -amount)),
        )

    def fill(self, fill: Fill, currency: Commodity) -> Entry:
        """Book a matched fill: shares and money move at once, the shares as ``matched``.

        A sale takes confirmed shares; matched ones are not ours to sell (``Bug``), and no fill is
        booked twice (``Bug``).
        """
        if fill.id in self._pending or fill.id in self._final:
            raise Bug(f"fill {fill.id} is booked already")
        held = self._holdings.setdefault(fill.outcome, Holding())
        if fill.side == "buy":
            paid = cost_of(fill.price, fill.size)
            account: Account = "shares.matched"
            moved, cash_change = fill.size, -paid
            held.matched += fill.size
            held.matched_cost += paid + fill.fee
            cost_change, realised = paid + fill.fee, 0
        else:
            if fill.size > held.confirmed:
                raise Bug(f"fill {fill.id} sells {fill.size}, {held.confirmed} are confirmed")
            received = proceeds_of(fill.price, fill.size)
            account = "shares.confirmed"
            moved, cash_change = -fill.size, received
            basis = held.basis(fill.size)
            held.confirmed -= fill.size
            cost_change, realised = -basis, received - fill.fee - basis
        held.cost += cost_change
        held.realised += realised
        self.fees_paid += fill.fee
        self._pending[fill.id] = _Booked(fill, currency, cost_change, realised)
        return self._post(
            fill.at_ns,
            "fill",
            fill.id,
            (
                Posting(account, share(fill.outcome), moved),
                Posting("market", share(fill.outcome), -moved),
                Posting("cash", currency, cash_change - fill.fee),
                Posting("market", currency, -cash_change),
                Posting("fees", currency, fill.fee),
            ),
        )

    def is_pending(self, fill: FillId) -> bool:
        """Return whether a fill is booked and neither confirmed nor failed."""
        return fill in self._pending

    def confirm(self, fill_id: FillId, at_ns: Nanos) -> Entry | None:
        """Make a matched fill final.  ``None`` if it is final already; ``KeyError`` if unknown."""
        booked = self._take(fill_id)
        if booked is None or booked.fill.side == "sell":
            return None
        fill = booked.fill
        held = self._holdings[fill.outcome]
        held.matched -= fill.size
        held.matched_cost -= booked.cost_change
        held.confirmed += fill.size
        return self._post(
            at_ns,
            "confirm",
            fill_id,
            (
                Posting("shares.matched", share(fill.outcome), -fill.size),
                Posting("shares.confirmed", share(fill.outcome), fill.size),
            ),
        )

    def fail(self, fill_id: FillId, at_ns: Nanos) -> Entry | None:
        """Reverse a matched fill that failed to settle, to the last micro-dollar."""
        booked = self._take(fill_id)
        if booked is None:
            return None
        fill, currency = booked.fill, booked.currency
        held = self._holdings[fill.outcome]
        if fill.side == "buy":
            held.matched -= fill.size
            held.matched_cost -= booked.cost_change
            moved, cash_change = -fill.size, cost_of(fill.price, fill.size)
            account: Account = "shares.matched"
        else:
            held.confirmed += fill.size
            moved, cash_change = fill.size, -proceeds_of(fill.price, fill.size)
            account = "shares.confirmed"
        held.cost -= booked.cost_change
        held.realised -= booked.realised_change
        self.fees_paid -= fill.fee
        return self._post(
            at_ns,
            "reverse",
            fill_id,
            (
                Posting(account, share(fill.outcome), moved),
                Posting("market", share(fill.outcome), -moved),
                Posting("cash", currency, cash_change + fill.fee),
                Posting("market", currency, -cash_change),
                Posting("fees", currency, -fill.fee),
            ),
        )

    def change_sets(
        self,
        outcomes: Iterable[OutcomeId],
        size: Size,
        currency: Commodity,
        at_ns: Nanos,
        cause: str,
    ) -> Entry:
        """Mint ``size`` complete sets for one dollar each; negative ``size`` merges them back.

        The dollar is spread over the outcomes as cost, so that no profit appears from minting.
        """
        members = tuple(outcomes)
        for outcome in members:  # all of them, before anything of the first is booked
            owned = self.holding(outcome).confirmed
            if owned + size < 0:
                raise Bug(f"{cause} merges {-size} sets, {owned} of {outcome} are owned")
        postings = [Posting("cash", currency, -size), Posting("issuer", currency, size)]
        for outcome, part in zip(members, self._parts(members, size), strict=True):
            held = self._holdings.setdefault(outcome, Holding())
            if size > 0:
                held.cost += part
            else:
                basis = held.basis(-size)
                held.cost -= basis
                held.realised += part - basis
            held.confirmed += size
            postings.append(Posting("shares.confirmed", share(outcome), size))
            postings.append(Posting("issuer", share(outcome), -size))
        return self._post(at_ns, "mint" if size > 0 else "merge", cause, tuple(postings))

    def _parts(self, members: tuple[OutcomeId, ...], size: Size) -> list[Money]:
        """Split the dollars of ``size`` sets over the members: evenly, or as they cost."""
        weights = [1] * len(members)
        if size < 0:
            basis = [self.holding(outcome).basis(-size) for outcome in members]
            weights = basis if sum(basis) > 0 else weights
        dollars, whole, parts = abs(size), sum(weights), []
        for weight in weights:
            part = dollars * weight // whole if whole else 0
            parts.append(part)
            dollars, whole = dollars - part, whole - weight
        return parts

    def settle(
        self,
        market: MarketId,
        payouts: tuple[Price, Price],
        currency: Commodity,
        at_ns: Nanos,
        promised: tuple[Size, Size] = (0, 0),
    ) -> Entry | None:
        """Pay out what is confirmed of a resolved market; the shares go back to the issuer.

        Shares that are only matched, and those ``promised`` to sales or merges under way, stay:
        call again when that is decided.  ``None``: nothing was there to pay.
        """
        postings: list[Posting] = []
        total = 0
        for index, payout in enumerate(payouts):
            outcome = OutcomeId(market, index)
            held = self._holdings.get(outcome)
            size = 0 if held is None else held.confirmed - promised[index]
            if held is None or size <= 0:
                continue
            paid = payout * size // ONE
            basis = held.basis(size)
            total += paid
            held.realised += paid - basis
            held.cost -= basis
            postings += [
                Posting("shares.confirmed", share(outcome), -size),
                Posting("issuer", share(outcome), size),
            ]
            held.confirmed -= size
        if not postings:
            return None
        postings += [Posting("cash", currency, total), Posting("issuer", currency, -total)]
        return self._post(at_ns, "settle", str(market), tuple(postings))

    def _take(self, fill_id: FillId) -> _Booked | None:
        if fill_id in self._final:
            return None
        booked = self._pending.pop(fill_id)
        self._final.add(fill_id)
        return booked

    def _post(
        self, at_ns: Nanos, kind: EntryKind, cause: str, postings: tuple[Posting, ...]
    ) -> Entry:
        sums: dict[Commodity, int] = {}
        for posting in postings:
            sums[posting.commodity] = sums.get(posting.commodity, 0) + posting.amount
        if any(sums.values()):
            raise Imbalance(f"{kind} of {cause} does not sum to zero: {sums}")
        kept = tuple(posting for posting in postings if posting.amount)
        for posting in kept:
            key = (posting.account, posting.commodity)
            self._balances[key] = self._balances.get(key, 0) + posting.amount
        self._seq += 1
        return Entry(self._seq, at_ns, kind, cause, kept)
