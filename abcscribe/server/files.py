"""The recordings' bytes on disk, each once, named by the hash of its content.

A file comes in as a temporary one and takes its name in one step; what a crash leaves behind is swept away at the next
start. Beside a file lie what is made of it once: a copy that every browser plays, and the peaks of its waveform.
"""

from __future__ import annotations

import os
import re
import secrets
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from abcscribe import audio
from abcscribe.errors import AudioError
from abcscribe.playback.browser_audio import FLAC, media_type, write_flac

HASH = re.compile(r"[0-9a-f]{64}")
PEAK_RATE = 8_000  # Hz: enough for the outline
PEAKS_PER_SECOND = 100


class Files:
    """A folder of recordings."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "files"
        self.incoming = folder / "incoming"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.incoming.mkdir(parents=True, exist_ok=True)
        self._making = threading.Lock()  # one copy or outline at a time: they take all of a core

    def path(self, content: str) -> Path:
        """Where the file with this hash lies."""
        assert HASH.fullmatch(content)
        return self.folder / content[:2] / content

    def temporary(self) -> Path:
        """A new name for a file that is coming in."""
        return self.incoming / secrets.token_hex(16)

    def take(self, temporary: Path, content: str) -> None:
        """Give a complete temporary file its place. If it is there already, the new one is dropped."""
        goal = self.path(content)
        if goal.exists():
            temporary.unlink()
            return
        goal.parent.mkdir(exist_ok=True)
        os.replace(temporary, goal)
        _sync_folder(goal.parent)

    def delete(self, content: str) -> None:
        """Remove a file and what was made of it."""
        for path in (self.path(content), *self._made(content)):
            path.unlink(missing_ok=True)

    def sweep(self, wanted: Iterable[str]) -> None:
        """Remove what no recording names and what was never completed."""
        kept = set(wanted)
        for path in self.incoming.iterdir():
            path.unlink()
        for path in self.folder.glob("*/*"):
            if path.name.partition(".")[0] not in kept:
                path.unlink()

    def playable(self, content: str) -> tuple[Path, str]:
        """A file that browsers play, and its media type; made on the first call if need be.

        Raises:
            AudioError: the recording cannot be decoded.
        """
        path, copy = self.path(content), self._made(content)[0]
        if kind := media_type(path):
            return path, kind
        with self._making:
            if not copy.exists():
                self._replaced(copy, lambda temporary: write_flac(path, temporary))
        return copy, FLAC

    def peaks(self, content: str) -> np.ndarray:
        """(n, 2) float32: lowest and highest sample of every hundredth of a second.

        Raises:
            AudioError: the recording cannot be decoded.
        """
        path, kept = self.path(content), self._made(content)[1]
        with self._making:
            if not kept.exists():
                self._replaced(kept, lambda temporary: temporary.write_bytes(_outline(path).tobytes()))
        return np.frombuffer(kept.read_bytes(), np.int8).reshape(-1, 2).astype(np.float32) / 127

    def _made(self, content: str) -> tuple[Path, Path]:
        path = self.path(content)
        return path.with_name(f"{content}.flac"), path.with_name(f"{content}.peaks")

    def _replaced(self, goal: Path, make: Callable[[Path], object]) -> None:
        temporary = self.temporary()
        try:
            make(temporary)
            os.replace(temporary, goal)
        finally:
            temporary.unlink(missing_ok=True)


def _outline(path: Path) -> np.ndarray:
    """(n, 2) int8"""
    step = PEAK_RATE // PEAKS_PER_SECOND
    found = []
    for block in audio.blocks(path, rate=PEAK_RATE):
        whole = np.pad(block, (0, -len(block) % step), mode="edge").reshape(-1, step)
        found.append(np.stack([whole.min(axis=1), whole.max(axis=1)], axis=1))
    if not found:
        raise AudioError("The recording contains no sound that can be decoded.")
    return np.round(np.clip(np.concatenate(found), -1, 1) * 127).astype(np.int8)


def _sync_folder(folder: Path) -> None:
    """Make a new name in a folder outlive a power cut, where the system can."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
