"""Kalshi's numbered books and Binance's trades, recorded in parts."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec

from tests import aio
from tests.app.recordbench import venues, verified
from tests.app.test_watch import KALSHI_WINDOW, TICKER, BinanceStream
from tests.venues.kalshi.making import KEY_ID, edwards_key, pem_of
from tests.venues.wsserver import Client, WsServer, ws_server
from underround.app.recorder.recorder import Recorder
from underround.app.recorder.wanted import Wanted
from underround.storage.recording import Recording


class NumberedBook(WsServer):
    """One market's book in numbered messages; ``get_snapshot`` restates it."""

    def __init__(self) -> None:
        super().__init__()
        self.contracts = 10
        self.number = 0
        self.on_message = self.answer

    def answer(self, client: Client, payload: bytes) -> None:
        asked = msgspec.json.decode(payload)
        if asked["cmd"] == "subscribe":
            self.number = 0
            told = {"channel": "orderbook_delta", "sid": 1}
            self.tell(client, {"id": asked["id"], "type": "subscribed", "msg": told})
        elif asked["params"]["action"] != "get_snapshot":
            return
        book = {
            "market_ticker": TICKER, "market_id": "x",
            "yes_dollars_fp": [["0.4000", f"{self.contracts}.00"]],
            "no_dollars_fp": [["0.5500", "7.00"]],
        }  # fmt: skip
        self.tell_next(client, "orderbook_snapshot", book)

    def change(self) -> None:
        """Add a contract to the best bid, for everybody who follows."""
        self.contracts += 1
        told = {
            "market_ticker": TICKER, "market_id": "x", "price_dollars": "0.4000",
            "delta_fp": "1.00", "side": "yes", "ts_ms": 1_790_000_000_000 + self.contracts,
        }  # fmt: skip
        for client in self.open_clients:
            self.tell_next(client, "orderbook_delta", told)

    def tell_next(self, client: Client, kind: str, told: dict[str, Any]) -> None:
        self.number += 1
        self.tell(client, {"type": kind, "sid": 1, "seq": self.number, "msg": told})

    @staticmethod
    def tell(client: Client, frame: dict[str, Any]) -> None:
        client.send(msgspec.json.encode(frame))


def test_parts_of_numbered_books_and_of_reference_prices_are_proven_by_themselves(
    tmp_path: Path,
) -> None:
    async def main() -> None:
        key, name = tmp_path / "key.pem", tmp_path / "id"
        key.write_bytes(bytes(pem_of(edwards_key())))
        name.write_text(KEY_ID)
        for secret in (key, name):
            secret.chmod(0o600)
        kalshi, binance = NumberedBook(), BinanceStream()
        async with ws_server(kalshi), ws_server(binance):
            options = (
                "venues.kalshi.enabled=true", "venues.kalshi.rest=http://127.0.0.1:9",
                f"venues.kalshi.stream={kalshi.url.removesuffix('/ws')}",
                f"venues.kalshi.key_id=file:{name}", f"venues.kalshi.private_key=file:{key}",
                f"venues.binance.stream={binance.url.removesuffix('/ws')}",
            )  # fmt: skip
            found = Wanted(
                listings=(KALSHI_WINDOW,), rolling=(), kalshi_series=(), groups=(),
                topics=("btcusdt@aggTrade",), notes=(),
            )  # fmt: skip
            async with venues(tmp_path / "out", [], *options) as bench:

                async def during(_recorder: Recorder) -> None:
                    await bench.trusted()
                    for _ in range(80):
                        kalshi.change()
                        await asyncio.sleep(0.25)

                (tmp_path / "out").mkdir()
                summary = await bench.record(found=found, during=during, rotate_s=8)
            assert len(summary.parts) == 3
            assert len(kalshi.clients) == 1  # a snapshot needs no other socket
            for part in summary.parts:
                report = verified(part.path)
                assert report.ok, report.problems
                assert report.books[0].verified > 10
                assert report.books[0].trusted_at_end
            header = Recording.open(Path(summary.parts[0].path)).header
            assert header.attribution == "Kalshi, Binance"
            assert KEY_ID not in str(header)
            assert {"kalshi.book", "binance.spot"} <= {each.stream for each in summary.streams}

    aio.run(main())
