"""All events we follow, by their first topic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from underround.venues.polygon import ctf_events, exchange_events, oracle_events
from underround.venues.polygon.event import Event, read_event, topic_of
from underround.venues.polygon.quantities import Hash

_KINDS: Final[tuple[type[Event], ...]] = (
    ctf_events.ConditionPreparation,
    ctf_events.ConditionResolution,
    ctf_events.PositionSplit,
    ctf_events.PositionsMerge,
    ctf_events.PayoutRedemption,
    ctf_events.TransferSingle,
    ctf_events.TransferBatch,
    ctf_events.ApprovalForAll,
    ctf_events.NegRiskSplit,
    ctf_events.NegRiskMerge,
    ctf_events.NegRiskRedemption,
    ctf_events.PositionsConverted,
    exchange_events.OrderFilledV1,
    exchange_events.OrdersMatchedV1,
    exchange_events.OrderFilled,
    exchange_events.OrdersMatched,
    oracle_events.PriceRequested,
    oracle_events.PriceProposed,
    oracle_events.PriceDisputed,
    oracle_events.PriceSettled,
    oracle_events.QuestionInitialized,
    oracle_events.QuestionReset,
    oracle_events.QuestionFlagged,
    oracle_events.QuestionResolved,
    oracle_events.QuestionManuallyResolved,
)
EVENTS: Final[Mapping[Hash, type[Event]]] = MappingProxyType(
    {topic_of(kind): kind for kind in _KINDS}
)


def decode_event(topics: Sequence[Hash], data: bytes) -> Event | None:
    """Return the event of a log, ``None`` for one that we do not follow.

    Raises ``FrameRefused`` when the log carries the topic of an event but not its fields.
    """
    kind = EVENTS.get(topics[0]) if topics else None
    return None if kind is None else read_event(kind, topics, data)
