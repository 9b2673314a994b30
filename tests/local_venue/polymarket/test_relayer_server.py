"""The relayer on loopback: our client with every kind of wallet, and who is refused."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from eth_abi.abi import encode

from tests.aio import run
from tests.local_venue.polymarket.catalogue_desk import (
    SECOND,
    CatalogueDesk,
    everything,
    serving,
)
from tests.oracles.known import Lent
from underround.local_venue.faults import Stuck
from underround.local_venue.polymarket.relayer.keys import relayer_key
from underround.local_venue.polymarket.relayer.transactions import RELAY, RelayTimes
from underround.local_venue.world import CallReverted
from underround.model.errors import RequestRefused
from underround.model.ids import NO, YES
from underround.model.market import Market
from underround.model.units import usd
from underround.venues.ethereum import EvmKey
from underround.venues.polygon import positions
from underround.venues.polymarket.contracts import POLYGON
from underround.venues.polymarket.relayer.proxy_calls import proxy_body, proxy_data, proxy_digest
from underround.venues.polymarket.relayer.safe_calls import (
    multi_send,
    safe_body,
    safe_create_body,
    safe_digest,
    safe_signature,
)
from underround.venues.polymarket.relayer.wallet_calls import (
    Call,
    deposit_body,
    deposit_create_body,
    message_digest,
)
from underround.venues.polymarket.sign import BuilderCredentials
from underround.venues.polymarket.wallets import SignatureType, deposit_wallets, safe_wallet

Scene = Callable[[CatalogueDesk, dict[str, Market]], Awaitable[None]]
KINDS = (SignatureType.POLY_PROXY, SignatureType.POLY_GNOSIS_SAFE, SignatureType.POLY_1271)
STRANGER = EvmKey(Lent("stranger", "0x" + "77" * 32))


def on_desk(scene: Scene, **relay: Any) -> None:
    """Run a scene on a served desk with a market of every kind."""

    async def main() -> None:
        desk = CatalogueDesk(**relay)
        markets = everything(desk)
        async with serving(desk):
            await scene(desk, markets)

    run(main())


def relayed(*calls: Any) -> list[Call]:
    return [Call(str(call.to), call.data) for call in calls]


# --- what our client does ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_wallet_splits_merges_and_ends_with_the_right_balances(
    kind: SignatureType,
) -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        client, custody = await desk.relayer("alice", kind), desk.world.polymarket.custody
        native, account = markets["plain"].id.native, desk.account("alice", kind)
        taken = await client.execute(relayed(positions.split("ctf", native, usd("100"))), "split")
        assert custody.balance(account) == usd("10000")
        done = await client.wait(taken)
        assert (done.state, len(done.hash)) == ("confirmed", 66)
        assert custody.balance(account) == usd("9900")
        both = relayed(
            positions.merge("ctf", native, usd("40")), positions.split("ctf", native, usd("1"))
        )
        await client.wait(await client.execute(both))
        assert custody.balance(account) == usd("9939")
        for index in (YES, NO):
            assert custody.balance(account, markets["plain"].outcome(index)) == usd("61")

    on_desk(scene)


@pytest.mark.parametrize("kind", KINDS)
def test_a_call_that_reverts_ends_failed_with_the_contract_s_reason(kind: SignatureType) -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        client = await desk.relayer("alice", kind)
        native = markets["plain"].id.native
        failing = relayed(positions.merge("ctf", native, usd("1")))
        taken = await client.execute(failing)
        with pytest.raises(RequestRefused, match="SafeMath: subtraction overflow"):
            await client.wait(taken)
        again = await client.execute(relayed(positions.split("ctf", native, usd("1"))))
        assert (await client.wait(again)).state == "confirmed"

    on_desk(scene)


@pytest.mark.parametrize(
    "kind, name, following",
    [(KINDS[0], "PROXY", "1"), (KINDS[1], "SAFE", "0"), (KINDS[2], "WALLET", "0")],
)
def test_only_the_hub_of_proxies_counts_a_call_that_failed(
    kind: SignatureType, name: str, following: str
) -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        client = await desk.relayer("alice", kind)
        failing = relayed(positions.merge("ctf", markets["plain"].id.native, usd("1")))
        with pytest.raises(RequestRefused):
            await client.wait(await client.execute(failing))
        owner = desk.people["alice"].owner
        told = await desk.get("relayer", "/nonce", address=owner, type=name)
        assert told == {"nonce": following}

    on_desk(scene)


def test_a_builder_key_opens_the_relayer() -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        login = desk.world.accounts.create(desk.people["carol"].owner, 5)
        assert login is not None
        desk.world.accounts.builders[login.key] = login
        builder = BuilderCredentials(
            Lent("k", login.key), Lent("s", login.secret), Lent("p", login.passphrase)
        )
        client = await desk.relayer("alice", by=builder)
        native = markets["plain"].id.native
        taken = await client.execute(relayed(positions.split("ctf", native, usd("1"))))
        assert (await client.wait(taken)).state == "confirmed"

    on_desk(scene)


def test_wallets_are_created_and_then_exist() -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        call = relayed(positions.split("ctf", markets["plain"].id.native, usd("1")))
        for kind in (SignatureType.POLY_1271, SignatureType.POLY_GNOSIS_SAFE):
            client = await desk.relayer("alice", kind)
            assert not await client.deployed()
            with pytest.raises(RequestRefused, match="is not registered"):
                await client.execute(call)
            assert (await client.wait(await client.create())).state == "confirmed"
            assert await client.deployed()
            with pytest.raises(RequestRefused, match="already deployed"):
                await client.create()
            assert (await client.wait(await client.execute(call))).state == "confirmed"
        proxy = await desk.relayer("alice", SignatureType.POLY_PROXY)
        assert not await proxy.deployed()
        await proxy.wait(await proxy.execute(call))
        assert await proxy.deployed()

    on_desk(scene, deployed=[])


def test_a_deposit_wallet_does_one_thing_at_a_time_and_our_client_waits() -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        client = await desk.relayer("alice")
        native = markets["plain"].id.native
        first = await client.execute(relayed(positions.split("ctf", native, usd("2"))))
        second = await client.execute(relayed(positions.split("ctf", native, usd("3"))))
        assert first.id != second.id
        await client.wait(second)
        custody = desk.world.polymarket.custody
        assert custody.balance(desk.account("alice")) == usd("9995")

    on_desk(scene)


def test_several_calls_of_a_safe_may_be_on_their_way() -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        client = await desk.relayer("alice", SignatureType.POLY_GNOSIS_SAFE)
        native = markets["plain"].id.native
        sent = [
            await client.execute(relayed(positions.split("ctf", native, usd("1"))))
            for _ in range(3)
        ]
        for each in sent:
            await client.wait(each)
        custody = desk.world.polymarket.custody
        assert custody.balance(desk.account("alice", SignatureType.POLY_GNOSIS_SAFE)) == usd("9997")

    on_desk(scene)


def test_a_key_submits_25_times_a_minute() -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        headers = keyed(desk)
        body = b"{}"
        told = [
            await desk.ask("relayer", "/submit", method="POST", body=body, headers=headers)
            for _ in range(26)
        ]
        assert [each.status for each in told] == [400] * 25 + [429]
        assert int(told[-1].headers["Retry-After"]) == 3
        desk.pass_ms(3_000)
        after = await desk.ask("relayer", "/submit", method="POST", body=body, headers=headers)
        assert after.status == 400

    on_desk(scene)


def test_our_client_waits_when_the_relayer_says_it_is_too_fast() -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        for _ in range(25):
            await desk.ask("relayer", "/submit", method="POST", body=b"{}", headers=keyed(desk))
        client = await desk.relayer("alice")
        before = desk.now
        native = markets["plain"].id.native
        await client.execute(relayed(positions.split("ctf", native, usd("1"))))
        assert 2 * SECOND <= desk.now - before <= 4 * SECOND

    on_desk(scene)


# --- states --------------------------------------------------------------------------------------


def test_a_transaction_passes_through_its_states_in_time() -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        client = await desk.relayer("alice")
        native = markets["plain"].id.native
        taken = await client.execute(relayed(positions.split("ctf", native, usd("1"))), "why")
        path = f"/v1/account/transactions/{taken.id}"

        async def seen() -> Any:
            told = await desk.ask("relayer", path, headers=keyed(desk))
            return told.body["state"], told.body["transaction_hash"] is None

        assert await seen() == ("STATE_NEW", True)
        desk.pass_ms(10)
        assert await seen() == ("STATE_EXECUTED", True)
        desk.pass_ms(100)
        assert await seen() == ("STATE_MINED", False)
        desk.pass_ms(1_000)
        assert await seen() == ("STATE_CONFIRMED", False)
        old = await desk.get("relayer", "/transaction", id=taken.id)
        assert old[0]["transactionID"] == taken.id
        assert (old[0]["state"], old[0]["metadata"]) == ("STATE_CONFIRMED", "why")
        (own,) = (await desk.ask("relayer", "/transactions", headers=keyed(desk))).body
        assert own == old[0]
        (account,) = (
            await desk.ask("relayer", "/v1/account/transactions", headers=keyed(desk))
        ).body
        assert account["transaction_id"] == taken.id

    on_desk(scene, times=RelayTimes(executed_ms=10, mined_ms=100, confirmed_ms=1_000))


def test_a_stuck_chain_mines_nothing_until_it_moves_again() -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        client = await desk.relayer("alice")
        native = markets["plain"].id.native
        desk.world.faults.set(Stuck(), desk.now)
        taken = await client.execute(relayed(positions.split("ctf", native, usd("1"))))
        desk.pass_ms(60_000)
        assert (await client.transaction(taken.id)).state == "pending"
        desk.world.faults.clear()
        desk.pass_ms(10_000)
        assert (await client.transaction(taken.id)).state == "confirmed"

    on_desk(scene)


def test_a_batch_that_is_stuck_beyond_its_deadline_fails() -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        client = await desk.relayer("alice")
        native = markets["plain"].id.native
        desk.world.faults.set(Stuck(for_ms=700_000), desk.now)
        taken = await client.execute(relayed(positions.split("ctf", native, usd("1"))))
        desk.pass_ms(710_000)
        with pytest.raises(RequestRefused, match="the deadline has passed"):
            await client.wait(taken)
        assert desk.world.polymarket.custody.balance(desk.account("alice")) == usd("10000")

    on_desk(scene)


class Chain:
    """A desk that takes its time, as a chain does."""

    def __init__(self, outcome: str | Exception) -> None:
        self.outcome = outcome
        self.asked: list[tuple[str, int]] = []

    async def execute(self, wallet: str, calls: Any) -> str:
        self.asked.append((wallet, len(calls)))
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


@pytest.mark.parametrize(
    "outcome, state", [("0x" + "ab" * 32, "confirmed"), (CallReverted("because"), "failed")]
)
def test_calls_may_be_carried_out_by_a_chain(outcome: Any, state: str) -> None:
    async def main() -> None:
        desk = CatalogueDesk()
        markets = everything(desk)
        chain = Chain(outcome)
        desk.wallets = chain  # type: ignore[assignment]  # another desk
        chain.purse = None  # type: ignore[attr-defined]  # the Data API makes its own
        async with serving(desk):
            client = await desk.relayer("alice")
            native = markets["plain"].id.native
            taken = await client.execute(relayed(positions.split("ctf", native, usd("1"))))
            latest = taken
            for _ in range(5):
                await desk.sleep(2)
                latest = await client.transaction(taken.id)
            assert latest.state == state
            assert latest.reason == ("because" if state == "failed" else "")
            assert chain.asked == [(desk.account("alice"), 1)]

    run(main())


# --- who is refused ------------------------------------------------------------------------------


def keyed(desk: CatalogueDesk, who: str = "alice") -> dict[str, str]:
    owner = desk.people[who].owner
    key = relayer_key(desk.world.seed, owner)
    return {"RELAYER_API_KEY": key, "RELAYER_API_KEY_ADDRESS": owner}


def alice(desk: CatalogueDesk) -> EvmKey:
    return EvmKey(Lent("alice", desk.people["alice"].private_key))


def body_of(
    desk: CatalogueDesk, market: Market, kind: SignatureType, key: EvmKey, nonce: int = 0
) -> dict[str, Any]:
    """Return a submission as ``key`` signs it, for alice's wallet."""
    wallet = desk.people["alice"].wallets[kind.name]
    calls = relayed(positions.split("ctf", market.id.native, usd("1")))
    if kind is SignatureType.POLY_PROXY:
        made = proxy_body(key, wallet, nonce, RELAY, 200_000, calls, POLYGON, "")
    elif kind is SignatureType.POLY_GNOSIS_SAFE:
        made = safe_body(key, wallet, nonce, calls, POLYGON, "")
    else:
        deadline = desk.now // SECOND + 600
        made = deposit_body(key, wallet, nonce, deadline, calls, POLYGON, "")
    told: dict[str, Any] = json.loads(made)
    return told


