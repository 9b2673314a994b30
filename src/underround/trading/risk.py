"""Risk: the only maker of ``Approved``.

An intent passes every gate in order or becomes a ``Refusal`` that names the gate, the numbers and
the edge forgone.  Gates are pure functions of what ``Facts`` shows them.  If a gate itself fails
(raises), the intent is refused by the gate ``FAILED`` and the engine halts: nothing new is opened
and what is open is cancelled.
"""

from __future__ import annotations

from typing import Final

from underround.model.ids import IntentId, LegGroupId
from underround.model.orders import Approved, OrderIntent, Refusal, SetIntent
from underround.model.units import Nanos
from underround.trading.gates import GATES, SET_GATES
from underround.trading.limits import Facts

FAILED: Final = "risk_failed"
"""The gate of refusals that a failing gate caused."""


class Risk:
    """Turns intents into approvals or refusals; counts both."""

    def __init__(self) -> None:
        """Start counting intents from 1."""
        self._last = 0
        self.refused: dict[str, int] = {}

    def next_id(self) -> IntentId:
        """Return the id of the next intent."""
        self._last += 1
        return IntentId(self._last)

    def check(
        self,
        intent: OrderIntent | SetIntent,
        facts: Facts,
        now: Nanos,
        leg_group: LegGroupId | None = None,
    ) -> Approved | Refusal:
        """Pass an intent through every gate; the first that objects decides."""
        intent_id = self.next_id()
        if isinstance(intent, OrderIntent):
            verdicts = ((name, gate(intent, facts, now)) for name, gate in GATES)
        else:
            verdicts = ((name, gate(intent, facts, now)) for name, gate in SET_GATES)
        passed: list[str] = []
        try:
            for name, objection in verdicts:
                if objection is not None:
                    return self._refuse(intent_id, intent, name, objection, now)
                passed.append(name)
        except Exception as error:  # noqa: BLE001 - whatever it is, failing risk must fail closed
            return self._refuse(intent_id, intent, FAILED, f"{type(error).__name__}: {error}", now)
        return Approved(intent_id, intent, leg_group, tuple(passed), now)

    def _refuse(
        self,
        intent_id: IntentId,
        intent: OrderIntent | SetIntent,
        gate: str,
        objection: str,
        now: Nanos,
    ) -> Refusal:
        self.refused[gate] = self.refused.get(gate, 0) + 1
        return Refusal(
            id=intent_id,
            at_ns=now,
            strategy=intent.strategy,
            plan=intent.plan,
            outcome=_subject(intent),
            gate=gate,
            detail=objection,
            edge_forgone=intent.edge,
        )


def _subject(intent: OrderIntent | SetIntent) -> str:
    if isinstance(intent, OrderIntent):
        return str(intent.outcome)
    return str(intent.market if intent.market is not None else intent.group)
