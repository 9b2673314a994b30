"""One asset of one account."""

from __future__ import annotations


class Holding:
    """How much of one asset an account has, and what of it is spoken for."""

    __slots__ = ("balance", "in_flight", "reserved")

    def __init__(self) -> None:
        """Begin with nothing."""
        self.balance = 0
        self.reserved = 0
        self.in_flight = 0

    @property
    def available(self) -> int:
        """What a new order may count on."""
        return self.balance - self.reserved - self.in_flight

    @property
    def free(self) -> int:
        """What the wallet itself can still move: an open order ties nothing down on the chain."""
        return self.balance - self.in_flight
