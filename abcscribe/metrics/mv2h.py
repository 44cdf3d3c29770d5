"""MV2H: multi-pitch, voice, metre, note value and harmony in one number (McLeod & Steedman, ISMIR 2018).

Pitch, voice and note value are computed by ``pyMV2H``. Where this differs from that package:

- Harmony: ``pyMV2H`` 1.1 compares the transcription's keys with themselves, so a wrong key scores 1. Here the key in
  force at each moment is compared with MV2H's weights (fifth either way .5, relative .3, parallel .2). No chords.
- Metre: the bars, beats and sub-beats are read off the score's bars, so irregular bars keep their place.
- Alignment: ``pyMV2H`` tries every optimal alignment, of which there are exponentially many. Here there are two,
  and the better counts: time as it is, and the prediction's time bent so that the notes that agree (Levenshtein over
  both scores as one sequence each) coincide.

Time is score time at 120 BPM, so the metric's 50 ms is a tenth of a quarter. Defined values: two scores without notes
agree in pitch, voice and value (1), one without notes scores 0 there; a score without bars scores 0 in metre and
harmony. ``pyMV2H`` takes time with the product of the numbers of notes: beyond MOST_PAIRS nothing is computed, all
values are NaN and ``skipped`` is 1.
"""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction

import numpy as np

from abcscribe.metrics.key import key_score
from abcscribe.metrics.matching import Line, anchors, lines, merged
from abcscribe.metrics.notes import f1
from abcscribe.metrics.ticks import TICKS_PER_QUARTER
from abcscribe.score.model import Bar, Key, Metre, Score

MS_PER_QUARTER = 500
TOLERANCE = 50  # ms, for both ends of a metrical group (MV2H's GROUPING_EPSILON)
MOST_PAIRS = 1_000_000  # reference notes x predicted notes: 1,000 each take about a second
COMPONENTS = ("multi_pitch", "voice", "metre", "value", "harmony")

Time = Callable[[float], float]  # ms of the prediction -> ms of the reference
Group = tuple[float, float]  # start and end of a bar, beat or sub-beat, ms


def evaluate(reference: Score, prediction: Score) -> dict[str, float]:
    """MV2H of two scores: the better of unaligned and aligned time.

    Returns:
        The five COMPONENTS and their mean ``mv2h``, each in [0, 1]; ``skipped``: 1 if the scores are too long to
        compare, in which case the others are NaN.
    """
    expected, given = lines(reference), lines(prediction)
    if math.prod(sum(len(line.notes) for line in side) for side in (expected, given)) > MOST_PAIRS:
        return dict.fromkeys((*COMPONENTS, "mv2h"), math.nan) | {"skipped": 1.0}
    times = (float, _time_map(expected, given))  # the better of unaligned and aligned counts
    best = max((_components(reference, prediction, expected, given, time) for time in times), key=_mean)
    return best | {"mv2h": _mean(best), "skipped": 0.0}


def _mean(components: dict[str, float]) -> float:
    return sum(components.values()) / len(COMPONENTS)


def _components(
    reference: Score, prediction: Score, expected: Sequence[Line], given: Sequence[Line], time: Time
) -> dict[str, float]:
    bent = [(time(start), time(end)) for start, end in groups(prediction)]
    metrical = {
        "metre": metre_score(groups(reference), bent),
        "harmony": harmony_score(reference, prediction, time),
    }
    return _note_components(expected, given, time) | metrical


def _note_components(expected: Sequence[Line], given: Sequence[Line], time: Time) -> dict[str, float]:
    from pyMV2H.metrics.multi_pitch import multi_pitch_accuracy
    from pyMV2H.metrics.note_value import note_value_score
    from pyMV2H.metrics.voice import voice_score
    from pyMV2H.utils.music import Music

    names = ("multi_pitch", "voice", "value")
    if not expected or not given:
        return dict.fromkeys(names, float(not expected and not given))
    reference = Music([], [], _mv2h_notes(expected, float), [])
    prediction = Music([], [], _mv2h_notes(given, time), [])
    pitch, pairs = multi_pitch_accuracy(reference.__notes__, prediction.__notes__, True)
    voice, linked = voice_score(reference, prediction, True)
    value = note_value_score(reference, prediction, pairs, linked) if linked else 0.0
    return dict(zip(names, (pitch, voice, value), strict=True))


