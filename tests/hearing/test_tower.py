import dataclasses

import numpy as np

from abcscribe.hearing import note_decoding as notes_module
from abcscribe.hearing.tower import STRETCH_FRAMES, AbcscribeEngine
from abcscribe.model.tower_classes import DRUMS
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


def test_hits_of_drums_are_among_the_notes_of_a_tower_that_hears_them():
    runtime = Runtime([100], 520)
    drums = np.zeros((520, len(DRUMS)))
    drums[60, 0], drums[200, 2], drums[300, 1] = 0.9, 0.8, 0.15
    runtime.activity = dataclasses.replace(runtime.activity, drums=drums)
    runtime.stream = lambda blocks: iter([runtime.activity])
    notes = [note for part in AbcscribeEngine(runtime).notes([]) for note in part]
    assert [(n.drum, n.pitch) for n in notes] == [(True, 35), (False, 60), (True, 42)]
    assert notes[0].onset == 60 / FRAME_RATE
    assert notes[2].confidence == 0.8


def test_what_a_head_says_of_a_note_is_the_mean_over_its_cells():
    runtime = Runtime([100, 300], 520)
    player = np.zeros((520, 88, 2), np.float16)
    player[100:140, 39] = (1, 0)
    player[300:340, 39] = (0, 1)
    runtime.activity = dataclasses.replace(runtime.activity, player=player)
    runtime.stream = lambda blocks: iter([runtime.activity])
    engine = AbcscribeEngine(runtime)
    ((activity, start),) = filter(None, engine.stretches([]))
    assert start == 0
    vectors = notes_module.over_notes(activity.player, engine.decoded(activity))
    assert np.allclose(vectors, np.eye(2), atol=0.1)
