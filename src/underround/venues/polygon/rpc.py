"""JSON-RPC over several nodes: the same question to the next one when one fails.

Reads fail over between the providers that agree on where the chain is.  Nonces are read from one
provider only, and it changes at a ``survey`` alone: two nodes' pools differ, and mixing their
counts invents gaps and re-uses numbers.  A signed transaction goes to all usable providers: its
hash is known, and the same bytes cannot be executed twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final, TypeVar

import msgspec

from underround.model.errors import (
    AnswerRefused,
    ConfigError,
    OutcomeUnknown,
    RequestRefused,
    UnderroundError,
    Unreachable,
    VenuePaused,
)
from underround.venues.polygon.answers import Block, Log
from underround.venues.polygon.delivery import Delivery, NonceReading
from underround.venues.polygon.heads import MOST_BEHIND, Head, Survey, dissent, in_step
from underround.venues.polygon.hosts import CHAIN_ID
from underround.venues.polygon.messages import Ask, Result
from underround.venues.polygon.provider import Provider
from underround.venues.polygon.quantities import Address, Hash, Quantity
from underround.venues.polygon.refusals import Fault
from underround.venues.polygon.spans import Span
from underround.venues.transport.http import HttpTransport

T = TypeVar("T")

FIRST_SPAN: Final = 1_000
_ANOTHER_MAY_KNOW: Final = frozenset({"not_here", "rate", "other"})
"""Faults that are this node's own: others are the chain's, and every node has them."""
MOST_SPAN: Final = 10_000
"""Blocks of one ``eth_getLogs``: the widest that a public node is known to take."""


class LogFilter(msgspec.Struct, frozen=True):
    """Which logs: of any of these addresses, with any of these first topics.  Empty: all."""

    addresses: tuple[Address, ...] = ()
    topics: tuple[Hash, ...] = ()

    def between(self, first: int, last: int) -> dict[str, Any]:
        """Return the filter's JSON for the blocks ``first`` … ``last``, both included."""
        return {
            "fromBlock": hex(first),
            "toBlock": hex(last),
            "address": list(self.addresses),
            "topics": [list(self.topics)] if self.topics else [],
        }


class LogChunk(msgspec.Struct, frozen=True):
    """All matching logs of the blocks ``first`` … ``last``, in the chain's order."""

    first: int
    last: int
    logs: tuple[Log, ...]


