"""Our contracts, by themselves: what was compiled, what they hash, whom they refuse."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.chain.venue_desk import KINDS, Desk, venue
from underround.local_venue.chain import placed
from underround.local_venue.chain.matches import as_struct
from underround.local_venue.chain.node import CallFailed
from underround.local_venue.chain.wallets import reason
from underround.local_venue.signed_orders import Signed
from underround.local_venue.world import WalletCall
from underround.model.errors import AccountError
from underround.model.market import Market
from underround.venues.ethereum import EvmKey, address_bytes, checksum, keccak, word
from underround.venues.polygon.abi import Function, split_types
from underround.venues.polygon.accounts import Accounts
from underround.venues.polygon.calldata import IS_OPERATOR
from underround.venues.polygon.matching import (
    MATCH_ORDERS,
    Share,
    SignedOrder,
    match_orders,
    operator_match,
)
from underround.venues.polygon.positions import whole_condition
from underround.venues.polygon.quantities import Address
from underround.venues.polygon.rpc import Rpc
from underround.venues.polymarket import exchange as signing
from underround.venues.polymarket import wallets
from underround.venues.polymarket.contracts import POLYGON
from underround.venues.polymarket.wallets import SignatureType
from underround.venues.transport.http import HttpClient

CONTRACTS = Path(__file__).parents[2] / "contracts"
_ORDER = split_types(MATCH_ORDERS.signature.removeprefix("matchOrders(")[:-1])[1]
HASH_ORDER = Function(f"hashOrder({_ORDER})", "bytes32")
VALIDATE = Function(f"validateOrder({_ORDER})")
STATUS = Function("getOrderStatus(bytes32)", "(bool,uint248)")
PAUSE = Function("pauseUser()")


def test_what_is_shipped_is_what_the_sources_compile_to_byte_for_byte() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no node to run the compiler with")
    here = Path(__file__).parent
    done = subprocess.run(
        [node, CONTRACTS / "compile.mjs", here], capture_output=True, check=False, timeout=110
    )
    assert done.returncode == 0, done.stderr.decode()
    shipped = resources.files("underround.local_venue.chain") / "contracts.json"
    assert done.stdout == shipped.read_bytes()


def test_the_compiler_of_the_tests_is_the_one_of_the_contracts() -> None:
    named = [
        json.loads((folder / "package.json").read_text())["devDependencies"]["solc"]
        for folder in (CONTRACTS, Path(__file__).parent)
    ]
    assert named[0] == named[1]


def test_the_sources_name_the_addresses_that_the_program_knows() -> None:
    source = (CONTRACTS / "src/Addresses.sol").read_text()
    written = dict(re.findall(r"constant (\w+) = (0x[0-9a-fA-F]+);", source))
    factories = POLYGON.wallets
    proxy = (
        wallets._PROXY_HEAD
        + address_bytes(factories.proxy_factory)
        + wallets._PROXY_MIDDLE
        + address_bytes(factories.proxy_implementation)
        + wallets._PROXY_TAIL
        + word(32)
        + word(0)
    )
    assert written == {
        "CONDITIONAL_TOKENS": POLYGON.conditional_tokens,
        "PUSD": POLYGON.collateral,
        "USDC_E": POLYGON.usdc_e,
        "ONRAMP": POLYGON.onramp,
        "OFFRAMP": POLYGON.offramp,
        "EXCHANGE": POLYGON.exchange,
        "NEG_RISK_EXCHANGE": POLYGON.neg_risk_exchange,
        "CTF_ADAPTER": POLYGON.collateral_adapter,
        "NEG_RISK_CTF_ADAPTER": POLYGON.neg_risk_collateral_adapter,
        "NEG_RISK_ADAPTER": POLYGON.neg_risk_adapter,
        "WRAPPED_COLLATERAL": POLYGON.wrapped_collateral,
        "PROXY_FACTORY": factories.proxy_factory,
        "PROXY_INIT_HASH": f"0x{keccak(proxy).hex()}",
        "SAFE_FACTORY": factories.safe_factory,
        "SAFE_INIT_HASH": factories.safe_init_code_hash,
        "ADMIN": placed.ADMIN,
        "RELAYER": placed.RELAYER,
        "FEE_RECEIVER": placed.FEE_RECEIVER,
    }


def test_a_role_of_the_local_venue_is_the_hash_of_a_sentence_and_nobody_s_key() -> None:
    roles = {
        "admin": placed.ADMIN,
        "operator": placed.OPERATOR,
        "relayer": placed.RELAYER,
        "fees": placed.FEE_RECEIVER,
        "wallet": placed.WALLET,
    }
    for word_, address in roles.items():
        assert address == checksum(keccak(f"underround local venue: {word_}".encode())[-20:])
    assert checksum(keccak(b"NO_TOKEN_BURN_ADDRESS")[:20]) == placed.BURN_ADDRESS


async def _refused(desk: Desk, sender: str, to: str, data: bytes) -> str:
    """Return why a contract refuses a call."""
    call = {"from": sender, "to": to, "data": "0x" + data.hex()}
    with pytest.raises(CallFailed) as caught:
        await desk.chain.node.rpc("eth_call", call, "latest")
    return reason(caught.value)


async def _hashes(desk: Desk, market: Market, exchange: str) -> None:
    for kind in KINDS:
        order, fields, signature = desk.sign("alice", market, "sell", "0.37", "12.5", kind=kind)
        struct = as_struct(Signed(fields, signature, ""))
        hashed: bytes = await desk.read(exchange, HASH_ORDER, struct.fields)
        assert f"0x{hashed.hex()}" == order
        data = "0x" + VALIDATE(struct.fields).hex()
        assert (
            await desk.chain.node.rpc("eth_call", {"to": exchange, "data": data}, "latest") == "0x"
        )
        # Any other signature, or the same under another order, is refused.
        bad = msgspec.structs.replace(struct, signature=struct.signature[:-1] + b"\0")
        other = msgspec.structs.replace(struct, salt=struct.salt + 1)
        for wrong in (bad, other):
            assert await _refused(desk, placed.ADMIN, exchange, VALIDATE(wrong.fields)) == (
                "InvalidSignature()"
            )


def test_an_order_s_id_is_its_hash_on_chain_and_its_signature_valid_for_all_four_kinds() -> None:
    async def story() -> None:
        async with venue(("alice",)) as desk:
            rain = desk.list("rain")
            sun = desk.list("sun", desk.event("weather", neg_risk=True))
            await desk.block()
            await _hashes(desk, rain, POLYGON.exchange)
            await _hashes(desk, sun, POLYGON.neg_risk_exchange)

    asyncio.run(story())


def test_a_wallet_of_somebody_else_cannot_be_named_as_maker() -> None:
    async def story() -> None:
        async with venue() as desk:
            rain = desk.list("rain")
            await desk.block()
            for kind in KINDS:
                wallet, key = desk.wallet("bob", kind), desk.key("alice")
                _, fields, _ = desk.sign("alice", rain, "buy", "0.5", "10", kind=kind)
                signer = wallet.maker if kind is SignatureType.POLY_1271 else key.address
                stolen = msgspec.structs.replace(fields, maker=wallet.maker, signer=signer)
                signed = _resign(desk, key, stolen, rain, kind)
                data = VALIDATE(as_struct(Signed(stolen, signed, "")).fields)
                said = await _refused(desk, placed.ADMIN, POLYGON.exchange, data)
                assert said == "InvalidSignature()", kind

    asyncio.run(story())


def _resign(desk: Desk, key: EvmKey, fields: Any, market: Market, kind: SignatureType) -> bytes:
    at = signing.exchange_of(POLYGON, "v1", market.neg_risk)
    contents = signing.contents_hash(fields)
    if kind is SignatureType.POLY_1271:
        inner = key.sign(signing.nested_digest(at, fields.maker, contents))
        return signing.wrapped_signature(at, contents, inner)
    return key.sign(signing.order_digest(at, contents))


def _match(desk: Desk, market: Market, **changes: Any) -> Any:
    """Return a match of alice's bid with bob's ask as a call; ``changes`` of the taker's part."""
    _, bid, signed = desk.sign("alice", market, "buy", "0.50", "10")
    _, ask, counter = desk.sign("bob", market, "sell", changes.pop("ask", "0.50"), "10")
    taker = Share(as_struct(Signed(bid, signed, "")), changes.get("fill", 5_000_000), 0)
    maker = Share(as_struct(Signed(ask, counter, "")), 10_000_000, 0)
    return match_orders(whole_condition(market.id.native), taker, [maker], neg_risk=False)


