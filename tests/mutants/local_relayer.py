"""Faults in the local relayer and in what wallets do without a chain."""

from __future__ import annotations

from typing import Final

from tests.mutants.fault import Fault

_RELAYER: Final = ("local_venue/polymarket/test_relayer_server.py",)
_WALLETS: Final = ("local_venue/polymarket/test_wallet_books.py",)

FAULTS: Final = (
    # --- what is submitted ------------------------------------------------------------------------
    Fault(
        "a submission's signature is not checked",
        "local_venue/polymarket/relayer/requests.py",
        "if signer_of(digest, signature) != owner:",
        "if False:",
        _RELAYER,
    ),
    Fault(
        "a deposit wallet of somebody else is moved",
        "local_venue/polymarket/relayer/requests.py",
        "if wallet not in deposit_wallets(owner):",
        "if False:",
        _RELAYER,
    ),
    Fault(
        "the relayer lets itself be paid",
        "local_venue/polymarket/relayer/requests.py",
        'if params.get(name, "0") != "0":',
        "if False:",
        _RELAYER,
    ),
    Fault(
        "a safe delegates to any contract",
        "local_venue/polymarket/relayer/calls.py",
        "if operation != _DELEGATE_CALL or one.target != POLYGON.safe_multisend:",
        "if operation != _DELEGATE_CALL:",
        _RELAYER,
    ),
    Fault(
        "a proxy delegates",
        "local_venue/polymarket/relayer/calls.py",
        "if any(kind != _PROXY_CALL for kind, _, _, _ in rows):",
        "if False:",
        _RELAYER,
    ),
    Fault(
        "a call inside a safe's may delegate",
        "local_venue/polymarket/relayer/calls.py",
        " or row[0] != _PLAIN_CALL:",
        ":",
        _RELAYER,
    ),
    Fault(
        "a batch is taken after its deadline",
        "local_venue/polymarket/relayer/transactions.py",
        "if self._passed(sent, server):",
        "if False:",
        _RELAYER,
    ),
    Fault(
        "a nonce is used twice",
        "local_venue/polymarket/relayer/transactions.py",
        ("        if sent.nonce != expected:\n"),
        ("        if False:\n"),
        _RELAYER,
    ),
    Fault(
        "a deposit wallet does two things at once",
        "local_venue/polymarket/relayer/transactions.py",
        'if kind == "WALLET" and self._active(kind, owner):',
        "if False:",
        _RELAYER,
    ),
    Fault(
        "a wallet that does not exist acts",
        "local_venue/polymarket/relayer/transactions.py",
        'if kind != "PROXY" and not self.deployed(sent.wallet):',
        "if False:",
        _RELAYER,
    ),
    Fault(
        "a key submits as often as it likes",
        "local_venue/polymarket/relayer/rest.py",
        ("        if wait:\n"),
        ("        if False:\n"),
        _RELAYER,
    ),
    Fault(
        "another account's transaction is told",
        "local_venue/polymarket/relayer/rest.py",
        "if found is None or not (found.by == holder.key or found.sent.owner == holder.owner):",
        "if found is None:",
        _RELAYER,
    ),
    # --- what becomes of it -----------------------------------------------------------------------
    Fault(
        "a batch whose deadline passed on its way is carried out",
        "local_venue/polymarket/relayer/transactions.py",
        ("        late = self._too_late(transaction, at)\n"),
        ('        late = ""\n'),
        _RELAYER,
    ),
    Fault(
        "a stuck chain mines wallets' calls",
        "local_venue/polymarket/relayer/transactions.py",
        "if self._world.faults.of(Stuck, at):",
        "if False:",
        _RELAYER,
    ),
    Fault(
        "a call that reverts ends confirmed",
        "local_venue/polymarket/relayer/transactions.py",
        'self._end(transaction, "FAILED", at, str(error) or "execution reverted")',
        'self._move(transaction, "CONFIRMED", at)',
        _RELAYER,
    ),
    Fault(
        "a failed call of a proxy keeps its nonce",
        "local_venue/polymarket/relayer/transactions.py",
        'if sent.kind == "PROXY":',
        "if False:",
        _RELAYER,
    ),
    Fault(
        "a wallet that was created does not exist",
        "local_venue/polymarket/relayer/transactions.py",
        "self._deployed.add(sent.wallet.lower())",
        "pass",
        _RELAYER,
    ),
    # --- what wallets do --------------------------------------------------------------------------
    Fault(
        "the calls before one that reverts stay done",
        "local_venue/polymarket/wallets/scratch.py",
        "self._steps.append(lambda: _forget(step()))",
        "step()",
        _WALLETS,
    ),
    Fault(
        "a contract takes without an allowance",
        "local_venue/polymarket/wallets/scratch.py",
        "if amount > min(allowed, there):",
        "if amount > there:",
        _WALLETS,
    ),
    Fault(
        "an allowance is never used up",
        "local_venue/polymarket/wallets/scratch.py",
        ("        if allowed != ENDLESS:\n"),
        ("        if False:\n"),
        _WALLETS,
    ),
    Fault(
        "anybody moves anybody's shares",
        "local_venue/polymarket/wallets/books.py",
        "if giver != wallet and not scratch.operates(giver, act.token, wallet):",
        "if False:",
        _WALLETS,
    ),
    Fault(
        "a contract takes shares without being an operator",
        "local_venue/polymarket/wallets/sets.py",
        "if at != POLYGON.conditional_tokens and not scratch.operates(wallet, held_by, at):",
        "if False:",
        _WALLETS,
    ),
    Fault(
        "shares are given that are not there",
        "local_venue/polymarket/wallets/sets.py",
        "if amount > scratch.free(wallet, outcome):",
        "if False:",
        _WALLETS,
    ),
    Fault(
        "dollars that are in flight are split",
        "local_venue/polymarket/wallets/scratch.py",
        "held = self._custody.balance(wallet, outcome) - self._custody.in_flight(wallet, outcome)",
        "held = self._custody.balance(wallet, outcome)",
        _WALLETS,
    ),
    Fault(
        "orders stay whose cover a wallet moved away",
        "local_venue/polymarket/wallets/books.py",
        "self._world.polymarket.drop_uncovered(account, now)",
        "pass",
        _WALLETS,
    ),
    Fault(
        "a loser is redeemed at a dollar",
        "local_venue/polymarket/wallets/sets.py",
        "paid = sum(amount * resolution.payouts[each.index] // ONE for each, amount in given)",
        "paid = sum(amount for each, amount in given)",
        _WALLETS,
    ),
    Fault(
        "a market is redeemed before it is resolved",
        "local_venue/polymarket/wallets/sets.py",
        ("        if resolution is None:\n            v2"),
        ("        if resolution is None:\n            return\n            v2"),
        _WALLETS,
    ),
    Fault(
        "a conversion pays a dollar too few",
        "local_venue/polymarket/wallets/sets.py",
        "custody, cash = self._custody, (len(given) - 1) * size",
        "custody, cash = self._custody, (len(given) - 2) * size",
        _WALLETS,
    ),
    Fault(
        "an adapter takes conditions of the other family",
        "local_venue/polymarket/wallets/sets.py",
        "if row is None or _family(row) != _FAMILIES[at]:",
        "if row is None:",
        _WALLETS,
    ),
    Fault(
        "a set of one outcome is split",
        "local_venue/polymarket/wallets/sets.py",
        "if sorted(act.partition) != [1, 2]:",
        "if False:",
        _WALLETS,
    ),
)
