"""A provider in front of the real node, which can be strict, late, forgetful or dead on demand."""

from __future__ import annotations

import json
from typing import Any

from eth_abi.abi import decode, encode
from eth_account import Account
from eth_account.typed_transactions.dynamic_fee_transaction import DynamicFeeTransaction
from hexbytes import HexBytes

from tests.chain.node import Anvil
from tests.venues.scripted import Answer, Asked
from underround.venues.polygon.contracts import MULTICALL3

_AGGREGATE3 = "0x82ad56cb"


class Front:
    """Answers as the node does, except for what a test switches on."""

    def __init__(self, node: Anvil) -> None:
        self.node = node
        self.behind = 0
        """Blocks that it does not know yet."""
        self.down = False
        self.forgets = False
        """Takes transactions and passes none of them on."""
        self.hangs_up_after_send = False
        """Passes a transaction on and closes the connection instead of answering."""
        self.most_blocks = 10**9
        """Of a log query."""
        self.chain_id: str | None = None
        self.fork_at: int | None = None
        """Names an invented block at this height and above."""
        self.blind = False
        """Denies knowledge of every transaction and receipt."""
        self.flips: int | None = None
        """Names another block at this height from the second time on that it is asked."""
        self.timeless = False
        """Leaves the time out of logs, as many providers do."""
        self.trouble: str | None = None
        """Its words instead of any answer."""
        self.stale_count: int | None = None
        """Claims that this is every address' next nonce."""
        self.flips_seen = 0
        self.sent: list[str] = []
        """Raw transactions it was given, in order."""
        self.methods: list[str] = []
        self._pool: dict[tuple[str, int], tuple[int, int]] = {}

    def answer(self, asked: Asked) -> Answer:
        """Answer one HTTP request."""
        if self.down:
            return Answer(hang_up=True)
        told = json.loads(asked.body)
        calls = told if isinstance(told, list) else [told]
        answers = [self._one(call) for call in calls]
        if self.hangs_up_after_send and calls[0]["method"] == "eth_sendRawTransaction":
            return Answer(hang_up=True)
        # A batch may be answered in any order.
        whole = answers[::-1] if isinstance(told, list) else answers[0]
        return Answer(json.dumps(whole).encode())

    def _one(self, call: dict[str, Any]) -> dict[str, Any]:
        method, params = call["method"], call["params"]
        self.methods.append(method)
        base = {"jsonrpc": "2.0", "id": call["id"]}
        if self.trouble is not None:
            return base | {"error": {"code": -32_000, "message": self.trouble}}
        special = getattr(self, f"_{method}", None)
        if special is not None:
            result = special(*params)
            if isinstance(result, Fault):
                return base | {"error": {"code": result.code, "message": result.message}}
            if result is not None:
                return base | {"result": None if result is NOTHING else result}
        told: dict[str, Any] = self.node.answer(json.dumps(call | {"jsonrpc": "2.0"}).encode())
        return told

    @property
    def _head(self) -> int:
        return self.node.head - self.behind

    def _eth_chainId(self) -> Any:  # noqa: N802 – the method's own name
        return self.chain_id

    def _eth_blockNumber(self) -> Any:  # noqa: N802 – as above
        return hex(self._head)

    def _eth_getBlockByNumber(self, tag: str, full: bool) -> Any:  # noqa: N802 – as above
        if tag in {"finalized", "safe"}:
            return None
        number = self._head if tag == "latest" else int(tag, 16)
        if number > self._head:
            return NOTHING
        block = self.node.rpc("eth_getBlockByNumber", hex(number), full)
        if self.fork_at is not None and number >= self.fork_at:
            block["hash"] = f"0x{number + 0xF0_0000:064x}"
        if number == self.flips:
            self.flips_seen += 1
            if self.flips_seen > 1:
                block["hash"] = f"0x{self.flips_seen:064x}"
        return block

    def _eth_getLogs(self, wanted: dict[str, Any]) -> Any:  # noqa: N802 – as above
        first, last = int(wanted["fromBlock"], 16), int(wanted["toBlock"], 16)
        if last - first + 1 > self.most_blocks:
            return Fault(-32_005, f"query exceeds max block range {self.most_blocks}")
        logs = self.node.rpc("eth_getLogs", wanted | {"toBlock": hex(min(last, self._head))})
        if self.timeless:
            for log in logs:
                del log["blockTimestamp"]
        return logs

    def _eth_getTransactionReceipt(self, _name: str) -> Any:  # noqa: N802 – as above
        return NOTHING if self.blind else None

    def _eth_getTransactionByHash(self, _name: str) -> Any:  # noqa: N802 – as above
        return NOTHING if self.blind else None

    def _eth_getTransactionCount(self, _address: str, _tag: str) -> Any:  # noqa: N802 – as above
        return None if self.stale_count is None else hex(self.stale_count)

    def _eth_sendRawTransaction(self, raw: str) -> Any:  # noqa: N802 – as above
        self.sent.append(raw)
        fields = DynamicFeeTransaction.from_bytes(HexBytes(raw)).as_dict()
        sender = Account.recover_transaction(raw)
        offered = (fields["maxPriorityFeePerGas"], fields["maxFeePerGas"])
        place = (sender, fields["nonce"])
        mined = int(self.node.rpc("eth_getTransactionCount", sender, "latest"), 16)
        waiting = self._pool.get(place) if fields["nonce"] >= mined else None
        # The rule of go-ethereum's and bor's pools, which anvil lacks (legacypool, PriceBump 10).
        stale = waiting if waiting not in {None, offered} else None
        if stale and any(new * 100 < old * 110 for new, old in zip(offered, stale, strict=True)):
            return Fault(-32_000, "replacement transaction underpriced")
        self._pool[place] = offered
        if self.forgets:
            return "0x" + "00" * 32
        return None

    def _eth_call(self, call: dict[str, Any], tag: str) -> Any:
        """Stand in for Multicall3, whose bytecode is not on npm in a form that installs."""
        if call["to"].lower() != MULTICALL3 or not call["data"].startswith(_AGGREGATE3):
            return None
        (calls,) = decode(["(address,bool,bytes)[]"], bytes.fromhex(call["data"][10:]))
        results = []
        for to, _, data in calls:
            one = {"jsonrpc": "2.0", "id": 1, "method": "eth_call"}
            one["params"] = [{"to": to, "data": "0x" + data.hex()}, tag]
            told = self.node.answer(json.dumps(one).encode())
            returned = bytes.fromhex(told.get("result", "0x")[2:])
            results.append(("result" in told, returned))
        return "0x" + encode(["(bool,bytes)[]"], [results]).hex()


class Fault:
    """An error to answer with."""

    def __init__(self, code: int, message: str) -> None:
        self.code = code
        self.message = message


NOTHING = object()
"""Answer ``null``."""