async def submitted(desk: CatalogueDesk, body: dict[str, Any]) -> tuple[int, str]:
    """Submit a body; return status and words."""
    told = await desk.ask(
        "relayer", "/submit", method="POST", body=json.dumps(body).encode(), headers=keyed(desk)
    )
    return told.status, told.body.get("error", "")


@pytest.mark.parametrize("kind", KINDS)
def test_a_signature_that_is_not_the_owner_s_is_refused(kind: SignatureType) -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        forged = body_of(desk, markets["plain"], kind, STRANGER)
        forged["from"] = desk.people["alice"].owner
        assert await submitted(desk, forged) == (400, "invalid signature")
        good = body_of(desk, markets["plain"], kind, alice(desk))
        for change in (
            {"signature": "0x" + "00" * 65},
            {"signature": "0x1234"},
            {"signature": good["signature"][:-2] + "1a"},
            {"nonce": "1"},
        ):
            assert await submitted(desk, good | change) == (400, "invalid signature"), change
        assert (await submitted(desk, good))[0] == 200

    on_desk(scene)


@pytest.mark.parametrize("kind", KINDS)
def test_calls_other_than_the_signed_ones_are_refused(kind: SignatureType) -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        good = body_of(desk, markets["plain"], kind, alice(desk))
        other = body_of(desk, markets["free"], kind, alice(desk))
        swapped = good | {
            name: other[name] for name in ("data", "depositWalletParams") if name in other
        }
        assert await submitted(desk, swapped) == (400, "invalid signature")

    on_desk(scene)


