"""What the venues were seen to send is what we read: a change of theirs is noticed here."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, Final, TypeAlias

import msgspec
import pytest

from tests.venues.conformance import inside, spoiled
from tests.venues.drift import SEEN, document, names_of, structs
from tests.venues.drift_reasons import MAY_BE_ABSENT, UNSEEN
from underround.model.errors import AnswerRefused, FrameRefused
from underround.venues.kalshi.fixed_point import answer_decoder
from underround.venues.polygon import quantities
from underround.venues.polygon.fees import decode_gas_station
from underround.venues.polymarket import data_answers
from underround.venues.polymarket.rtds import RtdsDecoder
from underround.venues.polymarket.terms import market_terms

Read: TypeAlias = Callable[[Any], Any]
STRUCTS: Final = structs()
CRITICAL: Final = re.compile(
    r"price|size|side|time|(^|_)ts(_|$)|_at$|(^|_)id$|Id$|amount|count|fee|cost|value|balance|dollars"
    r"|_fp$|asset|token|market|ticker|hash|number|seq$|^sid$|result|status|payout|bid|ask|level"
    r"|filled|matched|reduced|owner|^[abcehlmnopqstuvxEUT]$|^m[ot]s$|[Aa]mount|Price|[Tt]ick|Qty"
)
"""Names of fields that say money, price, size, side, time or whose."""


def decode(struct: type[msgspec.Struct], value: Any) -> msgspec.Struct:
    """Read one value as the struct's own decoder would; raises ``AnswerRefused``."""
    body = json.dumps(value).encode()
    if ".polygon." in struct.__module__:
        return quantities.decode(body, struct, "a sample")
    return answer_decoder(struct)(body, "a sample")


def value_of(shared: Path, name: str) -> Any:
    whole, path = document(shared / "venues" / "samples", SEEN[name])
    return inside(whole, path)


def critical(name: str) -> list[tuple[str | int, Any]]:
    return [
        (key, field)
        for key, field in names_of(STRUCTS[name])
        if isinstance(key, int) or CRITICAL.search(key)
    ]


def test_every_struct_has_a_sample_or_a_reason() -> None:
    """A new struct needs a row in ``drift.SEEN``, or a reason why there is no capture."""
    assert set(STRUCTS) == set(SEEN) | set(UNSEEN)
    assert not set(SEEN) & set(UNSEEN)
    assert all(len(reason) > 10 for reason in UNSEEN.values())


def test_a_field_that_may_be_absent_has_a_reason() -> None:
    """No field about money, price, size, side, time or whose has a default by accident."""
    defaults = {
        f"{name}.{key}" for name in STRUCTS for key, field in critical(name) if not field.required
    }
    explained = {f"{name}.{key}" for name, rows in MAY_BE_ABSENT.items() for key in rows}
    assert defaults == explained
    for name, rows in MAY_BE_ABSENT.items():
        assert all(len(reason) > 5 for reason in rows.values()), name


@pytest.mark.shared
@pytest.mark.parametrize("name", sorted(SEEN))
def test_the_sample_is_read(shared: Path, name: str) -> None:
    """Every required field stands there, in its JSON type."""
    value = value_of(shared, name)
    decode(STRUCTS[name], value)
    for key, field in names_of(STRUCTS[name]):
        if field.required:
            assert isinstance(key, int) or key in value, key


@pytest.mark.shared
@pytest.mark.parametrize("name", sorted(SEEN))
def test_a_required_field_never_gets_a_default(shared: Path, name: str) -> None:
    """Renamed or left out, the message is refused."""
    value = value_of(shared, name)
    for key, field in names_of(STRUCTS[name]):
        if not field.required:
            continue
        if isinstance(key, int):
            gone = value[:key]
            with pytest.raises(AnswerRefused):
                decode(STRUCTS[name], gone)
            continue
        gone = {each: inner for each, inner in value.items() if each != key}
        for broken in (gone, {**gone, f"{key}_renamed": value[key]}):
            with pytest.raises(AnswerRefused, match=re.escape(str(key))):
                decode(STRUCTS[name], broken)


@pytest.mark.shared
@pytest.mark.parametrize("name", sorted(SEEN))
def test_another_type_of_a_critical_field_is_refused(shared: Path, name: str) -> None:
    """A number for a text, a text for a number, a list, an object; ``Raw`` is read later."""
    value = value_of(shared, name)
    for key, field in critical(name):
        if "Raw" in str(field.type) or field.type is object:
            continue
        there = value[key] if isinstance(key, int) else value.get(key)
        odd: list[Any] = [[["form"]] if isinstance(there, dict) else {"another": [["form"]]}]
        if there is not None:
            odd.append(7 if isinstance(there, bool) else True)
        if isinstance(there, str):
            odd.append(7.5)
        if type(there) is int and "str" not in str(field.type):
            odd.append("seven")
        for instead in odd:
            broken = deepcopy(value)
            broken[key] = instead
            with pytest.raises(AnswerRefused):
                decode(STRUCTS[name], broken)


