"""Slots and their sockets: who delivers, when, and what happens when a socket is no good."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import msgspec
import pytest

from tests import aio
from tests.venues.toychannel import LIMITS, Ran, ToyVenue, running
from tests.venues.wsserver import Client, until
from underround.model.errors import ConfigError, DiskError
from underround.venues.streams import pulse
from underround.venues.streams.dialect import ChannelLimits
from underround.venues.streams.status import SlotStatus

HOUR_S = 3_600.0


def status(ran: Ran, place: int = 0) -> SlotStatus:
    return ran.pool.status()[place]


def limits(**changes: int | None) -> ChannelLimits:
    return msgspec.structs.replace(LIMITS, **changes)


# --- opening -------------------------------------------------------------------------------------


def test_the_first_connection_is_number_0_and_delivers_from_its_first_message() -> None:
    async def main() -> None:
        async with running("a", "b") as ran:
            await until(lambda: len(ran.got) == 2)
            assert [each.connection for each in ran.got] == [0, 0]
            assert ran.said() == ["state a 1", "state b 2"]
            assert ran.venue.last.headers["topics"] == "a,b"

    aio.run(main())


def test_topics_are_spread_and_a_group_stays_on_one_socket() -> None:
    async def main() -> None:
        async with running("a", "b") as ran:
            ran.pool.subscribe([["c", "d"], ["e"], ["c"], ["f"]])
            await until(lambda: len(ran.got) == 6)
            homes = {topic: ran.pool.stream_of(topic) for topic in "abcdef"}
            assert homes == {
                "a": "toy.ticks", "b": "toy.ticks", "e": "toy.ticks",
                "c": "toy.ticks.1", "d": "toy.ticks.1", "f": "toy.ticks.1",
            }  # fmt: skip
            assert len(ran.venue.open_clients) == 2

    aio.run(main())


def test_more_topics_than_the_sockets_hold_are_refused_and_none_is_followed() -> None:
    async def main() -> None:
        async with running(sockets=1) as ran:
            with pytest.raises(ConfigError, match="1 sockets of 3 topics"):
                ran.pool.subscribe([["a"], ["b"], ["c", "d"]])
            assert ran.pool.stream_of("a") is None
            ran.pool.subscribe([["a"], ["b"], ["c"]])
            with pytest.raises(ConfigError):
                ran.pool.subscribe([["a", "z"]])

    aio.run(main())


def test_topics_come_and_go_on_the_open_socket() -> None:
    async def main() -> None:
        async with running("a") as ran:
            await until(lambda: ran.got)
            ran.pool.subscribe([["b"], ["a"]])
            ran.pool.unsubscribe(["a", "unheard"])
            await until(lambda: len(ran.venue.last.got) == 3)
            assert ran.venue.last.got == [b"open a", b"sub b", b"unsub a"]
            assert len(ran.venue.clients) == 1

    aio.run(main())


def test_topics_that_come_while_a_socket_is_being_opened_are_on_it_once() -> None:
    async def main() -> None:
        async with running("a", "b") as ran:
            while not ran.venue.opened_at:  # noqa: ASYNC110 - turn by turn, for the very next one
                await asyncio.sleep(0)
            ran.pool.subscribe([["c"]])
            ran.pool.unsubscribe(["b"])
            await until(lambda: len(ran.venue.last.got) >= 3)
            assert ran.venue.last.got == [b"open a b", b"sub c", b"unsub b"] or (
                ran.venue.last.got[0] == b"open a c"
            )
            assert min(ran.said()).startswith("state a")

    aio.run(main())


def test_the_last_topic_s_end_closes_the_socket_and_ends_the_connection() -> None:
    async def main() -> None:
        async with running("a") as ran:
            await until(lambda: ran.got)
            ran.pool.unsubscribe(["a"])
            await until(lambda: not ran.venue.open_clients)
            assert ran.got[-1][1::2] == (1, b"")
            await asyncio.sleep(60)
            assert len(ran.venue.clients) == 1
            ran.pool.subscribe([["b"]])
            await until(lambda: ran.said(1) == ["", "state b 2"])

    aio.run(main())


def test_topics_that_go_and_come_again_cost_no_pause_however_often() -> None:
    async def main() -> None:
        async with running("a") as ran:
            for turn in range(20):
                await until(lambda: ran.pool.streaming("toy.ticks") and status(ran).proven)
                ran.pool.unsubscribe(["a"])
                ran.pool.subscribe([["a"]])
                assert await until(lambda: status(ran).proven) < 0.02
                assert len(ran.venue.clients) <= turn + 2
            assert not status(ran).lost
            assert not status(ran).failures

    aio.run(main())


def test_topics_that_go_before_anything_is_proven_do_not_hold_up_the_next() -> None:
    async def main() -> None:
        venue = ToyVenue()
        venue.mute = {"a"}
        async with running("a", venue=venue) as ran:
            await until(lambda: ran.venue.clients and ran.venue.last.got)
            assert ran.pool.streaming("toy.ticks")
            ran.pool.unsubscribe(["a"])
            ran.pool.subscribe([["b"]])
            assert await until(lambda: status(ran).proven) < 0.02
            assert not status(ran).failures

    aio.run(main())


def test_a_socket_that_cannot_send_fast_enough_restates_nothing_more() -> None:
    async def main() -> None:
        slow = limits(sends_per_s=2, topics_per_socket=99)
        async with running("a", limits=slow, restates=True) as ran:
            await until(lambda: ran.got)
            asked = sum(ran.pool.refresh(["a"]) for _ in range(1_000))
            assert asked <= 2 * 5 + 2
            await asyncio.sleep(10)
            assert ran.pool.refresh(["a"])

    aio.run(main())


def test_a_renewed_stream_that_has_no_socket_begins_a_connection_all_the_same() -> None:
    async def main() -> None:
        async with running("a") as ran:
            await until(lambda: ran.got)
            await asyncio.sleep(11)
            ran.venue.refuse_with = 503
            ran.venue.last.cut()
            await until(lambda: ran.said(1))
            ran.pool.renew("toy.ticks")
            ran.venue.refuse_with = None
            await until(lambda: len(ran.said(2)) == 2)
            assert ran.said(1) == [""]
            assert ran.said(2) == ["", "state a 2"]

    aio.run(main())


def test_sends_are_paced_and_keep_alives_go_first() -> None:
    async def main() -> None:
        paced = limits(sends_per_s=5, keepalive_ms=1_000, silence_ms=600_000, topics_per_socket=99)
        async with running("a", limits=paced) as ran:
            await until(lambda: ran.got)
            times: list[float] = []

            def timed(client: Client, payload: bytes) -> None:
                times.append(ran.loop.time())
                ran.venue.answer(client, payload)

            ran.venue.on_message = timed
            for number in range(30):
                ran.pool.subscribe([[f"t{number}"]])
            await until(lambda: len(ran.said()) == 31)
            for first, sixth in zip(times, times[5:], strict=False):
                assert sixth - first >= 0.99
            assert ran.venue.last.got.count(b"PING") >= 5
            assert ran.venue.last.got[-1] != b"PING"

    aio.run(main())


def test_what_a_session_answers_is_sent() -> None:
    async def main() -> None:
        async with running("a") as ran:
            await until(lambda: ran.got)
            ran.venue.last.send(b"say hello yourself")
            await until(lambda: b"hello yourself" in ran.venue.last.got)

    aio.run(main())


# --- replacing with overlap ----------------------------------------------------------------------


@pytest.mark.parametrize("why", ["bye", "suspect", "aged"])
def test_a_living_socket_is_replaced_with_overlap_and_nothing_is_lost_or_doubled(
    why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulse, "PING_S", 3 * HOUR_S)  # a day is long enough to simulate

    async def main() -> None:
        aged = limits(max_age_ms=23 * 3_600_000, silence_ms=10**9, keepalive_ms=None)
        async with running("a", "b", limits=aged if why == "aged" else LIMITS) as ran:
            await until(lambda: len(ran.got) == 2)
            old = ran.venue.last
            ran.venue.mute = {"b"}  # the standby cannot prove b yet
            if why == "bye":
                old.send(b"bye")
            elif why == "suspect":
                await asyncio.sleep(6)
                ran.pool.suspect("toy.ticks")
            else:
                began = ran.loop.time()
                await ran.venue.arrival(2)
                assert 21.8 * HOUR_S < ran.loop.time() - began < 24 * HOUR_S
            await until(lambda: len(ran.venue.clients) == 2)
            new = ran.venue.last
            await until(lambda: len(new.got) == 1)
            ran.got.clear()
            ran.venue.number = 100
            ran.venue.tick("a")  # on both sockets
            ran.venue.tick("b")
            await until(lambda: len(ran.said()) == 2)
            assert {each.connection for each in ran.got} == {0}
            ran.venue.mute = set()
            ran.venue.state(new, "b")
            ran.venue.tick("a")
            await until(lambda: old.closed and len(ran.got) > 4)
            held = ran.said(1)
            assert held[0].startswith("state a")
            assert held[1:4] == ["tick a 101", "tick b 102", "state b 103"]
            assert held.count("tick a 104") == 1
            at = [each.recv_ns for each in ran.got]
            assert at == sorted(at)
            assert status(ran).handovers == {{"bye": "closing"}.get(why, why): 1}
            assert not status(ran).lost

    aio.run(main())


def test_the_old_socket_delivers_until_the_hand_over_and_never_after() -> None:
    async def main() -> None:
        async with running("a") as ran:
            await until(lambda: ran.got)
            old = ran.venue.last
            old.send(b"bye")
            await until(lambda: len(ran.venue.clients) == 2)
            await until(lambda: ran.said(1))
            old.closed = False
            old.send(b"tick a 77")
            await asyncio.sleep(5)
            assert "tick a 77" not in ran.said()

    aio.run(main())


def test_a_standby_that_cannot_prove_itself_leaves_the_old_one_delivering() -> None:
    async def main() -> None:
        async with running("a", "b") as ran:
            await until(lambda: len(ran.got) == 2)
            old = ran.venue.last
            ran.venue.mute = {"b"}
            old.send(b"bye")
            await until(lambda: status(ran).failures == 1, at_most_s=6)
            ran.venue.tick("a")
            await until(lambda: len(ran.said(0)) >= 4)
            assert not ran.said(1)
            # A topic that two standbys could not prove is not waited for any more.
            await until(lambda: old.closed, at_most_s=12)
            assert status(ran).attempts == 4
            assert status(ran).proven == 1

    aio.run(main())


def test_a_dying_socket_is_followed_at_once_by_the_standby_that_is_open() -> None:
    async def main() -> None:
        async with running("a", "b") as ran:
            await until(lambda: len(ran.got) == 2)
            old = ran.venue.last
            ran.venue.mute = {"b"}
            old.send(b"bye")
            await until(lambda: len(ran.venue.clients) == 2 and ran.venue.last.got)
            await asyncio.sleep(0.1)
            old.cut()
            await until(lambda: ran.said(1))
            assert ran.said(1)[0] == ""
            assert ran.said(1)[1].startswith("state a")
            ran.venue.mute = set()
            ran.venue.state(ran.venue.last, "b")
            await until(lambda: len(ran.said(1)) == 3)
            assert len(ran.venue.clients) == 2

    aio.run(main())


def test_a_suspected_socket_that_is_still_young_is_left() -> None:
    async def main() -> None:
        async with running("a") as ran:
            await until(lambda: ran.got)
            assert not ran.pool.suspect("toy.ticks")
            await asyncio.sleep(6)
            assert ran.pool.suspect("toy.ticks")
            await until(lambda: len(ran.venue.clients) == 2)
            await until(lambda: ran.said(1))
            assert not ran.pool.suspect("toy.ticks")
            assert not ran.pool.suspect("toy.ticks.1")

    aio.run(main())


def test_a_standby_that_hears_more_than_it_may_hold_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("underround.venues.streams.line.HELD_FRAMES", 100)

    async def main() -> None:
        async with running("a", "b") as ran:
            await until(lambda: len(ran.got) == 2)
            ran.venue.mute = {"b"}
            ran.venue.last.send(b"bye")
            await until(lambda: len(ran.venue.clients) == 2 and ran.venue.last.got)
            for _ in range(200):
                ran.venue.tick("a")
            await until(lambda: status(ran).failures == 1, at_most_s=1)
            assert "not proven within 101 messages" in status(ran).last_failure
            assert ran.said(0).count("tick a 150") == 1

    aio.run(main())


# --- dying ---------------------------------------------------------------------------------------


def test_a_lost_socket_ends_its_connection_at_once_and_is_followed_without_a_pause() -> None:
    async def main() -> None:
        async with running("a") as ran:
            await until(lambda: ran.got)
            await asyncio.sleep(11)  # settled
            ran.venue.last.cut()
            took = await until(lambda: len(ran.said(1)) == 2)
            assert ran.said(1) == ["", "state a 2"]
            assert took < 0.01
            assert status(ran).lost == {"the connection broke": 1}

    aio.run(main())


def test_a_socket_of_which_nothing_arrives_is_gone_after_two_ping_times() -> None:
    async def main() -> None:
        async with running("a", limits=limits(silence_ms=600_000)) as ran:
            await until(lambda: ran.got)
            await asyncio.sleep(10.5)
            ran.venue.last.half_open()
            took = await until(lambda: ran.said(1))
            assert took < 20.5  # `until` is right to two percent
            assert ran.said(1)[0] == ""
            assert list(status(ran).lost) == ["no sign of life, not even a pong"]
            await until(lambda: len(ran.said(1)) == 2)

    aio.run(main())


def test_pongs_do_not_save_a_socket_that_brings_no_data() -> None:
    async def main() -> None:
        async with running("a", restates=True) as ran:
            await until(lambda: ran.got)
            client = ran.venue.last
            ran.venue.on_message = lambda who, payload: (
                ran.venue.answer(who, payload) if who is not client or payload == b"PING" else None
            )
            took = await until(lambda: ran.said(1))
            assert 29.9 < took < 31.5  # `until` is right to two percent
            assert client.pings + client.got.count(b"PING") >= 2
            assert client.got.count(b"fresh a") == 1
            assert list(status(ran).lost) == ["no data for 30000 ms"]

    aio.run(main())


def test_a_quiet_market_restates_itself_and_keeps_its_socket() -> None:
    async def main() -> None:
        async with running("a", restates=True) as ran:
            await until(lambda: ran.got)
            await asyncio.sleep(600)
            assert len(ran.venue.clients) == 1
            assert 38 <= ran.venue.last.got.count(b"fresh a") <= 40
            assert {each.connection for each in ran.got} == {0}

    aio.run(main())


def test_a_quiet_channel_that_cannot_restate_gets_a_new_socket_before_the_old_one_is_dead() -> None:
    async def main() -> None:
        async with running("a") as ran:
            await until(lambda: ran.got)
            await asyncio.sleep(40)
            assert [each.connection for each in ran.got if each.payload != b"PONG"] == [0, 1, 2]
            assert not status(ran).lost
            assert status(ran).handovers == {"quiet": 2}

    aio.run(main())


def test_a_renewed_stream_begins_a_connection_on_the_same_socket() -> None:
    async def main() -> None:
        async with running("a", restates=True) as ran:
            await until(lambda: ran.got)
            ran.pool.renew("toy.ticks")
            ran.pool.restate("toy.ticks")
            await until(lambda: len(ran.said(1)) == 2)
            assert ran.said(1) == ["", "state a 2"]
            assert len(ran.venue.clients) == 1
            ran.pool.renew("toy.ticks.1")
            assert {each.stream for each in ran.got} == {"toy.ticks"}

    aio.run(main())


def test_an_empty_message_of_a_venue_is_no_frame() -> None:
    async def main() -> None:
        async with running("a") as ran:
            await until(lambda: ran.got)
            ran.venue.last.send(b"", b"tick a 9")
            await until(lambda: len(ran.got) == 2)
            assert ran.said() == ["state a 1", "tick a 9"]

    aio.run(main())


# --- storms --------------------------------------------------------------------------------------


@dataclass
class Storm:
    venue: ToyVenue

    def arm(self, how: str) -> None:
        if how == "handshake refused":
            self.venue.refuse_with = 503
        elif how == "proves and breaks":
            self.venue.on_message = self._prove_and_break
        elif how == "breaks at once":
            self.venue.on_open = lambda client: client.cut()
        else:
            self.venue.mute = {"a"}

    def _prove_and_break(self, client: Client, payload: bytes) -> None:
        self.venue.answer(client, payload)
        client.close()


@pytest.mark.parametrize(
    "how,most",
    [("handshake refused", 130), ("proves and breaks", 130), ("breaks at once", 130),
     ("proves nothing", 100)],
)  # fmt: skip
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_failure_makes_a_reconnect_storm(how: str, most: int, seed: int) -> None:
    async def main() -> None:
        venue = ToyVenue()
        Storm(venue).arm(how)
        async with running("a", venue=venue, seed=seed) as ran:
            await asyncio.sleep(1_200)
            tries = len(venue.opened_at)
            assert 1_200 / (30 + 6) < tries < most
            # The pauses grow: the first minute does not have most of the tries.
            assert sum(at < venue.opened_at[0] + 60 for at in venue.opened_at) < 25
            venue.refuse_with, venue.mute = None, set()
            venue.on_open, venue.on_message = (lambda _client: None), venue.answer
            took = await until(lambda: status(ran).connected and status(ran).proven)
            assert took < 36

    aio.run(main())


def test_a_refused_key_is_not_tried_again_soon() -> None:
    async def main() -> None:
        venue = ToyVenue()
        venue.refuse_with = 401
        async with running("a", venue=venue) as ran:
            await asyncio.sleep(600)
            assert 600 / 30 < len(venue.opened_at) < 600 / 15 + 2
            assert "check the key" in status(ran).last_failure

    aio.run(main())


def test_the_venue_s_own_waiting_time_is_kept() -> None:
    async def main() -> None:
        venue = ToyVenue()
        venue.refuse_with, venue.retry_after = 429, "120"
        async with running("a", venue=venue):
            await asyncio.sleep(1_000)
            pauses = [b - a for a, b in zip(venue.opened_at, venue.opened_at[1:], strict=False)]
            assert pauses
            assert min(pauses) >= 120

    aio.run(main())


def test_a_slow_venue_that_never_answers_the_handshake_is_given_up_in_time() -> None:
    async def main() -> None:
        venue = ToyVenue()
        venue.on_message = lambda _client, _payload: None  # open, and then not a word
        async with running("a", venue=venue) as ran:
            took = await until(lambda: status(ran).failures)
            assert 4.9 < took < 6
            assert list(status(ran).lost) == ["nothing proven in time"]
            await until(lambda: venue.clients[0].closed)

    aio.run(main())


def test_a_refused_subscription_is_told_and_tried_again_later() -> None:
    async def main() -> None:
        venue = ToyVenue()
        venue.on_message = lambda client, _payload: client.send(b"no such market")
        async with running("a", venue=venue) as ran:
            await until(lambda: status(ran).failures == 2)
            assert status(ran).refusals >= 2
            assert "such market" in status(ran).last_failure
            assert "no such market" in ran.said()  # the frame is kept

    aio.run(main())


def test_one_bad_topic_does_not_keep_the_others_from_streaming() -> None:
    async def main() -> None:
        venue = ToyVenue()
        venue.mute = {"b"}
        async with running("a", "b", venue=venue, restates=True) as ran:
            await asyncio.sleep(60)
            assert len(venue.clients) == 1
            venue.last.send(b"bye")
            await until(lambda: ran.said(1), at_most_s=1)

    aio.run(main())


def test_what_delivering_raises_ends_the_run_with_that_error_and_closes_everything() -> None:
    async def main() -> None:
        async with running("a", "b", "c", "d") as ran:
            await until(lambda: len(ran.got) == 4)
            ran.raises = DiskError("the disk is full")
            ran.venue.tick("a")
            assert ran.task is not None
            with pytest.raises(DiskError, match="full"):
                await ran.task
            await until(lambda: not ran.venue.open_clients)

    aio.run(main())