@pytest.mark.parametrize("kind", KINDS)
def test_a_nonce_is_used_once(kind: SignatureType) -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        good = body_of(desk, markets["plain"], kind, alice(desk))
        assert (await submitted(desk, good))[0] == 200
        desk.pass_ms(10_000)
        old = await submitted(desk, good)
        assert old == (400, "batch nonce 0 does not match on-chain nonce 1")
        ahead = body_of(desk, markets["plain"], kind, alice(desk), nonce=7)
        assert (await submitted(desk, ahead))[1].startswith("batch nonce 7 does not match")

    on_desk(scene)


def test_a_deadline_that_has_passed_is_refused() -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        body = body_of(desk, markets["plain"], SignatureType.POLY_1271, alice(desk))
        desk.pass_ms(600_000)
        status, words = await submitted(desk, body)
        assert (status, words.endswith("has passed")) == (400, True)

    on_desk(scene)


def test_no_deadline_passes_at_a_venue_whose_clock_is_not_its_clients() -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        body = body_of(desk, markets["plain"], SignatureType.POLY_1271, alice(desk))
        desk.pass_ms(3_600_000)
        assert (await submitted(desk, body))[0] == 200
        desk.pass_ms(60_000)
        split = desk.world.polymarket.custody.balance(desk.account("alice"))
        assert split < usd("10000")

    on_desk(scene, same_time=False)


