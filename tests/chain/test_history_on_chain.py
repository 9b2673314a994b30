"""The exchanges' trades from a real node's logs to Parquet."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.chain.desk import desk
from tests.chain.emitter import emit, filled, place_emitter
from tests.chain.node import Anvil
from underround.pipeline.history import opened
from underround.pipeline.history_sources import ChainHistory
from underround.venues.polygon.contracts import EXCHANGE_V2, EXCHANGE_V3

ANN, BEN, CAT = ("0x" + letter * 40 for letter in "abc")


@pytest.mark.parametrize("most_blocks, timeless", [(10_000, False), (3, True)])
def test_trades_of_final_blocks_are_written_once(
    anvil: Anvil, tmp_path: Path, most_blocks: int, timeless: bool
) -> None:
    async def scenario() -> None:
        for exchange in (EXCHANGE_V2, EXCHANGE_V3):
            place_emitter(anvil, exchange)
        first = anvil.head + 1
        for order in range(10):
            exchange = (EXCHANGE_V2, EXCHANGE_V3)[order % 2]
            emit(anvil, exchange, filled(order, BEN, ANN, 1, 77, 1_000_000 + order, 400_000))
            emit(anvil, exchange, filled(100 + order, ANN, exchange, 0, 77, 400_000, 1_000_000))
        anvil.mine(2)
        emit(anvil, EXCHANGE_V2, filled(99, BEN, ANN, 1, 77, 10, 5))  # not final yet
        async with desk(anvil) as at:
            for front in at.fronts:
                front.most_blocks = most_blocks
                front.timeless = timeless
            source = ChainHistory(at.rpc)
            async with opened(tmp_path / "h", source) as history:
                final = anvil.head - 2
                assert await history.fetch(source, first, anvil.head, step=7) == final
                table = history.read()
                assert table["size"].to_list() == [1_000_000 + order for order in range(10)]
                assert set(table["collateral"]) == {400_000}
                assert table["block"].to_list() == list(range(first, first + 20, 2))
                assert set(table["exchange"]) == {EXCHANGE_V2, EXCHANGE_V3}
                times = [
                    int(anvil.rpc("eth_getBlockByNumber", hex(block), False)["timestamp"], 16)
                    for block in table["block"]
                ]
                assert table["at_s"].to_list() == times
                own = sum(
                    chunk.left_out.get("the taker's own row", 0)
                    for chunk in history.manifest.chunks
                )
                assert own == 10
                anvil.mine(2)
                await history.fetch(source, first, anvil.head, step=7)
                assert history.read()["size"].to_list()[-1] == 10

    asyncio.run(scenario())
