"""The whole local venue, running: a world, its flow, its servers, and where they are."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, Self

import msgspec

from underround.local_venue.chain.local_chain import ChainTerms, LocalChain
from underround.local_venue.chain.packages import Tools
from underround.local_venue.clock import RunningClock
from underround.local_venue.control import Control
from underround.local_venue.endpoints import Endpoints, KalshiMember
from underround.local_venue.faults import AnyFault
from underround.local_venue.flow.flow import Flow
from underround.local_venue.flow.scene import Scene, SceneRecording
from underround.local_venue.kalshi.desk import KalshiDesk
from underround.local_venue.kalshi.members import KeyKind, ready_made
from underround.local_venue.kalshi.verify import LARGEST_SKEW_MS
from underround.local_venue.net.http_host import HttpHost
from underround.local_venue.net.socket_host import SocketHost
from underround.local_venue.participants import NAMES, Participant, move_in
from underround.local_venue.polymarket.clob.auth import WINDOW_NS
from underround.local_venue.polymarket.clob.server import ClobServer
from underround.local_venue.polymarket.streams.published import PublishedBooks
from underround.local_venue.pump import pump
from underround.local_venue.references.binance_market import SpotMarket
from underround.local_venue.roster import Roster
from underround.local_venue.servers import Parts, endpoints_of, servers_of
from underround.local_venue.settlement import TimedSettlement, pay_rebates_daily
from underround.local_venue.status import ServerRow, Status, Witness, status_of
from underround.local_venue.world import Settlement, World
from underround.model.errors import ConfigError
from underround.model.units import Money, Nanos, usd

_LOG: Final = logging.getLogger(__name__)
_KALSHI_CASH: Final[Money] = usd("10000")
_SHARDS: Final = (0, 1, 2, 3)


class VenueTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What kind of local venue to run."""

    scene: Scene = Scene()
    scene_name: str = "empty"
    recording: Path | None = None
    """Drives its own markets, beside or instead of the scene's own."""
    seed: int | None = None
    """Instead of the scene's."""
    speed: int = 1
    port: int = 0
    """Of the page; the servers have the ports after it.  0: any free ones."""
    chain: Tools | None = None
    """What the local chain needs; ``None``: settlement by the clock alone."""
    fork: str = ""
    """URL of a node to fork; needs ``chain``."""
    faults: tuple[AnyFault, ...] = ()

    def __repr__(self) -> str:
        return f"VenueTerms({self.scene_name})"  # the fork's URL may be a secret


class Opened(msgspec.Struct, frozen=True):
    """What somebody needs to use a running venue; the line of ``--json``."""

    endpoints: Endpoints
    token: str
    """For verbs at ``endpoints.status``."""
    accounts: tuple[Participant, ...]
    kalshi: tuple[KalshiMember, ...]
    scene: str
    seed: int

    def __repr__(self) -> str:
        return f"Opened({self.endpoints.status})"


class _Server(Protocol):
    async def start(self, port: int = 0) -> str: ...

    async def stop(self) -> None: ...


