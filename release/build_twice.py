"""Build sdist and wheel twice, from copies of the tracked files in two folders; keep them if all bytes agree.

    python release/build_twice.py [FOLDER]      (dist, if none is named; needs `build`)

The time in both archives is the date of the last release in CITATION.cff: who builds the same tree later gets the same
bytes.
"""

from __future__ import annotations

import datetime
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main(out: Path) -> None:
    """Build, compare, and write the archives with their checksums to ``out``."""
    with tempfile.TemporaryDirectory() as folder:
        first, second = (_built(Path(folder) / name) for name in ("one", "an-other"))
        different = [name for name in first if first[name] != second.get(name)]
        if different or len(first) != 2 or first.keys() != second.keys():
            sys.exit(f"Two builds of one tree differ: {', '.join(different) or sorted({*first, *second})}.")
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        for name, content in first.items():
            (out / name).write_bytes(content)
        sums = (f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(first.items()))
        (out / "SHA256SUMS").write_text("".join(sums), encoding="utf-8")
        print((out / "SHA256SUMS").read_text(encoding="utf-8"), end="")


def _built(folder: Path) -> dict[str, bytes]:
    """The archives of a build from a copy of the tracked files, by name."""
    tree = folder / "tree"
    for name in subprocess.check_output(["git", "ls-files", "-z"], cwd=ROOT, text=True).split("\0"):
        if name and (ROOT / name).is_file():  # not what was removed since the last commit
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, tree / name)
    environment = os.environ | {"SOURCE_DATE_EPOCH": str(epoch())}
    command = [sys.executable, "-m", "build", "--outdir", str(folder / "dist"), str(tree)]
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    return {path.name: path.read_bytes() for path in (folder / "dist").iterdir()}


def epoch() -> int:
    """Seconds since 1970 of the last release's day, UTC."""
    match = re.search(r'^date-released: "(.+)"$', (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.M)
    assert match
    return int(datetime.datetime.fromisoformat(match[1]).replace(tzinfo=datetime.UTC).timestamp())


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "dist"))
