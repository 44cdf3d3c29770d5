"""Round trips through ABC over real scores: what is kept, how often, and why not.

    python benchmarks/round_trip.py FOLDER... [--most N] [--others N]

Reads every .abc (all tunes), .mxl, .musicxml, .xml and .krn under the folders, and for each score
- writes ABC, reads it back and compares (``score``),
- writes ABC, lets abc2midi play it and compares the MIDI file with the unfolded score (``abc2midi``): notes, and the
  successive metres and keys of the first voice, and the instrument of every voice,
- for every ``--others``-th score, compares what lytk (sounding notes) and music21 (written heads) read in the ABC.
Bars are in the first comparison; a MIDI file has none but what metres and notes say. Grace notes are left out of the
sounding comparisons; notes match within 1/20 of a quarter, because abc2midi counts 480 ticks in a quarter and ends a
note up to 10 ticks early. abc2midi is the program in symusic's wheel.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import TypeVar

import lytk
import mido
import symusic
from music21 import converter

from abcscribe.errors import AbcscribeError
from abcscribe.score.abc_reader import read_abc, read_tunes
from abcscribe.score.abc_writer import write_abc
from abcscribe.score.differences import differences
from abcscribe.score.instruments import PERCUSSION
from abcscribe.score.kern_reader import read_kern
from abcscribe.score.lytk_bridge import read_musicxml, score_from_lytk
from abcscribe.score.model import Key, Score

ABC2MIDI = Path(symusic.__file__).parent / "bin" / "abc2midi"
TOLERANCE = 0.05  # quarters
LONGEST_FOR_OTHERS = 8_000  # characters; music21 needs minutes for a quartet movement
READERS: dict[str, Callable[[Path], list[Score]]] = {
    ".abc": lambda path: [score for score, _ in read_tunes(path.read_text(encoding="utf-8", errors="replace"))],
    ".krn": lambda path: [read_kern(path)[0]],
    ".mxl": lambda path: [read_musicxml(path)],
    ".musicxml": lambda path: [read_musicxml(path)],
    ".xml": lambda path: [read_musicxml(path)],
}
T = TypeVar("T")
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
        plain = re.sub(r"(clef=\w+)[+-]8", r"\1", text)  # to music21 an octave clef is a picture, not an octave
        yield "music21", _first_difference(_heads(read_abc(plain)[0]), heads_of_music21(plain))


def _lost_by_abc2midi(score: Score, text: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        played, midi = score.unfolded(), abc2midi(text, Path(folder))
        if not midi.exists():
            return "no file"
        if lost := _first_difference(_expected(played), notes_in(midi)):
            unrolled = abc2midi(write_abc(played), Path(folder))
            return lost if _first_difference(_expected(played), notes_in(unrolled)) else "another order of repeats"
        return _lost_signs(played, midi)


def abc2midi(text: str, folder: Path) -> Path:
    """The MIDI file that abc2midi makes of ABC, without grace notes and its spread of chords."""
    abc, midi = folder / "tune.abc", folder / "tune.mid"
    abc.write_text(re.sub(r"(?m)^(V:.*)$", r"\1\n%%MIDI chordattack 0", text), encoding="utf-8")
    subprocess.run([ABC2MIDI, abc, "-o", midi, "-NGRA", "-silent"], capture_output=True, check=False)
    return midi


def notes_in(midi: Path) -> Sounding:
    try:
        played = symusic.Score(midi)
    except RuntimeError:  # a damaged file
        return []
    return sorted((n.pitch, n.time / played.tpq, n.duration / played.tpq) for t in played.tracks for n in t.notes)


def _lost_signs(score: Score, midi: Path) -> str:
    """Metre, key or instruments. Of several voices the first has the changes, at wrong times if it rests there."""
    tracks = mido.MidiFile(midi).tracks
    voices = tracks[1:] if len(tracks) > 1 else tracks
    signs = [*tracks[0], *voices[0]] if len(tracks) > 1 else tracks[0]
    metres = [f"{m.numerator}/{m.denominator}" for m in signs if m.type == "time_signature"]
    keys = [_fifths(m.key) for m in signs if m.type == "key_signature"]
    if all(bar.metre for bar in score.bars) and _changes(metres) != _changes(str(bar.metre) for bar in score.bars):
        return "metre"
    if _changes(keys) != _changes(_midi_key(bar.key) for bar in score.bars):
        return "key"
    programs = [{PERCUSSION if m.channel == 9 else m.program for m in v if m.type == "program_change"} for v in voices]
    return "" if programs == [{part.program} for part in score.parts for _ in part.voices] else "instruments"


def _changes(values: Iterable[T]) -> list[T]:
    return [value for value, _ in groupby(values)]


def _fifths(name: str) -> tuple[int, bool]:
    """The signature of a MIDI key such as ``F#m``, and whether it is minor."""
    minor = name.endswith("m")
    return "FCGDAEB".index(name[0]) - 1 + 7 * name.count("#") - 7 * name[1:].count("b") - 3 * minor, minor


def _midi_key(key: Key) -> tuple[int, bool]:
    """A key as MIDI can say it. More than seven accidentals are written as none."""
    return (key.fifths, key.mode == "minor") if abs(key.fifths) <= 7 else (0, False)


def _expected(score: Score) -> Sounding:
    return sorted((n.pitch, float(n.onset), float(n.duration)) for n in score.sounding_notes())


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
