"""Run in the official SDK's own environment: its models judge what the local venue answers.

Reads where the venue is from its argument and writes what it saw as one line of JSON.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from typing import Any

from polymarket import PublicClient, RelayerApiKey, SecureClient  # type: ignore[import-not-found]
from polymarket._internal.environment import (  # type: ignore[import-not-found]
    PRODUCTION_CONFIG,
    create_environment,
)
from polymarket.models.clob.api_key import ApiKeyCreds  # type: ignore[import-not-found]


def main(told: dict[str, Any]) -> dict[str, Any]:
    """Ask everything once."""
    config = dataclasses.replace(
        PRODUCTION_CONFIG,
        gamma_url=told["gamma"],
        data_url=told["data"],
        relayer_url=told["relayer"],
        clob_url=told["gamma"],
        relayer_poll_frequency_ms=20,
    )
    where = create_environment(name="local", config=config)
    with PublicClient(environment=where) as client:
        seen = read(client, told)
    secure = SecureClient._create(
        private_key=told["private_key"],
        wallet=told["wallet"],
        environment=where,
        credentials=ApiKeyCreds(key="k", secret="cw==", passphrase="p"),
        validate_credentials=False,
        api_key=RelayerApiKey(key=told["relayer_key"], address=told["owner"]),
    )
    try:
        return seen | act(secure, told)
    finally:
        secure.close()


def every(pages: Any) -> list[Any]:
    """Return the items of all pages."""
    return [item for page in pages for item in page.items]


def read(client: Any, told: dict[str, Any]) -> dict[str, Any]:
    """Ask what is public; the SDK refuses rows of another form by itself."""
    wallet, condition = told["wallet"], told["condition"]
    markets = every(client.list_markets(page_size=2))
    events = every(client.list_events(page_size=2))
    positions = every(client.list_positions(user=wallet, page_size=1))
    resolved = client.get_resolutions(condition_ids=told["resolved"])
    found = client.search(q="wins").first_page().items[0]
    history = every(client.list_price_history(asset_id=told["token"], interval="max"))
    return {
        "markets": {market.slug: market.state.accepting_orders for market in markets},
        "prices": {market.slug: str(market.outcomes.yes.price) for market in markets},
        "versions": sorted({str(market.version) for market in markets}),
        "closed": [each.slug for each in every(client.list_markets(closed=True))],
        "events": {event.slug: len(event.markets) for event in events},
        "one": client.get_market(slug="rain").condition_id,
        "event": client.get_event(slug="who-wins").title,
        "tags": sorted(tag.slug for tag in every(client.list_tags())),
        "series": [each.slug for each in every(client.list_series())],
        "found": [event.slug for event in found.events],
        "positions": {each.slug: str(each.current_size) for each in positions},
        "lost": len(every(client.list_positions(user=wallet, status="REDEEMABLE_LOST"))),
        "trades": [
            (each.side, str(each.size), str(each.price))
            for each in every(client.list_trades(user=wallet, full_history=True))
        ],
        "activity": sorted({str(each.type) for each in every(client.list_activity(user=wallet))}),
        "value": str(client.get_portfolio_value(user=wallet).value),
        "holders": sum(
            len(each.holders) for each in every(client.list_market_holders(condition_ids=condition))
        ),
        "resolutions": [[str(payout) for payout in each.payouts] for each in resolved],
        "history": [str(each.price) for each in history],
        "market_types": bool(client.get_sports_market_types().market_types),
        "missing": [
            each.spender for each in client.get_trading_approvals_state(wallet=wallet).missing.erc20
        ],
    }


def act(client: Any, told: dict[str, Any]) -> dict[str, Any]:
    """Split a set, and approve what is missing, through the relayer."""
    client._ensure_wallet_ready()
    handle = client.split_position(condition_id=told["condition"], amount=5_000_000)
    outcome = handle.wait()
    missing = client.get_trading_approvals_state().missing.erc20[0]
    client.approve_erc20(
        token_address=missing.token_address,
        spender_address=missing.spender,
        amount=missing.amount,
    ).wait()
    return {
        "transaction": len(outcome.transaction_hash),
        "approved": client.get_trading_approvals_state().is_fully_approved,
    }


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))
