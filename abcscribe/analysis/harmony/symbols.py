"""Chords of beats -> chord symbols as a lead sheet prints them: spelled by the key, with their bass, none twice."""

from __future__ import annotations

import numpy as np

from abcscribe.analysis.harmony.evidence import Beats, Evidence
from abcscribe.analysis.harmony.vocabulary import KINDS, MEMBERS, NAMES, split
from abcscribe.score.model import Key
from abcscribe.score.spelling import spell

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
    root, kind = divmod(int(chord), len(KINDS))
    spelled = _spelled(root, key)
    if not bass:
        return spelled, NAMES[kind], ""
    return spelled, NAMES[kind], _third_or_so(spelled, bass)


def _spelled(pitch_class: int, key: Key) -> str:
    pitch = spell([60 + pitch_class], key)[0]
    return pitch.step + "#" * pitch.alter + "b" * -pitch.alter


_STEPS = {3: 2, 4: 2, 5: 3, 6: 4, 7: 4, 8: 4, 9: 6, 10: 6, 11: 6}  # semitones above the root -> letters above it
_FROM_C = dict(zip("CDEFGAB", (0, 2, 4, 5, 7, 9, 11), strict=True))


def _third_or_so(root: str, semitones: int) -> str:
    """The chord tone above a root: a third is two letters up, whatever the key."""
    letters = "CDEFGAB"
    letter = letters[(letters.index(root[0]) + _STEPS[semitones]) % 7]
    sounding = _FROM_C[root[0]] + root.count("#") - root.count("b") + semitones
    alter = (sounding - _FROM_C[letter] + 6) % 12 - 6
    if abs(alter) > 1:  # Dbm7/Fb, not Bbb: the plain name is read sooner
        plain = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
        return plain[sounding % 12]
    return letter + "#" * alter + "b" * -alter