def test_only_an_operator_may_match_and_our_preflight_says_so_before_the_contract_does() -> None:
    async def story() -> None:
        async with venue() as desk:
            rain = desk.list("rain")
            await desk.block()
            desk.exchange.custody.split(desk.account("bob"), rain.id, 10_000_000)
            await desk.block()
            stranger = Address("0x" + "5a" * 20)
            call = _match(desk, rain)
            assert await _refused(desk, stranger, call.to, call.data) == "NotOperator()"
            allowed = {"from": placed.OPERATOR, "to": call.to, "data": "0x" + call.data.hex()}
            assert await desk.chain.node.rpc("eth_call", allowed, "latest") == "0x"

            async with HttpClient(desk.chain.url) as client:
                rpc = Rpc([client], chain_id=137)
                await rpc.start()
                arguments = MATCH_ORDERS.arguments(call.data)
                taker = Share(_struct(arguments[1]), arguments[3], arguments[5])
                makers = [
                    Share(_struct(order), fill, fee)
                    for order, fill, fee in zip(
                        arguments[2], arguments[4], arguments[6], strict=True
                    )
                ]
                with pytest.raises(AccountError, match="is no operator of the exchange") as told:
                    await operator_match(
                        Accounts(rpc), stranger, arguments[0], taker, makers, neg_risk=False
                    )
                assert "place orders at the venue instead" in str(told.value)
                made = await operator_match(
                    Accounts(rpc),
                    Address(placed.OPERATOR.lower()),
                    arguments[0],
                    taker,
                    makers,
                    neg_risk=False,
                )
                assert made.data == call.data

    asyncio.run(story())


