"""JSON-RPC on the wire: order, faults, and answers that are none."""

from __future__ import annotations

import json

import pytest

from underround.model.errors import (
    AccountError,
    AlreadyKnown,
    AnswerRefused,
    BalanceTooLow,
    RateLimited,
    RequestRefused,
    UnderroundError,
    VenuePaused,
)
from underround.venues.polygon.answers import Block, Receipt
from underround.venues.polygon.messages import Ask, decode_results, encode_asks
from underround.venues.polygon.quantities import Address, HexBytes, Quantity, address
from underround.venues.polygon.refusals import Fault, FaultKind, refusal, shown, status_refusal
from underround.venues.polygon.reverts import revert_reason
from underround.venues.transport.http import Reply

ASKS = (Ask("eth_blockNumber"), Ask("eth_chainId"))


def test_a_request_writes_numbers_and_bytes_as_hex() -> None:
    params = (Address("0x" + "ab" * 20), Quantity(10), HexBytes(b"\x01"), {"a": Quantity(0)}, True)
    told = json.loads(encode_asks((Ask("m", params),), batch=False))
    assert told == {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "m",
        "params": ["0x" + "ab" * 20, "0xa", "0x01", {"a": "0x0"}, True],
    }
    assert [one["id"] for one in json.loads(encode_asks(ASKS, batch=True))] == [1, 2]


def test_answers_to_a_batch_are_put_in_the_order_of_the_questions() -> None:
    body = b'[{"id":2,"result":"0x89"},{"id":1,"result":"0x10"}]'
    assert [one.read(Quantity) for one in decode_results(body, ASKS, "node")] == [16, 137]


def test_one_fault_to_a_batch_is_the_fault_of_each() -> None:
    body = b'{"id":null,"error":{"code":-32005,"message":"rate limit"}}'
    for one in decode_results(body, ASKS, "node"):
        with pytest.raises(RateLimited, match="node, eth_"):
            one.read(Quantity)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b'{"id":1,"result":"0x1"}',
        b'[{"id":1,"result":"0x1"}]',
        b'[{"id":1,"result":"0x1"},{"id":1,"result":"0x1"}]',
        b'[{"id":1,"result":"0x1"},{"id":3,"result":"0x1"}]',
        b'[{"id":1,"result":"0x1"},{"id":2}]',
        b'[{"id":1,"result":"0x1"},{"id":2,"result":"0x1"},{"id":3,"result":"0x1"}]',
        b'[{"id":1,"error":{"message":"no code"}},{"id":2,"result":"0x1"}]',
        b'[{"id":1,"result":"0x1"},{"id":2,"result":"0x1"},{"id":1,"result":"0x2"}]',
        b"[[]]",
        b"\xff\xfe",
    ],
)
def test_a_batch_that_is_not_answered_one_to_one_is_refused(body: bytes) -> None:
    with pytest.raises(AnswerRefused, match="node, eth_"):
        decode_results(body, ASKS, "node")


def test_null_is_nothing_and_not_a_receipt() -> None:
    (one,) = decode_results(b'{"id":1,"result":null}', ASKS[:1], "node")
    assert one.maybe(Receipt) is None
    with pytest.raises(AnswerRefused):
        one.read(Receipt)


def test_an_address_is_compared_in_lower_case_and_a_wrong_one_is_refused() -> None:
    assert address("0x" + "Ab" * 20) == "0x" + "ab" * 20
    for wrong in ("", "ab" * 20, "0x" + "ab" * 19, "0x" + "zz" * 20, " 0x" + "ab" * 20):
        with pytest.raises(ValueError, match="is no address"):
            address(wrong)


@pytest.mark.parametrize(
    "value", ["16", '"16"', '"0x"', '"0x01"', '"0xg"', '"-0x1"', '"0x' + "f" * 65 + '"', "null"]
)
def test_a_number_that_is_no_quantity_is_refused(value: str) -> None:
    body = b'{"id":1,"result":' + value.encode() + b"}"
    with pytest.raises(AnswerRefused):
        decode_results(body, ASKS[:1], "node")[0].read(Quantity)


def test_a_refused_field_is_named_by_its_path() -> None:
    body = b'{"id":1,"result":{"number":"0x1","hash":"0x12","parentHash":"","timestamp":"0x1"}}'
    with pytest.raises(AnswerRefused, match=r"`\$\.hash`"):
        decode_results(body, ASKS[:1], "node")[0].read(Block)


