"""An endpoint that hides a transaction until it is mined: configuration, and its requests.

Polymarket's own matching is off chain and splits, merges and redemptions cannot be sandwiched, so
this only hides intent.  Whatever it does, the transaction is published after a few blocks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

import msgspec

from underround.model.errors import OutcomeUnknown, UnderroundError
from underround.venues.polygon.messages import Ask, decode_results, encode_asks
from underround.venues.polygon.refusals import status_refusal
from underround.venues.transport.http import HttpTransport

ParamsForm: TypeAlias = Literal["raw", "transaction"]
"""``raw``: ``["0x…"]``, as Polygon's Private Mempool; ``transaction``: ``{"transaction": "…"}``
without ``0x``, as bloXroute's ``polygon_private_tx``."""
Taken: TypeAlias = Literal["taken", "unsure", "no"]


class PrivateRoute:
    """Where to send privately, and when to stop waiting for it."""

    __slots__ = ("_headers", "_transport", "form", "method", "public_after")

    def __init__(
        self,
        transport: HttpTransport,
        *,
        method: str = "eth_sendRawTransaction",
        form: ParamsForm = "raw",
        headers: Mapping[str, str] | None = None,
        public_after: int = 5,
    ) -> None:
        """Use ``headers`` (they may hold a key and are never shown) for every request.

        After ``public_after`` blocks without a receipt the transaction goes to the public nodes.
        """
        self._transport = transport
        self.method = method
        self.form = form
        self._headers = dict(headers or {})
        self.public_after = public_after

    async def send(self, raw: bytes) -> tuple[Taken, str]:
        """Send a signed transaction; say what became of it and, if not taken, why.  Never raises.

        Nothing here is a reason to give up: the caller publishes what was not taken.
        """
        try:
            reply = await self._transport.send(
                "POST", "", body=self.request(raw), headers=self._headers, write=True
            )
            refused = status_refusal(reply, "private endpoint")
            if refused is not None:
                return "no", str(refused)
            ask = Ask(self.method)
            (result,) = decode_results(reply.body, (ask,), "private endpoint")
        except OutcomeUnknown:
            return "unsure", "private endpoint: no answer"
        except UnderroundError as error:
            # Worded anew: a transport's own words may name an address that holds a key.
            return "no", f"private endpoint: {type(error).__name__}"
        if result.fault is None or result.fault.kind == "known":
            return "taken", ""
        return "no", f"private endpoint: {result.fault.message[:200]}"

    def request(self, raw: bytes) -> bytes:
        """Return the body of the request that carries ``raw``."""
        if self.form == "raw":
            return encode_asks((Ask(self.method, ("0x" + raw.hex(),)),), batch=False)
        params = {"transaction": raw.hex()}
        call = {"jsonrpc": "2.0", "id": 1, "method": self.method, "params": params}
        return msgspec.json.encode(call)

    def __repr__(self) -> str:
        return f"PrivateRoute({self.method}, public after {self.public_after} blocks)"
