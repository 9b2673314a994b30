"""Commands of Kalshi's WebSocket, and the numbers of its errors."""

from __future__ import annotations

from typing import Final

import msgspec

ERRORS: Final = {
    1: "Unable to process message",
    2: "Params required",
    3: "Channels required",
    4: "Subscription IDs required",
    5: "Unknown command",
    7: "Unknown subscription ID",
    8: "Unknown channel name",
    11: "Invalid parameter",
    12: "Exactly one subscription ID required",
    13: "Unsupported action",
    14: "Market ticker required",
    15: "Action required",
    24: "Index IDs required",
}


class Params(msgspec.Struct):
    """Everything a command may say."""

    channels: list[str] | None = None
    market_ticker: str | None = None
    market_tickers: list[str] | None = None
    send_initial_snapshot: bool = False
    skip_ticker_ack: bool = False
    use_yes_price: bool | None = None
    index_ids: list[str] | None = None
    sids: list[int] | None = None
    sid: int | None = None
    action: str | None = None

    @property
    def tickers(self) -> list[str] | None:
        """The markets it names; ``None``: none."""
        if self.market_tickers:
            return self.market_tickers
        return [self.market_ticker] if self.market_ticker else None


class Command(msgspec.Struct):
    """One message of a client."""

    id: int = 0
    cmd: str = ""
    params: Params | None = None


class Failed(Exception):
    """A command is answered with an error."""

    def __init__(self, code: int) -> None:
        """``code`` as the venue counts them."""
        super().__init__(ERRORS[code])
        self.code = code


read_command: Final = msgspec.json.Decoder(Command).decode
