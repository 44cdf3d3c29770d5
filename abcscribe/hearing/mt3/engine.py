"""A network of the MT3 family as a note engine: waveform -> segments -> tokens -> notes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from abcscribe.audio import SAMPLE_RATE
from abcscribe.hearing.mt3.decoding import Runtime, Written, first_memory, greedy, memory_of
from abcscribe.hearing.mt3.events import EventDecoder
from abcscribe.hearing.mt3.frames import HOP, network_input
from abcscribe.score.model import PlayedNote

BATCH = 8  # segments that are decoded side by side, unless each must know the one before


class Mt3:
    """A ``NoteEngine``. Notes carry programs and drums."""

    sample_rate = SAMPLE_RATE
    # A note's confidence is the probability of its pitch token given those before it, which is high wherever the
    # network writes notes at all: it does not tell music from noise.
    clear_confidence = 0.0

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.system = runtime.config.system

    def notes(self, blocks: Iterable[np.ndarray]) -> Iterator[list[PlayedNote]]:
        """As ``NoteEngine.notes``. Segments are cut and joined as the published code does."""
        decoder = EventDecoder(self.system)
        memory = first_memory(self.system) if self.system.memory else None
        size, done = self.system.segment_frames * HOP, 0  # samples of a segment, segments behind us
        waiting = np.zeros(0, np.float32)
        batch = 1 if self.system.memory else BATCH
        for block in blocks:
            waiting = np.concatenate([waiting, block])
            found: list[PlayedNote] = []
            while len(waiting) >= batch * size:
                memory, joined = self._joined(waiting[: batch * size], decoder, done, memory, last=False)
                waiting, done, found = waiting[batch * size :], done + batch, found + joined
            yield found
        _, joined = self._joined(waiting, decoder, done, memory, last=True)
        yield [*joined, *decoder.finish()]

    def _joined(
        self, waveform: np.ndarray, decoder: EventDecoder, done: int, memory: np.ndarray | None, last: bool
    ) -> tuple[np.ndarray | None, list[PlayedNote]]:
        """The memory after some segments, and the notes that they complete.

        The waveform is that of whole segments; the last one of a recording is shorter, and if no samples are left it is
        one of a single silent frame.
        """
        frames, size = self.system.segment_frames, self.system.segment_frames * HOP
        parts = [waveform[i : i + size] for i in range(0, len(waveform) + last, size)]
        written = greedy(self.runtime, np.stack([network_input(part, self.system) for part in parts]), memory)
        notes: list[PlayedNote] = []
        for index, segment in enumerate(written):
            first = (done + index) * frames
            end = None if last and index == len(parts) - 1 else first + frames
            notes += decoder.segment(segment.tokens, first, end, segment.probabilities)
        return self._memory(written), notes

    def _memory(self, written: list[Written]) -> np.ndarray | None:
        return memory_of(written[-1].tokens, self.system) if self.system.memory else None
