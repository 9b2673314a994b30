"""Topics and fields of the events, on real logs and on logs that only look like them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import encode

from underround.model.errors import FrameRefused
from underround.venues.ethereum import keccak
from underround.venues.polygon import ctf_events, oracle_events
from underround.venues.polygon.answers import Receipt
from underround.venues.polygon.event import Event, topic_of
from underround.venues.polygon.events import EVENTS, decode_event
from underround.venues.polygon.quantities import Address, Hash, decode

TOPICS = """
ConditionPreparation ab3760c3bd2bb38b5bcf54dc79802ed67338b4cf29f3054ded67ed24661e4177
ConditionResolution b44d84d3289691f71497564b85d4233648d9dbae8cbdbb4329f301c3a0185894
PositionSplit 2e6bb91f8cbcda0c93623c54d0403a43514fabc40084ec96b6d5379a74786298
PositionsMerge 6f13ca62553fcc2bcd2372180a43949c1e4cebba603901ede2f4e14f36b282ca
PayoutRedemption 2682012a4a4f1973119f1c9b90745d1bd91fa2bab387344f044cb3586864d18d
TransferSingle c3d58168c5ae7397731d063d5bbf3d657854427343f4c083240f7aacaa2d0f62
TransferBatch 4a39dc06d4c0dbc64b70af90fd698a233a518aa5d07e595d983b8c0526c8f7fb
ApprovalForAll 17307eab39ab6107e8899845ad3d59bd9653f200f220920489ca2b5937696c31
NegRiskRedemption 9140a6a270ef945260c03894b3c6b3b2695e9d5101feef0ff24fec960cfd3224
NegRiskSplit bbed930dbfb7907ae2d60ddf78345610214f26419a0128df39b6cc3d9e5df9b0
NegRiskMerge ba33ac50d8894676597e6e35dc09cff59854708b642cd069d21eb9c7ca072a04
PositionsConverted b03d19dddbc72a87e735ff0ea3b57bef133ebe44e1894284916a84044deb367e
OrderFilledV1 d0a08e8c493f9c94f29311604c9de1b4e8c8d4c06bd0c789af57f2d65bfec0f6
PriceRequested f1679315ff325c257a944e0ca1bfe7b26616039e9511f9610d4ba3eca851027b
PriceProposed 6e51dd00371aabffa82cd401592f76ed51e98a9ea4b58751c70463a2c78b5ca1
PriceDisputed 5165909c3d1c01c5d1e121ac6f6d01dda1ba24bc9e1f975b5a375339c15be7f3
PriceSettled 3f384afb4bd9f0aef0298c80399950011420eb33b0e1a750b20966270247b9a0
QuestionInitialized eee0897acd6893adcaf2ba5158191b3601098ab6bece35c5d57874340b64c5b7
QuestionReset 7981b5832932948db4e32a4a16a0f44b2ce7ff088574afb9364b313f70f82e8f
QuestionFlagged 2435a0347185933b12027c6f394a5fd9c03646dba233e956f50658719dfc0b35
QuestionResolved 566c3fbdd12dd86bb341787f6d531f79fd7ad4ce7e3ae2d15ac0ca1b601af9df
QuestionManuallyResolved 5909815fe7fe0a550d5fcb95fbf33821b580521d3c97089c6ce12808d1cd0566
"""
"""As the contracts' ABIs have them, hashed elsewhere."""


@pytest.mark.parametrize("line", TOPICS.split("\n")[1:-1])
def test_a_first_topic_is_the_documented_one(line: str) -> None:
    name, topic = line.split()
    (kind,) = [kind for kind in EVENTS.values() if kind.__name__ == name]
    assert topic_of(kind) == "0x" + topic


def test_every_event_has_a_topic_of_its_own_and_as_many_fields_as_types() -> None:
    assert len(EVENTS) == 25
    for kind in EVENTS.values():
        inner = kind.SIGNATURE[kind.SIGNATURE.index("(") + 1 : -1]
        assert len(kind.__struct_fields__) == len(inner.split(","))


def event_of(log: dict[str, Any]) -> Event | None:
    return decode_event([Hash(topic) for topic in log["topics"]], bytes.fromhex(log["data"][2:]))


