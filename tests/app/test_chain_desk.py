"""Polygon from the configuration: addresses with keys by reference, the private route, a sender."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.aio import run
from tests.app.venue_hosts import written
from tests.venues.polygon.test_rpc import answering
from tests.venues.scripted import Answer, Script, scripted_host
from underround.app import load_config
from underround.app.access import PolygonAccess, VenueAccess
from underround.app.chain_desk import ChainDesk
from underround.app.clients import Clients
from underround.app.doctor import Wanted, stored_keys
from underround.model.errors import ConfigError
from underround.operations.memory import LockedSecret
from underround.operations.secret import SecretRef
from underround.venues.ethereum import EvmKey
from underround.venues.polygon.fees import GWEI
from underround.venues.polygon.nonces import CountersInProcess
from underround.venues.polygon.quantities import Address
from underround.venues.polygon.sign import Call
from underround.venues.polygon.transactions import Transaction

KEY = "planted-node-key-77aa"
FRIEND = Address("0x00000000000000000000000000000000000000ff")
BLOCK = {"number": "0x64", "hash": "0x" + "1" * 64, "parentHash": "0x" + "2" * 64,
         "timestamp": "0x5"}  # fmt: skip
CHAIN = {
    "eth_chainId": "0x89", "eth_blockNumber": "0x64", "eth_getBlockByNumber": BLOCK,
    "eth_estimateGas": "0x5208", "eth_getTransactionCount": "0x3",
    "eth_feeHistory": {"baseFeePerGas": ["0x174876e800"] * 2,
                       "reward": [["0x6fc23ac00"] * 3]},
}  # fmt: skip

GAS = b"""{"safeLow":{"maxPriorityFee":30,"maxFee":31},"standard":{"maxPriorityFee":32,"maxFee":33},
"fast":{"maxPriorityFee":34,"maxFee":35},"estimatedBaseFee":1,"blockTime":2,"blockNumber":100}"""


@pytest.mark.parametrize("name", ["rpc", "gas_station", "private_rpc"])
@pytest.mark.parametrize(
    "address",
    [f"https://node.invalid/v2/{KEY}", f"https://node.invalid?x={KEY}", f"node.invalid/{KEY}",
     f"wss://node.invalid/{KEY}"],
)  # fmt: skip
def test_an_address_that_may_hold_a_key_is_refused_and_not_repeated(
    name: str, address: str, tmp_path: Path
) -> None:
    value = f'["{address}"]' if name == "rpc" else f'"{address}"'
    file = written(tmp_path, f"[venues.polygon]\n{name} = {value}\n")
    with pytest.raises(ConfigError, match=rf"venues\.polygon\.{name}") as caught:
        load_config(file, strategies=False)
    assert KEY not in str(caught.value)


def test_the_settings_show_references_and_never_what_they_lead_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("T_NODE", f"https://node.invalid/{KEY}")
    file = written(
        tmp_path,
        '[venues.polygon]\nrpc = ["env:T_NODE", "https://plain.invalid"]\n'
        'private_rpc = "keystore:private"\ngas_station = "file:/gas"\n'
        '[venues.polygon.private_headers]\nAuthorization = "keystore:header"\n',
    )
    loaded = load_config(file, strategies=False)
    assert 'rpc = ["env:T_NODE", "https://plain.invalid"]' in file.read_text()
    shown = {path: value for path, value, _ in loaded.rows()}
    assert shown["venues.polygon.rpc"] == '["env:T_NODE", "https://plain.invalid"]'
    assert shown["venues.polygon.private_headers.Authorization"] == '"keystore:header"'
    assert KEY not in str(shown) + str(loaded.tree()) + repr(loaded.value)
    assert set(stored_keys(loaded.value.venues, Wanted())) == {"private", "header"}


def test_a_reference_that_leads_to_no_address_names_the_reference_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("T_NODE", f"nowhere/{KEY}")

    async def main() -> None:
        async with Clients(access(rpc=("env:T_NODE",))) as clients:
            with pytest.raises(ConfigError, match=r"rpc\[0\] \(env:T_NODE\)") as caught:
                clients.polygon()
            assert KEY not in str(caught.value)

    run(main())


def access(**fields: object) -> VenueAccess:
    return VenueAccess(polygon=PolygonAccess(**fields))  # type: ignore[arg-type]


@pytest.mark.parametrize("query", ["", f"?key={KEY}"])
def test_a_query_of_the_gas_station_s_address_stays_behind_the_path(
    query: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        script: Script = {"POST /": answering(CHAIN), "GET /gas/v2": Answer(GAS)}
        async with scripted_host(script) as host:
            monkeypatch.setenv("T_GAS", f"{host.url}/gas{query}")
            polygon = access(rpc=(host.url,), gas_station="env:T_GAS")
            async with Clients(polygon) as clients:
                desk = clients.chain()
                rpc = desk.rpc()
                await rpc.start()
                assert (await desk.gas(rpc).now()).block == 100
            (asked,) = host.of("/gas/v2")
            assert asked.target == f"/gas/v2{query}"

    run(main())


def test_the_sender_sends_privately_with_the_headers_that_are_configured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        taken = Answer(b'{"jsonrpc":"2.0","id":1,"result":"0x00"}')
        script: Script = {f"POST /{KEY}": answering(CHAIN), f"POST /private/{KEY}": taken}
        async with scripted_host(script) as host:
            monkeypatch.setenv("T_NODE", f"{host.url}/{KEY}\n")
            monkeypatch.setenv("T_PRIVATE", f"{host.url}/private/{KEY}")
            monkeypatch.setenv("T_HEADER", "planted-header")
            file = (
                '[venues.polygon]\nrpc = ["env:T_NODE"]\nprivate_rpc = "env:T_PRIVATE"\n'
                'gas_station = ""\nprivate_method = "polygon_private_tx"\n'
                'private_form = "transaction"\nmax_fee_gwei = 300\n'
                '[venues.polygon.private_headers]\nAuthorization = "env:T_HEADER"\n'
            )
            await sends(file)
            (sent,) = host.of(f"/private/{KEY}")
            assert sent.headers["authorization"] == "planted-header"
            call = json.loads(sent.body)
            assert call["method"] == "polygon_private_tx"
            assert call["params"]["transaction"].startswith("02")

    async def sends(text: str) -> None:
        kept: list[Transaction] = []
        alarms: list[str] = []

        async def keep(transaction: Transaction) -> None:
            kept.append(transaction)

        config = load_config(written(tmp_path, text), strategies=False).value
        async with Clients(config.venues) as clients:
            desk = clients.chain()
            rpc = desk.rpc()
            await rpc.start()
            key = EvmKey(LockedSecret("k", bytearray(b"0x" + b"5" * 64)))
            sender = desk.sender(rpc, key, CountersInProcess(), keep=keep, alarm=alarms.append)
            sent = await sender.submit(Call(FRIEND, value=1))
            assert (sent.state, sent.last.route, sent.nonce) == ("pending", "private", 3)
            assert sent.last.fees.max_fee <= 300 * GWEI
            assert KEY not in repr(sent)

    run(main())


def test_the_fee_cap_is_the_operator_s_and_a_tip_never_exceeds_it() -> None:
    async def cap(gwei: int) -> tuple[int, int]:
        async with Clients(access(max_fee_gwei=gwei)) as clients:
            told = ChainDesk(clients.access.polygon, clients).cap()
            return told.tip // GWEI, told.max_fee // GWEI

    assert run(cap(2_000)) == (500, 2_000)
    assert run(cap(300)) == (300, 300)
    with pytest.raises(ConfigError, match="lets nothing pass"):
        run(cap(3))


def test_a_header_with_a_line_end_is_refused_by_the_name_of_its_reference(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("T_HEADER", f"a\r\n{KEY}")
    fields = {"private_rpc": "http://127.0.0.1:9"}

    async def main(config: VenueAccess) -> None:
        async with Clients(config) as clients:
            with pytest.raises(ConfigError, match="Authorization") as caught:
                clients.chain().private_route()
            assert KEY not in str(caught.value)

    run(main(access(**fields, private_headers={"Authorization": SecretRef("env:T_HEADER")})))


def test_without_keys_only_nodes_that_stand_there_plainly_are_asked() -> None:
    async def main() -> None:
        plain = access(rpc=("env:T_NOWHERE", "http://127.0.0.1:9"), private_rpc="env:T_NOWHERE")
        async with Clients(plain) as clients:
            desk = clients.chain(keys=False)
            assert [each.name for each in desk.rpc()._all] == ["rpc[1]"]
            assert desk.private_route() is None

    run(main())
