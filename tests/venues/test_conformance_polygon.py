"""Polygon proves what a chain behind nodes has to prove."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from tests.oracles.known import OWNER, PRIVATE_KEY, Lent, known_key
from tests.venues import conformance
from tests.venues.client_conformance import ClientConformance, Clock, Request
from tests.venues.conformance import Answered, Refuse
from tests.venues.scripted import Answer
from underround.model.errors import UnderroundError
from underround.venues.ethereum import EvmKey
from underround.venues.polygon.answers import Block, Log, Receipt
from underround.venues.polygon.capabilities import CAPABILITIES
from underround.venues.polygon.fees import GWEI, Fees, decode_gas_station
from underround.venues.polygon.messages import Ask, decode_results
from underround.venues.polygon.provider import Provider
from underround.venues.polygon.quantities import Address, decode
from underround.venues.polygon.refusals import status_refusal
from underround.venues.polygon.rpc import Rpc
from underround.venues.polygon.sign import Call, Signed, sign_transaction
from underround.venues.transport.budget import Limits, RateBudget
from underround.venues.transport.http import HttpTransport, Reply

KEY_IN_URL = "4f6f1c0fa7c04f9eb9a1f2c3d4e5f607"
HASH = "0x" + "ab" * 32
BLOCK = {"number": "0x10", "hash": HASH, "parentHash": HASH, "timestamp": "0x6a000000",
         "baseFeePerGas": "0x5"}  # fmt: skip
LOG = {"address": "0x" + "11" * 20, "topics": [HASH], "data": "0x00ff", "blockNumber": "0x10",
       "blockHash": HASH, "transactionHash": HASH, "logIndex": "0x1"}  # fmt: skip
RECEIPT = {"transactionHash": HASH, "blockHash": HASH, "blockNumber": "0x10", "status": "0x1",
           "gasUsed": "0x5208", "effectiveGasPrice": "0x5", "logs": [LOG]}  # fmt: skip


def body(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


class TestAnswers(conformance.AnswersConformance):
    @pytest.fixture
    def answered(self) -> Sequence[Answered]:
        speed = {"maxPriorityFee": 30.5, "maxFee": 60.25}
        station = body(safeLow=speed, standard=speed, fast=speed, estimatedBaseFee=29.5,
                       blockNumber=5, blockTime=2)  # fmt: skip
        return (
            Answered("block", lambda b: decode(b, Block, "node"), body(**BLOCK)),
            Answered("logs", lambda b: decode(b, list[Log], "node"), json.dumps([LOG]).encode()),
            Answered("receipt", lambda b: decode(b, Receipt, "node"), body(**RECEIPT)),
            Answered("gas", decode_gas_station, station),
            Answered("result", lambda b: decode_results(b, (Ask("eth_x"),), "node"),
                     body(jsonrpc="2.0", id=1, result="0x10")),
        )  # fmt: skip

    def test_order_space_and_unknown_fields_change_nothing(
        self, answered: Sequence[Answered], reworded: Any
    ) -> None:
        """A JSON-RPC result is kept as it was written, so its bytes may differ, not its value."""
        for each in answered:
            if each.name != "result":
                self.check_rewording(each.read, each.body, reworded)


class TestRefusals(conformance.RefusalsConformance):
    """The status, and what a node says in JSON."""

    writes = False
    passes_2xx = False
    secrets: Collection[str] = (KEY_IN_URL,)

    @pytest.fixture
    def refuse(self) -> Refuse:
        def ask(status: int, body: bytes, headers: Mapping[str, str], *, write: bool) -> Any:
            try:
                error = status_refusal(Reply(status, headers, body), "node, eth_x")
                return error or decode_results(body, (Ask("eth_x"),), "node")[0].read(str)
            except UnderroundError as error:
                return error

        return ask

    @pytest.fixture
    def shapes(self) -> Sequence[bytes]:
        words = ("nonce too low", "insufficient funds", "bad\nkey", f"unknown key {KEY_IN_URL}")
        errors = [{"code": -32_000, "message": each} for each in words]
        errors += [{"code": 3, "message": "execution reverted", "data": "0x08c379a0" + "ff" * 70}]
        return [body(jsonrpc="2.0", id=1, error=each) for each in errors]

    def test_a_fault_does_not_show_the_key_of_a_provider(self, refuse: Refuse) -> None:
        """Providers repeat the key of the address in their words."""
        told = f"project id {KEY_IN_URL} is disabled"
        fault = body(jsonrpc="2.0", id=1, error={"code": -32_000, "message": told})
        assert KEY_IN_URL not in str(refuse(200, fault, {}, write=False))


class TestSigner(conformance.SignerConformance):
    secrets: Collection[str] = (PRIVATE_KEY, PRIVATE_KEY[2:], str(bytes.fromhex(PRIVATE_KEY[2:])))

    @pytest.fixture
    def signer(self) -> Callable[[], EvmKey]:
        return known_key

    def sign(self, signer: EvmKey) -> Signed:
        call = Call(Address("0x" + "22" * 20), b"\x01\x02", 7)
        fees = Fees(30 * GWEI, 60 * GWEI)
        return sign_transaction(signer, call, chain_id=137, nonce=3, gas=60_000, fees=fees)

    def verify(self, signer: EvmKey, signed: Signed) -> bool:
        return bool(Account.recover_transaction(signed.raw) == OWNER)

    def broken(self) -> Iterator[Callable[[], Any]]:
        yield lambda: EvmKey(Lent("k", PRIVATE_KEY[:-1]))


class TestClient(ClientConformance):
    limits = Limits({}, {})
    secrets: Collection[str] = (KEY_IN_URL,)
    budgeted = False

    def client(self, http: HttpTransport, budget: RateBudget, clock: Clock) -> tuple[Rpc, Provider]:
        return Rpc((http,), names=("node",)), Provider("node", http)

    def reads(self) -> Sequence[Request]:
        told = body(jsonrpc="2.0", id=1, result=BLOCK)
        return (Request("POST /", lambda c: c[0].block(), told),)

    def writes(self) -> Sequence[Request]:
        async def send(client: tuple[Rpc, Provider]) -> Any:
            result = await client[1].write(Ask("eth_sendRawTransaction", ("0x02",)))
            return result.read(str)

        return (Request("POST /", send, body(jsonrpc="2.0", id=1, result=HASH)),)

    def failures(self) -> Mapping[str, Answer]:
        """Return all but a redirect: nodes send none, and whoever does has passed nothing on."""
        every = super().failures()
        return {name: answer for name, answer in every.items() if name != "a redirect"}

    def test_broadcasting_never_raises_and_sends_once(self) -> None:
        request = Request("POST /", lambda c: c[0].broadcast(b"\x02"), b"")
        for answer in self.failures().values():
            met = self.meet(request, answer, warm=True)
            assert met.error is None
            assert len(met.of(request)) == 1
            assert met.result.unsure == ("node",), (answer.status, met.result)


class TestCapabilities(conformance.CapabilityConformance):
    table = CAPABILITIES
    folder = Path(__file__).parents[2] / "src/underround/venues/polygon"


def test_no_venue_raises_the_limit_of_recursion() -> None:
    """With a limit of 100,000 a deeply nested answer ends the process instead of being refused."""
    program = (
        "import importlib, pkgutil, sys, underround.venues as v\n"
        "for m in pkgutil.walk_packages(v.__path__, 'underround.venues.'):\n"
        "    importlib.import_module(m.name)\n"
        "print(sys.getrecursionlimit())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) <= 10_000
