"""Official SDKs as judges: each a process of its own, questioned while a local venue runs here.

The venue lives in the event loop of the test, in real time; the judges outlive it, so that starting
them is paid for once.  A judge answers one question after the other and tells what it hears on
streams in between.  Every wait has a bound.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import msgspec

from tests.oracles.driver import PYTHON, ROOT
from underround.local_venue.chain.packages import Tools
from underround.local_venue.faults import AnyFault, Skew
from underround.local_venue.flow.scene import Scene
from underround.local_venue.flow.scene_file import find_scene, read_scene
from underround.local_venue.participants import Participant
from underround.local_venue.service import LocalVenue, VenueTerms
from underround.local_venue.settlement import SettlementTimes
from underround.model.market import Market
from underround.model.units import Money, Size
from underround.simulation.matching.terms import AccountId

Sdk: TypeAlias = Literal["py-clob-client-v2", "polymarket-client"]
SDKS: Final[tuple[Sdk, ...]] = ("py-clob-client-v2", "polymarket-client")
KINDS: Final = ("EOA", "POLY_PROXY", "POLY_GNOSIS_SAFE", "POLY_1271")
SCRIPTS: Final[dict[Sdk, str]] = {
    "py-clob-client-v2": "clob_client.py",
    "polymarket-client": "polymarket_client.py",
}
REFUSAL: Final[dict[Sdk, str]] = {
    "py-clob-client-v2": "PolyApiException",
    "polymarket-client": "RequestRejectedError",
}
"""The class of what an SDK raises for an answer that is not 200."""
QUIET: Final = read_scene(find_scene("quiet"))
WAIT_S: Final = 30.0
QUICK: Final = SettlementTimes(mined_ms=30, confirmed_ms=60, failed_ms=60)
SECOND: Final = 10**9
MS: Final = 10**6
_BEAT_S: Final = 0.02


class RefusedByVenue(Exception):
    """What the SDK raised, in its own words."""

    def __init__(self, told: dict[str, Any]) -> None:
        super().__init__(str(told))
        self.kind: str = told["kind"]
        self.status: int | None = told["status"]
        self.told = told

    @property
    def text(self) -> str:
        text = self.told["text"]
        return text if isinstance(text, str) else json.dumps(text)


class Judge:
    """One SDK in its own environment."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._answers: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._news = asyncio.Event()
        self._heard: dict[str, list[dict[str, Any]]] = {}
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, sdk: Sdk) -> Judge:
        """Start a judge; its errors go where those of the tests go."""
        script = ROOT / "tests" / "oracles" / "venue" / SCRIPTS[sdk]
        environment = {
            **os.environ,
            "ECC_BACKEND_CLASS": "eth_keys.backends.CoinCurveECCBackend",
            # A folder without certificates: no host of the real world is trusted, and none of the
            # ten HTTP clients that every client of an SDK has reads a hundred authorities.
            "SSL_CERT_DIR": str(script.parent),
        }
        process = await asyncio.create_subprocess_exec(
            PYTHON, "-I", script, stdin=PIPE, stdout=PIPE, limit=1 << 24, env=environment
        )
        return cls(process)

    async def _read(self) -> None:
        stdout = self._process.stdout
        assert stdout is not None
        while line := await stdout.readline():
            told = json.loads(line)
            if "heard" in told:
                self._heard.setdefault(told["heard"], []).append(told["event"])
                self._news.set()
            else:
                self._answers.put_nowait(told)
        self._answers.put_nowait({"broken": "the judge ended"})

    async def ask(self, do: str, /, **asked: object) -> Any:
        """Return the answer; raises ``RefusedByVenue``, and ``AssertionError`` for no answer."""
        stdin = self._process.stdin
        assert stdin is not None
        stdin.write(json.dumps({"do": do, **asked}).encode() + b"\n")
        await stdin.drain()
        told = await asyncio.wait_for(self._answers.get(), WAIT_S)
        if "refused" in told:
            raise RefusedByVenue(told["refused"])
        assert "answer" in told, told["broken"]
        return told["answer"]

    async def refused(self, do: str, /, **asked: object) -> RefusedByVenue:
        """Return the refusal; ``AssertionError`` when there was none."""
        try:
            answer = await self.ask(do, **asked)
        except RefusedByVenue as refused:
            return refused
        raise AssertionError(f"{do} was answered: {answer}")

    def forget(self) -> None:
        """Forget what was heard."""
        self._heard.clear()

    async def heard(
        self, stream: str, wanted: Callable[[dict[str, Any]], bool], count: int = 1
    ) -> list[dict[str, Any]]:
        """Wait until ``count`` events of a stream are as wanted; return all that are."""

        async def enough() -> list[dict[str, Any]]:
            while (
                len(found := [each for each in self._heard.get(stream, []) if wanted(each)]) < count
            ):
                self._news.clear()
                await self._news.wait()
            return found

        try:
            return await asyncio.wait_for(enough(), WAIT_S)
        except TimeoutError:
            raise AssertionError(f"of {stream} was heard {self._heard.get(stream)}") from None

    async def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        await asyncio.wait_for(self._process.wait(), WAIT_S)
        await self._reading


