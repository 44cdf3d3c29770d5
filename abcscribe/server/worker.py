"""The process that transcribes one recording: a request on stdin, events as lines of JSON on stdout.

A process of its own can be stopped at any moment, is bounded in memory, and takes nothing with it when a file makes a
decoder crash. It ends when stdin does, so it never outlives the server.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

NICE = 5  # the page stays quick while a recording is transcribed
SKETCH_GROWTH = 2.0  # a sketch is drawn when there are so many times the notes of the last one: linear work in all


def main() -> None:
    """Read the request, tell events, and end."""
    request = json.loads(sys.stdin.readline())
    _bound(request["memory_bytes"])
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # stdout is for events alone: what a library prints goes to stderr
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    try:
        for event in _events(request):
            out.write(json.dumps(event, ensure_ascii=False) + "\n")
            out.flush()
    except BrokenPipeError:
        os._exit(1)


def _bound(memory: int) -> None:
    if sys.platform == "win32":  # it has neither
        return
    import resource

    with contextlib.suppress(OSError):
        os.nice(NICE)
    with contextlib.suppress(ValueError, OSError):  # macOS may refuse
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(1)


def _events(request: dict[str, Any]) -> Any:
    """Plain JSON events; the last one is ``score`` or ``failed``."""
    from abcscribe.errors import AbcscribeError

    try:
        yield from _told(request)
    except AbcscribeError as error:
        yield {"event": "failed", "error": str(error).replace(str(request["path"]), request["name"])}
    except MemoryError:
        yield {"event": "failed", "error": "There is not enough memory for this recording; try a part of it."}
    except OSError as error:
        yield {"event": "failed", "error": f"The recording cannot be read: {(error.strerror or 'unknown').lower()}."}


def _told(request: dict[str, Any]) -> Any:
    from abcscribe.playback.view import view
    from abcscribe.score.json_format import to_json
    from abcscribe.server import pipeline
    from abcscribe.transcription import Done, Heard, Warned, Wrote

    path, hints, engine = Path(request["path"]), request["hints"], request["engine"]
    start, end = request["start"], request["end"]
    notes: list[Any] = []
    sketched = 0
    for event in pipeline.events(path, engine, hints, start, end):
        if isinstance(event, Heard):
            rows = [[n.onset, n.offset, n.pitch, n.velocity, round(n.confidence, 3), n.family] for n in event.notes]
            yield {"event": "heard", "seconds": event.seconds, "total": event.total, "notes": rows}
            notes += event.notes
            more = event.total is None or event.seconds < event.total - 1
            if event.notes and more and len(notes) >= SKETCH_GROWTH * sketched:
                sketched = len(notes)
                score = pipeline.sketch(notes, hints, (start or 0.0) + event.seconds, engine)
                yield {"event": "bars", "score": view(score)}
        elif isinstance(event, Wrote):
            yield {"event": "wrote", "seconds": event.seconds, "total": event.total}
        elif isinstance(event, Warned):
            message = event.message.replace(str(path), request["name"])
            yield {"event": "warned", "message": message}
        elif isinstance(event, Done):
            yield {"event": "score", "score": to_json(event.score)}


if __name__ == "__main__":
    main()
