"""Sending transactions and following them to finality: the only place where nonces are spent.

``submit`` signs, keeps and sends.  ``advance`` looks once and does the one thing that is due; call
it for every open transaction after each new block.  Both keep a transaction before its bytes
leave, so that after a crash ``adopt`` and ``advance`` find out what became of it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

import msgspec

from underround.model.errors import RequestRefused, UnderroundError
from underround.venues.ethereum import EvmKey
from underround.venues.polygon.delivery import Delivery
from underround.venues.polygon.fees import (
    NORMAL,
    PROFILES,
    FeeCap,
    FeeProfile,
    Fees,
    GasPrices,
    bump,
    offer,
)
from underround.venues.polygon.inquiry import estimate_gas, look, never_heard_of, why_reverted
from underround.venues.polygon.nonces import Lease, Nonces
from underround.venues.polygon.private import PrivateRoute
from underround.venues.polygon.quantities import Address
from underround.venues.polygon.rpc import Rpc
from underround.venues.polygon.sign import Call, refuse_public_key, sign_transaction
from underround.venues.polygon.transactions import (
    Attempt,
    AttemptKind,
    Route,
    Sight,
    Transaction,
    TransactionState,
    next_step,
    observe,
)

Keep: TypeAlias = Callable[[Transaction], Awaitable[None]]
"""Writes a transaction down; returns when that is durable."""
Alarm: TypeAlias = Callable[[str], None]
Prices: TypeAlias = Callable[[], Awaitable[GasPrices]]

TRANSFER_GAS: Final = 21_000
"""What a bare transfer costs, always."""

_replace = msgspec.structs.replace


class Sender:
    """Sends for one address."""

    def __init__(
        self,
        rpc: Rpc,
        key: EvmKey,
        nonces: Nonces,
        *,
        prices: Prices,
        cap: FeeCap,
        keep: Keep,
        alarm: Alarm,
        private: PrivateRoute | None = None,
    ) -> None:
        """Sign with ``key``; ``alarm`` gets one sentence for whatever needs a person.

        Raises ``AccountError`` for a key that everybody knows.
        """
        self.address = Address(key.address.lower())
        refuse_public_key(self.address)
        self._rpc = rpc
        self._key = key
        self._nonces = nonces
        self._prices = prices
        self._cap = cap
        self._keep = keep
        self._alarm = alarm
        self._private = private

    async def submit(
        self, call: Call, profile: FeeProfile = NORMAL, *, gas: int | None = None
    ) -> Transaction:
        """Send ``call`` once and return it as it is then: ``pending`` or ``unknown``.

        ``gas``: its limit, where an estimate cannot work yet (it depends on a pending one).
        Raises ``RequestRefused`` (it would revert, too little POL, every node refused it) and
        ``TryLater`` (gas above the cap, no node): then nothing was sent and no nonce is used.
        """
        limit = gas if gas is not None else await estimate_gas(self._rpc, self.address, call)
        fees = offer(await self._prices(), profile, self._cap)
        head = int((await self._rpc.block()).number)
        async with self._nonces.lease() as lease:
            return await self._begin(call, lease, limit, profile, fees, head)

    async def advance(self, transaction: Transaction) -> Transaction:
        """Look once at what became of ``transaction`` and do what is due; return it as it is now.

        Raises what reading raises; the transaction is then as it was.
        """
        if transaction.ended:
            return transaction
        sight = await look(self._rpc, transaction)
        seen = observe(transaction, sight)
        if sight.receipt and not sight.receipt.status and seen.landed != transaction.landed:
            seen = _replace(seen, note=await why_reverted(self._rpc, seen))
        if seen.state in {"superseded", "reverted"}:
            self._alarm(f"{self.address}: nonce {seen.nonce} {seen.state}: {seen.note}")
        profile = PROFILES.get(transaction.profile, NORMAL)
        public_after = self._private.public_after if self._private is not None else 0
        step = next_step(seen, sight, patience=profile.patience, public_after=public_after)
        if step == "replace":
            seen = await self._outbid(seen, profile, sight)
        elif step == "publish":
            seen = await self._send_again(_in_public(seen, sight.head))
        elif step == "resend":
            seen = await self._send_again(seen)
        if seen != transaction:
            await self._keep(seen)
        return seen

    async def cancel(self, transaction: Transaction) -> Transaction:
        """Replace ``transaction`` by nothing: a transfer of 0 to ourselves with the same nonce.

        It may still be mined first; ``advance`` tells which one was.  Raises ``RequestRefused``
        when it has ended, is mined, or the fee cap allows no replacement.
        """
        if transaction.ended or transaction.state == "mined":
            raise RequestRefused(
                f"transaction {transaction.last.hash} is {transaction.state}: too late to cancel"
            )
        fees = bump(transaction.last.fees, None, self._cap)
        if fees is None:
            raise RequestRefused(
                f"transaction {transaction.last.hash} already pays the most the cap allows: raise "
                "the cap to cancel it"
            )
        head = int((await self._rpc.block()).number)
        cancelling = self._attempt(transaction, fees, "cancel", head)
        await self._keep(cancelling)
        sent, _ = await self._deliver(cancelling)
        await self._keep(sent)
        return sent

    async def fill_gap(self, nonce: int, profile: FeeProfile = NORMAL) -> Transaction:
        """Use up a nonce that no pool has, with a transfer of 0 to ourselves.

        Only for a number that no followed transaction holds (those are sent again by
        ``advance``).  Raises ``RequestRefused`` when the nonce is in use.
        """
        fees = offer(await self._prices(), profile, self._cap)
        head = int((await self._rpc.block()).number)
        async with self._nonces.lease_again(nonce) as lease:
            if lease is None:
                raise RequestRefused(f"nonce {nonce} is no gap: look at the open transactions")
            return await self._begin(Call(self.address), lease, TRANSFER_GAS, profile, fees, head)

    async def adopt(self, transaction: Transaction) -> None:
        """Take over a transaction of an earlier run: its nonce is not given out again."""
        if transaction.state != "refused":
            await self._nonces.note(transaction.nonce)

    # --- parts ---------------------------------------------------------------------------------

    async def _begin(
        self, call: Call, lease: Lease, gas: int, profile: FeeProfile, fees: Fees, head: int
    ) -> Transaction:
        """Make and send the first attempt of a nonce; raise if it is certain that none exists."""
        bare = Transaction(
            sender=self.address,
            nonce=lease.nonce,
            call=call,
            gas=gas,
            profile=profile.name,
            attempts=(),
            state="signed",
        )
        signed = self._attempt(bare, fees, "call", head)
        await self._keep(signed)
        lease.spend()
        sent, delivery = await self._deliver(signed)
        refused = delivery.refusal()
        # A node that refuses may still have it: a used nonce can be its own.
        if refused and (not delivery.refused or await never_heard_of(self._rpc, sent.last.hash)):
            if not delivery.nonce_used:  # a used-up number must not be handed out again
                lease.recall()
            await self._keep(_replace(sent, state="refused", note=str(refused)))
            raise refused
        await self._keep(sent)
        return sent

    def _attempt(
        self, transaction: Transaction, fees: Fees, kind: AttemptKind, head: int
    ) -> Transaction:
        call, gas = transaction.call, transaction.gas
        if kind == "cancel":
            call, gas = Call(self.address), TRANSFER_GAS
        signed = sign_transaction(
            self._key,
            call,
            chain_id=self._rpc.chain_id,
            nonce=transaction.nonce,
            gas=gas,
            fees=fees,
        )
        # What is public already cannot be hidden by a replacement.
        hidden = self._private is not None and all(
            earlier.route == "private" for earlier in transaction.attempts
        )
        route: Route = "private" if hidden else "public"
        attempt = Attempt(signed.hash, signed.raw, fees, kind, route, head)
        state: TransactionState = "pending" if transaction.attempts else "signed"
        return _replace(transaction, attempts=(*transaction.attempts, attempt), state=state)

    async def _deliver(self, transaction: Transaction) -> tuple[Transaction, Delivery]:
        """Send the last attempt, in private if that is its route and works, else to all nodes."""
        if transaction.last.route == "private" and self._private is not None:
            taken, why = await self._private.send(transaction.last.raw)
            if taken != "no":
                note = why and f"{why}; it is published if it is not mined"
                return _replace(transaction, state="pending", note=note), Delivery(("private",))
            transaction = _in_public(transaction, transaction.last.sent_at)
        delivery = await self._rpc.broadcast(transaction.last.raw)
        if delivery.taken:
            state: TransactionState = "stuck" if transaction.state == "stuck" else "pending"
            return _replace(transaction, state=state), delivery
        state = "unknown" if transaction.state == "signed" else transaction.state
        return _replace(transaction, state=state, note=delivery.sentence), delivery

    async def _send_again(self, transaction: Transaction) -> Transaction:
        """Send the same bytes; tell a person when they are refused for good."""
        sent, delivery = await self._deliver(transaction)
        hopeless = {fault.kind for _, fault in delivery.refused} & {"funds", "other"}
        if hopeless and not delivery.taken and sent.note != transaction.note:
            self._alarm(f"{self.address}: nonce {sent.nonce} is refused: {sent.note}")
        return sent

    async def _outbid(
        self, transaction: Transaction, profile: FeeProfile, sight: Sight
    ) -> Transaction:
        """Replace the last attempt by a dearer one; at the cap, say so once and keep it alive."""
        try:
            now: Fees | None = offer(await self._prices(), profile, self._cap)
        except UnderroundError:
            now = None  # the step of an eighth does without it
        fees = bump(transaction.last.fees, now, self._cap)
        if fees is not None:
            dearer = self._attempt(transaction, fees, transaction.last.kind, sight.head)
            await self._keep(dearer)
            sent, _ = await self._deliver(dearer)
            return sent
        if transaction.state != "stuck":
            note = "it waits and already pays the most the cap allows: raise the cap or cancel it"
            self._alarm(f"{self.address}: nonce {transaction.nonce}: {note}")
            transaction = _replace(transaction, state="stuck", note=note)
        if sight.known:
            return transaction
        sent, _ = await self._deliver(transaction)
        return _replace(sent, note=transaction.note)


def _in_public(transaction: Transaction, head: int) -> Transaction:
    last = _replace(transaction.last, route="public", sent_at=head)
    return _replace(transaction, attempts=(*transaction.attempts[:-1], last))
