"""Round trips through ABC over real scores: what is kept, how often, and why not.

    python benchmarks/round_trip.py FOLDER... [--most N] [--others N]

Reads every .abc (all tunes), .mxl, .musicxml, .xml and .krn under the folders, and for each score
- writes ABC, reads it back and compares (``score``),
- writes ABC, lets abc2midi play it and compares the notes with the unfolded score's (``abc2midi``),
- for every ``--others``-th score, compares what lytk (sounding notes) and music21 (written heads) read in the ABC.
Grace notes are left out of the sounding comparisons; notes match within 1/20 of a quarter, because abc2midi counts 480
ticks in a quarter and ends a note up to 10 ticks early. abc2midi is the program in symusic's wheel.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import lytk
import symusic
from music21 import converter

from abcscribe.errors import AbcscribeError
from abcscribe.score.abc_reader import read_abc, read_tunes
from abcscribe.score.abc_writer import write_abc
from abcscribe.score.differences import differences
from abcscribe.score.lytk_bridge import read_kern, read_musicxml, score_from_lytk
from abcscribe.score.model import Score

ABC2MIDI = Path(symusic.__file__).parent / "bin" / "abc2midi"
TOLERANCE = 0.05  # quarters
LONGEST_FOR_OTHERS = 8_000  # characters; music21 needs minutes for a quartet movement
READERS: dict[str, Callable[[Path], list[Score]]] = {
    ".abc": lambda path: [score for score, _ in read_tunes(path.read_text(encoding="utf-8", errors="replace"))],
    ".krn": lambda path: [read_kern(path)],
    ".mxl": lambda path: [read_musicxml(path)],
    ".musicxml": lambda path: [read_musicxml(path)],
    ".xml": lambda path: [read_musicxml(path)],
}
Sounding = list[tuple[int, float, float]]  # (MIDI, onset, duration) in quarters, sorted


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--most", type=int, default=10**9, help="scores to try, spread evenly over the files")
    parser.add_argument("--others", type=int, default=50, help="every how many scores lytk and music21 read too")
    options = parser.parse_args()
    files = sorted(path for folder in options.folders for path in folder.rglob("*") if path.suffix in READERS)
    tried: Counter[str] = Counter()
    lost: dict[str, list[str]] = defaultdict(list)
    step = max(1, len(files) // options.most)
    for number, (name, score) in enumerate(_scores(files[::step], lost)):
        for trip, reason in _trips(score, number % options.others == 0):
            tried[trip] += 1
            if reason:
                lost[f"{trip}: {reason}"].append(name)
    _report(tried, lost)


def _scores(files: list[Path], lost: dict[str, list[str]]) -> Iterator[tuple[str, Score]]:
    for path in files:
        try:
            scores = READERS[path.suffix](path)
        except AbcscribeError as error:
            lost[f"not read: {type(error).__name__}"].append(path.name)
            continue
        yield from ((f"{path.name}#{i}", score) for i, score in enumerate(scores, 1))


def _trips(score: Score, others: bool) -> Iterator[tuple[str, str]]:
    """(name of the round trip, what it lost or "")."""
    text = write_abc(score)
    lost = differences(score, read_abc(text)[0])
    yield "score", re.sub(r"\d+", "n", lost[0]) if lost else ""
    yield "abc2midi", _lost_by_abc2midi(score, text)
    if others and len(text) < LONGEST_FOR_OTHERS:
        yield "lytk", _first_difference(_expected(score), heard_by_lytk(text))
        yield "music21", _first_difference(_heads(read_abc(text)[0]), heads_of_music21(text))


def _lost_by_abc2midi(score: Score, text: str) -> str:
    played = score.unfolded()
    lost = _first_difference(_expected(played), heard_by_abc2midi(text))
    if lost and not _first_difference(_expected(played), heard_by_abc2midi(write_abc(played))):
        return "another order of repeats and endings"
    return lost


def _expected(score: Score) -> Sounding:
    return sorted((n.pitch, float(n.onset), float(n.duration)) for n in score.sounding_notes())


def heard_by_abc2midi(text: str) -> Sounding:
    """The notes of abc2midi's MIDI file, without its spread of chords."""
    with tempfile.TemporaryDirectory() as folder:
        abc, midi = Path(folder, "tune.abc"), Path(folder, "tune.mid")
        abc.write_text(re.sub(r"(?m)^(V:.*)$", r"\1\n%%MIDI chordattack 0", text), encoding="utf-8")
        subprocess.run([ABC2MIDI, abc, "-o", midi, "-NGRA", "-silent"], capture_output=True, check=False)
        try:
            played = symusic.Score(midi)
        except RuntimeError:  # no file, or a damaged one
            return []
    return sorted((n.pitch, n.time / played.tpq, n.duration / played.tpq) for t in played.tracks for n in t.notes)


def heard_by_lytk(text: str) -> Sounding:
    return _expected(score_from_lytk(lytk.from_abc_string(text).to_dict()))


def _heads(score: Score) -> Sounding:
    starts = score.bar_starts()
    return sorted(
        (note.pitch.midi, float(start + note.start), float(note.duration))
        for part in score.parts
        for start, notes in zip(starts, part.bars, strict=False)
        for note in notes
    )


def heads_of_music21(text: str) -> Sounding:
    """The written notes, one by one: music21 reads no ties of chords. It drops ``x`` rests, so they become ``z``."""
    heard: Sounding = []
    for part in converter.parse(re.sub(r"(?m)(?<=[\s\d])x|^x", "z", text), format="abc").parts:
        for note in part.flatten().notes:
            if not note.duration.isGrace:
                heard.extend((p.midi, float(note.offset), float(note.quarterLength)) for p in note.pitches)
    return sorted(heard)


def _first_difference(expected: Sounding, heard: Sounding) -> str:
    if len(expected) != len(heard):
        return "number of notes"
    for (midi, onset, duration), (pitch, time, length) in zip(expected, heard, strict=True):
        if midi != pitch:
            return "pitches"
        if abs(onset - time) > TOLERANCE:
            return "onsets"
        if abs(duration - length) > TOLERANCE:
            return "durations"
    return ""


def _report(tried: Counter[str], lost: dict[str, list[str]]) -> None:
    for trip, count in tried.items():
        failed = sum(len(names) for reason, names in lost.items() if reason.startswith(f"{trip}:"))
        print(f"{trip:9} {count - failed} of {count} kept ({100 * (count - failed) / count:.2f} %)")
    for reason, names in sorted(lost.items(), key=lambda item: -len(item[1])):
        print(f"{len(names):6} {reason}: {', '.join(names[:3])}")


if __name__ == "__main__":
    main()
