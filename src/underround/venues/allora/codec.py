"""Frames of the chain's event stream → inferences and blocks.

CometBFT pushes each block's events as JSON-RPC; an event's attributes are texts that hold JSON
themselves: the topic 13 arrives as ``"13"`` in quotes, a v9 bundle as a whole document.  A block's
events come once for each subscription that they fit, so the same inference may come several times:
chain, topic, nonce and ``outlier_resistant`` name it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import Final, TypeAlias

import msgspec

from underround.model.errors import FrameRefused
from underround.model.signals import BlockSeen, StatedInference
from underround.venues.allora.answers import SINGLE, BundleV9, inference_v9, workers
from underround.venues.allora.decimals import parse_count, parse_value
from underround.venues.codec import iso_nanos, refused

AlloraSignal: TypeAlias = StatedInference | BlockSeen

EVENT_V9: Final = "emissions.v9.EventNetworkInferences"
EVENT_V10: Final = "emissions.v10.EventNetworkInferenceBundle"
_ANY_VERSION: Final = re.compile(r"emissions\.v\d+\.EventNetworkInference(s|Bundle)", re.ASCII)

_BLOCK_EVENTS: Final = "tendermint/event/NewBlockEvents"
_BLOCK_HEADER: Final = "tendermint/event/NewBlockHeader"


class _Attribute(msgspec.Struct):
    key: str
    value: str | None = None


class _Event(msgspec.Struct):
    type: str
    attributes: list[_Attribute] = []


class _BlockEvents(msgspec.Struct):
    height: str
    events: list[_Event] | None = None


class _Header(msgspec.Struct):
    chain_id: str
    height: str
    time: str


class _BlockHeader(msgspec.Struct):
    header: _Header


class _Data(msgspec.Struct):
    type: str
    value: msgspec.Raw


class _Result(msgspec.Struct):
    data: _Data | None = None


class _Message(msgspec.Struct):
    jsonrpc: str
    result: _Result | None = None
    error: msgspec.Raw = msgspec.Raw()


_message = msgspec.json.Decoder(_Message).decode
_block_events = msgspec.json.Decoder(_BlockEvents).decode
_block_header = msgspec.json.Decoder(_BlockHeader).decode
_bundle_v9 = msgspec.json.Decoder(BundleV9).decode
_text = msgspec.json.Decoder(str).decode
_texts = msgspec.json.Decoder(list[str] | None).decode
_rows = msgspec.json.Decoder(list[list[str]] | None).decode
_flag = msgspec.json.Decoder(bool).decode


class AlloraDecoder:
    """Decodes the events of one chain; stateless."""

    def __init__(self, chain: str, topics: Collection[int] | None = None) -> None:
        """Tell inferences of ``topics`` only: a subscription to 13 also brings 113.

        ``None``: of all topics.
        """
        self._chain = chain
        self._topics = None if topics is None else frozenset(topics)

    def decode(self, payload: bytes) -> Sequence[AlloraSignal]:
        """Return what the frame says; ``()`` for acknowledgements.  Raises ``FrameRefused``."""
        where = ""
        try:
            message = _message(payload)
            if bytes(message.error):
                raise FrameRefused(
                    f"the venue answers with an error: {bytes(message.error)[:200]!r}"
                )
            if message.result is None:
                raise FrameRefused("neither a result nor an error at `$`")
            data = message.result.data
            if data is None:
                return ()
            where = ".result.data.value"
            if data.type == _BLOCK_HEADER:
                return (self._block(_block_header(bytes(data.value)).header),)
            if data.type == _BLOCK_EVENTS:
                return self._inferences(_block_events(bytes(data.value)))
        except (ValueError, RecursionError) as error:
            raise refused(error, where) from None
        raise FrameRefused(f"unknown event {data.type[:60]!r} at `$.result.data.type`")

    def _block(self, header: _Header) -> BlockSeen:
        if header.chain_id != self._chain:
            raise ValueError(f"a block of {header.chain_id[:40]!r} - at `$.header.chain_id`")
        height = parse_count(header.height, "$.header.height")
        return BlockSeen(self._chain, height, iso_nanos(header.time))

    def _inferences(self, block: _BlockEvents) -> list[AlloraSignal]:
        height = parse_count(block.height, "$.height")
        found: list[AlloraSignal] = []
        for place, event in enumerate(block.events or ()):
            if not _ANY_VERSION.fullmatch(event.type):
                continue
            try:
                stated = self._inference(event)
            except ValueError as error:
                raise ValueError(f"{event.type}: {_placed(error, place)}") from None
            if self._topics is None or stated.topic in self._topics:
                found.append(msgspec.structs.replace(stated, stated_block=height))
        return found

    def _inference(self, event: _Event) -> StatedInference:
        given = {each.key: each.value for each in event.attributes if each.value is not None}
        if event.type == EVENT_V9:
            return self._v9(given)
        if event.type == EVENT_V10:
            return self._v10(given)
        raise ValueError("a version that this program does not know - at `$.type`")

    def _v9(self, given: dict[str, str]) -> StatedInference:
        topic = parse_count(_text(_of(given, "topic_id")), "$.topic_id")
        nonce = parse_count(_text(_of(given, "block_height")), "$.block_height")
        bundle = _bundle_v9(_of(given, "value_bundle"))
        stated = inference_v9(bundle, self._chain, nonce, "$.value_bundle", outlier_resistant=False)
        if (stated.topic, stated.nonce) != (topic, nonce):
            raise ValueError("the bundle is of another topic or nonce - at `$.value_bundle`")
        return stated

    def _v10(self, given: dict[str, str]) -> StatedInference:
        labels = _texts(_of(given, "label_names"))
        if labels != [SINGLE]:
            raise ValueError(f"the labels {(labels or [])[:5]} are no single value")
        combined = _column(given, "combined_value")
        if len(combined) != 1:
            raise ValueError(f"{len(combined)} combined values - at `$.combined_value`")
        naive = _column(given, "naive_value") if "naive_value" in given else []
        inferers = _texts(_of(given, "inferer_addresses")) or []
        forecasters = _texts(_of(given, "forecaster_addresses")) or []
        return StatedInference(
            chain=self._chain,
            topic=parse_count(_text(_of(given, "topic_id")), "$.topic_id"),
            nonce=parse_count(_text(_of(given, "nonce")), "$.nonce"),
            combined=combined[0],
            naive=naive[0] if len(naive) == 1 else None,
            inferers=workers(inferers, _matrix(given, "inferer_values"), "$.inferer_values"),
            forecasters=workers(
                forecasters, _matrix(given, "forecaster_values"), "$.forecaster_values"
            ),
            outlier_resistant=_flag(_of(given, "outlier_resistant")),
        )


def _of(given: dict[str, str], key: str) -> str:
    if key not in given:
        raise ValueError(f"the attribute {key} is missing - at `$.attributes`")
    return given[key]


def _column(given: dict[str, str], key: str) -> list[Decimal]:
    """Return a list of decimals; it is written as a list, or as the text of one."""
    text = _unquoted(_of(given, key))
    values = _texts(text) or [] if text.startswith(("[", "n")) else [text]
    return [parse_value(value, f"$.{key}") for value in values]


def _matrix(given: dict[str, str], key: str) -> list[Decimal]:
    """Return the only value of each row."""
    rows = _rows(_unquoted(_of(given, key))) or []
    if any(len(row) != 1 for row in rows):
        raise ValueError(f"a worker without a single value - at `$.{key}`")
    return [parse_value(row[0], f"$.{key}") for row in rows]


def _unquoted(text: str) -> str:
    return _text(text) if text.startswith('"') else text


def _placed(error: ValueError, place: int) -> str:
    return str(error).replace("`$", f"`$.events[{place}]", 1)