class LocalVenue:
    """An asynchronous context manager: inside it the venue runs."""

    def __init__(self, terms: VenueTerms, clock: RunningClock | None = None) -> None:
        """Make the world; nothing is served yet.  Raises like ``Flow``.

        ``clock``: instead of one that begins and runs as ``terms`` say.
        """
        self.terms = terms
        scene = terms.scene
        if terms.recording is not None:
            recording = SceneRecording(name=str(terms.recording))
            scene = msgspec.structs.replace(scene, recording=recording)
        self.clock = clock or RunningClock(scene.starts_ns, terms.speed)
        self._chain: LocalChain | None = None
        if terms.chain is not None:
            self._chain = LocalChain(terms.chain, ChainTerms(fork=terms.fork))
        seed = scene.seed if terms.seed is None else terms.seed
        self.world = World(self.clock, seed=seed, settlement=self._settlement(scene))
        self.books = PublishedBooks(self.world)
        # A venue at another time than its clients' cannot judge the times they sign.
        self._same_time = same = clock is None and terms.speed == 1 and scene.starts_ns is None
        self.clob = ClobServer(self.world, self.books, window_ns=WINDOW_NS if same else None)
        self.kalshi = KalshiDesk(self.world, window_ms=LARGEST_SKEW_MS if same else None)
        self.witness = Witness(self.world)
        self.spot = SpotMarket(self.world)
        self.token = secrets.token_urlsafe(24)
        self._starts_ns = scene.starts_ns if clock is None else None
        self.flow = Flow(
            self.world,
            scene,
            lambda now, down, post_only: self.clob.engine.restart(
                now, down_ms=down, post_only_ms=post_only
            ),
        )
        self._stack = AsyncExitStack()
        self._next_port = terms.port
        self._servers: dict[str, _Server] = {}
        self._addresses: dict[str, str] = {}

    def _settlement(self, scene: Scene) -> Callable[[World], Settlement]:
        if self._chain is not None:
            return self._chain.settlement
        return lambda world: TimedSettlement(world, scene.settlement)

    async def __aenter__(self) -> Self:
        """Start; raises ``ConfigError`` when a port is taken or the chain cannot be started."""
        try:
            self.opened = await self._open()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    # --- starting ------------------------------------------------------------------------------

    async def _open(self) -> Opened:
        world, now = self.world, self.world.act()
        accounts = move_in(world)
        members = self._members()
        self._roster = Roster(world, accounts, self.kalshi.members)
        control = Control(world, self.token, self.status, self.flow.carry_out)
        status = await self._serve("status", control)
        chain = ""
        if self._chain is not None:
            chain = await self._serve("chain", self._chain)
        pay_rebates_daily(world, now)
        # What was opened so far took time; a scene that says when it starts starts exactly then.
        begin = world.act() if self._starts_ns is None else self._starts_ns
        for fault in self.terms.faults:
            world.faults.set(fault, begin)
        self.flow.begin(begin)
        there = [address for each in accounts for address in each.wallets.values()]
        endpoints = await self._serve_all(status, chain, there)
        await self._run()
        return Opened(
            endpoints,
            self.token,
            tuple(accounts),
            tuple(members),
            self.terms.scene_name,
            world.seed,
        )

    def _members(self) -> list[KalshiMember]:
        """Let Kalshi's ready-made members join, with money on every shard."""
        made = []
        for name in NAMES:
            # Old clients know RSA only; such a key takes a second to draw, so there is one.
            kinds: tuple[KeyKind, ...] = ("ed25519", "rsa") if name == NAMES[0] else ("ed25519",)
            for kind in kinds:
                given = ready_made(self.kalshi.members, name, kind, seed=self.world.seed)
                made.append(KalshiMember(name, given.key_id, given.private_key, kind))
            member = self.kalshi.members.join(name).id
            for shard in _SHARDS:
                self.world.kalshi.money.deposit(member, _KALSHI_CASH, shard=shard)
        return made

    async def _serve_all(self, status: str, chain: str, there: Sequence[str]) -> Endpoints:
        """``there``: the wallets that exist from the beginning."""
        parts = Parts(
            world=self.world,
            books=self.books,
            clob=self.clob,
            kalshi=self.kalshi,
            spot=self.spot,
            chain=self._chain,
            same_time=self._same_time,
        )
        for name, server in servers_of(parts, there).items():
            await self._serve(name, server)
        return endpoints_of(self._addresses, status=status, chain=chain)

    async def _serve(self, name: str, server: _Server) -> str:
        """Start a server on the next port; it is stopped with the venue."""
        port, self._next_port = self._next_port, self._next_port + bool(self._next_port)
        try:
            url = await server.start(port)
        except OSError as error:
            why = os.strerror(error.errno) if error.errno else error
            raise ConfigError(
                f"port {port} for {name} cannot be used ({why}): end what uses it, or choose "
                "others with --port"
            ) from None
        self._stack.push_async_callback(server.stop)
        self._servers[name], self._addresses[name] = server, url
        return url

    async def _run(self) -> None:
        """Let the world go on by itself."""
        task = asyncio.create_task(pump(self.world, self.clock))
        task.add_done_callback(_report)
        self._stack.push_async_callback(_ended(task))

    # --- looking -------------------------------------------------------------------------------

    def status(self, now: Nanos) -> Status:
        """Return the state of everything."""
        found = status_of(
            self.world,
            self.witness,
            servers=(self._server(name) for name in self._servers),
            accounts=self._roster.rows(),
            scene=self.terms.scene_name,
            chain=self._chain is not None,
            now=now,
        )
        if self._chain is None:
            return found
        gas = self._chain.gas
        spent = {
            "settlements": gas.settlements,
            "gas_used": gas.used,
            "gas_estimated": gas.estimated,
        }
        return msgspec.structs.replace(found, counts=found.counts | spent)

    def _server(self, name: str) -> ServerRow:
        server, address = self._servers[name], self._addresses[name]
        return ServerRow(
            name=name,
            address=address,
            answered=server.answered if isinstance(server, HttpHost) else None,
            connected=len(server.peers) if isinstance(server, SocketHost) else None,
        )


def _ended(task: asyncio.Task[None]) -> Callable[[], Awaitable[None]]:
    async def end() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    return end


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        _LOG.error("the local venue stands still", exc_info=task.exception())