def _struct(fields: tuple[Any, ...]) -> SignedOrder:
    return SignedOrder(
        salt=fields[0],
        maker=fields[1],
        signer=fields[2],
        token=fields[3],
        maker_amount=fields[4],
        taker_amount=fields[5],
        side="sell" if fields[6] else "buy",
        signature_type=fields[7],
        timestamp_ms=fields[8],
        metadata=fields[9],
        builder=fields[10],
        signature=fields[11],
    )


def test_orders_that_do_not_cross_are_not_matched_and_no_order_is_filled_twice() -> None:
    async def story() -> None:
        async with venue() as desk:
            rain = desk.list("rain")
            desk.exchange.custody.split(desk.account("bob"), rain.id, 100_000_000)
            await desk.block()
            apart = _match(desk, rain, ask="0.51")
            assert await _refused(desk, placed.OPERATOR, apart.to, apart.data) == "NotCrossing()"
            # Half of what a taker must get is not enough for what it gives.
            short = _match(desk, rain)
            arguments = list(MATCH_ORDERS.arguments(short.data))
            arguments[4] = (5_000_000,)
            data = MATCH_ORDERS(*arguments)
            said = await _refused(desk, placed.OPERATOR, short.to, data)
            assert said == "TooLittleTokensReceived()"

            order = desk.place("bob", rain, "sell", "0.50", "10")
            placed_ = desk.place("alice", rain, "buy", "0.50", "10")
            await desk.settle()
            (record,) = desk.chain.gas.records
            made = await desk.chain.node.rpc("eth_getTransactionByHash", record.transaction)
            again = bytes.fromhex(made["input"][2:])
            assert (
                await _refused(desk, placed.OPERATOR, made["to"], again) == "OrderAlreadyFilled()"
            )
            for each in (order, placed_):
                status = await desk.read(POLYGON.exchange, STATUS, bytes.fromhex(each.id[2:]))
                assert status == (True, 0)

    asyncio.run(story())


def test_who_has_paused_himself_is_not_matched_until_he_unpauses() -> None:
    async def story() -> None:
        async with venue() as desk:
            rain = desk.list("rain")
            desk.exchange.custody.split(desk.account("bob"), rain.id, 100_000_000)
            await desk.block()
            to = POLYGON.exchange
            node, bob = desk.chain.node, desk.account("bob")
            await desk.relay(bob, [WalletCall(to, PAUSE())])
            call = _match(desk, rain)
            assert await _refused(desk, placed.OPERATOR, call.to, call.data) == "UserIsPaused()"
            resume = [WalletCall(to, Function("unpauseUser()")())]
            await desk.relay(bob, resume)
            fields = {"from": placed.OPERATOR, "to": call.to, "data": "0x" + call.data.hex()}
            assert await node.rpc("eth_call", fields, "latest") == "0x"

    asyncio.run(story())


def test_no_ordinary_account_holds_a_role_or_can_take_one() -> None:
    async def story() -> None:
        async with venue(("alice",)) as desk:
            await desk.block()
            alice = desk.account("alice")
            who = Address(alice.lower())
            assert not await desk.read(POLYGON.exchange, IS_OPERATOR, who)
            for signature in (
                "addOperator(address)",
                "addAdmin(address)",
                "setFeeReceiver(address)",
            ):
                data = Function(signature)(who)
                assert await _refused(desk, alice, POLYGON.exchange, data) == "NotAdmin()"
            for name in ("issue", "recall"):
                data = Function(f"{name}(address,uint256)")(who, 1)
                assert await _refused(desk, alice, POLYGON.collateral, data) == "NotAllowed()"
            data = Function("wrap(address,address,uint256,address,bytes)")(
                Address(POLYGON.usdc_e.lower()), who, 1, who, b""
            )
            assert await _refused(desk, alice, POLYGON.collateral, data) == "NotAllowed()"
            wallet = Function("execute((address,uint256,bytes)[])")([])
            assert await _refused(desk, desk.people["alice"].owner, alice, wallet) == "NotRelayer()"

    asyncio.run(story())
