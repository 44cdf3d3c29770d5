"""Which files of the package a recording passes through: the length of the path that a reader has to walk.

    python benchmarks/walk.py [RECORDING]

Transcribes a recording (default: the example) and writes its default formats, counts the files of ``abcscribe`` in
which a function was entered, and prints them by room. What runs at import is not counted.
"""

from __future__ import annotations

import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from types import FrameType

import abcscribe
from abcscribe import batch, hints, systems

PACKAGE = Path(abcscribe.__file__).parent
EXAMPLE = PACKAGE.parent / "examples" / "greensleeves.m4a"
FORMATS = ("abc", "musicxml", "midi", "pdf")


def main() -> None:
    recording = Path(sys.argv[1]) if len(sys.argv) > 1 else EXAMPLE
    entered: set[str] = set()

    def note(frame: FrameType, event: str, argument: object) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(str(PACKAGE)) and not code.co_name.startswith("<"):
            importing = code.co_flags & 0x2 == 0  # bodies of modules and classes have no CO_NEWLOCALS
            if not importing:
                entered.add(str(Path(code.co_filename).relative_to(PACKAGE)))

    with tempfile.TemporaryDirectory() as folder:
        settings = batch.Settings(FORMATS, systems.DEFAULT, hints.Hints())
        jobs = batch.jobs([recording], Path(folder), settings)
        sys.setprofile(note)
        batch.run(jobs[0])
        sys.setprofile(None)
    rooms: dict[str, list[str]] = defaultdict(list)
    for file in sorted(entered):
        rooms[file.partition("/")[0]].append(file)
    for room, files in rooms.items():
        print(f"{room:18} {len(files):2}  {', '.join(Path(file).stem for file in files)}")
    print(f"{len(entered)} files")


if __name__ == "__main__":
    main()
