"""One examination: which venues are looked at, with which keys, and all their checks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from typing import Final, Self

import msgspec

from underround.app.access import PolygonAccess, PolymarketAccess, VenueAccess
from underround.app.clients import Clients
from underround.app.configuration import Config
from underround.app.connections import OpenKeyStore
from underround.app.doctor import chain, kalshi, machine, polymarket, polymarket_account, references
from underround.app.doctor.checks import Check, Line, Round, Told, lines
from underround.app.doctor.findings import Finding, Verdict, note
from underround.app.doctor.reach import all_loopback, names_in
from underround.app.node_address import open_node_address, reference_in
from underround.model.errors import KeyStoreError, UnderroundError
from underround.model.units import Nanos
from underround.operations.memory import LockedSecret
from underround.operations.secret import SecretRef

MACHINE: Final = machine.NAME
VENUES: Final = (
    polymarket.NAME,
    kalshi.NAME,
    references.BINANCE,
    references.ALLORA,
    chain.NAME,
)
"""In the order in which they are shown, after the machine."""
DEFAULT_TIMEOUT_S: Final = 10.0
_STORED: Final = "keystore:"


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator wants to know."""

    venues: tuple[str, ...] = ()
    """Of ``VENUES`` or ``MACHINE``; empty: the machine and all that are enabled."""
    live: bool = False
    """Judge by what live trading needs."""
    keys: bool = True
    """Whether secrets may be opened."""
    timeout_s: float = DEFAULT_TIMEOUT_S
    """For each check."""


def looked_at(access: VenueAccess, wanted: Wanted) -> tuple[str, ...]:
    """Return what is examined, in order: what was named outright, else all that is enabled."""
    if wanted.venues:
        return tuple(name for name in (MACHINE, *VENUES) if name in wanted.venues)
    return (MACHINE, *(name for name in VENUES if getattr(access, name).enabled))


def stored_keys(access: VenueAccess, wanted: Wanted) -> tuple[str, ...]:
    """Return the names in the key store that this examination needs."""
    if not wanted.keys:
        return ()
    found = (
        value.reference.removeprefix(_STORED)
        for name in looked_at(access, wanted)
        if name != MACHINE
        for value in _references(getattr(access, name))
        if value.reference.startswith(_STORED)
    )
    return tuple(dict.fromkeys(found))


def _references(section: msgspec.Struct) -> Iterator[SecretRef]:
    for field in section.__struct_fields__:
        value = getattr(section, field)
        if isinstance(value, SecretRef):
            yield value
        elif isinstance(value, dict):
            yield from (each for each in value.values() if isinstance(each, SecretRef))
    if isinstance(section, PolygonAccess):
        texts = (*section.rpc, section.gas_station, section.private_rpc)
        yield from filter(None, map(reference_in, texts))


def without_keys(access: VenueAccess) -> VenueAccess:
    """Return the same venues as somebody without an account sees them."""
    stripped = {}
    for name in VENUES:
        section = getattr(access, name)
        held = [
            field
            for field in section.__struct_fields__
            if isinstance(getattr(section, field), SecretRef)
        ]
        stripped[name] = msgspec.structs.replace(section, **dict.fromkeys(held))
    return msgspec.structs.replace(access, **stripped)


def hosts_of_wallet(access: VenueAccess) -> tuple[str, ...]:
    """Return every address at which a wallet's signature could be used."""
    hosts = access.polymarket.hosts
    polygon = access.polygon
    return (
        *(getattr(hosts, field) for field in hosts.__struct_fields__),
        *polygon.rpc,
        polygon.gas_station,
        polygon.private_rpc,
    )


def addresses(access: VenueAccess, wanted: Wanted) -> Iterator[str]:
    """Yield every text of the configuration that may be an address of what is examined."""
    for name in looked_at(access, wanted):
        section = getattr(access, name, None)
        for field in getattr(section, "__struct_fields__", ()):
            yield from _texts(getattr(section, field))


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        yield from (each for each in value if isinstance(each, str))
    elif isinstance(value, msgspec.Struct) and not isinstance(value, SecretRef):
        for field in value.__struct_fields__:
            yield from _texts(getattr(value, field))