@pytest.mark.parametrize(
    "kind, change, words",
    [
        (SignatureType.POLY_1271, {"to": POLYGON.router}, "invalid to"),
        (SignatureType.POLY_1271, {"from": "0x12"}, "invalid from"),
        (SignatureType.POLY_1271, {"metadata": "m" * 501}, "metadata must be at most 500"),
        (SignatureType.POLY_1271, {"type": "EOA"}, "invalid request body"),
        (SignatureType.POLY_1271, {"nonce": "-1"}, "invalid nonce"),
        (SignatureType.POLY_1271, {"depositWalletParams": None}, "depositWalletParams"),
        (SignatureType.POLY_PROXY, {"proxyWallet": POLYGON.router}, "invalid proxyWallet"),
        (SignatureType.POLY_PROXY, {"data": "0x"}, "invalid signature"),
        (SignatureType.POLY_GNOSIS_SAFE, {"proxyWallet": POLYGON.router}, "invalid proxyWallet"),
        (SignatureType.POLY_GNOSIS_SAFE, {"data": "zz"}, "no hex text"),
    ],
)
def test_a_body_of_another_form_is_refused(
    kind: SignatureType, change: dict[str, Any], words: str
) -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        good = body_of(desk, markets["plain"], kind, alice(desk))
        status, told = await submitted(desk, good | change)
        assert (status, words in told) == (400, True), told

    on_desk(scene)


