"""A private endpoint: it hides while it can, and never stands in the way."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.chain.desk import client_of, desk
from tests.chain.front import Front
from tests.chain.node import Anvil
from tests.venues.scripted import Answer, Asked
from underround.venues.polygon.private import PrivateRoute
from underround.venues.polygon.quantities import Address
from underround.venues.polygon.sign import Call

FRIEND = Address("0x00000000000000000000000000000000000000ff")
GIFT = Call(FRIEND, value=1_000)
TAKEN = Answer(b'{"jsonrpc":"2.0","id":1,"result":"0x00"}')


class Silent:
    """Takes everything and passes nothing on, or answers as told."""

    def __init__(self, answer: Answer = TAKEN) -> None:
        self.asked: list[Asked] = []
        self.told = answer

    def answer(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        return self.told


def test_a_transaction_that_a_private_endpoint_delivers_is_never_published(anvil: Anvil) -> None:
    async def scenario() -> None:
        async with desk(anvil) as at, client_of(Front(anvil)) as endpoint:
            sender = at.new_sender(PrivateRoute(endpoint))
            sent = await sender.submit(GIFT)
            assert (sent.state, sent.last.route) == ("pending", "private")
            anvil.mine(3)
            assert (await sender.advance(sent)).state == "final"
            assert all(not front.sent for front in at.fronts)

    asyncio.run(scenario())


def test_what_is_not_mined_in_private_is_published_after_some_blocks(anvil: Anvil) -> None:
    async def scenario() -> None:
        silent = Silent()
        async with desk(anvil) as at, client_of(silent) as endpoint:
            sender = at.new_sender(PrivateRoute(endpoint, public_after=3))
            sent = await sender.submit(GIFT)
            for _ in range(2):
                anvil.mine()
                sent = await sender.advance(sent)
                assert (sent.state, sent.last.route) == ("pending", "private")
            assert all(not front.sent for front in at.fronts)
            anvil.mine()
            sent = await sender.advance(sent)
            assert (sent.state, sent.last.route) == ("pending", "public")
            assert at.fronts[0].sent == ["0x" + sent.last.raw.hex()]
            anvil.mine(3)
            assert (await sender.advance(sent)).state == "final"
            assert len(silent.asked) == 1

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "answer",
    [
        Answer(status=503),
        Answer(b"<html>", 403),
        Answer(b'{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"no balance left"}}'),
        Answer(b"not json"),
    ],
)
def test_an_endpoint_that_refuses_is_replaced_by_the_public_at_once(
    anvil: Anvil, answer: Answer
) -> None:
    async def scenario() -> None:
        async with desk(anvil) as at, client_of(Silent(answer)) as endpoint:
            sender = at.new_sender(PrivateRoute(endpoint))
            sent = await sender.submit(GIFT)
            assert (sent.state, sent.last.route) == ("pending", "public")
            anvil.mine(3)
            assert (await sender.advance(sent)).state == "final"

    asyncio.run(scenario())


def test_an_endpoint_that_does_not_answer_is_waited_for(anvil: Anvil) -> None:
    async def scenario() -> None:
        async with desk(anvil) as at, client_of(Silent(Answer(hang_up=True))) as endpoint:
            sender = at.new_sender(PrivateRoute(endpoint, public_after=2))
            sent = await sender.submit(GIFT)
            assert (sent.state, sent.last.route) == ("pending", "private")
            assert "published if it is not mined" in sent.note
            anvil.mine(2)
            sent = await sender.advance(sent)
            anvil.mine(3)
            assert (await sender.advance(sent)).state == "final"

    asyncio.run(scenario())


def test_a_replacement_of_a_public_transaction_is_public(anvil: Anvil) -> None:
    async def scenario() -> None:
        silent = Silent()
        async with desk(anvil) as at, client_of(silent) as endpoint:
            sent = await at.sender.submit(GIFT)
            cancelled = await at.new_sender(PrivateRoute(endpoint)).cancel(sent)
            assert cancelled.last.route == "public"
            assert silent.asked == []

    asyncio.run(scenario())


def test_the_request_is_formed_as_configured_and_its_key_is_never_shown(anvil: Anvil) -> None:
    async def scenario() -> None:
        silent = Silent()
        async with desk(anvil) as at, client_of(silent) as endpoint:
            route = PrivateRoute(
                endpoint,
                method="polygon_private_tx",
                form="transaction",
                headers={"Authorization": "hush"},
            )
            sent = await at.new_sender(route).submit(GIFT)
            (asked,) = silent.asked
            assert asked.headers["authorization"] == "hush"
            body = json.loads(asked.body)
            assert body["method"] == "polygon_private_tx"
            assert body["params"] == {"transaction": sent.last.raw.hex()}
            assert "hush" not in repr(route) + repr(sent)

    asyncio.run(scenario())
