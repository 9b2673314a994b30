"""What a wallet paid for its shares of one outcome, and what it has realised."""

from __future__ import annotations

from underround.model.book import Side
from underround.model.units import Money, Nanos, Size


class Basis:
    """Average cost, without fees; sold shares leave at the average."""

    __slots__ = ("bought", "cost", "fees", "first_ns", "last_ns", "realized", "size", "spent")

    def __init__(self) -> None:
        """Nothing was bought yet."""
        self.size: Size = 0
        self.cost: Money = 0
        """Of what is left, without fees."""
        self.fees: Money = 0
        """Paid when entering, of what is left."""
        self.bought: Size = 0
        self.spent: Money = 0
        """For everything that was ever bought, without fees."""
        self.realized: Money = 0
        self.first_ns: Nanos = 0
        self.last_ns: Nanos = 0

    def copied(self) -> Basis:
        """Return a copy."""
        other = Basis()
        for name in Basis.__slots__:
            setattr(other, name, getattr(self, name))
        return other

    def change(self, side: Side, size: Size, cash: Money, fee: Money, at: Nanos) -> None:
        """Take a purchase or a sale of ``size`` for ``cash`` in."""
        self.first_ns = self.first_ns or at
        self.last_ns = at
        if side == "buy":
            self.size += size
            self.cost += cash
            self.fees += fee
            self.bought += size
            self.spent += cash
            return
        known = min(size, self.size)
        cost = self.cost * known // self.size if self.size else 0
        fees = self.fees * known // self.size if self.size else 0
        self.size -= known
        self.cost -= cost
        self.fees -= fees
        self.realized += cash - fee - cost - fees
