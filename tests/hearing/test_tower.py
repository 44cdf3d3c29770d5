import numpy as np

from abcscribe.hearing import note_decoding as notes_module
from abcscribe.hearing.tower import STRETCH_FRAMES, AbcscribeEngine
from abcscribe.model.tower_runtime import Activity
from abcscribe.score.instruments import FAMILIES
from abcscribe.spectrogram import FRAME_RATE


class Runtime:
    """A tower that hears a given activity, in stretches of 500 frames."""

    def __init__(self, onsets: list[int], frames: int, length: int = 40) -> None:
        self.activity = Activity(
            np.zeros((frames, 88)), np.zeros((frames, 88)), np.full((frames, 88), 0.5),
            np.full((frames, 88, len(FAMILIES)), 1 / len(FAMILIES)),
        )  # fmt: skip
        for frame in onsets:
            self.activity.onset[frame, 39] = 0.9
            self.activity.sounding[frame : frame + length, 39] = 0.9

    def stream(self, blocks):
        a = self.activity
        for i in range(0, len(a.onset), 500):
            yield Activity(*(x[i : i + 500] for x in (a.onset, a.sounding, a.velocity, a.family)))


def test_notes_of_a_long_recording_keep_their_times_and_are_not_cut(monkeypatch):
    monkeypatch.setattr(notes_module, "STRUCK_LATENCY", 0.0)
    frames = 3 * STRETCH_FRAMES
    onsets = list(range(100, frames - 100, 60))
    found = list(AbcscribeEngine(Runtime(onsets, frames)).notes([]))
    notes = [note for part in found for note in part]
    assert len(found) > 20  # progress comes stretch by stretch
    assert np.allclose([n.onset for n in notes], np.array(onsets) / FRAME_RATE)
    assert np.allclose([n.offset - n.onset for n in notes], 40 / FRAME_RATE, atol=1.5 / FRAME_RATE)


def test_nothing_is_held_back_at_the_end():
    notes = [n for part in AbcscribeEngine(Runtime([10, 480], 520)).notes([]) for n in part]
    assert len(notes) == 2
