"""Fixtures for all rooms."""

import os
from collections.abc import Iterator

import pytest
import tone_engine

from abcscribe import hearing

os.environ.setdefault("OMP_NUM_THREADS", "1")  # threads that wait for each other on a busy machine cost minutes


@pytest.fixture
def tone() -> Iterator[str]:
    """The name of an engine that hears sines, registered for the test."""
    hearing.ENGINES[tone_engine.NAME] = tone_engine.INFO
    yield tone_engine.NAME
    del hearing.ENGINES[tone_engine.NAME]