@pytest.mark.shared
def test_real_logs_of_polygon_say_what_is_known_of_them(shared: Path) -> None:
    folder = shared / "venues/samples/polygon"
    logs = json.loads((folder / "logs_mainnet_2026-07-23.json").read_text())
    expected = json.loads((folder / "logs_mainnet_2026-07-23_expected.json").read_text())
    redeemed = event_of(logs["ctf_payout_redemption"])
    told = expected["ctf_payout_redemption"]
    assert isinstance(redeemed, ctf_events.PayoutRedemption)
    assert redeemed == ctf_events.PayoutRedemption(
        Address(told["redeemer"]),
        Address(told["collateral"]),
        bytes.fromhex(told["parentCollectionId"][2:]),
        bytes.fromhex(told["conditionId"][2:]),
        tuple(told["indexSets"]),
        told["payout_base_units"],
    )
    told = expected["neg_risk_payout_redemption"]
    assert event_of(logs["neg_risk_payout_redemption"]) == ctf_events.NegRiskRedemption(
        Address(told["redeemer"]),
        bytes.fromhex(told["conditionId"][2:]),
        tuple(told["amounts"]),
        told["payout_base_units"],
    )
    told = expected["condition_resolution"]
    resolved = event_of(logs["condition_resolution"])
    assert isinstance(resolved, ctf_events.ConditionResolution)
    assert resolved.condition.hex() == told["conditionId"][2:]
    assert (resolved.oracle, resolved.outcomes) == (told["oracle"], told["outcomeSlotCount"])
    assert list(resolved.numerators) == told["payoutNumerators"]
    batch = event_of(logs["erc1155_transfer_batch"])
    assert isinstance(batch, ctf_events.TransferBatch)
    assert list(batch.amounts) == expected["erc1155_transfer_batch"]["values"]
    told = expected["erc1155_transfer_single_burn"]
    burn = event_of(logs["erc1155_transfer_single_burn"])
    assert isinstance(burn, ctf_events.TransferSingle)
    assert (str(burn.token), burn.amount, burn.receiver) == (told["id"], told["value"], told["to"])


@pytest.mark.shared
def test_the_receipts_of_a_whole_life_of_a_condition_are_read(shared: Path) -> None:
    path = shared / "venues/samples/polygon/local_anvil_ctf_lifecycle.json"
    told = json.loads(path.read_text())
    kinds = []
    for one in told["transactions"]:
        receipt = decode(json.dumps(one["receipt"]).encode(), Receipt, "sample")
        assert receipt.status == 1
        events = [decode_event(log.topics, log.data) for log in receipt.logs]
        kinds += [type(event).__name__ for event in events if event is not None]
    assert {"ConditionPreparation", "PositionSplit", "PositionsMerge"} <= set(kinds)
    assert {"TransferSingle", "ConditionResolution", "PayoutRedemption"} <= set(kinds)


def test_an_event_we_do_not_follow_is_nothing() -> None:
    assert decode_event([Hash("0x" + "12" * 32)], b"") is None
    assert decode_event([], b"") is None


@pytest.mark.parametrize("kind", list(EVENTS.values()))
def test_a_log_with_the_topic_but_not_the_fields_is_refused(kind: type[Event]) -> None:
    topic = topic_of(kind)
    topics = 1 + kind.SIGNATURE.count(" indexed")
    with pytest.raises(FrameRefused, match=kind.__name__):
        decode_event([topic] * (topics + 1), b"")
    if kind.SIGNATURE.replace(" indexed", "").count(",") + 1 > topics - 1:
        with pytest.raises(FrameRefused, match=kind.__name__):
            decode_event([topic, *[Hash("0x" + "00" * 32)] * (topics - 1)], b"\x01")


def test_a_proposal_leads_to_its_market() -> None:
    adapter = Address("0x" + "65" * 20)
    question = b"q: title: Will it?,initializer:" + b"ab" * 20
    topics = [
        topic_of(oracle_events.PriceProposed),
        Hash("0x" + adapter[2:].rjust(64, "0")),
        Hash("0x" + "77" * 20).replace("0x", "0x" + "0" * 24),
    ]
    data = encode(
        ["bytes32", "uint256", "bytes", "int256", "uint256", "address"],
        [b"YES_OR_NO_QUERY".ljust(32, b"\0"), 5, question, -(2**255), 6, "0x" + "00" * 20],
    )
    told = decode_event([Hash(topic) for topic in topics], data)
    assert isinstance(told, oracle_events.PriceProposed)
    assert (told.requester, told.price) == (adapter, oracle_events.PRICE_TOO_EARLY)
    condition = oracle_events.condition_of(told.requester, told.ancillary_data)
    packed = bytes.fromhex(adapter[2:]) + keccak(question) + (2).to_bytes(32, "big")
    assert condition == keccak(packed)
