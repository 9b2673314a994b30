"""The EVM node: a child process on loopback that ends with us, and the calls it answers."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec

from underround.model.errors import ConfigError, Unreachable, VenuePaused
from underround.venues.polymarket.contracts import POLYGON_CHAIN

CHAIN_ID: Final = POLYGON_CHAIN
_LISTENING: Final = re.compile(rb"Listening on 127\.0\.0\.1:(\d+)")
_START_S: Final = 60
"""A fork asks another node first."""
_STOP_S: Final = 5
_BATCH: Final = 100
"""Calls in one request."""
_GAS_LIMIT: Final = 1_000_000_000
"""Of a block: whatever was matched fits into the next one."""
_STATES: Final = 64
"""Blocks at which balances can still be asked for; no re-org is deeper."""
_HISTORY: Final = 512
"""Blocks whose transactions and logs can still be asked for."""
_FORKING: Final = (
    "--no-rate-limit",
    "--no-storage-caching",
    "--retries",
    "2",
    "--timeout",
    "20000",
)
_KEEPER: Final = (
    'exec 3<&0; "$@" </dev/null & pid=$!; '
    "{ cat <&3; kill -9 $pid; } >/dev/null 2>&1 & wait $pid; kill $!"
)
"""Ends the node when our end of its input closes, which it does however we end."""


class CallFailed(Exception):
    """The node refused a call, with its own words."""

    def __init__(self, method: str, code: int, message: str, data: str) -> None:
        """Keep what was said; ``data`` is a revert's, as hex."""
        super().__init__(f"{method}: {message} ({code})")
        self.code = code
        self.message = message
        self.data = data


class _Error(msgspec.Struct):
    code: int = 0
    message: str = ""
    data: Any = None


class _Answer(msgspec.Struct):
    id: int
    result: Any = None
    error: _Error | None = None


_answers: Final = msgspec.json.Decoder(list[_Answer]).decode
_encode: Final = msgspec.json.Encoder(enc_hook=str).encode
"""Addresses and hashes are kinds of text of their own."""


