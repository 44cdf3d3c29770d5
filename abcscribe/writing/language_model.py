"""Notes of any engine -> a Score, written by the language model, window after window.

A window has as many notes as those of training. Its answer is kept up to its last bar line; the next window begins with
the last bar that was kept, and its prompt is the header and that bar. So metre, key, parts and voices continue and may
change, and time and memory are linear in the length of the recording.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from fractions import Fraction
from functools import cache
from itertools import groupby
from pathlib import Path

import numpy as np

from abcscribe import hub
from abcscribe.analysis import Analysis, analysis_features
from abcscribe.analysis.analysis_features import heard_notes, with_analysis
from abcscribe.analysis.keys import find_mode
from abcscribe.analysis.rare_rhythms import is_swung
from abcscribe.errors import EngineError
from abcscribe.hints import Hints
from abcscribe.model import WEIGHTS, runtime_files
from abcscribe.model.note_features import TOGETHER, HeardNotes
from abcscribe.score import instruments
from abcscribe.score.grid import METRES
from abcscribe.score.model import Bar, Key, Score, Tempo
from abcscribe.tokens import (
    METRE_TOKENS,
    TICKS,
    VOCABULARY,
    Reader,
    decode,
    score_of,
    untangled,
)
from abcscribe.writing.decoding import Checker, Constraints, Decoding, Stepper, Written, generate
from abcscribe.writing.draft import Draft, draft
from abcscribe.writing.guide import AnalysisGuide, staves_of_groups

WINDOW_NOTES = 144  # heard notes of a window; training windows hold up to 160
DECODING = Decoding(most_tokens=900)  # of a window: 3.3 a note are usual


def knows(hints: Hints) -> bool:
    """Whether the vocabulary can represent the hints; 11/8 has no token."""
    return hints.metre is None or hints.metre in METRE_TOKENS


def follows(analysis: Analysis, hints: Hints) -> bool:
    """Whether the model writes what the analysis found. It never learned metres that are found besides METRES, fills
    the gaps of swung eighths with rests, knows no words, writes notes that hints leave out, and chooses its own inner
    voices (pitch loss of six real pianos .477, of the rules .456)."""
    usual = hints.metre is not None or analysis.metre in METRES
    inner = any(len(staff.voices) > 1 for line in analysis.lines for staff in line.staves)
    knows_all = usual and not inner and not analysis.remarks and not analysis.words
    return knows_all and not is_swung(analysis.placed.ticks)


def write_score(
    stepper: Stepper,
    analysis: Analysis,
    hints: Hints = Hints(),
    *,
    seconds: float | None = None,
    options: Decoding = DECODING,
    guided: bool = True,
) -> Generator[float, None, Score]:
    """Write the notes of an analysis with the language model.

    Args:
        stepper: the model.
        analysis: of the notes; it gives features of every note.
        hints: what the user knows; tokens that contradict it are masked.
        seconds: length of the recording.
        options: parameters of decoding.
        guided: whether the analysis also changes the log-probabilities (`abcscribe.writing.guide`).

    Yields:
        The seconds that are written so far.

    Returns:
        The score; without a note in the piano's range one without bars.
    """
    heard = heard_notes(analysis.played)
    if not len(heard):
        return Score(performance=analysis.played, seconds=seconds)
    heard, ticks = with_analysis(heard, analysis)
    guide = AnalysisGuide(analysis, ticks, staves_of_groups(analysis, heard)) if guided else None
    drafted = draft(analysis, ticks) if isinstance(stepper, Checker) else None
    starts = heard.starts
    ids, scores = yield from _windows(stepper, heard, hints, options, guide, drafted)
    reader = decode(ids, len(starts))
    score = _timed(reader, starts, hints, guide)
    bars = _confident(score.bars, reader, np.array(scores))
    if hints.key is None:
        bars = _with_modes(bars, heard)
    parts = tuple(replace(part, name=instruments.name(part.program)) for part in score.parts)
    return replace(score, bars=bars, parts=parts, performance=analysis.played, seconds=seconds)


def _windows(
    stepper: Stepper,
    heard: HeardNotes,
    hints: Hints,
    options: Decoding,
    guide: AnalysisGuide | None,
    drafted: Draft | None,
) -> Generator[float, None, tuple[list[int], list[float]]]:
    """Tokens of the whole recording, and their log-probabilities."""
    groups, starts = heard.groups, heard.starts
    ids: list[int] = []
    scores: list[float] = []
    prompt, first = [VOCABULARY.bos], 0  # the next window's prompt, and its first group
    reached, alone = -1, False  # the last group that was written, and whether the prompt has no bar
    reader = Reader(len(starts))
    while True:
        begin = int(np.searchsorted(groups, first))
        end = _window_end(groups, begin)
        window = heard.select(slice(begin, end))
        constraints = _constraints(hints, starts, first, int(groups[end - 1]))
        if guide and not ids:
            constraints = guide.header(constraints)
        told = [guide.since(first)] if guide else None
        ahead = drafted.since(first) if drafted else None
        written = generate(
            stepper, [window], options, prompts=[prompt], constraints=[constraints], guides=told, draft=ahead
        )[0]
        last = end == len(heard) and written.finished
        kept = len(written.ids) - 1 if last else _keep(written)
        new = slice(written.prompt if ids else 0, kept)
        ids += written.ids[new].tolist()
        scores += written.log_probabilities[new].tolist()
        for token in written.ids[new]:
            reader.push(int(token))
        stuck = reader.group == reached
        if last or reader.group + 1 >= len(starts) or (stuck and alone):
            return [*ids, VOCABULARY.eos], [*scores, 0.0]
        alone = stuck  # one bar filled the window: continue behind it
        prompt, first = (reader.header(), reader.group + 1) if alone else _continued(reader, ids)
        reached = reader.group
        yield float(starts[first])


def _window_end(groups: np.ndarray, begin: int) -> int:
    """Index behind the window's last note: whole groups only, one at least."""
    end = min(begin + WINDOW_NOTES, len(groups))
    if end < len(groups):
        end = max(int(np.searchsorted(groups, groups[end])), int(np.searchsorted(groups, groups[begin] + 1)))
    return end


