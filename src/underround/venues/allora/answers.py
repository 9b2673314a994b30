"""Bodies of Allora's answers → values.

Sources: allora-network/docs (2026-07) and the emissions module's v9 and v10 messages.  v9 states a
value as one text, v10 as a list of labelled values: a topic that answers with one number has one
entry, labelled ``y``.  The confidence intervals of the versions before v9 are gone.

Every function raises ``AnswerRefused`` with one sentence that names the path.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Final, Literal, TypeAlias, TypeVar

import msgspec

from underround.model.errors import AnswerRefused
from underround.model.signals import BlockSeen, ForecastTopic, StatedInference, WorkerValue
from underround.venues.allora.decimals import parse_count, parse_value
from underround.venues.allora.topics import read_topic
from underround.venues.codec import UNREADABLE, iso_nanos, reason

T = TypeVar("T")

EmissionsVersion: TypeAlias = Literal["v10", "v9"]
VERSIONS: Final[tuple[EmissionsVersion, ...]] = ("v10", "v9")
"""Newest first: the order in which a node is asked."""

SINGLE: Final = "y"
"""The label of a topic's only value."""


class _Labelled(msgspec.Struct):
    label_name: str
    value: str


class _ValueV9(msgspec.Struct):
    worker: str
    value: str


class _ValuesV10(msgspec.Struct):
    worker: str
    values: list[_Labelled]


class _Nonce(msgspec.Struct):
    block_height: str


class _ReputerRequest(msgspec.Struct):
    reputer_nonce: _Nonce


class BundleV9(msgspec.Struct):
    """A network's inferences as v9 states them, in answers and in events."""

    topic_id: str
    combined_value: str
    inferer_values: list[_ValueV9]
    forecaster_values: list[_ValueV9]
    naive_value: str | None = None
    reputer_request_nonce: _ReputerRequest | None = None


class _BundleV10(msgspec.Struct):
    topic_id: str
    nonce: str
    combined_value: list[_Labelled]
    inferer_values: list[_ValuesV10]
    forecaster_values: list[_ValuesV10]
    naive_value: list[_Labelled] = []


class _EnvelopeV9(msgspec.Struct):
    network_inferences: BundleV9
    inference_block_height: str


class _EnvelopeV10(msgspec.Struct):
    network_inferences: _BundleV10
    inference_block_height: str


class _Topic(msgspec.Struct):
    id: str
    metadata: str
    epoch_length: str
    worker_submission_window: str | None = None


class _TopicEnvelope(msgspec.Struct):
    topic: _Topic


class _Active(msgspec.Struct):
    is_active: bool


class _NextTopic(msgspec.Struct):
    next_topic_id: str


class _Header(msgspec.Struct):
    chain_id: str
    height: str
    time: str


class _Block(msgspec.Struct):
    header: _Header


class _BlockEnvelope(msgspec.Struct):
    block: _Block


_envelope_v9 = msgspec.json.Decoder(_EnvelopeV9).decode
_envelope_v10 = msgspec.json.Decoder(_EnvelopeV10).decode
_topic_envelope = msgspec.json.Decoder(_TopicEnvelope).decode
_active = msgspec.json.Decoder(_Active).decode
_next_topic = msgspec.json.Decoder(_NextTopic).decode
_block_envelope = msgspec.json.Decoder(_BlockEnvelope).decode


def inference(
    body: bytes, chain: str, version: EmissionsVersion, *, outlier_resistant: bool
) -> StatedInference:
    """Return a combined inference; the route and not the body says whether it was damped."""

    def read() -> StatedInference:
        if version == "v9":
            envelope = _envelope_v9(body)
            height = parse_count(envelope.inference_block_height, "$.inference_block_height")
            bundle = envelope.network_inferences
            return inference_v9(
                bundle, chain, height, "$.network_inferences", outlier_resistant=outlier_resistant
            )
        bundle_v10 = _envelope_v10(body).network_inferences
        return _inference_v10(bundle_v10, chain, outlier_resistant=outlier_resistant)

    return reading(f"an inference ({version})", body, read)


def topic(body: bytes, chain: str) -> ForecastTopic:
    """Return what a topic asks; a topic whose words do not say it plainly is refused."""

    def read() -> ForecastTopic:
        found = _topic_envelope(body).topic
        window = found.worker_submission_window
        return read_topic(
            chain,
            parse_count(found.id, "$.topic.id"),
            found.metadata,
            parse_count(found.epoch_length, "$.topic.epoch_length"),
            None if window is None else parse_count(window, "$.topic.worker_submission_window"),
        )

    return reading("a topic", body, read)


