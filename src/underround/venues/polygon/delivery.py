"""What providers say about an address and to a signed transaction.  Values."""

from __future__ import annotations

import msgspec

from underround.model.errors import UnderroundError, Unreachable
from underround.venues.polygon.refusals import Fault, refusal


class NonceReading(msgspec.Struct, frozen=True):
    """Transaction counts of an address; one provider said both in one answer."""

    provider: str
    mined: int
    pending: int
    """The next nonce after those that wait in that provider's pool without a gap."""


class Delivery(msgspec.Struct, frozen=True):
    """What the providers said to a signed transaction."""

    taken: tuple[str, ...] = ()
    """Who took it or had it already."""
    refused: tuple[tuple[str, Fault], ...] = ()
    unsure: tuple[str, ...] = ()
    """Who may have taken it: the connection broke."""
    unreached: tuple[str, ...] = ()

    @property
    def nonce_used(self) -> bool:
        """Whether a provider says that the chain is past this nonce."""
        return any(fault.kind == "nonce_used" for _, fault in self.refused)

    def refusal(self) -> UnderroundError | None:
        """Return the error if it is certain that no provider took it: definite, nothing was done.

        ``None`` when one took it or may have.
        """
        if self.taken or self.unsure:
            return None
        if self.refused:
            provider, fault = self.refused[0]
            return refusal(fault, f"{provider}, eth_sendRawTransaction")
        return Unreachable(f"the transaction was not sent: {self.sentence}: check the providers")

    @property
    def sentence(self) -> str:
        """Who did not take it, and why."""
        parts = [f"{provider}: {fault.message[:120]}" for provider, fault in self.refused]
        parts += [f"{provider}: no answer" for provider in self.unsure]
        parts += [f"{provider}: not reached" for provider in self.unreached]
        return "; ".join(parts)
