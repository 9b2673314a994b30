"""The official SDK, unmodified and in its own environment, against catalogue, data and relayer."""

from __future__ import annotations

import asyncio
import json
import subprocess
import threading
from pathlib import Path
from typing import Any, Self

from tests.aio import run
from tests.local_venue.polymarket.catalogue_desk import CatalogueDesk, everything, serving
from tests.oracles.driver import PYTHON, ROOT
from underround.local_venue.polymarket.data.rest import PERPETUALS
from underround.local_venue.polymarket.relayer.keys import relayer_key
from underround.local_venue.polymarket.relayer.transactions import RelayTimes
from underround.local_venue.settlement import SettlementTimes
from underround.local_venue.world import WalletCall
from underround.model.ids import YES
from underround.model.units import ONE, usd
from underround.venues.polygon import positions

SCRIPT = Path(__file__).with_name("sdk_catalogue.py")
WAIT_S = 60


class Served:
    """A venue that serves from a thread of its own, whose time is real."""

    def __init__(self) -> None:
        self.ready = threading.Event()
        self.told: dict[str, Any] = {}
        self.desk: CatalogueDesk
        self._loop: asyncio.AbstractEventLoop
        self._over: asyncio.Event
        self._thread = threading.Thread(target=lambda: run(self._serve()))

    async def _serve(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        times = RelayTimes(executed_ms=1, mined_ms=1, confirmed_ms=1)
        self.desk = CatalogueDesk(running=True, times=times)
        _prepare(self.desk, self.told)
        async with serving(self.desk):
            self.told |= {name: self.desk.urls[name] for name in ("gamma", "data", "relayer")}
            self.ready.set()
            await self._over.wait()

    def __enter__(self) -> Self:
        self._thread.start()
        assert self.ready.wait(WAIT_S)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(WAIT_S)


def _prepare(desk: CatalogueDesk, told: dict[str, Any]) -> None:
    """Let alice trade in one market and hold what lost in another."""
    markets, who = everything(desk), desk.people["alice"]
    settlement = desk.world.settlement
    settlement.times = SettlementTimes(mined_ms=0, confirmed_ms=0)  # type: ignore[attr-defined]  # of the timed one
    market, lost = markets["plain"], markets["free"]
    desk.order("bob", "buy", market, "0.60", "20", outcome=1)
    assert desk.order("alice", "buy", market, "0.40", "20").size == usd("20")
    desk.world.act()
    split = positions.split("ctf", lost.id.native, usd("10"))
    desk.wallets.carry_out(who.maker, [WalletCall(split.to, split.data)], desk.now)
    desk.resolve(lost, (ONE, 0))
    told |= {
        "private_key": who.private_key,
        "owner": who.owner,
        "wallet": who.maker,
        "relayer_key": relayer_key(desk.world.seed, who.owner),
        "condition": market.id.native,
        "token": market.tokens[YES],
        "resolved": lost.id.native,
    }


def test_the_official_sdk_reads_the_catalogue_and_moves_a_wallet() -> None:
    subprocess.run([ROOT / ".ci" / "need-oracles"], check=True, cwd=ROOT)
    with Served() as venue:
        asked = json.dumps(venue.told)
        done = subprocess.run(
            [PYTHON, "-I", SCRIPT, asked],
            capture_output=True,
            text=True,
            timeout=WAIT_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        seen = json.loads(done.stdout)
        custody, account = venue.desk.world.polymarket.custody, venue.desk.account("alice")
        row, _ = venue.desk.world.catalogue.tokens[venue.told["token"]]
        held = custody.balance(account, row.listing.market.outcome(YES))
    slugs = {"rain", "anna-wins", "bert-wins", "cleo-wins", "dora-wins", "other", "newer"}
    assert {slug for slug in seen["markets"] if not slug.startswith("btc-updown")} == slugs
    assert all(seen["markets"].values())
    assert (seen["versions"], seen["closed"]) == (["v1", "v2"], ["snow"])
    assert seen["prices"]["rain"] == "0.4"
    assert seen["events"] == {"plain-things": 3, "who-wins": 3, "who-else": 2, "btc-window": 1}
    assert (seen["one"], seen["event"]) == (venue.told["condition"], "Who wins")
    assert seen["tags"] == ["crypto", "politics", "tests"]
    assert (seen["series"], seen["found"]) == (["btc-up-or-down-15m"], ["who-wins", "who-else"])
    assert seen["positions"] == {"rain": "20", "snow": "10"}
    assert seen["lost"] == 1
    assert seen["trades"] == [["BUY", "20", "0.4"]]
    assert seen["activity"] == ["SPLIT", "TRADE"]
    assert seen["value"] == "18"
    assert seen["holders"] == 2
    assert seen["resolutions"] == [["1", "0"]]
    assert seen["history"] == ["0.4"]
    assert seen["market_types"]
    assert seen["missing"] == [PERPETUALS]
    assert (seen["transaction"], seen["approved"]) == (66, True)
    assert held == usd("25")
