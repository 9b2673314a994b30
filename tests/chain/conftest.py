"""A real EVM node for the tests of the chain: one per session, taken back after each test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chain.node import Anvil, anvil_binary, furnish, running


@pytest.hookimpl(tryfirst=True)  # before marks are selected
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.chain)


@pytest.fixture(scope="session")
def furnished() -> Iterator[Anvil]:
    """Run a node with the real Conditional Tokens and a pUSD at their addresses."""
    if anvil_binary() is None:
        sentence = "there is no anvil: .ci/need-anvil fetches it"
        if os.environ.get("CI") == "true":
            pytest.fail(sentence)
        pytest.skip(sentence)
    with running() as node:
        furnish(node)
        yield node


@pytest.fixture
def anvil(furnished: Anvil) -> Iterator[Anvil]:
    """Lend the node; whatever a test does to the chain is undone."""
    snapshot = furnished.rpc("evm_snapshot")
    # The base fee of the last test's blocks outlives a revert.
    furnished.rpc("anvil_setNextBlockBaseFeePerGas", hex(10**9))
    furnished.mine()
    yield furnished
    furnished.rpc("anvil_dropAllTransactions")
    assert furnished.rpc("evm_revert", snapshot)
