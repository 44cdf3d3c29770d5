"""What the rules of `notes_to_score` make of a recording, as the language model is told it.

A search over rhythms follows one hypothesis through all notes; a network that reads them side by side does not. So
every note comes with what the search found: where in which bar it stands, how fast, in which key, how far the other
metres are behind, and who plays it. The language model learns from scores when to believe it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from abcscribe.engines.notes_to_score import Hints, read
from abcscribe.engines.notes_to_score.keys import find_key, signatures
from abcscribe.engines.notes_to_score.rhythm import METRES, TICKS
from abcscribe.model.note_tokens import LOWEST_PITCH, OPINION, PITCHES, TOGETHER, UNKNOWN_FAMILY, HeardNotes, chords
from abcscribe.score.instruments import FAMILIES, family
from abcscribe.score.model import Metre, PlayedNote
from abcscribe.tokens import MOST_FIFTHS

IN_BAR, IN_QUARTER = 8, 4  # harmonics that say where in the bar and where in the quarter a note stands
STAVES = 8  # that are told apart
FARTHEST = 10.0  # nats: metres farther behind are all alike


Note = tuple[float, int]  # its onset and pitch


@dataclass(frozen=True, slots=True)
class SecondOpinion:
    """What the rules find."""

    metre: Metre  # that the ticks count
    written: Metre  # what it is written as: halves may be counted as quarters
    quarter_bpm: float
    fifths: int  # of the key
    signatures: np.ndarray  # (12,) log probability of the signatures of 0 ... 11 sharps
    rivals: np.ndarray  # (metres of rhythm.METRES,) nats: 0 for the best, below it for the others
    parts: tuple[tuple[int, tuple[str, ...]], ...]  # program and clefs of each
    tick: dict[Note, int]  # from a bar line; notes of one chord have one; never falls in time
    staff: dict[Note, int]  # through all parts, of each note that the rules write


def second_opinion(played: Sequence[PlayedNote], hints: Hints = Hints()) -> SecondOpinion | None:
    """What the rules make of notes; None if there is nothing to read."""
    reading = read(played, hints)
    if reading is None:
        return None
    placed = reading.placed
    notes = [(note.onset, note.pitch) for note in reading.heard]
    parts = tuple((line.program, tuple(staff.clef for staff in line.staves)) for line in reading.lines)
    key = hints.key or find_key(reading.heard)
    staves = [own for line in reading.lines for own in line.heard]
    return SecondOpinion(
        placed.metre, placed.written, reading.tempo.quarter_bpm, key.fifths, signatures(reading.heard), placed.rivals,
        parts,
        tick={notes[i]: tick for group, tick in zip(placed.groups, placed.ticks.tolist(), strict=True) for i in group},
        staff={notes[i]: staff for staff, own in enumerate(staves) for i in own},
    )  # fmt: skip


def advised(heard: HeardNotes, opinion: SecondOpinion | None) -> tuple[HeardNotes, np.ndarray]:
    """The notes with the opinion on them and in the rules' chords, and (g,) ticks of each group from a bar line, -1
    where the rules ignore it.

    A chord that is played slowly is one chord for whoever knows the beat, and would else be several groups.
    """
    if opinion is None:
        return heard, np.full(int(heard.groups[-1]) + 1, -1)
    ticks = _ticks(opinion, heard)
    apart = np.diff(ticks, prepend=-1) != 0
    apart |= (ticks < 0) & (np.diff(heard.chord, prepend=-1) != 0)
    made = replace(heard, chord=np.cumsum(apart), opinion=_told(opinion, heard, ticks))
    return made, ticks[apart]


def _ticks(opinion: SecondOpinion, heard: HeardNotes) -> np.ndarray:
    """(n,) of each note; of a note that the rules do not have, those of the chord that it is in the midst of or close
    to, else -1."""
    ticks = np.array([opinion.tick.get(note, -1) for note in _notes(heard)])
    known = np.flatnonzero(ticks >= 0)
    if not known.size:
        return ticks
    after = np.searchsorted(known, np.arange(len(ticks)))
    before, after = known[(after - 1).clip(0)], known[after.clip(max=known.size - 1)]
    since, until = np.abs(heard.onset - heard.onset[before]), np.abs(heard.onset[after] - heard.onset)
    nearest = ticks[np.where(since <= until, before, after)]
    joins = (ticks[before] == ticks[after]) & (before < after) | (np.minimum(since, until) < TOGETHER)
    return np.where(ticks >= 0, ticks, np.where(joins, nearest, -1))


def _notes(heard: HeardNotes) -> list[Note]:
    return list(zip(heard.onset.tolist(), heard.pitch.tolist(), strict=True))


def _told(opinion: SecondOpinion, heard: HeardNotes, ticks: np.ndarray) -> np.ndarray:
    """(n, OPINION) float32: the opinion on the notes, which stand at ``ticks`` (n,)."""
    known, bar = ticks >= 0, int(opinion.metre.length * TICKS)
    angles = [2 * np.pi * k * ticks / bar for k in range(1, IN_BAR + 1)]
    angles += [2 * np.pi * k * ticks / TICKS for k in range(1, IN_QUARTER + 1)]
    places = np.stack([f(angle) * known for angle in angles for f in (np.sin, np.cos)] + [known], axis=1)
    metre = np.array([opinion.metre == m for m in METRES] + [opinion.metre not in METRES], float)
    key = np.arange(-MOST_FIFTHS, MOST_FIFTHS + 1) == opinion.fifths
    rivals = np.maximum(opinion.rivals, -FARTHEST) / FARTHEST
    whole = np.concatenate([metre, rivals, [np.log2(opinion.quarter_bpm / 90), bar / 96], key])
    columns = [places, np.tile(whole, (len(ticks), 1)), _players(opinion, heard)]
    return np.concatenate(columns, axis=1).astype(np.float32)


def _players(opinion: SecondOpinion, heard: HeardNotes) -> np.ndarray:
    """(n, STAVES + families + 2) For each note its staff, the family of its part, and whether it is on the upper or
    lower staff of two; zeros where the rules leave the note out."""
    rows: list[np.ndarray] = []
    for program, clefs in opinion.parts:
        kind = np.zeros(len(FAMILIES) + 2)
        kind[FAMILIES.index(family(program))] = 1
        for hand in range(len(clefs)):
            kind[len(FAMILIES) :] = (len(clefs) == 2) * np.eye(2)[min(hand, 1)]
            rows.append(np.concatenate([np.eye(STAVES)[min(len(rows), STAVES - 1)], kind]))
    rows.append(np.zeros(STAVES + len(FAMILIES) + 2))
    return np.array(rows)[[opinion.staff.get(note, -1) for note in _notes(heard)]]


def played_notes(heard: HeardNotes) -> list[PlayedNote]:
    """Heard notes as an engine gives them."""
    rows = zip(heard.onset, heard.offset, heard.pitch, heard.velocity, heard.family, heard.confidence, strict=True)
    return [
        PlayedNote(
            float(onset), float(offset), int(pitch), int(np.clip(velocity, 1, 127)),
            FAMILIES[index] if index < UNKNOWN_FAMILY else "", float(confidence),
        )
        for onset, offset, pitch, velocity, index, confidence in rows
    ]  # fmt: skip


def heard_notes(notes: Sequence[PlayedNote]) -> HeardNotes:
    """The notes of the piano's range as arrays, by onset and pitch, without an opinion."""
    kept = sorted(
        (n for n in notes if LOWEST_PITCH <= n.pitch < LOWEST_PITCH + PITCHES and n.offset > n.onset),
        key=lambda n: (n.onset, n.pitch),
    )
    families = [FAMILIES.index(n.family) if n.family in FAMILIES else UNKNOWN_FAMILY for n in kept]
    return HeardNotes(
        np.array([n.onset for n in kept]), np.array([n.offset for n in kept]),
        np.array([n.pitch for n in kept], np.int64), np.array([n.velocity for n in kept], float),
        np.array(families, np.int64), np.array([n.confidence for n in kept]),
        chords(np.array([n.onset for n in kept])), np.zeros((len(kept), OPINION), np.float32),
    )  # fmt: skip
