"""Kalshi: the exchange and its shards, its clock, our key, rate tier and cash."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from underround.app.access import ClockSettings
from underround.app.clients import Clients
from underround.app.doctor.checks import Check
from underround.app.doctor.clocks import date_ns, judge_skew, skew_of
from underround.app.doctor.findings import (
    Verdict,
    dollars,
    failed,
    hinders_live,
    not_set_up,
    note,
    ok,
    warning,
)
from underround.app.doctor.reach import examine_hosts
from underround.model.frames import NANOS_PER_SECOND
from underround.model.units import Nanos
from underround.venues.kalshi.account_answers import AccountLimits
from underround.venues.kalshi.answers import ExchangeStatus, Schedule
from underround.venues.kalshi.hosts import API
from underround.venues.kalshi.limits import TIERS
from underround.venues.kalshi.portfolio_answers import AccountBalance
from underround.venues.kalshi.rest import KalshiRest
from underround.venues.kalshi.sign import key_type

NAME: Final = "kalshi"
_DAY_NS: Final = 86_400 * NANOS_PER_SECOND


class PublicKalshi:
    """The checks that need no key."""

    def __init__(self, clients: Clients, clock: ClockSettings, *, live: bool) -> None:
        self._clients = clients
        self._rest = clients.kalshi()
        self._clock = clock
        self._live = live

    def checks(self) -> tuple[Check, ...]:
        """Return the lines in order."""
        return (
            Check(NAME, "exchange", self.exchange),
            Check(NAME, "schedule", self.schedule),
            Check(NAME, "clock", self.clock),
            Check(NAME, "stream", self.stream),
        )

    async def exchange(self) -> Verdict:
        """Ask whether the exchange and its shards take orders."""
        return judge_exchange(await self._rest.markets.exchange_status(), live=self._live)

    async def schedule(self) -> Verdict:
        """Ask for announced pauses."""
        return judge_schedule(await self._rest.markets.schedule(), self._clients.clock())

    async def clock(self) -> Verdict:
        """Compare clocks by the ``Date`` of an answer: there is no request for the time."""
        path = f"{API}/exchange/status"
        sent_ns = self._clients.clock()
        reply = await self._clients.http(self._clients.access.kalshi.rest).send("GET", path)
        received_ns = self._clients.clock()
        told_ns = date_ns(reply.headers, f"Kalshi GET {path}")
        skew = skew_of(told_ns, sent_ns, received_ns, step_ns=NANOS_PER_SECOND)
        return judge_skew(skew, "Kalshi's", self._clock, live=self._live)

    async def stream(self) -> Verdict:
        """Look whether the WebSocket's host accepts connections."""
        return await examine_hosts({"stream": self._clients.access.kalshi.stream})


class OwnKalshi:
    """The checks of a configured key."""

    def __init__(self, clients: Clients, *, live: bool) -> None:
        self._clients = clients
        self._live = live
        self._rest: KalshiRest | None = None
        self._limits: AccountLimits | None = None

    def checks(self) -> tuple[Check, ...]:
        """Return the lines in order."""
        private = (Check(NAME, "rate tier", self.tier), Check(NAME, "balance", self.balance))
        credentials = Check(NAME, "credentials", self.credentials, private)
        return (Check(NAME, "key", self.key, (credentials,)),)

    async def key(self) -> Verdict:
        """Open the key and say of which type it is."""
        reference = self._clients.access.kalshi.private_key
        assert reference is not None
        kind = key_type(self._clients.secrets.open(reference))
        self._rest = self._clients.kalshi()
        return ok(f"{kind} key")

    async def credentials(self) -> Verdict:
        """Prove the key with a private read."""
        assert self._rest is not None
        self._limits = await self._rest.portfolio.limits()
        return ok("the key works")

    async def tier(self) -> Verdict:
        """Compare our tier with the configured one."""
        assert self._limits is not None
        return judge_tier(self._limits, self._clients.access.kalshi.tier)

    async def balance(self) -> Verdict:
        """Ask for the cash and where it lies."""
        assert self._rest is not None
        return judge_balance(await self._rest.portfolio.balance())