@pytest.mark.parametrize(
    "name, value",
    [("relay", POLYGON.router), ("relayHub", POLYGON.router), ("relayerFee", "1")],
)
def test_a_proxy_s_relay_is_the_one_that_was_told_and_is_paid_nothing(
    name: str, value: str
) -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        good = body_of(desk, markets["plain"], SignatureType.POLY_PROXY, alice(desk))
        good["signatureParams"][name] = value
        assert (await submitted(desk, good))[1].startswith(f"invalid signatureParams.{name}")

    on_desk(scene)


def packed(kind: int = 0, cut: int = 0) -> bytes:
    """Return a call of MultiSend with one inner call, of another kind or cut short."""
    inner = bytes([kind]) + bytes(20) + bytes(64)
    return multi_send([])[:4] + encode(["bytes"], [inner[: len(inner) - cut]])


@pytest.mark.parametrize(
    "to, data, operation, words",
    [
        (POLYGON.router, b"", 1, "delegates calls to MultiSend only"),
        (POLYGON.safe_multisend, packed(), 2, "delegates calls to MultiSend only"),
        (POLYGON.safe_multisend, b"\1\2\3\4", 1, "no call of MultiSend"),
        (POLYGON.safe_multisend, packed()[:40], 1, "cannot be decoded"),
        (POLYGON.safe_multisend, packed(kind=1), 1, "cannot be taken apart"),
        (POLYGON.safe_multisend, packed(cut=1), 1, "cannot be taken apart"),
        (POLYGON.safe_multisend, multi_send([]), 1, "1 to 200 calls"),
    ],
)
def test_a_safe_delegates_to_multisend_only_and_that_to_nobody(
    to: str, data: bytes, operation: int, words: str
) -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        key, kind = alice(desk), SignatureType.POLY_GNOSIS_SAFE
        digest = safe_digest(desk.account("alice", kind), Call(to, data), operation, 0, 137)
        body = body_of(desk, markets["plain"], kind, key)
        body["signatureParams"]["operation"] = str(operation)
        body |= {
            "to": to,
            "data": f"0x{data.hex()}",
            "signature": f"0x{safe_signature(key, digest).hex()}",
        }
        status, told = await submitted(desk, body)
        assert (status, words in told) == (400, True), told

    on_desk(scene)


def test_a_safe_s_signature_may_be_over_the_typed_data_itself() -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        key, kind = alice(desk), SignatureType.POLY_GNOSIS_SAFE
        body = body_of(desk, markets["plain"], kind, key)
        call = Call(body["to"], bytes.fromhex(body["data"][2:]))
        digest = safe_digest(desk.account("alice", kind), call, 0, 0, 137)
        body["signature"] = f"0x{key.sign(digest).hex()}"
        assert (await submitted(desk, body))[0] == 200

    on_desk(scene)


@pytest.mark.parametrize(
    "data, words",
    [
        (proxy_data([])[:4] + b"\1", "cannot be decoded"),
        (b"\1\2\3\4", "no call of the proxy factory"),
        (proxy_data([]), "1 to 200 calls"),
        (
            proxy_data([])[:4]
            + encode(["(uint8,address,uint256,bytes)[]"], [[(2, POLYGON.router, 0, b"")]]),
            "plain calls only",
        ),
    ],
)
def test_a_proxy_makes_plain_calls_only(data: bytes, words: str) -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        key, kind = alice(desk), SignatureType.POLY_PROXY
        digest = proxy_digest(key.address, data, 200_000, 0, RELAY, POLYGON)
        body = body_of(desk, markets["plain"], kind, key) | {
            "data": f"0x{data.hex()}",
            "signature": f"0x{key.sign(message_digest(digest)).hex()}",
        }
        status, told = await submitted(desk, body)
        assert (status, words in told) == (400, True), told

    on_desk(scene)


def test_a_wallet_of_somebody_else_is_refused() -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        native = markets["plain"].id.native
        calls = relayed(positions.split("ctf", native, 1))
        wallet = desk.people["bob"].maker
        deadline = desk.now // SECOND + 600
        body = json.loads(deposit_body(alice(desk), wallet, 0, deadline, calls, POLYGON, ""))
        status, words = await submitted(desk, body)
        assert (status, "wallet registry validation failed" in words) == (400, True)

    on_desk(scene)


