"""``underround markets``: what can be traded, as a table, and what the filter leaves out."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final, TypeVar

from rich.table import Table

from underround.app.clients import Clients
from underround.app.configuration import Config
from underround.app.markets.catalogues import Catalogues
from underround.app.markets.quotes import Quote, Quotes, quotes
from underround.app.markets.search import Seen, Wish, name_of, search
from underround.cli.endings import Interrupted, Stopper
from underround.cli.loop import run
from underround.cli.market_words import ended_in, fee_words, flags_of, listing_json
from underround.cli.screen import (
    Row,
    Screen,
    dollars,
    notices,
    output,
    plain,
    print_json,
    print_line,
    print_table,
)
from underround.model.errors import ConfigError, UnderroundError
from underround.model.ids import KALSHI, POLYMARKET, Venue
from underround.model.listing import Listing
from underround.model.units import Money, Nanos, Price, decimal_text, usd

T = TypeVar("T")
SHOWN: Final = 20
WATCHED: Final = 10
"""How many markets there are without ``--limit``."""
_COLUMNS: Final = (
    "name", "title", "bid>", "ask>", "liquidity>", "24 h volume>", "ends in>", "tick>",
    "taker fee>", "flags",
)  # fmt: skip
_UNITS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_LEAST_TITLE: Final = 24
_AGE: Final = (
    "bid and ask: the best of each book of YES, requested now (an answer can lag behind the "
    "stream); liquidity and volume as listed, minutes old; --watch is live"
)


# --- the command line's words ------------------------------------------------------------------


def seconds_of(text: str | None) -> int | None:
    """Return ``24h``, ``90m``, ``7d`` in seconds; raises ``ConfigError``."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,6})([smhdw])", text.strip().casefold(), re.ASCII)
    if match is None:
        raise ConfigError(f"--ends-within {text!r}: write a number and s, m, h, d or w, like 24h")
    return int(match[1]) * _UNITS[match[2]]


def dollars_of(option: str, text: str | None) -> Money | None:
    """Return an amount of dollars from 0 on; raises ``ConfigError`` naming the option."""
    if text is None:
        return None
    try:
        amount = usd(text)
    except ValueError as error:
        raise ConfigError(f"{option}: {error}") from None
    if amount < 0:
        raise ConfigError(f"{option} {text}: write 0 or more dollars")
    return amount


def venues_of(config: Config, only: str | None) -> tuple[Venue, ...]:
    """Return the venues to ask: the enabled ones, or the one that was named."""
    enabled = {POLYMARKET: config.venues.polymarket.enabled, KALSHI: config.venues.kalshi.enabled}
    if only is None:
        return tuple(venue for venue, on in enabled.items() if on)
    venue = Venue(only.casefold())
    if venue not in enabled:
        raise ConfigError(f"--venue {only!r}: known are {', '.join(enabled)}")
    if not enabled[venue]:
        raise ConfigError(f"--venue {venue}: set venues.{venue}.enabled to true first")
    return (venue,)


# --- the command -------------------------------------------------------------------------------


def markets_command(
    config: Config,
    wish: Wish,
    *,
    why: bool,
    as_json: bool,
    clock: Callable[[], Nanos] = time.time_ns,
) -> int:
    """Show what fits the wish and return the exit code: 1 when nothing does."""
    at = clock()

    async def work(told: Callable[[Venue], None]) -> tuple[Seen, Quotes]:
        async with Clients(config.venues) as clients:
            catalogues = Catalogues(clients, told)
            seen = await search(catalogues, config.discovery, wish, at)
            return seen, await quotes(catalogues, seen.listings)

    seen, quoted = until_stopped(work)
    say_failures(seen, quoted)
    if as_json:
        print_json(_json(seen, quoted, at))
    elif seen.listings:
        _show(seen, quoted, at, why=why)
    if why and not as_json:
        _show_left_out(seen)
    if seen.listings:
        return 0
    print_line(notices(), nothing(seen, wish, why=why))
    return 1


def until_stopped(work: Callable[[Callable[[Venue], None]], Coroutine[Any, Any, T]]) -> T:
    """Run ``work`` while showing how many answers came; a signal to stop cancels it.

    Raises ``Interrupted``, and whatever ``work`` raises.
    """
    answers: dict[Venue, int] = {}
    console = notices()

    async def main(show: Callable[[str], None]) -> T:
        task = asyncio.ensure_future(work(told))
        while not task.done():
            await asyncio.wait([task], timeout=0.1)
            show(", ".join(f"{venue} {count}" for venue, count in answers.items()))
            if stop():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                raise Interrupted(stop.signal)
        return await task

    def told(venue: Venue) -> None:
        answers[venue] = answers.get(venue, 0) + 1

    with Stopper(quiet=True) as stop:
        if not console.is_terminal:
            return run(main(lambda _text: None))
        with console.status("asking the venues") as status:
            return run(main(lambda text: status.update(plain(f"answers so far: {text or 0}"))))


