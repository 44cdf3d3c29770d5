"""A performance -> the notes that an engine would transcribe, errors included, without audio.

The language model is trained on transcriptions. Rendering a clip and running the tower takes a hundred times as long
as this, and the model would depend on the errors of one tower. Rates are drawn around those of the tower on 200 clips
of the validation split: of one line recall is .92 and .01 of the listed notes are false, of four lines .77 and .11,
half of that repeated onsets of true notes; in real recordings .69 to .93 and .05 to .40.
"""

from __future__ import annotations

import numpy as np

from abcscribe.model import timbre
from abcscribe.model.note_features import LOWEST_PITCH, PITCHES, UNKNOWN_FAMILY, HeardNotes, chords
from abcscribe.score.instruments import FAMILIES, family
from abcscribe.synthesis.performance import Performance

SEVERITY = (0.03, 1.0)  # of a clip, drawn with even logarithm
MISSED, INVENTED, SPLIT, SHORTENED = 0.25, 0.25, 0.15, 0.25  # shares of the notes at severity 1
CROWD = 0.5  # relative increase of missed notes and repeated onsets for each other note that sounds
JITTER = (0.004, 0.025)  # seconds, standard deviation of heard onsets in a clip
LATE = 0.03  # seconds: standard deviation of a part's latency
# Intervals of false notes from true ones, semitones, and their weights.
INTERVALS = (-1, 1, -2, 2, -4, 3, 5, -12, 12, 7, -3, 4, 19, 24)
INTERVAL_SHARES = np.array([30, 14, 6, 4, 4, 4, 3, 6, 8, 3, 3, 2, 3, 1], float)
TELLING = 0.75  # share of clips with calibrated confidences, as the tower's are; others are less informative
NAMELESS = 0.06  # share of clips from an engine without families


def hear(rng: np.random.Generator, played: Performance, severity: float | None = None) -> tuple[HeardNotes, np.ndarray]:
    """Simulate the transcription of a performance.

    Args:
        rng: random generator, of which the result is a function.
        played: the performance.
        severity: of the errors, 0 to 1; None: drawn from SEVERITY.

    Returns:
        n heard notes by onset and pitch, and (n,) the index of each one's score note, -1 for a false note.
    """
    bad = float(np.exp(rng.uniform(*np.log(SEVERITY)))) if severity is None else severity
    families = _families(rng, played)
    count = played.onset.size
    late = rng.normal(0, LATE * rng.random(), max(len(played.programs), 1))[played.part]
    onset = played.onset + late + rng.normal(0, rng.uniform(*JITTER), count)
    length = (played.offset - played.onset) * np.exp(rng.normal(0, rng.uniform(0.05, 0.4), count))
    length = np.where(rng.random(count) < SHORTENED * bad, length * rng.uniform(0.15, 0.7, count), length)
    crowd = 1 + CROWD * _others(played)
    telling = rng.random() < TELLING
    confidence = _confidence(rng, telling, bad, crowd)
    short = np.exp(-np.maximum(length, 0.03) / 0.12)
    soft = np.clip((60 - played.velocity) / 40, 0, 1)
    kept = rng.random(count) > np.minimum(MISSED * bad * crowd * (0.6 + 1.5 * short + soft + _covered(played)), 0.8)
    true = np.stack(
        [onset, onset + np.maximum(length, 0.032), played.pitch, played.velocity + rng.normal(0, 14, count), families,
         confidence, played.note], axis=1,
    )  # fmt: skip
    false = np.concatenate([_invented(rng, true, INVENTED * bad), _again(rng, true, SPLIT * bad * crowd)])
    false[:, 5] = _doubt(rng, telling, bad, len(false))
    notes = np.concatenate([true[kept], false])
    if not len(notes):
        notes = true[:1]
    notes[:, 0] = np.maximum(notes[:, 0], 0)
    notes = notes[(notes[:, 2] >= LOWEST_PITCH) & (notes[:, 2] < LOWEST_PITCH + PITCHES)]
    notes = notes[np.lexsort((notes[:, 2], notes[:, 0]))]
    heard = HeardNotes(
        notes[:, 0], np.maximum(notes[:, 1], notes[:, 0] + 0.03), notes[:, 2].astype(np.int64),
        np.clip(notes[:, 3], 1, 127), notes[:, 4].astype(np.int64), notes[:, 5],
        chords(notes[:, 0]), np.zeros((len(notes), 0), np.float32),
    )  # fmt: skip
    return heard, notes[:, 6].astype(np.int64)


