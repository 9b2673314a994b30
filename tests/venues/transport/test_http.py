"""What is particular to HTTP over aiohttp: its addresses, and the connections that it keeps."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp.client_proto import ResponseHandler

from tests.aio import run
from tests.venues.rawhost import OK, Host, raw_host, saying
from underround.model.errors import ConfigError, OutcomeUnknown
from underround.venues.transport.http import HttpClient, host_of


@pytest.mark.parametrize(
    "address", ["clob.example", "", "https://", "ftp://x/hush", "https://x:hush/", "https://[hush"]
)
def test_what_is_no_address_is_a_mistake_of_the_configuration(address: str) -> None:
    """It is not repeated: it may hold a key."""
    with pytest.raises(ConfigError, match="a base address begins with one of http") as caught:
        HttpClient(address)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    "address, shown",
    [
        ("https://me:hush@node.example/v2/hush", "https://node.example"),
        ("http://127.0.0.1:8545", "http://127.0.0.1:8545"),
        ("http://[::1]:8545/x", "http://[::1]:8545"),
    ],
)
def test_scheme_host_and_port_are_shown_of_an_address(address: str, shown: str) -> None:
    assert host_of(address) == shown


@asynccontextmanager
async def just_closed(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Host, HttpClient]]:
    """Give a client whose kept connection ends between its choice and the first byte."""
    kept: list[ResponseHandler] = []

    def chosen(handler: ResponseHandler) -> bool:
        kept.append(handler)
        assert handler.transport is not None
        handler.transport.close()
        return True

    async with raw_host(saying(OK)) as host, HttpClient(host.url) as client:
        await client.send("GET", "/first")
        monkeypatch.setattr(ResponseHandler, "is_connected", chosen)
        yield host, client
        assert len(kept) == 1


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_read_whose_kept_connection_has_just_ended_is_sent_over_another_one(
    monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    async def main() -> None:
        async with just_closed(monkeypatch) as (host, client):
            assert (await client.send(method, "/second")).body == b"OK"
            assert [len(call.requests) for call in host.calls] == [1, 1]

    run(main())


@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT"])
@pytest.mark.parametrize("body", [None, b"{}"])
def test_a_write_whose_kept_connection_has_just_ended_is_not_sent_over_another_one(
    monkeypatch: pytest.MonkeyPatch, method: str, body: bytes | None
) -> None:
    async def main() -> None:
        async with just_closed(monkeypatch) as (host, client):
            with pytest.raises(OutcomeUnknown):
                await client.send(method, "/order", body=body, write=True)
            assert [len(call.requests) for call in host.calls] == [1]

    run(main())
