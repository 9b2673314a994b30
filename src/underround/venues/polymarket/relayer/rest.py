"""The relayer: sends a wallet's contract calls to the chain and pays their gas.

Orders never go here.  A submission that may have arrived is never sent again: its nonce would have
moved on, and a second one would do everything twice.  Only what the relayer definitely refused is
signed anew (another action was under way, or the nonce was old) and sent again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, NoReturn, TypeAlias

import msgspec

from underround.model.errors import (
    AccountError,
    NotThere,
    OutcomeUnknown,
    RateLimited,
    RequestRefused,
    TryLater,
)
from underround.model.frames import NANOS_PER_SECOND
from underround.model.secret import Secret
from underround.model.units import Nanos
from underround.venues.ethereum import EvmKey
from underround.venues.polymarket.contracts import POLYGON, PolygonContracts
from underround.venues.polymarket.relayer import answers, proxy_calls, safe_calls, wallet_calls
from underround.venues.polymarket.relayer.answers import Relayed
from underround.venues.polymarket.relayer.wallet_calls import Call
from underround.venues.polymarket.requests import Query, Requests
from underround.venues.polymarket.sign import relayer_headers
from underround.venues.polymarket.wallets import SignatureType, Wallet
from underround.venues.transport.budget import Sleep

POLL_S: Final = 2
MOST_POLLS: Final = 100
MOST_ATTEMPTS: Final = 11
DEADLINE_S: Final = 600
"""How long a signed batch of a deposit wallet may be executed."""

GasEstimate: TypeAlias = Callable[[str, str, bytes], Awaitable[int]]
"""``(from, to, data)`` → gas; asks a node."""
_TYPES: Final[dict[SignatureType, str]] = {
    SignatureType.POLY_PROXY: "PROXY",
    SignatureType.POLY_GNOSIS_SAFE: "SAFE",
    SignatureType.POLY_1271: "WALLET",
}


class RelayerKey:
    """``Authorizer`` with a relayer key, which is sent as it is; neither pickled nor copied."""

    __slots__ = ("_headers",)

    def __init__(self, api_key: Secret, address: str) -> None:
        self._headers = relayer_headers(api_key, address)

    def headers(self, method: str, path: str, body: bytes, now: Nanos) -> Mapping[str, str]:
        """Return the same headers for every request."""
        del method, path, body, now
        return self._headers

    def __repr__(self) -> str:
        return "RelayerKey(…)"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("credentials are neither pickled nor copied")


class PolymarketRelayer:
    """The client of one wallet; ``requests`` asks ``PolymarketHosts.relayer`` with its key."""

    def __init__(
        self,
        requests: Requests,
        key: EvmKey,
        wallet: Wallet,
        sleep: Sleep,
        *,
        contracts: PolygonContracts = POLYGON,
        estimate_gas: GasEstimate | None = None,
    ) -> None:
        """Raises ``AccountError`` for a wallet that the relayer does not serve."""
        kind = _TYPES.get(wallet.kind)
        if kind is None:
            raise AccountError(
                f"{wallet.maker} is a key's own address: the relayer serves wallets only, send its "
                "transactions through a node"
            )
        if key.address != wallet.owner:
            raise AccountError(
                f"the key is that of {key.address}, but the wallet {wallet.maker} is owned by "
                f"{wallet.owner}: use the owner's key"
            )
        self._requests = requests
        self._key = key
        self._wallet = wallet
        self._kind = kind
        self._sleep = sleep
        self._contracts = contracts
        self._estimate_gas = estimate_gas

    async def deployed(self) -> bool:
        """Return whether the wallet exists on the chain."""
        query: Query = {"address": self._wallet.maker, "type": self._kind}
        body = await self._requests.signed("GET", "/deployed", group="relayer_reads", query=query)
        return answers.deployed(body, "Polymarket relayer GET /deployed")

    async def create(self) -> Relayed:
        """Create the wallet on the chain; proxies come into being with their first call."""
        if self._wallet.kind is SignatureType.POLY_1271:
            return await self._submit(self._create_deposit)
        if self._wallet.kind is SignatureType.POLY_GNOSIS_SAFE:
            return await self._submit(self._create_safe)
        raise RequestRefused("a proxy is created by its first call: execute one")

    async def execute(self, calls: Sequence[Call], metadata: str = "") -> Relayed:
        """Have the wallet make ``calls``, in order; returns once the relayer took them.

        Signs anew and sends again while the relayer says that the wallet is busy or the nonce old,
        at most ``MOST_ATTEMPTS`` times.  Raises ``OutcomeUnknown`` when it may have taken them:
        then look at the chain, never call again.
        """
        wallet_calls.check(calls, metadata)
        kept = tuple(calls)

        async def signed(nonce: int | None) -> bytes:
            return await self._signed(kept, metadata, nonce)

        return await self._submit(signed)

    async def transaction(self, transaction: str) -> Relayed:
        """Return how far a transaction is; an unknown state counts as pending."""
        path = f"/v1/account/transactions/{transaction}"
        body = await self._requests.signed("GET", path, group="relayer_reads")
        return answers.transaction(body, f"Polymarket relayer GET {path}")

    async def wait(self, relayed: Relayed) -> Relayed:
        """Return the transaction once it is confirmed.

        Raises ``RequestRefused`` when it failed (the chain undid it), ``OutcomeUnknown`` when it is
        still under way after ``MOST_POLLS`` looks.
        """
        latest = relayed
        for _ in range(MOST_POLLS):
            try:
                latest = await self.transaction(relayed.id)
            except (TryLater, NotThere):
                # A look that failed, or came too early, says nothing about the transaction.
                await self._sleep(POLL_S)
                continue
            if latest.state == "confirmed":
                return msgspec.structs.replace(latest, hash=latest.hash or relayed.hash)
            if latest.state == "failed":
                raise RequestRefused(
                    f"Polymarket relayer: transaction {relayed.id} failed"
                    f" ({latest.reason or 'no reason is given'}): nothing was changed"
                )
            await self._sleep(POLL_S)
        raise OutcomeUnknown(
            f"Polymarket relayer: transaction {relayed.id} is {latest.state} after "
            f"{MOST_POLLS * POLL_S} seconds: look at it again before doing it anew"
        )

    # --- bodies --------------------------------------------------------------------------------

    async def _create_deposit(self, nonce: int | None) -> bytes:
        del nonce
        return wallet_calls.deposit_create_body(self._key.address, self._contracts)

    async def _create_safe(self, nonce: int | None) -> bytes:
        del nonce
        return safe_calls.safe_create_body(self._key, self._wallet.maker, self._contracts)

    async def _signed(self, calls: tuple[Call, ...], metadata: str, nonce: int | None) -> bytes:
        key, wallet, contracts = self._key, self._wallet.maker, self._contracts
        if self._wallet.kind is SignatureType.POLY_PROXY:
            place = "Polymarket relayer GET /relay-payload"
            params = await self._params("/relay-payload")
            stated, relay = answers.nonce(params, place), answers.relay(params, place)
            gas = await self._gas(calls)
            return proxy_calls.proxy_body(
                key, wallet, stated, relay, gas, calls, contracts, metadata
            )
        if nonce is None:
            path = "/v1/account/transactions/params"
            nonce = answers.nonce(await self._params(path), f"Polymarket relayer GET {path}")
        if self._wallet.kind is SignatureType.POLY_GNOSIS_SAFE:
            return safe_calls.safe_body(key, wallet, nonce, calls, contracts, metadata)
        deadline = self._requests.clock() // NANOS_PER_SECOND + DEADLINE_S
        return wallet_calls.deposit_body(key, wallet, nonce, deadline, calls, contracts, metadata)

    async def _params(self, path: str) -> bytes:
        query: Query = {"address": self._key.address, "type": self._kind}
        return await self._requests.signed("GET", path, group="relayer_reads", query=query)

    async def _gas(self, calls: tuple[Call, ...]) -> int:
        """Return the gas a proxy's calls may use: estimated, or the client's usual allowance."""
        if self._estimate_gas is not None:
            factory = self._contracts.wallets.proxy_factory
            data = proxy_calls.proxy_data(calls)
            return await self._estimate_gas(self._key.address, factory, data)
        return proxy_calls.GAS_PER_CALL * len(calls)

    # --- sending -------------------------------------------------------------------------------

    async def _submit(self, signed: Callable[[int | None], Awaitable[bytes]]) -> Relayed:
        place = "Polymarket relayer POST /submit"
        nonce: int | None = None
        left = MOST_ATTEMPTS
        while True:
            left -= 1
            body = await signed(nonce)
            reply = await self._requests.reply(
                "POST", "/submit", group="relayer", body=body, write=True
            )
            try:
                self._requests.settle(reply, place, "relayer", write=True)
            except RateLimited as error:
                if not left:
                    raise
                await self._sleep(max(POLL_S, (error.retry_after_ms or 0) / 1_000))
            except RequestRefused:
                again, nonce = answers.again(reply)
                if not (again and left):
                    raise
                await self._sleep(POLL_S)
            else:
                return answers.taken(reply.body, place)
