"""The page of capabilities (``docs/venues/capabilities.md``), made from the tables.

``python -m underround.venues.capability_page docs/venues/capabilities.md`` writes it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from underround.venues.allora.capabilities import CAPABILITIES as ALLORA
from underround.venues.binance.capabilities import CAPABILITIES as BINANCE
from underround.venues.capabilities import Capabilities, Channel, Fact
from underround.venues.coinbase.capabilities import CAPABILITIES as COINBASE
from underround.venues.goldsky.capabilities import CAPABILITIES as GOLDSKY
from underround.venues.kalshi.capabilities import CAPABILITIES as KALSHI
from underround.venues.polygon.capabilities import CAPABILITIES as POLYGON
from underround.venues.polymarket.capabilities import CAPABILITIES as POLYMARKET

TABLES: Final[tuple[Capabilities, ...]] = (
    POLYMARKET, KALSHI, POLYGON, BINANCE, COINBASE, ALLORA, GOLDSKY,
)  # fmt: skip
_NONE: Final = "–"
_HEAD: Final = """# What the venues can do

Made from `capabilities.py` of each venue folder by
`python -m underround.venues.capability_page docs/venues/capabilities.md`; do not edit it here.
A dash means that the question does not arise, or that there is nothing.
"""


def page(tables: Sequence[Capabilities] = TABLES) -> str:
    """Return the whole page: one table of all venues, then each with its sources."""
    names = [name for name in Capabilities.__struct_fields__ if name not in {"venue", "channels"}]
    lines = [_HEAD, _row(["", *(each.venue for each in tables)]), _row(["---"] * (len(tables) + 1))]
    for name in names:
        facts: list[Fact[Any]] = [getattr(each, name) for each in tables]
        if any(not isinstance(fact.value, tuple) for fact in facts):
            lines.append(_row([_words(name), *(_shown(fact) for fact in facts)]))
    for table in tables:
        lines += ["", f"## {table.venue.capitalize()}", ""]
        lines += _channels(table.channels.value)
        lines += [_row(["fact", "value", "known from"]), _row(["---"] * 3)]
        for name in (*names, "channels"):
            fact: Fact[Any] = getattr(table, name)
            shown = f"{len(fact.value)}" if name == "channels" else _shown(fact)
            lines.append(_row([_words(name), shown, fact.source]))
    return "\n".join(lines) + "\n"


def _channels(channels: Sequence[Channel]) -> list[str]:
    if not channels:
        return []
    head = ["stream", "topic", "topics per socket", "needs a key", "restates on request"]
    rows = [
        _row([f"`{each.stream}`", each.topic, f"{each.topics_per_socket:,}", _yes(each.private),
              _yes(each.restates)])
        for each in channels
    ]  # fmt: skip
    return [_row(head), _row(["---"] * len(head)), *rows, ""]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _words(name: str) -> str:
    return name.replace("_", " ")


def _yes(value: object) -> str:
    return "yes" if value else "no"


def _shown(fact: Fact[Any]) -> str:
    if fact.value is None or fact.value == ():
        return _NONE
    if isinstance(fact.value, bool):
        return _yes(fact.value)
    if isinstance(fact.value, tuple):
        return ", ".join(f"`{each}`" for each in fact.value)
    return f"{fact.value:,}" if isinstance(fact.value, int) else _words(fact.value)


def as_json(tables: Sequence[Capabilities] = TABLES) -> bytes:
    """Return the tables as JSON, for other programs."""
    return msgspec.json.format(msgspec.json.encode(tables))


def main(arguments: Sequence[str]) -> None:
    """Write the page to the file that is named."""
    (target,) = arguments
    Path(target).write_text(page(), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
