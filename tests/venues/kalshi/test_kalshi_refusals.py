"""What Kalshi's error answers mean."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.venues.scripted import sample
from underround.model.errors import (
    AccountError,
    AlreadyKnown,
    AnswerRefused,
    BalanceTooLow,
    NotFilled,
    NotThere,
    OffGrid,
    OpeningForbidden,
    OutcomeUnknown,
    RateLimited,
    RequestRefused,
    UnderroundError,
    Unreachable,
    VenuePaused,
    WouldCross,
)
from underround.venues.kalshi.refusals import Fault, fault_of, refusal, row_refusal


def nested(code: str, details: str = "") -> bytes:
    return json.dumps({"error": {"code": code, "message": code, "details": details}}).encode()


@pytest.mark.parametrize(
    "status, body, write, kind",
    [
        (409, nested("order_already_exists"), True, AlreadyKnown),
        (409, nested("fill_or_kill_insufficient_resting_volume"), True, NotFilled),
        (409, nested("trading_is_paused"), True, VenuePaused),
        (503, nested("exchange_is_paused"), True, VenuePaused),
        (400, nested("MARKET_INACTIVE"), True, VenuePaused),
        (400, nested("invalid_order", "post only cross"), True, WouldCross),
        (400, nested("insufficient_balance"), True, BalanceTooLow),
        (400, nested("invalid_order", "invalid price level"), True, OffGrid),
        (400, nested("invalid_price"), True, OffGrid),
        (400, nested("invalid_order", "invalid ticker"), True, RequestRefused),
        (400, nested("missing_parameters"), True, AccountError),
        (400, b'{"code":"bad_request","message":"bad request","details":"x"}', True, AccountError),
        (400, nested("bad_request", "invalid status filter"), False, RequestRefused),
        (409, nested("something_new"), True, RequestRefused),
        (401, nested("header_timestamp_expired"), True, AccountError),
        (401, nested("authentication_error", "INCORRECT_API_KEY_SIGNATURE"), False, AccountError),
        (401, b'{"code":"token_authentication_failure"}', False, AccountError),
        (403, nested("forbidden", "region attestation expired"), True, OpeningForbidden),
        (403, nested("forbidden", "missing scope write::trade"), True, AccountError),
        (403, nested("forbidden", "no such allocation"), True, AccountError),
        (404, nested("not_found"), True, NotThere),
        (404, b"<html>", False, NotThere),
        (410, nested("deprecated_v1_order_endpoint"), True, AccountError),
        (429, b'{"error":"too many requests"}', True, RateLimited),
        (429, nested("too_many_requests"), True, RateLimited),
        (500, nested("internal_server_error"), True, OutcomeUnknown),
        (500, nested("oops", "post only cross"), True, OutcomeUnknown),
        (500, nested("not_found"), True, OutcomeUnknown),
        (502, nested("insufficient_balance"), True, OutcomeUnknown),
        (500, nested("invalid_price"), True, OutcomeUnknown),
        (504, nested("too_many_requests"), True, OutcomeUnknown),
        (500, nested("order_already_exists"), True, OutcomeUnknown),
        (408, nested("not_found"), True, OutcomeUnknown),
        (500, nested("not_found"), False, Unreachable),
        (503, nested("trading_is_paused"), True, VenuePaused),
        (503, b"", True, OutcomeUnknown),
        (504, b"<html>gateway</html>", True, OutcomeUnknown),
        (408, b"", True, OutcomeUnknown),
        (302, b"", True, OutcomeUnknown),
        (500, b"", False, Unreachable),
        (503, b"", False, VenuePaused),
        (302, b"", False, AnswerRefused),
    ],
)
def test_each_refusal_says_what_must_happen_next(
    status: int, body: bytes, write: bool, kind: type[UnderroundError]
) -> None:
    told = refusal(status, body, write=write, place="POST /x")
    assert type(told) is kind
    assert str(told).startswith("POST /x: Kalshi says")


@pytest.mark.parametrize(
    "body, fault",
    [
        (nested("a", "b"), Fault("a", "a", "b")),
        (b'{"code":"a","message":"b","details":null}', Fault("a", "b")),
        (b'{"error":"text"}', Fault(message="text")),
        (b'{"error":{"code":7}}', Fault("7")),
        (b'{"error":null,"code":"a"}', Fault("a")),
        (b"[]", Fault()),
        (b"\xff", Fault()),
        (b"[" * 100_000, Fault()),
    ],
)
def test_all_shapes_of_error_bodies_are_read(body: bytes, fault: Fault) -> None:
    assert fault_of(body) == fault


def test_a_refusal_is_one_bounded_printable_line() -> None:
    told = str(refusal(400, nested("a", "x\n\x1b[31m" * 500), write=False, place="GET /x"))
    assert told.isprintable()
    assert len(told) < 300


def test_a_key_that_the_venue_repeats_is_not_shown() -> None:
    key = "8c35ecb3-328f-4f52-8c7c-0f4b9862f8d1"
    for fault in (Fault(key), Fault("x", f"no key {key}"), Fault("x", "y", f"key={key}")):
        assert key not in str(row_refusal(fault, "row 0"))
    assert Fault("fill_or_kill_insufficient_resting_volume").told == (
        "fill_or_kill_insufficient_resting_volume"
    )


def test_rows_of_a_batch_are_refused_like_whole_requests() -> None:
    for fault, kind in (
        (Fault("order_already_exists"), AlreadyKnown),
        (Fault("invalid_order", "", "post only cross"), WouldCross),
        (Fault("internal_server_error"), OutcomeUnknown),
        (Fault("invalid_order", "", "invalid ticker"), RequestRefused),
        (Fault("fill_or_kill_insufficient_resting_volume"), NotFilled),
    ):
        assert type(row_refusal(fault, "row 0")) is kind


@pytest.mark.parametrize(
    "fault",
    [
        Fault(),
        Fault("odd"),
        Fault(message="text"),
        Fault("service_error"),
        Fault("service_error", "", "post only cross"),
        Fault("conflict", "", "deadline exceeded"),
        Fault("invalid_order", "", "internal error"),
    ],
)
def test_a_row_is_refused_only_by_a_code_that_is_known_for_it(fault: Fault) -> None:
    told = row_refusal(fault, "row 0")
    assert type(told) is OutcomeUnknown
    assert str(told).endswith("look it up, never resend")


@pytest.mark.shared
def test_captured_errors_mean_what_they_mean(shared: Path) -> None:
    told = json.loads(sample(shared, "kalshi/rest_errors.json"))
    v1 = json.loads(sample(shared, "kalshi/rest_order_v2_create_cancel_live_2026-06-18.json"))
    for status, body, kind in (
        (429, told["rate_limited_429_live_2026-09-26"], RateLimited),
        (400, told["bad_request_400_live_2026-08-08"], RequestRefused),
        (401, told["ws_handshake_401_live_2026-09-26"], AccountError),
        (410, v1["legacy_v1_410"], AccountError),
    ):
        found = refusal(status, json.dumps(body).encode(), write=False, place="GET /x")
        assert type(found) is kind
