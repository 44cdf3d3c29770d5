"""Chords of beats -> chord symbols as a lead sheet prints them: spelled by the key, with their bass, none twice."""

from __future__ import annotations

import numpy as np

from abcscribe.analysis.harmony.evidence import Beats, Evidence
from abcscribe.analysis.harmony.vocabulary import KINDS, MEMBERS, NAMES, split
from abcscribe.score.harmony import alter
from abcscribe.score.model import STEP_SEMITONES, STEPS, Key

SILENT = -1  # in the place of a chord: N.C.
STEADY = 0.6  # share of a chord's time in which a tone must be the lowest to be written as its bass
QUIET = 0.05  # of a beat: less sound is none


def with_silence(chords: np.ndarray, accompaniment: Evidence, beats: Beats) -> np.ndarray:
    """The chords, SILENT in bars in which nothing accompanies."""
    quiet = accompaniment.tones.sum(axis=1) < QUIET
    silent = np.array([bool(quiet[beats.bar == bar].all()) for bar in range(int(beats.bar.max(initial=-1)) + 1)])
    return np.where(silent[beats.bar], SILENT, chords) if len(chords) else chords


def basses(chords: np.ndarray, heard: Evidence) -> np.ndarray:
    """(n,) tone above the root that is the bass of each beat's chord, one for all beats of a chord; 0: the root."""
    found = np.zeros(len(chords), int)
    starts = np.flatnonzero(np.diff(chords, prepend=-2))
    for start, stop in zip(starts, [*starts[1:], len(chords)], strict=True):
        if chords[start] == SILENT:
            continue
        root, kind = split(chords[start])
        low = np.roll(heard.bass[start:stop].sum(axis=0), -int(root))
        tone = int(low.argmax())
        if MEMBERS[kind, tone] and low[tone] >= STEADY * max(float(low.sum()), 1e-9):
            found[start:stop] = tone
    return found


def name(chord: int, bass: int, key: Key) -> tuple[str, str, str]:
    """(root, kind, bass) of a chord whose bass is so many semitones above its root, as the key spells them."""
    root, number = divmod(int(chord), len(KINDS))
    kind = NAMES[number]
    spelled = Key(_root_position(root, kind, key)).tonic
    return spelled, kind, _chord_tone(spelled, bass) if bass else ""


# The lowest root of a kind on the line of fifths, from the signature's major tonic. In C: Ab and Bb7, but C#m and
# G#dim, since a diminished chord leads up to its neighbour.
_LOWEST = dict.fromkeys(NAMES, -5) | {"m": -3, "m7": -3, "aug": -4, "dim": -1, "dim7": -1, "m7b5": -1}
_FLATTEST, _SHARPEST = -6, 8  # Gb and G#: other names with so many signs are read in their own keys only


def _root_position(root: int, kind: str, key: Key) -> int:
    """Place of a root on the line of fifths, C being 0."""
    lowest = key.fifths + _LOWEST[kind]
    position = lowest + (7 * root - lowest) % 12
    if position > max(_SHARPEST, key.fifths + 5):
        return position - 12
    return position + 12 if position < min(_FLATTEST, key.fifths - 1) else position


_LETTERS = {3: 2, 4: 2, 5: 3, 6: 4, 7: 4, 8: 4, 9: 6, 10: 6, 11: 6}  # semitones above the root -> letters above it
_PLAIN = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")


def _chord_tone(root: str, semitones: int) -> str:
    """The name of a chord's tone: a third is two letters up. A double sign is written as the plain name."""
    letter = STEPS[(STEPS.index(root[0]) + _LETTERS[semitones]) % 7]
    sounding = STEP_SEMITONES[root[0]] + alter(root) + semitones
    sign = (sounding - STEP_SEMITONES[letter] + 6) % 12 - 6
    return letter + "#" * sign + "b" * -sign if abs(sign) < 2 else _PLAIN[sounding % 12]