def active(body: bytes) -> bool:
    """Return whether a topic is active."""
    return reading("is_topic_active", body, lambda: _active(body).is_active)


def next_topic(body: bytes) -> int:
    """Return the id that the next new topic will get: all topics have smaller ones."""
    return reading(
        "next_topic_id",
        body,
        lambda: parse_count(_next_topic(body).next_topic_id, "$.next_topic_id"),
    )


def block(body: bytes, chain: str) -> BlockSeen:
    """Return a block of ``chain``; one of another chain is refused: its topics are others."""

    def read() -> BlockSeen:
        header = _block_envelope(body).block.header
        if header.chain_id != chain:
            raise ValueError(f"a block of {header.chain_id[:40]!r} - at `$.block.header.chain_id`")
        return BlockSeen(
            chain, parse_count(header.height, "$.block.header.height"), iso_nanos(header.time)
        )

    return reading("a block", body, read)


def inference_v9(
    bundle: BundleV9, chain: str, height: int, path: str, *, outlier_resistant: bool
) -> StatedInference:
    """Return the inference of a v9 bundle that stands at ``path`` of its message.

    ``height`` names the nonce where the bundle itself does not.  Raises ``ValueError``.
    """
    request, naive = bundle.reputer_request_nonce, bundle.naive_value
    nonce = height
    if request is not None:
        where = f"{path}.reputer_request_nonce.reputer_nonce.block_height"
        nonce = parse_count(request.reputer_nonce.block_height, where)
    return StatedInference(
        chain=chain,
        topic=parse_count(bundle.topic_id, f"{path}.topic_id"),
        nonce=nonce,
        combined=parse_value(bundle.combined_value, f"{path}.combined_value"),
        naive=None if naive is None else parse_value(naive, f"{path}.naive_value"),
        inferers=_workers_v9(bundle.inferer_values, f"{path}.inferer_values"),
        forecasters=_workers_v9(bundle.forecaster_values, f"{path}.forecaster_values"),
        outlier_resistant=outlier_resistant,
    )


def workers(names: list[str], values: list[Decimal], path: str) -> tuple[WorkerValue, ...]:
    """Return each worker's value; raises ``ValueError`` when one is named twice or they differ.

    Counting one worker twice would fake agreement.
    """
    if len(names) != len(values):
        raise ValueError(f"{len(names)} workers and {len(values)} values - at `{path}`")
    if len(set(names)) != len(names):
        raise ValueError(f"a worker is named twice - at `{path}`")
    return tuple(map(WorkerValue, names, values))


def reading(what: str, body: bytes, read: Callable[[], T]) -> T:
    """Return what ``read`` returns; its ``ValueError`` becomes the answer's refusal."""
    try:
        return read()
    except UNREADABLE as error:
        told = reason(error)
        raise AnswerRefused(
            f"Allora's answer about {what} ({len(body)} bytes) cannot be used: {told}"
        ) from None


def _inference_v10(bundle: _BundleV10, chain: str, *, outlier_resistant: bool) -> StatedInference:
    path = "$.network_inferences"
    naive = bundle.naive_value
    return StatedInference(
        chain=chain,
        topic=parse_count(bundle.topic_id, f"{path}.topic_id"),
        nonce=parse_count(bundle.nonce, f"{path}.nonce"),
        combined=_single(bundle.combined_value, f"{path}.combined_value"),
        naive=_single(naive, f"{path}.naive_value") if naive else None,
        inferers=_workers_v10(bundle.inferer_values, f"{path}.inferer_values"),
        forecasters=_workers_v10(bundle.forecaster_values, f"{path}.forecaster_values"),
        outlier_resistant=outlier_resistant,
    )


def _single(values: list[_Labelled], path: str) -> Decimal:
    labels = [value.label_name for value in values]
    if labels != [SINGLE]:
        raise ValueError(f"the labels {labels[:5]} are no single value - at `{path}`")
    return parse_value(values[0].value, f"{path}[0].value")


def _workers_v9(rows: list[_ValueV9], path: str) -> tuple[WorkerValue, ...]:
    values = [parse_value(row.value, f"{path}[{place}]") for place, row in enumerate(rows)]
    return workers([row.worker for row in rows], values, path)


def _workers_v10(rows: list[_ValuesV10], path: str) -> tuple[WorkerValue, ...]:
    values = [_single(row.values, f"{path}[{place}].values") for place, row in enumerate(rows)]
    return workers([row.worker for row in rows], values, path)