def say_failures(seen: Seen, quoted: Quotes | None = None) -> None:
    """Say on stderr which venues could not be asked, and that others were."""
    console = notices()
    for venue, error in seen.failures.items():
        print_line(console, f"{venue} is left out: {error}", "yellow")
    for venue, error in (quoted.failures if quoted is not None else {}).items():
        print_line(console, f"{venue} gives no books now, so no prices: {error}", "yellow")


def nothing(seen: Seen, wish: Wish, *, why: bool = False) -> str:
    """Return one sentence about nothing being shown, with what to do."""
    about = f" {wish.query!r}" if wish.query else ""
    count = sum(left.count for left in seen.left_out.values())
    if count:
        told = "1 market matches" if count == 1 else f"{count:,} markets match"
        more = "--all drops the configured filter"
        more = more if why else f"--why says why, {more}"
        return f"{told}{about}, and the filter leaves out every one: {more}"
    if seen.near:
        return f"no market is called{about}: the nearest are {', '.join(seen.near)}"
    if wish.series:
        return f"no market of the series {wish.series!r} is listed now: look again later"
    if wish.query:
        return f"nothing matches{about}: use a slug, an id, a ticker, or fewer words"
    return "no market fits: ask for less with --min-liquidity or --ends-within, or use --all"


# --- showing -----------------------------------------------------------------------------------


def _show(seen: Seen, quoted: Quotes, now: Nanos, *, why: bool) -> None:
    console = output()
    rows = [_row(each, quoted.of.get(each.market.id), now) for each in seen.listings]
    _print_markets(console, rows)
    notes = notices()
    if seen.more:
        print_line(notes, f"{seen.more:,} more fit: --limit shows more")
    count = sum(left.count for left in seen.left_out.values())
    if count and not why:
        print_line(notes, f"the filter left out {count:,}: --why says why, --all shows them")
    refused = sum(seen.refused.values())
    if refused and not why:
        print_line(notes, f"{refused:,} rows could not be used: --why says why")
    print_line(notes, _AGE)


def _row(listing: Listing, quote: Quote | None, now: Nanos) -> Row:
    market = listing.market
    return (
        name_of(listing),
        market.title,
        _price(quote.bid if quote is not None else None),
        _price(quote.ask if quote is not None else None),
        _whole(listing.liquidity),
        _whole(listing.volume_24h),
        ended_in(listing, now),
        decimal_text(market.ticks[-1].finest),
        fee_words(market.fees),
        " ".join(flags_of(listing)),
    )


def _print_markets(console: Screen, rows: Sequence[Row]) -> None:
    """Print the table; a name that does not fit beside the rest stands below it in one piece."""
    if not console.is_terminal:
        print_table(console, _COLUMNS, rows)
        return
    fixed = sum(max(len(row[place]) for row in rows) + 3 for place in range(len(_COLUMNS)))
    titles = max(len(row[1]) for row in rows)
    fits = fixed - titles + min(titles, _LEAST_TITLE) <= console.width
    table = Table()
    for place, column in enumerate(_COLUMNS):
        name = "" if place == 0 and not fits else column.rstrip(">")
        table.add_column(
            name,
            justify="right" if column.endswith(">") else "left",
            no_wrap=place not in {1, len(_COLUMNS) - 1},
        )
    for number, row in enumerate(rows, 1):
        first = row[0] if fits else str(number)
        table.add_row(*map(plain, (first, *row[1:])))
    console.print(table)
    if not fits:
        for number, row in enumerate(rows, 1):
            console.print(plain(f"{number:>3}  {row[0]}"), soft_wrap=True)


def _show_left_out(seen: Seen) -> None:
    console = output()
    left = sorted(seen.left_out.items(), key=lambda each: -each[1].count)
    rows = [(f"{each.count:,}", reason, each.example) for reason, each in left]
    print_table(console, ("markets>", "the filter left out because", "for instance"), rows)
    refused = sorted(seen.refused.items(), key=lambda each: -each[1])
    print_table(
        console, ("rows>", "not usable because"), [(f"{count:,}", why) for why, count in refused]
    )
    if not rows and not refused:
        print_line(console, "the filter left nothing out")


def _price(price: Price | None) -> str:
    return "–" if price is None else decimal_text(price)


def _whole(money: Money | None) -> str:
    """Return whole dollars, cut: the venue's figure is indicative."""
    return "–" if money is None else dollars(money - money % 1_000_000).removesuffix(".00")


def _json(seen: Seen, quoted: Quotes, now: Nanos) -> dict[str, object]:
    failures: dict[Venue, UnderroundError] = {**quoted.failures, **seen.failures}
    return {
        "at_ns": now,
        "markets": [
            listing_json(each, quoted.of.get(each.market.id), now) for each in seen.listings
        ],
        "more": seen.more,
        "left_out": {reason: left.count for reason, left in seen.left_out.items()},
        "refused": seen.refused,
        "failures": {venue: str(error) for venue, error in failures.items()},
        "near": seen.near,
    }