# --- numbers that are read from their own text --------------------------------------------------


def _rows(read: Callable[[bytes, str], Any]) -> Read:
    return lambda whole: read(json.dumps(whole).encode(), "a sample")


def _terms(whole: Any) -> Any:
    return market_terms(json.dumps(whole).encode(), whole["c"], "a sample")


def _resolutions(whole: Any) -> Any:
    return data_answers.resolutions(json.dumps(whole["data"]).encode(), "a sample")


def _relayed(whole: Any) -> Any:
    return RtdsDecoder({}).decode(json.dumps(whole).encode())


READERS: Final[Mapping[str, Read]] = {
    "polymarket.data_answers._TradeRow": _rows(data_answers.trades),
    "polymarket.data_answers._ActivityRow": _rows(data_answers.activity),
    "polymarket.data_answers._ResolutionRow": _resolutions,
    "polymarket.terms._Terms": _terms,
    "polymarket.terms._Fees": _terms,
    "polymarket.terms._Rewards": _terms,
    "polymarket.reference.Point": _relayed,
    "polygon.fees._Station": lambda whole: decode_gas_station(json.dumps(whole).encode()),
    "polygon.fees._GasStation": lambda whole: decode_gas_station(json.dumps(whole).encode()),
}
"""What reads the numbers that a struct leaves as ``Raw``, given the whole message."""
READ_ELSEWHERE: Final[Mapping[str, str]] = {
    "allora.codec._Data": "the value is another struct of this table",
    "allora.codec._Message": "an error in the venue's words",
    "binance.stream._Word": "tells only what a message is",
    "binance.wire.Head": "tells only what a message is",
    "kalshi.catalogue_answers._Markets": "rows, read one by one as MarketAnswer",
    "kalshi.order_answers._Batch": "rows, read one by one as _Create",
    "kalshi.wire.FeeUpdate": "test_kalshi_lifecycle.py: an odd multiplier is refused",
    "kalshi.wire.RequestBody": "an error in the venue's words",
    "polymarket.data_answers._Page": "rows, read one by one",
    "polymarket.data_answers.DataPage": "rows, read one by one",
    "polymarket.gamma.wire.EventRow": "rows, read one by one as MarketRow",
    "polymarket.gamma.wire.FeeSchedule": "test_gamma_drift.py",
    "polymarket.gamma.wire.MarketRow": "test_gamma_drift.py",
    "polymarket.gamma.wire.Reward": "test_gamma_drift.py",
    "polymarket.gamma.wire.SearchPage": "rows, read one by one",
    "polymarket.polybolt.Head": "the payload is another struct of this table",
    "polymarket.refusals._Body": "words only",
    "polymarket.rtds._Message": "the payload is another struct of this table",
    "polymarket.wire.Head": "tells only what a message is",
}


def raw_fields(name: str) -> list[tuple[str | int, bool]]:
    """Return the keys that a struct leaves unread, and whether each must be there."""
    found = names_of(STRUCTS[name])
    return [(key, field.required) for key, field in found if "Raw" in str(field.type)]


def test_every_unread_number_is_read_by_something_known() -> None:
    unread = {name for name in SEEN if raw_fields(name)}
    assert unread == set(READERS) | (set(READ_ELSEWHERE) & set(SEEN))


@pytest.mark.shared
@pytest.mark.parametrize("name", sorted(READERS))
def test_an_unread_number_is_refused_in_any_other_form(shared: Path, name: str) -> None:
    """Renamed, left out, or of another type: no reading gives a value for it."""
    whole, path = document(shared / "venues" / "samples", SEEN[name])
    READERS[name](whole)
    for key, required in raw_fields(name):
        if key not in inside(whole, path):
            continue
        for instead in ({"another": ["form"]}, [["form"]], True, "", "seven", "0x7", -1.5e-9):
            broken = spoiled(whole, (*path, key), instead)
            with pytest.raises((AnswerRefused, FrameRefused)):
                READERS[name](broken)
        if required:
            for instead in ({}, {f"{key}_renamed": inside(whole, (*path, key))}):
                broken = deepcopy(whole)
                holder = inside(broken, path)
                del holder[key]
                holder.update(instead)
                with pytest.raises((AnswerRefused, FrameRefused)):
                    READERS[name](broken)