FAULTS: list[tuple[int, str, FaultKind, type[UnderroundError]]] = [
    (-32_000, "already known", "known", AlreadyKnown),
    (-32_003, "transaction already imported", "known", AlreadyKnown),
    (-32_000, "nonce too low: next nonce 5, tx nonce 4", "nonce_used", RequestRefused),
    (-32_000, "transaction underpriced", "underpriced", RequestRefused),
    (
        -32_000,
        "transaction gas price below minimum: gas tip cap 1, minimum needed 25000000000",
        "underpriced",
        RequestRefused,
    ),
    (-32_000, "max fee per gas less than block base fee", "underpriced", RequestRefused),
    (-32_000, "replacement transaction underpriced", "replacement", RequestRefused),
    (-32_000, "insufficient funds for gas * price + value", "funds", BalanceTooLow),
    (3, "execution reverted: no", "reverted", RequestRefused),
    (-32_000, "execution reverted", "reverted", RequestRefused),
    (-32_005, "query exceeds max block range 2000", "too_much", RequestRefused),
    (
        -32_602,
        "block range is too wide: ranges over 10000",
        "too_much",
        RequestRefused,
    ),
    (-32_005, "query returned more than 10000 results", "too_much", RequestRefused),
    (-32_005, "daily request limit reached", "rate", RateLimited),
    (429, "whatever", "rate", RateLimited),
    (-32_000, "header not found", "not_here", VenuePaused),
    (-32_000, "missing trie node abc", "not_here", VenuePaused),
    (-32_601, "the method eth_x does not exist/is not available", "not_here", VenuePaused),
    (-32_602, "invalid argument 0", "other", RequestRefused),
    (-32_000, "unknown transaction type", "other", RequestRefused),
]


@pytest.mark.parametrize("code, words, kind, error", FAULTS)
def test_a_node_s_words_are_understood(
    code: int, words: str, kind: FaultKind, error: type[UnderroundError]
) -> None:
    fault = Fault(code, words)
    assert fault.kind == kind
    assert type(refusal(fault, "node, m")) is error
    assert str(refusal(fault, "node, m")).startswith("node, m")


def test_a_status_is_an_error_unless_the_body_says_more() -> None:
    def of(status: int, body: bytes = b"", **headers: str) -> UnderroundError | None:
        return status_refusal(Reply(status, headers, body), "node")

    assert of(200, b"{}") is None
    assert of(400, b'{"error":{}}') is None
    assert of(500, b'[{"error":{}}]') is None
    limited = status_refusal(Reply(429, {"retry-after": "2"}, b"{}"), "node")
    assert isinstance(limited, RateLimited)
    assert limited.retry_after_ms == 2_000
    assert isinstance(of(403), AccountError)
    assert isinstance(of(502, b"<html>"), VenuePaused)
    assert isinstance(of(404, b"nothing"), RequestRefused)


def test_a_provider_s_words_become_one_line_without_its_key() -> None:
    words = "project 4f6f1c0fa7c04f9eb9a1f2c3d4e5f607\nis over its limit for 0x" + "ab" * 32
    assert shown(words) == "project … is over its limit for 0x" + "ab" * 32
    assert shown("replacement transaction underpriced") == "replacement transaction underpriced"
    (one,) = decode_results(
        b'{"id":1,"error":{"code":1,"message":"key abcdefgh12345678 unknown"}}', ASKS[:1], "node"
    )
    assert one.fault == Fault(1, "key … unknown", "null")


def test_the_forms_of_revert_data_are_read() -> None:
    words = "08c379a0" + "20".zfill(64) + "3".zfill(64) + b"bad".hex().ljust(64, "0")
    assert revert_reason("0x" + words) == "bad"
    assert revert_reason("0x4e487b71" + "11".zfill(64)) == "a number overflowed"
    assert revert_reason("0x4e487b71" + "99".zfill(64)) == "panic 0x99"
    assert revert_reason("0x82b42900") == "error 0x82b42900"
    assert revert_reason("0x08c379a0ff").startswith("unreadable data")
    assert revert_reason("") == ""
    assert revert_reason("null") == ""
