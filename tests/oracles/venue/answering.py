"""What both judges share: JSON lines in, JSON lines out, and SDK values as plain ones.

``{"do": "place", …}`` → ``{"answer": …}``, or ``{"refused": {kind, text, status}}`` when the SDK
raised an error of its own, or ``{"broken": traceback}`` when anything else went wrong.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import traceback
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any


def plain(value: Any) -> Any:
    """Return what can be written as JSON; exact numbers as text."""
    if hasattr(value, "model_dump"):
        return plain(value.model_dump())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return plain(dataclasses.asdict(value))
    if isinstance(value, dict):
        return {str(plain(key)): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(each) for each in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value


def failure(error: Exception, own: type[Exception]) -> dict[str, Any]:
    """Return an error as an answer; ``own`` is the root of the SDK's errors."""
    if not isinstance(error, own):
        return {"broken": "".join(traceback.format_exception(error))}
    status = getattr(error, "status_code", None) or getattr(error, "status", None)
    text = plain(getattr(error, "error_msg", None)) or str(error)
    more = {
        name: plain(getattr(error, name))
        for name in ("heartbeat_id", "retry_after", "restriction", "code")
        if getattr(error, name, None) is not None
    }
    return {"refused": {"kind": type(error).__name__, "text": text, "status": status, **more}}


def write(answer: dict[str, Any]) -> None:
    """Send one line."""
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
