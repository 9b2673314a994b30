"""Where the subgraphs are by default.

They index the first exchanges only, which made their last trade on 2026-04-28.  Newer fills are
read from the chain (``underround.venues.polygon.exchange_logs``).
"""

from __future__ import annotations

import calendar
from typing import Final

URL: Final = "https://api.goldsky.com"
_PROJECT: Final = "/api/public/project_cl6mb8i9h0003e201j6li0diw/subgraphs"
ORDERBOOK_TARGET: Final = f"{_PROJECT}/orderbook-subgraph/0.0.1/gn"

LAST_S: Final = calendar.timegm((2026, 4, 28, 23, 59, 59))
"""The last second (Unix) that can hold a row."""