class Rpc:
    """The chain as its nodes tell it.  Call ``start`` first."""

    def __init__(
        self,
        transports: Sequence[HttpTransport],
        *,
        names: Sequence[str] = (),
        chain_id: int = CHAIN_ID,
        most_behind: int = MOST_BEHIND,
    ) -> None:
        """Ask ``transports`` in this order; ``names`` are shown for them, never their addresses."""
        if not transports:
            raise ConfigError("no RPC provider is configured: name at least two")
        shown = list(names) or [f"provider {place}" for place in range(1, len(transports) + 1)]
        if len(shown) != len(transports) or len(set(shown)) != len(shown):
            raise ConfigError(f"{len(transports)} RPC providers need as many different names")
        self.chain_id = chain_id
        self._most_behind = most_behind
        self._all = [Provider(*pair) for pair in zip(shown, transports, strict=True)]
        self._usable = list(self._all)
        self._home = self._all[0]

    # --- which providers ---------------------------------------------------------------------

    async def start(self) -> Survey:
        """Check that every provider that answers serves our chain, then ``survey``.

        Raises ``ConfigError`` for one on another chain, ``Unreachable`` when none answers.
        """
        told = await asyncio.gather(*(self._chain_of(provider) for provider in self._all))
        for provider, chain in zip(self._all, told, strict=True):
            if chain not in {None, self.chain_id}:
                raise ConfigError(
                    f"{provider.name} serves chain {chain}, not {self.chain_id}: name another node"
                )
        return await self.survey()

    async def survey(self) -> Survey:
        """Compare the heads of all providers and leave out who lags, is silent or is outvoted.

        Also decides whom nonces are read from.  Raises ``Unreachable`` when nobody answers.
        """
        told = await asyncio.gather(*(self._head_of(provider) for provider in self._all))
        heads = [head for head in told if isinstance(head, Head)]
        silent = tuple(
            (provider.name, said)
            for provider, said in zip(self._all, told, strict=True)
            if isinstance(said, str)
        )
        if not heads:
            reasons = "; ".join(f"{name}: {why}" for name, why in silent)
            raise Unreachable(
                f"no RPC provider answers ({reasons}): check the network and the providers"
            )
        near, lagging = in_step(heads, self._most_behind)
        height, hashes = await self._same_height(near)
        disputed, outvoted = dissent(hashes)
        names = [head.provider for head in near if head.provider not in outvoted]
        self._usable = [provider for provider in self._all if provider.name in names]
        if self._home not in self._usable:
            self._home = self._usable[0]
        return Survey(tuple(names), tuple(lagging), silent, height if disputed else None, outvoted)

    async def _chain_of(self, provider: Provider) -> int | None:
        try:
            return (await provider.ask((Ask("eth_chainId"),)))[0].read(Quantity)
        except UnderroundError:
            return None  # the survey that follows says why it is left out

    async def _head_of(self, provider: Provider) -> Head | str:
        asks = (Ask("eth_chainId"), Ask("eth_getBlockByNumber", ("latest", False)))
        try:
            chain, latest = await provider.ask(asks)
            block = latest.read(Block)
            if (serves := chain.read(Quantity)) != self.chain_id:
                return f"it serves chain {serves}, not {self.chain_id}"
        except UnderroundError as error:
            return str(error)
        return Head(provider.name, int(block.number), block.hash)

    async def _same_height(self, heads: Sequence[Head]) -> tuple[int, dict[str, Hash]]:
        height = min(head.number for head in heads)
        ask = Ask("eth_getBlockByNumber", (hex(height), False))
        by_name = {provider.name: provider for provider in self._all}

        async def named(head: Head) -> Hash | None:
            if head.number == height:
                return head.hash
            try:
                block = (await by_name[head.provider].ask((ask,)))[0].maybe(Block)
            except UnderroundError:
                return None
            return block.hash if block is not None else None

        told = await asyncio.gather(*(named(head) for head in heads))
        pairs = zip(heads, told, strict=True)
        return height, {head.provider: said for head, said in pairs if said is not None}

    # --- reading -------------------------------------------------------------------------------

    async def call(self, kind: type[T], method: str, *params: Any) -> T:
        """Return one result as ``kind``; ask the next provider when one fails.

        Raises what a node says no to (``RequestRefused`` …) at once, else the last failure.
        """
        return (await self.batch((Ask(method, params),)))[0].read(kind)

    async def maybe(self, kind: type[T], method: str, *params: Any) -> T | None:
        """Return as ``call`` does; ``None`` where the node answers ``null``."""
        return (await self.batch((Ask(method, params),)))[0].maybe(kind)

    async def batch(self, asks: Sequence[Ask]) -> list[Result]:
        """Return one result per call, all from the same provider, so that they fit together."""
        failure: UnderroundError = Unreachable("no RPC provider is usable: survey again")
        doubtful: list[Result] | None = None
        for provider in self._usable:
            try:
                results = await provider.ask(asks)
            except UnderroundError as error:
                failure = error
                continue
            kinds = {result.fault.kind for result in results if result.fault is not None}
            if not kinds & _ANOTHER_MAY_KNOW:
                return results
            doubtful = doubtful or results
        if doubtful is None:
            raise failure
        return doubtful

    async def block(self, tag: str | int = "latest") -> Block:
        """Return a block by number or tag (``latest``, ``safe``, ``finalized``)."""
        name = tag if isinstance(tag, str) else hex(tag)
        return await self.call(Block, "eth_getBlockByNumber", name, False)

    async def logs(
        self, wanted: LogFilter, first: int, last: int, *, span: Span | None = None
    ) -> AsyncIterator[LogChunk]:
        """Yield the logs of the blocks ``first`` … ``last`` in chunks that nodes accept.

        A node whose head is below a chunk's end is not believed: it would answer an empty list.
        Raises ``RequestRefused`` when one block alone is refused, else as ``batch``.
        """
        span = span or Span(FIRST_SPAN, MOST_SPAN)
        while first <= last:
            until = min(first + span.blocks - 1, last)
            try:
                logs = await self._logs(wanted, first, until)
            except (RequestRefused, AnswerRefused):
                if until == first or not span.refused():
                    raise
                continue
            span.worked()
            yield LogChunk(first, until, logs)
            first = until + 1

    async def _logs(self, wanted: LogFilter, first: int, last: int) -> tuple[Log, ...]:
        asks = (Ask("eth_blockNumber"), Ask("eth_getLogs", (wanted.between(first, last),)))
        failure: UnderroundError = Unreachable("no RPC provider is usable: survey again")
        for provider in self._usable:
            try:
                head, answer = await provider.ask(asks)
                if head.read(Quantity) < last:
                    raise VenuePaused(f"{provider.name}: its head is below block {last}: try later")
                logs = answer.read(tuple[Log, ...])
            except UnderroundError as error:
                if not isinstance(failure, RequestRefused | AnswerRefused):
                    failure = error  # a refusal can be cured by asking for less
                continue
            if any(not first <= log.block_number <= last for log in logs):
                raise AnswerRefused(f"{provider.name}: logs outside {first} … {last}: left out")
            return tuple(sorted(logs, key=lambda log: (log.block_number, log.log_index)))
        raise failure

    # --- writing -------------------------------------------------------------------------------

    async def nonces(self, address: Address) -> NonceReading:
        """Return the counts of ``address`` from the one provider that nonces are read from.

        Raises ``Unreachable`` … when that one does not answer: there is no second opinion.
        """
        method = "eth_getTransactionCount"
        asks = (Ask(method, (address, "latest")), Ask(method, (address, "pending")))
        mined, pending = await self._home.ask(asks)
        return NonceReading(self._home.name, int(mined.read(Quantity)), int(pending.read(Quantity)))

    async def broadcast(self, raw: bytes) -> Delivery:
        """Send a signed transaction to every usable provider at once; never raises."""
        ask = Ask("eth_sendRawTransaction", ("0x" + raw.hex(),))
        told = await asyncio.gather(*(_deliver(provider, ask) for provider in self._usable))
        pairs = list(zip(self._usable, told, strict=True))
        return Delivery(
            taken=tuple(p.name for p, said in pairs if said == "taken"),
            refused=tuple((p.name, said) for p, said in pairs if isinstance(said, Fault)),
            unsure=tuple(p.name for p, said in pairs if said == "unsure"),
            unreached=tuple(p.name for p, said in pairs if said == "unreached"),
        )


async def _deliver(provider: Provider, ask: Ask) -> Fault | str:
    try:
        result = await provider.write(ask)
    except OutcomeUnknown:
        return "unsure"
    except UnderroundError:
        return "unreached"
    if result.fault is None or result.fault.kind == "known":
        return "taken"
    if result.fault.kind == "rate":
        return "unreached"
    return "unsure" if result.fault.kind == "not_here" else result.fault
