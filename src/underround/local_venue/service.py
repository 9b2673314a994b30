"""The whole local venue, running: a world, its flow, its servers, and where they are."""

from __future__ import annotations

import asyncio
import gc
import logging
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
from underround.local_venue.kalshi.doors import KalshiDoor
from underround.local_venue.kalshi.members import KeyKind, ready_made
from underround.local_venue.kalshi.rest import routes as kalshi_routes
from underround.local_venue.kalshi.verify import LARGEST_SKEW_MS
from underround.local_venue.net.http_host import HttpHost
from underround.local_venue.net.socket_host import SocketHost
from underround.local_venue.participants import NAMES, Participant, move_in
from underround.local_venue.polymarket import clob, data, gamma, relayer, site
from underround.local_venue.polymarket.auth import WINDOW_NS
from underround.local_venue.polymarket.data_ledger import DataLedger
from underround.local_venue.polymarket.market_channel import MarketChannel
from underround.local_venue.polymarket.published import PublishedBooks
from underround.local_venue.polymarket.server import ClobServer
from underround.local_venue.polymarket.user_channel import UserChannel
from underround.local_venue.polymarket.wallet_books import BookkeptWallets
from underround.local_venue.pump import pump
from underround.local_venue.references.allora_chain import AlloraChain
from underround.local_venue.references.allora_events import ChainEvents
from underround.local_venue.references.allora_rest import AlloraRest
from underround.local_venue.references.binance_market import SpotMarket
from underround.local_venue.references.binance_rest import BinanceRest
from underround.local_venue.references.binance_streams import SpotStreams
from underround.local_venue.references.polybolt import PolyboltDoor
from underround.local_venue.references.rtds import RtdsDoor
from underround.local_venue.settlement import TimedSettlement, pay_rebates_daily
from underround.local_venue.status import Status, Witness, status_of
from underround.local_venue.world import Settlement, WalletDesk, World
from underround.model.errors import ConfigError
from underround.model.units import Money, Nanos, usd
from underround.simulation.matching.terms import AccountId

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
        self._scene = scene
        self.flow = Flow(
            self.world,
            scene,
            lambda now, down, post_only: self.clob.engine.restart(
                now, down_ms=down, post_only_ms=post_only
            ),
        )
        self._stack = AsyncExitStack()
        self._next_port = terms.port
        self._hosts: dict[str, str] = {}
        self._names: dict[AccountId, str] = {}

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
        self._names = {
            AccountId(address): f"{each.name} {kind}"
            for each in accounts
            for kind, address in each.wallets.items()
            if kind == "POLY_1271" or world.polymarket.custody.balance(AccountId(address)) == 0
        }
        control = Control(world, self.token, self.status, self.flow.carry_out)
        status = await self._serve("status", control)
        chain = ""
        if self._chain is not None:
            chain = await self._serve("chain", self._chain)
        else:
            pay_rebates_daily(world, now)
        for fault in self.terms.faults:
            world.faults.set(fault, now)
        self.flow.begin(now)
        there = [address for each in accounts for address in each.wallets.values()]
        endpoints = await self._serve_all(status, chain, there)
        gc.freeze()  # what is there now stays: no collection walks through it again
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
        world, ledger = self.world, DataLedger(self.world)
        bookkept = BookkeptWallets(world)
        wallets: WalletDesk = bookkept if self._chain is None else self._chain.wallets
        figures = self.clob.figures
        purse = bookkept.purse if self._chain is None else None
        (bookkept if self._chain is None else self._chain.books).listen(ledger.did)
        gate, spot, allora = self.clob.gate, self.spot, AlloraChain(world)
        allora_rest = AlloraRest(allora)
        market, user = MarketChannel(world, self.books), UserChannel(world)
        streams = SpotStreams(world, spot)
        http = {
            "clob": HttpHost(
                "clob", world, clob.routes_of(self.clob), fault_answer=clob.fault_answer
            ),
            "gamma": HttpHost("gamma", world, gamma.routes(world, self.books, figures)),
            "data": HttpHost("data", world, data.routes(world, ledger, self.books, figures, purse)),
            "relayer": HttpHost(
                "relayer", world, relayer.routes(world, wallets, deployed=there, gate=gate)
            ),
            "site": HttpHost("site", world, site.routes(world)),
            "kalshi": HttpHost("kalshi", world, kalshi_routes(self.kalshi)),
            "binance": HttpHost("binance", world, BinanceRest(world, spot).routes()),
            "allora": HttpHost("allora", world, allora_rest.routes()),
        }
        sockets = {
            "clob_stream": SocketHost(world, {"/ws/market": market, "/ws/user": user}),
            "live_prices": SocketHost(world, {"/ws": PolyboltDoor(world)}),
            "rtds": SocketHost(world, {"/": RtdsDoor(world)}),
            "kalshi_stream": SocketHost(world, {"/trade-api/ws/v2": KalshiDoor(self.kalshi)}),
            "binance_stream": SocketHost(
                world, {"/ws": streams, "/ws/": streams, "/stream": streams}
            ),
            "allora_events": SocketHost(
                world, {"/websocket": ChainEvents(world, allora, allora_rest)}
            ),
        }
        at = {name: await self._serve(name, host) for name, host in (http | sockets).items()}
        return Endpoints(
            clob=at["clob"],
            clob_market_stream=at["clob_stream"] + "/ws/market",
            clob_user_stream=at["clob_stream"] + "/ws/user",
            gamma=at["gamma"],
            data=at["data"],
            live_prices_stream=at["live_prices"] + "/ws",
            rtds_stream=at["rtds"],
            relayer=at["relayer"],
            site=at["site"],
            kalshi=at["kalshi"],
            kalshi_stream=at["kalshi_stream"],
            binance=at["binance"],
            binance_stream=at["binance_stream"],
            allora=at["allora"],
            allora_events=at["allora_events"],
            chain=chain,
            status=status,
        )

    async def _serve(self, name: str, server: _Server) -> str:
        """Start a server on the next port; it is stopped with the venue."""
        port, self._next_port = self._next_port, self._next_port + bool(self._next_port)
        try:
            url = await server.start(port)
        except OSError as error:
            raise ConfigError(
                f"port {port} for {name} is taken ({error.strerror}): end what uses it, or choose "
                "others with --port"
            ) from None
        self._stack.push_async_callback(server.stop)
        self._hosts[name] = url
        return url

    async def _run(self) -> None:
        """Let the world go on by itself."""
        task = asyncio.create_task(pump(self.world, self.clock))
        task.add_done_callback(_report)
        self._stack.push_async_callback(_ended(task))

    # --- looking -------------------------------------------------------------------------------

    def status(self, now: Nanos) -> Status:
        """Return the state of everything."""
        return status_of(
            self.world,
            self.witness,
            self._names,
            hosts=self._hosts,
            scene=self.terms.scene_name,
            chain=self._chain is not None,
            now=now,
        )


def _ended(task: asyncio.Task[None]) -> Callable[[], Awaitable[None]]:
    async def end() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    return end


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        _LOG.error("the local venue stands still", exc_info=task.exception())
