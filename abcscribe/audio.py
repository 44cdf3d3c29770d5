"""Any media file -> mono float32 in blocks of bounded size, 16 kHz unless asked otherwise.

This stage handles files, codecs, channels and sample rates, independently of music: whether silence or noise is an
error is decided in `abcscribe.transcription`. Decoding and resampling are FFmpeg's, which the ``av`` wheel contains;
its resampler loses 0.4 dB at 7 kHz and leaves aliases below -100 dB when it goes from 44.1 to 16 kHz (measured).

Times count from the first sample that can be decoded. Damaged packets are left out, so a damaged or cut-off file simply
gives fewer seconds than ``probe`` announces.
"""

from __future__ import annotations

import stat
import struct
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, groupby
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from abcscribe.errors import AudioError

if TYPE_CHECKING:
    import av
    from av.container import InputContainer

SAMPLE_RATE = 16_000  # Hz
BLOCK_SECONDS = 60.0  # 3.8 MB at 16 kHz
PIECE = 8_192  # samples of the resampler's frames: codec frames are shorter, and Python's overhead is per frame
LOWEST_RATE, HIGHEST_RATE = 1_000, 1_000_000  # Hz; at 1 Hz a small file would become hours of audio
MOST_CHANNELS = 64  # the maximum of FFmpeg's resampler
LOUDEST = 1e4  # full scale 1; larger samples are damaged, and their squares may not fit a float32
STDIN = "-"
MOST_PIPED = 4 << 30  # bytes: six hours of CD quality
# What counts as a recording in a folder. A file that the user names is opened whatever its ending.
SUFFIXES = frozenset({
    ".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".m4a", ".aac", ".mp4", ".mov", ".mkv", ".webm", ".aif", ".aiff",
    ".caf", ".wma", ".amr", ".3gp", ".au",
})  # fmt: skip

# The only demuxers that FFmpeg may use. Playlists (hls, concat, dash) are left out because they make FFmpeg open
# further files and addresses that the "recording" names.
CONTAINERS = "wav,w64,flac,ogg,mp3,mov,mp4,m4a,3gp,mj2,matroska,webm,aac,aiff,caf,asf,amr,au,avi,ac3,mpegts,mpeg"


@dataclass(frozen=True, slots=True)
class AudioInfo:
    """Data of a file's first audio track, from the header."""

    seconds: float | None  # None if the header does not contain it
    sample_rate: int  # Hz
    channels: int
    codec: str  # FFmpeg's name


def probe(path: Path | str) -> AudioInfo:
    """Read the header. Raises AudioError, or OSError, if there is no audio track that can be opened."""
    import av

    with _opened(Path(path)) as container:
        stream = container.streams.audio[0]
        if stream.duration is not None and stream.time_base is not None:
            seconds: float | None = float(stream.duration * stream.time_base)
        else:
            seconds = container.duration / av.time_base if container.duration is not None else None
        return AudioInfo(seconds, stream.rate or 0, stream.channels, stream.codec_context.name)


def load(
    path: Path | str, start: float | None = None, end: float | None = None, *, rate: int = SAMPLE_RATE
) -> np.ndarray:
    """Decode a recording or a section of it.

    Args:
        path: of the file.
        start, end: seconds.
        rate: samples a second.

    Returns:
        float32 (samples,).

    Raises:
        AudioError: as `blocks`.
    """
    return np.concatenate(list(blocks(path, start=start, end=end, rate=rate)))


def blocks(
    path: Path | str,
    seconds: float = BLOCK_SECONDS,
    start: float | None = None,
    end: float | None = None,
    *,
    rate: int = SAMPLE_RATE,
) -> Iterator[np.ndarray]:
    """Decode a recording in blocks. Channels are averaged.

    Values that are not finite become 0, those beyond full scale by far are clipped to LOUDEST.

    Args:
        path: of the file.
        seconds: length of a block; the memory used does not depend on the file's length.
        start, end: seconds of the section.
        rate: samples a second.

    Yields:
        float32 (samples,), all but the last ``seconds`` long and none of them empty.

    Raises:
        AudioError: the file cannot be decoded, or has no sound (in the section).
        OSError: it cannot be opened.
    """
    path = Path(path)
    first = round((start or 0) * rate)
    last = None if end is None else round(end * rate)
    if first < 0 or (last is not None and last <= first):
        raise AudioError(f"A section must begin at 0 s or later and end after it begins; {start}-{end} s does not.")
    with _opened(path) as container:
        pieces = _section(_waveform(container, rate), first, last)
        empty = True
        for block in _regrouped(pieces, max(1, round(seconds * rate))):
            empty = False
            np.nan_to_num(block, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
            yield np.clip(block, -LOUDEST, LOUDEST, out=block)
    if empty and start:
        raise AudioError(f"{path} ends before {start:g} s.")
    if empty:
        raise AudioError(f"{path} contains no sound that can be decoded.")


@contextmanager
def as_file(samples: np.ndarray, rate: int) -> Iterator[Path]:
    """A temporary WAV file of an array, for as long as the block runs.

    Args:
        samples: (n,) or (n, channels), floats of full scale 1 or integers of full scale of their type.
        rate: samples a second.

    Raises:
        AudioError: for any other array.
    """
    samples = np.asarray(samples)
    if samples.ndim not in (1, 2) or not samples.size or samples.dtype.kind not in "fiu" or rate <= 0:
        raise AudioError("An array of samples has the shape (n,) or (n, channels), and a rate above zero.")
    if samples.dtype.kind in "iu":
        limits = np.iinfo(samples.dtype)
        samples = (samples.astype(np.float64) - (limits.max + limits.min + 1) / 2) / (limits.max - limits.min) * 2
    mono = samples.reshape(len(samples), -1).mean(axis=1)
    packed = np.nan_to_num(mono, nan=0.0, posinf=0.0, neginf=0.0).astype("<f4").tobytes()
    header = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(packed), b"WAVE", b"fmt ", 16, 3, 1, rate, 4 * rate, 4,
                         32, b"data", len(packed))  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recording.wav"
        path.write_bytes(header + packed)
        yield path