def _keep(written: Written) -> int:
    """Tokens before the last bar line of an answer, if new notes stand before it; else all whole notes."""
    v, ids = VOCABULARY, written.ids[: len(written.ids) - written.finished]
    groups = decode(ids.tolist()).token_groups
    for line in np.flatnonzero(ids == v.bar)[::-1]:
        if line > written.prompt and groups[line - 1] > groups[written.prompt - 1]:
            return int(line)
    if written.finished:
        return len(ids)
    places = (ids == v.stay) | (ids >= v.skip.start) & (ids < v.position.stop)
    return max(int(np.flatnonzero(places & ~np.roll(places, 1))[-1]), written.prompt)


def _continued(reader: Reader, ids: list[int]) -> tuple[list[int], int]:
    """The prompt of the next window, and its first group: the header in force, and the last bar that has notes."""
    v = VOCABULARY
    lines = (i for i in range(len(ids) - 1, -1, -1) if ids[i] == v.bar)
    line = next(i for i in lines if reader.token_groups[i] < reader.group)
    first = reader.token_groups[line] + 1
    bar = ids[line:]
    places = [i for i, token in enumerate(bar) if v.skip.start <= token < v.skip.stop]
    position = next((i for i, token in enumerate(bar) if v.position.start <= token < v.position.stop), len(bar))
    skipped = [i for i in places if i < position]
    first += sum(bar[i] - v.skip.start + 1 for i in skipped)
    bar = [token for i, token in enumerate(bar) if i not in skipped]
    return [*reader.header(), *bar], first


def _constraints(hints: Hints, starts: np.ndarray, first: int, last: int) -> Constraints:
    downbeat = None
    if hints.downbeat is not None and starts[first] - 0.1 <= hints.downbeat <= starts[last] + 0.1:
        downbeat = int(np.abs(starts - hints.downbeat).argmin()) - first
    return Constraints.of(hints.metre, hints.key, hints.tempo, hints.instrument, downbeat)


