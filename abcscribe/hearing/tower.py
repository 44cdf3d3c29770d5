"""The default engine: the project's audio tower, and note decoding of its activity."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from abcscribe import hub
from abcscribe.audio import SAMPLE_RATE
from abcscribe.errors import EngineError
from abcscribe.hearing import note_confidence
from abcscribe.hearing.note_decoding import decode_drums, decode_notes, with_timbre
from abcscribe.model import WEIGHTS, runtime_files
from abcscribe.model.tower_runtime import Activity, TowerRuntime, joined
from abcscribe.score.model import PlayedNote
from abcscribe.spectrogram import FRAME_RATE

# Notes are decoded from stretches, so that memory is bounded; cut where it is quiet, so that few notes are cut in two.
STRETCH_FRAMES = 4_000
CUT_FRAMES = 1_000  # the cut is looked for in the last 16 s of a stretch


class AbcscribeEngine:
    """A `NoteEngine` over the tower."""

    sample_rate = SAMPLE_RATE
    # Noise gives no notes at all. Speech: docs/log, 2026-11-25-refusing-speech-by-clear-notes and, for .97,
    # 2026-11-26-tower-80-minutes-on-clips-with-playing-styles.
    clear_confidence = 0.97

    def __init__(self, runtime: TowerRuntime, confidence: Path = note_confidence.WEIGHTS) -> None:
        """``confidence``: the file of `note_confidence` that was fitted to this tower."""
        self.runtime, self.confidence = runtime, confidence

    def notes(self, blocks: Iterable[np.ndarray]) -> Iterator[list[PlayedNote]]:
        """See `abcscribe.hearing.NoteEngine`."""
        for stretch in self.stretches(blocks):
            if stretch is None:
                yield []
            else:
                activity, start = stretch
                yield _shifted(self.decoded(activity), start)

    def stretches(self, blocks: Iterable[np.ndarray]) -> Iterator[tuple[Activity, int] | None]:
        """The tower's activity in stretches of a minute or so, cut where the music is quietest, each with the frame at
        which it begins; None after a step that completes none."""
        held: list[Activity] = []
        start = 0  # frame at which ``held`` begins
        for activity in self.runtime.stream(blocks):
            held.append(activity)
            if sum(len(part.onset) for part in held) >= STRETCH_FRAMES:
                whole = joined(held)
                cut = _quietest(whole)
                yield whole.part(slice(0, cut)), start
                held, start = [whole.part(slice(cut, None))], start + cut
            else:
                yield None
        if held:
            yield joined(held), start

    def decoded(self, activity: Activity) -> list[PlayedNote]:
        """Notes of a stretch, and hits of drums if the tower hears them, in seconds from its first frame."""
        notes = decode_notes(
            activity.onset, activity.sounding, activity.velocity, activity.family, weights=self.confidence
        )
        if activity.player is not None:
            notes = with_timbre(notes, activity.player)
        hits = [] if activity.drums is None else decode_drums(activity.drums)
        return sorted([*notes, *hits], key=lambda note: (note.onset, note.pitch)) if hits else notes


def load(checkpoint: str = "") -> AbcscribeEngine:
    """Load the engine.

    Args:
        checkpoint: a folder (`runtime_files`), or a name on the Hub (`abcscribe.hub`), with a tower; if it has only a
            language model, or for "", the package's tower is used.

    Raises:
        EngineError: the folder has no weights at all, or the package's are missing.
    """
    shipped = runtime_files.tower(WEIGHTS) if WEIGHTS.is_dir() else None
    if shipped is None:
        raise EngineError(f"The weights in {WEIGHTS} are missing: install abcscribe again.")
    folder = hub.local(checkpoint) if checkpoint else WEIGHTS
    tower = runtime_files.tower(folder)
    if tower is None and runtime_files.language_model(folder) is None:
        raise EngineError(f"There is neither a tower nor a language model in {folder}.")
    confidence = folder / runtime_files.NOTE_CONFIDENCE
    return AbcscribeEngine(
        TowerRuntime(tower or shipped), confidence if confidence.is_file() else note_confidence.WEIGHTS
    )


def _quietest(activity: Activity) -> int:
    """The frame of the last CUT_FRAMES with the least activity: few pitches sounding, no onset."""
    busy = activity.sounding.sum(axis=1) + 4 * activity.onset.sum(axis=1)
    first = len(busy) - CUT_FRAMES
    smooth = np.convolve(busy[first:], np.ones(5) / 5, "valid")
    return first + 2 + int(smooth.argmin())


def _shifted(notes: list[PlayedNote], frames: int) -> list[PlayedNote]:
    by = frames / FRAME_RATE
    return [dataclasses.replace(note, onset=note.onset + by, offset=note.offset + by) for note in notes]
