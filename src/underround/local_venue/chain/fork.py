"""Continuing a real chain: its contracts stay as they are, and the node acts for their operator.

The fork is the operator's own endpoint's business; nothing that happens here reaches it.  Found on
the chain: somebody who may match, by the last matches there were.
"""

from __future__ import annotations

from typing import Any, Final

from underround.local_venue.chain.books import Books
from underround.local_venue.chain.effects import Asset, Grant
from underround.local_venue.chain.furnish import carry_out
from underround.local_venue.chain.mirror import TRADING
from underround.local_venue.chain.node import CallFailed, Node
from underround.local_venue.chain.placed import ADMIN, EXCHANGES, WALLET, compiled
from underround.local_venue.chain.transactions import Desk, Errand
from underround.local_venue.world import World
from underround.model.errors import ConfigError
from underround.simulation.matching.terms import AccountId
from underround.venues.ethereum import address_bytes, checksum
from underround.venues.polygon import calldata
from underround.venues.polygon.event import topic_of
from underround.venues.polygon.exchange_events import OrdersMatched
from underround.venues.polygon.positions import allow_positions
from underround.venues.polygon.quantities import Address
from underround.venues.polymarket.contracts import POLYGON

_SPANS: Final = (9, 90, 900)
"""Blocks that are looked through for a match, few first: public endpoints limit them."""
_CANDIDATES: Final = 20


async def find_operator(node: Node) -> str:
    """Return an account that may match on both exchanges.  Raises ``ConfigError``."""
    head = int(await node.rpc("eth_blockNumber"), 16)
    for span in _SPANS:
        place = {
            "address": list(EXCHANGES),
            "topics": [topic_of(OrdersMatched)],
            "fromBlock": hex(max(0, head - span)),
            "toBlock": hex(head),
        }
        try:
            logs = await node.rpc("eth_getLogs", place)
        except CallFailed:
            break
        found = await _among(node, logs)
        if found is not None:
            return found
    raise ConfigError(
        "--fork: nobody matched on the exchanges of that chain lately, so its operator is not "
        "known: name an endpoint of Polygon (chain 137) that answers eth_getLogs"
    )


async def _among(node: Node, logs: list[dict[str, Any]]) -> str | None:
    names = list(dict.fromkeys(log["transactionHash"] for log in reversed(logs)))[:_CANDIDATES]
    made = await node.batch([("eth_getTransactionByHash", [name]) for name in names])
    seen: list[str] = []
    for each in made:
        if isinstance(each, dict):
            seen += [each["from"], *([each["to"]] if each["to"] else [])]
    for candidate in dict.fromkeys(seen):
        account = checksum(address_bytes(candidate))
        if all([await _may_match(node, account, exchange) for exchange in EXCHANGES]):
            return account
    return None


async def _may_match(node: Node, account: str, exchange: str) -> bool:
    data = calldata.IS_OPERATOR(Address(account.lower()))
    try:
        told = await node.rpc("eth_call", {"to": exchange, "data": "0x" + data.hex()}, "latest")
    except CallFailed:
        return False
    return bool(int(told, 16)) if told not in {"0x", ""} else False


async def furnish_fork(node: Node, desk: Desk) -> None:
    """Place the code of our wallets, and let the venue hold sets of its own."""
    await node.rpc("anvil_setCode", WALLET, compiled()["Wallet"].deployed_bytecode)
    await desk.open()
    errands = []
    for adapter in (POLYGON.collateral_adapter, POLYGON.neg_risk_collateral_adapter):
        allow = allow_positions(Address(adapter.lower()))
        errands.append(Errand(ADMIN, allow.to, allow.data))
    await carry_out(node, desk, errands)


async def adopt(node: Node, world: World, books: Books, wallet: str) -> AccountId:
    """Give a wallet of the real chain an account here: with its money and its allowances there.

    Of shares, those of the markets that are listed by now.  Its owner trades with his own key; the
    node acts in the wallet's name where the venue must.
    """
    account = AccountId(checksum(address_bytes(wallet)))
    who = Address(account.lower())
    assets: list[Asset] = [None]
    reads = [(POLYGON.collateral, calldata.BALANCE_OF(who))]
    for token, (row, index) in world.catalogue.tokens.items():
        if row.listing.protocol == "v1":
            assets.append(row.listing.market.outcome(index))
            data = calldata.POSITION_BALANCE(who, int(token))
            reads.append((POLYGON.conditional_tokens, data))
    for each in TRADING:
        spender = Address(each.spender.lower())
        of_shares = each.standard == "erc1155"
        asking = calldata.IS_APPROVED_FOR_ALL if of_shares else calldata.ALLOWANCE
        reads.append((each.token, asking(who, spender)))
    told = await node.batch(
        [("eth_call", [{"to": to, "data": "0x" + data.hex()}, "latest"]) for to, data in reads]
    )
    numbers = [0 if isinstance(each, CallFailed) else int(each, 16) for each in told]
    balances = dict(zip(assets, numbers, strict=False))
    grants = [
        Grant(account, each.spender, each.standard == "erc1155", number > 0)
        for each, number in zip(TRADING, numbers[len(assets) :], strict=True)
    ]
    books.adopt(account, balances, grants)
    return account
