"""How Kalshi says no: a status, and ``{"error": {code, message, details}}``."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from underround.local_venue.faults import Answer
from underround.local_venue.net.http_host import json_answer

_STATUS: Final = {
    "bad_request": 400,
    "missing_parameters": 400,
    "invalid_parameters": 400,
    "invalid_order": 400,
    "invalid_price": 400,
    "insufficient_balance": 400,
    "market_inactive": 409,
    "order_already_exists": 409,
    "fill_or_kill_insufficient_resting_volume": 409,
    "trading_is_paused": 409,
    "exchange_is_paused": 409,
    "order_group_triggered": 409,
    "transfer_already_exists": 409,
    "authentication_error": 401,
    "header_timestamp_expired": 401,
    "forbidden": 403,
    "not_found": 404,
    "deprecated_v1_order_endpoint": 410,
    "too_many_requests": 429,
}
_BY_STATUS: Final = {
    400: "bad_request",
    401: "authentication_error",
    403: "forbidden",
    404: "not_found",
    429: "too_many_requests",
    500: "internal_server_error",
    502: "bad_gateway",
    503: "service_unavailable",
    504: "timeout",
}
_WORDS: Final = {"market_inactive": "MARKET_INACTIVE"}


class Refused(Exception):
    """A request is answered with an error of the venue."""

    def __init__(self, code: str, details: str = "", *, flat: bool = False) -> None:
        """``flat``: the body could not even be read, and Kalshi does not nest that answer."""
        super().__init__(code)
        self.code = code
        self.details = details
        self.flat = flat

    @property
    def status(self) -> int:
        """The HTTP status."""
        return _STATUS.get(self.code, 400)

    def stated(self, *, always: bool = False) -> dict[str, str]:
        """Return code, message and details; ``always``: details even when there are none."""
        message = _WORDS.get(self.code, self.code.replace("_", " "))
        told = {"code": self.code, "message": message}
        if self.details or always:
            told["details"] = self.details
        return told

    def answer(self) -> web.Response:
        """Return the answer."""
        told = self.stated()
        return json_answer(told if self.flat else {"error": told}, self.status)


def refusal(reason: str) -> Refused:
    """Return the exchange's reason, ``code`` or ``code: details``, as an answer."""
    code, _, details = reason.partition(": ")
    return Refused(code, details)


def fault_answer(fault: Answer) -> web.Response:
    """Return what a status that was asked for as a fault looks like here."""
    code = _BY_STATUS.get(fault.status, "internal_server_error")
    told = {"code": code, "message": code.replace("_", " ")}
    return json_answer({"error": told}, fault.status)
