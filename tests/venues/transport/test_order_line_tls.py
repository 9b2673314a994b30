"""The order path's line over TLS: verified, or nothing is sent."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import ssl
from pathlib import Path

import pytest
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.aio import run
from tests.venues.rawhost import OK, Call, raw_host, saying
from underround.model.errors import Unreachable
from underround.venues.transport.order_line import OrderLine


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return a server's context for 127.0.0.1 and a client's that trusts its authority."""
    folder: Path = tmp_path_factory.mktemp("tls")
    now = dt.datetime.now(dt.UTC)

    def signed(
        name: str, by: str, key: ec.EllipticCurvePrivateKey, signer: ec.EllipticCurvePrivateKey
    ) -> bytes:
        address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        made = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, by)]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=name == by, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([address]), critical=False)
            .sign(signer, hashes.SHA256())
        )
        return made.public_bytes(serialization.Encoding.PEM)

    authority, own = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root = signed("test authority", "test authority", authority, authority)
    (folder / "server.pem").write_bytes(
        signed("127.0.0.1", "test authority", own, authority)
        + own.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "server.pem")
    return server, ssl.create_default_context(cadata=root.decode())


async def _spoken_over_tls(server: ssl.SSLContext, client: ssl.SSLContext) -> None:
    async def serve(call: Call) -> None:
        for _ in range(2):
            await call.hear()
            await call.say(OK)
        await call.hear()
        await call.say(b"HTTP/1.1 200 OK\r\n\r\nuntil close")

    async with (
        raw_host(serve, server) as host,
        OrderLine(host.url, connections=1, tls=client) as line,
    ):
        for _ in range(2):
            reply = await line.send("POST", "/order", body=b"x" * 50_000, write=True)
            assert reply.body == b"OK"
        assert len(host.calls) == 1
        assert (await line.send("GET", "/x")).body == b"until close"
        assert (await line.send("GET", "/x")).body == b"OK"
        assert len(host.calls) == 2


@pytest.mark.parametrize("uv", [False, True])
def test_requests_go_over_verified_tls(
    certified: tuple[ssl.SSLContext, ssl.SSLContext], uv: bool
) -> None:
    if uv:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_spoken_over_tls(*certified))
    else:
        run(_spoken_over_tls(*certified))


def test_a_certificate_that_is_not_trusted_is_never_sent_anything(
    certified: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, _told: None)  # the server's
        async with raw_host(saying(OK), certified[0]) as host, OrderLine(host.url) as line:
            with pytest.raises(Unreachable, match="CERTIFICATE_VERIFY_FAILED"):
                await line.send("POST", "/order", headers={"X-Key": "hush"}, write=True)
            assert not host.requests

    run(main())
