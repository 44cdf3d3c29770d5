"""What the rules of `notes_to_score` make of a recording, as the language model is told it.

A search over rhythms follows one hypothesis through all notes; a network that reads them side by side does not. So
every note comes with what the search found: where in which bar it stands, how fast, in which key, how far the other
metres are behind, and who plays it. The language model learns from scores when to believe it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from abcscribe.engines.notes_to_score import Hints, read
from abcscribe.engines.notes_to_score.keys import find_key
from abcscribe.engines.notes_to_score.rhythm import METRES, TICKS
from abcscribe.model.note_tokens import LOWEST_PITCH, OPINION, PITCHES, UNKNOWN_FAMILY, HeardNotes
from abcscribe.score.instruments import FAMILIES, family
from abcscribe.score.model import Metre, PlayedNote
from abcscribe.tokens import MOST_FIFTHS

SAME_ONSET = 0.06  # seconds between an onset of the beat tracker's and the group that is meant
IN_BAR, IN_QUARTER = 8, 4  # harmonics that say where in the bar and where in the quarter a note stands
STAVES = 8  # that are told apart
FARTHEST = 20.0  # nats: metres farther behind are all alike


@dataclass(frozen=True, slots=True)
class SecondOpinion:
    """What the rules find, for g groups of notes that begin together."""

    metre: Metre
    quarter_bpm: float
    fifths: int  # of the key
    rivals: np.ndarray  # (metres of rhythm.METRES,) nats: 0 for the best, below it for the others
    parts: tuple[tuple[int, tuple[str, ...]], ...]  # program and clefs of each
    ticks: np.ndarray  # (g,) of each group from a bar line, -1 where the rules ignore the group
    staff: dict[tuple[float, int], int]  # through all parts, of each note by onset and pitch, if the rules write it


def second_opinion(played: Sequence[PlayedNote], starts: np.ndarray, hints: Hints = Hints()) -> SecondOpinion | None:
    """What the rules make of notes whose groups begin at ``starts`` (g,) seconds; None if there is nothing to read."""
    reading = read(played, hints)
    if reading is None:
        return None
    placed = reading.placed
    after = np.searchsorted(starts, placed.onsets).clip(1, max(len(starts) - 1, 1))
    following = after.clip(max=len(starts) - 1)
    nearest = np.where(placed.onsets - starts[after - 1] <= starts[following] - placed.onsets, after - 1, following)
    ticks = np.full(len(starts), -1)
    near = np.abs(placed.onsets - starts[nearest]) < SAME_ONSET
    ticks[nearest[near]] = placed.ticks[near]
    parts = tuple((line.program, tuple(staff.clef for staff in line.staves)) for line in reading.lines)
    key = hints.key or find_key(reading.heard)
    staves = [own for line in reading.lines for own in line.heard]
    staff = {(reading.heard[i].onset, reading.heard[i].pitch): s for s, own in enumerate(staves) for i in own}
    return SecondOpinion(placed.metre, reading.tempo.quarter_bpm, key.fifths, placed.rivals, parts, ticks, staff)


def told(opinion: SecondOpinion | None, heard: HeardNotes, groups: np.ndarray) -> np.ndarray:
    """(n, OPINION) float32: the opinion on the notes, whose groups are (n,); zeros if there is none."""
    if opinion is None:
        return np.zeros((len(groups), OPINION), np.float32)
    known, bar = opinion.ticks >= 0, int(opinion.metre.length * TICKS)
    angles = [2 * np.pi * k * opinion.ticks / bar for k in range(1, IN_BAR + 1)]
    angles += [2 * np.pi * k * opinion.ticks / TICKS for k in range(1, IN_QUARTER + 1)]
    places = np.stack([f(angle) * known for angle in angles for f in (np.sin, np.cos)] + [known], axis=1)
    metre = np.array([opinion.metre == m for m in METRES] + [opinion.metre not in METRES], float)
    key = np.arange(-MOST_FIFTHS, MOST_FIFTHS + 1) == opinion.fifths
    rivals = np.maximum(opinion.rivals, -FARTHEST) / FARTHEST
    whole = np.concatenate([metre, rivals, [np.log2(opinion.quarter_bpm / 90), bar / 96], key])
    columns = [places[groups], np.tile(whole, (len(groups), 1)), _players(opinion, heard)]
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
    notes = zip(heard.onset.tolist(), heard.pitch.tolist(), strict=True)
    return np.array(rows)[[opinion.staff.get(note, -1) for note in notes]]


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
        np.zeros((len(kept), OPINION), np.float32),
    )  # fmt: skip
