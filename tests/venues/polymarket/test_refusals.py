"""Every refusal Polymarket documents, by what must happen next."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    TryLater,
    UnderroundError,
    VenuePaused,
    WouldCross,
)
from underround.venues.polymarket.refusals import refusal, refusal_of_text, words_of
from underround.venues.words import venue_words

ORDER = "0x" + "ab" * 32
ADDRESS = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
API_KEY = "f4f247b7-4ac7-ff29-a152-04fda0a8755a"

DOCUMENTED = [
    (401, "Unauthorized/Invalid api key", AccountError),
    (401, "Invalid L1 Request headers", AccountError),
    (400, "Invalid order payload", AccountError),
    (400, "order_version_mismatch", AccountError),
    (400, "invalid order version", AccountError),
    (400, "the order owner has to be the owner of the API KEY", AccountError),
    (400, "the order signer address has to be the address of the API KEY", AccountError),
    (400, "maker address not allowed, please use the deposit wallet flow", AccountError),
    (400, f"'{ADDRESS}' address banned", OpeningForbidden),
    (400, f"'{ADDRESS}' address in closed only mode", OpeningForbidden),
    (403, "Trading restricted in your region, please refer to the docs", OpeningForbidden),
    (400, "not enough balance / allowance", BalanceTooLow),
    (400, f"order {ORDER} is invalid. Price (0.512) breaks minimum tick size rule: 0.01", OffGrid),
    (400, f"order {ORDER} is invalid. Size (1) lower than the minimum: 5", OffGrid),
    (400, "invalid amount for a marketable BUY order ($0.5), min size: $1", OffGrid),
    (400, "invalid amounts, the market buy orders maker amount supports a max 2 decimals", OffGrid),
    (400, f"order {ORDER} is invalid. Duplicated.", AlreadyKnown),
    (400, "invalid post-only order: order crosses book", WouldCross),
    (400, "order couldn't be fully filled. FOK orders are fully filled or killed.", NotFilled),
    (400, ("no orders found to match with FAK order. FAK orders are partially filled or killed "
          "if no match is found."), NotFilled),
    (400, "invalid expiration", RequestRefused),
    (400, "order canceled in the CTF exchange contract", RequestRefused),
    (400, "order match delayed due to market conditions", OutcomeUnknown),
    (400, "the market is not yet ready to process new orders", VenuePaused),
    (400, "Too many orders in payload: 16, max allowed: 15", RequestRefused),
    (400, "Payload exceeds the limit", RequestRefused),
    (404, "No orderbook exists for the requested token id", NotThere),
    (404, "market not found", NotThere),
    (425, "", OutcomeUnknown),
    (500, "there are no matching orders", OutcomeUnknown),
    (500, "the trade contains rounding issues", OutcomeUnknown),
    (500, ("the price of the taker's order has a discrepancy greater than allowed with the worst "
          "maker order"), OutcomeUnknown),
    (500, "could not insert order", OutcomeUnknown),
    (502, "", OutcomeUnknown),
    (503, "Trading is currently disabled. Check polymarket.com for updates", VenuePaused),
    (503, "Trading is currently cancel-only. New orders are not accepted, but cancels are allowed.",
     VenuePaused),
    (503, "upstream connect error", OutcomeUnknown),
]  # fmt: skip
READS: dict[type[UnderroundError], type[UnderroundError]] = {
    OutcomeUnknown: TryLater,
}


def answered(status: int, words: str, *, write: bool, **headers: str) -> UnderroundError | None:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    body = json.dumps({"error": words}).encode() if words else b""
    return refusal(status, names, body, write=write, place="POST /order")


@pytest.mark.parametrize("status, words, kind", DOCUMENTED)
def test_each_documented_text_is_one_class(
    status: int, words: str, kind: type[UnderroundError]
) -> None:
    found = answered(status, words, write=True)
    assert type(found) is kind
    assert str(found).startswith(f"POST /order: status {status}")
    assert venue_words(words) in str(found)


@pytest.mark.parametrize("status, words, kind", DOCUMENTED)
def test_a_read_is_never_unknown(status: int, words: str, kind: type[UnderroundError]) -> None:
    found = answered(status, words, write=False)
    assert isinstance(found, READS.get(kind, kind))
    assert not isinstance(found, OutcomeUnknown)


@pytest.mark.parametrize(
    "words, kind", [(words, kind) for status, words, kind in DOCUMENTED if words and status != 503]
)
def test_the_same_table_reads_the_words_of_an_order_s_answer(
    words: str, kind: type[UnderroundError]
) -> None:
    if words == "upstream connect error":
        return
    assert type(refusal_of_text(words, place="row")) is kind


def test_unknown_words_of_a_4xx_are_a_definite_no_in_the_venues_words() -> None:
    found = answered(400, "the moon is in the wrong house", write=True)
    assert type(found) is RequestRefused
    assert "the moon is in the wrong house" in str(found)
    assert type(refusal_of_text("the moon", place="row")) is RequestRefused


def test_too_many_requests_with_the_limiters_headers_were_not_processed() -> None:
    found = answered(429, "Too Many Requests", write=True, retry_after="3")
    assert isinstance(found, RateLimited)
    assert found.retry_after_ms == 3_000
    found = answered(429, "", write=True, poly_ratelimit_remaining="-2")
    assert isinstance(found, RateLimited)
    assert found.retry_after_ms is None


def test_too_many_requests_without_them_leave_a_write_unknown() -> None:
    assert type(answered(429, "Too Many Requests", write=True)) is OutcomeUnknown
    assert type(answered(429, "Too Many Requests", write=False)) is RateLimited


def test_a_retry_after_that_is_no_number_of_seconds_names_no_time() -> None:
    for text in ("Wed, 21 Oct 2026 07:28:00 GMT", "-1", "", "1e9", "99999999"):
        found = answered(429, "", write=True, retry_after=text)
        assert isinstance(found, RateLimited)
        assert found.retry_after_ms is None


def test_the_post_only_mode_says_when_it_ends() -> None:
    body = (
        b'{"error":"post-only mode: only post-only orders and cancels are allowed",'
        b'"code":"post_only_mode","retry_after_seconds":79}'
    )
    found = refusal(503, {}, body, write=True)
    assert type(found) is VenuePaused
    assert found.retry_after_ms == 79_000
    found = refusal(503, {}, b'{"error":"","code":"post_only_mode"}', write=True)
    assert type(found) is VenuePaused


def test_an_unexplained_unavailability_settles_nothing_for_a_write() -> None:
    assert type(refusal(503, {}, b"<html>", write=True)) is OutcomeUnknown
    found = refusal(503, {"retry-after": "7"}, b"", write=False)
    assert type(found) is VenuePaused
    assert found.retry_after_ms == 7_000


@pytest.mark.parametrize(
    "status, kind",
    [(401, AccountError), (403, AccountError), (404, NotThere), (408, OutcomeUnknown),
     (418, RequestRefused), (301, OutcomeUnknown), (100, OutcomeUnknown)],
)  # fmt: skip
def test_a_bare_status_still_has_a_meaning_for_a_write(
    status: int, kind: type[UnderroundError]
) -> None:
    assert type(refusal(status, {}, b"", write=True)) is kind


def test_a_redirected_read_is_an_answer_nobody_can_use() -> None:
    assert type(refusal(301, {}, b"", write=False)) is AnswerRefused


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_a_success_is_no_error(status: int) -> None:
    assert refusal(status, {}, b'{"error":"not enough balance / allowance"}', write=True) is None


@pytest.mark.parametrize(
    "body, words",
    [
        (b'{"error":"no"}', "no"),
        (b'{"errorMsg":"no"}', "no"),
        (b'{"error_msg":"no","heartbeat_id":"1"}', "no"),
        (b'{"message":"no"}', "no"),
        (b'{"error":{"code":7}}', '{"code":7}'),
        (b'"no"', "no"),
        (b"no", "no"),
        (b"<html>no</html>", ""),
        (b"", ""),
        (b"[1]", "[1]"),
        (b"\xff\xfe", "��"),
        (b'{"error":null}', ""),
    ],
)
def test_the_venues_words_are_found_wherever_they_are(body: bytes, words: str) -> None:
    assert words_of(body) == words


def test_no_key_and_no_signature_is_ever_shown() -> None:
    secret = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA=="
    signature = "0x" + "1b" * 65
    words = f"order {ORDER} of {ADDRESS}, owner {API_KEY}, {secret}, signature {signature}"
    shown = str(answered(400, words, write=True))
    assert API_KEY not in shown
    assert secret not in shown
    assert signature not in shown
    assert ORDER in shown
    assert ADDRESS in shown


@pytest.mark.parametrize(
    "body", [b"[" * 100_000, b'{"error":' * 100_000, b'{"x":' + b"[" * 100_000]
)
@pytest.mark.parametrize("status", [408, 500, 503])
def test_a_body_that_cannot_be_read_leaves_a_write_open(status: int, body: bytes) -> None:
    assert isinstance(refusal(status, {}, body, write=True), OutcomeUnknown)


@pytest.mark.parametrize(
    "seconds, wait", [(3, 3_000), (-3, None), (2**62, None), (10**3_000, None)]
)
def test_a_wait_that_a_503_states_is_bounded(seconds: int, wait: int | None) -> None:
    body = b'{"error":"p","code":"post_only_mode","retry_after_seconds":%d}' % seconds
    found = refusal(503, {}, body, write=True)
    assert isinstance(found, VenuePaused)
    assert found.retry_after_ms == wait


@given(st.text(max_size=5_000))
def test_words_are_one_clipped_line(words: str) -> None:
    shown = venue_words(words)
    assert len(shown) <= 201
    assert shown.isprintable()


@given(
    status=st.integers(100, 599), headers=st.dictionaries(st.text(max_size=5), st.text(max_size=9)),
    body=st.binary(max_size=200), write=st.booleans(),
)  # fmt: skip
def test_whatever_comes_has_one_meaning(
    status: int, headers: dict[str, str], body: bytes, write: bool
) -> None:
    found = refusal(status, headers, body, write=write)
    assert (found is None) == (200 <= status < 300)
    if isinstance(found, OutcomeUnknown):
        assert write
