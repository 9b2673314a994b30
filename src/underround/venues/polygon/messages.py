"""JSON-RPC 2.0 on the wire: requests out, results or faults back.  Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeVar

import msgspec

from underround.model.errors import AnswerRefused
from underround.venues.polygon.quantities import decode, enc_hex
from underround.venues.polygon.refusals import Fault, refusal, shown

T = TypeVar("T")

_ENCODER: Final = msgspec.json.Encoder(enc_hook=enc_hex)
_NULL: Final = b"null"


class Ask(msgspec.Struct, frozen=True):
    """One call of a method."""

    method: str
    params: tuple[Any, ...] = ()
    """JSON values; the hex types of ``quantities`` are written as hex."""


class Result(msgspec.Struct, frozen=True):
    """One answer: ``body`` is the JSON of the result, unless ``fault`` says why there is none."""

    place: str
    """Provider and method, for errors."""
    body: bytes = _NULL
    fault: Fault | None = None

    def read(self, kind: type[T]) -> T:
        """Return the result as ``kind``.

        Raises the fault as an error of our tree, ``AnswerRefused`` for another shape.
        """
        if self.fault is not None:
            raise refusal(self.fault, self.place)
        return decode(self.body, kind, self.place)

    def maybe(self, kind: type[T]) -> T | None:
        """Return the result as ``kind``, ``None`` for ``null`` (no such block, receipt …)."""
        if self.fault is None and self.body == _NULL:
            return None
        return self.read(kind)


class _Failure(msgspec.Struct, frozen=True):
    code: int
    message: str
    data: msgspec.Raw = msgspec.Raw(b"null")


class _Envelope(msgspec.Struct, frozen=True):
    id: int | str | None = None
    result: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    error: _Failure | None = None


def encode_asks(asks: Sequence[Ask], *, batch: bool) -> bytes:
    """Return the request body; ids are the positions from 1 on.  ``batch``: as an array."""
    calls = [
        {"jsonrpc": "2.0", "id": place, "method": ask.method, "params": ask.params}
        for place, ask in enumerate(asks, 1)
    ]
    return _ENCODER.encode(calls if batch else calls[0])


def decode_results(body: bytes, asks: Sequence[Ask], provider: str) -> list[Result]:
    """Return one result per ask, in the order of ``asks``, whatever the order of the answer.

    A single fault in answer to a batch is the fault of each.  Raises ``AnswerRefused`` when an
    answer is missing, doubled or neither a result nor a fault.
    """
    place = f"{provider}, {asks[0].method}" + (f" and {len(asks) - 1} more" if asks[1:] else "")
    if body.lstrip()[:1] != b"[":
        lone = decode(body, _Envelope, place)
        if len(asks) > 1:
            if lone.error is None:
                raise AnswerRefused(f"{place}: one answer to a batch of {len(asks)}")
            return [_result(lone, ask, provider) for ask in asks]
        return [_result(lone, asks[0], provider)]
    by_place: dict[int | str | None, _Envelope] = {}
    for answer in decode(body, list[_Envelope], place):
        if answer.id in by_place:
            raise AnswerRefused(f"{place}: two answers have the id {answer.id}")
        by_place[answer.id] = answer
    if set(by_place) != set(range(1, len(asks) + 1)):
        raise AnswerRefused(f"{place}: the batch of {len(asks)} is not answered one to one")
    return [_result(by_place[number], ask, provider) for number, ask in enumerate(asks, 1)]


def _result(answer: _Envelope, ask: Ask, provider: str) -> Result:
    place = f"{provider}, {ask.method}"
    if answer.error is not None:
        failure = answer.error
        data = bytes(failure.data).decode(errors="replace").strip('"')
        return Result(place, fault=Fault(failure.code, shown(failure.message), data))
    if answer.result is msgspec.UNSET:
        raise AnswerRefused(f"{place}: neither a result nor an error")
    return Result(place, bytes(answer.result))
