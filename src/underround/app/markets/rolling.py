"""How people name a rolling series of Polymarket: ``btc-updown-15m``."""

from __future__ import annotations

import re
from typing import Final

from underround.model.errors import ConfigError
from underround.venues.polymarket.gamma.series import Period, Rolling

_NAMED: Final = re.compile(r"([a-z0-9]{2,10})-(?:updown|up-or-down)-(5m|15m|1h|4h|hourly)")
_PERIODS: Final[dict[str, Period]] = {
    "5m": "5m", "15m": "15m", "1h": "1h", "4h": "4h", "hourly": "1h",
}  # fmt: skip


def rolling_named(name: str) -> Rolling:
    """Return the series; raises ``ConfigError`` that says how one is written.

    The venue's own name (``btc-up-or-down-15m``) is understood too.
    """
    match = _NAMED.fullmatch(name.casefold())
    if match is None:
        raise ConfigError(
            f"series {name!r}: write an asset and 5m, 15m, 1h or 4h, such as btc-updown-15m"
        )
    return Rolling(match[1].upper(), _PERIODS[match[2]])


def rolling_name(series: Rolling) -> str:
    """Return the name that ``rolling_named`` reads."""
    return f"{series.asset.lower()}-updown-{series.period}"
