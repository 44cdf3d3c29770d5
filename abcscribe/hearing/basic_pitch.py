"""Basic Pitch as a note engine: the ONNX file of the ``basic-pitch`` wheel, run without TensorFlow and librosa.

Bittner et al., "A lightweight instrument-agnostic model for polyphonic note transcription and multipitch estimation",
ICASSP 2022. The network's output is, per frame and pitch, the probability that a note sounds and that one begins; notes
are decoded as in section 2.3 of the paper, with the defaults of the wheel (0.4.0). Pitch bends are not kept. Recordings
longer than ``SECTION_FRAMES`` are decoded in sections that meet at the quietest frame; shorter ones as in the wheel.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from abcscribe.errors import EngineError
from abcscribe.model.onnx_session import open_session
from abcscribe.score.model import PlayedNote

SAMPLE_RATE = 22_050  # Hz
HOP = 256  # samples between frames
WINDOW = 2 * SAMPLE_RATE - HOP  # samples of the network's input; its output is 172 frames
OVERLAP = 30  # frames by which windows overlap; half of them are dropped at each end
STEP = WINDOW - OVERLAP * HOP  # samples between windows
KEPT = 142  # frames kept of a window. STEP / HOP is 141.3, hence the detour over windows in ``_seconds``
BATCH = 8  # windows in one run of the network: 13 s of sound

LOWEST = 21  # MIDI pitch of the first of 88 columns
ONSET_THRESHOLD = 0.5  # thresholds and lengths: defaults of the wheel
FRAME_THRESHOLD = 0.3
MIN_FRAMES = 11  # 128 ms; a note must be longer
GAP_FRAMES = 11  # a note ends once it has been below FRAME_THRESHOLD for so long
RISE_FRAMES = 2  # an onset is also inferred where activity rises within one and within two frames

SECTION_FRAMES = 13_000  # 150 s; bounds memory at about 50 MB
SEARCH_FRAMES = 2_600  # 30 s at the end of a section in which the best place to cut is looked for

_REMEDY = "pip install --no-deps basic-pitch brings it."


def load(checkpoint: str = "") -> BasicPitch:
    """The model in the wheel, or another ONNX file of the same shape. Raises EngineError if it is not there."""
    if checkpoint:
        if not Path(checkpoint).is_file():
            raise EngineError(f"There is no file {checkpoint} with a Basic Pitch model.")
        return BasicPitch(Path(checkpoint))
    package = find_spec("basic_pitch")
    if package is None or package.origin is None:
        raise EngineError(f"The engine basic-pitch is not installed; {_REMEDY}")
    model = Path(package.origin).parent / "saved_models" / "icassp_2022" / "nmp.onnx"
    if not model.is_file():
        raise EngineError(f"The installed basic-pitch has no ONNX model; {_REMEDY}")
    return BasicPitch(model)


class BasicPitch:
    """A ``NoteEngine``."""

    sample_rate = SAMPLE_RATE
    clear_confidence = 0.65  # strongest note in minutes of white and pink noise .57; in each of 16 real recordings .75

    def __init__(self, model: Path) -> None:
        self._session = open_session(model)

    def notes(self, blocks: Iterable[np.ndarray]) -> Iterator[list[PlayedNote]]:
        done, waiting = 0, np.zeros((0, 2, 88), np.float32)  # frames decoded, and frames to decode
        for activity in self._activity(blocks):
            waiting = np.concatenate([waiting, activity])
            found = []
            while len(waiting) > SECTION_FRAMES:
                cut = _quietest(waiting)
                found += _read_off(waiting[:cut, 0], waiting[:cut, 1], done)
                done, waiting = done + cut, waiting[cut:]
            yield found
        yield _read_off(waiting[:, 0], waiting[:, 1], done)

    def _activity(self, blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Per block, the frames that it completes: (frames, 2, 88), [:, 0] sounding and [:, 1] onset."""
        waiting = np.zeros(OVERLAP // 2 * HOP, np.float32)  # so that the first frame kept is at 0 s
        samples = frames = 0
        for block in blocks:
            samples += len(block)
            waiting = np.concatenate([waiting, block])
            windows = max(0, (len(waiting) - WINDOW) // STEP + 1)
            activity = self._run(waiting, windows)
            waiting = waiting[windows * STEP :]
            frames += len(activity)
            yield activity
        rest = self._run(np.pad(waiting, (0, WINDOW)), -(-len(waiting) // STEP))
        yield rest[: max(0, samples * KEPT // STEP - frames)]

    def _run(self, waveform: np.ndarray, windows: int) -> np.ndarray:
        """The kept frames of the first windows of a waveform: (windows * KEPT, 2, 88)."""
        stacked = [waveform[i * STEP : i * STEP + WINDOW] for i in range(windows)]
        frames = [np.zeros((0, 2, 88), np.float32)]
        for first in range(0, windows, BATCH):
            batch = np.stack(stacked[first : first + BATCH])[..., None]  # (batch, samples, 1)
            outputs = ["StatefulPartitionedCall:1", "StatefulPartitionedCall:2"]  # sounding, onset: (batch, 172, 88)
            activity = np.stack(self._session.run(outputs, {"serving_default_input_2:0": batch}), axis=2)
            frames.append(activity[:, OVERLAP // 2 : -(OVERLAP // 2)].reshape(-1, 2, 88))
        return np.concatenate(frames)


def _quietest(activity: np.ndarray) -> int:
    """The frame near the end of the first section where least sounds."""
    first = SECTION_FRAMES - SEARCH_FRAMES
    return first + int(activity[first:SECTION_FRAMES, 0].sum(axis=1).argmin())


def _seconds(frame: int) -> float:
    window, rest = divmod(frame, KEPT)
    return (window * STEP + rest * HOP) / SAMPLE_RATE


def _read_off(sounding: np.ndarray, onset: np.ndarray, offset: int) -> list[PlayedNote]:
    """Notes of a section that begins at frame ``offset``; sounding, onset: (frames, 88)."""
    energy = sounding.copy()  # activity that no note explains yet
    spans = [*_from_onsets(energy, _with_rises(onset, sounding)), *_from_peaks(energy)]
    notes = []
    for start, end, column in spans:
        strength = float(sounding[start:end, column].mean())
        velocity = max(1, round(127 * strength))
        times = _seconds(offset + start), _seconds(offset + end)
        notes.append(PlayedNote(*times, column + LOWEST, velocity, confidence=strength))
    return notes


def _with_rises(onset: np.ndarray, sounding: np.ndarray) -> np.ndarray:
    """Onsets, also where a pitch suddenly becomes active without an onset of the network: (frames, 88)."""
    if len(sounding) <= RISE_FRAMES:
        return onset
    rise = np.zeros_like(sounding)
    now = sounding[RISE_FRAMES:]
    before = [sounding[RISE_FRAMES - n : len(sounding) - n] for n in range(1, RISE_FRAMES + 1)]
    rise[RISE_FRAMES:] = np.maximum(0, now - np.maximum.reduce(before))
    strongest = rise.max()
    return np.maximum(onset, rise * (onset.max() / strongest)) if strongest > 0 else onset


def _from_onsets(energy: np.ndarray, onset: np.ndarray) -> Iterator[tuple[int, int, int]]:
    """(start, end, column) of the note behind every onset peak, last onset first; removes its energy."""
    middle = onset[1:-1]
    peaks = (middle > onset[:-2]) & (middle > onset[2:]) & (middle >= ONSET_THRESHOLD)
    for before, column in np.argwhere(peaks)[::-1]:
        start = before + 1  # ``middle`` begins at frame 1
        end = _last_active(energy[start + 1 : -1, column] >= FRAME_THRESHOLD) + start + 1
        if end - start > MIN_FRAMES:
            energy[start:end, max(0, column - 1) : column + 2] = 0
            yield int(start), int(end), int(column)


def _from_peaks(energy: np.ndarray) -> Iterator[tuple[int, int, int]]:
    """(start, end, column) of notes whose onset was missed, strongest frame first (the "melodia trick")."""
    strong = np.argwhere(energy > FRAME_THRESHOLD)
    order = np.argsort(-energy[tuple(strong.T)], kind="stable")
    for middle, column in strong[order]:
        if not energy[middle, column]:  # explained meanwhile
            continue
        forward = energy[middle + 1 : -1, column] >= FRAME_THRESHOLD
        backward = energy[1:middle, column][::-1] >= FRAME_THRESHOLD
        end = int(middle) + _last_active(forward)
        start = int(middle) - _last_active(backward)
        energy[middle, column] = 0
        columns = slice(max(0, column - 1), column + 2)
        energy[middle + 1 : -1][: end - middle + GAP_FRAMES, columns] = 0
        energy[max(1, start - GAP_FRAMES) : middle, columns] = 0
        if end - start > MIN_FRAMES:
            yield start, end, int(column)


def _last_active(active: np.ndarray) -> int:
    """Frames until a note ends; ``active``: (frames,) bool, whether it is above the threshold from here on."""
    alive = 0
    for i, on in enumerate(active, 1):
        if on:
            alive = i
        elif i - alive >= GAP_FRAMES:
            break
    return alive
