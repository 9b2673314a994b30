"""Faults and steps in people's words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from underround.local_venue.faults import Answer, AnyFault, Lose, Skew
from underround.local_venue.words import read_fault_words, read_step_words
from underround.model.errors import ConfigError


@pytest.mark.parametrize(
    "words, fault",
    [
        (["lose", "stream=kalshi.ws", "per_mille=50"], Lose(stream="kalshi.ws", per_mille=50)),
        (["lose stream=kalshi.ws  for_ms=5"], Lose(stream="kalshi.ws", for_ms=5)),
        (["skew", "ms=-5"], Skew(ms=-5)),
        (['{"fault":', '"skew", "ms": 7}'], Skew(ms=7)),
        (
            ["answer", "host=clob", "status=500", "processed=true", "path=/order"],
            Answer(host="clob", status=500, processed=True, path="/order"),
        ),
    ],
)
def test_a_fault_is_a_kind_and_its_keys(words: list[str], fault: AnyFault) -> None:
    assert read_fault_words(words) == fault


@pytest.mark.parametrize(
    "words, sentence",
    [
        ([], r"nothing is named: write e\.g\. lose stream=kalshi\.ws per_mille=50"),
        (["los"], r"fault: 'los' is unknown: use one of drop, freeze, delay, .*, closedonly"),
        (["lose"], "object missing required field stream: add it"),
        (["lose", "stream=x"], r"stream: 'x' is unknown: use one of polymarket\.market, .*"),
        (["lose", "stream=kalshi.ws", "permille=4"],
         r"permille: there is no such key: did you mean per_mille\?"),
        (["lose", "stream=kalshi.ws", "per_mille=4000"], "per_mille: expected .*: write a smaller"),
        (["drop", "stream=kalshi.ws", "count=0"], "count: expected int >= 1: write a larger one"),
        (["lose stream=kalshi.ws stream=x"], "stream is stated twice: write it once"),
        (["lose", "kalshi.ws"], r"'kalshi\.ws' is no KEY=VALUE: write e\.g\. lose stream=.*"),
        (["{"], "'{' is no JSON object .*: correct it"),
        (['{"fault": 3}'], "fault: expected str, got int: put it in quotes"),
    ],
)  # fmt: skip
def test_a_wrong_fault_is_one_sentence_with_place_and_remedy(
    words: list[str], sentence: str
) -> None:
    with pytest.raises(ConfigError, match=f"^{sentence}") as told:
        read_fault_words(words)
    assert "\n" not in str(told.value)
    assert "steps[0]" not in str(told.value)


@pytest.mark.parametrize(
    "words, step",
    [
        (
            ["resolve", "market=rain", "wins=YES"],
            {"do": "resolve", "market": "rain", "wins": "YES"},
        ),
        (
            ["rules", "market=rain", "text=Rain", "at", "noon", "counts."],
            {"do": "rules", "market": "rain", "text": "Rain at noon counts."},
        ),
        (["rules", "market=rain", "text=true"], {"do": "rules", "market": "rain", "text": "true"}),
        (
            ["order", "post_only=true", "price=0.5"],
            {"do": "order", "post_only": True, "price": "0.5"},
        ),
        (
            ['{"do": "fault", "set": {"fault": "stale"}}'],
            {"do": "fault", "set": {"fault": "stale"}},
        ),
        (["clear"], {"do": "clear"}),
    ],
)
def test_a_step_is_sent_as_it_is_meant_and_the_venue_judges_it(
    words: list[str], step: dict[str, Any]
) -> None:
    assert json.loads(read_step_words(words)) == step


def test_a_step_without_a_name_says_how_to_write_one() -> None:
    with pytest.raises(ConfigError, match=r"nothing is named: write e\.g\. resolve market=some-sl"):
        read_step_words([])
