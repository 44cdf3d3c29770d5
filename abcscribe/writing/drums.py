"""Transcribed drums -> a percussion part in a score that is already written, or a score of drums alone.

Systems that transcribe drums (the MT3 family, a tower with that head) give hits without length. A hit is placed by the
seconds of the bar lines around it, on the nearest sixteenth or triplet of an eighth. What hands play has stems up, what
feet play stems down; a hit lasts to the next of its voice, to the end of its beat at most, so that rests are few. A bar
like the one before it is marked as its repeat.
"""

from __future__ import annotations

import dataclasses
import itertools
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from fractions import Fraction

from abcscribe.analysis.drum_beats import drum_bars
from abcscribe.hints import Hints
from abcscribe.score import instruments, percussion
from abcscribe.score.model import Bar, Direction, Note, Part, PlayedNote, Score, Staff, Tempo

PLACES = tuple(sorted({Fraction(i, 4) for i in range(4)} | {Fraction(i, 3) for i in range(3)}))  # in a quarter
FEET = (35, 36, 44)  # kicks, and the pedal of the hi-hat
PHRASE = 4  # bars: after so many equal ones the bar is written again, so that the eye finds its way
HANDS_VOICE, FEET_VOICE = 1, 2


def score_of_drums(hits: Sequence[PlayedNote], hints: Hints, seconds: float | None = None) -> Score:
    """The score of a recording of drums alone.

    Args:
        hits: one at least.
        hints: tempo, metre and downbeat are used.
        seconds: length of the recording.
    """
    found = drum_bars(hits, hints)
    metre = found.metre
    tempo = Tempo(round(found.quarter_bpm / float(metre.beat)), metre.beat)
    bars = tuple(Bar(metre.length, metre, tempo=tempo, seconds=round(float(at), 3)) for at in found.lines[:-1])
    return with_drums(Score(bars, (), seconds=seconds), hits)


def with_drums(score: Score, hits: Sequence[PlayedNote]) -> Score:
    """Add a percussion part below the others, if there are hits and the bars have times.

    Args:
        score: of the pitched notes.
        hits: drum notes, in seconds.
    """
    performance = tuple(sorted([*score.performance, *hits], key=lambda n: (n.onset, n.pitch)))
    seconds = [bar.seconds for bar in score.bars]
    known = [second for second in seconds if second is not None]
    if not hits or not known or len(known) < len(seconds):
        return dataclasses.replace(score, performance=performance) if hits else score
    bars: list[dict[Fraction, set[int]]] = [defaultdict(set) for _ in score.bars]
    for hit in hits:
        index, place = _place(score, known, hit.onset)
        if index is not None:
            bars[index][place].add(hit.pitch)
    part = _part([_notes(hits_of_bar, bar) for hits_of_bar, bar in zip(bars, score.bars, strict=True)])
    return dataclasses.replace(score, parts=(*score.parts, part), performance=performance)


def _place(score: Score, seconds: Sequence[float], onset: float) -> tuple[int | None, Fraction]:
    """Bar and place in it; no bar for a hit before the first bar line or behind the last."""
    index = bisect_right(seconds, onset) - 1
    if index < 0:
        index = 0
    pace = _pace(score, seconds, index)
    position = (onset - seconds[index]) / pace
    beat = int(position // 1)
    nearest = min((*PLACES, Fraction(1)), key=lambda place: abs(float(beat + place) - position))
    place = beat + nearest
    if place >= score.bars[index].length:
        place, index = place - score.bars[index].length, index + 1
    inside = 0 <= index < len(score.bars) and 0 <= place < score.bars[index].length
    return (index if inside else None), place


def _pace(score: Score, seconds: Sequence[float], index: int) -> float:
    """Seconds of a quarter in a bar; in the last one as before it, or by its tempo."""
    last = min(index, len(seconds) - 2)
    if last >= 0 and seconds[last + 1] > seconds[last]:
        return (seconds[last + 1] - seconds[last]) / float(score.bars[last].length)
    tempo = score.bars[index].tempo
    return 60 / tempo.quarter_bpm if tempo else 0.5


def _part(bars: Sequence[tuple[Note, ...]]) -> Part:
    """The part, with the signs of bars that repeat the one before."""
    same: list[bool] = []
    for index, bar in enumerate(bars):
        phrase = same[-PHRASE + 1 :]
        same.append(
            index > 0 and bool(bar) and bar == bars[index - 1] and not (len(phrase) == PHRASE - 1 and all(phrase))
        )
    signs = tuple((Direction(Fraction(0), "measure-repeat", "1"),) if repeated else () for repeated in same)
    voices = sorted({note.voice for bar in bars for note in bar}) or [HANDS_VOICE]
    return Part(
        tuple(bars), instruments.name(instruments.PERCUSSION), instruments.PERCUSSION, (Staff("perc", tuple(voices)),),
        signs if any(same) else (),
    )  # fmt: skip


def _notes(hits: dict[Fraction, set[int]], bar: Bar) -> tuple[Note, ...]:
    feet = {place: keys & set(FEET) for place, keys in hits.items() if keys & set(FEET)}
    hands = {place: keys - set(FEET) for place, keys in hits.items() if keys - set(FEET)}
    return (*_voice(hands, bar, HANDS_VOICE), *_voice(feet, bar, FEET_VOICE))


def _voice(hits: dict[Fraction, set[int]], bar: Bar, voice: int) -> Iterator[Note]:
    beat = bar.metre.beat if bar.metre else Fraction(1)
    for place, following in itertools.pairwise([*sorted(hits), bar.length]):
        end = min(following, (place // beat + 1) * beat)
        for key in sorted(hits[place]):
            yield Note(place, end - place, percussion.key_pitch(key), voice)
