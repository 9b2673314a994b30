"""Every strategy kind is configurable, bounded, and says when it loses money."""

from __future__ import annotations

from typing import Any, get_args, get_type_hints

import msgspec
import pytest

from tests.trading.world import Puppet, make_market
from underround.model.ids import StrategyId
from underround.strategies.base import REGISTRY, StrategyParams, strategy

KINDS = sorted(REGISTRY)


def test_the_shipped_kinds_are_registered() -> None:
    """The three strategies that ship are there by name."""
    assert {"dutch_book", "pair_accumulator", "spread_capture"} <= set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_it_says_when_it_loses_money(kind: str) -> None:
    """``loses_when`` is a sentence of its own, and the class says what it does."""
    cls = REGISTRY[kind]
    assert cls.kind == kind
    assert len(cls.loses_when.split()) >= 10
    assert cls.__doc__
    assert len({REGISTRY[other].loses_when for other in KINDS}) == len(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_every_parameter_is_bounded_and_has_a_unit(kind: str) -> None:
    """Integers carry bounds; money, prices and sizes their unit; times end in ``_ms``."""
    params = REGISTRY[kind].params_type
    assert issubclass(params, StrategyParams)
    for name, hint in get_type_hints(params, include_extras=True).items():
        if hint is bool:
            continue
        metas = [part for part in get_args(hint) if isinstance(part, msgspec.Meta)]
        assert metas, f"{kind}.{name} has no bounds"
        assert any(meta.ge is not None or meta.gt is not None for meta in metas), name
        units = [meta.extra for meta in metas if meta.extra]
        assert units or name.endswith("_ms") or any(meta.le is not None for meta in metas), name


@pytest.mark.parametrize("kind", KINDS)
def test_its_defaults_are_valid_and_frozen(kind: str) -> None:
    """The defaults pass their own bounds, unknown keys are errors, nothing can be assigned."""
    params_type = REGISTRY[kind].params_type
    defaults = params_type()
    again = msgspec.convert(msgspec.to_builtins(defaults), params_type)
    assert again == defaults
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        msgspec.convert({"min_proffit": 1}, params_type)
    with pytest.raises(AttributeError):
        setattr(defaults, params_type.__struct_fields__[0], 1)


@pytest.mark.parametrize("kind", KINDS)
def test_every_parameter_refuses_what_is_out_of_bounds(kind: str) -> None:
    """A negative number is refused by every numeric parameter."""
    params_type = REGISTRY[kind].params_type
    for name, value in msgspec.to_builtins(params_type()).items():
        if not isinstance(value, bool):
            with pytest.raises(msgspec.ValidationError):
                msgspec.convert({name: -1}, params_type)


@pytest.mark.parametrize("kind", KINDS)
def test_an_instance_without_markets_is_idle_and_says_why(kind: str) -> None:
    """It can be made for nothing, takes back the state it saved, and explains its idleness."""
    cls = REGISTRY[kind]
    made = cls(StrategyId("mine"), cls.params_type(), [], [])
    assert made.why_idle()
    state = made.save()
    made.restore(state)
    assert made.save() == state
    assert list(made.references()) == []


def test_a_kind_is_registered_once() -> None:
    """A second class under a known name is an error, not a replacement."""
    kind: Any = strategy("dutch_book")
    with pytest.raises(ValueError, match="registered twice"):
        kind(Puppet)
    assert Puppet not in REGISTRY.values()
    assert Puppet("s", [make_market()]).kind == "puppet"
