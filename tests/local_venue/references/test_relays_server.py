"""PolyBolt and RTDS: who is let in, what is told each second, and the traps of the older one."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import aio
from tests.local_venue.net.listening import MS, START_NS, Ear, afflict
from tests.local_venue.references.desk import (
    BTC,
    SECOND,
    HandDesk,
    drive,
    form,
    heard,
    lines,
    living,
    sample,
    say,
    wandering,
)
from tests.oracles.known import API_SECRET, Lent
from tests.venues.wsserver import until
from underround.local_venue.accounts import Login
from underround.local_venue.faults import Drop, Lose, Skew
from underround.local_venue.references.relays import LAG_NS
from underround.local_venue.world import World
from underround.model.errors import FrameRefused
from underround.model.events import MarketEvent, ReferenceTick, SequenceUsed
from underround.model.units import decimal_text, usd
from underround.venues.codec import Decoder
from underround.venues.polymarket.polybolt import SPOT, TWAP, PolyboltDecoder
from underround.venues.polymarket.prices_stream import PolyboltDialect, RtdsDialect
from underround.venues.polymarket.rtds import RtdsDecoder
from underround.venues.polymarket.sign import L2Credentials
from underround.venues.streams.dialect import Dialect
from underround.venues.streams.pool import Pool

OWNER = "0x" + "11" * 20
FIRST_MS = START_NS // MS
Story = Callable[[HandDesk, Ear], Awaitable[None]]


def login_of(world: World) -> Login:
    login = world.accounts.derive(OWNER, 0) or world.accounts.create(OWNER, 0)
    assert login is not None
    return login


def given_by(login: Login, **changes: str) -> dict[str, str]:
    named = {"apiKey": login.key, "secret": login.secret, "passphrase": login.passphrase}
    return named | changes


async def authenticate(desk: HandDesk, ear: Ear) -> None:
    await say(ear, op="auth", rid="a1", auth=given_by(login_of(desk.world)))
    assert await heard(ear) == {"op": "authed", "rid": "a1"}


async def want(ear: Ear, channel: str, symbol: str = "btcusd", op: str = "subscribe") -> Any:
    wanted = {"channel": channel, "filter": {"symbol": symbol}}
    await say(ear, op=op, rid="s1", subscriptions=[wanted])
    return await heard(ear)


def polybolt(story: Story, *, walked: int = 0, let_in: bool = True) -> None:
    """Let one client connect to PolyBolt."""

    async def main() -> None:
        desk = HandDesk()
        if walked:
            desk.walk(walked)
        async with desk.ear("polybolt", "/ws") as ear:
            if let_in:
                await authenticate(desk, ear)
            await story(desk, ear)

    aio.run(main())


# --- PolyBolt: who is let in ---------------------------------------------------------------------


@pytest.mark.parametrize("wrong", ["apiKey", "secret", "passphrase"])
def test_wrong_credentials_are_refused_and_the_socket_is_closed(wrong: str) -> None:
    async def story(desk: HandDesk, ear: Ear) -> None:
        given = given_by(login_of(desk.world), **{wrong: "wröng"})
        await say(ear, op="auth", rid="a1", auth=given)
        assert await heard(ear) == {"op": "error", "code": "auth_failed", "rid": "a1"}
        assert await ear.over() == []
        assert ear.socket.close_code == 4001

    polybolt(story, let_in=False)


def test_a_revoked_key_opens_nothing() -> None:
    async def story(desk: HandDesk, ear: Ear) -> None:
        login = login_of(desk.world)
        desk.world.accounts.revoke(login.key)
        await say(ear, op="auth", rid="a1", auth=given_by(login))
        assert (await heard(ear))["code"] == "auth_failed"

    polybolt(story, let_in=False)


def test_the_ninth_authentication_is_one_too_many() -> None:
    async def story(desk: HandDesk, ear: Ear) -> None:
        for _ in range(7):
            await authenticate(desk, ear)
        await say(ear, op="auth", rid="a9", auth=given_by(login_of(desk.world)))
        assert (await heard(ear))["code"] == "too_many_auths"
        assert await ear.over() == []
        assert ear.socket.close_code == 4008

    polybolt(story)


def test_without_authentication_nothing_is_told() -> None:
    async def story(desk: HandDesk, ear: Ear) -> None:
        said = await want(ear, SPOT)
        assert said == {"op": "error", "code": "auth_required", "channel": SPOT, "rid": "s1"}
        desk.walk(3)
        await say(ear, op="ping", rid="p")
        assert await heard(ear) == {"op": "pong", "rid": "p"}

    polybolt(story, walked=5, let_in=False)


# --- PolyBolt: what is told ----------------------------------------------------------------------


@pytest.mark.shared
def test_a_conversation_has_the_forms_of_the_documented_one(shared: Path) -> None:
    told = [each["frame"] for each in lines(shared, "polymarket/rtds/polybolt_docs_examples.jsonl")
            if each["dir"] == "s2c"]  # fmt: skip
    authed, subscribed, snapshot, update, refused = told

    async def story(desk: HandDesk, ear: Ear) -> None:
        assert await want(ear, SPOT) == refused
        await authenticate(desk, ear)
        assert authed == {"op": "authed", "rid": "a1"}
        assert await want(ear, SPOT) == subscribed
        first = await heard(ear)
        desk.walk(2)
        second = await heard(ear)
        assert form(first) == form(whole_numbers(snapshot, first))
        assert form(second) == form(whole_numbers(update, second))
        for each in (*first["payload"]["data"], second["payload"]):
            assert len(each["full_accuracy_value"].partition(".")[2]) == 8

    polybolt(story, walked=200, let_in=False)


def whole_numbers(wanted: Any, ours: Any) -> Any:
    """Return ``wanted`` with whole numbers where ours are: JSON writes both as numbers."""
    if isinstance(wanted, dict):
        return {key: whole_numbers(each, ours.get(key)) for key, each in wanted.items()}
    if isinstance(wanted, list):
        return [whole_numbers(wanted[0], ours[0])]
    return int(wanted) if isinstance(wanted, float) and isinstance(ours, int) else wanted


def test_a_subscription_brings_two_minutes_and_then_each_second_numbered_by_channel() -> None:
    async def story(desk: HandDesk, ear: Ear) -> None:
        desk.wait_ms(100)
        prices = desk.world.prices
        frames = []
        for channel in (SPOT, TWAP):
            assert (await want(ear, channel))["op"] == "subscribed"
            frames.append(await heard(ear))
        spot, twap = frames
        last = desk.now // SECOND
        times = [point["timestamp"] // 1_000 for point in spot["payload"]["data"]]
        assert times == list(range(last - 119, last + 1))
        assert twap["payload"]["data"][-1]["timestamp"] == last * 1_000
        desk.walk(3)
        for number in range(3):
            for channel, seconds in ((SPOT, 1), (TWAP, 60)):
                frame = await heard(ear)
                at = (last + 1 + number) * SECOND
                price = prices.mean(BTC, at, seconds)
                assert price is not None
                assert (frame["channel"], frame["seq"]) == (channel, number + 2)
                assert frame["ts"] * MS == at + LAG_NS
                payload = frame["payload"]
                assert payload["timestamp"] * MS == at
                assert usd(payload["full_accuracy_value"]) == price
                assert str(payload["value"]) == decimal_text(price)

    polybolt(story, walked=300)


@given(st.lists(st.tuples(st.integers(1_000_000, 10**12), st.integers(1, 9_000)), min_size=1,
                max_size=60), st.integers(0, 2**16))  # fmt: skip
@settings(max_examples=25, deadline=None)
def test_the_average_told_is_the_mean_of_the_minutes_second_by_second_prices(
    steps: list[tuple[int, int]], seed: int
) -> None:
    """Prices come at any time; the mean is taken here from the seconds' prices alone."""
    each_second: dict[int, int] = {}
    told: list[tuple[int, int]] = []
    loss = random.Random(seed)

    async def story(desk: HandDesk, ear: Ear) -> None:
        await want(ear, TWAP)
        await heard(ear)
        price_now, second = 0, desk.now // SECOND
        for price, pause_ms in steps:
            desk.price(price)
            price_now = price
            if desk.now % SECOND == 0:
                each_second[desk.now // SECOND] = price_now
            begin = desk.now
            desk.wait_ms(pause_ms if loss.random() < 0.5 else (pause_ms + 999) // 1_000 * 1_000)
            for second in range(begin // SECOND + 1, desk.now // SECOND + 1):
                each_second[second] = price_now
        desk.wait_ms(70_000)
        for later in range(max(each_second) + 1, desk.now // SECOND + 1):
            each_second[later] = price_now
        await say(ear, op="ping", rid="end")
        while "payload" in (frame := await heard(ear)):
            payload = frame["payload"]
            told.append((payload["timestamp"] // 1_000, usd(payload["full_accuracy_value"])))

    polybolt(story)
    assert len(told) > 5
    for second, price in told:
        minute = [each_second[second - back] for back in range(60)]
        assert price == int(Fraction(sum(minute), 60))


def test_the_price_of_a_second_is_the_one_told_in_it_whatever_happens_first() -> None:
    async def story(desk: HandDesk, ear: Ear) -> None:
        desk.wait_ms(500)
        await want(ear, SPOT)
        await heard(ear)
        at = desk.now + SECOND // 2
        # The relay's second was planned before this price was.
        desk.world.agenda.plan(at, lambda due: desk.world.prices.tell(BTC, usd("7"), due))
        desk.wait_ms(1_200)
        assert (await heard(ear))["payload"]["full_accuracy_value"] == "7.00000000"

    polybolt(story, walked=2)


def test_a_known_symbol_without_a_price_is_told_when_it_has_one() -> None:
    async def story(desk: HandDesk, ear: Ear) -> None:
        assert (await want(ear, SPOT, "solusd"))["op"] == "subscribed"
        snapshot = await heard(ear)
        assert (snapshot["snapshot"], snapshot["payload"]["data"]) == (True, [])
        desk.wait_ms(2_000)
        desk.price(usd("150"), "sol/usd")
        desk.wait_ms(1_100)
        assert (await heard(ear))["payload"]["full_accuracy_value"] == "150.00000000"

    polybolt(story)


def test_a_channel_is_told_no_more_after_it_was_unsubscribed() -> None:
    async def story(desk: HandDesk, ear: Ear) -> None:
        await want(ear, SPOT)
        await heard(ear)
        said = await want(ear, SPOT, op="unsubscribe")
        assert said == {"op": "unsubscribed", "channel": SPOT, "rid": "s1"}
        desk.walk(3)
        assert (await want(ear, SPOT))["op"] == "subscribed"
        assert (await heard(ear))["seq"] == 2

    polybolt(story, walked=5)


def test_the_skew_of_the_venues_clock_shows_in_when_it_speaks() -> None:
    async def story(desk: HandDesk, ear: Ear) -> None:
        afflict(desk.world, Skew(ms=3_000))
        await want(ear, SPOT)
        frame = await heard(ear)
        assert frame["ts"] == desk.now // MS + 3_000
        assert frame["payload"]["data"][-1]["timestamp"] <= desk.now // MS

    polybolt(story, walked=5)


# --- PolyBolt: rules -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "channel, wanted, code",
    [
        ("price.weather", {"symbol": "btcusd"}, "unknown_channel"),
        (SPOT, {"symbol": "btc/usd"}, "bad_filter"),
        (SPOT, {"symbol": "nosuchusd"}, "bad_filter"),
        (SPOT, {"symbol": "hypeusd"}, "bad_filter"),
        (SPOT, {"symbol": ""}, "bad_filter"),
        (TWAP, {"symbol": "btcusd", "window_seconds": 30}, "bad_filter"),
    ],
)
def test_a_subscription_that_cannot_be_is_refused_by_name(
    channel: str, wanted: dict[str, Any], code: str
) -> None:
    async def story(_desk: HandDesk, ear: Ear) -> None:
        await say(
            ear, op="subscribe", rid="s", subscriptions=[{"channel": channel, "filter": wanted}]
        )
        assert await heard(ear) == {"op": "error", "code": code, "channel": channel, "rid": "s"}

    polybolt(story, walked=1)


@pytest.mark.parametrize("said, code",
    [("nonsense", "bad_frame"), ("[]", "bad_frame"), ('{"op":"subscribe","subscriptions":[1]}',
      "bad_frame"), ('{"op":"sing"}', "unknown_op"), ("[" * 60_000, "bad_frame")],
)  # fmt: skip
def test_a_frame_that_makes_no_sense_is_an_error_and_no_end(said: str, code: str) -> None:
    async def story(_desk: HandDesk, ear: Ear) -> None:
        await ear.say(said)
        assert await heard(ear) == {"op": "error", "code": code}
        assert (await want(ear, SPOT))["op"] == "subscribed"

    polybolt(story)


def test_a_frame_of_more_than_64_kb_ends_the_connection() -> None:
    async def story(_desk: HandDesk, ear: Ear) -> None:
        await ear.say('{"op":"ping","rid":"' + "x" * (64 << 10) + '"}')
        assert (await heard(ear))["code"] == "frame_too_large"
        assert await ear.over() == []
        assert ear.socket.close_code == 4008

    polybolt(story)


def test_the_65th_subscription_is_refused_and_the_others_go_on() -> None:
    async def story(desk: HandDesk, ear: Ear) -> None:
        symbols = [f"x{number}usd" for number in range(65)]
        for symbol in symbols:
            desk.price(usd("1"), f"{symbol.removesuffix('usd')}/usd")
        wanted = [{"channel": SPOT, "filter": {"symbol": symbol}} for symbol in symbols]
        await say(ear, op="subscribe", rid="s", subscriptions=wanted)
        said = [await heard(ear) for _ in range(129)]
        assert [each["op"] for each in said if "op" in each] == ["subscribed"] * 64 + ["error"]
        assert said[-1]["code"] == "too_many_subscriptions"
        assert (await want(ear, SPOT, "x0usd"))["op"] == "subscribed"  # it is one of the 64
        desk.wait_ms(1_100)
        assert {(await heard(ear))["payload"]["symbol"] for _ in range(64)} == set(symbols[:64])

    polybolt(story)


def test_more_than_twenty_subscribing_frames_a_second_end_the_connection() -> None:
    async def story(_desk: HandDesk, ear: Ear) -> None:
        for _ in range(20):
            assert (await want(ear, TWAP, op="unsubscribe"))["op"] == "unsubscribed"
        assert (await want(ear, TWAP, op="unsubscribe"))["code"] == "rate_limited"
        assert await ear.over() == []
        assert ear.socket.close_code == 4008

    polybolt(story)


def test_polybolt_pings_every_25_seconds() -> None:
    async def main() -> None:
        desk = HandDesk()
        async with desk.socket("polybolt") as url, aiohttp.ClientSession() as session:
            socket = await session.ws_connect(url + "/ws", autoping=False)
            begin = asyncio.get_running_loop().time()
            for number in (1, 2):
                assert (await socket.receive()).type is aiohttp.WSMsgType.PING
                assert round(asyncio.get_running_loop().time() - begin) == 25 * number

    aio.run(main())


# --- RTDS ----------------------------------------------------------------------------------------

BINANCE, CHAINLINK = "crypto_prices", "crypto_prices_chainlink"
SIXTY, THIRTY = "crypto_prices_twap_sixty", "crypto_prices_twap_thirty"


def rtds(story: Story, *, walked: int = 200) -> None:
    async def main() -> None:
        desk = HandDesk()
        desk.walk(walked)
        async with desk.ear("rtds", "/") as ear:
            await story(desk, ear)

    aio.run(main())


async def subscribe(ear: Ear, *wanted: tuple[str, str], action: str = "subscribe") -> None:
    rows = [{"topic": topic, "type": "*", "filters": filters} for topic, filters in wanted]
    await say(ear, action=action, subscriptions=rows)


@pytest.mark.shared
def test_rtds_frames_have_the_keys_and_values_of_the_captured_ones(shared: Path) -> None:
    snapshot, update = (
        sample(shared, f"polymarket/rtds/rtds_crypto_prices_{kind}.json")
        for kind in ("subscribe", "update")
    )

    async def story(desk: HandDesk, ear: Ear) -> None:
        await subscribe(ear, (BINANCE, '{"symbol":"btcusdt"}'))
        first = await heard(ear)
        desk.walk(2)
        second = await heard(ear)
        assert form(first) == form(whole_numbers(snapshot, first))
        assert form(second) == form(whole_numbers(update, second))
        assert len(second["payload"]["full_accuracy_value"].partition(".")[2]) == 8
        assert second["timestamp"] > second["payload"]["timestamp"]

    rtds(story)


def test_each_topic_has_its_scale_its_window_and_chainlinks_snapshot_a_wrong_label() -> None:
    async def story(desk: HandDesk, ear: Ear) -> None:
        for topic in (BINANCE, CHAINLINK, SIXTY, THIRTY):
            symbol = "btcusdt" if topic == BINANCE else BTC
            await subscribe(ear, (topic, f'{{"symbol":"{symbol}"}}'))
        snapshots = [await heard(ear) for _ in range(4)]
        assert [each["topic"] for each in snapshots] == [BINANCE, BINANCE, SIXTY, THIRTY]
        assert [each["payload"]["symbol"] for each in snapshots] == ["btcusdt", BTC, BTC, BTC]
        at = desk.now
        desk.walk(1)
        updates = {frame["topic"]: frame["payload"] for frame in [await heard(ear) for _ in "1234"]}
        for topic, seconds in ((BINANCE, 1), (CHAINLINK, 1), (SIXTY, 60), (THIRTY, 30)):
            price = desk.world.prices.mean(BTC, at, seconds)
            assert price is not None
            payload = updates[topic]
            assert payload["timestamp"] * MS == at
            assert payload.get("window_s") == (None if seconds == 1 else seconds)
            scale = 1 if topic == BINANCE else 10**18
            assert Fraction(payload["full_accuracy_value"]) == Fraction(price * scale, 10**6)
            assert payload["full_accuracy_value"].isdigit() == (topic != BINANCE)

    rtds(story)


async def nothing_more(desk: HandDesk, ear: Ear) -> None:
    """See that nothing is told until a subscription to another price is."""
    desk.price(usd("3"), "xrp/usd")
    await subscribe(ear, (CHAINLINK, '{"symbol":"xrp/usd"}'))
    assert (await heard(ear))["payload"]["symbol"] == "xrp/usd"


@pytest.mark.parametrize("filters", ['{"symbol": "btc/usd"}', '{"symbol":"btc/usd" }'])
def test_a_space_in_the_filter_brings_the_snapshot_and_then_silence(filters: str) -> None:
    async def story(desk: HandDesk, ear: Ear) -> None:
        await subscribe(ear, (CHAINLINK, filters))
        assert (await heard(ear))["type"] == "subscribe"
        desk.walk(5)
        await nothing_more(desk, ear)

    rtds(story)


def test_one_unknown_topic_spoils_the_whole_frame_in_silence() -> None:
    async def story(desk: HandDesk, ear: Ear) -> None:
        await subscribe(ear, (CHAINLINK, '{"symbol":"btc/usd"}'), ("clob_market", ""))
        desk.walk(3)
        await nothing_more(desk, ear)

    rtds(story)


@pytest.mark.parametrize(
    "said", ["PING", "", "{", '{"action":"sing"}', '{"action":"subscribe","subscriptions":[{}]}',
             '{"action":"subscribe","subscriptions":[{"topic":"crypto_prices","filters":"x"}]}'],
)  # fmt: skip
def test_a_ping_and_whatever_makes_no_sense_get_no_answer(said: str) -> None:
    async def story(desk: HandDesk, ear: Ear) -> None:
        await ear.say(said)
        await nothing_more(desk, ear)

    rtds(story)


def test_without_a_filter_every_price_is_told_also_one_that_comes_later() -> None:
    async def story(desk: HandDesk, ear: Ear) -> None:
        await subscribe(ear, (CHAINLINK, ""), (CHAINLINK, '{"symbol":"btc/usd"}'), ("comments", ""))
        assert [(await heard(ear))["payload"]["symbol"] for _ in range(2)] == [BTC, BTC]
        desk.price(usd("3000"), "eth/usd")
        desk.wait_ms(1_000)
        told = [(await heard(ear))["payload"]["symbol"] for _ in range(2)]
        assert told == [BTC, "eth/usd"]  # each once
        await subscribe(ear, (CHAINLINK, ""), action="unsubscribe")
        await nothing_more(desk, ear)

    rtds(story)


# --- our client ----------------------------------------------------------------------------------


class Listening:
    """Our pool on one of the relays."""

    def __init__(self, world: World, dialect: Dialect, decoder: Decoder) -> None:
        self.world = world
        self.events: list[MarketEvent] = []
        self.connections: list[int] = []
        self.refused = 0
        self.decoder = decoder
        self.pool = Pool(dialect, self._deliver, world.clock.now, random.Random(1), sockets=1)

    def _deliver(self, _stream: str, connection: int, _recv_ns: int, payload: bytes) -> None:
        if connection not in self.connections:
            self.connections.append(connection)
        try:
            self.events += self.decoder.decode(payload)
        except FrameRefused:
            self.refused += 1

    def ticks(self, symbol: str) -> dict[int, int]:
        """Return second and price of every tick."""
        ticks = [each for each in self.events if isinstance(each, ReferenceTick)]
        return {
            each.at_ns // SECOND: each.price
            for each in ticks
            if each.symbol == symbol and each.at_ns is not None
        }


@asynccontextmanager
async def listening(name: str, *topics: str, wrong: bool = False) -> AsyncIterator[Listening]:
    """Listen to a relay while BTC wanders for five minutes; the first two are history."""
    async with living() as desk, desk.socket(name) as url:
        world = desk.world
        drive(world, BTC, wandering(4, 600), 500)
        await asyncio.sleep(120)
        login = login_of(world)
        secret = API_SECRET if wrong else login.secret
        credentials = L2Credentials(
            OWNER, Lent("key", login.key), Lent("secret", secret), Lent("pass", login.passphrase)
        )
        listener = (
            Listening(world, PolyboltDialect(credentials, url + "/ws"), PolyboltDecoder({}))
            if name == "polybolt"
            else Listening(world, RtdsDialect(url), RtdsDecoder({}))
        )
        listener.pool.subscribe([topics])
        running = asyncio.ensure_future(listener.pool.run())
        try:
            yield listener
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


def true_prices(world: World, seconds: Sequence[int], window: int) -> dict[int, int | None]:
    return {each: world.prices.mean(BTC, each * SECOND, window) for each in seconds}


def numbers_are_whole(events: Sequence[MarketEvent]) -> bool:
    used = [each.sequence for each in events if isinstance(each, SequenceUsed)]
    channels = {each.subscription for each in used}
    return all(
        [each.number for each in used if each.subscription == channel]
        == list(range(1, 1 + sum(each.subscription == channel for each in used)))
        for channel in channels
    )


def test_our_client_hears_every_second_of_polybolt() -> None:
    async def main() -> None:
        topics = ("price.crypto:btcusd", "price.crypto.twap:btcusd", "price.crypto.twap:solusd")
        async with listening("polybolt", *topics) as listener:
            await until(lambda: listener.pool.status()[0].proven == 3)
            await asyncio.sleep(120)
            for symbol, window in (("pyth:btcusd", 1), ("chainlink-twap60:btc/usd", 60)):
                told = listener.ticks(symbol)
                seconds = list(told)
                assert len(seconds) > 150
                assert seconds == list(range(seconds[0], seconds[0] + len(seconds)))
                assert told == true_prices(listener.world, seconds, window)
            assert numbers_are_whole(listener.events)
            status = listener.pool.status()[0]
            assert (listener.refused, status.refusals, status.lost) == (0, 0, {})

    aio.run(main())


def test_our_client_with_wrong_credentials_is_refused_and_told_nothing() -> None:
    async def main() -> None:
        async with listening("polybolt", "price.crypto:btcusd", wrong=True) as listener:
            await until(lambda: listener.pool.status()[0].failures >= 2)
            status = listener.pool.status()[0]
            assert "auth_failed" in status.last_refusal + status.last_failure
            assert listener.events == []

    aio.run(main())


def test_our_client_comes_back_after_a_drop_and_sees_what_was_lost() -> None:
    async def main() -> None:
        async with listening("polybolt", "price.crypto:btcusd") as listener:
            await until(lambda: listener.pool.status()[0].proven)
            afflict(listener.world, Lose(stream="polymarket.polybolt", count=3))
            await asyncio.sleep(10)
            assert not numbers_are_whole(listener.events)
            afflict(listener.world, Drop(stream="polymarket.polybolt", count=1))
            await asyncio.sleep(60)
            assert listener.connections[-1] >= 1
            told = listener.ticks("pyth:btcusd")
            seconds = sorted(told)  # the snapshot of the new connection has what was lost
            assert seconds == list(range(seconds[0], seconds[0] + len(seconds)))
            assert told == true_prices(listener.world, seconds, 1)

    aio.run(main())


def test_our_client_hears_every_second_of_rtds() -> None:
    async def main() -> None:
        topics = (f"{BINANCE}:btcusdt", f"{CHAINLINK}:{BTC}", f"{SIXTY}:{BTC}", f"{THIRTY}:{BTC}")
        async with listening("rtds", *topics) as listener:
            await until(lambda: listener.pool.status()[0].proven == 4)
            await asyncio.sleep(100)
            for symbol, window in (
                ("binance-rtds:BTCUSDT", 1), ("chainlink:btc/usd", 1),
                ("chainlink-twap60:btc/usd", 60), ("chainlink-twap30:btc/usd", 30),
            ):  # fmt: skip
                told = listener.ticks(symbol)
                seconds = list(told)
                assert len(seconds) > 150
                assert seconds == list(range(seconds[0], seconds[0] + len(seconds)))
                assert told == true_prices(listener.world, seconds, window)
            assert listener.refused == 0

    aio.run(main())