def _timed(reader: Reader, starts: np.ndarray, hints: Hints, guide: AnalysisGuide | None) -> Score:
    """The score with the time of each bar line, and the tempo that was played: the beat tracker's if both have the same
    metre, as it is estimated from all notes at once."""
    excerpt = untangled(reader.excerpt())
    score = score_of(excerpt)
    onsets = sorted({event.onset for event in excerpt.events})
    known = [(tick, starts[group]) for tick, group in zip(onsets, reader.heard, strict=True) if group >= 0]
    if not known or not score.bars:
        return score
    ticks, seconds = (np.array(column, float) for column in zip(*known, strict=True))
    pace = _pace(ticks, seconds)
    agreed = guide is not None and guide.analysis.metre == score.bars[0].metre
    if guide and agreed:
        score = _written_as(score, guide.analysis)
    beat = score.bars[0].metre.beat if score.bars[0].metre else Fraction(1)
    quarter_bpm = hints.tempo or (guide.analysis.quarter_bpm if guide and agreed else 60 / (pace * TICKS))
    bpm = quarter_bpm / float(beat)
    tempo = Tempo(round(min(max(bpm, 5), 600)), beat)
    lines = np.array(excerpt.bar_starts()[:-1], float)
    at = np.interp(lines, ticks, seconds)
    at += np.minimum(lines - ticks[0], 0) * pace + np.maximum(lines - ticks[-1], 0) * pace
    bars = tuple(
        replace(bar, seconds=round(max(float(s), 0.0), 3), tempo=tempo)
        for bar, s in zip(score.bars, np.maximum.accumulate(at), strict=True)
    )
    return replace(score, bars=bars)


def _written_as(score: Score, analysis: Analysis) -> Score:
    """With the metre as the analysis prints it: halves may be counted as quarters."""
    bars = (replace(bar, metre=analysis.placed.written) if bar.metre == analysis.metre else bar for bar in score.bars)
    return replace(score, bars=tuple(bars))


def _pace(ticks: np.ndarray, seconds: np.ndarray) -> float:
    """Seconds a tick: the median, weighted by length, which is robust to fermatas and pauses."""
    moved = np.diff(ticks)
    if not len(moved):
        return 0.5 / TICKS
    pace = np.diff(seconds) / moved
    order = np.argsort(pace)
    middle = np.searchsorted(np.cumsum(moved[order]), moved.sum() / 2)
    return max(float(pace[order][min(middle, len(order) - 1)]), 1e-4)


def _with_modes(bars: tuple[Bar, ...], heard: HeardNotes) -> tuple[Bar, ...]:
    """The bars with the mode found from all notes under one signature: the model, whose input is a window, writes major
    too often."""
    found: list[Bar] = []
    for fifths, group in groupby(bars, key=lambda bar: bar.key.fifths):
        stretch = list(group)
        begin = stretch[0].seconds or 0.0
        after = len(found) + len(stretch)
        end = bars[after].seconds if after < len(bars) else None
        inside = (heard.onset >= begin - TOGETHER) & (heard.onset < (np.inf if end is None else end - TOGETHER))
        mode = stretch[0].key.mode
        if inside.any() and mode in ("major", "minor"):
            length = heard.offset[inside] - heard.onset[inside]
            mode = find_mode(heard.pitch[inside], heard.onset[inside], length, fifths)
        found += [replace(bar, key=Key(fifths, mode)) for bar in stretch]
    return tuple(found)


def _confident(bars: tuple[Bar, ...], reader: Reader, scores: np.ndarray) -> tuple[Bar, ...]:
    """Bars with the mean probability of their tokens."""
    of_bar = np.array(reader.token_bars)
    found = []
    for index, bar in enumerate(bars):
        own = scores[of_bar == index]
        found.append(replace(bar, confidence=round(float(np.exp(own).mean()), 2) if own.size else None))
    return tuple(found)


def of_checkpoint(checkpoint: str) -> Stepper:
    """The language model of a folder (`runtime_files`), or the package's if the folder has none."""
    found = runtime_files.language_model(hub.local(checkpoint)) if checkpoint else None
    return load(found or WEIGHTS)


@cache
def load(folder: Path = WEIGHTS) -> Stepper:
    """The language model of a folder of `model.checkpoint.ship`; by default the one in the package.

    Raises EngineError if it was trained with other columns of the analysis than this version makes.
    """
    from abcscribe.model.language_model_runtime import OnnxStepper

    stepper, made = OnnxStepper(folder), len(analysis_features.NAMES)
    if stepper.analysis != made:
        raise EngineError(
            f"The language model in {folder} reads {stepper.analysis} numbers of the analysis for each note, this "
            f"version makes {made}: train it again (abcscribe train sft; after a change of the metres "
            "that are looked for abcscribe train chain --from metres --run), or use the version that trained it."
        )
    return stepper
