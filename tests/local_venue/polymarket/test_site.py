"""The site: it tells a visitor where it believes it to be."""

from __future__ import annotations

from tests.aio import run
from tests.local_venue.polymarket.catalogue_desk import CatalogueDesk, serving


def test_the_place_of_a_visitor_is_what_was_configured() -> None:
    async def main() -> None:
        async with serving(CatalogueDesk()) as desk:
            told = await desk.get("site", "/api/geoblock")
            assert told == {"blocked": True, "ip": "127.0.0.1", "country": "DE", "region": "ZH"}

    run(main())
