"""Score <-> token ids: the one place that knows the vocabulary of the default model.

An answer is a header and bars in the order of time:

    BOS metre key mode tempo (program clef+)+
    (BAR [duration+] [metre] [key mode] [tempo] ([skip* | STAY] position ([staff] [voice] (pitch+ duration+)+)+)*)* EOS

- Every part is its General MIDI program and the clefs of its staves; staves are counted through all parts, and a note's
  staff is named unless there is only one. Voice 1 of a staff goes without saying.
- Rests are where nothing is written. A position is the place in the bar in ticks; durations are ticks as they sound
  (ties are merged), several in a row add up. A bar names its length if its metre does not tell it: a pickup, say.
- Positions and heard notes are linked by a pointer. Notes that begin together were heard as one *group*; each position
  moves the pointer to the next group, past ``skip`` groups that are no notes, or leaves it (STAY) if nothing was heard
  there. So the time of every onset follows without a token for it, and the model knows where to look.

Knows no model and no sound. Not kept: grace notes, repeats (unfold them first), percussion, names, quintuplets, values
below the tick, and what a bar holds behind its eighth quarter. ``Excerpt.whole`` says whether something fell outside.
"""

from __future__ import annotations

import copy
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cache
from itertools import groupby
from math import log
from typing import Any

import numpy as np

from abcscribe.errors import ScoreError
from abcscribe.score.instruments import PERCUSSION
from abcscribe.score.model import CLEFS, MODE_FIFTHS, Bar, Key, Metre, Note, Part, Score, Staff, Tempo
from abcscribe.score.spelling import pitch_at

TICKS = 24  # in a quarter: a 32nd is 3, an eighth of a triplet 8
LONGEST = 8 * TICKS  # of a bar, and of one duration token
LOWEST, HIGHEST = 21, 108  # MIDI: the piano
MOST_ALTER = 2  # double sharps and flats
MOST_STAVES, MOST_PART_STAVES, MOST_VOICES = 12, 3, 4
MOST_SKIPPED = 8  # groups of one token; more are several tokens
METRES = (
    None, *(Metre(*m) for m in (
        (4, 4), (3, 4), (2, 4), (6, 8), (3, 8), (9, 8), (12, 8), (2, 2), (3, 2), (4, 2), (5, 4), (6, 4), (7, 4), (1, 4),
        (8, 4), (2, 8), (4, 8), (5, 8), (7, 8), (8, 8), (10, 8), (15, 8), (3, 16), (6, 16), (9, 16), (12, 16),
        (2, 1), (1, 2),
    )),
)  # fmt: skip
MODES = (*MODE_FIFTHS, "none")
_SINGLE = ("pad", "bos", "eos", "bar", "stay")
MOST_FIFTHS = 7
SLOWEST, TEMPO_RATIO, TEMPI = 20.0, 1.03, 104  # quarters a minute of the first tempo token, ratio of neighbours, count