def no_key(*, live: bool) -> Verdict:
    """Say that there is no account."""
    return not_set_up(
        "no key is configured: public requests only, and no stream (it wants a key for all data)",
        "underround keys add kalshi --kind kalshi --from-file FILE, then venues.kalshi.key_id and "
        "venues.kalshi.private_key",
        live=live,
    )


def judge_exchange(status: ExchangeStatus, *, live: bool) -> Verdict:
    """Say where orders are taken now."""
    resume = status.exchange_estimated_resume_time
    until = "" if resume is None else f", expected back at {_moment(resume)}"
    remedy = "wait; the venue's status page says more"
    if not status.exchange_active:
        return hinders_live(f"the exchange is down{until}", remedy, live=live, later=True)
    if not status.trading_active:
        return hinders_live(
            f"trading is paused on the whole exchange{until}", remedy, live=live, later=True
        )
    shards = sorted(each.exchange_index for each in status.exchange_index_statuses)
    paused = [str(shard) for shard in shards if not status.trades_on(shard)]
    if len(paused) == len(shards) and shards:
        told = f"trading is paused on every shard{until}"
        return hinders_live(told, remedy, live=live, later=True)
    if paused:
        told = f"trading is paused on shard {' and '.join(paused)} of {len(shards)}{until}"
        return warning(told, f"orders on other shards work; {remedy}")
    return ok(f"active, trading on all {len(shards)} shards" if shards else "active, trading")


def judge_schedule(schedule: Schedule, now: Nanos) -> Verdict:
    """Name the announced pauses of the next day."""
    near = [
        window
        for window in schedule.maintenance_windows
        if window.end_datetime > now and window.start_datetime < now + _DAY_NS
    ]
    if not near:
        return ok("no pause is announced for the next 24 hours")
    told = ", ".join(f"{_moment(w.start_datetime)} to {_moment(w.end_datetime)}" for w in near)
    return note(f"announced pauses: {told}", "orders that rest are not matched meanwhile")


def judge_tier(limits: AccountLimits, configured: str) -> Verdict:
    """Compare the account's tier and its buckets with what is configured."""
    actual = limits.usage_tier.lower()
    told = (
        f"{actual[:40]}: {limits.read.refill_rate} read and {limits.write.refill_rate} write "
        "tokens per second"
    )
    if actual == configured:
        table = TIERS[configured]
        if (limits.read.refill_rate, limits.write.refill_rate) < (
            table.read_per_s,
            table.write_per_s,
        ):
            return warning(
                f"{told}, fewer than the {table.read_per_s} and {table.write_per_s} we reckon with",
                "update the program, or configure a lower venues.kalshi.tier",
            )
        return ok(told)
    ranks = list(TIERS)
    if actual not in TIERS:
        return warning(
            f"{told}; this tier is not known and {configured} is configured",
            "compare the two rates, and update the program",
        )
    remedy = f'set venues.kalshi.tier = "{actual}"'
    if ranks.index(actual) < ranks.index(configured):
        return warning(f"{told}, but {configured} is configured: we would ask too fast", remedy)
    return note(f"{told}, but {configured} is configured: we ask slower than we may", remedy)


def judge_balance(balance: AccountBalance) -> Verdict:
    """Say what cash there is and on which shards: an order uses only its own shard's."""
    shards = {shard: money for shard, money in sorted(balance.by_shard.items()) if money}
    told = dollars(balance.cash.amount)
    if shards:
        parts = (f"{dollars(money)} on shard {shard}" for shard, money in shards.items())
        told += f" ({', '.join(parts)})"
    if balance.cash.amount < 0:
        return failed(f"{told}: the account owes money", "settle it with the venue")
    if balance.cash.amount == 0:
        return warning(f"{told}: nothing can be bought", "fund the account")
    return ok(told)


def _moment(at_ns: Nanos) -> str:
    return f"{datetime.fromtimestamp(at_ns // NANOS_PER_SECOND, UTC):%Y-%m-%d %H:%M}Z"
