"""Chord symbols -> how a guitarist holds them in the usual tuning, and at which fret a capo makes them easy.

Open chords are those that methods for beginners teach; all others are barre chords, the shape of an E or of an A moved
up the neck, whichever is nearer to the nut. The bass of a slash chord is left to the player.
"""

from __future__ import annotations

from collections.abc import Sequence

from abcscribe.score.harmony import alter, moved
from abcscribe.score.model import STEP_SEMITONES, Harmony

# Frets from the lowest string; x is not struck.
OPEN = {
    "C": "x32010", "C7": "x32310", "Cmaj7": "x32000", "D": "xx0232", "Dm": "xx0231", "D7": "xx0212", "Dm7": "xx0211",
    "Dmaj7": "xx0222", "Dsus4": "xx0233", "E": "022100", "Em": "022000", "E7": "020100", "Em7": "020000",
    "Esus4": "022200", "Fmaj7": "xx3210", "G": "320003", "G7": "320001", "Gmaj7": "320002", "A": "x02220",
    "Am": "x02210", "A7": "x02020", "Am7": "x02010", "Amaj7": "x02120", "Asus4": "x02230", "B7": "x21202",
}  # fmt: skip
_E, _A = 4, 9  # pitch classes of the strings on which the shapes have their roots
_SHAPES = {  # kind -> the shapes of E and of A, where there are such
    "": ("022100", "x02220"), "m": ("022000", "x02210"), "7": ("020100", "x02020"), "m7": ("020000", "x02010"),
    "maj7": ("0x110x", "x02120"), "sus4": ("022200", "x02230"), "m7b5": ("", "x0101x"), "dim7": ("", "x01212"),
    "dim": ("", "x0121x"), "aug": ("", "x03221"),
}  # fmt: skip
HIGHEST_CAPO = 7
WORTH = 0.3  # of all symbols must become open chords for a capo to be advised


def grip(harmony: Harmony, capo: int = 0) -> str:
    """How to hold a chord, such as ``x32010``; "" for N.C. and for kinds that have no grip here.

    Args:
        harmony: the chord as it sounds.
        capo: fret; the grip counts from there.
    """
    shape = lowered(harmony, capo)
    name = f"{shape.root}{shape.kind}"
    if name in OPEN or not shape.root or shape.kind not in _SHAPES:
        return OPEN.get(name, "")
    root = STEP_SEMITONES[shape.root[0]] + alter(shape.root)
    ways = zip(_SHAPES[shape.kind], (_E, _A), strict=True)
    fret, frets = min(((root - string) % 12, frets) for frets, string in ways if frets)
    return _up(frets, fret)


def _up(frets: str, by: int) -> str:
    numbers = [one if one == "x" else str(int(one) + by) for one in frets]
    return ("-" if any(len(one) > 1 for one in numbers) else "").join(numbers)


def lowered(harmony: Harmony, capo: int) -> Harmony:
    """The chord that is held where this one sounds with a capo."""
    return moved(harmony, -7 * capo % 12 if -7 * capo % 12 < 7 else -7 * capo % 12 - 12) if capo else harmony


def chart(harmonies: Sequence[Harmony], capo: int = 0) -> str:
    """The grips of all chords in the order in which they come: ``C x32010, G 320003``; with a capo the chord that is
    held stands beside the one that sounds."""
    grips: dict[str, str] = {}
    for harmony in harmonies:
        held = grip(harmony, capo)
        shape = lowered(harmony, capo)
        name = f"{harmony.root}{harmony.kind}" + (f" (as {shape.root}{shape.kind})" if capo else "")
        if held:
            grips.setdefault(name, held)
    return ", ".join(f"{name} {held}" for name, held in grips.items())


def advised_capo(harmonies: Sequence[Harmony]) -> int:
    """The fret of a capo with which most chords are open ones; 0 where it is not worth one."""
    played = [harmony for harmony in harmonies if harmony.root]
    if not played:
        return 0

    def easy(capo: int) -> float:
        held = (lowered(harmony, capo) for harmony in played)
        return sum(f"{shape.root}{shape.kind}" in OPEN for shape in held) / len(played)

    best = max(range(HIGHEST_CAPO + 1), key=lambda capo: (easy(capo), -capo))
    return best if easy(best) >= easy(0) + WORTH else 0
