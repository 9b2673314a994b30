"""What looks at catalogues have in common: nothing found, and several parts as one."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from underround.model.listing import Found

NOTHING: Final = Found((), (), (), {})


def joined(parts: Collection[Found]) -> Found:
    """Return several looks as one; of a market that was seen twice the later row counts."""
    listings = {each.market.id: each for part in parts for each in part.listings}
    groups = {each.id: each for part in parts for each in part.groups}
    resolutions = {each.market: each for part in parts for each in part.resolutions}
    refused: dict[str, int] = {}
    for part in parts:
        for reason, count in part.refused.items():
            refused[reason] = refused.get(reason, 0) + count
    return Found(
        tuple(listings.values()), tuple(groups.values()), tuple(resolutions.values()), refused
    )
