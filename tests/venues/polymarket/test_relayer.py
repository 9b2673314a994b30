"""The relayer: what is signed, what is sent again and what never is."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import msgspec
import pytest
from eth_account import Account as Oracle
from eth_account.messages import encode_typed_data

from tests.aio import JumpingLoop, run
from tests.venues.scripted import Answer, Script, ScriptedHost, scripted_host
from underround.model.errors import (
    AccountError,
    AnswerRefused,
    OutcomeUnknown,
    RateLimited,
    RequestRefused,
)
from underround.model.frames import NANOS_PER_SECOND
from underround.venues.ethereum import EvmKey
from underround.venues.polygon import positions
from underround.venues.polymarket.contracts import POLYGON
from underround.venues.polymarket.limits import limits_of
from underround.venues.polymarket.relayer.answers import Relayed
from underround.venues.polymarket.relayer.proxy_calls import proxy_body
from underround.venues.polymarket.relayer.rest import PolymarketRelayer, RelayerKey
from underround.venues.polymarket.relayer.safe_calls import (
    multi_send,
    safe_body,
    safe_create_body,
    safe_digest,
    safe_signature,
)
from underround.venues.polymarket.relayer.wallet_calls import Call, deposit_body
from underround.venues.polymarket.requests import Requests
from underround.venues.polymarket.wallets import (
    SignatureType,
    Wallet,
    deposit_wallets,
    proxy_wallet,
    safe_wallet,
)
from underround.venues.transport.budget import RateBudget
from underround.venues.transport.http import HttpClient

PRIVATE = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
"""The first key of every local test chain: known to everybody."""
OWNER = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
OWNER_BYTES = bytes.fromhex(OWNER[2:])
APPROVE = Call(
    POLYGON.usdc_e,
    bytes.fromhex(
        "095ea7b30000000000000000000000004d97dcd97ec945f40cf65f87097ace5ea0476045" + "f" * 64
    ),
)
RELAY = "0xae700edfd9ab986395f3999fe11177b9903a52f1"
PARAMS = "/v1/account/transactions/params"
TAKEN = Answer(b'{"transactionID":"tx-1","state":"STATE_NEW","transactionHash":null}')


class Known:
    """A secret that is none."""

    def __init__(self, text: str) -> None:
        self.name = "test"
        self._text = text

    @contextmanager
    def reveal(self) -> Iterator[memoryview]:
        yield memoryview(bytearray(self._text.encode()))


KEY = EvmKey(Known(PRIVATE))


def fields(body: bytes) -> Any:
    return json.loads(body)


def wallet_of(kind: SignatureType) -> Wallet:
    address = {
        SignatureType.EOA: OWNER,
        SignatureType.POLY_PROXY: proxy_wallet(OWNER_BYTES),
        SignatureType.POLY_GNOSIS_SAFE: safe_wallet(OWNER_BYTES),
        SignatureType.POLY_1271: deposit_wallets(OWNER_BYTES)[0],
    }[kind]
    return Wallet(OWNER, address, kind)


# --- signatures: the official clients' published vectors ---------------------------------------


def test_a_proxy_s_call_is_signed_as_the_official_client_signs_it() -> None:
    proxy = wallet_of(SignatureType.POLY_PROXY).maker
    body = fields(proxy_body(KEY, proxy, 0, RELAY, 85_338, [APPROVE], POLYGON, ""))
    assert body["signature"] == (
        "0x4c18e2d2294a00d686714aff8e7936ab657cb4655dfccb2b556efadcb7e835f800dc2fecec69c501e29bb3"
        "6ecb54b4da6b7c410c4dc740a33af2afde2b77297e1b"
    )
    assert (body["type"], body["from"], body["to"]) == (
        "PROXY",
        OWNER,
        POLYGON.wallets.proxy_factory,
    )
    assert body["signatureParams"]["gasLimit"] == "85338"


def test_a_safe_s_call_is_signed_as_the_official_client_signs_it() -> None:
    safe = wallet_of(SignatureType.POLY_GNOSIS_SAFE).maker
    body = fields(safe_body(KEY, safe, 0, [APPROVE], POLYGON, "why"))
    assert body["signature"] == (
        "0xf368488355b0566e99eff3bccc35e98b77d8f3a6e6866176188488c34f0305b07e4a4c600c7a1592e4ac1e"
        "96b5887ebff2cb26987a3ad501006b39944df098c21f"
    )
    assert (body["to"], body["metadata"]) == (POLYGON.usdc_e, "why")
    assert body["signatureParams"]["operation"] == "0"
    assert "value" not in body


def test_several_calls_of_a_safe_go_through_its_multisend() -> None:
    safe = "0xd93B25cb943D14d0d34FBaF01Fc93a0f8b5F6E47"
    data = multi_send([APPROVE, APPROVE])
    call = Call(POLYGON.safe_multisend, data)
    digest = safe_digest(safe, call, 1, 8, 137)
    assert digest.hex() == "06d5102c3e356b62a75f8203cd5ce7ab1fa8fdab33875ef621eee102220d90b8"
    assert safe_signature(KEY, digest).hex() == (
        "ad62657208a0d885f91bba7490de238741bf7c51eb792f00856171aafc9e012373156fb672e55d840733c8bf"
        "723ec458545fcd5749aa5e547f808c222e7e117020"
    )
    body = fields(safe_body(KEY, safe, 8, [APPROVE, APPROVE], POLYGON, ""))
    assert body["data"] == "0x" + data.hex()
    assert body["signatureParams"]["operation"] == "1"


def test_a_safe_is_created_with_the_signature_of_the_official_client() -> None:
    safe = wallet_of(SignatureType.POLY_GNOSIS_SAFE).maker
    body = fields(safe_create_body(KEY, safe, POLYGON))
    assert body["signature"] == (
        "0xe3e791c24134b7bebe93b4771bd07c7fe7bbe115eeb0bf629ac3b7a435e7ac8d05f979729d873f7d0e1620"
        "5becf48ee450aa382bc28c65eedcd6454e81d81f921b"
    )
    assert (body["type"], body["data"], body["proxyWallet"]) == ("SAFE-CREATE", "0x", safe)


def test_a_deposit_wallet_s_batch_is_the_typed_data_of_the_documentation() -> None:
    """eth-account builds the same typed data from its description."""
    wallet = wallet_of(SignatureType.POLY_1271).maker
    calls = [APPROVE, Call(RELAY, b"", 7)]
    body = fields(deposit_body(KEY, wallet, 5, 1_790_000_600, calls, POLYGON, "m"))
    typed: dict[str, Any] = {
        "domain": {"name": "DepositWallet", "version": "1", "chainId": 137,
                   "verifyingContract": wallet},
        "types": {
            "Call": [{"name": "target", "type": "address"}, {"name": "value", "type": "uint256"},
                     {"name": "data", "type": "bytes"}],
            "Batch": [{"name": "wallet", "type": "address"}, {"name": "nonce", "type": "uint256"},
                      {"name": "deadline", "type": "uint256"},
                      {"name": "calls", "type": "Call[]"}],
        },
        "primaryType": "Batch",
        "message": {
            "wallet": wallet, "nonce": 5, "deadline": 1_790_000_600,
            "calls": [{"target": call.target, "value": call.value, "data": call.data}
                      for call in calls],
        },
    }  # fmt: skip
    message = encode_typed_data(domain_data=typed["domain"], message_types=typed["types"],
                                message_data=typed["message"])  # fmt: skip
    expected = Oracle.sign_message(message, PRIVATE).signature.hex()
    assert body["signature"].removeprefix("0x") == expected.removeprefix("0x")
    assert body["depositWalletParams"] == {
        "depositWallet": wallet,
        "deadline": "1790000600",
        "calls": [
            {"target": APPROVE.target, "value": "0", "data": "0x" + APPROVE.data.hex()},
            {"target": RELAY, "value": "7", "data": "0x"},
        ],
    }
    assert (body["nonce"], body["metadata"]) == ("5", "m")


def test_calls_that_change_positions_go_through_every_kind_of_wallet() -> None:
    """Their addresses are a type of their own, which no JSON encoder knows."""
    whole = [Call(each.to, each.data, each.value) for each in positions.approvals("ctf")]
    for calls in (whole[:1], whole):
        safe = fields(safe_body(KEY, RELAY, 0, calls, POLYGON, ""))
        assert safe["to"] == (POLYGON.safe_multisend if len(calls) > 1 else str(calls[0].target))
        deposit = fields(deposit_body(KEY, RELAY, 0, 9, calls, POLYGON, ""))
        told = [call["target"] for call in deposit["depositWalletParams"]["calls"]]
        assert told == [str(call.target) for call in calls]
        proxy = fields(proxy_body(KEY, RELAY, 0, RELAY, 9, calls, POLYGON, ""))
        assert calls[0].target[2:] in proxy["data"]


# --- the client --------------------------------------------------------------------------------


def now_ns() -> int:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, JumpingLoop)
    return loop.now_ns()


@asynccontextmanager
async def relayer(
    script: Script, kind: SignatureType = SignatureType.POLY_1271, **changes: Any
) -> AsyncIterator[tuple[PolymarketRelayer, ScriptedHost]]:
    async with scripted_host(script) as host, HttpClient(host.url) as client:
        budget = RateBudget(limits_of(), now_ns, asyncio.sleep)
        key = RelayerKey(Known("relayer-key"), OWNER)
        requests = Requests(client, budget, now_ns, key)
        yield PolymarketRelayer(requests, KEY, wallet_of(kind), asyncio.sleep, **changes), host


def params(nonce: str = "7") -> Answer:
    return Answer(json.dumps({"address": RELAY, "nonce": nonce}).encode())


def refusing(words: str, status: int = 400) -> Answer:
    return Answer(json.dumps({"error": words}).encode(), status)


def test_a_batch_is_signed_with_the_present_nonce_and_sent_once() -> None:
    async def main() -> None:
        script: Script = {f"GET {PARAMS}": params(), "POST /submit": TAKEN}
        async with relayer(script) as (client, host):
            taken = await client.execute([APPROVE], "split")
            assert taken == Relayed("tx-1", "pending", "")
            asked, submitted = host.asked
            assert asked.target == f"{PARAMS}?address={OWNER}&type=WALLET"
            assert asked.headers["relayer_api_key"] == "relayer-key"
            assert asked.headers["relayer_api_key_address"] == OWNER
            body = fields(submitted.body)
            assert (body["type"], body["nonce"]) == ("WALLET", "7")
            deadline = int(body["depositWalletParams"]["deadline"])
            assert 599 <= deadline - now_ns() // NANOS_PER_SECOND <= 600

    run(main())


def test_a_proxy_asks_for_its_relay_and_its_gas_may_be_estimated() -> None:
    async def gas(sender: str, target: str, data: bytes) -> int:
        assert (sender, target) == (OWNER, POLYGON.wallets.proxy_factory)
        assert data
        return 123_456

    async def main() -> None:
        script: Script = {"GET /relay-payload": params("3"), "POST /submit": TAKEN}
        for estimate, limit in ((None, "400000"), (gas, "123456")):
            async with relayer(script, SignatureType.POLY_PROXY, estimate_gas=estimate) as (
                c,
                host,
            ):
                await c.execute([APPROVE, APPROVE])
                stated = fields(host.asked[-1].body)["signatureParams"]
                assert (stated["relay"], stated["gasLimit"]) == (RELAY, limit)

    run(main())


@pytest.mark.parametrize(
    "words", ["wallet busy: another active action", "wallet has in-flight action queued"]
)
def test_a_busy_wallet_is_waited_for_and_signed_anew(words: str) -> None:
    async def main() -> None:
        script: Script = {
            f"GET {PARAMS}": [params("7"), params("8")],
            "POST /submit": [refusing(words), TAKEN],
        }
        async with relayer(script) as (client, host):
            begun = now_ns()
            await client.execute([APPROVE])
            nonces = [fields(asked.body)["nonce"] for asked in host.of("/submit")]
            assert nonces == ["7", "8"]
            assert now_ns() - begun >= 2 * NANOS_PER_SECOND

    run(main())


def test_an_old_nonce_is_replaced_by_the_one_on_the_chain() -> None:
    async def main() -> None:
        old = refusing("batch nonce 7 does not match on-chain nonce 9")
        script: Script = {f"GET {PARAMS}": params("7"), "POST /submit": [old, TAKEN]}
        async with relayer(script) as (client, host):
            await client.execute([APPROVE])
            first, second = [fields(asked.body) for asked in host.of("/submit")]
            assert (first["nonce"], second["nonce"]) == ("7", "9")
            assert first["signature"] != second["signature"]
            assert len(host.of(PARAMS)) == 1

    run(main())


@pytest.mark.parametrize(
    "words", ["batch nonce 9 does not match on-chain nonce 7", "metadata too long", ""]
)
def test_another_refusal_ends_it(words: str) -> None:
    async def main() -> None:
        script: Script = {f"GET {PARAMS}": params("9"), "POST /submit": refusing(words)}
        async with relayer(script) as (client, host):
            with pytest.raises(RequestRefused):
                await client.execute([APPROVE])
            assert len(host.of("/submit")) == 1

    run(main())


def test_a_wallet_that_stays_busy_is_given_up() -> None:
    async def main() -> None:
        busy = refusing("wallet busy: active action")
        async with relayer({f"GET {PARAMS}": params(), "POST /submit": busy}) as (client, host):
            with pytest.raises(RequestRefused, match="wallet busy"):
                await client.execute([APPROVE])
            assert len(host.of("/submit")) == 11

    run(main())


def test_too_many_submissions_wait_as_long_as_the_relayer_says() -> None:
    async def main() -> None:
        slow = Answer(b'{"error":"rate"}', 429, {"Retry-After": "20"})
        script: Script = {f"GET {PARAMS}": params(), "POST /submit": [slow, TAKEN]}
        async with relayer(script) as (client, host):
            begun = now_ns()
            await client.execute([APPROVE])
            assert now_ns() - begun >= 20 * NANOS_PER_SECOND
            assert len(host.of("/submit")) == 2
        async with relayer({f"GET {PARAMS}": params(), "POST /submit": slow}) as (client, host):
            with pytest.raises(RateLimited):
                await client.execute([APPROVE])

    run(main())


@pytest.mark.parametrize(
    "reply",
    [Answer(never=True), Answer(hang_up=True), Answer(b"", 500), Answer(b"", 503),
     Answer(b"", 429), Answer(b"{}"), Answer(b'{"transactionID'),
     Answer(b'{"transactionID":""}')],
)  # fmt: skip
def test_a_submission_that_may_have_arrived_is_never_sent_again(reply: Answer) -> None:
    async def main() -> None:
        script: Script = {f"GET {PARAMS}": params(), "POST /submit": reply}
        async with relayer(script) as (client, host):
            with pytest.raises(OutcomeUnknown):
                await client.execute([APPROVE])
            assert len(host.of("/submit")) == 1

    run(main())


def test_wallets_are_created_as_their_kind_wants_it() -> None:
    async def main() -> None:
        script: Script = {"POST /submit": TAKEN, "GET /deployed": Answer(b'{"deployed":true}')}
        async with relayer(script) as (client, host):
            assert await client.deployed()
            await client.create()
            assert fields(host.asked[-1].body) == {
                "type": "WALLET-CREATE",
                "from": OWNER,
                "to": POLYGON.wallets.deposit_factory,
                "metadata": "",
            }
        async with relayer(script, SignatureType.POLY_GNOSIS_SAFE) as (client, host):
            await client.create()
            assert fields(host.asked[-1].body)["type"] == "SAFE-CREATE"
        async with relayer(script, SignatureType.POLY_PROXY) as (client, _):
            with pytest.raises(RequestRefused, match="first call"):
                await client.create()

    run(main())


def state(word: str, **changes: Any) -> Answer:
    told = {"transaction_id": "tx-1", "state": word, "transaction_hash": ""} | changes
    return Answer(json.dumps(told).encode())


SUBMITTED = Relayed("tx-1", "pending", "0xearly")
LOOK = "GET /v1/account/transactions/tx-1"


def test_a_transaction_is_waited_for_until_it_is_confirmed() -> None:
    looks = [
        Answer(b"", 404), Answer(b"", 500), state("STATE_NEW"), state("STATE_EXECUTED"),
        state("STATE_MINED"), state("STATE_SOMETHING"), state("STATE_CONFIRMED"),
    ]  # fmt: skip

    async def main() -> None:
        async with relayer({LOOK: looks}) as (client, host):
            found = await client.wait(SUBMITTED)
            assert found == Relayed("tx-1", "confirmed", "0xearly")
            assert len(host.asked) == 7

    run(main())


@pytest.mark.parametrize("word", ["STATE_FAILED", "STATE_INVALID"])
def test_a_failed_transaction_changed_nothing(word: str) -> None:
    async def main() -> None:
        async with relayer({LOOK: state(word, error_msg="execution reverted")}) as (client, _):
            with pytest.raises(RequestRefused, match="execution reverted"):
                await client.wait(SUBMITTED)

    run(main())


def test_a_transaction_that_stays_under_way_is_unknown() -> None:
    async def main() -> None:
        async with relayer({LOOK: state("STATE_NEW")}) as (client, host):
            with pytest.raises(OutcomeUnknown, match="pending after 200 seconds"):
                await client.wait(SUBMITTED)
            assert len(host.asked) == 100

    run(main())


def test_what_the_relayer_would_refuse_never_leaves() -> None:
    async def main() -> None:
        async with relayer({}) as (client, host):
            for calls, metadata, words in (
                ([], "", "at least one call"),
                ([APPROVE], "x" * 501, "at most 500"),
                ([Call("0x1", b"")], "", "no contract"),
                ([Call(RELAY, b"", -1)], "", "negative"),
            ):
                with pytest.raises(RequestRefused, match=words):
                    await client.execute(calls, metadata)
            assert host.asked == []
        with pytest.raises(AccountError, match="through a node"):
            async with relayer({}, SignatureType.EOA):
                pass

    run(main())


@pytest.mark.parametrize("text", ['{"nonce":""}', '{"nonce":"x"}', "{}", '{"nonce":"-1"}'])
def test_a_nonce_that_is_none_signs_nothing(text: str) -> None:
    async def main() -> None:
        async with relayer({f"GET {PARAMS}": Answer(text.encode())}) as (client, host):
            with pytest.raises(AnswerRefused):
                await client.execute([APPROVE])
            assert len(host.asked) == 1

    run(main())


def test_a_relayer_key_shows_nothing_of_itself() -> None:
    key = RelayerKey(Known("relayer-key"), OWNER)
    assert "relayer-key" not in repr(key)
    assert msgspec.json.encode(dict(key.headers("GET", "/", b"", 0)))