def _mv2h_notes(voices: Sequence[Line], time: Time) -> list:
    from pyMV2H.utils.pojos import NOTE

    notes = []
    for voice, line in enumerate(voices):
        for note in line.notes:
            onset = round(time(_ms(note.onset)))
            end = max(onset + 1, round(time(_ms(note.onset + note.duration))))
            notes.append(NOTE(note.pitch, onset, onset, end, voice))
    return notes


def _ms(tick: int) -> float:
    return tick * MS_PER_QUARTER / TICKS_PER_QUARTER


def _time_map(expected: Sequence[Line], given: Sequence[Line]) -> Time:
    """Linear between the notes that agree, at the mean rate outside them; nothing agrees: unchanged."""
    points = anchors(merged(expected), merged(given))
    if not points:
        return float
    source, target = np.array([(_ms(g), _ms(e)) for e, g in points]).T
    rate = (target[-1] - target[0]) / (source[-1] - source[0]) if len(points) > 1 else 1.0

    def bent(ms: float) -> float:
        if ms < source[0]:
            return float(target[0] + rate * (ms - source[0]))
        if ms > source[-1]:
            return float(target[-1] + rate * (ms - source[-1]))
        return float(np.interp(ms, source, target))

    return bent


def groups(score: Score) -> list[Group]:
    """Start and end of every full bar, beat and sub-beat."""
    found: list[Group] = []
    for index, (bar, start) in enumerate(zip(score.bars, score.bar_starts(), strict=False)):
        end = start + bar.length
        first = end - bar.metre.length if bar.metre and index == 0 else start  # a pickup ends on the bar line
        for length in _levels(bar):
            found.extend(
                (float(at * MS_PER_QUARTER), float((at + length) * MS_PER_QUARTER))
                for at in _steps(min(first, start), end, length)
                if at >= start
            )
    return found


def _levels(bar: Bar) -> tuple[Fraction, ...]:
    """Quarters of the bar, the beat and the sub-beat as MV2H has them: 3/8 has three beats, 6/8 two."""
    metre = bar.metre
    if metre is None:
        return (bar.length,)
    beat = _beat(metre)
    return (metre.length, beat, beat / (3 if metre.compound else 2))


def _beat(metre: Metre) -> Fraction:
    return Fraction(12 if metre.compound else 4, metre.unit)


def _steps(start: Fraction, end: Fraction, length: Fraction) -> Iterator[Fraction]:
    """Where whole groups of ``length`` begin between start and end."""
    return (start + i * length for i in range((end - start) // length))


def metre_score(expected: Sequence[Group], given: Sequence[Group]) -> float:
    """F1 of the groups whose both ends agree within TOLERANCE; 0 if a side has none."""
    free = sorted(expected)
    matched = 0
    for start, end in given:
        i = bisect.bisect_left(free, (start - TOLERANCE,))
        while i < len(free) and free[i][0] <= start + TOLERANCE:
            if abs(free[i][1] - end) <= TOLERANCE:
                free.pop(i)
                matched += 1
                break
            i += 1
    return f1(matched, len(expected), len(given)) if expected and given else 0.0


def harmony_score(reference: Score, prediction: Score, time: Time) -> float:
    """MV2H's weight of the keys in force, averaged over the time of the reference; 0 if a side has no bars."""
    if not reference.bars or not prediction.bars:
        return 0.0
    expected, given = _keys(reference, float), _keys(prediction, time)
    end = float(reference.bar_starts()[-1] * MS_PER_QUARTER)
    cuts = sorted({0.0, end, *(at for at, _ in (*expected, *given) if 0 < at < end)})
    total = sum(
        (right - left) * _mv2h_key_score(_in_force(expected, left), _in_force(given, left))
        for left, right in itertools.pairwise(cuts)
    )
    return total / end if end else 0.0


def _keys(score: Score, time: Time) -> list[tuple[float, Key]]:
    """Each change of key and when."""
    bars = zip(score.bar_starts(), score.bars, strict=False)
    return [
        (time(float(start * MS_PER_QUARTER)), key)
        for key, (start, _) in ((k, next(run)) for k, run in itertools.groupby(bars, key=lambda item: item[1].key))
    ]


def _in_force(keys: Sequence[tuple[float, Key]], at: float) -> Key:
    return [key for start, key in keys if start <= at][-1] if keys[0][0] <= at else keys[0][1]


def _mv2h_key_score(expected: Key, given: Key) -> float:
    return max(key_score(expected, given), key_score(given, expected))
