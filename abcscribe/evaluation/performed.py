"""Score -> notes in seconds, to be compared with the notes that were played.

A score of a note engine contains the transcribed notes. For a system that answers in text, times follow from the times
of the bars, or from the tempo.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from abcscribe.score import instruments
from abcscribe.score.model import Bar, PlayedNote, Score

USUAL_TEMPO = 120.0  # quarter BPM of a score without a mark


def performed(score: Score) -> Sequence[PlayedNote]:
    """The transcribed notes, else the score's notes at the times of its bars."""
    if score.performance:
        return score.performance
    score = score.unfolded()
    starts = [float(start) for start in score.bar_starts()]
    clock = _bar_seconds(score.bars)

    def seconds(quarters: float) -> float:
        bar = min(max(bisect_right(starts, quarters) - 1, 0), len(score.bars) - 1)
        length = starts[bar + 1] - starts[bar]
        return clock[bar] + (clock[bar + 1] - clock[bar]) * ((quarters - starts[bar]) / length if length else 0.0)

    return [
        PlayedNote(
            seconds(float(note.onset)),
            seconds(float(note.onset + note.duration)),
            note.pitch,
            family=instruments.family(score.parts[note.part].program),
        )
        for note in score.sounding_notes()
    ]


def _bar_seconds(bars: Sequence[Bar]) -> list[float]:
    """Seconds of each bar line and of the end. A bar whose time is not known follows the one before at its tempo."""
    clock = [0.0]
    for bar in bars:
        clock[-1] = max(clock[-1], bar.seconds) if bar.seconds is not None else clock[-1]
        bpm = bar.tempo.quarter_bpm if bar.tempo and bar.tempo.quarter_bpm > 0 else USUAL_TEMPO
        clock.append(clock[-1] + float(bar.length) * 60 / bpm)
    for index, bar in enumerate(bars[1:], 1):
        if bar.seconds is not None:
            clock[index] = max(bar.seconds, clock[index - 1])
    return clock