def test_a_safe_is_created_by_its_owner_only() -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        owner = desk.people["alice"].owner
        safe = safe_wallet(bytes.fromhex(owner[2:]))
        forged = json.loads(safe_create_body(STRANGER, safe, POLYGON)) | {"from": owner}
        assert await submitted(desk, forged) == (400, "invalid signature")
        paid = json.loads(safe_create_body(alice(desk), safe, POLYGON))
        paid["signatureParams"]["payment"] = "5"
        assert (await submitted(desk, paid))[1].startswith("invalid signatureParams.payment")

    on_desk(scene, deployed=[])


def test_a_wallet_is_not_created_twice_at_once() -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        owner = desk.people["alice"].owner
        body = json.loads(deposit_create_body(owner, POLYGON))
        assert (await submitted(desk, body))[0] == 200
        assert "wallet busy" in (await submitted(desk, body))[1]
        desk.pass_ms(10_000)
        wallet = deposit_wallets(bytes.fromhex(owner[2:]))[0]
        told = await desk.get("relayer", "/deployed", address=wallet, type="WALLET")
        assert told == {"deployed": True}

    on_desk(scene, deployed=[])


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"RELAYER_API_KEY": "guess", "RELAYER_API_KEY_ADDRESS": "OWNER"},
        {"RELAYER_API_KEY": "KEY", "RELAYER_API_KEY_ADDRESS": POLYGON.router},
        {"RELAYER_API_KEY": "KEY", "RELAYER_API_KEY_ADDRESS": "me"},
        {"POLY_BUILDER_API_KEY": "x", "POLY_BUILDER_SIGNATURE": "y"},
    ],
)
@pytest.mark.parametrize(
    "method, path",
    [
        ("POST", "/submit"),
        ("GET", "/v1/account/transactions/params"),
        ("GET", "/v1/account/transactions/1"),
        ("GET", "/transactions"),
    ],
)
def test_nothing_private_is_told_without_a_key(
    headers: dict[str, str], method: str, path: str
) -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        real = keyed(desk)
        sent = {
            name: {"OWNER": desk.people["alice"].owner, "KEY": real["RELAYER_API_KEY"]}.get(
                value, value
            )
            for name, value in headers.items()
        }
        body = b"{}" if method == "POST" else None
        told = await desk.ask("relayer", path, method=method, body=body, headers=sent)
        assert (told.status, told.body) == (401, {"error": "invalid authorization"})

    on_desk(scene)


def test_another_account_s_transaction_is_not_found() -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        client = await desk.relayer("alice")
        native = markets["plain"].id.native
        taken = await client.execute(relayed(positions.split("ctf", native, usd("1"))))
        path = f"/v1/account/transactions/{taken.id}"
        assert (await desk.ask("relayer", path, headers=keyed(desk, "bob"))).status == 404
        assert (await desk.ask("relayer", path, headers=keyed(desk))).status == 200

    on_desk(scene)


def test_nonces_are_public_and_what_is_no_kind_is_refused() -> None:
    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        owner = desk.people["alice"].owner
        told = await desk.get("relayer", "/nonce", address=owner, type="SAFE")
        assert told == {"nonce": "0"}
        told = await desk.get("relayer", "/relay-payload", address=owner, type="PROXY")
        assert told == {"address": RELAY, "nonce": "0"}
        for query in ({"address": owner, "type": "EOA"}, {"address": "0x", "type": "SAFE"}):
            assert (await desk.ask("relayer", "/nonce", query)).status == 400
        assert (await desk.ask("relayer", "/transaction", {"id": "x"})).status == 404
        assert (await desk.ask("relayer", "/transaction")).status == 400

    on_desk(scene)


def test_the_same_seed_gives_the_same_transactions() -> None:
    seen: list[tuple[str, str]] = []

    async def scene(desk: CatalogueDesk, markets: dict[str, Market]) -> None:
        client = await desk.relayer("alice")
        native = markets["plain"].id.native
        taken = await client.execute(relayed(positions.split("ctf", native, usd("1"))))
        seen.append((taken.id, (await client.wait(taken)).hash))

    on_desk(scene)
    on_desk(scene)
    assert seen[0] == seen[1]
