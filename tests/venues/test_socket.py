"""One WebSocket on loopback: what is heard, what is refused, what is left behind."""

from __future__ import annotations

import asyncio
import socket as tcp

import pytest

from tests import aio
from tests.venues.wsserver import WsServer, silent_listener, until, ws_server
from underround.model.errors import (
    AccountError,
    RateLimited,
    TryLater,
    UnderroundError,
    Unreachable,
    VenuePaused,
)
from underround.venues import socket as sockets
from underround.venues.dialect import Handshake
from underround.venues.socket import Socket, open_socket


class Listener:
    def __init__(self) -> None:
        self.messages: list[tuple[int, bytes]] = []
        self.signs = 0
        self.ends: list[str] = []
        self.failures: list[Exception] = []
        self.raises: Exception | None = None

    def heard(self, recv_ns: int, payload: bytes) -> None:
        if self.raises is not None:
            raise self.raises
        self.messages.append((recv_ns, payload))

    def pulsed(self) -> None:
        self.signs += 1

    def ended(self, reason: str) -> None:
        self.ends.append(reason)

    def failed(self, error: Exception) -> None:
        self.failures.append(error)


def clock() -> int:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, aio.JumpingLoop)
    return loop.now_ns()


async def connect(server: WsServer, ears: Listener, **headers: str) -> Socket:
    return await open_socket(Handshake(server.url, tuple(headers.items())), ears, clock)


def test_messages_are_heard_in_order_with_the_time_of_the_injected_clock() -> None:
    async def main() -> None:
        ears = Listener()
        async with ws_server() as server:
            opened = await open_socket(Handshake(server.url), ears, iter(range(7, 99)).__next__)
            server.last.send(b"one", b"two", b"three")
            await until(lambda: len(ears.messages) == 3)
            opened.close()
        assert ears.messages == [(7, b"one"), (8, b"two"), (9, b"three")]

    aio.run(main())


def test_a_message_sent_with_the_answer_to_the_handshake_is_not_lost() -> None:
    async def main() -> None:
        ears = Listener()
        server = WsServer()
        server.on_open = lambda client: client.send(b"welcome")
        async with ws_server(server):
            opened = await connect(server, ears)
            await until(lambda: ears.messages)
            opened.close()
        assert [payload for _, payload in ears.messages] == [b"welcome"]

    aio.run(main())


def test_a_message_in_several_frames_is_heard_whole_with_a_ping_in_between() -> None:
    async def main() -> None:
        ears = Listener()
        async with ws_server() as server:
            opened = await connect(server, ears)
            server.last.send_parts(b"a" * 70_000, b"b", b"c")
            server.last.send(b"next")
            server.last.ping()
            await until(lambda: ears.signs)
            opened.close()
        assert [payload for _, payload in ears.messages] == [b"a" * 70_000 + b"bc", b"next"]

    aio.run(main())


def test_a_message_longer_than_the_bound_ends_the_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "MAX_MESSAGE_BYTES", 1_000)

    async def main() -> None:
        for parts in ([b"x" * 600, b"x" * 600], [b"x" * 1_200]):
            ears = Listener()
            async with ws_server() as server:
                await connect(server, ears)
                server.last.send_parts(*parts)
                await until(lambda: ears.ends)  # noqa: B023 - awaited within its turn
            assert not ears.messages

    aio.run(main())


def test_our_text_and_our_ping_arrive_and_the_pong_is_a_sign_of_life() -> None:
    async def main() -> None:
        ears = Listener()
        async with ws_server() as server:
            opened = await connect(server, ears)
            opened.send(b"subscribe")
            opened.ping()
            await until(lambda: ears.signs)
            assert server.last.got == [b"subscribe"]
            assert server.last.pings == 1
            opened.close()
            await until(lambda: server.last.closed)
            opened.send(b"late")
            opened.ping()
            assert not opened.is_open
        assert not ears.ends

    aio.run(main())


@pytest.mark.parametrize("how", ["close", "cut"])
def test_the_end_is_told_once_and_not_after_our_own_close(how: str) -> None:
    async def main() -> None:
        ears, deaf = Listener(), Listener()
        async with ws_server() as server:
            await connect(server, ears)
            theirs = server.last
            ours = await connect(server, deaf)
            ours.close()
            ours.close()
            getattr(theirs, how)()
            getattr(server.last, how)()
            await until(lambda: ears.ends)
            await asyncio.sleep(1)
        assert len(ears.ends) == 1
        assert not deaf.ends

    aio.run(main())


def test_the_code_of_a_close_is_told() -> None:
    async def main() -> None:
        ears = Listener()
        async with ws_server() as server:
            await connect(server, ears)
            server.last.close(1012)
            await until(lambda: ears.ends)
        assert ears.ends == ["closed by the venue with code 1012"]

    aio.run(main())


def test_an_error_of_the_listener_is_told_and_closes_the_socket() -> None:
    async def main() -> None:
        ears = Listener()
        async with ws_server() as server:
            opened = await connect(server, ears)
            ears.raises = OSError("disk full")
            server.last.send(b"one", b"two")
            await until(lambda: ears.failures)
            assert not opened.is_open
        assert [str(error) for error in ears.failures] == ["disk full"]
        assert not ears.ends

    aio.run(main())


@pytest.mark.parametrize(
    "status,kind",
    [(401, AccountError), (403, AccountError), (429, RateLimited), (503, VenuePaused),
     (404, TryLater)],
)  # fmt: skip
def test_a_refused_handshake_is_the_error_of_its_status(
    status: int, kind: type[UnderroundError]
) -> None:
    async def main() -> None:
        server = WsServer()
        server.refuse_with, server.retry_after = status, "7"
        async with ws_server(server):
            with pytest.raises(kind) as caught:
                await connect(server, Listener())
        if isinstance(caught.value, RateLimited):
            assert caught.value.retry_after_ms == 7_000

    aio.run(main())


def test_no_listener_at_all_is_unreachable() -> None:
    async def main() -> None:
        with tcp.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        with pytest.raises(Unreachable):
            await open_socket(Handshake(f"ws://127.0.0.1:{port}/ws"), Listener(), clock)

    aio.run(main())


def test_a_handshake_that_hangs_can_be_given_up_and_leaves_nothing_open() -> None:
    async def main() -> None:
        async with silent_listener() as url:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(3):
                    await open_socket(Handshake(url), Listener(), clock)
            await asyncio.sleep(0.1)

    aio.run(main())  # an open transport would be a ResourceWarning, which is an error


def test_headers_go_out_and_neither_they_nor_the_query_are_ever_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def main() -> None:
        ears = Listener()
        async with ws_server() as server:
            server.url += "?token=hidden"
            opened = await connect(server, ears, Signature="secret")
            assert server.last.headers["signature"] == "secret"
            assert server.last.headers["user-agent"].startswith("underround/")
            assert server.last.path.endswith("?token=hidden")
            opened.close()
            server.refuse_with = 401
            with pytest.raises(AccountError) as caught:
                await connect(server, ears, Signature="secret")
        ours = [each.getMessage() for each in caplog.records if "server" not in each.name]
        said = "".join([str(caught.value), *ours])
        assert "hidden" not in said
        assert "secret" not in said

    with caplog.at_level(1), caplog.at_level(1, "picows"):
        aio.run(main())
