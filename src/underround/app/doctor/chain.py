"""Polygon: its nodes compared, the age of their head, the price of gas, and what pays for it."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from underround.app.clients import Clients
from underround.app.doctor.checks import Check
from underround.app.doctor.findings import Verdict, failed, hinders_live, note, ok, warning
from underround.app.doctor.reach import examine_hosts
from underround.app.node_address import reference_in
from underround.model.errors import ConfigError
from underround.model.frames import NANOS_PER_SECOND
from underround.model.units import Nanos
from underround.venues.polygon.answers import Block
from underround.venues.polygon.fees import GWEI, LEAST_TIP, GasPrices
from underround.venues.polygon.heads import Survey
from underround.venues.polygon.quantities import Quantity
from underround.venues.polygon.rpc import Rpc
from underround.venues.polymarket.wallets import SignatureType, Wallet

NAME: Final = "polygon"
_STALE_HEAD_S: Final = 30
"""About fifteen blocks."""
_POL: Final = 10**18
_LITTLE_POL: Final = _POL // 10
"""Enough for some tens of transactions at ordinary prices."""


class Chain:
    """The checks of the nodes."""

    _rpc: Rpc
    """Made by ``nodes``, which every line that uses it comes after."""

    def __init__(
        self, clients: Clients, own: Clients | None, *, live: bool, keys: bool = True
    ) -> None:
        """``own``: clients that may open the configured wallet; ``None``: there is none.

        ``keys``: whether ``clients`` may open the references that addresses of nodes are.
        """
        self._clients = clients
        self._own = own
        self._desk = clients.chain(keys=keys)
        self._keys = keys
        self._live = live

    def checks(self) -> tuple[Check, ...]:
        """Return the lines in order."""
        if not self._keys and all(map(reference_in, self._clients.access.polygon.rpc)):
            return (Check(NAME, "nodes", self.unasked),)
        after = [Check(NAME, "head", self.head), Check(NAME, "gas price", self.gas)]
        if self._own is not None:
            after.append(Check(NAME, "gas money", self.gas_money))
        found = [Check(NAME, "nodes", self.nodes, tuple(after))]
        if self._clients.access.polygon.private_rpc:
            found.append(Check(NAME, "private node", self.private))
        return tuple(found)

    async def unasked(self) -> Verdict:
        """Say why no node is asked."""
        return note("not asked: --no-keys leaves the nodes' addresses where they are")

    async def nodes(self) -> Verdict:
        """Compare the nodes' chain and heads."""
        try:
            self._rpc = self._desk.rpc()
            return judge_survey(await self._rpc.start())
        except ConfigError as error:
            return failed(str(error), "correct venues.polygon.rpc")

    async def head(self) -> Verdict:
        """Ask how old the newest block is."""
        return judge_head(await self._rpc.block(), self._clients.clock())

    async def gas(self) -> Verdict:
        """Ask what gas costs."""
        prices = await self._desk.gas(self._rpc).now()
        return judge_gas(prices, self._clients.access.polygon.max_fee_gwei, live=self._live)

    async def gas_money(self) -> Verdict:
        """Ask what the key can pay gas with."""
        assert self._own is not None
        wallet = self._own.polymarket.wallet
        assert wallet is not None
        wei = await self._rpc.call(Quantity, "eth_getBalance", wallet.owner, "latest")
        return judge_gas_money(int(wei), wallet, live=self._live)

    async def private(self) -> Verdict:
        """Look whether the private node accepts connections: it need not answer reads."""
        address = self._desk.private_address()
        if not address:
            return note("not asked: --no-keys leaves its address where it is")
        return await examine_hosts({"private_rpc": address})


def judge_survey(survey: Survey) -> Verdict:
    """Say which nodes are used and what is wrong with the others."""
    told = f"{len(survey.usable)} in step ({', '.join(survey.usable)})"
    if not survey.sentence:
        return ok(told)
    alone = len(survey.usable) == 1 and not (survey.lagging or survey.silent or survey.dissenting)
    if alone and survey.disputed is None:
        return warning(
            f"{told}: nothing to compare it with", "name a second node in venues.polygon.rpc"
        )
    return warning(f"{told}; {survey.sentence}", "replace those nodes in venues.polygon.rpc")


def judge_head(block: Block, now: Nanos) -> Verdict:
    """Judge all nodes together by the age of the newest block."""
    age_s = now // NANOS_PER_SECOND - block.timestamp
    told = f"block {int(block.number)}, {age_s} s old"
    if age_s <= _STALE_HEAD_S:
        return ok(told)
    return warning(
        f"{told}: the nodes are behind together, or the chain stands still",
        "name other nodes in venues.polygon.rpc, and look at this machine's clock",
    )


def judge_gas(prices: GasPrices, cap_gwei: int, *, live: bool) -> Verdict:
    """Compare what gas costs with the most we pay."""
    needed = prices.base_fee + max(prices.standard, LEAST_TIP)
    told = f"{_gwei(needed)} gwei (base fee and tip)"
    if needed <= cap_gwei * GWEI:
        return ok(f"{told}, below the cap of {cap_gwei}")
    return hinders_live(
        f"{told}, above the cap of {cap_gwei}: transactions would wait",
        "wait, or raise venues.polygon.max_fee_gwei",
        live=live,
        later=True,
    )


def judge_gas_money(wei: int, wallet: Wallet, *, live: bool) -> Verdict:
    """Judge the key's POL; a contract wallet needs none, the relayer pays."""
    told = f"{Decimal(wei) / _POL:.4f} POL"
    if wallet.kind is not SignatureType.EOA:
        return ok(f"{told}; none is needed, the relayer pays")
    remedy = f"send some POL to {wallet.owner}"
    if wei == 0:
        return hinders_live(
            f"{told}: the wallet can send no transaction (orders need none)", remedy, live=live
        )
    if wei < _LITTLE_POL:
        return warning(f"{told} will not last long", remedy)
    return ok(told)


def _gwei(wei: int) -> str:
    return f"{Decimal(wei) / GWEI:.1f}"