class Vocabulary:
    """Ids of all tokens, in blocks (slices); ``names[i]`` is token ``i`` in words."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.pad, self.bos, self.eos, self.bar, self.stay = range(5)
        self._block(_SINGLE)
        self.metre = self._block(f"metre {metre}" for metre in METRES)
        self.fifths = self._block(f"key {fifths}" for fifths in range(-MOST_FIFTHS, MOST_FIFTHS + 1))
        self.mode = self._block(f"mode {mode}" for mode in MODES)
        self.tempo = self._block(f"tempo {tempo_at(i):.0f}" for i in range(TEMPI))
        self.program = self._block(f"program {program}" for program in range(PERCUSSION))
        self.clef = self._block(f"clef {clef}" for clef in CLEFS)
        self.staff = self._block(f"staff {staff}" for staff in range(MOST_STAVES))
        self.voice = self._block(f"voice {voice}" for voice in range(2, MOST_VOICES + 1))
        self.skip = self._block(f"skip {groups}" for groups in range(1, MOST_SKIPPED + 1))
        self.position = self._block(f"position {tick}" for tick in range(LONGEST))
        self.duration = self._block(f"duration {ticks}" for ticks in range(1, LONGEST + 1))
        self.pitches = _pitches()  # (MIDI, place on the line of fifths) of each pitch token
        self.pitch = self._block(f"pitch {pitch_at(*pitch)}" for pitch in self.pitches)
        self.pitch_id = {pitch: self.pitch.start + i for i, pitch in enumerate(self.pitches)}

    def __len__(self) -> int:
        return len(self.names)

    def _block(self, names: Iterable[str]) -> slice:
        first = len(self.names)
        self.names.extend(names)
        return slice(first, len(self.names))


def _pitches() -> list[tuple[int, int]]:
    """Every spelling with at most two accidentals of every key of the piano."""
    fifths = range(-1 - 7 * MOST_ALTER, 6 + 7 * MOST_ALTER)
    return [(midi, f) for midi in range(LOWEST, HIGHEST + 1) for f in fifths if (7 * f - midi) % 12 == 0]


def tempo_at(index: int) -> float:
    """Quarters a minute of a tempo token."""
    return SLOWEST * TEMPO_RATIO**index


def tempo_index(quarter_bpm: float) -> int:
    """The tempo token nearest to a tempo."""
    return min(max(round(log(max(quarter_bpm, 1.0) / SLOWEST) / log(TEMPO_RATIO)), 0), TEMPI - 1)


VOCABULARY = Vocabulary()
_PITCH_MIDI = np.array([midi for midi, _ in VOCABULARY.pitches])


@dataclass(frozen=True, slots=True)
class Span:
    """A bar of an excerpt."""

    length: int  # ticks
    metre: Metre | None
    fifths: int
    mode: str
    tempo: int | None = None  # index of a tempo token; None: as before, or unknown


@dataclass(frozen=True, slots=True, order=True)
class Event:
    """A note as it sounds. Ordered as it is written."""

    onset: int  # ticks from the first bar line
    staff: int  # counted through all parts
    voice: int  # 1-based within the staff
    duration: int  # ticks, above zero
    midi: int
    fifth: int  # place of the name on the line of fifths


@dataclass(frozen=True, slots=True)
class Excerpt:
    """What tokens say of a score, and nothing else."""

    spans: tuple[Span, ...]
    parts: tuple[tuple[int, tuple[str, ...]], ...]  # program and clefs of each part
    events: tuple[Event, ...]  # ordered
    whole: bool = True  # False: something of the score fell outside of what tokens can say

    def bar_starts(self) -> list[int]:
        """Ticks of every bar line and of the end."""
        starts = [0]
        for span in self.spans:
            starts.append(starts[-1] + span.length)
        return starts


@dataclass(slots=True)
class Writing:
    """Token ids with the group (of heard notes) that each token looks at; -1 before the first."""

    ids: list[int] = field(default_factory=list)
    groups: list[int] = field(default_factory=list)
    group: int = -1

    def add(self, token: int) -> None:
        self.ids.append(token)
        self.groups.append(self.group)


def encode(excerpt: Excerpt, heard: Sequence[int] | None = None) -> Writing:
    """Token ids of an excerpt.

    Args:
        heard: for each distinct onset of the events the group of heard notes that it was heard as, -1 for none; without
            it every onset is a group of its own.
    """
    v, out = VOCABULARY, Writing()
    first = excerpt.spans[0] if excerpt.spans else Span(4 * TICKS, METRES[1], 0, "major")
    for token in _header(first, excerpt.parts):
        out.add(token)
    several = sum(len(clefs) for _, clefs in excerpt.parts) > 1
    onsets = [(onset, list(events)) for onset, events in groupby(excerpt.events, key=lambda e: e.onset)]
    links = list(heard) if heard is not None else list(range(len(onsets)))
    before, at = first, 0
    for span, start in zip(excerpt.spans, excerpt.bar_starts(), strict=False):
        out.add(v.bar)
        if span.metre is None or span.length != span.metre.length * TICKS:
            _add_duration(out, span.length)
        for token in _signature(span, before):
            out.add(token)
        before = span
        while at < len(onsets) and onsets[at][0] < start + span.length:
            _point(out, links[at])
            out.add(v.position.start + onsets[at][0] - start)
            _add_notes(out, onsets[at][1], several)
            at += 1
    out.add(v.eos)
    return out


def _header(span: Span, parts: Iterable[tuple[int, tuple[str, ...]]]) -> list[int]:
    tokens = [VOCABULARY.bos, *_signature(span, None)]
    for program, clefs in parts:
        tokens.append(VOCABULARY.program.start + program)
        tokens += [VOCABULARY.clef.start + CLEFS.index(clef) for clef in clefs]
    return tokens


def _signature(span: Span, before: Span | None) -> list[int]:
    """Tokens for what a bar changes; all of it if there is no bar before."""
    v, tokens = VOCABULARY, []
    if before is None or span.metre != before.metre:
        tokens.append(v.metre.start + METRES.index(span.metre))
    if before is None or (span.fifths, span.mode) != (before.fifths, before.mode):
        tokens += [v.fifths.start + span.fifths + MOST_FIFTHS, v.mode.start + MODES.index(span.mode)]
    if span.tempo is not None and (before is None or span.tempo != before.tempo):
        tokens.append(v.tempo.start + span.tempo)
    return tokens


def _point(out: Writing, group: int) -> None:
    """Move the pointer to the group of the next position."""
    v, skipped = VOCABULARY, group - out.group - 1
    if skipped < 0:
        out.add(v.stay)
        return
    while skipped > 0:
        step = min(skipped, MOST_SKIPPED)
        out.group += step
        out.add(v.skip.start + step - 1)
        skipped -= step
    out.group += 1


def _add_notes(out: Writing, events: list[Event], several: bool) -> None:
    v = VOCABULARY
    for (staff, voice), line in groupby(events, key=lambda e: (e.staff, e.voice)):
        if several:
            out.add(v.staff.start + staff)
        if voice > 1:
            out.add(v.voice.start + voice - 2)
        for duration, chord in groupby(line, key=lambda e: e.duration):
            for event in chord:
                out.add(v.pitch_id[event.midi, event.fifth])
            _add_duration(out, duration)


def _add_duration(out: Writing, ticks: int) -> None:
    while ticks > 0:
        piece = min(ticks, LONGEST)
        out.add(VOCABULARY.duration.start + piece - 1)
        ticks -= piece


_MUSIC = ("skip", "stay", "position", "bar", "eos")
# The grammar: which blocks may follow, by the state that the last token led to.
_NEXT = {
    "begin": ("bos",), "bos": ("metre",), "metre": ("fifths",), "fifths": ("mode",), "mode": ("tempo", "program"),
    "tempo": ("program",), "program": ("clef",), "clef": ("clef", "program", "bar", "eos"),
    "bar": ("duration", "metre", "fifths", "tempo", *_MUSIC),
    "length": ("duration", "metre", "fifths", "tempo", *_MUSIC),
    "bar metre": ("fifths", "tempo", *_MUSIC), "bar fifths": ("mode",), "bar mode": ("tempo", *_MUSIC),
    "bar tempo": _MUSIC, "skip": ("skip", "position"), "stay": ("position",), "position": ("staff", "voice", "pitch"),
    "staff": ("voice", "pitch"), "voice": ("pitch",), "pitch": ("pitch", "duration"),
    "duration": ("duration", "pitch", "staff", "voice", *_MUSIC), "eos": (),
}  # fmt: skip
MOST_UNHEARD = 4  # positions in a row at which nothing was heard
MOST_EMPTY = 16  # bars in a row without a note


@cache
def _blocks() -> tuple[str, ...]:
    """Name of the block of every token."""
    names = [""] * len(VOCABULARY)
    for name, value in vars(VOCABULARY).items():
        if isinstance(value, int):
            names[value] = name
        elif isinstance(value, slice):
            names[value] = [name] * (value.stop - value.start)
    return tuple(names)


@cache
def _mask(state: str) -> np.ndarray:
    """(len(VOCABULARY),) bool: the tokens of the blocks that the grammar allows."""
    return np.isin(_blocks(), _NEXT[state])


class Reader:
    """The grammar as a machine: tokens in, an excerpt out; ``allowed`` says what may come next.

    Whatever is read with ``allowed`` obeyed is a valid excerpt, and it is finite: positions grow within a bar, all but
    a few move the pointer on, and few bars in a row are empty. ``groups`` is the number of groups that were heard: the
    answer ends near the last of them; without it the pointer has no end.
    """

    def __init__(self, groups: int | None = None) -> None:
        self.groups = groups
        self.state = "begin"
        self.parts: list[tuple[int, list[str]]] = []
        self.spans: list[Span] = []
        self.events: list[Event] = []
        self.heard: list[int] = []  # group of each distinct onset, -1 for none
        self.token_groups: list[int] = []  # where the pointer stands at each token
        self.token_bars: list[int] = []  # bar of each token, -1 for the header
        self.group = -1  # the pointer
        self.staves = 0
        self._now = Span(4 * TICKS, METRES[1], 0, "major")  # what is in force
        self._start = 0  # ticks of the present bar line
        self._position = -1  # in the present bar
        self._line = self._last_line = (-1, 0)  # staff and voice of the present notes, and of those before
        self._used: list[int] = []  # MIDI at this position in this line; the present chord is at the end
        self._chord = 0  # notes of the present chord
        self._waiting = 0  # ticks of the duration so far
        self._unheard = self._empty = 0

    @property
    def _length(self) -> int:
        return self.spans[-1].length if self.spans else 0

    def push(self, token: int) -> None:
        """Read one token. Raises ScoreError if the grammar does not allow it."""
        if not 0 <= token < len(VOCABULARY):
            raise ScoreError(f"No token has the number {token}.")
        block = _blocks()[token]
        if block not in _NEXT[self.state]:
            raise ScoreError(
                f"{VOCABULARY.names[token]!r} cannot follow a {self.state} (token {len(self.token_bars)})."
            )
        getattr(self, f"_on_{block}")(token - getattr(VOCABULARY, block).start if block not in _SINGLE else 0)
        self.token_groups.append(self.group)
        self.token_bars.append(len(self.spans) - 1)

    def bars_since_onset(self) -> int:
        """Bar lines after the last onset; of an answer without notes, all of them."""
        last = self.events[-1].onset if self.events else -1
        count, start = 0, self._start
        while count < len(self.spans) and last < start:
            count += 1
            start -= self.spans[-1 - count].length if count < len(self.spans) else 0
        return count

    @property
    def metre(self) -> Metre | None:
        """The metre in force."""
        return self._now.metre

    def header(self) -> list[int]:
        """Tokens of a header with what is in force now."""
        now = replace(self._now, tempo=self.spans[0].tempo if self.spans else self._now.tempo)
        return _header(now, [(program, tuple(clefs)) for program, clefs in self.parts])

    def copy(self) -> Reader:
        """An independent reader in the same place."""
        other = copy.copy(self)
        other.parts = [(program, list(clefs)) for program, clefs in self.parts]
        for name in ("spans", "events", "heard", "token_groups", "token_bars", "_used"):
            setattr(other, name, list(getattr(self, name)))
        return other

    def excerpt(self) -> Excerpt:
        """What was read so far."""
        parts = tuple((program, tuple(clefs)) for program, clefs in self.parts)
        return Excerpt(tuple(self.spans), parts, tuple(sorted(self.events)))

    def allowed(self) -> np.ndarray:
        """(len(VOCABULARY),) bool: the tokens that may come next."""
        v, mask = VOCABULARY, _mask(self.state).copy()
        if self.state in ("program", "clef"):
            mask[v.clef] &= len(self.parts[-1][1]) < MOST_PART_STAVES and self.staves < MOST_STAVES
            mask[v.program] &= self.staves < MOST_STAVES
        elif self.state == "bar" and self._now.metre is None:  # such a bar must say how long it is, or its new metre
            mask[: v.metre.start + 1] = mask[v.metre.stop : v.duration.start] = mask[v.duration.stop :] = False
        elif self.state in ("position", "staff", "voice", "pitch", "duration"):
            self._allow_notes(mask)
        if self.state not in ("position", "staff", "voice", "pitch"):
            self._allow_places(mask)
        return mask

    def _allow_places(self, mask: np.ndarray) -> None:
        """Positions that lie ahead, the pointer within what was heard, no endless emptiness."""
        v, ahead = VOCABULARY, np.arange(LONGEST)
        left = LONGEST if self.groups is None else self.groups - 1 - self.group
        room = self._position + 1 < min(self._length, LONGEST)
        mask[v.position] &= (ahead > self._position) & (ahead < self._length) & (left > 0 or self.state == "stay")
        mask[v.skip] &= room & (ahead[:MOST_SKIPPED] + 1 < left)
        mask[v.stay] &= room and self._unheard < MOST_UNHEARD
        mask[v.bar] &= self._empty < MOST_EMPTY
        mask[v.eos] &= self.groups is None or left <= MOST_SKIPPED

    def _allow_notes(self, mask: np.ndarray) -> None:
        """Staves and voices in order, pitches of a chord from the lowest, none twice in a voice."""
        v, several, voices = VOCABULARY, self.staves > 1, np.arange(2, MOST_VOICES + 1)
        staff, voice = self._line
        last = last_staff, last_voice = self._line if self.state == "duration" else self._last_line
        at = np.arange(MOST_STAVES)
        if several and self.state in ("position", "duration"):
            mask[v.staff] &= (at < self.staves) & (at >= last_staff + (last_voice == MOST_VOICES))
            mask[v.voice] = False
            mask[v.pitch] &= self.state == "duration"
        else:
            mask[v.staff] = False
            mask[v.voice] &= (staff > last_staff) | (voices > last_voice)
            mask[v.pitch] &= self.state in ("pitch", "duration") or (staff, voice) > last
        mask[v.duration] &= self.state == "pitch" or self._waiting % LONGEST == 0
        if self.state == "pitch":
            mask[v.pitch] &= self._used[-1] < _PITCH_MIDI
        mask[v.pitch] &= ~np.isin(_PITCH_MIDI, self._used)

    # One method a block: what its tokens do. ``index`` is the token's place in the block.

    def _on_bos(self, index: int) -> None:
        self.state = "bos"

    def _on_eos(self, index: int) -> None:
        self.state = "eos"

    def _on_metre(self, index: int) -> None:
        metre, in_bar = METRES[index], self.state != "bos"
        if self.state == "bar" and metre is not None:
            self._change(metre=metre, length=int(metre.length * TICKS))
        else:
            self._change(metre=metre)
        self.state = "bar metre" if in_bar else "metre"

    def _on_fifths(self, index: int) -> None:
        self._change(fifths=index - MOST_FIFTHS)
        self.state = "fifths" if self.state == "metre" else "bar fifths"

    def _on_mode(self, index: int) -> None:
        self._change(mode=MODES[index])
        self.state = "mode" if self.state == "fifths" else "bar mode"

    def _on_tempo(self, index: int) -> None:
        self._change(tempo=index)
        self.state = "tempo" if self.state == "mode" else "bar tempo"

    def _change(self, **what: Any) -> None:
        self._now = replace(self._now, **what)
        if self.spans:
            self.spans[-1] = replace(self.spans[-1], **what)

    def _on_program(self, index: int) -> None:
        self.parts.append((index, []))
        self.state = "program"

    def _on_clef(self, index: int) -> None:
        self.parts[-1][1].append(CLEFS[index])
        self.staves += 1
        self.state = "clef"

    def _on_bar(self, index: int) -> None:
        empty = not self.events or self.events[-1].onset < self._start
        self._empty = self._empty + 1 if self.spans and empty else 0
        self._start += self._length
        length = int(self._now.metre.length * TICKS) if self._now.metre else 0
        self.spans.append(replace(self._now, length=length))
        self._position = -1
        self.state = "bar"

    def _on_duration(self, index: int) -> None:
        if self.state in ("bar", "length"):  # of the bar
            length = index + 1 + (self._length if self.state == "length" else 0)
            self.spans[-1] = replace(self.spans[-1], length=length)
            self.state = "length"
            return
        self._waiting = index + 1 + (self._waiting if self.state == "duration" else 0)
        done = [replace(event, duration=self._waiting) for event in self.events[-self._chord :]]
        self.events[-self._chord :] = done
        self.state = "duration"

    def _on_skip(self, index: int) -> None:
        self.group += index + 1
        self.state = "skip"

    def _on_stay(self, index: int) -> None:
        self.state = "stay"

    def _on_position(self, index: int) -> None:
        stayed = self.state == "stay"
        self._unheard = self._unheard + 1 if stayed else 0
        self.group += not stayed
        self.heard.append(-1 if stayed else self.group)
        self._position = index
        self._empty = 0
        self._last_line, self._line, self._used = (-1, 0), (0, 1), []
        self.state = "position"

    def _on_staff(self, index: int) -> None:
        self._turn(index, 1)
        self.state = "staff"

    def _on_voice(self, index: int) -> None:
        self._turn(self._line[0], index + 2)
        self.state = "voice"

    def _turn(self, staff: int, voice: int) -> None:
        """To another line; the last one counts as such only if it has notes."""
        if self._used:
            self._last_line, self._used = self._line, []
        self._line = (staff, voice)

    def _on_pitch(self, index: int) -> None:
        midi, fifth = VOCABULARY.pitches[index]
        self._chord = self._chord + 1 if self.state == "pitch" else 1
        self._used.append(midi)
        self.events.append(Event(self._start + self._position, *self._line, 0, midi, fifth))
        self.state = "pitch"


def decode(ids: Sequence[int], groups: int | None = None) -> Reader:
    """Read a whole answer. Raises ScoreError for what the grammar does not allow."""
    reader = Reader(groups)
    for token in ids:
        reader.push(token)
    return reader


def excerpt_of(score: Score) -> Excerpt:
    """What tokens can say of a score."""
    starts, whole, tempo = [0], True, None
    spans = []
    for bar in score.bars:
        length = round(bar.length * TICKS)
        fits = bar.metre in METRES and abs(bar.key.fifths) <= MOST_FIFTHS and LONGEST >= length == bar.length * TICKS
        whole &= fits and not (bar.repeat_start or bar.repeat_end or bar.ending)
        metre = bar.metre if bar.metre in METRES else None
        fifths = min(max(bar.key.fifths, -MOST_FIFTHS), MOST_FIFTHS)
        tempo = tempo_index(bar.tempo.quarter_bpm) if bar.tempo else tempo
        spans.append(Span(max(length, 1), metre, fifths, bar.key.mode, tempo))
        starts.append(starts[-1] + spans[-1].length)
    pitched = [part for part in score.parts if part.program != PERCUSSION]
    kept, staves = [], 0
    for part in pitched:
        if staves + len(part.staves) <= MOST_STAVES and len(part.staves) <= MOST_PART_STAVES:
            kept.append((part, staves))
            staves += len(part.staves)
    whole &= len(kept) == len(score.parts)
    events: list[Event] = []
    for part, first_staff in kept:
        own, fits = _events_of(part, first_staff, starts)
        events += own
        whole &= fits
    parts = tuple((part.program, tuple(staff.clef for staff in part.staves)) for part, _ in kept)
    return Excerpt(tuple(spans), parts, tuple(sorted(events)), whole)


def _events_of(part: Part, first_staff: int, starts: Sequence[int]) -> tuple[list[Event], bool]:
    """The part's notes with ties merged, and whether all of them could be said exactly."""
    place = {
        voice: (first_staff + i, j) for i, staff in enumerate(part.staves) for j, voice in enumerate(staff.voices, 1)
    }
    events: list[Event] = []
    tied: dict[tuple[int, int], int] = {}  # voice and MIDI -> index of the event that sounds on
    whole = True
    for start, notes in zip(starts, part.bars, strict=False):
        for note in sorted(notes, key=lambda n: n.start):
            midi = note.pitch.midi
            onset, end = start + round(note.start * TICKS), start + round(note.end * TICKS)
            staff, voice = place.get(note.voice, (first_staff, MOST_VOICES + 1))
            exact = (note.start * TICKS).denominator == (note.duration * TICKS).denominator == 1
            known = (midi, note.pitch.fifth) in VOCABULARY.pitch_id and voice <= MOST_VOICES and onset < start + LONGEST
            whole &= exact and known and not note.grace
            index = tied.pop((note.voice, midi), None)
            if index is not None and events[index].onset + events[index].duration == onset:
                events[index] = replace(events[index], duration=end - events[index].onset)
            elif known and end > onset:
                index = len(events)
                events.append(Event(onset, staff, voice, end - onset, midi, note.pitch.fifth))
            if note.tie and index is not None:
                tied[note.voice, midi] = index
    return events, whole


