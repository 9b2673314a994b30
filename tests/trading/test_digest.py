"""The decision digest covers exact values on the run's own clock, and nothing else."""

from __future__ import annotations

from typing import Any, get_args, get_origin, get_type_hints

import msgspec
import pytest

from tests.trading.world import World, make_market, only_order
from underround.model.ledger import Entry
from underround.model.orders import Approved, Fill, LegGroupIntent, Order, Refusal
from underround.model.units import shares
from underround.trading.digest import Digest

PLAIN = (int, str, bool, type(None))


def leaves(hint: Any, seen: frozenset[type] = frozenset()) -> set[Any]:
    """Return every plain type that a value of this type is made of."""
    if get_origin(hint) is not None:
        parts = get_args(hint)
        return {
            leaf
            for part in parts
            if part is not Ellipsis
            for leaf in leaves(type(part) if isinstance(part, str) else part, seen)
        }
    hint = getattr(hint, "__supertype__", hint)
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct) and hint not in seen:
        return {
            leaf for field in get_type_hints(hint).values() for leaf in leaves(field, seen | {hint})
        }
    if hasattr(hint, "__args__"):
        return {leaf for part in get_args(hint) for leaf in leaves(part, seen)}
    return {hint}


@pytest.mark.parametrize("kind", [Approved, LegGroupIntent, Refusal, Order, Fill, Entry])
def test_only_integers_texts_and_truths_are_covered(kind: type) -> None:
    """No float, no date, no mapping and no set reaches the digest."""
    assert leaves(kind) <= set(PLAIN)


@pytest.mark.parametrize("kind", [Approved, LegGroupIntent, Refusal, Order, Fill, Entry])
def test_no_covered_field_is_a_salt_a_signature_or_a_wall_clock(kind: type) -> None:
    """Field names that would differ between two runs of the same events do not appear."""
    names = set(kind.__struct_fields__)  # type: ignore[attr-defined]  # all are structs
    assert not names & {"salt", "signature", "nonce", "wall_ns", "sent_at", "run", "host", "pid"}
    times = {name for name in names if name.endswith("_ns")}
    assert times <= {
        "at_ns",
        "created_ns",
        "updated_ns",
        "expires_ns",
        "good_until_ns",
    }


def test_each_kind_of_decision_changes_the_digest() -> None:
    """Order, content and kind of what is decided all count; the empty digest is constant."""
    entry = Entry(1, 5, "fill", "f1", ())
    one, two, three = Digest(), Digest(), Digest()
    assert one.hexdigest() == Digest().hexdigest()
    one.entry(entry)
    two.entry(Entry(1, 6, "fill", "f1", ()))
    assert len({one.hexdigest(), two.hexdigest(), three.hexdigest()}) == 3
    three.entry(entry)
    assert one.hexdigest() == three.hexdigest()
    one.entry(entry)
    assert one.hexdigest() != three.hexdigest()


def test_the_same_values_as_another_kind_are_another_digest() -> None:
    """What a value means is covered, not only its bytes."""
    one, two = Digest(), Digest()
    one.finality("f1", "confirmed", 5)  # type: ignore[arg-type]  # a fill's id is a text
    two._add(b"G", ("f1", "confirmed", 5))
    assert one.hexdigest() != two.hexdigest()


def test_an_order_is_covered_as_it_was_when_told() -> None:
    """A later change of the same order object does not reach back."""
    world = World([market := make_market()])
    world.show(market, {"0.48": "100"}, {"0.52": "100"})
    order = only_order(world.say(world.buy(market.outcome(0), "0.50", "20", tif="GTC")))
    before = world.digest.hexdigest()
    order.filled = shares("1")
    assert world.digest.hexdigest() == before
    world.end(order, "cancelled")
    assert world.digest.hexdigest() != before
