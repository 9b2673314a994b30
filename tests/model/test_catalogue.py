"""A catalogue is written and read whole, or refused by name."""

from __future__ import annotations

import json

import msgspec
import pytest

from tests.model.builders import event_group, market
from underround.model.fees import KalshiFees, polymarket_fees
from underround.model.ids import KALSHI, NO, YES
from underround.model.market import (
    Catalogue,
    Resolution,
    TickBand,
    TickEpoch,
    decode_catalogue,
    encode_catalogue,
)
from underround.model.units import ONE

TAPERED = TickEpoch(0, (TickBand(0, 100_000, 1_000), TickBand(100_000, ONE, 10_000)))


def whole_catalogue() -> Catalogue:
    """Return a catalogue with one of everything."""
    one = market("one", fees=polymarket_fees("0.05"), ticks=TAPERED, closes_ns=5)
    two = market("two", fees=KalshiFees(), venue=KALSHI)
    group = event_group(one, two, because="the rules name every candidate")
    ended = Resolution(one.id, 9, (300_000, 700_000), "void: the venue said so")
    return Catalogue((one, two), (group,), (ended,))


def test_a_catalogue_survives_being_written_and_read() -> None:
    """Writing and reading gives an equal catalogue, and the same bytes again."""
    catalogue = whole_catalogue()
    data = encode_catalogue(catalogue)
    assert decode_catalogue(data) == catalogue
    assert encode_catalogue(decode_catalogue(data)) == data
    assert data.endswith(b"}\n")


def test_tokens_lead_to_their_market_and_outcome() -> None:
    """Each of the four tokens names one outcome."""
    tokens = whole_catalogue().by_token()
    found = {token: (each.id.native, index) for token, (each, index) in tokens.items()}
    assert found == {
        "one-yes": ("one", YES),
        "one-no": ("one", NO),
        "two-yes": ("two", YES),
        "two-no": ("two", NO),
    }


def test_a_catalogue_refuses_what_does_not_belong_together() -> None:
    """A market twice, a group or a resolution of an unknown market raise ``ValueError``."""
    one, two = market("one"), market("two")
    with pytest.raises(ValueError, match="lists a market twice"):
        Catalogue((one, one))
    with pytest.raises(ValueError, match="unknown market polymarket:two"):
        Catalogue((one,), (event_group(one, two),))
    with pytest.raises(ValueError, match="unknown market polymarket:two"):
        Catalogue((one,), (), (Resolution(two.id, 1, (ONE, 0), "test"),))


@pytest.mark.parametrize(
    "field", ["currency", "ticks", "min_size", "size_step", "fees", "closes_ns", "neg_risk"]
)
def test_a_missing_field_of_a_market_is_refused_by_name(field: str) -> None:
    """No money, size or time field of a market has a default."""
    document = json.loads(encode_catalogue(whole_catalogue()))
    del document["markets"][1][field]
    with pytest.raises(msgspec.ValidationError, match=rf"{field}.*\$\.markets\[1\]"):
        decode_catalogue(json.dumps(document).encode())


def test_an_unknown_field_or_a_float_is_refused() -> None:
    """A catalogue of another version, or one with inexact numbers, is not read."""
    document = json.loads(encode_catalogue(whole_catalogue()))
    document["markets"][0]["tick"] = 1
    with pytest.raises(msgspec.ValidationError, match="tick"):
        decode_catalogue(json.dumps(document).encode())
    document = json.loads(encode_catalogue(whole_catalogue()))
    document["markets"][0]["min_size"] = 5.5
    with pytest.raises(msgspec.ValidationError, match="min_size"):
        decode_catalogue(json.dumps(document).encode())
