"""Recorded notes, ready to be played: one array of samples at 16 kHz and a table of the notes in it.

A bank is made from a folder of libraries (`sound_library`) and is one file. Sustained notes have a loop inside their
second half, with a crossfade, and a guard behind it, so that a reader may run past the loop's end. In its compact form
(`save_compact`) a bank travels to another machine: notes cut shorter, seven bits a sample with a scale for each block
of 32, which is noise 40 dB below what sounds.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from abcscribe import cluster
from abcscribe.audio import SAMPLE_RATE
from abcscribe.errors import AbcscribeError
from abcscribe.files import replacing
from abcscribe.synthesis.sound_library import Sound, decoded, read_library, read_rooms

FORMAT = 1
BEFORE = 0.01  # seconds kept before the onset
LONGEST = 4.0  # seconds of a note
QUIET = 1e-3  # of the peak: a note ends where it stays below
GUARD = 192  # samples behind a loop's end that repeat its beginning: a block of 64 read at up to three times the speed
CROSSFADE = 0.06  # seconds
LOOP = (0.35, 0.95)  # shares of a sustained note between which its loop lies
REFERENCE_RMS = 0.1  # of the loudest layer of an instrument, played back at ``level``
REACH = 3.0  # semitones that a note may be retuned by
RANGE = 128  # MIDI pitches
ROOM_SECONDS = 1.2
# Of the compact form.
STRUCK_SECONDS, SUSTAINED_SECONDS = 2.2, 1.8
STEPS = 63  # of amplitude to either side of zero
SCALE_BLOCK = 32  # samples


@dataclass(frozen=True)
class Instrument:
    """One recorded instrument of a bank."""

    name: str
    library: str
    program: int  # General MIDI, 128 a drum kit
    sustained: bool
    split: str  # train or valid
    licence: str
    author: str
    level: float  # factor to REFERENCE_RMS


@dataclass(frozen=True)
class SoundBank:
    """Aligned arrays over n notes."""

    waves: np.ndarray  # (samples,) int16
    begin: np.ndarray  # (n,) int64: first sample of a note
    length: np.ndarray  # (n,) samples; of a note with a loop up to the loop's end
    onset: np.ndarray  # (n,) samples from ``begin``
    midi: np.ndarray  # (n,) measured pitch, or key of a drum
    layer: np.ndarray  # (n,) velocity layer from 0
    loop: np.ndarray  # (n,) samples of the loop, which ends at ``length``; 0 for none
    instrument: np.ndarray  # (n,) index in ``instruments``
    rooms: np.ndarray  # (r, samples) float32 impulse responses, the direct sound first, of height 1
    instruments: tuple[Instrument, ...]

    @cached_property
    def choices(self) -> np.ndarray:
        """(instruments, layers, 128, 2) the nearest note for each pitch and the next, -1 out of REACH; drums alone.

        A layer in which a pitch was not recorded answers with the nearest layer that has it.
        """
        layers = int(self.layer.max(initial=0)) + 1
        table = np.full((len(self.instruments), layers, RANGE, 2), -1, np.int32)
        for index, instrument in enumerate(self.instruments):
            reach = 0.5 if instrument.program == 128 else REACH + 0.5
            own = np.flatnonzero(self.instrument == index)
            for layer in range(layers):
                # An instrument with fewer layers answers with its loudest.
                of_layer = own[self.layer[own] == min(layer, self.layer[own].max())]
                distance = np.abs(self.midi[of_layer] - np.arange(RANGE)[:, None])
                order = np.argsort(distance, axis=1, kind="stable")[:, :2]
                for rank in range(order.shape[1]):
                    near = np.take_along_axis(distance, order[:, rank : rank + 1], axis=1)[:, 0] <= reach
                    table[index, layer, near, rank] = of_layer[order[near, rank]]
        table[..., 1] = np.where(table[..., 1] < 0, table[..., 0], table[..., 1])
        for layer in range(layers):
            for other in sorted(range(layers), key=lambda number: abs(number - layer)):
                table[:, layer] = np.where(table[:, layer] < 0, table[:, other], table[:, layer])
        return table

    @cached_property
    def layers(self) -> np.ndarray:
        """(instruments,) number of velocity layers."""
        return np.array([self.layer[self.instrument == i].max(initial=0) + 1 for i in range(len(self.instruments))])

    @cached_property
    def reach(self) -> np.ndarray:
        """(instruments, 128) whether a pitch can be played."""
        return np.any(self.choices[..., 0] >= 0, axis=1)

    def of_split(self, split: str) -> np.ndarray:
        """Indices of the instruments of a split."""
        return np.array([i for i, instrument in enumerate(self.instruments) if instrument.split == split], int)


def build_bank(
    folder: Path, progress: Callable[[int, int], None] = lambda done, total: None, on: str = ""
) -> SoundBank:
    """Read, measure and loop all notes of a folder of libraries, on the cores of a cluster if one is named."""
    sounds = sorted(read_library(folder, progress), key=lambda sound: (sound.library, sound.instrument, sound.midi))
    of_sound = dict(cluster.answers(prepared, sounds, on)) if on else {sound: prepared(sound) for sound in sounds}
    names = list(dict.fromkeys((sound.library, sound.instrument) for sound in sounds))
    instruments, notes, waves = [], [], []
    for name in names:
        own = [sound for sound in sounds if (sound.library, sound.instrument) == name]
        recorded = [of_sound[sound] for sound in own]
        peak = max(float(np.abs(note.waveform).max()) for note in recorded)
        loudest = np.median([note.rms / peak for note in recorded if note.layer == max(r.layer for r in recorded)])
        first = own[0]
        instruments.append(
            Instrument(
                first.instrument,
                first.library,
                first.program,
                first.sustained,
                first.split,
                first.licence,
                first.author,
                float(REFERENCE_RMS / max(loudest, 1e-3)),
            )
        )
        notes += [(note, len(instruments) - 1) for note in recorded]
        waves += [np.round(note.waveform / peak * 32767).astype(np.int16) for note in recorded]
    rooms = np.stack([_room(path) for path in read_rooms(folder)] or [_no_room()])
    return _bank(waves, notes, rooms, tuple(instruments))


@dataclass(frozen=True)
class _Prepared:
    waveform: np.ndarray
    onset: int
    length: int
    loop: int
    midi: float
    layer: int
    rms: float


def _bank(
    waves: Sequence[np.ndarray], notes: Sequence[tuple[_Prepared, int]], rooms: np.ndarray,
    instruments: tuple[Instrument, ...],
) -> SoundBank:  # fmt: skip
    ends = np.cumsum([wave.size for wave in waves])
    return SoundBank(
        np.concatenate([*waves, np.zeros(GUARD, np.int16)]),
        begin=np.r_[0, ends[:-1]].astype(np.int64),
        length=np.array([note.length for note, _ in notes], np.int32),
        onset=np.array([note.onset for note, _ in notes], np.int32),
        midi=np.array([note.midi for note, _ in notes], np.float32),
        layer=np.array([note.layer for note, _ in notes], np.int16),
        loop=np.array([note.loop for note, _ in notes], np.int32),
        instrument=np.array([index for _, index in notes], np.int32),
        rooms=rooms,
        instruments=instruments,
    )


def prepared(sound: Sound) -> _Prepared:
    """A note at 16 kHz from just before its onset to where it has died away, looped if it may be."""
    waveform = decoded(sound.path, SAMPLE_RATE)
    start = max(0, round((sound.onset - BEFORE) * SAMPLE_RATE))
    waveform = waveform[start : start + round(LONGEST * SAMPLE_RATE)]
    audible = np.flatnonzero(np.abs(waveform) > QUIET * float(np.abs(waveform).max(initial=0)))
    waveform = waveform[: audible[-1] + 1] if audible.size else waveform
    onset = round(sound.onset * SAMPLE_RATE) - start
    body = waveform[onset : onset + SAMPLE_RATE // 2]
    rms = float(np.sqrt(np.mean(np.square(body)))) if body.size else 1e-3
    looped = with_loop(waveform, sound.midi) if sound.sustained and sound.program != 128 else None
    if looped is None:
        return _Prepared(_faded(waveform), onset, waveform.size, 0, sound.midi, sound.layer - 1, rms)
    waveform, loop = looped
    return _Prepared(waveform, onset, waveform.size - GUARD, loop, sound.midi, sound.layer - 1, rms)


def with_loop(waveform: np.ndarray, midi: float) -> tuple[np.ndarray, int] | None:
    """A sustained note with a loop of steady loudness at its end, and GUARD samples behind it.

    Returns:
        the waveform and the loop's length in samples; None if the note is too short to have one.
    """
    fade = round(CROSSFADE * SAMPLE_RATE)
    size = SAMPLE_RATE // 50
    loudness = np.sqrt(np.mean(np.square(waveform[: waveform.size // size * size]).reshape(-1, size), axis=1))
    if loudness.size < 20:
        return None
    steady = np.flatnonzero(loudness > 0.5 * np.median(loudness))
    first, last = (int(share * (steady[-1] + 1) * size) for share in LOOP)
    if last - first < 4 * fade or first < fade:
        return None
    period = SAMPLE_RATE / (440 * 2 ** ((midi - 69) / 12))
    # The loop's end is moved by up to two periods to where the sound is most like that at the loop's beginning.
    ends = np.arange(last - max(2, int(2 * period)), last)
    head = waveform[first - fade : first]
    likeness = [float(np.dot(head, waveform[end - fade : end])) for end in ends]
    end = int(ends[int(np.argmax(likeness))])
    begin_rms, end_rms = (float(np.sqrt(np.mean(np.square(waveform[at - fade : at])))) for at in (first, end))
    looped = waveform[:end].copy()
    ratio = np.clip(begin_rms / max(end_rms, 1e-9), 0.25, 4)
    looped[first:] *= ratio ** np.linspace(0, 1, end - first)
    ramp = np.linspace(0, 1, fade, dtype=np.float32)
    looped[end - fade :] = looped[end - fade :] * (1 - ramp) + head * ramp
    return np.concatenate([looped, np.resize(looped[first:], GUARD)]).astype(np.float32), end - first


def _faded(waveform: np.ndarray) -> np.ndarray:
    """The last 20 ms let down: what is cut must not click."""
    fade = min(SAMPLE_RATE // 50, waveform.size)
    waveform = waveform.copy()
    waveform[waveform.size - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)
    return waveform


def _no_room() -> np.ndarray:
    return np.r_[1.0, np.zeros(round(ROOM_SECONDS * SAMPLE_RATE) - 1)].astype(np.float32)


def _room(path: Path) -> np.ndarray:
    """An impulse response from its highest peak on, which is made 1."""
    waveform = decoded(path, SAMPLE_RATE)
    peak = int(np.abs(waveform).argmax())
    response = waveform[peak : peak + round(ROOM_SECONDS * SAMPLE_RATE)] / waveform[peak]
    return np.pad(response, (0, round(ROOM_SECONDS * SAMPLE_RATE) - response.size)).astype(np.float32)


def save(bank: SoundBank, path: Path) -> None:
    """Write a bank. The file appears only once it is complete."""
    _write(path, _arrays(bank) | {"waves": bank.waves}, bank)


def save_compact(bank: SoundBank, path: Path, splits: tuple[str, ...] = ("train", "valid")) -> None:
    """Write a bank small: see the module."""
    bank = shortened(bank, splits)
    blocks = np.pad(bank.waves, (0, -bank.waves.size % SCALE_BLOCK)).reshape(-1, SCALE_BLOCK).astype(np.float32)
    # A scale is a power of the square root of two, so that it is a byte.
    exponent = np.ceil(2 * np.log2(np.maximum(np.abs(blocks).max(axis=1), STEPS / 16) / STEPS)).astype(np.int8)
    steps = np.round(blocks / 2 ** (exponent[:, None] / 2)).astype(np.int8)
    _write(path, _arrays(bank) | {"steps": steps, "exponent": exponent}, bank)


def write_credits(bank: SoundBank, path: Path) -> None:
    """A table of the instruments: what trained weights owe to whom, and who is held out."""
    columns = ("name", "library", "program", "split", "licence", "author")
    with replacing(path) as unfinished, unfinished.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow((*columns, "notes"))
        for index, instrument in enumerate(bank.instruments):
            writer.writerow((*(getattr(instrument, c) for c in columns), int((bank.instrument == index).sum())))


def _arrays(bank: SoundBank) -> dict[str, np.ndarray]:
    names = ("begin", "length", "onset", "midi", "layer", "loop", "instrument")
    return {name: getattr(bank, name) for name in names} | {"rooms": bank.rooms.astype(np.float16)}


def _write(path: Path, arrays: dict[str, np.ndarray], bank: SoundBank) -> None:
    about = {"format": FORMAT, "instruments": [asdict(instrument) for instrument in bank.instruments]}
    arrays["about"] = np.frombuffer(json.dumps(about).encode(), np.uint8)
    with replacing(path) as unfinished, unfinished.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]


def load_bank(path: Path) -> SoundBank:
    """Read a bank, compact or not."""
    if not path.is_file():
        raise AbcscribeError(f"There is no {path}: make it with abcscribe data sounds.")
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    about = json.loads(arrays.pop("about").tobytes())
    if about["format"] != FORMAT:
        raise AbcscribeError(f"{path} has format {about['format']}, this version reads {FORMAT}: make it again.")
    if "steps" in arrays:
        scale = 2 ** (arrays.pop("exponent")[:, None].astype(np.float32) / 2)
        arrays["waves"] = np.clip(np.round(arrays.pop("steps") * scale), -32768, 32767).astype(np.int16).ravel()
    arrays["rooms"] = arrays["rooms"].astype(np.float32)
    return SoundBank(instruments=tuple(Instrument(**row) for row in about["instruments"]), **arrays)


def shortened(bank: SoundBank, splits: tuple[str, ...]) -> SoundBank:
    """The bank with the instruments of some splits, its notes at most STRUCK_SECONDS and SUSTAINED_SECONDS long."""
    kept = [i for i, instrument in enumerate(bank.instruments) if instrument.split in splits]
    notes, waves = [], []
    for index in np.flatnonzero(np.isin(bank.instrument, kept)):
        loop, length, begin = int(bank.loop[index]), int(bank.length[index]), int(bank.begin[index])
        wave = bank.waves[begin : begin + length + (GUARD if loop else 0)].astype(np.float32) / 32767
        limit = round((SUSTAINED_SECONDS if loop else STRUCK_SECONDS) * SAMPLE_RATE)
        if loop and length > limit:
            again = with_loop(wave[:limit], float(bank.midi[index]))
            wave, loop = again if again else (wave, loop)
            length = wave.size - GUARD
        elif not loop and length > limit:
            wave, length = _faded(wave[:limit]), limit
        owner = kept.index(int(bank.instrument[index]))
        layer, midi = int(bank.layer[index]), float(bank.midi[index])
        notes.append((_Prepared(wave, int(bank.onset[index]), length, loop, midi, layer, 0.0), owner))
        waves.append(np.round(np.clip(wave, -1, 1) * 32767).astype(np.int16))
    return _bank(waves, notes, bank.rooms, tuple(bank.instruments[i] for i in kept))
