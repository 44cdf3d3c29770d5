"""``.score_notes.tsv`` and ``.score_measures.tsv`` of the DCML corpora -> Score.

A row of notes is a note head: its bar (mc), place in it (mc_onset, whole notes), duration (whole notes), staff, voice,
spelling (tpc, on the line of fifths with C = 0) and MIDI pitch; ``tied`` is 1 where a tie begins, -1 where it ends and
0 between. Grace notes are left out. The key has no mode.
A row of measures is a bar with its real length (act_dur), metre and key signature.
"""

from __future__ import annotations

import csv
from fractions import Fraction
from pathlib import Path

from abcscribe.score.model import STEP_SEMITONES, Bar, Key, Metre, Note, Part, Pitch, Score, Staff

VOICES_PER_STAFF = 4  # MuseScore's
WHOLE = 4  # quarters


def read_score_tables(notes: Path) -> Score:
    """The score of a note table whose measure table lies beside it; one part with as many staves as there are."""
    measures = notes.with_name(notes.name.replace("score_notes", "score_measures"))
    bars = {row["mc"]: _bar(row) for row in _table(measures)}
    found: dict[str, list[Note]] = {mc: [] for mc in bars}
    voices: dict[int, set[int]] = {}
    for row in _table(notes):
        if row.get("gracenote"):
            continue
        note = _note(row)
        found[row["mc"]].append(note)
        voices.setdefault(int(row["staff"]), set()).add(note.voice)
    staves = tuple(Staff("treble" if n == 1 else "bass", tuple(sorted(v))) for n, v in sorted(voices.items()))
    ordered = tuple(tuple(sorted(b, key=lambda n: (n.voice, n.start, n.pitch.midi))) for b in found.values())
    return Score(tuple(bars.values()), (Part(ordered, "Piano", 0, staves),))


def _table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def _bar(row: dict[str, str]) -> Bar:
    beats, unit = map(int, row["timesig"].split("/"))
    length = WHOLE * Fraction(row["act_dur"])
    return Bar(length, Metre(beats, unit), Key(int(row["keysig"]), "none"))


def _note(row: dict[str, str]) -> Note:
    alter, index = divmod(int(row["tpc"]) + 1, 7)
    step = "FCGDAEB"[index]
    octave = (int(row["midi"]) - alter - STEP_SEMITONES[step]) // 12 - 1
    return Note(
        start=WHOLE * Fraction(row["mc_onset"]),
        duration=WHOLE * Fraction(row["duration"]),
        pitch=Pitch(step, alter, octave),
        voice=VOICES_PER_STAFF * (int(row["staff"]) - 1) + int(row["voice"]),
        tie=row["tied"] in ("1", "0"),
    )