def _confidence(rng: np.random.Generator, telling: bool, bad: float, crowd: np.ndarray) -> np.ndarray:
    """(n,) confidences of true notes."""
    if telling:
        return _probability(rng.normal(5.6 - 1.5 * bad - 0.6 * crowd, 2.4))
    return np.clip(1 - np.exp(rng.normal(-2.1 + 0.6 * bad + 0.1 * crowd, 0.55)), 0.2, 0.98)


def _doubt(rng: np.random.Generator, telling: bool, bad: float, count: int) -> np.ndarray:
    """(count,) confidences of false notes."""
    if telling:
        return _probability(rng.normal(-0.2 + 0.8 * bad, 1.2, count))
    return np.clip(rng.normal(0.58, 0.16, count), 0.2, 0.92)


def _probability(logit: np.ndarray) -> np.ndarray:
    """Probabilities above one half: less probable notes are not listed."""
    return 1 / (1 + np.exp(-np.abs(logit)))


def _families(rng: np.random.Generator, played: Performance) -> np.ndarray:
    """(n,) family that each note is labelled with."""
    if rng.random() < NAMELESS:
        return np.full(played.onset.size, UNKNOWN_FAMILY)
    heard = np.empty(played.onset.size, int)
    for part, program in enumerate(played.programs):
        own = played.part == part
        shares = rng.dirichlet(timbre.CONSISTENT * timbre.shares()[FAMILIES.index(family(program)), :-1] + 1e-3)
        heard[own] = rng.choice(len(FAMILIES), own.sum(), p=shares)
    return heard


def _others(played: Performance) -> np.ndarray:
    """(n,) how many other notes sound when each begins."""
    begun = np.searchsorted(np.sort(played.onset), played.onset, side="right")
    over = np.searchsorted(np.sort(played.offset), played.onset, side="right")
    return np.maximum(begun - over - 1, 0).clip(max=4)


def _covered(played: Performance) -> np.ndarray:
    """(n,) 1 for a note an octave above another that begins with it: hard to distinguish from its partial."""
    at = {(round(float(o) * 20), int(p)) for o, p in zip(played.onset, played.pitch, strict=True)}
    pairs = zip(played.onset, played.pitch, strict=True)
    return np.array([(round(float(o) * 20), int(p) - 12) in at for o, p in pairs], float)


def _invented(rng: np.random.Generator, true: np.ndarray, share: float) -> np.ndarray:
    """False notes near true ones: neighbours, partials, short blips."""
    false = true[rng.random(len(true)) < share * rng.uniform(0.3, 1.7)].copy()
    n, length = len(false), false[:, 1] - false[:, 0]
    false[:, 2] += rng.choice(INTERVALS, n, p=INTERVAL_SHARES / INTERVAL_SHARES.sum())
    beside = rng.random(n) < 0.6
    false[:, 0] += np.where(beside, rng.normal(0, 0.04, n), rng.uniform(0, 1, n) * length)
    false[:, 1] = false[:, 0] + np.where(
        rng.random(n) < 0.6, rng.uniform(0.03, 0.2, n), rng.uniform(0.3, 1, n) * length
    )
    false[:, 6] = -1
    return false


def _again(rng: np.random.Generator, true: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Repeated onsets of true notes while they sound."""
    again = true[(rng.random(len(true)) < share) & (true[:, 1] - true[:, 0] > 0.2)].copy()
    again[:, 0] += rng.uniform(0.2, 0.8, len(again)) * (again[:, 1] - again[:, 0])
    again[:, 6] = -1
    return again
