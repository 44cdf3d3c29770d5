"""Makes small sound and video files of any kind for the tests, with the encoders in the ``av`` wheel."""

from pathlib import Path

import av
import numpy as np

CODECS = {
    ".wav": "pcm_s16le", ".flac": "flac", ".ogg": "vorbis", ".opus": "libopus", ".mp3": "libmp3lame",
    ".m4a": "aac", ".aac": "aac", ".mp4": "aac", ".webm": "libopus", ".mkv": "aac", ".mov": "aac",
}  # fmt: skip
LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}


def tone(seconds: float, rate: int = 16_000, pitches: tuple[int, ...] = (69,)) -> np.ndarray:
    """One sine with a soft attack and decay per pitch, one after the other: float32 (samples,)."""
    each = int(seconds * rate) // len(pitches)
    t = np.arange(each) / rate
    shape = np.minimum(1, 50 * t) * np.minimum(1, 20 * (t[-1] - t)) * 0.4
    waves = [shape * np.sin(2 * np.pi * 440 * 2 ** ((pitch - 69) / 12) * t) for pitch in pitches]
    return np.concatenate(waves).astype(np.float32)


def write(
    path: Path,
    samples: np.ndarray,
    rate: int = 16_000,
    codec: str = "",
    container: str = "",
    video: bool = False,
    options: dict[str, str] | None = None,
) -> Path:
    """Encode ``samples`` (samples,) or (channels, samples), -1 ... 1, in the format that the suffix names, with
    ``options`` of FFmpeg for the container."""
    samples = np.atleast_2d(samples).astype(np.float32)
    if path.suffix == ".ogg":
        samples = np.repeat(samples, 2, axis=0)  # that encoder wants two channels
    layout = LAYOUTS[len(samples)]
    with av.open(str(path), "w", format=container or None, container_options=options) as out:
        picture = out.add_stream("mpeg4", rate=10, width=32, height=32, pix_fmt="yuv420p") if video else None
        stream = out.add_stream(codec or CODECS[path.suffix], rate=rate, layout=layout)
        stream.codec_context.options = {"strict": "experimental"}  # FFmpeg's own Vorbis encoder
        resampler = av.AudioResampler(stream.format, layout, stream.rate)
        frame = av.AudioFrame.from_ndarray(samples.T.reshape(1, -1), format="flt", layout=layout)
        frame.sample_rate = rate
        for converted in [*resampler.resample(frame), *resampler.resample(None)]:
            out.mux(stream.encode(converted))
        out.mux(stream.encode(None))
        if picture:
            _film(out, picture)
    return path


def write_silent_film(path: Path) -> Path:
    """A video without an audio track."""
    with av.open(str(path), "w") as out:
        _film(out, out.add_stream("mpeg4", rate=10, width=32, height=32, pix_fmt="yuv420p"))
    return path


def _film(out: av.container.OutputContainer, stream: av.VideoStream) -> None:
    black = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24").reformat(format="yuv420p")
    for black.pts in range(5):
        out.mux(stream.encode(black))
    out.mux(stream.encode(None))
