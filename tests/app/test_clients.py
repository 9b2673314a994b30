"""Clients made from the configuration: what is asked for by whom, and what is left behind."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.aio import run
from tests.oracles.known import OWNER, PRIVATE_KEY
from tests.venues.scripted import Answer, Script, scripted_host
from underround.app.access import PolymarketAccess, VenueAccess
from underround.app.clients import Clients
from underround.model.errors import AccountError, KeyStoreError
from underround.operations.secret import SecretRef
from underround.venues.ethereum import address_bytes
from underround.venues.polymarket.hosts import PolymarketHosts
from underround.venues.polymarket.orders import OrderDraft
from underround.venues.polymarket.wallets import proxy_wallet

CODE = "0x" + "ab" * 32
TOKEN = "71321045679252212594626385532706912750332728571942532289631379312455583992563"
DERIVED = Answer(b'{"apiKey":"k-1","secret":"c2VjcmV0","passphrase":"hush"}')


@pytest.fixture
def secrets(tmp_path: Path) -> Mapping[str, SecretRef]:
    """Return references to files with a wallet's key and a relayer's."""
    (tmp_path / "wallet").write_text(PRIVATE_KEY)
    (tmp_path / "relayer").write_text("planted-relayer-key")
    return {name: SecretRef.parse(f"file:{tmp_path / name}") for name in ("wallet", "relayer")}


def access(url: str, **fields: object) -> VenueAccess:
    """Return Polymarket on loopback."""
    hosts = PolymarketHosts(clob=url, relayer=url)
    return VenueAccess(polymarket=PolymarketAccess(hosts=hosts, **fields))  # type: ignore[arg-type]


def test_an_order_leaves_by_the_order_line_with_derived_credentials(
    secrets: Mapping[str, SecretRef],
) -> None:
    """From the configuration to what a venue sees: derived key, builder code, own id."""
    seen: dict[str, object] = {}

    async def main() -> None:
        script: Script = {
            "GET /auth/derive-api-key": DERIVED,
            "POST /order": lambda asked: Answer(
                json.dumps(
                    {"success": True, "errorMsg": "", "orderID": seen["id"], "status": "live",
                     "makingAmount": "", "takingAmount": ""}
                ).encode()
            ),
        }  # fmt: skip
        async with scripted_host(script) as host:
            config = access(host.url, wallet=secrets["wallet"], builder_code=CODE)
            async with Clients(config) as clients:
                desk = clients.polymarket
                await desk.log_in()
                signer = desk.order_signer(lambda: 7)
                draft = OrderDraft(
                    token=TOKEN, side="buy", price=520_000, size=100_000_000, tick=10_000,
                    tif="GTC", neg_risk=False, protocol="v1", builder=desk.builder_code,
                )  # fmt: skip
                order = signer.order(draft, clients.clock())
                seen["id"] = order.id
                placed = await desk.rest.post_order(signer.outgoing(order))
                assert placed.order == order.id
            (sent,) = host.of("/order")
        body = json.loads(sent.body)
        assert body["order"]["builder"] == CODE
        assert body["order"]["maker"] == OWNER
        assert body["owner"] == "k-1"
        assert sent.headers["poly_api_key"] == "k-1"

    run(main())


def test_nothing_can_be_signed_after_the_clients_are_closed(
    secrets: Mapping[str, SecretRef],
) -> None:
    async def main() -> None:
        async with scripted_host({"GET /auth/derive-api-key": DERIVED}) as host:
            async with Clients(access(host.url, wallet=secrets["wallet"])) as clients:
                key = clients.polymarket.key
                assert key is not None
                await clients.polymarket.log_in()
            with pytest.raises(KeyStoreError, match="was wiped"):
                key.sign(bytes(32))

    run(main())


def test_without_a_wallet_nobody_logs_in_or_signs() -> None:
    async def main() -> None:
        async with Clients(VenueAccess()) as clients:
            with pytest.raises(AccountError, match="wallet is not set"):
                await clients.polymarket.log_in()
            with pytest.raises(AccountError, match="nobody is logged in"):
                clients.polymarket.order_signer(lambda: 7)

    run(main())


def test_the_relayer_is_asked_with_the_configured_key(secrets: Mapping[str, SecretRef]) -> None:
    async def main() -> None:
        async with scripted_host({"GET /deployed": Answer(b'{"deployed":true}')}) as host:
            config = access(
                host.url, wallet=secrets["wallet"], relayer_key=secrets["relayer"],
                maker=proxy_wallet(address_bytes(OWNER)),
            )  # fmt: skip
            async with Clients(config) as clients:
                assert await clients.polymarket.relayer().deployed()
            assert host.of("/deployed")[0].headers["relayer_api_key"] == "planted-relayer-key"

    run(main())


def test_a_relayer_without_a_key_names_what_is_missing(secrets: Mapping[str, SecretRef]) -> None:
    async def main() -> None:
        config = access("http://127.0.0.1:9", wallet=secrets["wallet"])
        async with Clients(config) as clients:
            with pytest.raises(AccountError, match=r"neither venues\.polymarket\.relayer_key nor"):
                clients.polymarket.relayer()

    run(main())


def test_the_configuration_shows_no_secret(secrets: Mapping[str, SecretRef]) -> None:
    shown = repr(access("http://x", wallet=secrets["wallet"]))
    assert PRIVATE_KEY.removeprefix("0x") not in shown
