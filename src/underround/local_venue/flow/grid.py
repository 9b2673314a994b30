"""What a market's row says of its price grid: the book's own grid, whoever changed it."""

from __future__ import annotations

import msgspec

from underround.local_venue.world import World, WorldEvent
from underround.simulation.matching.terms import TicksMoved


def follow_ticks(world: World) -> None:
    """Let the rows of the catalogue follow the grids of the books from now on."""

    def heard(event: WorldEvent) -> None:
        if not isinstance(event, TicksMoved):
            return
        row = world.catalogue.markets.get(event.market)
        if row is not None:
            listed = row.listing.market
            moved = msgspec.structs.replace(listed, ticks=(*listed.ticks, event.new))
            world.change(event.market, event.at_ns, market=moved)

    world.bus.listen(heard)