@contextmanager
def readable(path: Path) -> Iterator[Path]:
    """A file that can be read more than once: ``path``, or a temporary copy of a pipe or, for "-", of stdin.

    Raises:
        AudioError: it is a device, nothing is piped in, or too much.
        OSError: it cannot be opened.
    """
    if str(path) == STDIN:
        if sys.stdin is None or sys.stdin.isatty():
            raise AudioError("Nothing is piped into stdin.")
        with _copied(sys.stdin.buffer, "stdin") as copy:
            yield copy
    elif stat.S_ISCHR(path.stat().st_mode):
        raise AudioError(f"{path} is a device, not a recording.")
    elif stat.S_ISFIFO(path.stat().st_mode):
        with path.open("rb") as pipe, _copied(pipe, path.name) as copy:
            yield copy
    else:
        yield path


@contextmanager
def _copied(pipe: BinaryIO, name: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="abcscribe-") as folder:
        copy, size = Path(folder) / name, 0
        with copy.open("wb") as file:
            while piece := pipe.read(1 << 20):
                size += file.write(piece)
                if size > MOST_PIPED:
                    raise AudioError(f"{name} gives more than {MOST_PIPED >> 30} GB: save it to a file first.")
        yield copy


@contextmanager
def _opened(path: Path) -> Iterator[InputContainer]:
    """The open container, which has an audio track that can be decoded.

    FFmpeg's input is a byte stream, never the name: a name such as ``concat:a|b`` or one that is not UTF-8 is not
    interpreted, and the suffix does not determine the format. FFmpeg's exceptions are raised as AudioError.
    """
    import av

    with path.open("rb") as file:
        if path.stat().st_size == 0:
            raise AudioError(f"{path} is empty.")
        try:
            container: InputContainer = av.open(file, mode="r", container_options={"format_whitelist": CONTAINERS})
        except (av.FFmpegError, ValueError):
            raise AudioError(f"{path} is not a sound or video file, or it is damaged beyond reading.") from None
        with container:
            if not container.streams.audio:
                raise AudioError(f"{path} has no audio track.")
            _check_codec(path, container.streams.audio[0])
            try:
                yield container
            except av.FFmpegError as error:
                reason = error.strerror or type(error).__name__
                raise AudioError(f"{path} cannot be decoded: {reason}.") from error


def _check_codec(path: Path, stream: av.AudioStream) -> None:
    """Refuse a codec, sample rate or number of channels that cannot be decoded."""
    if getattr(stream, "codec_context", None) is None:
        raise AudioError(f"The sound in {path} is in a format that is unknown, or its header is damaged.")
    if not (LOWEST_RATE <= stream.rate <= HIGHEST_RATE):
        raise AudioError(
            f"{path} says it has {stream.rate:,} samples a second; {LOWEST_RATE:,} to {HIGHEST_RATE:,} can be read."
        )
    if stream.channels > MOST_CHANNELS:
        raise AudioError(f"{path} says it has {stream.channels} channels; up to {MOST_CHANNELS} can be read.")


def _waveform(container: InputContainer, rate: int) -> Iterator[np.ndarray]:
    """Decoded, resampled and averaged over the channels: pieces of float32 (samples,)."""
    import av

    # A stream may change its format on the way (HE-AAC, chained Ogg); a resampler cannot.
    for _, frames in groupby(_frames(container), key=lambda f: (f.sample_rate, f.format.name, f.layout.nb_channels)):
        resampler = av.AudioResampler(format="flt", rate=rate, frame_size=PIECE)
        for frame in chain(frames, (None,)):
            for resampled in resampler.resample(frame):
                channels = resampled.layout.nb_channels
                with np.errstate(over="ignore", invalid="ignore"):  # float files may hold anything
                    yield resampled.to_ndarray().reshape(-1, channels).mean(axis=1)  # interleaved -> (samples,)


def _frames(container: InputContainer) -> Iterator[av.AudioFrame]:
    """Every frame that can be decoded, up to the end or to where the file is cut off."""
    import av

    try:
        for packet in container.demux(container.streams.audio[0]):
            try:
                frames = packet.decode()
            except av.FFmpegError:
                continue
            yield from (frame for frame in frames if LOWEST_RATE <= frame.sample_rate <= HIGHEST_RATE)
    except av.FFmpegError:
        return


def _section(pieces: Iterable[np.ndarray], first: int, last: int | None) -> Iterator[np.ndarray]:
    """Samples ``first`` to ``last`` of all pieces together."""
    position = 0
    for piece in pieces:
        begin, stop = max(first - position, 0), len(piece) if last is None else last - position
        if stop <= 0:
            return
        yield piece[begin:stop]
        position += len(piece)


def _regrouped(pieces: Iterable[np.ndarray], size: int) -> Iterator[np.ndarray]:
    """The same samples in blocks of ``size``; the last may be shorter."""
    waiting: list[np.ndarray] = []
    count = 0
    for piece in pieces:
        waiting.append(piece)
        count += len(piece)
        while count >= size:
            joined = np.concatenate(waiting)
            yield joined[:size]
            waiting, count = [joined[size:]], count - size
    if count:
        yield np.concatenate(waiting)
