"""What happened on a socket's place, for the surfaces."""

from __future__ import annotations

import msgspec


class SlotStatus(msgspec.Struct, kw_only=True):
    """Counters of one slot."""

    stream: str
    topics: int = 0
    proven: int = 0
    connection: int = -1
    connected: bool = False
    attempts: int = 0
    failures: int = 0
    """Attempts that failed."""
    handovers: dict[str, int] = {}
    """Replacements with overlap, by reason."""
    lost: dict[str, int] = {}
    """Lines that died while they delivered, by reason."""
    refusals: int = 0
    last_refusal: str = ""
    last_failure: str = ""
    held_peak: int = 0
    """Most frames a standby had to hold."""
