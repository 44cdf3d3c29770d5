"""Fixtures for all rooms."""

import os
import signal
from collections.abc import Iterator

import hypothesis
import pytest
import tone_engine

from abcscribe import hearing

# Whoever starts the tests in the background may have them ignore signals, and programs that they start would, too.
signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
# The same examples each time, so that a red run is about the change; --hypothesis-profile explore looks for new ones.
hypothesis.settings.register_profile("same", derandomize=True)
hypothesis.settings.register_profile("explore", derandomize=False)
hypothesis.settings.load_profile("same")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # threads that wait for each other on a busy machine cost minutes


@pytest.fixture
def tone() -> Iterator[str]:
    """The name of an engine that hears sines, registered for the test."""
    hearing.ENGINES[tone_engine.NAME] = tone_engine.INFO
    yield tone_engine.NAME
    del hearing.ENGINES[tone_engine.NAME]
