"""A real EVM node on loopback, and what the tests put on it."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import subprocess
import threading
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from eth_abi.abi import encode

from underround.venues.ethereum import EvmKey, keccak
from underround.venues.polygon.calldata import PREPARE_CONDITION, REPORT_PAYOUTS
from underround.venues.polygon.contracts import CONDITIONAL_TOKENS, PUSD
from underround.venues.polygon.quantities import Address

HERE = Path(__file__).parent
CHAIN_ID = 137
_LISTENING = re.compile(r"Listening on 127\.0\.0\.1:(\d+)")
_POL = 10**18


def anvil_binary() -> Path | None:
    """Return the node's own binary, not npm's launcher: it has no child to leave behind."""
    found = sorted(HERE.glob("node_modules/@foundry-rs/anvil-*/bin/anvil"))
    if found:
        return found[0]
    elsewhere = shutil.which("anvil")
    return Path(elsewhere) if elsewhere else None


def contract(package: str, name: str) -> dict[str, Any]:
    """Return a contract's build artefact from npm."""
    path = HERE / "node_modules" / package / "build" / "contracts" / f"{name}.json"
    told: dict[str, Any] = json.loads(path.read_bytes())
    return told


class Anvil:
    """The running node; blocks are mined only when told."""

    def __init__(self, url: str) -> None:
        self.url = url

    def answer(self, body: bytes) -> Any:
        """Return the whole JSON-RPC answer to a request; waits for it."""
        request = urllib.request.Request(self.url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())

    def rpc(self, method: str, *params: Any) -> Any:
        """Return the result of a call."""
        call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        told = self.answer(json.dumps(call).encode())
        if "error" in told:
            raise AssertionError(f"{method}: {told['error']}")
        return told["result"]

    def mine(self, blocks: int = 1) -> None:
        """Mine blocks: waiting transactions go into the first of them."""
        self.rpc("anvil_mine", hex(blocks))

    @property
    def head(self) -> int:
        """Number of the newest block."""
        return int(self.rpc("eth_blockNumber"), 16)

    def act(self, sender: str, to: str | None, data: bytes) -> dict[str, Any]:
        """Send and mine a transaction of anybody; return its receipt."""
        self.rpc("anvil_setBalance", sender, hex(1_000 * _POL))
        self.rpc("anvil_impersonateAccount", sender)
        call = {"from": sender, "data": "0x" + data.hex(), "gas": hex(8_000_000)}
        name = self.rpc("eth_sendTransaction", call | ({"to": to} if to else {}))
        self.mine()
        receipt: dict[str, Any] = self.rpc("eth_getTransactionReceipt", name)
        assert receipt["status"] == "0x1", receipt
        return receipt

    def fund(self, key: EvmKey, pol: int = 100) -> None:
        """Give an address POL for gas."""
        self.rpc("anvil_setBalance", key.address, hex(pol * _POL))

    def mint(self, owner: str, amount: int) -> None:
        """Give an address ``amount`` micro-dollars of pUSD."""
        data = keccak(b"mint(address,uint256)")[:4] + encode(
            ["address", "uint256"], [owner, amount]
        )
        self.act(_MINTER, PUSD, data)

    def prepare(self, oracle: str, question: bytes) -> bytes:
        """Prepare a binary condition; return its id as the contract's event says it."""
        receipt = self.act(_MINTER, CONDITIONAL_TOKENS, PREPARE_CONDITION(oracle, question, 2))
        return bytes.fromhex(receipt["logs"][0]["topics"][1][2:])

    def resolve(self, oracle: str, question: bytes, payouts: Sequence[int]) -> None:
        """Report payouts as the oracle."""
        self.act(oracle, CONDITIONAL_TOKENS, REPORT_PAYOUTS(question, payouts))


_MINTER = "0x00000000000000000000000000000000000000aa"


def furnish(node: Anvil) -> None:
    """Put the real Conditional Tokens, and an ERC-20 as pUSD, at their addresses on Polygon."""
    ctf = contract("@gnosis.pm/conditional-tokens-contracts", "ConditionalTokens")
    node.rpc("anvil_setCode", CONDITIONAL_TOKENS, ctf["deployedBytecode"])
    token = contract("@openzeppelin/contracts", "ERC20PresetMinterPauser")
    creation = bytes.fromhex(token["bytecode"][2:]) + encode(["string", "string"], ["pUSD", "pUSD"])
    deployed = node.act(_MINTER, None, creation)["contractAddress"]
    place_like(node, Address(PUSD), deployed)


def place_like(node: Anvil, at: Address, deployed: str) -> None:
    """Put a deployed contract at another address: its code, and what its constructor stored."""
    node.rpc("anvil_setCode", at, node.rpc("eth_getCode", deployed, "latest"))
    trace = node.rpc("debug_traceTransaction", *_creation_trace(node, deployed))
    for slot, value in trace["post"][deployed.lower()]["storage"].items():
        node.rpc("anvil_setStorageAt", at, slot, value)


def _creation_trace(node: Anvil, deployed: str) -> tuple[str, dict[str, Any]]:
    block = node.rpc("eth_getBlockByNumber", "latest", False)
    (name,) = block["transactions"]
    return name, {"tracer": "prestateTracer", "tracerConfig": {"diffMode": True}}


@contextlib.contextmanager
def running() -> Iterator[Anvil]:
    """Start a node on a free port; it is gone when the block ends."""
    binary = anvil_binary()
    assert binary is not None
    where = ["--host", "127.0.0.1", "--port", "0", "--chain-id", str(CHAIN_ID)]
    # With one slot per epoch the block before the last but one is final.
    how = ["--no-mining", "--slots-in-an-epoch", "1", "--accounts", "0"]
    process = subprocess.Popen(
        [str(binary), *where, *how],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    reader: threading.Thread | None = None
    try:
        for line in process.stdout:
            if found := _LISTENING.search(line):
                break
        else:
            raise AssertionError("anvil ended without listening")
        # It writes a line per request: a full pipe would stop it.
        reader = threading.Thread(target=process.stdout.read, daemon=True)
        reader.start()
        yield Anvil(f"http://127.0.0.1:{found[1]}")
    finally:
        process.kill()
        process.wait()
        if reader is not None:
            reader.join()
        process.stdout.close()
