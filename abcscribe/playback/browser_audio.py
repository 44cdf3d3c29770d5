"""Which recordings browsers play as they are, and a copy of the others that all of them play."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from abcscribe import audio

# Containers and codecs that all current browsers play, by FFmpeg's names. Everything else is played from a FLAC copy.
PLAYABLE = {
    "mp3": ("audio/mpeg", {"mp3", "mp3float"}),
    "wav": ("audio/wav", {"pcm_s16le", "pcm_u8", "pcm_s24le", "pcm_f32le"}),
    "flac": ("audio/flac", {"flac"}),
    "mov,mp4,m4a,3gp,3g2,mj2": ("audio/mp4", {"aac", "mp3", "mp3float"}),
}
FLAC = "audio/flac"
RATES = (44_100, 48_000)


def media_type(path: Path) -> str | None:
    """The media type of a file that browsers play as it is, None for others. Films are not sent for their sound."""
    import av

    try:
        with path.open("rb") as file, av.open(file, container_options={"format_whitelist": audio.CONTAINERS}) as opened:
            kind, codecs = PLAYABLE.get(opened.format.name, ("", set()))
            codec = opened.streams.audio[0].codec_context.name if opened.streams.audio else ""
            return kind if codec in codecs and not opened.streams.video else None
    except (av.FFmpegError, ValueError):
        return None


def write_flac(path: Path, goal: Path) -> None:
    """The sound of any file as mono FLAC.

    Raises:
        AudioError: it cannot be decoded.
    """
    import av

    rate = audio.probe(path).sample_rate
    rate = rate if rate in RATES else RATES[0]
    with av.open(str(goal), "w", format="flac") as out:
        stream = out.add_stream("flac", rate=rate, layout="mono")
        for block in audio.blocks(path, 1.0, rate=rate):
            samples = (np.clip(block, -1, 1) * 32_767).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
            frame.sample_rate = rate
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