class NodeTerms(msgspec.Struct, frozen=True, kw_only=True):
    """How the node is started."""

    confirmations: int = 2
    """Blocks until one is final; even."""
    starts_s: int | None = None
    """Unix time of the first block; ``None``: now (a fork: its own)."""
    fork: str = ""
    """Endpoint whose chain is continued; empty: a new chain."""

    def __post_init__(self) -> None:
        if self.confirmations < 2 or self.confirmations % 2:
            raise ConfigError(
                f"a block is final after {self.confirmations} more: the local chain needs an even "
                "number, at least 2"
            )

    def options(self) -> list[str]:
        """Return the node's command line."""
        options = ["--host", "127.0.0.1", "--port", "0", "--accounts", "0", "--no-mining"]
        options += ["--order", "fifo", "--gas-limit", str(_GAS_LIMIT), "--prune-history"]
        options += [str(_STATES), "--slots-in-an-epoch", str(self.confirmations // 2)]
        options += ["--transaction-block-keeper", str(_HISTORY)]
        if self.fork:
            return [*options, "--fork-url", self.fork, *_FORKING]
        options += ["--chain-id", str(CHAIN_ID)]
        return options if self.starts_s is None else [*options, "--timestamp", str(self.starts_s)]


class Node:
    """A running node.  Blocks are made only when ``mine`` is called."""

    def __init__(self, anvil: Path, terms: NodeTerms | None = None) -> None:
        """``anvil`` is its binary."""
        self._anvil = anvil
        self.terms = terms or NodeTerms()
        self.url = ""
        self._process: asyncio.subprocess.Process | None = None
        self._drain: asyncio.Task[None] | None = None
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> str:
        """Start the node on a free port and return its address.  Raises ``ConfigError``."""
        try:
            self._process = await asyncio.create_subprocess_exec(
                "/bin/sh", "-c", _KEEPER, "keeper", str(self._anvil), *self.terms.options(),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip
            async with asyncio.timeout(_START_S):
                self.url = f"http://127.0.0.1:{await self._port()}"
        except (OSError, TimeoutError) as error:
            await self.stop()
            raise ConfigError(
                f"{self._anvil} did not start ({str(error) or 'it takes too long'}): "
                "run the venue without --chain"
            ) from None
        except BaseException:
            await self.stop()
            raise
        self._drain = asyncio.create_task(self._forget())
        timeout = aiohttp.ClientTimeout(total=120)
        self._session = aiohttp.ClientSession(timeout=timeout)
        return self.url

    async def stop(self) -> None:
        """End the node; does nothing when it does not run."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()
        drain, self._drain = self._drain, None
        if drain is not None:
            drain.cancel()
            await asyncio.gather(drain, return_exceptions=True)
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_STOP_S):
                await process.wait()
                return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()

    async def _port(self) -> int:
        assert self._process is not None
        output = self._process.stdout
        assert output is not None
        last = b""
        async for line in output:
            if found := _LISTENING.search(line):
                return int(found[1])
            last = line.strip() or last
        said = last.decode(errors="replace")[:200]
        where = f"the chain behind {_shown(self.terms.fork)}" if self.terms.fork else "anvil"
        raise ConfigError(f"{where}: the node ended at its start ({said}): mend that or leave out "
                          f"--{'fork' if self.terms.fork else 'chain'}")  # fmt: skip

    async def _forget(self) -> None:
        """Read what it writes for every request: a full pipe would stop it."""
        assert self._process is not None
        output = self._process.stdout
        assert output is not None
        while await output.read(1 << 16):
            pass

    # --- calls ---------------------------------------------------------------------------------

    async def rpc(self, method: str, *params: Any) -> Any:
        """Return the result of a call.  Raises ``CallFailed``."""
        (told,) = await self.batch([(method, list(params))])
        if isinstance(told, CallFailed):
            raise told
        return told

    async def batch(self, calls: Sequence[tuple[str, list[Any]]]) -> list[Any]:
        """Return what each call returned, or the ``CallFailed`` it ended in; in order."""
        results: list[Any] = []
        for first in range(0, len(calls), _BATCH):
            results += await self._ask(calls[first : first + _BATCH])
        return results

    async def forward(self, body: bytes) -> bytes:
        """Return the answer to a JSON-RPC body as it came."""
        if self._session is None:
            raise Unreachable("the local chain has stopped: start the venue again")
        try:
            async with self._session.post(
                self.url, data=body, headers={"Content-Type": "application/json"}
            ) as answer:
                return await answer.read()
        except aiohttp.ClientError as error:
            raise Unreachable(f"the local chain does not answer ({error})") from None

    async def _ask(self, calls: Sequence[tuple[str, list[Any]]]) -> list[Any]:
        body = [
            {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            for number, (method, params) in enumerate(calls)
        ]
        told = {each.id: each for each in _answers(await self.forward(_encode(body)))}
        if len(told) != len(calls):
            raise VenuePaused("the local chain left calls unanswered: start the venue again")
        return [_result(method, told[number]) for number, (method, _) in enumerate(calls)]

    async def mine(self, at_s: int | None = None) -> int:
        """Make a block at ``at_s`` (later than the last one) and return its number."""
        await self.rpc("evm_mine", *([] if at_s is None else [at_s]))
        return int(await self.rpc("eth_blockNumber"), 16)


def _result(method: str, answer: _Answer) -> Any:
    if answer.error is None:
        return answer.result
    data = answer.error.data
    return CallFailed(
        method, answer.error.code, answer.error.message, data if isinstance(data, str) else ""
    )


def _shown(url: str) -> str:
    """Return an endpoint without what may be a key in it."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.partition('/')[0].rpartition('@')[2]}"
