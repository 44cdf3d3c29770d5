"""The worker with an engine that hears sines; how it misbehaves is said by the name of the recording."""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import tone_engine

from abcscribe import hearing
from abcscribe.server import pipeline, worker

SLOW = "slow"  # each event takes its time


def _slowly(events):  # type: ignore[no-untyped-def]
    def told(path, engine, hints, start, end):  # type: ignore[no-untyped-def]
        for event in events(path, engine, hints, start, end):
            yield event
            if end == 3.5:  # seconds: the part that tests ask for when they want to be faster than the worker
                time.sleep(60)

    return told


if __name__ == "__main__":
    hearing.ENGINES[tone_engine.NAME] = tone_engine.INFO
    pipeline.events = _slowly(pipeline.events)
    worker.main()
