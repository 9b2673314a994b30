from __future__ import annotations

import pytest

from tests.research.sample_run import SampleRun, busy_run, empty_run


@pytest.fixture(scope="session")
def busy() -> SampleRun:
    """Return a run with several markets, gaps, fills and refusals; nobody changes it."""
    return busy_run()


@pytest.fixture(scope="session")
def nothing() -> SampleRun:
    """Return a run over an empty recording."""
    return empty_run()
