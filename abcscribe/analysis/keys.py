"""Which key a piece is in: every key is asked the same questions, counted from its own tonic.

How long each pitch class sounds, which begins and ends the piece, which are in the bass and where the music stops, and
which follow each other. Church modes are told from major and minor. A small network, learned by
``abcscribe train small keys``, weighs the answers; the same weights serve all twelve tonics.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from abcscribe.model import WEIGHTS as FOLDER
from abcscribe.model.perceptron import answer
from abcscribe.score.model import MODE_FIFTHS, Key, PlayedNote

WEIGHTS = FOLDER / "keys.npz"
MODES = ("major", "minor", "dorian", "mixolydian")  # the others are too rare to be learned
NEAR = 0.08  # seconds between onsets that belong to one chord
SHORTEST, LONGEST = 0.05, 4.0  # seconds: notes count as at least and at most so long; one pedal point does not decide
# A signature under which more notes need an accidental loses so many nats for all of them: nobody would print it.
USUAL_ACCIDENTALS, ACCIDENTAL_PRICE = 0.22, 40.0
STOP = 1.6  # medians of the time between chords after which the music has stopped for a moment


def find_key(notes: Sequence[PlayedNote]) -> Key:
    """The likeliest key of ``notes``, at least one."""
    mode, tonic = divmod(int(_of_notes(notes).argmax()), 12)
    fifths = (signature_classes(tonic)[mode] + 5) % 12 - 5
    return Key(int(fifths), MODES[mode])


def signatures(notes: Sequence[PlayedNote]) -> np.ndarray:
    """(12,) Log probability of the signatures of 0 ... 11 sharps (six: or six flats) for notes, at least one."""
    each = _of_notes(notes)
    found = np.full(12, -np.inf)
    for tonic in range(12):
        for mode, sharps in enumerate(signature_classes(tonic)):
            found[sharps] = np.logaddexp(found[sharps], each[mode, tonic])
    return found


def find_mode(pitch: np.ndarray, onset: np.ndarray, duration: np.ndarray, fifths: int) -> str:
    """Which of MODES notes, at least one, are in under a signature; arrays (n,), duration in seconds."""
    each = scores(evidence(pitch, onset, duration))
    tonics = [7 * (fifths + MODE_FIFTHS[mode]) % 12 for mode in MODES]
    return MODES[int(each[np.arange(len(MODES)), tonics].argmax())]


def signature_classes(tonic: int) -> list[int]:
    """For each of MODES the sharps, 0 ... 11, of the signature with a tonic, in semitones above C."""
    return [(7 * tonic - MODE_FIFTHS[mode]) % 12 for mode in MODES]


def scores(evidence: np.ndarray) -> np.ndarray:
    """(12, N) evidence -> (MODES, 12) log probability of each mode on each tonic."""
    logits = answer(WEIGHTS, evidence).T
    return logits - np.logaddexp.reduce(logits, axis=None)


def _of_notes(notes: Sequence[PlayedNote]) -> np.ndarray:
    pitch, onset = np.array([n.pitch for n in notes]), np.array([n.onset for n in notes])
    found = scores(evidence(pitch, onset, np.array([n.offset for n in notes]) - onset))
    found = found - ACCIDENTAL_PRICE * np.maximum(_accidentals(pitch) - USUAL_ACCIDENTALS, 0.0)
    return np.asarray(found - np.logaddexp.reduce(found, axis=None))


def _accidentals(pitch: np.ndarray) -> np.ndarray:
    """(MODES, 12) the share of notes that need an accidental under the signature of each mode on each tonic."""
    count = np.bincount(pitch % 12, minlength=12) / len(pitch)
    natural = count[(7 * (np.arange(7) - 1)[:, None] + 7 * np.arange(12)) % 12].sum(axis=0)  # by sharps of a signature
    classes = np.array([signature_classes(tonic) for tonic in range(12)]).T
    return np.asarray(1 - natural[classes])


def evidence(pitch: np.ndarray, onset: np.ndarray, duration: np.ndarray) -> np.ndarray:
    """(12, N) float32: what is counted from each tonic; pitch (n,) MIDI, onset and duration (n,) seconds."""
    order = np.lexsort((pitch, onset))
    pitch, onset, duration = pitch[order], onset[order], np.clip(duration[order], SHORTEST, LONGEST)
    first = np.flatnonzero(np.diff(onset, prepend=-np.inf) > NEAR)
    low, high = np.minimum.reduceat(pitch, first) % 12, np.maximum.reduceat(pitch, first) % 12
    gap = np.diff(onset[first], append=onset[first[-1]] + duration[first[-1]]).clip(SHORTEST, LONGEST)
    one = np.eye(12)
    rows = np.stack([
        _shares(pitch % 12, np.sqrt(duration)), _shares(pitch % 12, duration**1.5),
        one[low[0]], one[low[-1]], one[high[-1]],
        _shares(low, np.sqrt(gap)), _shares(low, gap > STOP * np.median(gap)),
    ])  # fmt: skip
    pairs = np.stack([_followed(high), _followed(low)])
    tonics = range(12)
    each = [np.concatenate([np.roll(rows, -t, 1).ravel(), np.roll(pairs, (-t, -t), (1, 2)).ravel()]) for t in tonics]
    return np.array(each, np.float32)


def _shares(classes: np.ndarray, weights: np.ndarray) -> np.ndarray:
    total = np.bincount(classes, weights, minlength=12)
    return total / max(total.sum(), 1e-9)


def _followed(classes: np.ndarray) -> np.ndarray:
    """(12, 12) How often one pitch class is followed by another."""
    counts = np.zeros((12, 12))
    np.add.at(counts, (classes[:-1], classes[1:]), 1)
    return counts / max(len(classes) - 1, 1)
