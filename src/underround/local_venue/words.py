"""Faults and steps as people write them: ``lose stream=kalshi.ws per_mille=50``, or as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from underround.local_venue.faults import AnyFault
from underround.local_venue.flow.scene_words import sentence
from underround.model.errors import ConfigError

_PLACE: Final = "steps[0].set"
"""Where a fault stands in a scene: mistakes in it have the same words here."""
_EXAMPLES: Final = {
    "fault": "lose stream=kalshi.ws per_mille=50",
    "do": "resolve market=some-slug wins=YES",
}


def read_words(words: Sequence[str], tag: str) -> Mapping[str, object]:
    """Return the keys and values that ``words`` state; the first word is the value of ``tag``.

    One word that begins with ``{`` is JSON.  Numbers and true/false become what they look like
    later, where the type is known.  Raises ``ConfigError`` naming the word.
    """
    text = " ".join(words).strip()
    if text.startswith("{"):
        try:
            found = msgspec.json.decode(text, type=dict[str, object])
        except (msgspec.DecodeError, RecursionError) as error:
            raise ConfigError(f"{text[:60]!r} is no JSON object ({error}): correct it") from None
        return found
    parts = text.split()
    if not parts:
        raise ConfigError(f"nothing is named: write e.g. {_EXAMPLES[tag]}")
    # Values may hold spaces: a word without "=" belongs to the value before it.
    pairs: dict[str, object] = {tag: parts[0]}
    last = ""
    for part in parts[1:]:
        key, mark, value = part.partition("=")
        if mark and key.isidentifier():
            if key in pairs:
                raise ConfigError(f"{key} is stated twice: write it once")
            pairs[key], last = value, key
        elif last:
            pairs[last] = f"{pairs[last]} {part}"
        else:
            raise ConfigError(f"{part!r} is no KEY=VALUE: write e.g. {_EXAMPLES[tag]}")
    return pairs


def read_fault_words(words: Sequence[str]) -> AnyFault:
    """Return the fault that ``words`` state; raises ``ConfigError`` naming what is wrong."""
    found = read_words(words, "fault")
    try:
        # Not strict: words are text, and a number in them is meant as one.
        fault: AnyFault = msgspec.convert(found, AnyFault, strict=False)
    except msgspec.ValidationError as error:
        wrong = sentence(None, "", {"steps": [{"do": "fault", "set": found}]}, str(error), _PLACE)
        raise ConfigError(wrong.removeprefix(_PLACE).lstrip(".: ")) from None
    return fault


def read_step_words(words: Sequence[str]) -> bytes:
    """Return the step that ``words`` state as JSON; the venue checks it."""
    found = dict(read_words(words, "do"))
    if found.get("post_only") in ("true", "false"):  # the only key of a step that is no text
        found["post_only"] = found["post_only"] == "true"
    return msgspec.json.encode(found)
