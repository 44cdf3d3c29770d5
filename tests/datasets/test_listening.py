"""What the tower hears of a performance, and which score note is behind it."""

import numpy as np

from abcscribe.datasets import listening, singer
from abcscribe.datasets.performance import Performance
from abcscribe.engines.second_opinion import heard_notes
from abcscribe.score.model import PlayedNote


def played(*rows: tuple[float, int], length: float = 0.45) -> Performance:
    onset, pitch = np.array(rows, float).T
    count = len(rows)
    return Performance(
        onset, onset + length, pitch.astype(int), np.full(count, 90), np.zeros(count, int), np.arange(count) + 5, (73,)
    )


def heard(*rows: tuple[float, int]):
    return heard_notes([PlayedNote(onset, onset + 0.3, pitch) for onset, pitch in rows])


def test_each_heard_note_is_taken_for_the_score_note_next_to_it():
    behind = listening._behind(heard((0.02, 60), (0.5, 60), (0.51, 64)), played((0.0, 60), (0.5, 60), (0.5, 64)))
    assert behind.tolist() == [5, 6, 7]


def test_false_notes_have_none_behind_and_no_score_note_counts_twice():
    """An octave, a note that begins again, and one that is too late."""
    behind = listening._behind(heard((0.0, 72), (0.0, 60), (0.1, 60), (0.9, 64)), played((0.0, 60), (0.5, 64)))
    assert behind.tolist() == [5, -1, -1, -1]  # by onset and pitch: 60, 72, 60, 64


def test_a_recorded_melody_is_heard(monkeypatch):
    """Sung by the project's own synthesizer in the place of soundfonts, through room and noise."""

    def sung(rng, performance, who, cents, seconds):
        assert who in (None, 0)
        return singer.sing(rng, performance, seconds, 0.0, voice=False), np.zeros((0, 5))

    monkeypatch.setattr(listening.render, "sound", sung)
    melody = played(*((0.5 * k, pitch) for k, pitch in enumerate((60, 62, 64, 65, 67, 69, 71, 72) * 2)))
    found, behind = listening.listen(np.random.default_rng(2), melody)
    assert len(found) == len(behind)
    assert len({note for note in behind.tolist() if note >= 0}) >= 12
    true = behind >= 0
    assert np.array_equal(found.pitch[true], melody.pitch[behind[true] - 5])
    assert np.abs(found.onset[true] - melody.onset[behind[true] - 5]).max() <= listening.NEAR
