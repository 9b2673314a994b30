"""What a transaction did to accounts, read from its logs.  Pure.

Whatever an account did (split, merged, redeemed, converted, sent, approved), its logs say which
dollars and shares came and went; of dollars that back shares the events of Conditional Tokens say
so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import msgspec

from underround.local_venue.chain.placed import ADMIN, BURN_ADDRESS, FEE_RECEIVER, OWN
from underround.local_venue.polymarket.wallets.scratch import Deed, DeedKind
from underround.model.ids import NO, POLYMARKET, YES, MarketId, OutcomeId
from underround.model.units import Money
from underround.simulation.matching.custody import BURNT
from underround.simulation.matching.terms import AccountId
from underround.venues.ethereum import checksum, keccak
from underround.venues.polygon.ctf_events import (
    ApprovalForAll,
    PayoutRedemption,
    PositionsConverted,
    PositionsMerge,
    PositionSplit,
    TransferBatch,
    TransferSingle,
)
from underround.venues.polygon.event import read_event, topic_of
from underround.venues.polygon.quantities import Hash
from underround.venues.polymarket.contracts import POLYGON

Asset: TypeAlias = OutcomeId | None
"""``None``: collateral."""
Held: TypeAlias = tuple[AccountId, Asset]
Tokens: TypeAlias = Callable[[int], OutcomeId | None]
"""Whose shares a position id is; ``None``: of no market of ours."""

TRANSFER: Final = "0x" + keccak(b"Transfer(address,address,uint256)").hex()
APPROVAL: Final = "0x" + keccak(b"Approval(address,address,uint256)").hex()
_NOBODY: Final = "0x" + "0" * 40


class Log(msgspec.Struct, frozen=True, rename="camel"):
    """A log as the node answers it."""

    address: str
    topics: list[str]
    data: str
    transaction_hash: str
    transaction_index: str
    log_index: str


class Grant(msgspec.Struct, frozen=True):
    """An allowance that was given or taken."""

    account: AccountId
    spender: str
    shares: bool
    granted: bool


class Effect(msgspec.Struct):
    """What one transaction did."""

    transaction: str
    own: defaultdict[Held, int] = msgspec.field(default_factory=lambda: defaultdict(int))
    """What the venue itself got or gave: its own sets, and the fees."""
    moved: defaultdict[Held, int] = msgspec.field(default_factory=lambda: defaultdict(int))
    backing: defaultdict[MarketId, Money] = msgspec.field(default_factory=lambda: defaultdict(int))
    lent: Money = 0
    grants: list[Grant] = msgspec.field(default_factory=list)
    acts: list[tuple[DeedKind, MarketId]] = msgspec.field(default_factory=list)

    def accounts(self) -> list[AccountId]:
        """Return who notices, each once, in order of appearance."""
        return list(dict.fromkeys(account for account, _ in self.moved if account != BURNT))


def effects(logs: Iterable[Log], tokens: Tokens) -> dict[str, Effect]:
    """Return what each transaction did, by its hash, in the order of the chain."""
    found: dict[str, Effect] = {}
    for log in sorted(logs, key=lambda each: int(each.log_index, 16)):
        reader = _READERS.get((log.address.lower(), log.topics[0])) if log.topics else None
        if reader is not None:
            name = log.transaction_hash
            effect = found.setdefault(name, Effect(name))
            reader(effect, log, tokens)
    return found


def _owner(topic: str) -> str:
    return checksum(bytes.fromhex(topic[26:]))


def _count(effect: Effect, who: str, asset: Asset, amount: int) -> None:
    if who == BURN_ADDRESS:
        effect.moved[BURNT, asset] += amount
    elif who in {ADMIN, FEE_RECEIVER}:
        effect.own[AccountId(who), asset] += amount
    elif who not in OWN and who != _NOBODY:
        effect.moved[AccountId(who), asset] += amount


def _transfer(effect: Effect, log: Log, _tokens: Tokens) -> None:
    amount = int(log.data, 16)
    _count(effect, _owner(log.topics[1]), None, -amount)
    _count(effect, _owner(log.topics[2]), None, amount)


def _approval(effect: Effect, log: Log, _tokens: Tokens) -> None:
    account = AccountId(_owner(log.topics[1]))
    if account not in OWN:
        granted = int(log.data, 16) > 0
        effect.grants.append(Grant(account, _owner(log.topics[2]), False, granted))


def _shares(effect: Effect, log: Log, tokens: Tokens) -> None:
    event = read_event(TransferSingle, _topics(log), _raw(log))
    _share(effect, log, tokens(event.token), event.amount)


def _share_batch(effect: Effect, log: Log, tokens: Tokens) -> None:
    event = read_event(TransferBatch, _topics(log), _raw(log))
    for token, amount in zip(event.tokens, event.amounts, strict=True):
        _share(effect, log, tokens(token), amount)


def _share(effect: Effect, log: Log, outcome: OutcomeId | None, amount: int) -> None:
    if outcome is not None:
        _count(effect, _owner(log.topics[2]), outcome, -amount)
        _count(effect, _owner(log.topics[3]), outcome, amount)


def _approval_for_all(effect: Effect, log: Log, _tokens: Tokens) -> None:
    event = read_event(ApprovalForAll, _topics(log), _raw(log))
    account = AccountId(_owner(log.topics[1]))
    if account not in OWN:
        effect.grants.append(Grant(account, _owner(log.topics[2]), True, event.allowed))


def _split(effect: Effect, log: Log, _tokens: Tokens) -> None:
    event = read_event(PositionSplit, _topics(log), _raw(log))
    market = _market(event.condition)
    effect.backing[market] += event.amount
    effect.acts.append(("SPLIT", market))


def _merge(effect: Effect, log: Log, _tokens: Tokens) -> None:
    event = read_event(PositionsMerge, _topics(log), _raw(log))
    market = _market(event.condition)
    effect.backing[market] -= event.amount
    effect.acts.append(("MERGE", market))


def _redemption(effect: Effect, log: Log, _tokens: Tokens) -> None:
    event = read_event(PayoutRedemption, _topics(log), _raw(log))
    market = _market(event.condition)
    effect.backing[market] -= event.payout
    effect.acts.append(("REDEEM", market))


def _conversion(effect: Effect, log: Log, _tokens: Tokens) -> None:
    """Count what the adapter lent: a dollar a share for all markets of the group but one."""
    event = read_event(PositionsConverted, _topics(log), _raw(log))
    gained = [market for kind, market in effect.acts if kind == "SPLIT"]
    effect.lent += (event.index_set.bit_count() + len(gained) - 1) * event.amount
    given = [asset.market for (_, asset), moved in effect.moved.items() if asset and moved < 0]
    effect.acts = [("CONVERSION", (given or gained)[0])] if given or gained else []


def _market(condition: bytes) -> MarketId:
    return MarketId(POLYMARKET, f"0x{condition.hex()}")


def _topics(log: Log) -> list[Hash]:
    return [Hash(topic) for topic in log.topics]


def _raw(log: Log) -> bytes:
    return bytes.fromhex(log.data[2:])


_Reader: TypeAlias = Callable[[Effect, Log, Tokens], None]
_CASH: Final = POLYGON.collateral.lower()
_CTF: Final = POLYGON.conditional_tokens.lower()
_READERS: Final[dict[tuple[str, str], _Reader]] = {
    (_CASH, TRANSFER): _transfer,
    (_CASH, APPROVAL): _approval,
    (_CTF, topic_of(TransferSingle)): _shares,
    (_CTF, topic_of(TransferBatch)): _share_batch,
    (_CTF, topic_of(ApprovalForAll)): _approval_for_all,
    (_CTF, topic_of(PositionSplit)): _split,
    (_CTF, topic_of(PositionsMerge)): _merge,
    (_CTF, topic_of(PayoutRedemption)): _redemption,
    (POLYGON.neg_risk_adapter.lower(), topic_of(PositionsConverted)): _conversion,
}
WATCHED: Final = sorted({address for address, _ in _READERS})


def deeds(effect: Effect) -> list[Deed]:
    """Return what an effect is in the words of histories, for each account that noticed."""
    told = []
    by_account: dict[AccountId, dict[Asset, int]] = {}
    for (account, asset), amount in effect.moved.items():
        if account != BURNT and amount:
            by_account.setdefault(account, {})[asset] = amount
    for account, moved in by_account.items():
        deed = _deed(effect.acts, account, moved)
        if deed is not None:
            told.append(deed)
    return told


def _deed(
    acts: Sequence[tuple[DeedKind, MarketId]], account: AccountId, moved: Mapping[Asset, int]
) -> Deed | None:
    cash = moved.get(None, 0)
    shares = tuple((asset, amount) for asset, amount in moved.items() if asset is not None)
    kinds: dict[DeedKind, MarketId] = dict(acts)
    for kind, market in kinds.items():
        own = [moved.get(OutcomeId(market, index), 0) for index in (YES, NO)]
        if kind == "CONVERSION" or any(own):
            size = max((abs(amount) for amount in own), default=0)
            return Deed(
                kind=kind, wallet=account, market=market, size=size, cash=abs(cash), shares=shares
            )
    if cash and not shares:
        which: Any = "DEPOSIT" if cash > 0 else "WITHDRAWAL"
        return Deed(kind=which, wallet=account, cash=abs(cash))
    return None
