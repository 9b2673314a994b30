"""The recent trades of a market, which anybody may read."""

from __future__ import annotations

import asyncio

from tests.local_venue.net.listening import afflict
from tests.local_venue.polymarket.clob_desk import clob
from underround.local_venue.faults import Ghost


def test_the_newest_trades_of_a_market_come_first_and_ghosts_and_other_markets_are_left_out() -> (
    None
):
    async def main() -> None:
        async with clob() as desk:
            alice, bob, condition = desk.alice, desk.bob, desk.market.id.native
            other = desk.list("other")
            for market in (desk.market, other):
                await bob.post("buy", "0.5", "30", outcome=1, market=market)
                await alice.post("buy", "0.5", "10", market=market)
            await alice.post("buy", "0.6", "5")
            afflict(desk.world, Ghost(count=1))
            await alice.post("buy", "0.5", "6")
            desk.pass_ms(60_000)
            newest, oldest = await desk.get(f"/markets/live-activity/{condition}")
            assert (newest["size"], oldest["size"]) == ("5", "10")
            assert (newest["side"], newest["price"], newest["outcome"]) == ("BUY", "0.5", "Yes")
            assert newest["market"]["asset_id"] == desk.market.tokens[0]
            assert newest["user"]["address"] == alice.who.maker
            assert len(newest["transaction_hash"]) == 66
            assert (await desk.ask("GET", "/markets/live-activity/0x12")).status == 400
            nobodys = f"/markets/live-activity/0x{'ab' * 32}"
            assert (await desk.ask("GET", nobodys)).status == 404

    asyncio.run(main())
