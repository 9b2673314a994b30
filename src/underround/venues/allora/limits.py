"""How fast Allora is asked.  No limit is published for the public nodes: ours is a courtesy."""

from __future__ import annotations

from typing import Final

from underround.venues.transport.budget import Charge, Limits, Rate

READ: Final = "read"
REQUESTS: Final = "requests"

LIMITS: Final = Limits(
    buckets={REQUESTS: Rate(tokens=2, burst=5)},
    groups={READ: (Charge(REQUESTS, flat=True),)},
)
