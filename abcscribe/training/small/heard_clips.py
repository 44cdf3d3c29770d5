"""What the tower hears of the train split, for the networks of `notes_to_score` to learn from: slow, so it is kept.

    python benchmarks/heard.py CACHE.npz FOLDER [--split train] [--clips 2560] [--seed 31]

Writes FOLDER/clips.pkl, a list of (Clip, notes): clips as the suites of ``abcscribe evaluate`` have them, of one to
four lines in turn; half a second each. Windows as the language model is trained on, keyboards and songs among them,
are for ``abcscribe data listen --out FOLDER``. Needs FluidSynth.
"""

from __future__ import annotations

import argparse
import pickle
import tempfile
from pathlib import Path

from abcscribe import audio
from abcscribe.evaluation.suites import Clip, read_suite
from abcscribe.hearing import tower
from abcscribe.progress import progress_bar
from abcscribe.score.model import PlayedNote
from abcscribe.synthesis.suite import SuiteConfig, make_suite


def clips_of(folder: Path) -> list[tuple[Clip, list[PlayedNote]]]:
    """The clips written there, by this program: pickles run code when they are read."""
    return pickle.loads((folder / "clips.pkl").read_bytes())


def clips(cache: Path, split: str, count: int, seed: int) -> list[tuple[Clip, list[PlayedNote]]]:
    engine, heard = tower.load(), []
    with tempfile.TemporaryDirectory() as home, progress_bar("clips") as advance:
        for done, _ in make_suite(SuiteConfig(cache, Path(home) / "suite", count, seed, split=split)):
            advance(done, 2 * count)
        for clip in read_suite(Path(home) / "suite"):
            notes = engine.notes(audio.blocks(clip.audio, rate=engine.sample_rate))
            heard.append((clip, [note for part in notes for note in part]))
            advance(count + len(heard), 2 * count)
    return heard


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cache", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--split", default="train")
    parser.add_argument("--clips", type=int, default=2560)
    parser.add_argument("--seed", type=int, default=31)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    path = options.folder / "clips.pkl"
    if not path.exists():
        unfinished = path.with_suffix(".part")
        unfinished.write_bytes(pickle.dumps(clips(options.cache, options.split, options.clips, options.seed)))
        unfinished.replace(path)


if __name__ == "__main__":
    main()
