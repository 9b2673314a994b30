"""Faults in the local catalogue and histories: what is listed, found, held and was paid."""

from __future__ import annotations

from typing import Final

from tests.mutants.fault import Fault

_GAMMA: Final = ("local_venue/polymarket/test_gamma_server.py",)
_DATA: Final = ("local_venue/polymarket/test_data_server.py",)

FAULTS: Final = (
    # --- Gamma ------------------------------------------------------------------------------------
    Fault(
        "a walk of a list repeats the row its cursor names",
        "local_venue/polymarket/gamma/pages.py",
        "(each[0] > key) == ascending and each[0] != key",
        "(each[0] >= key) == ascending",
        _GAMMA,
    ),
    Fault(
        "a walk of a list skips a row",
        "local_venue/polymarket/gamma/pages.py",
        "ascending, taken[-1][0])",
        "ascending, placed[limit][0])",
        _GAMMA,
    ),
    Fault(
        "a cursor is taken for another order",
        "local_venue/polymarket/gamma/pages.py",
        "if (cursor.order, cursor.ascending) != (order, ascending):",
        "if False:",
        _GAMMA,
    ),
    Fault(
        "a page may have a thousand rows",
        "local_venue/polymarket/gamma/pages.py",
        "MOST: Final = 100",
        "MOST: Final = 1_000",
        _GAMMA,
    ),
    Fault(
        "an unknown order is ignored",
        "local_venue/polymarket/gamma/pages.py",
        'raise QueryRefused("order fields are not valid")',
        "names = [name for name in names if name in self._fields]",
        _GAMMA,
    ),
    Fault(
        "a market that is proposed is told as closed",
        "local_venue/polymarket/gamma/state.py",
        'told: Row = {"active": True, "closed": resolved}',
        'told: Row = {"active": True, "closed": listing.state in {"closed", "resolved"}}',
        _GAMMA,
    ),
    Fault(
        "a market that waits takes orders",
        "local_venue/polymarket/gamma/state.py",
        'told["acceptingOrders"] = listing.state == "open"',
        'told["acceptingOrders"] = True',
        _GAMMA,
    ),
    Fault(
        "a dispute is not told",
        "local_venue/polymarket/gamma/state.py",
        'return "disputed" if row.disputed else "proposed"',
        'return "proposed"',
        _GAMMA,
    ),
    Fault(
        "a condition of Protocol V2 has 32 bytes",
        "local_venue/polymarket/gamma/state.py",
        'return native[:-2] if listing.protocol == "v2" else native',
        "return native",
        _GAMMA,
    ),
    Fault(
        "a market of Protocol V2 lists tokens it must not",
        "local_venue/polymarket/gamma/state.py",
        'return text.text_list(() if listing.protocol == "v2" else listing.market.tokens)',
        "return text.text_list(listing.market.tokens)",
        _GAMMA,
    ),
    Fault(
        "a trade of NO counts at the price of NO",
        "local_venue/polymarket/gamma/figures.py",
        "price = event.price if event.outcome == YES else ONE - event.price",
        "price = event.price",
        _GAMMA,
    ),
    Fault(
        "of an hour only the last trade counts",
        "local_venue/polymarket/gamma/figures.py",
        "self._hours[hour] = self._hours.get(hour, 0) + cash",
        "self._hours[hour] = cash",
        _GAMMA,
    ),
    Fault(
        "resolved markets are found among the open ones",
        "local_venue/polymarket/gamma/filters.py",
        'if (row.listing.state == "resolved") is shut and all',
        "if all",
        _GAMMA,
    ),
    Fault(
        "all tags asked for are any of them",
        "local_venue/polymarket/gamma/filters.py",
        "yield lambda row: wanted <= numbers(row)",
        "yield lambda row: bool(wanted & numbers(row))",
        _GAMMA,
    ),
    Fault(
        "markets of other venues are listed",
        "local_venue/polymarket/gamma/filters.py",
        "return row.listing.market.id.venue == POLYMARKET",
        "return True",
        _GAMMA,
    ),
    # --- the Data API -----------------------------------------------------------------------------
    Fault(
        "a match is history before it is mined",
        "local_venue/polymarket/data/ledger.py",
        '_MINED: Final = frozenset({"MINED", "CONFIRMED"})',
        '_MINED: Final = frozenset({"MATCHED", "MINED", "CONFIRMED"})',
        _DATA,
    ),
    Fault(
        "a ghost fill stays in the history",
        "local_venue/polymarket/data/ledger.py",
        'self._settle(entry, final=trade.status == "CONFIRMED")',
        "self._settle(entry, final=True)",
        _DATA,
    ),
    Fault(
        "a taker's row doubles the volume",
        "local_venue/polymarket/data/ledger.py",
        "entries.append(taker)",
        "entries += [taker, self._keep(msgspec.structs.replace(taker, number=0))]",
        _DATA,
    ),
    Fault(
        "a seller's fee is added to what it got",
        "local_venue/polymarket/data/ledger.py",
        'return self.cost - self.fee if self.side == "sell" else self.cost + self.fee',
        "return self.cost + self.fee",
        _DATA,
    ),
    Fault(
        "a converted NO takes its cost with it",
        "local_venue/polymarket/data/ledger.py",
        "share = max(cost, 0) // len(gained)",
        "share = 0",
        _DATA,
    ),
    Fault(
        "what a wallet does by itself leaves no cost",
        "local_venue/polymarket/data/ledger.py",
        "return ONE // 2",
        "return 0",
        _DATA,
    ),
    Fault(
        "NO is worth what YES is",
        "local_venue/polymarket/data/positions.py",
        "return yes if index == YES else ONE - yes",
        "return yes",
        _DATA,
    ),
    Fault(
        "a lost position can be redeemed",
        "local_venue/polymarket/data/positions.py",
        '"REDEEMABLE": held.resolved and held.price > 0',
        '"REDEEMABLE": held.resolved',
        _DATA,
    ),
    Fault(
        "the adapter's burnt shares have a holder",
        "local_venue/polymarket/data/positions.py",
        "if account != BURNT and (held",
        "if (held",
        _DATA,
    ),
    Fault(
        "the smallest holder comes first",
        "local_venue/polymarket/data/positions.py",
        "found.sort(key=lambda held: (-held.size, held.place))",
        "found.sort(key=lambda held: (held.size, held.place))",
        _DATA,
    ),
    Fault(
        "dust is listed unasked",
        "local_venue/polymarket/data/positions.py",
        "return held.size >= _DUST",
        "return True",
        _DATA,
    ),
    Fault(
        "a window of prices may have a month",
        "local_venue/polymarket/data/history.py",
        "_LONGEST_S: Final = 15 * _DAY_S",
        "_LONGEST_S: Final = 30 * _DAY_S",
        _DATA,
    ),
)
