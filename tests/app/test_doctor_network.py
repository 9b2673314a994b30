"""A machine without a network: one cause is one leading line, in plain words."""

from __future__ import annotations

import asyncio
import socket

import pytest

from tests.aio import run
from underround.app.access import VenueAccess
from underround.app.configuration import Config
from underround.app.doctor import Examination, Finding, Wanted
from underround.app.doctor.reach import examine_names, names_in
from underround.model.errors import Unreachable
from underround.operations.ntp import ask_time


def offline(monkeypatch: pytest.MonkeyPatch, *known: str) -> None:
    """Let the running loop resolve nothing but ``known``."""

    async def unknown(host: str, *_: object, **__: object) -> list[object]:
        if host in known:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 9))]
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", unknown, raising=False)


def test_a_machine_that_resolves_nothing_says_so_first_and_each_venue_in_few_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def main() -> list[Finding]:
        offline(monkeypatch)
        async with Examination(Config(), Wanted(timeout_s=3)) as examination:
            return await examination.run(lambda *_: None, lambda _: None)

    first, *others = run(main())
    assert (first.venue, first.subject, first.level) == ("machine", "host names", "failed")
    assert (first.says, first.remedy) == (
        "this machine resolves no host names",
        "check the network",
    )
    assert first.exit_code == 8
    said = " ".join(each.says for each in others)
    for jargon in ("ssl:default", "Errno", "Cannot connect", "UDP", "Name or service"):
        assert jargon not in said
    (clock,) = [each for each in others if (each.venue, each.subject) == ("machine", "clock")]
    assert "its name cannot be resolved" in clock.says
    (nodes,) = [each for each in others if (each.venue, each.subject) == ("polygon", "nodes")]
    assert "rpc[0]" in nodes.says


def test_one_name_that_is_resolved_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> str:
        offline(monkeypatch, "there.invalid")
        return (await examine_names(("gone.invalid", "there.invalid"), 3)).level

    assert run(main()) == "ok"


def test_a_resolver_that_is_silent_resolves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> str:
        async def never(*_: object, **__: object) -> None:
            await asyncio.Event().wait()

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", never, raising=False)
        return (await examine_names(("gone.invalid",), 3)).level

    assert run(main()) == "failed"


def test_addresses_of_this_machine_and_references_are_not_looked_up() -> None:
    urls = ("http://127.0.0.1:1", "http://[::1]", "http://localhost", "env:NODE", "BTCUSDT", "",
            "wss://a.invalid/x", "https://a.invalid")  # fmt: skip
    assert names_in(urls) == ("a.invalid",)
    assert names_in(VenueAccess().polygon.rpc) == ("polygon-bor-rpc.publicnode.com",)


def test_a_time_server_without_a_name_is_no_matter_of_its_port(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def main() -> None:
        offline(monkeypatch)
        await ask_time("time.invalid", clock=lambda: 1, nonce=bytes(8))

    with pytest.raises(Unreachable, match="its name cannot be resolved: check the network") as told:
        run(main())
    assert "UDP" not in str(told.value)
