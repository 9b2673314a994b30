"""The TOML file that explains somebody's columns, read strictly (see docs/data.md).

Every refusal names the line of the mapping, the key, and what to write there.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Final, Literal, get_args

import msgspec

from underround.model.errors import ImportRefused
from underround.model.frames import Clock
from underround.pipeline.importers.quantities import TimeUnit
from underround.pipeline.importers.source import Place

UNKNOWN: Final = "unknown"
"""What ``closes`` says when nobody knows it."""
Event = Literal["level", "change", "trade"]
KINDS: Final[tuple[Event, ...]] = ("level", "change", "trade")
Text = Annotated[str, msgspec.Meta(min_length=1)]


class Columns(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which column holds what."""

    time: Text
    token: Text
    price: Text
    size: Text
    event: Text | None = None
    """``None``: every row is of the kind in ``constants.event``."""
    side: Text | None = None
    """``None``: every row is on the side in ``constants.side``."""


class Constants(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is the same in every row."""

    event: Event | None = None
    side: Literal["buy", "sell"] | None = None


class Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the file spells kinds and sides; any other word is refused."""

    level: tuple[str, ...] = ()
    change: tuple[str, ...] = ()
    trade: tuple[str, ...] = ()
    buy: tuple[str, ...] = ()
    sell: tuple[str, ...] = ()


class MappedMarket(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A market of the file; tokens as the file writes them, YES first.  Nothing has a default."""

    id: Text
    title: str
    outcomes: tuple[str, str]
    tokens: tuple[Text, Text]
    tick: str
    min_size: str
    size_step: str
    fee_rate: str
    fee_exponent: int
    closes: str
    """ISO 8601 with a zone, or ``unknown``."""


class Mapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole mapping file."""

    name: Text
    source: str
    licence: str
    attribution: str
    clock: Clock
    time_unit: TimeUnit
    columns: Columns
    markets: tuple[MappedMarket, ...]
    constants: Constants = Constants()
    words: Words = Words()
    silence_ms: Annotated[int, msgspec.Meta(ge=1)] | None = None
    lost: tuple[str, ...] = ()


_KEYS: Final[dict[str, type[msgspec.Struct]]] = {
    "": Mapping,
    "columns": Columns,
    "constants": Constants,
    "words": Words,
    "markets": MappedMarket,
}
_FAULT: Final = re.compile(r"(?P<what>.*?)(?: - at `\$\.?(?P<path>[^`]*)`)?", re.DOTALL)
_AT_LINE: Final = re.compile(r"\(at line (\d+), column \d+\)")
_NAMED: Final = re.compile(r".*(unknown|required) field `([^`]+)`")
_NO_CHOICE: Final = "Invalid enum value"
_REMEDIES: Final = (
    (re.compile(r"Expected `str( \| null)?`, got `(int|float|bool)`"), "put it in quotes"),
    (re.compile(r"Expected `int( \| null)?`, got `str`"), "write it without quotes"),
    (re.compile(r"Expected `array`.*, got `object`"), "head it with [[markets]]"),
    (re.compile(r"Expected `array`.*, got `str`"), 'write a list, as in ["text"]'),
    (re.compile(r"Expected `array` of length 2.*"), "a market has two"),
    (re.compile(r"Expected `str`.* of length >= 1"), "it must not be empty"),
)


def read_mapping(path: Path) -> Mapping:
    """Return the mapping in the file ``path``; raises ``ImportRefused``."""
    place = Place(path, 0)
    mapping = _decoded(path, _text(place))
    for name in ("event", "side"):
        given = getattr(mapping.columns, name), getattr(mapping.constants, name)
        if (given[0] is None) == (given[1] is None):
            raise place.refused(
                f"says {name} twice or never", f"give columns.{name} or constants.{name}"
            )
    tokens = [token for market in mapping.markets for token in market.tokens]
    if len(set(tokens)) != len(tokens) or not tokens:
        raise place.refused("lists no market, or a token twice", "each token has one market")
    return mapping


def _text(place: Place) -> str:
    try:
        return place.path.read_bytes().decode()
    except OSError as error:
        raise place.refused(f"cannot be read ({error.strerror})", "name the mapping file") from None
    except UnicodeDecodeError:
        raise place.refused("is not UTF-8 text", "save it as UTF-8") from None


def _decoded(path: Path, text: str) -> Mapping:
    try:
        return msgspec.convert(msgspec.toml.decode(text), Mapping)
    except msgspec.ValidationError as error:
        raise _unfit(path, text, str(error)) from None
    except ValueError as error:
        found = _AT_LINE.search(str(error))
        reason = _AT_LINE.sub("", str(error)).strip()
        place = Place(path, int(found[1]) if found else 0)
        raise place.refused(f"is not TOML ({reason})", "correct it") from None


def _unfit(path: Path, text: str, fault: str) -> ImportRefused:
    """Return the refusal of what the schema does not allow, in terms of the file."""
    match = _FAULT.fullmatch(fault)
    assert match is not None  # the pattern takes any text
    what, where = match["what"], match["path"] or ""
    section, _, key = where.partition(".")
    name, _, number = section.partition("[")
    if name not in _KEYS:
        name, key = "", section
    index = int(number.partition("]")[0]) if name and number else 0
    named = _NAMED.fullmatch(what)
    if named is not None:
        key = named[2]
    place = Place(path, _line_of(text, name, index, key.partition("[")[0]))
    shown = _shown(name, index, key)
    if named is None:
        return place.refused(f"gives {shown} wrong ({what})", _remedy(what, name, key))
    if named[1] == "required":
        return place.refused(f"does not give {shown}", "add it, nothing has a default")
    known = [info.encode_name for info in msgspec.structs.fields(_KEYS[name])]
    return place.refused(f"has the unknown key {shown}", nearest(key, known))


def _remedy(what: str, section: str, key: str) -> str:
    """Return what to write instead of a value that is not what the schema expects."""
    if what.startswith(_NO_CHOICE):
        hints = {info.encode_name: info.type for info in msgspec.structs.fields(_KEYS[section])}
        return f"known are {', '.join(_choices(hints[key]))}"
    for pattern, remedy in _REMEDIES:
        if pattern.fullmatch(what):
            return remedy
    return "see docs/data.md"


def _choices(hint: object) -> list[str]:
    """Return the words a type admits, through any union."""
    if isinstance(hint, str):
        return [hint]
    return [word for part in get_args(hint) for word in _choices(part)]


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the remedy for a word that is none of ``known``: the nearest one, or all of them."""
    names = list(known)
    close = difflib.get_close_matches(word, names, n=1)
    return f"did you mean {close[0]}?" if close else f"known are {', '.join(names)}"


def _shown(section: str, index: int, key: str) -> str:
    if not section:
        return key
    label = f"[[markets]] number {index + 1}" if section == "markets" else f"[{section}]"
    return f"{key} of {label}" if key else label


def _line_of(text: str, section: str, index: int, key: str) -> int:
    """Return the line of a key, or where its section begins; 0 if neither is to be found."""
    heading = re.compile(r"\s*\[+\s*([^\]\s]+)\s*\]")
    entry = re.compile(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=") if key else None
    current, seen, begins = "", -1, 0
    for number, line in enumerate(text.splitlines(), start=1):
        if match := heading.match(line):
            current = match[1]
            if not section and current == key:
                return number
            seen += current == section
            if current == section and (section != "markets" or seen == index):
                begins = number
        elif (
            current == section
            and (section != "markets" or seen == index)
            and entry is not None
            and entry.match(line)
        ):
            return number
    return begins
