"""Faults in what a catalogue says of a market: tokens, fees, state, rules and groups."""

from __future__ import annotations

from typing import Final

from tests.mutants.fault import Fault

_LISTINGS: Final = ("venues/polymarket/test_listings.py",)
_CATALOGUE: Final = ("market/test_catalogue.py",)

FAULTS: Final = (
    # --- rows of Gamma, and what is kept of them -------------------------------------------------
    Fault(
        "a market of an unknown protocol version is taken for V1",
        "venues/polymarket/gamma/listings.py",
        'if row.version == "v1":',
        'if row.version != "v2":',
        _LISTINGS,
    ),
    Fault(
        "tokens that do not follow from the condition are believed",
        "venues/polymarket/gamma/listings.py",
        "if tokens != derive(row.condition_id, neg_risk=row.neg_risk):",
        "if False:",
        _LISTINGS,
    ),
    Fault(
        "Person B may be traded",
        "venues/polymarket/gamma/listings.py",
        " or _UNNAMED.fullmatch(title) is not None",
        "",
        _LISTINGS,
    ),
    Fault(
        "a placeholder passes every filter",
        "market/selection.py",
        "if listing.placeholder and not self.placeholders:",
        "if False:",
        ("market/test_selection.py",),
    ),
    Fault(
        "a group to which outcomes may be added is exhaustive",
        "venues/polymarket/gamma/listings.py",
        "        and not augmented\n",
        "",
        _LISTINGS,
    ),
    Fault(
        "a group with a market that could not be read is exhaustive",
        "venues/polymarket/gamma/listings.py",
        "        and not refused\n",
        "",
        _LISTINGS,
    ),
    Fault(
        "the flag `active` says that a market trades",
        "venues/polymarket/gamma/states.py",
        "if row.enable_order_book and row.accepting_orders and not row.archived:",
        "if row.active:",
        _LISTINGS,
    ),
    Fault(
        "a disputed outcome has paid",
        "venues/polymarket/gamma/states.py",
        "prices in _DECIDED and status not in _UNDECIDED and",
        "prices in _DECIDED and",
        _LISTINGS,
    ),
    Fault(
        "a market whose fees are not stated is free",
        "venues/polymarket/gamma/terms.py",
        'raise AnswerRefused("`feeSchedule` is missing although fees are enabled")',
        "return NoFees()",
        _LISTINGS,
    ),
    Fault(
        "a fee that is not stated is that of last winter",
        "venues/polymarket/gamma/terms.py",
        "if archive and row.fee_type in _LEGACY_TYPES:",
        "if row.fee_type in _LEGACY_TYPES:",
        _LISTINGS,
    ),
    Fault(
        "fees that makers pay as well are taken for takers' fees",
        "venues/polymarket/gamma/terms.py",
        "if not schedule.taker_only:",
        "if False:",
        _LISTINGS,
    ),
    Fault(
        "terms of another market are believed",
        "venues/polymarket/terms.py",
        "if read.c.lower() != condition.lower():",
        "if False:",
        ("venues/polymarket/test_answers.py", "venues/polymarket/test_rest.py"),
    ),
    Fault(
        "a stated protocol that contradicts the token ids is believed",
        "venues/polymarket/terms.py",
        'if stated == "v1" and kinds == {"v1"}:',
        'if stated == "v1":',
        ("venues/polymarket/test_answers.py", "venues/polymarket/test_rest.py"),
    ),
    Fault(
        "the hash of the rules ignores the source that decides",
        "model/listing.py",
        'f"{self.rules}\\n{self.resolution_source}"',
        'f"{self.rules}"',
        ("market/test_catalogue.py", "venues/polymarket/test_listings.py", "model"),
    ),
    Fault(
        "an older row replaces a newer one",
        "market/catalogue.py",
        "listing.updated_ns < known.updated_ns",
        "listing.updated_ns < 0",
        _CATALOGUE,
    ),
    Fault(
        "other tokens for a known market are believed",
        "market/catalogue.py",
        "if new.tokens != old.tokens:",
        "if False:",
        _CATALOGUE,
    ),
    Fault(
        "a stream's close is undone by a cached row",
        "market/catalogue.py",
        "if known.state in _OVER and state not in _OVER and closed_ns",
        "if False and closed_ns",
        _CATALOGUE,
    ),
    Fault(
        "Gamma's list whose cursor repeats counts as complete",
        "venues/polymarket/gamma/rest.py",
        "if cursor in seen:\n                raise",
        "if cursor in seen:\n                return\n                raise",
        ("venues/polymarket/test_gamma.py",),
    ),
)
