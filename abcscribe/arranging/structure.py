"""Equal sections of a score -> repeats with endings, and letters where sections begin.

Two bars are compared by which notes begin where in them (`likeness`), with tolerance, since nothing is played or heard
the same twice. Sections that follow each other at once are folded: `` A A `` becomes ``|: A :|``, with two endings
where only the last bars differ. What is folded is played in the same order as before; sections that come back later are
written again and have their letter again.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from string import ascii_uppercase

import numpy as np

from abcscribe.arranging.likeness import SYMBOL, content, similarity
from abcscribe.score.model import Direction, Note, Part, Score

LEAST = 4  # bars of a section
LEAST_ENDED = 8  # bars of a section with two endings: of shorter ones there are more signs than bars saved
BAR, SECTION = 0.5, 0.75  # share of the notes of two bars, and on average of two sections, that have to agree
MOST_ENDING = 4  # bars, and at most half of the section
FOLD_PRICE = 1.5  # written bars that a fold must save
RUN = 8  # bars in a row that come again, from which they are a section


@dataclass(frozen=True, slots=True)
class Fold:
    """A section that is played several times in a row."""

    start: int
    length: int  # bars of one turn
    times: int
    ending: int = 0  # bars at the end that differ; then it is played twice

    @property
    def stop(self) -> int:
        return self.start + self.length * self.times


def with_repeats(score: Score) -> tuple[Score, list[str]]:
    """The score with repeats and rehearsal letters, and a sentence for each section that is not written out.

    A score that has repeats is left as it is.
    """
    if any(b.repeat_start or b.repeat_end or b.ending or b.signs for b in score.bars):
        return score, ["The score has repeats already: they are left as they are."]
    alike = similarity(score)
    found = [fold for fold in folds(alike) if _words_fit(score, fold)]
    kept = [i for i in range(len(score.bars)) if not any(_is_folded(fold, i) for fold in found)]
    begins = _section_starts(alike, found, kept)
    written = _folded(score, found, kept)
    return _lettered(written, _letters(alike, begins, kept), kept), [_sentence(score, fold) for fold in found]


def folds(alike: np.ndarray) -> list[Fold]:
    """The folds that leave the fewest bars to write, by dynamic programming from the end."""
    count = len(alike)
    cost = np.arange(count, -1, -1, dtype=float)
    choice: list[Fold | None] = [None] * count
    for start in range(count - 1, -1, -1):
        cost[start] = 1 + cost[start + 1]
        for length in range(LEAST, (count - start) // 2 + 1):
            for fold in _at(alike, start, length):
                written = length + fold.ending + FOLD_PRICE + cost[fold.stop]
                if written < cost[start]:
                    cost[start], choice[start] = written, fold
    found, at = [], 0
    while at < count:
        chosen = choice[at]
        if chosen:
            found.append(chosen)
        at = chosen.stop if chosen else at + 1
    return found


def _at(alike: np.ndarray, start: int, length: int) -> list[Fold]:
    """The ways to fold at a bar with turns of a length."""
    count, found = len(alike), []
    if alike[start, start + length] < BAR:
        return []
    times = 1
    while start + (times + 1) * length <= count and _equal(alike, start, start + times * length, length):
        times += 1
        found.append(Fold(start, length, times))
    if not found and length >= LEAST_ENDED:
        for ending in range(1, min(MOST_ENDING, length // 2) + 1):
            if length - ending >= LEAST // 2 and _equal(alike, start, start + length, length - ending):
                return [Fold(start, length, 2, ending)]
    return found


def _equal(alike: np.ndarray, one: int, other: int, length: int) -> bool:
    diagonal = alike[np.arange(one, one + length), np.arange(other, other + length)]
    return bool(diagonal.min() >= BAR and diagonal.mean() >= SECTION)


def _is_folded(fold: Fold, bar: int) -> bool:
    """Whether a bar is not written, but played as a repeat."""
    place = bar - fold.start
    if not fold.length <= place < fold.length * fold.times:
        return False
    return place % fold.length < fold.length - fold.ending


def _words_fit(score: Score, fold: Fold) -> bool:
    """Whether what is sung in the later turns can stand below the notes of the first."""
    for part in score.parts:
        turns = [
            [note for bar in part.bars[at : at + fold.length - fold.ending] for note in bar]
            for at in range(fold.start, fold.stop, fold.length)
        ]
        if any(note.lyrics for turn in turns for note in turn) and len({_places(turn) for turn in turns}) > 1:
            return False
        if any(len(note.lyrics) > 1 for turn in turns for note in turn):
            return False
    return True


def _places(notes: Sequence[Note]) -> tuple[tuple[int, Fraction], ...]:
    return tuple((note.voice, note.start) for note in notes)


def _folded(score: Score, found: Sequence[Fold], kept: Sequence[int]) -> Score:
    bars = list(score.bars)
    for fold in found:
        first, last = fold.start, fold.start + fold.length - 1
        bars[first] = dataclasses.replace(bars[first], repeat_start=True)
        bars[last] = dataclasses.replace(bars[last], repeat_end=True, times=fold.times)
        if fold.ending:
            for number, begin in (("1", last - fold.ending + 1), ("2", fold.stop - fold.ending)):
                bars[begin] = dataclasses.replace(bars[begin], ending=number)
            for end in (last, fold.stop - 1):
                bars[end] = dataclasses.replace(bars[end], ending_stop=True)
    parts = tuple(_part(part, found, kept) for part in score.parts)
    return dataclasses.replace(score, bars=tuple(bars[i] for i in kept), parts=parts)


def _part(part: Part, found: Sequence[Fold], kept: Sequence[int]) -> Part:
    bars = list(part.bars)
    for fold in found:
        for place in range(fold.length - fold.ending):
            turns = [part.bars[at + place] for at in range(fold.start, fold.stop, fold.length)]
            if any(note.lyrics for turn in turns for note in turn):
                bars[fold.start + place] = tuple(map(_with_verses, *turns))
    begins = {fold.start for fold in found} | {fold.stop for fold in found}
    signs = tuple(
        tuple(d for d in part.directions[i] if not (d.kind == "measure-repeat" and i in begins))
        for i in kept if part.directions
    )  # fmt: skip
    return dataclasses.replace(part, bars=tuple(_untied(bars, kept, n) for n in range(len(kept))), directions=signs)


def _with_verses(*turns: Note) -> Note:
    return dataclasses.replace(turns[0], lyrics=tuple(note.lyrics[0] if note.lyrics else None for note in turns))


def _untied(bars: Sequence[tuple[Note, ...]], kept: Sequence[int], n: int) -> tuple[Note, ...]:
    """The notes of a written bar, without ties into a bar that no longer follows it."""
    if n + 1 < len(kept) and kept[n + 1] == kept[n] + 1:
        return bars[kept[n]]
    return tuple(dataclasses.replace(note, tie=False) if note.tie else note for note in bars[kept[n]])


def _section_starts(alike: np.ndarray, found: Sequence[Fold], kept: Sequence[int]) -> list[int]:
    """Bars at which sections begin: the folds, what follows them, and long runs that come again."""
    begins = {kept[0]} if kept else set()
    for fold in found:
        begins |= {fold.start, fold.stop}
    for gap in range(RUN, len(alike)):
        same = np.r_[False, np.diagonal(alike, gap) >= BAR, False]
        edges = np.flatnonzero(np.diff(same.astype(int)))
        for start, stop in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            if stop - start >= RUN and start + gap in kept and _equal(alike, start, start + gap, stop - start):
                begins |= {start + gap, stop + gap, start, stop}
    wanted: list[int] = []
    for begin in sorted(begins & set(kept)):
        if not wanted or begin - wanted[-1] >= LEAST:
            wanted.append(begin)
    return wanted


def _letters(alike: np.ndarray, begins: Sequence[int], kept: Sequence[int]) -> dict[int, str]:
    """A letter for each section, the same for equal ones; none where there is one section."""
    if len(begins) < 2:
        return {}
    stops = [*begins[1:], kept[-1] + 1]
    lengths = [sum(begin <= i < stop for i in kept) for begin, stop in zip(begins, stops, strict=True)]
    names: dict[int, str] = {}
    for index, begin in enumerate(begins):
        length = lengths[index]
        same = next(
            (
                earlier
                for k, earlier in enumerate(begins[:index])
                if lengths[k] == length and begin + length <= len(alike) and _equal(alike, earlier, begin, length)
            ),
            None,
        )
        names[begin] = names[same] if same is not None else _letter(len(set(names.values())))
    return names


def _letter(number: int) -> str:
    return ascii_uppercase[number] if number < 26 else ascii_uppercase[number % 26] + str(number // 26)


def _lettered(score: Score, letters: dict[int, str], kept: Sequence[int]) -> Score:
    if not letters or not score.parts:
        return score
    first = score.parts[0]
    signs = [list(own) for own in first.directions] or [[] for _ in kept]
    for n, bar in enumerate(kept):
        if bar in letters:
            signs[n].insert(0, Direction(Fraction(0), "words", letters[bar]))
    part = dataclasses.replace(first, directions=tuple(map(tuple, signs)))
    return dataclasses.replace(score, parts=(part, *score.parts[1:]))


def _sentence(score: Score, fold: Fold) -> str:
    notes = symbols = signs = 0
    for place in range(fold.length - fold.ending):
        first = content(score, fold.start + place)
        for at in range(fold.start + fold.length, fold.stop, fold.length):
            others = content(score, at + place) - first
            symbols += sum(part == SYMBOL for part, *_ in others)
            notes += sum(part != SYMBOL for part, *_ in others)
            signs += len(_signs(score, at + place) - _signs(score, fold.start + place))
    begin, end = fold.start + 1, fold.start + fold.length - fold.ending
    turns = "again" if fold.times == 2 else f"{fold.times} times"
    said = f"Bars {begin}-{end} are played {turns} and written once"
    counts = ((notes, "note"), (symbols, "chord symbol"), (signs, "sign"))
    different = " and ".join(f"{count} {what}{'s' * (count != 1)}" for count, what in counts if count)
    return f"{said}, without what differs in later turns: {different}." if different else f"{said}."


def _signs(score: Score, bar: int) -> set[tuple[int, Direction]]:
    signs = ((p, sign) for p, part in enumerate(score.parts) if part.directions for sign in part.directions[bar])
    return {(p, sign) for p, sign in signs if sign.kind != "measure-repeat"}
