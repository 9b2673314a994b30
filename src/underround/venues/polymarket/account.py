"""The CLOB's private reads beside orders: balance, heartbeat, rewards, tier, notices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, TypeAlias

import msgspec

from underround.model.account import StatedBalance
from underround.model.errors import RequestRefused
from underround.venues.polymarket import account_answers, reward_answers
from underround.venues.polymarket.ids import MarketProtocol
from underround.venues.polymarket.limits import SIGNER_CANCELS, SIGNER_ORDERS, TIERS
from underround.venues.polymarket.public import pages
from underround.venues.polymarket.requests import Query, Requests
from underround.venues.polymarket.wallets import SignatureType
from underround.venues.transport.http import Reply

COLLATERAL: Final = "pUSD"
AssetType: TypeAlias = Literal["COLLATERAL", "CONDITIONAL", "CONDITIONAL-V2"]
_BEAT_PATH: Final = "/v1/heartbeats"


class PolymarketAccount:
    """What the CLOB knows of one account.

    Balances are asked with the wallet's kind: without it the venue answers for the signing key
    itself, which holds nothing.
    """

    def __init__(self, requests: Requests, signature_type: SignatureType) -> None:
        self._requests = requests
        self._kind = int(signature_type)

    # --- balance -------------------------------------------------------------------------------

    async def cash(self) -> StatedBalance:
        """Return pUSD and what the exchanges may move of it, as the CLOB believes."""
        return await self._balance("COLLATERAL", None)

    async def shares(self, token: str, *, protocol: MarketProtocol) -> StatedBalance:
        """Return the shares of one token, as the CLOB believes."""
        kind: AssetType = "CONDITIONAL" if protocol == "v1" else "CONDITIONAL-V2"
        return await self._balance(kind, token)

    async def refresh_cash(self) -> None:
        """Make the CLOB look at the chain again: after funding or approving."""
        await self._refresh("COLLATERAL", None)

    async def refresh_shares(self, token: str, *, protocol: MarketProtocol) -> None:
        """Make the CLOB look at the chain again for one token: after minting or merging."""
        await self._refresh("CONDITIONAL" if protocol == "v1" else "CONDITIONAL-V2", token)

    async def _balance(self, asset: AssetType, token: str | None) -> StatedBalance:
        path = "/balance-allowance"
        query: Query = {"asset_type": asset, "token_id": token, "signature_type": self._kind}
        body = await self._requests.signed("GET", path, group="balance", query=query)
        return account_answers.balance(body, token or COLLATERAL, f"Polymarket GET {path}")

    async def _refresh(self, asset: AssetType, token: str | None) -> None:
        query: Query = {"asset_type": asset, "token_id": token, "signature_type": self._kind}
        path = "/balance-allowance/update"
        await self._requests.signed("GET", path, group="balance_update", query=query)

    # --- the dead man's switch -----------------------------------------------------------------

    async def heartbeat(self, heartbeat_id: str = "") -> str:
        """Send a heartbeat and return the id that the next one must carry; the first has none.

        Once begun, ten seconds without one cancel every order of the API key.  When the venue
        expects another id it says which, and that one is sent at once.
        """
        place = f"Polymarket POST {_BEAT_PATH}"
        reply = await self._beat(heartbeat_id)
        expected = account_answers.expected_beat(reply)
        if expected is not None and expected != heartbeat_id:
            reply = await self._beat(expected)
        self._requests.settle(reply, place, "heartbeat", write=False)
        return account_answers.beat(reply.body, place)

    async def _beat(self, heartbeat_id: str) -> Reply:
        # Not a write: a heartbeat that was heard twice, or not, changes nothing that a later one
        # does not settle.
        body = msgspec.json.encode({"heartbeat_id": heartbeat_id})
        return await self._requests.reply("POST", _BEAT_PATH, group="heartbeat", body=body)

    # --- rights and limits ---------------------------------------------------------------------

    async def closed_only(self) -> bool:
        """Return whether the account may only reduce positions."""
        path = "/auth/ban-status/closed-only"
        body = await self._requests.signed("GET", path, group="auth")
        return account_answers.closed_only(body, f"Polymarket GET {path}")

    async def adopt_tier(self) -> str:
        """Ask for the signer's rate tier, let the budget use it, and return its name.

        A tier that we do not know changes nothing.
        """
        path = "/v1/user/rate-limit-tier"
        body = await self._requests.signed("GET", path, group="account")
        name = account_answers.tier(body, f"Polymarket GET {path}")
        found = TIERS.get(name)
        if found is not None:
            self._requests.budget.restate(SIGNER_ORDERS, found.orders)
            self._requests.budget.restate(SIGNER_CANCELS, found.cancels)
        return name

    # --- rewards -------------------------------------------------------------------------------

    async def order_scoring(self, native: str) -> bool:
        """Return whether an order earns liquidity rewards now."""
        path = "/order-scoring"
        query: Query = {"order_id": native}
        body = await self._requests.signed("GET", path, group="account", query=query)
        return account_answers.scoring(body, f"Polymarket GET {path}")

    async def earnings(self, day: str) -> tuple[reward_answers.Earning, ...]:
        """Return the liquidity rewards of ``day`` (``2026-11-20``), market by market."""
        path = "/rewards/user"
        query: Query = {"date": day, "signature_type": self._kind}
        found: list[reward_answers.Earning] = []
        async for rows in pages(self._requests, path, group="account", query=query, signed=True):
            found += reward_answers.earnings(rows, f"Polymarket GET {path}")
        return tuple(found)

    # --- notices -------------------------------------------------------------------------------

    async def notifications(self) -> tuple[account_answers.Notification, ...]:
        """Return the account's notices."""
        path = "/notifications"
        query: Query = {"signature_type": self._kind}
        body = await self._requests.signed("GET", path, group="notifications", query=query)
        return account_answers.notifications(body, f"Polymarket GET {path}")

    async def drop_notifications(self, ids: Sequence[str]) -> None:
        """Mark notices as read."""
        if not ids or any("," in each for each in ids):
            raise RequestRefused("Polymarket: name the notices to drop, each by its own id")
        await self._requests.signed(
            "DELETE",
            "/notifications",
            group="notifications",
            query={"ids": ",".join(ids), "signature_type": self._kind},
            write=True,
        )


async def geoblock(site: Requests) -> account_answers.Geoblock:
    """Return whether this place may trade; ``site`` asks ``PolymarketHosts.site``, not the CLOB."""
    body = await site.public("GET", "/api/geoblock", group="site")
    return account_answers.geoblock(body, "Polymarket GET /api/geoblock")
