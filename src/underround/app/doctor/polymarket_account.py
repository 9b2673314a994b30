"""Polymarket as our account sees it: wallet, approvals, credentials, rights, cash, rate tier."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from underround.app.clients import Clients
from underround.app.doctor.checks import Check
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
from underround.app.polymarket_desk import PolymarketDesk
from underround.model.account import StatedBalance
from underround.model.errors import NotThere, RequestRefused
from underround.venues.ethereum import everybody_has_key_of
from underround.venues.polymarket.approvals import Granted, missing_approvals
from underround.venues.polymarket.contracts import (
    POLYGON,
    POLYGON_CHAIN,
    Approval,
    Contracts,
    contracts_of,
    required_approvals,
)
from underround.venues.polymarket.limits import TIERS
from underround.venues.polymarket.wallets import SignatureType, Wallet

NAME: Final = "polymarket"
_KINDS: Final = {
    SignatureType.EOA: "the key's own account (EOA)",
    SignatureType.POLY_PROXY: "proxy wallet",
    SignatureType.POLY_GNOSIS_SAFE: "safe",
    SignatureType.POLY_1271: "deposit wallet",
}
_APPROVE: Final = (
    "enable trading once on the venue's site with this wallet, or give them from the wallet: "
    "approve(spender, 2^256 - 1) on pUSD, setApprovalForAll(spender, true) on the others"
)


class OwnPolymarket:
    """The checks of a configured wallet."""

    def __init__(self, clients: Clients, *, live: bool, local: bool) -> None:
        """``local``: every host of the configuration is on this machine."""
        self._clients = clients
        self._live = live
        self._local = local

    def checks(self) -> tuple[Check, ...]:
        """Return the lines in order."""
        private = (
            Check(NAME, "closed-only", self.closed_only),
            Check(NAME, "cash", self.cash),
            Check(NAME, "rate tier", self.tier),
        )
        after = (
            Check(NAME, "approvals", self.approvals),
            Check(NAME, "relayer", self.relayer),
            Check(NAME, "credentials", self.credentials, private),
        )
        return (Check(NAME, "wallet", self.wallet, after),)

    def _desk(self) -> PolymarketDesk:
        return self._clients.polymarket

    def _wallet(self) -> Wallet:
        wallet = self._desk().wallet
        assert wallet is not None
        return wallet

    async def wallet(self) -> Verdict:
        """Open the key and recognise the wallet it trades with."""
        return judge_wallet(self._wallet(), local=self._local)

    async def approvals(self) -> Verdict:
        """Ask which permissions the wallet gave."""
        chain_id = self._clients.access.polygon.chain_id
        if chain_id != POLYGON_CHAIN:
            return note(f"not asked: permissions are known on chain {POLYGON_CHAIN} only")
        granted: tuple[Granted, ...] = ()
        with suppress(NotThere):  # a wallet that did nothing yet gave nothing
            granted = await self._desk().data.approvals(self._wallet().maker, chain_id)
        missing = missing_approvals(granted, required_approvals())
        return judge_approvals(missing, live=self._live)

    async def relayer(self) -> Verdict:
        """Look whether a contract wallet can be moved."""
        access, secrets = self._desk().access, self._clients.secrets
        references = (
            access.builder_key,
            access.builder_secret,
            access.builder_passphrase,
            access.relayer_key,
        )
        for reference in references:
            if reference is not None:
                secrets.open(reference)
        there = access.builder_key is not None or access.relayer_key is not None
        return judge_relayer(self._wallet().kind, there=there)

    async def credentials(self) -> Verdict:
        """Get the API credentials and prove them; only live may make a new key."""
        desk = self._desk()
        try:
            credentials = await desk.log_in(create=self._live)
        except (NotThere, RequestRefused):
            if self._live:
                raise
            return note(
                "the wallet has no API key yet, so nothing private was asked",
                "live trading makes one when it begins, and so does doctor --live",
            )
        return judge_keys(credentials.owner, await desk.rest.keys.api_keys())

    async def closed_only(self) -> Verdict:
        """Ask whether the account may open positions."""
        if not self._logged_in():
            return _NO_KEY
        return judge_closed_only(await self._desk().rest.account.closed_only(), live=self._live)

    async def cash(self) -> Verdict:
        """Ask for the cash and what the exchanges may move of it."""
        if not self._logged_in():
            return _NO_KEY
        contracts = contracts_of(self._clients.access.polygon.chain_id)
        return judge_cash(await self._desk().rest.account.cash(), contracts, live=self._live)

    async def tier(self) -> Verdict:
        """Ask for the signer's rate tier."""
        if not self._logged_in():
            return _NO_KEY
        return judge_tier(await self._desk().rest.account.adopt_tier())

    def _logged_in(self) -> bool:
        return self._desk().credentials is not None


