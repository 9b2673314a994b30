"""Only risk makes an ``Approved``, only the executor an ``Order``: read off our own sources."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import underround

SOURCES = Path(underround.__file__).parent
ALLOWED = {
    ("Approved", "trading/risk.py"),
    ("Order", "trading/executor.py"),
    # What was journalled, read back for the report: nothing takes it as an order to send.
    ("Order", "storage/rows.py"),
    # The simulated venue's own copy of an order that the executor made and sent it.
    ("Order", "simulation/fills.py"),
    ("SubmitOrder", "trading/executor.py"),
}
GUARDED = frozenset(name for name, _ in ALLOWED)
CONVERSIONS = frozenset(("convert", "decode", "Decoder", "from_builtins"))
COPIES = frozenset(("replace", "copy", "deepcopy", "__new__"))


def _last(node: ast.AST) -> str:
    """Return the last part of a dotted name; empty for anything else."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _aliases(tree: ast.AST) -> dict[str, str]:
    """Return every name under which a guarded type can be called in this module."""
    names = {name: name for name in GUARDED}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            names |= {
                item.asname: item.name
                for item in node.names
                if item.asname is not None and item.name in GUARDED
            }
        elif isinstance(node, ast.Assign) and _last(node.value) in names:
            names |= {
                target.id: names[_last(node.value)]
                for target in node.targets
                if isinstance(target, ast.Name)
            }
    return names


def _annotated(tree: ast.AST, names: dict[str, str]) -> dict[str, str]:
    """Return the variables whose annotation is a guarded type."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.arg) and node.annotation is not None:
            kind = names.get(_last(node.annotation))
            if kind is not None:
                found[node.arg] = kind
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            kind = names.get(_last(node.annotation))
            if kind is not None:
                found[node.target.id] = kind
    return found


def _called(
    node: ast.Call, names: dict[str, str], variables: dict[str, str]
) -> Iterator[tuple[str, int]]:
    callee = _last(node.func)
    if callee in names:
        yield names[callee], node.lineno
    known = names | variables if callee in COPIES else names
    if callee in COPIES or callee in CONVERSIONS:
        for value in [*node.args, *(word.value for word in node.keywords)]:
            if _last(value) in known:
                yield known[_last(value)], node.lineno


def made_in(source: str) -> Iterator[tuple[str, int]]:
    """Yield type and line of each place that makes, converts to, copies or extends one."""
    tree = ast.parse(source)
    names = _aliases(tree)
    variables = _annotated(tree, names)
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            for base in node.bases:
                if _last(base) in names:
                    yield names[_last(base)], node.lineno
        elif isinstance(node, ast.Call):
            yield from _called(node, names, variables)


def test_only_the_named_modules_make_approvals_and_orders() -> None:
    """Every place in our sources that makes a guarded value is one of the few allowed."""
    found = {
        (kind, path.relative_to(SOURCES).as_posix())
        for path in sorted(SOURCES.rglob("*.py"))
        for kind, _ in made_in(path.read_text(encoding="utf-8"))
    }
    assert found == ALLOWED


@pytest.mark.parametrize(
    "source",
    [
        "from underround.model.orders import Approved\nApproved(1, i, None, (), 0)",
        "from underround.model.orders import Approved as Fine\nFine(1, i, None, (), 0)",
        "from underround.model import orders\norders.Order(id=1)",
        "import underround.model.orders\nunderround.model.orders.SubmitOrder(order)",
        "from underround.model.orders import Order\nMake = Order\nMake(id=1)",
        "import msgspec\nmsgspec.convert(data, Approved)",
        "import msgspec\nmsgspec.json.decode(data, type=Approved)",
        "import msgspec\nmsgspec.json.Decoder(Order)",
        "import msgspec\ndef f(one: Approved):\n    return msgspec.structs.replace(one, id=2)",
        "import copy\ndef f(one: Order):\n    return copy.copy(one)",
        "object.__new__(Approved)",
        "class Mine(Order):\n    pass",
    ],
)
def test_the_guard_sees_a_new_call_site(source: str) -> None:
    """A way to make a guarded value, added anywhere else, is seen."""
    assert list(made_in(source))


@pytest.mark.parametrize(
    "source",
    [
        "def f(order: Order) -> Approved:\n    return isinstance(order, Order)",
        "from underround.model.orders import OrderIntent\nOrderIntent(strategy=1)",
        "def f(intent: OrderIntent):\n    return msgspec.structs.replace(intent, plan=1)",
    ],
)
def test_the_guard_lets_reading_through(source: str) -> None:
    """Naming the types, asking for them and copying intents is no making."""
    assert not list(made_in(source))
