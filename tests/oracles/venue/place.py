"""The one place where an official SDK is told that Polymarket is somewhere else.

``polymarket-client`` 0.14.0 knows one environment and has a private factory for others.  Nothing of
the package is changed: the environment made here has the production one's chain and contracts, and
the local venue's addresses.  What the local venue does not have leads to a closed port.
"""

# mypy: ignore-errors
# The SDKs live in an environment of their own, which the type checker does not see.

from __future__ import annotations

import dataclasses

from polymarket.environments import PRODUCTION, _create_environment

NOWHERE = "127.0.0.1:9"
SERVED = {
    "clob_url": "clob",
    "clob_market_ws_url": "clob_market_stream",
    "clob_user_ws_url": "clob_user_stream",
    "relayer_url": "relayer",
    "gamma_url": "gamma",
    "data_url": "data",
    "rtds_ws_url": "rtds_stream",
    "realtime_ws_url": "live_prices_stream",
    "rpc_url": "chain",
}
"""The SDK's words for addresses, and the local venue's."""


def environment(endpoints):
    """Return an environment at the endpoints of a running local venue."""
    production = PRODUCTION._config
    urls = {
        field.name: f"{'ws' if 'ws' in field.name else 'http'}://{NOWHERE}"
        for field in dataclasses.fields(production)
        if field.name.endswith("_url")
    }
    at = {ours: endpoints[name] for ours, name in SERVED.items() if endpoints[name]}
    changed = dataclasses.replace(
        production, relayer_poll_frequency_ms=20, relayer_max_polls=1_000, **urls | at
    )
    return _create_environment(name="local venue", config=changed)
