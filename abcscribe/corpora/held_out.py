"""Pieces that are never trained on, because the development benchmark contains them.

A piece is recognised by its catalogue number, by its title, or by its melody. The incipits are public-domain tunes
written down from memory, in semitones from the tonic, and serve only as fingerprints. The chorale tunes are not written
down at all: `collections.build_cache` leaves out, with each piece named here, every other piece that shares its highest
part.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np

from abcscribe.corpora import splits

# By BWV number. First the benchmark's own chorales, then other settings of their melodies (Ach Gott und Herr; Wo Gott
# der Herr nicht bei uns hält; Herr Gott, dich loben alle wir; Nun bitten wir den Heiligen Geist; Nun lob, mein Seel),
# which Bach varies too much for `by_melody` to find each of them; then a prelude and Petzold's minuet.
BWV = frozenset({
    "255", "256", "274", "275", "296", "297", "326", "327", "364", "385", "390",
    "48.3", "62.6", "114.7", "178.7", "257", "258", "130.6", "169.7", "197.5", "389", "17.7", "28.2", "29.8", "51.4",
    "167.5", "225.2",
    "858", "anh114", "anh.114",
})  # fmt: skip

_OPUS = r"chopin.*\bop\.? ?{}\b[ ,/]*(no?\.? ?)?{}\b"
_TITLES = {
    "Schumann, Kinderszenen op. 15": r"kinder-?s[zc]enen|scenes? (from|of) childhood|tr[äa]umerei|fremden l[äa]ndern",
    "Schumann, Kreisleriana op. 16": r"kreisleriana",
    "Tchaikovsky, The Seasons op. 37a": r"tch?aikovsk.*(seasons|saisons|march|mars\b|novemb|troika)|song of the lark",
    "Chopin, op. 7/1, 33/2, 25/4, 10/3": "|".join(_OPUS.format(*n) for n in ((7, 1), (33, 2), (25, 4), (10, 3))),
    # Mazurkas were made into songs without their numbers, and first editions number pieces apart from the opus in their
    # own spelling ("4me ÉTUDE", "Mazourka. No. 4"): leave all mazurkas and études out.
    "Chopin, a mazurka or an arrangement": r"chopin.*(mazo?ur|tristesse)|mazo?ur.*chopin",
    "Chopin, an étude": r"chopin.*([eéė]tude|\bop\.? ?(10|25)\b)",
    "Beethoven, Pathétique op. 13": r"path[ée]tique|beethoven.*\bop\.? ?13\b",
    "Mozart, K. 331, 332, 265": r"mozart.*\bkv?\.? ?(331|332|265|300[eik])\b|alla turca|turkish march|rondo turc",
    "Ah! vous dirai-je, maman": r"vous dirai|twinkle,? twinkle|baa,? baa,? black sheep|morgen kommt der weihnachtsmann",
    # Beebe's Hornpipe shares seventeen notes in a row with it, though not with the incipit below.
    "Yankee Doodle": r"yankee ?doodle|beebe'?s\W+hornpipe",
    "Jingle Bells": r"jingle ?bells|one horse open sleigh",
    "Doraji": r"\b[dt]orad?[dj]i\b",
    "Dreaming of Home and Mother": r"dreaming of home|song ?bie|送别|送別",
    "Petzold, Minuet in G": r"petzold|min[iu]et in g\b.*bach|anh\.? ?(ii )?114",
    "Old Hundredth (BWV 326, 327)": r"old hundred|herr gott,? dich loben alle|vor deinen thron|genevan 134",
}  # fmt: skip
TITLES = {name: re.compile(pattern, re.IGNORECASE) for name, pattern in _TITLES.items()}

INCIPITS = {
    "Yankee Doodle": "0 2 4 0 4 2 -5 0 2 4 0 -1 0 2 4 5 4 2 0 -1 -5 -3 -1 0",
    "Yankee Doodle, plain": "0 2 4 0 4 2 0 2 4 0 -1 0 2 4 5 4 2 0 -1 -5 -3 -1 0",
    "Yankee Doodle, chorus": "9 11 9 7 9 11 12 7 9 7 5 4 5 7 9 11 9 7 9 11 12 9 7 12 11 14 12",
    "Jingle Bells": "4 7 0 2 4 5 4 2 4 2 7 4 7 0 2 4 5 4 7 5 2 0",
    "Jingle Bells, verse": "-5 4 2 0 -5 4 2 0 -3 5 4 2 -1 7 5 2 4",
    "Petzold, Minuet in G": "7 0 2 4 5 7 0 9 5 7 9 11 12 0 5 7 5 4 2 4 5 4 2 0 -1 0 2 4 0 2",
    "Ah! vous dirai-je, maman": "0 7 9 7 5 4 2 0 7 5 4 2 7 5 4 2 0 7 9 7 5 4 2 0",
    "Old Hundredth": "0 -1 -3 -5 0 2 4 2 0 5 4 2 0 2 4 2 0 -3 -1 0 7 4 0 2 5 4 2 0",
    "Dreaming of Home and Mother": "7 4 7 12 9 12 7 0 2 4 2 0 2 7 4 7 12 11 9 12 7 2 4 5 -1 0",
    "Mozart, K. 331, finale": "2 0 -1 0 3 5 3 2 3 7 8 7 6 7 14 12 11 12 14 12 11 12 15",
    "Mozart, K. 331, theme": "4 5 4 7 2 4 2 5 0 2 4 7 5 4 2",
    "Schumann, Träumerei": "-5 0 -1 0 4 7 12 11 9 7",
    "Beethoven, Pathétique, Adagio": "4 2 7 5 4 7 12 14 7",
}
# Twelve intervals in a row are thirteen notes, repeated ones not counted. Runs of eight, tried first, occur in scales
# and left out half of the string quartets.
WINDOW = 12


def _windows(notes: str) -> list[bytes]:
    steps = splits.intervals([int(note) for note in notes.split()]).tobytes()
    return [steps[i : i + WINDOW] for i in range(max(1, len(steps) - WINDOW + 1))]


_WINDOWS = {name: _windows(notes) for name, notes in INCIPITS.items()}


def catalogue_number(text: str) -> str:
    """The BWV number in a file name or title, such as ``48.3``, or ""."""
    found = re.search(r"bwv[ ._-]?((?:anh\.? ?)?\d+(?:\.\d+)?)", text.lower())
    return found[1].replace(" ", "") if found else ""


def by_name(piece_id: str, title: str) -> str:
    """The held-out work that a piece is, by its catalogue number or its title, or ""."""
    number = catalogue_number(piece_id) or catalogue_number(title)
    if number in BWV:
        return f"BWV {number}"
    return next((name for name, pattern in TITLES.items() if pattern.search(title)), "")


def by_melody(melodies: Iterable[np.ndarray]) -> str:
    """The name of an incipit of which one of the melodies (`splits.melody`) contains thirteen notes, or ""."""
    lines = [melody.tobytes() for melody in melodies]
    return next((name for name, windows in _WINDOWS.items() if any(w in line for line in lines for w in windows)), "")
