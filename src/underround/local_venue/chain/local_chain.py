"""The chain as a whole, in step with one world: what a service starts and stops.

A block is made each time the venue's clock has moved on by the block time.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

import msgspec

from underround.local_venue.chain import front
from underround.local_venue.chain.bank import NodesBank, OwnBank
from underround.local_venue.chain.blocks import Blocks
from underround.local_venue.chain.books import Books
from underround.local_venue.chain.fork import adopt, find_operator, furnish_fork
from underround.local_venue.chain.furnish import furnish
from underround.local_venue.chain.gas import GasBook
from underround.local_venue.chain.listings import Listings
from underround.local_venue.chain.mirror import Mirror
from underround.local_venue.chain.node import CallFailed, Node, NodeTerms
from underround.local_venue.chain.packages import Tools
from underround.local_venue.chain.settlement import ChainSettlement
from underround.local_venue.chain.transactions import Desk
from underround.local_venue.chain.wallets import ChainWallets
from underround.local_venue.net.http_host import HttpHost
from underround.local_venue.world import World
from underround.model.errors import TryLater
from underround.model.frames import NANOS_PER_MS, NANOS_PER_SECOND
from underround.model.units import Nanos
from underround.simulation.matching.terms import AccountId

_LOG: Final = logging.getLogger(__name__)


class ChainTerms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the chain behaves."""

    block_ms: int = 2_000
    confirmations: int = 2
    """Blocks until one is final; even."""
    fork: str = ""
    """Endpoint whose chain is continued; empty: a new chain.  Re-orgs are of a new chain only."""


class LocalChain:
    """Make it, make the world with its ``settlement``, then ``start`` it.

    ``url`` is the address for clients, ``wallets`` carries the relayer's calls out, ``blocks``
    makes blocks (by itself once ``start`` was called with ``run=True``), ``books`` compares.
    """

    def __init__(self, tools: Tools, terms: ChainTerms | None = None) -> None:
        """Nothing is started yet."""
        self.terms = terms or ChainTerms()
        self._tools = tools
        self._due = asyncio.Event()
        self._maker: asyncio.Task[None] | None = None
        self._host: HttpHost | None = None
        self.url = ""

    def settlement(self, world: World) -> ChainSettlement:
        """Return the settlement of ``world``, as its constructor asks for it."""
        self._world = world
        self._settlement = ChainSettlement(world)
        return self._settlement

    @property
    def gas(self) -> GasBook:
        """What settlements cost."""
        return self._settlement.gas

    @property
    def unsettled(self) -> int:
        """How many matches are not final yet."""
        return self._settlement.unsettled

    async def start(self, port: int = 0, *, run: bool = True) -> str:
        """Start the node, furnish it, and serve it; returns the address.

        ``run=False``: blocks are made only when ``blocks.make`` is called.  Raises ``ConfigError``
        when the node cannot be started, ``OSError`` when the port is taken.
        """
        world, terms = self._world, self.terms
        starts = world.clock.now() // NANOS_PER_SECOND
        self.node = Node(
            self._tools.anvil,
            NodeTerms(confirmations=terms.confirmations, starts_s=starts, fork=terms.fork),
        )
        await self.node.start()
        try:
            await self._furnish()
            self._host = HttpHost(
                "chain", world, front.routes(self.node), fault_answer=front.unavailable
            )
            self.url = await self._host.start(port)
        except BaseException:
            await self.stop()
            raise
        if run:
            self.run()
        return self.url

    def run(self) -> None:
        """Make blocks by the venue's clock from now on."""
        self._maker = asyncio.create_task(self._run())
        self._maker.add_done_callback(_tell)
        self._tick(self._world.clock.now())

    async def stop(self) -> None:
        """End everything; does nothing when it was not started."""
        maker, self._maker = self._maker, None
        if maker is not None:
            maker.cancel()
            await asyncio.gather(maker, return_exceptions=True)
        if hasattr(self, "blocks"):
            self.blocks.give_up()
        if self._host is not None:
            await self._host.stop()
        await self.node.stop()

    async def _furnish(self) -> None:
        world, settlement = self._world, self._settlement
        self.desk = desk = Desk(self.node)
        self.books = books = Books(world)
        if self.terms.fork:
            settlement.operator = await find_operator(self.node)
            await furnish_fork(self.node, desk)
        else:
            await furnish(self.node, desk, self._tools.conditional_tokens)
        bank = NodesBank(self.node, books) if self.terms.fork else OwnBank()
        mirror = Mirror(world, self.node, desk, settlement.people, books, bank)
        first = int(await self.node.rpc("eth_blockNumber"), 16)
        latest = await self.node.rpc("eth_getBlockByNumber", "latest", False)
        self.blocks = Blocks(
            world,
            self.node,
            desk,
            books,
            Listings(world),
            mirror,
            settlement,
            first,
            int(latest["timestamp"], 16),
        )
        self.wallets = ChainWallets(self.node, desk, settlement.people, self.blocks)

    async def adopt(self, wallet: str) -> AccountId:
        """Give a wallet of a forked chain an account here, see ``fork.adopt``."""
        return await adopt(self.node, self._world, self.books, wallet)

    # --- the beat ------------------------------------------------------------------------------

    def _tick(self, at: Nanos) -> None:
        self._due.set()
        self._world.agenda.plan(at + self.terms.block_ms * NANOS_PER_MS, self._tick)

    async def _run(self) -> None:
        """Make a block whenever one is due; when the machine is late, several become one."""
        while True:
            await self._due.wait()
            self._due.clear()
            try:
                await self.blocks.make()
            except (CallFailed, TryLater):
                _LOG.exception("the local chain made no block")


def _tell(maker: asyncio.Task[None]) -> None:
    """Say it aloud when no more blocks are made by mistake."""
    if not maker.cancelled() and (error := maker.exception()) is not None:
        _LOG.error("the local chain makes no more blocks", exc_info=error)