class Examination:
    """What will be asked; an async context manager that closes every connection and wipes."""

    def __init__(
        self,
        config: Config,
        wanted: Wanted,
        *,
        keystore: OpenKeyStore | None = None,
        locked: KeyStoreError | None = None,
        clock: Callable[[], Nanos] = time.time_ns,
    ) -> None:
        """``keystore`` opens names of ``stored_keys``; ``locked``: why it could not be opened."""
        access = config.venues
        self._wanted = wanted
        self._clock_settings = config.clock
        self._public = Clients(without_keys(access), clock=clock)
        shut = keystore if locked is None else _shut(locked)
        self._own = Clients(access, keystore=shut, clock=clock)
        self._machine = machine.Machine(
            config,
            clock,
            live=wanted.live,
            keys_needed=bool(stored_keys(access, wanted)),
            locked=locked,
            timeout_s=wanted.timeout_s,
            names=names_in(addresses(access, wanted)),
        )
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self._public)
        await self._stack.enter_async_context(self._own)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def checks(self) -> tuple[Check, ...]:
        """Return every check, in the order in which they are shown."""
        found: list[Check] = []
        for name in looked_at(self._own.access, self._wanted):
            found += self._of(name)
        return tuple(found)

    async def run(self, told: Told, planned: Callable[[tuple[Line, ...]], None]) -> list[Finding]:
        """Run all checks at once; ``planned`` hears of the lines, ``told`` of each finding."""
        checks = self.checks()
        planned(lines(checks))
        round_ = Round(timeout_s=self._wanted.timeout_s, live=self._wanted.live, told=told)
        return list(await round_.run(checks))

    def _of(self, name: str) -> tuple[Check, ...]:
        live, keys, clock = self._wanted.live, self._wanted.keys, self._clock_settings
        if name == MACHINE:
            return self._machine.checks()
        if name == polymarket.NAME:
            public = polymarket.PublicPolymarket(self._public, clock, live=live)
            return (*public.checks(), *self._own_polymarket())
        if name == kalshi.NAME:
            return (
                *kalshi.PublicKalshi(self._public, clock, live=live).checks(),
                *self._own_kalshi(),
            )
        if name == references.BINANCE:
            return references.Binance(self._public, clock, live=live).checks()
        if name == references.ALLORA:
            return references.Allora(self._own, keys=keys).checks()
        own = self._own if keys and self._has_wallet() else None
        return chain.Chain(self._own, own, live=live, keys=keys).checks()

    def _has_wallet(self) -> bool:
        access: PolymarketAccess = self._own.access.polymarket
        return access.wallet is not None and (
            polymarket.NAME in looked_at(self._own.access, self._wanted)
        )

    def _own_polymarket(self) -> tuple[Check, ...]:
        live, access = self._wanted.live, self._own.access
        if access.polymarket.wallet is None:
            return (_said(polymarket.NAME, "wallet", polymarket_account.no_wallet(live=live)),)
        if not self._wanted.keys:
            return (_said(polymarket.NAME, "wallet", _SKIPPED),)
        local = self._all_local()
        return polymarket_account.OwnPolymarket(self._own, live=live, local=local).checks()

    def _all_local(self) -> bool:
        """Whether a signature stays on this machine; a reference that leads nowhere does not."""
        try:
            return all_loopback(
                open_node_address(host, "venues", self._own.secrets)
                for host in hosts_of_wallet(self._own.access)
            )
        except UnderroundError:
            return False

    def _own_kalshi(self) -> tuple[Check, ...]:
        live, access = self._wanted.live, self._own.access
        if access.kalshi.private_key is None:
            return (_said(kalshi.NAME, "key", kalshi.no_key(live=live)),)
        if not self._wanted.keys:
            return (_said(kalshi.NAME, "key", _SKIPPED),)
        return kalshi.OwnKalshi(self._own, live=live).checks()


_SKIPPED: Final = note("not asked: --no-keys leaves every key where it is")


def _said(venue: str, subject: str, verdict: Verdict) -> Check:
    async def say() -> Verdict:
        return verdict

    return Check(venue, subject, say)


def _shut(error: KeyStoreError) -> OpenKeyStore:
    def refuse(name: str) -> LockedSecret:
        raise KeyStoreError(f"keystore:{name} is not open: {error}")

    return refuse
