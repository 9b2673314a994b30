"""Strategies: one file each; the only thing a strategy author writes.

Importing the package registers those that ship with underround.
"""

from underround.strategies import dutch_book, pair_accumulator, spread_capture

__all__ = ["dutch_book", "pair_accumulator", "spread_capture"]