class Case:
    """One venue before one judge."""

    def __init__(self, venue: LocalVenue, judge: Judge, sdk: Sdk) -> None:
        self.venue = venue
        self.judge = judge
        self.sdk = sdk
        self.ask = judge.ask
        self.refused = judge.refused
        self._ahead_ms = 0
        self._skew: int | None = None

    @property
    def world(self) -> Any:
        return self.venue.world

    def person(self, name: str) -> Participant:
        return next(each for each in self.venue.opened.accounts if each.name == name)

    async def open(self, name: str, kind: str = "POLY_1271", **more: object) -> Any:
        """Give somebody a client with a wallet of a kind; the SDK finds the credentials."""
        who = self.person(name)
        return await self.ask(
            "open", who=name, key=who.private_key, kind=kind, wallet=who.wallets[kind], **more
        )

    def market(self, slug: str) -> Market:
        row = self.venue.world.catalogue.of_slug(slug)
        assert row is not None, slug
        return row.listing.market

    def token(self, slug: str, outcome: int = 0) -> str:
        return self.market(slug).tokens[outcome]

    def condition(self, slug: str) -> str:
        return self.market(slug).id.native

    # --- money ---------------------------------------------------------------------------------

    def account(self, name: str, kind: str = "POLY_1271") -> AccountId:
        return AccountId(self.person(name).wallets[kind])

    def give(self, name: str, slug: str, size: Size, kind: str = "POLY_1271") -> None:
        """Let somebody have a set of shares for its dollars."""
        self.venue.world.polymarket.custody.split(
            self.account(name, kind), self.market(slug).id, size
        )

    def kept(self, name: str, kind: str = "POLY_1271") -> tuple[Money, Money, Money]:
        """Return dollars settled, reserved by open orders, and on their way."""
        custody, account = self.venue.world.polymarket.custody, self.account(name, kind)
        return custody.balance(account), custody.reserved(account), custody.in_flight(account)

    def held(self, name: str, slug: str, outcome: int = 0, kind: str = "POLY_1271") -> Size:
        return self.venue.world.polymarket.custody.balance(
            self.account(name, kind), self.market(slug).outcome(outcome)
        )

    async def agrees(
        self, name: str, cash: Money, shares: dict[str, Size], kind: str = "POLY_1271"
    ) -> None:
        """Assert what somebody has, by the books and as the SDK reads it; nothing is under way."""
        custody, account = self.venue.world.polymarket.custody, self.account(name, kind)
        told = await self.ask("balance", who=name)
        assert (custody.balance(account), int(told["balance"])) == (cash, cash)
        assert (custody.reserved(account), custody.in_flight(account)) == (0, 0)
        for token, size in shares.items():
            row, outcome = self.venue.world.catalogue.tokens[token]
            told = await self.ask("balance", who=name, token=token)
            found = custody.balance(account, row.listing.market.outcome(outcome))
            assert (found, int(told["balance"])) == (size, size)

    def fault(self, fault: AnyFault) -> None:
        """Put a fault in force now."""
        self.venue.world.faults.set(fault, self.venue.world.act())

    # --- time ----------------------------------------------------------------------------------

    def jump(self, seconds: float) -> None:
        """Let time pass at once at the venue.

        Clients' clocks stay where they are, and so does the one by which the servers check them.
        """
        world, passed = self.venue.world, int(seconds * 1_000)
        self.venue.clock._origin -= passed * MS
        self._ahead_ms += passed
        now = world.act()
        if self._skew is not None:
            world.faults.clear(self._skew)
        self._skew = world.faults.set(Skew(ms=-self._ahead_ms), now).id

    @asynccontextmanager
    async def hurrying(self) -> AsyncIterator[None]:
        """Let the venue's time pass twenty times as fast meanwhile."""

        async def hurry() -> None:
            while True:
                await asyncio.sleep(_BEAT_S)
                self.jump(_BEAT_S * 19)

        task = asyncio.create_task(hurry())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


Flow: TypeAlias = Callable[[Case], Awaitable[None]]


class Court:
    """The judges, started when they are first needed, and an event loop for all of it."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self._runner = runner
        self._judges: dict[Sdk, Judge] = {}

    def hold(self, sdk: Sdk, scene: Scene, flow: Flow, chain: Tools | None = None) -> None:
        """Run a venue and let a judge go through a flow at it."""
        self._runner.run(self._hold(sdk, scene, flow, chain))

    async def _hold(self, sdk: Sdk, scene: Scene, flow: Flow, chain: Tools | None) -> None:
        if sdk not in self._judges:
            self._judges[sdk] = await Judge.start(sdk)
        judge = self._judges[sdk]
        judge.forget()
        scene = msgspec.structs.replace(scene, settlement=QUICK)
        async with LocalVenue(VenueTerms(scene=scene, chain=chain)) as venue:
            await judge.ask("venue", endpoints=msgspec.to_builtins(venue.opened.endpoints))
            custody = venue.world.polymarket.custody
            before = custody.total()
            await flow(Case(venue, judge, sdk))
            assert custody.total() == before

    def close(self) -> None:
        """Let the judges go."""
        for judge in self._judges.values():
            self._runner.run(judge.close())


@contextmanager
def court() -> Iterator[Court]:
    """Build the SDKs' environment if need be, and give a court."""
    subprocess.run([ROOT / ".ci" / "need-oracles"], check=True, cwd=ROOT)
    with asyncio.Runner() as runner:
        held = Court(runner)
        try:
            yield held
        finally:
            held.close()


async def refused_words(case: Case, do: str, **asked: object) -> str:
    """Return why an order was refused: one SDK raises, the other answers."""
    if case.sdk == "py-clob-client-v2":
        return str((await case.refused(do, **asked)).told["text"]["error"])
    try:
        placed = await case.ask(do, **asked)
    except RefusedByVenue as refused:
        return refused.text
    assert placed["order"] == ""
    return str(placed["refused"])


def step(case: Case, **written: object) -> None:
    """Carry out a step of a scene now."""
    case.venue.flow.carry_out(json.dumps(written).encode(), case.venue.world.act())


def scene_of(folder: Path, text: str) -> Scene:
    """Return the scene written in TOML."""
    file = folder / "scene.toml"
    file.write_text(text, encoding="utf-8")
    return read_scene(file)
