"""A folder of libraries of recorded notes -> an index with licence, checksum, measured pitch and who is held out.

A library is a folder with LICENSE, SOURCE and a folder of FLAC or WAV files for each instrument, named
``060_C4_v2.flac``: MIDI pitch, any name, velocity layer. SOURCE has a block of ``key: value`` lines for each
instrument (blank line between blocks): instrument, licence, author, repository, commit, program (General MIDI, 128
percussion: the number of a file is then a key of the percussion map), sustained (1: a longer note may be looped) and
split (``valid`` is never trained on). A folder that has an ``index.csv`` already (columns as in `Sound`) is taken as
described there, file by file, where the checksums agree; ``impulse-responses`` holds recordings of rooms.
"""

from __future__ import annotations

import csv
import hashlib
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from abcscribe.errors import AbcscribeError

SUFFIXES = (".flac", ".wav")
ROOMS = "impulse-responses"
NOTE_FILE = re.compile(r"(?P<midi>\d{1,3})_.*?(?:v(?P<layer>\d+))?", re.ASCII)
DRUM_FILE = re.compile(r"key(?P<midi>\d{1,3})_.*?(?:v(?P<layer>\d+))?", re.ASCII)
PERCUSSION = 128
FREE = re.compile(r"cc0|cc-by-\d|cc by \d|\bmit\b|public domain|unlicense|no restrictions|royalty-free", re.IGNORECASE)
BOUND = re.compile(r"-nc|-sa\b|-nd|non-?commercial|share-?alike|gpl", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Sound:
    """One recorded note."""

    path: Path
    instrument: str
    library: str
    program: int  # General MIDI, 128 percussion
    sustained: bool  # blown, bowed, sung or held: may be looped
    midi: float  # pitch as measured, fractions kept; the key of the percussion map for drums
    layer: int  # velocity layer, 1 the softest
    onset: float  # seconds into the file
    licence: str
    author: str
    source: str
    sha256: str
    split: str  # train or valid


def may_be_used(licence: str) -> bool:
    """Whether sounds under a licence may be trained on: given away, or for the naming of their author."""
    return bool(FREE.search(licence)) and not BOUND.search(licence)


def read_library(folder: Path, progress: Callable[[int, int], None] = lambda done, total: None) -> list[Sound]:
    """All notes below ``folder`` whose licence allows it.

    Raises AbcscribeError if there is none, a file is not the one that the index describes, or a block of a SOURCE does
    not say what is needed.
    """
    if not folder.is_dir():
        raise AbcscribeError(f"There is no folder {folder} with libraries of recorded notes.")
    known = _index(folder / "index.csv")
    paths = [path for path in _recordings(folder) if ROOMS not in path.relative_to(folder).parts]
    sounds = []
    for done, path in enumerate(paths, 1):
        row = known.get(path.relative_to(folder).as_posix())
        sound = _from_index(path, row) if row else _from_source(folder, path)
        if may_be_used(sound.licence):
            sounds.append(sound)
        progress(done, len(paths))
    if not sounds:
        raise AbcscribeError(f"{folder} holds no recorded notes under a licence that allows training.")
    return sounds


def read_rooms(folder: Path) -> Iterator[Path]:
    """The impulse responses of a folder of libraries."""
    yield from _recordings(folder / ROOMS)


def _recordings(folder: Path) -> list[Path]:
    """Sound files below a folder, also where a library is a link."""
    found = (Path(root) / name for root, _, names in os.walk(folder, followlinks=True) for name in names)
    return sorted(path for path in found if path.suffix in SUFFIXES)


def _index(path: Path) -> dict[str, dict[str, str]]:
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        return {row["file"]: row for row in csv.DictReader(file)}


def _from_index(path: Path, row: dict[str, str]) -> Sound:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != row["sha256"]:
        raise AbcscribeError(f"{path} is not the file that index.csv describes: its checksum differs.")
    return Sound(
        path, row["instrument"], row["library"], int(row["gm_program"]), row["sustained"] == "1", float(row["midi"]),
        int(row["velocity_layer"] or 1), float(row["onset_s"] or 0), row["licence"], row["author"], row["source"],
        digest, row["split"],
    )  # fmt: skip


def _from_source(folder: Path, path: Path) -> Sound:
    """What SOURCE and the file's name say, the pitch as measured."""
    library = folder / path.relative_to(folder).parts[0]
    block = _source_blocks(library / "SOURCE").get(path.parent.name)
    if block is None or not {"licence", "author", "program"} <= set(block):
        raise AbcscribeError(
            f"{library / 'SOURCE'} needs a block for {path.parent.name} with instrument, licence, author and program."
        )
    program = int(block["program"])
    name = (DRUM_FILE if program == PERCUSSION else NOTE_FILE).fullmatch(path.stem)
    if name is None:
        raise AbcscribeError(f"{path} is not named like 060_C4_v1.flac, or key036_kick_v1.flac for percussion.")
    labelled, waveform = int(name["midi"]), decoded(path, 24_000)
    onset = measured_onset(waveform, 24_000)
    midi = labelled if program == PERCUSSION else measured_pitch(waveform[int(onset * 24_000) :], 24_000, labelled)
    source = f"{block.get('repository', '')}@{block.get('commit', '')}"
    return Sound(
        path, path.parent.name, library.name, program, block.get("sustained") == "1", midi, int(name["layer"] or 1),
        onset, block["licence"], block["author"], source, hashlib.sha256(path.read_bytes()).hexdigest(),
        block.get("split", "train"),
    )  # fmt: skip


def _source_blocks(path: Path) -> dict[str, dict[str, str]]:
    if not path.is_file():
        return {}
    blocks = {}
    for text in re.split(r"\n\s*\n", path.read_text(encoding="utf-8")):
        pairs = (line.split(":", 1) for line in text.splitlines() if ":" in line)
        block = {key.strip(): value.strip() for key, value in pairs}
        if "instrument" in block:
            blocks[block["instrument"]] = block
    return blocks


def decoded(path: Path, rate: int) -> np.ndarray:
    """(samples,) float32, mono, at ``rate`` Hz."""
    import soundfile
    from scipy.signal import resample_poly

    waveform, recorded = soundfile.read(path, dtype="float32", always_2d=True)
    mono = waveform.mean(axis=1)
    divisor = np.gcd(rate, recorded)
    return mono if rate == recorded else resample_poly(mono, rate // divisor, recorded // divisor).astype(np.float32)


def measured_onset(waveform: np.ndarray, rate: int) -> float:
    """Seconds to where a note begins: the envelope (4 ms) at 12 % of its peak, walked back to 4 %."""
    size = int(0.004 * rate)
    envelope = np.abs(waveform[: waveform.size // size * size]).reshape(-1, size).max(axis=1)
    peak = float(envelope.max(initial=0))
    first = int(np.argmax(envelope >= 0.12 * peak))
    while first > 0 and envelope[first] > 0.04 * peak:
        first -= 1
    return first * size / rate


def measured_pitch(waveform: np.ndarray, rate: int, labelled: float) -> float:
    """MIDI pitch near the labelled one: the highest peak of the autocorrelation within a semitone of it, refined.

    The label itself where nothing repeats (periodicity below .5).
    """
    stretch = waveform[int(0.05 * rate) : int(0.45 * rate)]
    size = 1 << int(np.ceil(np.log2(2 * max(stretch.size, 2))))
    correlation = np.fft.irfft(np.abs(np.fft.rfft(stretch, size)) ** 2)[: size // 2]
    correlation = correlation / max(float(correlation[0]), 1e-12)
    period = rate / (440 * 2 ** ((labelled - 69) / 12))
    # Several periods at once: one of a high note is too few samples to place it by. Of more than eight the peaks of
    # one more and one less would lie within a semitone.
    count = int(np.clip(0.02 * rate / period, 1, 7))
    first, last = (int(count * period * 2 ** (cents / 1200)) for cents in (-100, 100))
    lags = np.arange(max(first, 1), min(last + 2, correlation.size - 1))
    if not lags.size or correlation[lags].max() < 0.5:
        return labelled
    best = int(lags[correlation[lags].argmax()])
    left, middle, right = correlation[best - 1 : best + 2]
    curvature = left - 2 * middle + right
    refined = best + (0.5 * (left - right) / curvature if curvature < 0 else 0.0)
    return float(69 + 12 * np.log2(rate * count / refined / 440))
