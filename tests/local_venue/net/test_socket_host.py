"""One port, several endpoints: who is let in, what they hear, and what goes wrong on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import aiohttp
import picows
import pytest

from tests.local_venue.net.listening import (
    Ear,
    ParrotDoor,
    afflict,
    hand_world,
    parrots,
    pass_ms,
    serving,
)
from underround.local_venue.faults import (
    AnyFault,
    Corrupt,
    Delay,
    Drop,
    Duplicate,
    Freeze,
    Lose,
    Reorder,
)
from underround.local_venue.net.lines import text_frame
from underround.local_venue.net.socket_host import Audience, SocketHost

STREAM: Final = "polymarket.market"


def test_each_path_has_its_own_door_and_the_query_reaches_it() -> None:
    async def main() -> None:
        world, _ = hand_world()
        market, user = ParrotDoor(), ParrotDoor("polymarket.user")
        host = SocketHost(world, {"/ws/market": market, "/ws/user": user})
        async with serving(host) as url, aiohttp.ClientSession() as session:
            first = Ear(await session.ws_connect(url + "/ws/market"))
            second = Ear(await session.ws_connect(url + "/ws/user?x=1", headers={"Key": "K"}))
            assert await first.heard() == await second.heard() == []
        assert [path for path, _ in market.asked] == ["/ws/market"]
        assert user.asked[0][0] == "/ws/user?x=1"
        assert user.asked[0][1]["key"] == "K"

    asyncio.run(main())


def test_a_path_that_is_no_doors_is_answered_with_404() -> None:
    async def main() -> None:
        world, _ = hand_world()
        async with (
            serving(SocketHost(world, {"/ws": ParrotDoor()})) as url,
            aiohttp.ClientSession() as session,
        ):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await session.ws_connect(url + "/nowhere")
        assert refused.value.status == 404

    asyncio.run(main())


def test_a_door_that_ends_in_a_slash_leads_to_every_path_under_it() -> None:
    async def main() -> None:
        world, _ = hand_world()
        exact, under, deeper, root = ParrotDoor(), ParrotDoor(), ParrotDoor(), ParrotDoor()
        doors = {"/ws": exact, "/ws/": under, "/ws/deep/": deeper, "/": root}
        async with serving(SocketHost(world, doors)) as url, aiohttp.ClientSession() as session:
            led = ("/ws", "/ws/a@b", "/ws/a/b?c=/d", "/ws/", "/ws/deep", "/ws/deep/a/b", "/")
            ears = [Ear(await session.ws_connect(url + path)) for path in led]
            assert [await ear.heard() for ear in ears] == [[]] * len(led)
            for path in ("/wsx", "/other/ws/a"):
                with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                    await session.ws_connect(url + path)
                assert refused.value.status == 404
            for ear in ears:  # what a kept exception refers to outlives the session
                await ear.socket.close()
        assert [path for path, _ in exact.asked] == ["/ws"]
        assert [path for path, _ in under.asked] == ["/ws/a@b", "/ws/a/b?c=/d", "/ws/", "/ws/deep"]
        assert [path for path, _ in deeper.asked] == ["/ws/deep/a/b"]
        assert [path for path, _ in root.asked] == ["/"]  # alone it is a path like others

    asyncio.run(main())


def test_a_peer_is_told_the_pongs_of_its_client() -> None:
    async def main() -> None:
        world, _ = hand_world()
        async with parrots(world) as (door, (ear,)):
            await ear.socket.pong(b"here")
            assert await ear.heard() == []
            assert door.peers[0].pongs == [b"here"]

    asyncio.run(main())


def test_a_client_can_be_turned_away_before_the_upgrade_with_a_status_and_a_json_body() -> None:
    async def main() -> None:
        world, _ = hand_world()
        upgrade = {
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
            "key": "wrong",
        }
        host = SocketHost(world, {"/ws": ParrotDoor()})
        async with serving(host) as url, aiohttp.ClientSession() as session:
            address = url.replace("ws:", "http:") + "/ws"
            async with session.get(address, headers=upgrade) as answer:
                assert answer.status == 401
                assert answer.content_type == "application/json"
                assert await answer.json() == {"error": {"code": "authentication_error"}}
            assert host.peers == {}

    asyncio.run(main())


def test_messages_come_whole_and_in_order_whatever_their_length() -> None:
    async def main() -> None:
        world, _ = hand_world()
        async with parrots(world) as (door, (ear,)):
            for size in (0, 1, 125, 126, 65_535, 65_536, 200_000):
                await ear.say("x" * size)
                assert await ear.next() == b"x" * size
            assert len(door.peers[0].messages) == 7

    asyncio.run(main())


def test_a_message_in_several_frames_is_heard_as_one() -> None:
    class Silent(picows.WSListener):
        pass

    async def main() -> None:
        world, _ = hand_world()
        door = ParrotDoor()
        async with serving(SocketHost(world, {"/ws": door})) as url:
            transport, _ = await picows.ws_connect(Silent, url + "/ws")
            transport.send(picows.WSMsgType.TEXT, b"{", fin=False)
            transport.send_ping(b"in between")
            transport.send(picows.WSMsgType.CONTINUATION, b'"a":', fin=False)
            transport.send(picows.WSMsgType.CONTINUATION, b"1}", fin=True)
            transport.send_close(picows.WSCloseCode.OK)
            await transport.wait_disconnected()
        assert door.peers[0].messages == [b'{"a":1}']

    asyncio.run(main())


def test_a_websocket_ping_is_answered_with_its_own_words() -> None:
    async def main() -> None:
        world, _ = hand_world()
        host = SocketHost(world, {"/ws": ParrotDoor()})
        async with serving(host) as url, aiohttp.ClientSession() as session:
            socket = await session.ws_connect(url + "/ws", autoping=False)
            await socket.ping(b"alive?")
            answer = await asyncio.wait_for(socket.receive(), 20)
            assert (answer.type, answer.data) == (aiohttp.WSMsgType.PONG, b"alive?")

    asyncio.run(main())


def test_closing_a_peer_says_goodbye_after_what_waits() -> None:
    async def main() -> None:
        world, _ = hand_world()
        async with parrots(world) as (door, (ear,)):
            door.peers[0].send(b"last words")
            door.peers[0].close(1008, "policy")
            assert await ear.over() == [b"last words"]
            assert ear.socket.close_code == 1008
            assert not door.peers[0].here

    asyncio.run(main())


def test_who_leaves_is_told_once_and_sent_nothing_more() -> None:
    async def main() -> None:
        world, _ = hand_world()
        async with parrots(world, 2) as (door, (first, second)):
            await first.socket.close()
            Audience.broadcast(b"news", door.peers)
            assert await second.next() == b"news"
            assert door.left == 1
            door.peers[0].send(b"nobody hears this")

    asyncio.run(main())


def test_everybody_hears_a_broadcast_in_the_order_it_was_said() -> None:
    async def main() -> None:
        world, _ = hand_world()
        async with parrots(world, 5) as (door, ears):
            said = [b"%d" % number for number in range(300)]
            for payload in said:
                Audience.broadcast(payload, door.peers)
            for ear in ears:
                assert await ear.heard() == said

    asyncio.run(main())


def test_who_does_not_read_is_cut_and_counted_while_the_others_go_on() -> None:
    async def main() -> None:
        world, _ = hand_world()
        door = ParrotDoor()
        host = SocketHost(world, {"/ws": door}, buffer_bound=100_000)
        async with serving(host) as url, aiohttp.ClientSession() as session:
            deaf = Ear(await session.ws_connect(url + "/ws"))
            good = Ear(await session.ws_connect(url + "/ws"))
            assert await deaf.heard() == await good.heard() == []
            response = deaf.socket._response
            assert response.connection is not None
            assert response.connection.transport is not None
            response.connection.transport.pause_reading()
            payload = b"x" * 100_000
            rounds = 0
            while door.peers[0].here:
                Audience.broadcast(payload, door.peers)
                assert await good.next() == payload
                rounds += 1
                assert rounds < 1_000
            assert host.flusher.slow_cut == 1
            assert door.peers[1].here

    asyncio.run(main())


def test_stopping_closes_every_connection_with_going_away() -> None:
    async def main() -> None:
        world, _ = hand_world()
        host = SocketHost(world, {"/ws": ParrotDoor()})
        url = await host.start()
        async with aiohttp.ClientSession() as session:
            ear = Ear(await session.ws_connect(url + "/ws"))
            assert await ear.heard() == []
            _, heard = await asyncio.gather(host.stop(), ear.over())
            assert heard == []
            assert ear.socket.close_code == 1001
            with pytest.raises(aiohttp.ClientConnectionError):
                await session.ws_connect(url + "/ws")
        await host.stop()

    asyncio.run(main())


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536])
def test_a_frame_has_the_shortest_header_the_protocol_asks_for(size: int) -> None:
    frame = text_frame(b"y" * size)
    header = {0: 2, 125: 2, 126: 4, 65_535: 4, 65_536: 10}[size]
    assert frame[0] == 0x81
    assert len(frame) == header + size
    assert frame[1] & 0x80 == 0  # servers do not mask


# --- faults ---------------------------------------------------------------------------------------


def _with(fault: AnyFault, story: Callable[[ParrotStage], Awaitable[None]]) -> None:
    async def main() -> None:
        stage = ParrotStage()
        async with parrots(stage.world) as (stage.door, (stage.ear,)):
            stage.fault = fault
            await story(stage)

    asyncio.run(main())


class ParrotStage:
    """A parrot, one client, and the fault that is to be set."""

    def __init__(self) -> None:
        self.world, self.clock = hand_world(seed=7)
        self.door: ParrotDoor
        self.ear: Ear
        self.fault: AnyFault

    def begin(self) -> None:
        afflict(self.world, self.fault)

    def tell(self, *payloads: bytes) -> None:
        for payload in payloads:
            self.door.peers[0].send(payload)


def test_drop_breaks_the_connections_there_are_without_a_word() -> None:
    async def story(stage: ParrotStage) -> None:
        stage.begin()
        assert await stage.ear.over() == []
        assert stage.ear.socket.close_code == 1006
        assert not stage.door.peers[0].here

    _with(Drop(stream=STREAM, count=1), story)


def test_drop_with_a_count_breaks_so_many_and_no_more() -> None:
    async def main() -> None:
        world, _ = hand_world()
        async with parrots(world, 3) as (door, ears):
            afflict(world, Drop(stream=STREAM, count=2))
            assert [peer.here for peer in door.peers] == [False, False, True]
            Audience.broadcast(b"still here", door.peers)
            assert await ears[2].next() == b"still here"

    asyncio.run(main())


def test_freeze_holds_everything_back_and_answers_pings() -> None:
    async def story(stage: ParrotStage) -> None:
        stage.begin()
        stage.tell(b"one", b"two")
        assert await stage.ear.heard() == []
        pass_ms(stage.world, stage.clock, 1_000)
        stage.tell(b"three")
        assert await stage.ear.heard() == [b"three"]

    _with(Freeze(stream=STREAM, for_ms=1_000), story)


def test_delay_lets_frames_come_later_in_their_order() -> None:
    async def story(stage: ParrotStage) -> None:
        stage.begin()
        stage.tell(b"one", b"two")
        pass_ms(stage.world, stage.clock, 60)  # the fault is over, what it delayed is not
        stage.tell(b"three")
        assert await stage.ear.heard() == []
        pass_ms(stage.world, stage.clock, 40)
        assert await stage.ear.heard() == [b"one", b"two", b"three"]

    _with(Delay(stream=STREAM, ms=100, for_ms=50), story)


def test_duplicate_sends_a_frame_twice() -> None:
    async def story(stage: ParrotStage) -> None:
        stage.begin()
        stage.tell(b"one", b"two")
        assert await stage.ear.heard() == [b"one", b"one", b"two"]

    _with(Duplicate(stream=STREAM, count=1), story)


def test_reorder_sends_a_frame_after_the_one_that_follows_it() -> None:
    async def story(stage: ParrotStage) -> None:
        stage.begin()
        stage.tell(b"one", b"two", b"three")
        assert await stage.ear.heard() == [b"two", b"one", b"three"]

    _with(Reorder(stream=STREAM, count=1), story)


def test_lose_never_sends_a_frame() -> None:
    async def story(stage: ParrotStage) -> None:
        stage.begin()
        stage.tell(b"one", b"two", b"three")
        assert await stage.ear.heard() == [b"three"]

    _with(Lose(stream=STREAM, count=2), story)


def test_corrupt_changes_one_byte() -> None:
    async def story(stage: ParrotStage) -> None:
        stage.begin()
        said = b'{"price":"0.5"}'
        stage.tell(said, said)
        changed, right = await stage.ear.heard()
        assert right == said
        assert len(changed) == len(said)
        assert sum(a != b for a, b in zip(changed, said, strict=True)) == 1

    _with(Corrupt(stream=STREAM, count=1), story)


def test_a_fault_of_another_stream_changes_nothing() -> None:
    async def story(stage: ParrotStage) -> None:
        stage.begin()
        stage.tell(b"one")
        assert await stage.ear.heard() == [b"one"]

    _with(Lose(stream="polymarket.user"), story)


def test_the_same_seed_loses_and_corrupts_the_same_frames() -> None:
    async def once() -> list[bytes]:
        world, _ = hand_world(seed=3)
        async with parrots(world) as (door, (ear,)):
            afflict(world, Lose(stream=STREAM, per_mille=300))
            afflict(world, Corrupt(stream=STREAM, per_mille=300))
            for number in range(60):
                door.peers[0].send(b"frame %d" % number)
            return await ear.heard()

    first, second = asyncio.run(once()), asyncio.run(once())
    assert first == second
    assert 25 < len(first) < 58
