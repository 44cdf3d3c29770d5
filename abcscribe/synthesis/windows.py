"""Scores -> training windows for the language model: heard notes in, tokens out.

A window is a function of its random generator: some parts of a piece -> bars -> transposed, at a tempo suited to the
piece -> performed -> heard notes (`abcscribe.synthesis.simulated_hearing`) -> tokens with the group of heard notes of
each. That takes 2 ms for a hundred notes, and 70 ms for their analysis, if one is passed in (`Advise`): less than a
training step, so every window is new.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from abcscribe.corpora.note_cache import MODES, CachedPiece, NoteCache
from abcscribe.model.note_features import HeardNotes
from abcscribe.score.grid import PICKUP
from abcscribe.score.instruments import family, hand_clef, usual_clef
from abcscribe.score.model import Metre
from abcscribe.synthesis import performance as playing
from abcscribe.synthesis.performance import Performance
from abcscribe.synthesis.simulated_hearing import hear
from abcscribe.tokens import (
    LONGEST,
    METRE_TOKENS,
    MOST_UNHEARD,
    MOST_VOICES,
    TICKS,
    VOCABULARY,
    Event,
    Excerpt,
    Span,
    encode,
    tempo_index,
)  # fmt: skip

# A performance and the severity of errors -> n heard notes, and (n,) the index of each one's score note, -1 for none.
Hearing = Callable[[np.random.Generator, Performance, float | None], tuple[HeardNotes, np.ndarray]]
# Heard notes, and whether to analyse them -> the notes with the columns of the analysis, zeros if not analysed.
# Training passes it in, as synthesis does not import the analysis.
Advise = Callable[[HeardNotes, bool], HeardNotes]
KINDS = ("line", "tune", "melody", "piano", "ensemble", "lines", "song")
# Shares of the kinds: a part of an ensemble, a folk tune, a singer's part, a keyboard, several parts, the voices of a
# song and its piano given to players of one line each, voice and piano.
SHARES = {"line": 0.13, "tune": 0.18, "melody": 0.1, "piano": 0.17, "ensemble": 0.22, "lines": 0.13, "song": 0.07}
AT_BEGINNING = 0.25  # share of windows that begin with the piece
UPBEAT = 0.06  # share of the others that begin inside a bar
TUTTI = 0.5  # share of ensembles in which all parts play
BEAT_BPM, BEAT_SPREAD = 92.0, 0.3  # median and standard deviation of the log of beats a minute, where no tempo is known
MARKED = 0.6  # share of pieces with a tempo mark that are played near it
IOI = (0.11, 1.0)  # seconds: median interval between onsets of a playable performance
# Metres that sound like another, with the more frequent one.
SAME_METRE = {Metre(2, 2): Metre(4, 4), Metre(4, 8): Metre(2, 4)}
LEAST_OF_LINE = 0.7  # notes a bar, from which a voice is a line of its own
OFF_GRID = 0.15  # ticks by which a note may be off the grid
KEYBOARDS, KEYBOARD_SHARES = (0, 6, 19, 46), (0.88, 0.04, 0.05, 0.03)  # programs of parts on two staves
# Programs that are written by name: those that are often recorded. Others of their families sound nearly the same.
COMMON = frozenset({0, 4, 6, 8, 11, 12, 13, 16, 19, 21, 22, 24, 25, 27, 32, 33, 40, 41, 42, 43, 46, 52, 53, 56, 57, 58,
                    60, 64, 65, 66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 80, 105, 110})  # fmt: skip
SAME_FAMILY = 0.45  # share of ensembles that are of one family: choirs, quartets


@dataclass(frozen=True)
class Stage:
    """Distribution of the windows in a stage of the curriculum."""

    notes: tuple[int, int] = (16, 96)  # fewest and most notes of a window
    shares: tuple[tuple[str, float], ...] = tuple(SHARES.items())
    severity: float | None = None  # of the transcription errors; None: drawn
    analysed: float = 0.95  # share of windows whose notes come with the analysis, if there is one to `Advise`


@dataclass(frozen=True, slots=True)
class Window:
    """One example."""

    heard: HeardNotes
    ids: np.ndarray  # (t,) tokens
    token_groups: np.ndarray  # (t,) pointer at each token
    places: np.ndarray  # (n,) ticks of each heard note from the bar line, -1 for false ones
    kind: str
    excerpt: Excerpt
    behind: np.ndarray  # (n,) index among the excerpt's events of each heard note's true note, -1 for false ones


class WindowSource:
    """The pieces of one split, by kind."""

    def __init__(
        self,
        cache: NoteCache | Path,
        split: str = "train",
        *,
        prepared: Callable[[CachedPiece], CachedPiece] = lambda piece: piece,
        hear: Hearing = hear,
        advise: Advise | None = None,
    ) -> None:
        """Choose the parts of the pieces.

        Args:
            cache: the notes of the corpus.
            split: train, valid or test.
            prepared: applied to every piece.
            hear: performance -> heard notes.
            advise: adds the columns of the analysis; None: no columns.
        """
        self.cache = cache if isinstance(cache, NoteCache) else NoteCache(cache)
        self.pieces: dict[int, CachedPiece] = {}
        self.split, self.hear, self.advise = split, hear, advise
        self.choices: dict[str, list[tuple[int, tuple[int, ...]]]] = {kind: [] for kind in KINDS}
        for index, piece in enumerate(self.cache.pieces):
            if piece.split == split:
                self.pieces[index] = prepared(self.cache[index])
                self._add(index, self.pieces[index])
        self._arrange()

    def _add(self, index: int, item: CachedPiece) -> None:
        notes = item.notes
        parts = [part for part in range(len(notes.program)) if notes.program[part] < 128]
        staves = {part: int(notes.staff[notes.part == part].max(initial=0)) + 1 for part in parts}
        single = [part for part in parts if staves[part] == 1 and _is_line(item, part)]
        for part in parts:
            if staves[part] == 2:
                self.choices["piano"].append((index, (part,)))
        if len(parts) == 1 and single:
            self.choices["tune"].append((index, (parts[0],)))
        elif any(staves[part] == 2 for part in parts):
            self.choices["melody"] += [(index, (part,)) for part in single]
            grand = next(part for part in parts if staves[part] == 2)
            self.choices["song"] += [(index, (part, grand)) for part in single[:1] if part < grand]
        elif len(single) > 1:
            self.choices["line"] += [(index, (part,)) for part in single]
            self.choices["ensemble"].append((index, tuple(single)))

    def _arrange(self) -> None:
        """Songs once more, as pieces of single lines."""
        for index in [index for index, _ in self.choices["song"]]:
            arranged = of_lines(self.pieces[index])
            count = len(arranged.notes.program)
            if count > 1:
                number = len(self.cache.pieces) + index
                self.pieces[number] = arranged
                self.choices["lines"].append((number, tuple(range(count))))

    def draw(self, rng: np.random.Generator, stage: Stage) -> Window:
        """Draw a window, again until one succeeds: pieces have stretches that tokens cannot represent."""
        names, shares = zip(*stage.shares, strict=True)
        weights = np.array([share * bool(self.choices[name]) for name, share in stage.shares])
        assert len(shares) == len(weights)
        while True:
            kind = str(rng.choice(names, p=weights / weights.sum()))
            index, parts = self.choices[kind][rng.integers(len(self.choices[kind]))]
            if window := draw_window(
                rng, self.pieces[index], kind, _players(rng, parts), stage, self.hear, self.advise
            ):
                return window


def of_lines(item: CachedPiece) -> CachedPiece:
    """The piece with a part for each voice that has enough notes: the top notes of its chords, on a lower staff the
    bottom notes."""
    notes = item.notes
    kept: list[np.ndarray] = []
    for part, voice in sorted(set(zip(notes.part.tolist(), notes.voice.tolist(), strict=True))):
        own = np.flatnonzero((notes.part == part) & (notes.voice == voice))
        low = notes.staff[own].mean() > 0.5
        own = own[np.lexsort((notes.pitch[own] if low else -notes.pitch[own], notes.onset[own]))]
        own = own[np.r_[True, np.diff(notes.onset[own]) > 1e-3]]
        if len(own) >= LEAST_OF_LINE * len(notes.bar_start):
            kept.append(own)
    index = np.concatenate(kept) if kept else np.zeros(0, int)
    line = np.repeat(np.arange(len(kept)), [len(own) for own in kept])
    order = np.lexsort((notes.pitch[index], line, notes.onset[index]))
    index, line = index[order], line[order]
    one = np.ones(len(index), np.int8)
    columns = {name: getattr(notes, name)[index] for name in ("onset", "duration", "pitch", "fifth")}
    program = np.array([notes.program[notes.part[own[0]]] for own in kept], np.int16)
    made = replace(notes, **columns, part=line.astype(np.int8), voice=one, staff=one * 0, program=program)
    return replace(item, names=("",) * len(kept), notes=made)


def draw_window(
    rng: np.random.Generator,
    item: CachedPiece,
    kind: str,
    parts: tuple[int, ...],
    stage: Stage,
    hear: Hearing = hear,
    advise: Advise | None = None,
) -> Window | None:
    """Draw a window of some parts of a piece.

    Args:
        rng: random generator, of which the window is a function.
        item: the piece.
        kind: of KINDS.
        parts: indices of the parts.
        stage: distribution of the windows.
        hear: performance -> heard notes.
        advise: adds the columns of the analysis.

    Returns:
        The window, or None if the drawn place is unsuitable.
    """
    notes, most = item.notes, int(rng.integers(stage.notes[0], stage.notes[1] + 1))
    mine = (
        np.flatnonzero(np.isin(notes.part, parts)) if len(parts) < len(notes.program) else np.arange(len(notes.onset))
    )
    if len(mine) < 8:
        return None
    at = 0 if rng.random() < AT_BEGINNING else int(rng.integers(0, max(1, len(mine) - most // 2)))
    first_bar = int(np.searchsorted(notes.bar_start, notes.onset[mine[at]] + 1e-3)) - 1
    at = int(np.searchsorted(notes.onset[mine], notes.bar_start[first_bar] - 1e-3))
    chosen = mine[at : at + most]
    last_bar = int(np.searchsorted(notes.bar_start, notes.onset[chosen[-1]] + 1e-3))
    made = _excerpt(rng, item, parts, chosen, first_bar, last_bar)
    if made is None:
        return None
    excerpt, programs, part = made
    onset = np.array([event.onset for event in excerpt.events]) / TICKS
    duration = np.array([event.duration for event in excerpt.events]) / TICKS
    pitch = np.array([event.midi for event in excerpt.events])
    mark = float(notes.tempo[first_bar])
    bpm = _tempo(rng, onset, part, mark, excerpt.spans[0].metre or Metre())
    played = playing.perform(rng, onset - onset[0], duration, pitch, part, programs, bpm)
    heard, behind = hear(rng, played, stage.severity)
    if not behind.size:
        return None
    analysed = rng.random() < stage.analysed
    if advise:
        heard = advise(heard, analysed)
    realised = 60 * (onset[-1] - onset[0]) / max(float(played.onset.max() - played.onset.min()), 0.1)
    tempo = tempo_index(realised if onset[-1] > onset[0] else bpm)
    excerpt = replace(excerpt, spans=tuple(replace(span, tempo=tempo) for span in excerpt.spans))
    return written(excerpt, heard, behind, kind)


def written(excerpt: Excerpt, heard: HeardNotes, behind: np.ndarray, kind: str) -> Window | None:
    """The window of an excerpt and its heard notes, None if tokens cannot link them; ``behind`` as in `Window`."""
    links = _links(np.array([event.onset for event in excerpt.events]), heard.groups, behind)
    if links is None:
        return None
    writing = encode(excerpt, links)
    places = _places(excerpt, behind)
    return Window(heard, np.array(writing.ids), np.array(writing.groups), places, kind, excerpt, behind)


def _is_line(item: CachedPiece, part: int) -> bool:
    """Whether a part is monophonic, nearly always."""
    onset = item.notes.onset[item.notes.part == part]
    return onset.size >= 12 and np.unique(onset).size > 0.93 * onset.size


def _players(rng: np.random.Generator, parts: tuple[int, ...]) -> tuple[int, ...]:
    if len(parts) <= 2 or (rng.random() < TUTTI and len(parts) <= 5):
        return parts
    count = int(rng.integers(2, min(len(parts), 5) + 1))
    return tuple(sorted(int(p) for p in rng.choice(parts, count, replace=False)))


def _excerpt(
    rng: np.random.Generator, item: CachedPiece, parts: tuple[int, ...], chosen: np.ndarray, first: int, last: int
) -> tuple[Excerpt, tuple[int, ...], np.ndarray] | None:
    """Bars ``first`` to ``last`` with the chosen notes: the excerpt, the programs, and (n,) the part of each event."""
    notes = item.notes
    spans, starts = _spans(rng, item, first, last)
    if spans is None:
        return None
    bar = np.searchsorted(starts, notes.onset[chosen] + 1e-3) - 1
    ticks = np.cumsum([0] + [span.length for span in spans])
    place = (notes.onset[chosen] - starts[bar]) * TICKS
    length = notes.duration[chosen] * TICKS
    if np.abs(place - np.round(place)).max() > OFF_GRID or np.abs(length - np.round(length)).max() > OFF_GRID:
        return None
    shift, by_fifths = _transposition(rng, notes.pitch[chosen], spans[0].fifths, notes.fifth[chosen])
    spans = [replace(span, fifths=span.fifths + by_fifths) for span in spans]
    if any(abs(span.fifths) > 7 for span in spans):
        return None
    onset, pitch = ticks[bar] + np.round(place).astype(int), notes.pitch[chosen].astype(int) + shift
    if (cut := _cut(rng, onset, spans, first == 0)) > 0:
        keep = onset >= cut
        chosen, onset, pitch, length = chosen[keep], onset[keep] - cut, pitch[keep], length[keep]
        spans[0] = replace(spans[0], length=spans[0].length - cut)
    if len(chosen) < 6:
        return None
    staves = _staves(item, parts, chosen)
    if staves is None:
        return None
    staff, voice, counts = staves
    part = np.searchsorted(parts, notes.part[chosen])
    programs = _programs(rng, counts, [pitch[part == p] for p in range(len(parts))], len(parts) == 2 and 2 in counts)
    clefs = _clefs(programs, counts, [pitch[staff == s] for s in range(sum(counts))])
    fifth = notes.fifth[chosen].astype(int) + by_fifths
    length = np.maximum(np.round(length).astype(int), 1)
    columns = zip(onset.tolist(), staff.tolist(), voice.tolist(), length.tolist(), pitch.tolist(), fifth.tolist())  # noqa: B905
    events = [Event(*row) for row in columns]
    order = sorted(range(len(events)), key=events.__getitem__)
    if any((event.midi, event.fifth) not in VOCABULARY.pitch_id for event in events):
        return None
    excerpt = Excerpt(tuple(spans), tuple(zip(programs, clefs, strict=True)), tuple(events[i] for i in order))
    return excerpt, programs, part[order]


def _spans(rng: np.random.Generator, item: CachedPiece, first: int, last: int) -> tuple[list[Span] | None, np.ndarray]:
    """The bars, and their starts in quarters. A bar that a repeat sign splits in two is joined again."""
    notes, starts = item.notes, []
    spans: list[Span] = []
    lengths = np.diff(notes.bar_start[first : last + 1]) * TICKS
    if np.abs(lengths - np.round(lengths)).max(initial=0) > OFF_GRID or lengths.max(initial=0) > LONGEST:
        return None, np.zeros(0)
    for i in range(first, last):
        beats, unit = (int(n) for n in notes.metre[i])
        metre = Metre(beats, unit) if beats else None
        if metre not in METRE_TOKENS or metre is None:
            return None, np.zeros(0)
        metre = SAME_METRE.get(metre, metre)
        full, length = round(float(metre.length) * TICKS), round(float(lengths[i - first]))
        if spans and i > first + (first == 0) and spans[-1].length + length == full and spans[-1].metre == metre:
            spans[-1] = replace(spans[-1], length=full)
            continue
        spans.append(Span(length, metre, int(notes.fifths[i]), MODES[int(notes.mode[i])]))
        starts.append(float(notes.bar_start[i]))
    return spans, np.array(starts)


def _transposition(rng: np.random.Generator, pitch: np.ndarray, fifths: int, names: np.ndarray) -> tuple[int, int]:
    """Semitones and steps on the line of fifths, to a key with at most six accidentals."""
    shift = int(rng.integers(-6, 7)) if rng.random() < 0.85 else 0
    shift = int(np.clip(shift, 22 - int(pitch.min()), 107 - int(pitch.max())))
    steps = [f for f in range(-12, 13) if (7 * f - shift) % 12 == 0 and abs(fifths + f) <= 6]
    if shift == 0 or not steps:
        return 0, 0
    return shift, min(steps, key=lambda f: abs(fifths + f))


def _cut(rng: np.random.Generator, onset: np.ndarray, spans: list[Span], beginning: bool) -> int:
    """Ticks to take off the first bar: music that enters late in it is a pickup; sometimes a window begins inside."""
    begin, length = int(onset[0]), spans[0].length
    inside = onset[(onset > 0) & (onset < length)]
    if not beginning and inside.size and rng.random() < UPBEAT:
        return int(rng.choice(inside))
    full = round(float(spans[0].metre.length) * TICKS) if spans[0].metre else length
    return begin if 0 < begin < length and begin + full - length >= PICKUP * full else 0


def _staves(
    item: CachedPiece, parts: tuple[int, ...], chosen: np.ndarray
) -> tuple[np.ndarray, np.ndarray, list[int]] | None:
    """(n,) staff through all parts, (n,) voice in the staff, and the staves of each part; None for too many."""
    notes = item.notes
    counts = [int(notes.staff[notes.part == part].max(initial=0)) + 1 for part in parts]
    if max(counts) > 2:
        return None
    first = np.cumsum([0, *counts])
    staff = first[np.searchsorted(parts, notes.part[chosen])] + notes.staff[chosen]
    voice = np.ones(len(chosen), int)
    for s in np.unique(staff):
        present, rank = np.unique(notes.voice[chosen[staff == s]], return_inverse=True)
        if len(present) > MOST_VOICES:
            return None
        voice[staff == s] = rank + 1
    return staff, voice, counts


def _programs(rng: np.random.Generator, counts: list[int], pitches: list[np.ndarray], song: bool) -> tuple[int, ...]:
    """An instrument for each part."""
    wanted = str(rng.choice(("strings", "voice", "reed", "brass"), p=(0.45, 0.3, 0.15, 0.1)))
    alike = len(counts) > 1 and rng.random() < SAME_FAMILY
    programs = []
    for count, pitch in zip(counts, pitches, strict=True):
        if count == 2:
            programs.append(0 if song else int(rng.choice(KEYBOARDS, p=KEYBOARD_SHARES)))
            continue
        middle = pitch if len(pitch) else np.array([60])
        if song and rng.random() < 0.7:
            programs.append(52)
            continue
        program = playing.choose_program(rng, middle, False)
        for _ in range(30):
            if program in COMMON and (not alike or family(program) == wanted):
                break
            program = playing.choose_program(rng, middle, False)
        programs.append(program)
    return tuple(programs)


def _clefs(programs: tuple[int, ...], counts: list[int], staves: list[np.ndarray]) -> list[tuple[str, ...]]:
    clefs: list[tuple[str, ...]] = []
    at = 0
    for program, count in zip(programs, counts, strict=True):
        medians = [float(np.median(s)) if len(s) else None for s in staves[at : at + count]]
        at += count
        if count == 1:
            clefs.append((usual_clef(program, medians[0] or 60.0),))
            continue
        usual = ("treble", "bass")
        clefs.append(tuple(u if m is None else hand_clef(u, m) for u, m in zip(usual, medians, strict=True)))
    return clefs


def _tempo(rng: np.random.Generator, onset: np.ndarray, part: np.ndarray, mark: float, metre: Metre) -> float:
    """Quarters a minute: near the mark of the piece, or usual for the metre, and playable."""
    gaps = np.diff(np.unique(onset))
    middle = float(np.median(gaps)) if gaps.size else 1.0
    for _ in range(12):
        if np.isfinite(mark) and mark > 0 and rng.random() < MARKED:
            bpm = mark * np.exp(rng.normal(0, 0.12))
        else:
            bpm = BEAT_BPM * np.exp(rng.normal(0, BEAT_SPREAD)) * float(metre.beat)
        if IOI[0] < middle * 60 / bpm < IOI[1]:
            return float(np.clip(bpm, 25, 320))
    return playing.draw_tempo(rng, onset, part)


def _places(excerpt: Excerpt, behind: np.ndarray) -> np.ndarray:
    """(n,) position of each heard note in its bar, in ticks; a pickup is at the end of its bar."""
    lines, first = np.array(excerpt.bar_starts()), excerpt.spans[0]
    onset = np.array([event.onset for event in excerpt.events])
    bar = np.searchsorted(lines, onset, side="right") - 1
    short = round(float(first.metre.length) * TICKS) - first.length if first.metre else 0
    place = onset - lines[bar] + np.where(bar == 0, max(short, 0), 0)
    return np.where(behind >= 0, np.minimum(place, LONGEST - 1)[behind], -1)


def _links(onset: np.ndarray, groups: np.ndarray, behind: np.ndarray) -> list[int] | None:
    """Group of heard notes of each distinct onset, -1 for none; None if too many onsets in a row have none."""
    heard: dict[int, Counter[int]] = {}
    for group, note in zip(groups, behind, strict=True):
        if note >= 0:
            heard.setdefault(int(onset[note]), Counter())[int(group)] += 1
    links, last, unheard = [], -1, 0
    for at in np.unique(onset):
        found = heard.get(int(at))
        group = max(found, key=lambda g: (found[g], -g)) if found else -1
        if group <= last:
            group = -1
        unheard = unheard + 1 if group < 0 else 0
        if unheard > MOST_UNHEARD:
            return None
        last = max(last, group)
        links.append(group)
    return links
