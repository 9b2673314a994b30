"""What is wrong with what a strategy returned, before anything looks at it.

A strategy may be anybody's code.  A price that is a float, a size that is a text or a signature of
another strategy must stop that strategy with a sentence its author understands, and nobody else.
"""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Final

from underround.model.ids import OutcomeId, StrategyId
from underround.model.orders import CancelIntent, LegGroupIntent, OrderIntent, SetIntent

_WHOLE: Final[dict[object, tuple[str, ...]]] = {
    OrderIntent: ("price", "size", "expires_ns", "edge"),
    SetIntent: ("size", "expires_ns", "edge"),
    LegGroupIntent: ("max_unwind_loss", "edge"),
    CancelIntent: (),
}
_ONE_OF: Final = {
    "side": ("buy", "sell"),
    "tif": ("GTC", "GTD", "FOK", "FAK"),
    "purpose": ("open", "reduce", "equalize", "unwind"),
    "action": ("mint", "merge"),
    "policy": ("all_or_none", "best_effort", "sequential"),
}


def fault_of(intent: object, strategy: StrategyId) -> str:
    """Return what is wrong with an intent of ``strategy``, or an empty text."""
    whole = _WHOLE.get(type(intent))
    if whole is None:
        return f"returned {type(intent).__name__}, which is not an intent"
    name = type(intent).__name__
    signed = getattr(intent, "strategy", None)
    if signed != strategy:
        return f"{name} is signed {signed!r} instead of {strategy!r}"
    for field in whole:
        value = getattr(intent, field)
        if type(value) is not int:
            return f"{name}.{field} is {value!r}: give an integer (millionths, nanoseconds)"
    for field, allowed in _ONE_OF.items():
        value = getattr(intent, field, allowed[0])
        if value not in allowed:
            return f"{name}.{field} is {value!r}: give one of {', '.join(allowed)}"
    outcome: object = getattr(intent, "outcome", None)
    if isinstance(intent, OrderIntent) and not isinstance(outcome, OutcomeId):
        return f"{name}.outcome is {outcome!r}: give an OutcomeId"
    if isinstance(intent, LegGroupIntent):
        if not intent.legs:
            return f"{name} has no legs"
        return next((fault for leg in intent.legs if (fault := fault_of(leg, strategy))), "")
    return ""


def told(error: BaseException) -> str:
    """Return an error of a strategy in one line, with the place where it was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place}: {error}"
