"""API keys of the CLOB: made with the wallet's key (L1), used and withdrawn with their own (L2).

Keys belong to the signing wallet, never to a proxy, safe or deposit wallet.
"""

from __future__ import annotations

import msgspec

from underround.model.errors import (
    AccountError,
    AnswerRefused,
    NotThere,
    OutcomeUnknown,
    RequestRefused,
)
from underround.venues.polymarket import key_answers
from underround.venues.polymarket.key_answers import ApiCredentials
from underround.venues.polymarket.requests import Authorizer, Requests


class PolymarketKeys:
    """Makes, lists and withdraws keys."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    async def derive(self, wallet: Authorizer) -> ApiCredentials:
        """Return the key that exists for the wallet and nonce that ``wallet`` signs (L1).

        Raises ``NotThere`` or ``RequestRefused`` when there is none.
        """
        path = "/auth/derive-api-key"
        body = await self._requests.signed("GET", path, group="auth", by=wallet)
        return key_answers.credentials(body, f"Polymarket GET {path}")

    async def create(self, wallet: Authorizer) -> ApiCredentials:
        """Make a key for the wallet and nonce; refused when one exists for them.

        Raises ``OutcomeUnknown`` when it may have been made: ``derive`` returns it then.
        """
        path = "/auth/api-key"
        body = await self._requests.signed("POST", path, group="auth", write=True, by=wallet)
        try:
            return key_answers.credentials(body, f"Polymarket POST {path}")
        except AnswerRefused as error:
            raise _perhaps_made(error) from None

    async def derive_or_create(self, wallet: Authorizer) -> ApiCredentials:
        """Return the wallet's key, made first if there is none.

        After an ``OutcomeUnknown`` call it again: a key that was made is then derived.
        """
        try:
            return await self.derive(wallet)
        except (NotThere, RequestRefused):
            return await self.create(wallet)

    async def api_keys(self) -> tuple[str, ...]:
        """Return the ids of the account's keys: also the proof that ours works."""
        body = await self._requests.signed("GET", "/auth/api-keys", group="auth")
        return key_answers.api_keys(body, "Polymarket GET /auth/api-keys")

    async def delete(self) -> None:
        """Withdraw the key that signs this request."""
        await self._requests.signed("DELETE", "/auth/api-key", group="auth", write=True)

    async def readonly_keys(self) -> tuple[str, ...]:
        """Return the read-only keys; they are secret."""
        path = "/auth/readonly-api-keys"
        body = await self._requests.signed("GET", path, group="auth")
        return key_answers.readonly_keys(body, f"Polymarket GET {path}")

    async def create_readonly(self) -> str:
        """Make a read-only key; it is secret.

        Raises ``OutcomeUnknown`` when it may have been made: ``readonly_keys`` lists it then.
        """
        path = "/auth/readonly-api-key"
        body = await self._requests.signed("POST", path, group="auth", write=True)
        try:
            return key_answers.readonly_key(body, f"Polymarket POST {path}")
        except AnswerRefused as error:
            raise _perhaps_made(error) from None

    async def delete_readonly(self, key: str) -> None:
        """Withdraw a read-only key."""
        if not key:
            raise AccountError("Polymarket: name the read-only key to withdraw")
        body = msgspec.json.encode({"key": key})
        await self._requests.signed(
            "DELETE", "/auth/readonly-api-key", group="auth", body=body, write=True
        )


def _perhaps_made(error: AnswerRefused) -> OutcomeUnknown:
    """Return the error for a new key whose answer cannot be read."""
    return OutcomeUnknown(f"{error}, for one may have been made")
