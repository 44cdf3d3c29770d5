"""Fixtures for all rooms."""

from collections.abc import Iterator

import pytest
import tone_engine

from abcscribe import engines


@pytest.fixture
def tone() -> Iterator[str]:
    """The name of an engine that hears sines, registered for the test."""
    engines.ENGINES[tone_engine.NAME] = tone_engine.INFO
    yield tone_engine.NAME
    del engines.ENGINES[tone_engine.NAME]
