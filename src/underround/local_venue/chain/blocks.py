"""Making blocks, and reading what is in them."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Literal, TypeAlias

import msgspec

from underround.local_venue.chain.books import Books, outcome_of
from underround.local_venue.chain.effects import WATCHED, Log, effects
from underround.local_venue.chain.listings import Listings
from underround.local_venue.chain.mirror import Mirror
from underround.local_venue.chain.node import CallFailed, Node
from underround.local_venue.chain.settlement import ChainSettlement
from underround.local_venue.chain.transactions import Desk, Errand
from underround.local_venue.faults import Reorg
from underround.local_venue.world import World
from underround.model.frames import NANOS_PER_SECOND
from underround.model.units import Nanos

BlockListener: TypeAlias = Callable[[int, int, Nanos], Awaitable[None]]
"""Told the newest block, the newest final one, and the time; the next block waits for it."""

_LOG: Final = logging.getLogger(__name__)
_BASE_FEE: Final = hex(30 * 10**9)
"""Wei per gas, as on a quiet day."""


class Underway:
    """A transaction that the venue sent, until a block holds it.

    ``once``: done once (a listing); ``derived``: it follows from the books and is worked out anew
    if it is lost; ``account``: the relayer makes it for somebody, so the books learn from it.
    """

    __slots__ = ("done", "errand", "kind")

    def __init__(
        self,
        errand: Errand,
        kind: Literal["once", "derived", "account"],
        done: asyncio.Future[dict[str, Any]] | None = None,
    ) -> None:
        self.errand = errand
        self.kind = kind
        self.done = done
        """Whoever waits for the receipt."""


class Blocks:
    """Makes one block after another; each is read before the next is made."""

    def __init__(
        self,
        world: World,
        node: Node,
        desk: Desk,
        books: Books,
        listings: Listings,
        mirror: Mirror,
        settlement: ChainSettlement,
        first: int,
        last_s: int,
    ) -> None:
        """``first`` holds what the chain is furnished with: no re-org goes behind it.

        ``last_s`` is its time.
        """
        self._world = world
        self._node = node
        self._desk = desk
        self._books = books
        self._listings = listings
        self._mirror = mirror
        self._settlement = settlement
        self._first = self.head = first
        self._last_s = last_s
        self._lock = asyncio.Lock()
        self._underway: dict[str, Underway] = {}
        self._carried: deque[tuple[int, Underway]] = deque()
        """What blocks that are not final hold, and a re-org must not lose."""
        self._listeners: list[BlockListener] = []

    @property
    def final(self) -> int:
        """The newest block that no re-org takes back."""
        return max(self._first, self.head - self._node.terms.confirmations)

    def listen(self, listener: BlockListener) -> None:
        """Call ``listener`` after every block."""
        self._listeners.append(listener)

    async def make(self) -> int:
        """Make the next block, and one before it for what must come before; return its number."""
        async with self._lock:
            now = self._world.act()
            fault = self._world.faults.strikes(Reorg, now)
            if fault is not None:
                await self._reorganise(fault.blocks, now)
            # The matches first: what the books do after this may be what they stand on.
            jobs = self._settlement.due(now)
            errands = [Underway(errand, "once") for errand in self._listings.due()]
            errands += [Underway(errand, "derived") for errand in await self._mirror.errands()]
            if errands:
                await self._send(errands)
                await self._mine()
            if jobs:
                await self._settlement.send(jobs, self._desk)
            return await self._mine()

    async def carry_out(self, errand: Errand) -> dict[str, Any]:
        """Send what an account wants done; return the receipt once a block holds it.

        Raises ``CallFailed`` when the node does not take it.
        """
        done: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        await self._send([Underway(errand, "account", done)])
        return await done

    def give_up(self) -> None:
        """Let nobody wait for a block any more: there will be none."""
        for each in self._underway.values():
            if each.done is not None:
                each.done.cancel()

    # --- one block -----------------------------------------------------------------------------

    async def _send(self, all_of: Sequence[Underway]) -> None:
        names = await self._desk.send([each.errand for each in all_of])
        for each, name in zip(all_of, names, strict=True):
            if not isinstance(name, CallFailed):
                self._underway[name] = each
            elif each.done is not None and not each.done.done():
                each.done.set_exception(name)
            else:
                _LOG.warning("the local chain took no call of %s: %s", each.errand.to, name)

    async def _mine(self) -> int:
        now = self._world.clock.now()
        self._last_s = max(self._last_s + 1, now // NANOS_PER_SECOND)
        await self._node.rpc("anvil_setNextBlockBaseFeePerGas", _BASE_FEE)
        self.head = await self._node.mine(self._last_s)
        # Whoever asks for a gas price is told the next block's, which the node takes to be lower.
        await self._node.rpc("anvil_setNextBlockBaseFeePerGas", _BASE_FEE)
        await self._read(self.head)
        self._settlement.confirm(self.final)
        for listener in self._listeners:
            await listener(self.head, self.final, self._world.clock.now())
        return self.head

    async def _read(self, block: int) -> None:
        place = {"fromBlock": hex(block), "toBlock": hex(block), "address": WATCHED}
        sent = self._settlement.sent
        names = [*sent, *self._underway]
        asked: list[tuple[str, list[Any]]] = [("eth_getLogs", [place])]
        asked += [("eth_getTransactionReceipt", [name]) for name in names]
        logs, *told = await self._node.batch(asked)
        receipts = {name: each for name, each in zip(names, told, strict=True) if each is not None}
        await self._look_for([name for name in names if name not in receipts])
        ours = {name for name in receipts if not self._is_of_account(name)}
        read = effects(
            msgspec.convert(logs, list[Log]), lambda token: outcome_of(self._world, token)
        )
        now = self._world.act()
        self._settlement.settle({name: receipts[name] for name in sent if name in receipts})
        found = [(each, each.transaction in ours) for each in read.values()]
        self._books.add(block, found, now)
        await self._give_back_nonces(receipts)
        self._close(block, receipts)

    def _is_of_account(self, name: str) -> bool:
        found = self._underway.get(name)
        return found is not None and found.kind == "account"

    async def _look_for(self, names: Sequence[str]) -> None:
        """Find out which transactions the node has dropped: they will be in no block."""
        told = await self._node.batch([("eth_getTransactionByHash", [name]) for name in names])
        dropped = {name for name, each in zip(names, told, strict=True) if each is None}
        self._settlement.lost([name for name in self._settlement.sent if name in dropped])
        again = [each for name, each in self._underway.items() if name in dropped]
        for name in dropped:
            self._underway.pop(name, None)
        await self._send([each for each in again if each.kind != "derived"])

    async def _give_back_nonces(self, receipts: dict[str, Any]) -> None:
        """Let people's own counts of their transactions be right again."""
        errands = [each.errand for name, each in self._underway.items() if name in receipts]
        borrowed = Counter(errand.sender for errand in errands if errand.borrowed)
        told = await self._node.batch(
            [("eth_getTransactionCount", [sender, "latest"]) for sender in borrowed]
        )
        counts = zip(borrowed.items(), told, strict=True)
        await self._node.batch(
            [
                ("anvil_setNonce", [sender, hex(int(count, 16) - number)])
                for (sender, number), count in counts
            ]
        )

    def _close(self, block: int, receipts: dict[str, Any]) -> None:
        for name in [each for each in self._underway if each in receipts]:
            each = self._underway.pop(name)
            if each.kind != "account" and receipts[name]["status"] != "0x1":
                _LOG.warning("the local chain undid a call of %s (%s)", each.errand.to, name)
            if each.kind != "derived":
                self._carried.append((block, each))
            if each.done is not None and not each.done.done():
                each.done.set_result(receipts[name])
        while self._carried and self._carried[0][0] <= self.final:
            self._carried.popleft()

    # --- re-orgs -------------------------------------------------------------------------------

    async def _reorganise(self, blocks: int, now: Nanos) -> None:
        """Let the chain forget its last blocks, as far as they are not final.

        What people sent themselves goes back to the mempool, and so does what is done only once.
        """
        depth = min(blocks, self.head - self.final)
        if depth <= 0 or self._node.terms.fork:
            return  # of a fork, what the node wrote by itself would be lost without a trace
        first = self.head - depth + 1
        foreign = await self._foreign(first)
        await self._node.rpc("anvil_reorg", depth, [])
        self._books.take_back(first, now)
        self._settlement.take_back(first)
        self._mirror.forget()
        self._desk.forget()
        again = [each for block, each in self._carried if block >= first]
        self._carried = deque(each for each in self._carried if each[0] < first)
        await self._send(again)
        await self._node.batch(foreign)

    async def _foreign(self, first: int) -> list[tuple[str, list[Any]]]:
        """Return the calls that send again what people signed themselves, from ``first`` on."""
        blocks = await self._node.batch(
            [("eth_getBlockByNumber", [hex(each), True]) for each in range(first, self.head + 1)]
        )
        names = [
            each["hash"] for block in blocks for each in block["transactions"] if _signed(each)
        ]
        raws = await self._node.batch([("eth_getRawTransactionByHash", [name]) for name in names])
        return [("eth_sendRawTransaction", [raw]) for raw in raws]


def _signed(transaction: dict[str, Any]) -> bool:
    """Whether somebody signed it; those the node made for us have no signature."""
    return int(transaction["r"], 16) != 0
