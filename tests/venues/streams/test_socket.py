"""One WebSocket on loopback: what is heard, what is refused, what is left behind."""

from __future__ import annotations

import asyncio
import ipaddress
import socket as tcp
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

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
from underround.venues.streams import socket as sockets
from underround.venues.streams.dialect import Handshake
from underround.venues.streams.socket import Socket, open_socket


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


def test_a_server_that_hangs_up_without_an_answer_is_unreachable() -> None:
    async def main() -> None:
        async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.close()

        server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            with pytest.raises(Unreachable):
                await open_socket(Handshake(f"ws://127.0.0.1:{port}/ws"), Listener(), clock)

    aio.run(main())


def test_a_waiting_time_that_is_no_time_is_not_believed() -> None:
    async def main() -> None:
        server = WsServer()
        server.refuse_with = 429
        async with ws_server(server):
            for told in ("9" * 5_000, "soon", "-5", "1e9"):
                server.retry_after = told
                with pytest.raises(RateLimited) as caught:
                    await connect(server, Listener())
                assert caught.value.retry_after_ms is None

    aio.run(main())


# --- TLS -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with ``ca.pem``, and ``host.pem`` for 127.0.0.1 with its key."""
    folder = tmp_path_factory.mktemp("tls")
    now = datetime.now(UTC)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a test's own")])
    basic = (
        x509.CertificateBuilder()
        .issuer_name(name)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
    )
    root = (
        basic.subject_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    own = ec.generate_private_key(ec.SECP256R1())
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    host = (
        basic.subject_name(x509.Name([]))
        .public_key(own.public_key())
        .serial_number(2)
        .add_extension(x509.SubjectAlternativeName([address]), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "ca.pem").write_bytes(root.public_bytes(Encoding.PEM))
    secret = own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "host.pem").write_bytes(host.public_bytes(Encoding.PEM) + secret)
    return folder


def serving(folder: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "host.pem")
    return context


@pytest.mark.parametrize("how", ["close", "cut", "ours"])
def test_a_socket_within_tls_is_heard_answered_and_closed(authority: Path, how: str) -> None:
    async def main() -> None:
        ears = Listener()
        trust = ssl.create_default_context(cafile=authority / "ca.pem")
        async with ws_server(tls=serving(authority)) as server:
            assert server.url.startswith("wss://")
            opened = await open_socket(Handshake(server.url), ears, clock, tls=trust)
            opened.send(b"subscribe")
            server.last.send(b"a" * 300_000, b"two")
            await until(lambda: len(ears.messages) == 2 and server.last.got)
            assert ears.messages[1][1] == b"two"
            assert server.last.got == [b"subscribe"]
            if how == "ours":
                opened.close()
                await until(lambda: server.last.closed)
            else:
                getattr(server.last, how)()
                await until(lambda: ears.ends)
            assert not opened.is_open
            assert not ears.failures

    aio.run(main())


def test_a_host_that_cannot_prove_who_it_is_is_unreachable(authority: Path) -> None:
    async def main() -> None:
        async with ws_server(tls=serving(authority)) as server:
            for trust in (None, ssl.create_default_context()):
                with pytest.raises(Unreachable, match="SSLCertVerificationError"):
                    await open_socket(Handshake(server.url), Listener(), clock, tls=trust)
            named = ssl.create_default_context(cafile=authority / "ca.pem")
            other = server.url.replace("127.0.0.1", "localhost")
            with pytest.raises(Unreachable, match="SSLCertVerificationError"):
                await open_socket(Handshake(other), Listener(), clock, tls=named)
            assert not server.clients

    aio.run(main())


def test_a_handshake_never_shows_its_headers_or_its_query() -> None:
    shown = repr(Handshake("wss://host/ws?token=hidden", (("Signature", "secret"),)))
    assert shown == "Handshake('wss://host/ws', 1 headers)"


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