def score_of(excerpt: Excerpt) -> Score:
    """The excerpt as a Score: notes cut at bar lines and where a chord of their voice changes, and tied."""
    bars = []
    tempo: Tempo | None = None
    for span in excerpt.spans:
        if span.tempo is not None:
            beat = span.metre.beat if span.metre else Fraction(1)
            tempo = Tempo(round(tempo_at(span.tempo) / float(beat)), beat)
        bars.append(Bar(Fraction(span.length, TICKS), span.metre, Key(span.fifths, span.mode), tempo))
    parts, first = [], 0
    lines = {line: list(events) for line, events in groupby(sorted(excerpt.events, key=_by_line), key=_by_line)}
    for program, clefs in excerpt.parts:
        staves, voices = [], 0
        notes: list[list[Note]] = [[] for _ in bars]
        for staff, clef in enumerate(clefs, first):
            count = max([1, *(voice for s, voice in lines if s == staff)])
            staves.append(Staff(clef, tuple(range(voices + 1, voices + count + 1))))
            for voice in range(1, count + 1):
                _write_line(lines.get((staff, voice), []), voices + voice, excerpt.bar_starts(), notes)
            voices += count
        first += len(clefs)
        ordered = tuple(tuple(sorted(bar, key=lambda n: (n.voice, n.start, n.pitch.midi))) for bar in notes)
        parts.append(Part(ordered, program=program, staves=tuple(staves)))
    return Score(tuple(bars), tuple(parts))


def _by_line(event: Event) -> tuple[int, int]:
    return event.staff, event.voice


def _write_line(events: Sequence[Event], voice: int, starts: Sequence[int], bars: list[list[Note]]) -> None:
    """The notes of one voice into their bars."""
    ends = (event.onset + event.duration for event in events)
    cuts = sorted({*starts, *(event.onset for event in events), *ends})
    for event in events:
        end = min(event.onset + event.duration, starts[-1])
        low, high = bisect_left(cuts, event.onset), bisect_left(cuts, end)
        for begin, stop in zip(cuts[low:high], cuts[low + 1 : high + 1], strict=True):
            bar = bisect_right(starts, begin) - 1
            start, length = Fraction(begin - starts[bar], TICKS), Fraction(stop - begin, TICKS)
            bars[bar].append(Note(start, length, pitch_at(event.midi, event.fifth), voice, tie=stop < end))