_NO_KEY: Final = note("not asked: there is no API key yet")


def no_wallet(*, live: bool) -> Verdict:
    """Say that there is no account."""
    return not_set_up(
        "no wallet is configured: public data only",
        "underround keys add wallet --kind wallet, then venues.polymarket.wallet = "
        '"keystore:wallet"',
        live=live,
    )


def judge_wallet(wallet: Wallet, *, local: bool) -> Verdict:
    """Say which wallet trades, and refuse one whose key everybody has."""
    told = f"{wallet.maker}, {_KINDS[wallet.kind]} (signature type {int(wallet.kind)})"
    if wallet.kind is not SignatureType.EOA:
        told += f" of {wallet.owner}"
    if not everybody_has_key_of(wallet.owner):
        return ok(told)
    if local:
        return note(f"{told}: a test key that everybody has, and every host is on this machine")
    return failed(
        f"{told}: everybody has this key, it is that of every development chain",
        "use a key of your own; move whatever this wallet holds at once",
    )


def judge_approvals(missing: Sequence[Approval], *, live: bool) -> Verdict:
    """Name the permissions that are missing; without the exchanges' no order works."""
    if not missing:
        return ok(f"all {len(required_approvals())} permissions are given")
    told = f"{len(missing)} permissions are missing: {', '.join(map(_named, missing))}"
    exchanges = {POLYGON.exchange, POLYGON.neg_risk_exchange}
    if any(approval.spender in exchanges for approval in missing):
        return hinders_live(f"{told}; orders will be refused", _APPROVE, live=live)
    return warning(f"{told}; orders work, some of minting and redeeming does not", _APPROVE)


_NAMES: Final = {
    getattr(POLYGON, name): name
    for name in POLYGON.__struct_fields__
    if isinstance(getattr(POLYGON, name), str)
}
_TOKENS: Final = {
    POLYGON.collateral: "pUSD",
    POLYGON.conditional_tokens: "CTF",
    POLYGON.position_manager: "PositionManager",
}


def _named(approval: Approval) -> str:
    token = _TOKENS.get(approval.token, approval.token)
    return f"{token} to {_NAMES.get(approval.spender, approval.spender)}"


def judge_relayer(kind: SignatureType, *, there: bool) -> Verdict:
    """Say whether a contract wallet can mint, merge and redeem."""
    if kind is SignatureType.EOA:
        return ok("not needed: the key sends its own transactions")
    if there:
        return ok("a key for the relayer is there")
    return warning(
        "this wallet moves through the relayer only and no key for it is configured: orders work, "
        "minting, merging and redeeming do not",
        "set venues.polymarket.relayer_key, or the three builder keys",
    )


def judge_keys(own: str, listed: Sequence[str]) -> Verdict:
    """Judge the venue's list of keys, which ours must be in; no key is shown."""
    if own in listed:
        return ok(f"the API key works ({len(listed)} of this wallet)")
    return failed(
        f"the venue answers, but its {len(listed)} keys of this wallet are not ours",
        "use the API key of the wallet that signs, or configure none and let it be derived",
    )


def judge_closed_only(closed: bool, *, live: bool) -> Verdict:
    """Judge whether the account may open positions."""
    if not closed:
        return ok("the account may open positions")
    return hinders_live(
        "the account is in closed-only mode: it may reduce positions and open none",
        "ask the venue why; until then run nothing that opens",
        live=live,
    )


def judge_cash(cash: StatedBalance, contracts: Contracts, *, live: bool) -> Verdict:
    """Judge the balance and what the exchanges may move, as the CLOB believes."""
    told = f"{dollars(cash.amount)} {cash.commodity}"
    allowances = {spender.lower(): amount for spender, amount in cash.allowances.items()}
    blocked = [
        name
        for name in ("exchange", "neg_risk_exchange")
        if allowances.get(getattr(contracts, name).lower(), 0) <= 0
    ]
    if blocked:
        return hinders_live(
            f"{told}, but the CLOB sees no allowance for {' and '.join(blocked)}",
            "approve first (see approvals); if that was done, the CLOB has to look again: "
            "GET /balance-allowance/update",
            live=live,
        )
    if cash.amount == 0:
        return warning(f"{told}: nothing can be bought", "fund the wallet with pUSD")
    return ok(f"{told}, and both exchanges may move it")


def judge_tier(name: str) -> Verdict:
    """Name the signer's tier with its rates."""
    tier = TIERS.get(name)
    if tier is None:
        return warning(
            f"the venue calls our tier {name[:40]!r}, which is not known: we go on as slowly as "
            "with standard",
            "update the program",
        )
    return ok(f"{name}: {tier.orders.tokens} orders and {tier.cancels.tokens} cancels per second")
