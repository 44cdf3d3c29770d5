"""How many play, and whether one of them plays chords: decided for the whole recording.

Each number of players is tried. A small network reads how well they do, how many notes sound and begin together, in
which families they are heard and how mixed, how they lie and move. Trained on what the tower hears of public-domain
scores by ``abcscribe train small player-count``, run here with numpy.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from abcscribe.analysis import player_features, players, soloist
from abcscribe.model import WEIGHTS as FOLDER
from abcscribe.model import boosted_trees, perceptron, timbre
from abcscribe.model.timbre import NAMELESS
from abcscribe.score.instruments import FAMILIES
from abcscribe.score.model import PlayedNote


class Texture(NamedTuple):
    """Who plays."""

    lines: int  # players of one note at a time
    chords: bool  # whether there is one more, who plays chords: a keyboard, a harp, a guitar


TEXTURES = (Texture(0, True), Texture(1, True), *(Texture(lines, False) for lines in range(1, 6)))
TRIED = TEXTURES[1:]  # nothing is to be shared out if one plays chords alone
RELEASE = 0.06  # seconds that a note may sound into the next without sounding together with it
MOST_SOUNDING, MOST_BEGINNING = 7, 6
# Of what is heard must be a piano, or others play, too: of the recordings that it learned from and that are no single
# line, 302 of 326 with more are keyboards alone or under a song.
ALONE = 0.95
FIT = (  # of `players.fit`
    "price a note",
    "overlaps",
    "notes beyond",
    "leap",
    "leaps",
    "notes of the last",
    "least sounding",
    "mean sounding",
)
FEATURES = (
    *(f"{name} of {texture.lines} + {int(texture.chords)}" for texture in TRIED for name in FIT),
    *(f"price of {texture.lines + 1} beside {texture.lines}" for texture in TRIED[1:-1]),
    *(f"{k} sounding" for k in range(2, MOST_SOUNDING + 1)), *(f"{k} beginning" for k in range(2, MOST_BEGINNING + 1)),
    *(f"share of {name}" for name in (*FAMILIES, "none")), "entropy of the shares",
    *(f"share number {k}" for k in range(1, 6)), "mixed chords", "chord's width", "widest chords",
    "low pitch", "median pitch", "high pitch", "notes", "notes a chord", "chords a second",
    "step of the top", "step of the bass", "leaps of the top", "leaps of the bass",
)  # fmt: skip
SUNG = 0.62  # mean probability of the voice
OFTEN = 0.1  # share of the sounding time in which two notes must sound, or the music is one line
WEIGHTS = FOLDER / "player_count.npz"
KINDS = ("chords alone", "soloist with chords", "lines")
# Nats. Of 227 scenes on timbres that nothing was trained on, .92 of the players of chords, .68 of the soloists and .77
# of the ensembles of lines are told with these.
KIND_PRIOR = np.array([0.0, 0.4, 0.4])
KIND_WEIGHTS = FOLDER / "player_kinds.npz"


def texture(notes: Sequence[PlayedNote], groups: Sequence[Sequence[int]]) -> Texture:
    """The likeliest, for chords ``groups`` (indices of ``notes``)."""
    if is_one_line(notes):
        return Texture(1, False)
    if _shares(notes)[FAMILIES.index("piano")] > ALONE:
        return Texture(0, True)
    kind = int(kinds(notes, groups).argmax())
    if kind < KINDS.index("lines"):
        return TEXTURES[kind]
    several = perceptron.answer(WEIGHTS, features(notes, groups))[2:]
    return TEXTURES[2 + int(several.argmax())]


def kinds(notes: Sequence[PlayedNote], groups: Sequence[Sequence[int]]) -> np.ndarray:
    """(KINDS,) log probabilities."""
    music = player_features.heard(notes, groups)
    row = np.concatenate([player_features.of_recording(music), soloist.summary(soloist.likely(music))])
    scores = boosted_trees.answer(KIND_WEIGHTS, row) + KIND_PRIOR
    return np.asarray(scores - np.logaddexp.reduce(scores))


def is_one_line(notes: Sequence[PlayedNote]) -> bool:
    """Whether hardly ever two notes sound together."""
    return _sounding(notes)[0] < OFTEN


def is_sung(notes: Sequence[PlayedNote]) -> bool:
    """Whether one singer is all that is heard: in 8 recordings of singers the voice has .7 and more, in 14 of single
    instruments .53 at most."""
    voice = FAMILIES.index("voice")
    return is_one_line(notes) and float(np.mean([player_features.probabilities(n)[voice] for n in notes])) > SUNG


def features(notes: Sequence[PlayedNote], groups: Sequence[Sequence[int]]) -> np.ndarray:
    """(FEATURES,) float32: what the network reads. Nothing depends on the transposition but the register."""
    pitch = np.array([note.pitch for note in notes], float)
    family = np.array([timbre.index(note.family) for note in notes])
    share = _shares(notes)
    present = share[share > 0]
    sizes = np.array([len(group) for group in groups])
    chords = [np.array(group) for group in groups if len(group) > 1]
    mixed = [(family[c][:, None] != family[c]).sum() / (len(c) * (len(c) - 1)) for c in chords]
    spread = np.array([np.ptp(pitch[c]) for c in chords]) / 12 if chords else np.zeros(1)
    edges = np.array([(pitch[list(group)].max(), pitch[list(group)].min()) for group in groups])
    steps = np.abs(np.diff(edges, axis=0)) if len(edges) > 1 else np.zeros((1, 2))
    seconds = max(notes[-1].onset - notes[0].onset, 1.0)
    fits = np.array([players.fit(notes, groups, *tried) for tried in TRIED])
    return np.array(
        [
            *fits.ravel(), *np.diff(fits[1:, 0]),
            *_sounding(notes),
            *((sizes >= k).mean() for k in range(2, MOST_BEGINNING + 1)),
            *share,
            -(present * np.log(present)).sum(),
            *np.sort(share)[::-1][:5],
            np.mean(mixed) if mixed else 0.0,
            spread.mean(), np.quantile(spread, 0.9),
            *(np.quantile(pitch, (0.05, 0.5, 0.95)) / 24 - 2.5),
            np.log(len(notes)), np.log(len(notes) / len(groups)), np.log(len(groups) / seconds),
            *(np.minimum(steps, 24).mean(axis=0) / 6), *(steps > 12).mean(axis=0),
        ],
        np.float32,
    )  # fmt: skip


def _shares(notes: Sequence[PlayedNote]) -> np.ndarray:
    """(families + 1,) How much of the confidence is in notes that are heard as each family, and as none."""
    family = [timbre.index(note.family) for note in notes]
    heard = np.bincount(family, [note.confidence for note in notes], NAMELESS + 1)
    return heard / max(float(heard.sum()), 1e-9)


def _sounding(notes: Sequence[PlayedNote]) -> list[float]:
    """Shares of the sounding time in which two or more notes sound, three or more, ..."""
    events = sorted([(n.onset, 1) for n in notes] + [(max(n.offset - RELEASE, n.onset), -1) for n in notes])
    time, sounding = np.zeros(len(notes) + 1), 0
    for (at, change), (after, _) in pairwise(events):
        sounding += change
        time[max(sounding, 0)] += after - at
    total = time[1:].sum() or 1.0
    return [time[k:].sum() / total for k in range(2, MOST_SOUNDING + 1)]
