"""What a reader found of each part, bar by bar -> one Score: the last step of every reader but ABC's.

A reader fills a DraftPart without knowing the other parts. Here voices are numbered, bars get one length, metre, key
and
tempo for all, and what does not fit together is put right: ties that lead nowhere, voices that overlap, parts of
transposing instruments that are spelled in another signature than the rest (A sharp major beside B flat major).
"""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from abcscribe.score.instruments import usual_transposition
from abcscribe.score.model import Bar, Direction, Harmony, Key, Metre, Note, Part, Pitch, Score, Staff, Tempo
from abcscribe.score.transpose import move_pitch

VoiceKey = tuple[int, int, int]  # (staff, the file's number of the voice, layer of notes that overlap in it)
MOST_VERSES = 30
_PLURAL = re.compile(r"s(?=$| (?:of|that|whose|without|beyond|outside)\b| \()")  # of the noun that is counted


@dataclass(slots=True)
class DraftBar:
    """What one part says about a bar; None where it says nothing."""

    voices: dict[VoiceKey, list[Note]] = field(default_factory=dict)
    length: Fraction = Fraction(0)  # quarters that its longest voice fills
    metre: tuple[Metre | None] | None = None
    key: Key | None = None  # as it sounds
    tempo: Tempo | None = None  # from the bar line on
    later_tempo: Tempo | None = None  # from a place inside the bar on: counts from the next bar line
    repeat_start: bool = False
    repeat_end: bool = False
    times: int = 2
    ending: str = ""
    ending_stop: bool = False
    line: str = ""
    words: str = ""
    signs: list[str] = field(default_factory=list)
    harmonies: list[Harmony] = field(default_factory=list)
    directions: list[Direction] = field(default_factory=list)


@dataclass(slots=True)
class DraftPart:
    """A part whose voices are not numbered yet. Notes in ``voices`` have any voice number."""

    name: str = ""
    program: int = 0
    bars: list[DraftBar] = field(default_factory=list)
    clefs: dict[int, str] = field(default_factory=dict)  # by staff
    staves: int = 0  # at least so many
    transposition: tuple[int, int] | None = None
    tuning: tuple[Pitch, ...] = ()
    capo: int = 0


def build(drafts: Sequence[DraftPart], title: str, composer: str) -> Score:
    """The score of all parts."""
    count = max((len(draft.bars) for draft in drafts), default=0)
    for draft in drafts:
        draft.bars += [DraftBar() for _ in range(count - len(draft.bars))]
    lengths = [max(draft.bars[i].length for draft in drafts) for i in range(count)]
    bars = _shared_bars(drafts, lengths)
    for draft in drafts:
        _respell(draft, bars)
    return Score(bars, tuple(_part(draft, lengths) for draft in drafts), title, composer)


def one_line(text: str | None) -> str:
    """A name or title on one line: part names may be broken to fit in front of a staff."""
    return " ".join((text or "").split())


def counted(left_out: Counter[str]) -> list[str]:
    """A sentence for each kind of thing that a reader left out; the kinds are in the plural: ``"1 spine of **fba left
    out"``. A kind that begins with a capital is a sentence already."""
    return [
        f"{count} {_PLURAL.sub('', what, count=1) if count == 1 else what} left out" if what[0].islower() else what
        for what, count in left_out.items()
        if count
    ]


def add_voice(bar: DraftBar, staff: int, number: int, notes: Iterable[Note]) -> None:
    """Put the notes of one voice into a bar; what overlaps goes into further layers."""
    layers: list[tuple[Fraction, Fraction]] = []  # (start, end) of the last event
    for note in sorted(notes, key=lambda n: (n.start, -n.duration)):
        span = (note.start, note.end)
        layer = next((i for i, last in enumerate(layers) if last[1] <= note.start or last == span), len(layers))
        layers[layer : layer + 1] = [span]
        bar.voices.setdefault((staff, number, layer), []).append(note)


# --- one part ---------------------------------------------------------------------------------------------------------


def _part(draft: DraftPart, lengths: Sequence[Fraction]) -> Part:
    """Number the voices staff by staff from the top and drop ties and slurs that lead nowhere."""
    keys = sorted({key for bar in draft.bars for key, notes in bar.voices.items() if notes})
    empty = [staff for staff in range(1, draft.staves + 1) if staff not in {key[0] for key in keys}]
    keys = sorted([*keys, *((staff, 0, 0) for staff in empty)]) or [(1, 1, 0)]
    numbers = {key: number for number, key in enumerate(keys, 1)}
    staves = {staff: i for i, staff in enumerate(sorted({key[0] for key in keys}), 1)}
    bars = [
        tuple(
            dataclasses.replace(note, voice=numbers[key], staff=staves.get(note.staff, 0) if note.staff else 0)
            for key in sorted(bar.voices)
            for note in sorted(bar.voices[key], key=lambda n: (n.start, n.pitch.midi, n.pitch.step))
            if key in numbers
        )
        for bar in draft.bars
    ]
    directions = tuple(
        tuple(sorted((dataclasses.replace(d, staff=staves.get(d.staff, 1)) for d in bar.directions), key=_place))
        for bar in draft.bars
    )
    usual = usual_transposition(draft.program, draft.name)
    return Part(
        bars=tuple(map(tuple, with_true_slurs(with_true_ties(bars, lengths)))),
        name=draft.name,
        program=draft.program,
        staves=tuple(
            Staff(draft.clefs.get(staff, "treble"), tuple(n for key, n in numbers.items() if key[0] == staff))
            for staff in staves
        ),
        directions=directions if any(directions) else (),
        transposition=draft.transposition if draft.transposition and draft.transposition[1] != usual[1] else None,
        tuning=draft.tuning,
        capo=draft.capo,
    )


def _place(direction: Direction) -> tuple[Fraction, int, bool]:
    return direction.start, direction.staff, direction.text != "!"


def with_true_ties(bars: Sequence[tuple[Note, ...]], lengths: Sequence[Fraction]) -> list[tuple[Note, ...]]:
    """Scores hold ties into another voice and into nothing; keep those that the same voice takes up at once."""
    starts = [{(note.voice, note.start, note.pitch.midi) for note in notes} for notes in bars]
    starts.append(set())

    def goes_on(index: int, note: Note) -> bool:
        if (note.voice, note.end, note.pitch.midi) in starts[index]:
            return True
        return note.end >= lengths[index] and (note.voice, 0, note.pitch.midi) in starts[index + 1]

    return [
        tuple(dataclasses.replace(n, tie=False) if n.tie and not goes_on(i, n) else n for n in notes)
        for i, notes in enumerate(bars)
    ]


def with_true_slurs(bars: Sequence[tuple[Note, ...]]) -> list[tuple[Note, ...]]:
    """Keep the slurs that begin and end in one voice, and end behind their beginning."""
    opened: dict[int, list[tuple[int, int]]] = {}  # voice -> (bar, index) of the notes with open slurs
    starts: Counter[tuple[int, int]] = Counter()
    stops: Counter[tuple[int, int]] = Counter()
    for i, notes in enumerate(bars):
        for j in sorted(range(len(notes)), key=lambda j: notes[j].start):
            stack = opened.setdefault(notes[j].voice, [])
            for _ in range(min(notes[j].slur_stop, len(stack))):
                starts[stack.pop()] += 1
                stops[i, j] += 1
            stack.extend([(i, j)] * notes[j].slur_start)
    return [
        tuple(
            dataclasses.replace(note, slur_start=starts[i, j], slur_stop=stops[i, j])
            if note.slur_start or note.slur_stop
            else note
            for j, note in enumerate(notes)
        )
        for i, notes in enumerate(bars)
    ]


def _respell(draft: DraftPart, bars: Sequence[Bar]) -> None:
    """Move a part to the shared signature if its own is another name of the same: G sharp beside A flat major."""
    own: Key | None = None
    for draft_bar, bar in zip(draft.bars, bars, strict=True):
        own = draft_bar.key or own
        fifths = bar.key.fifths - own.fifths if own else 0
        if not fifths or fifths % 12:
            continue
        for key, notes in draft_bar.voices.items():
            draft_bar.voices[key] = [
                dataclasses.replace(
                    note,
                    pitch=move_pitch(note.pitch, 0, fifths),
                    grace=tuple(move_pitch(pitch, 0, fifths) for pitch in note.grace),
                    after=tuple(move_pitch(pitch, 0, fifths) for pitch in note.after),
                )
                for note in notes
            ]


# --- what the parts share ---------------------------------------------------------------------------------------------


def _shared_bars(drafts: Sequence[DraftPart], lengths: Sequence[Fraction]) -> tuple[Bar, ...]:
    bars: list[Bar] = []
    metres: list[Metre | None] = [Metre()] * len(drafts)  # of each part
    key, tempo, next_tempo = Key(), None, None
    for index, length in enumerate(lengths):
        said = [draft.bars[index] for draft in drafts]
        metres = _metres(said, metres)
        metre = _common_metre(metres, length)
        key = _simplest(next((bar.key for bar in said if bar.key), key))
        tempo = next((bar.tempo for bar in said if bar.tempo), next_tempo or tempo)
        next_tempo = next((bar.later_tempo for bar in said if bar.later_tempo), None)
        bars.append(
            Bar(
                length=length or (metre.length if metre else Fraction(4)),
                metre=metre,
                key=key,
                tempo=tempo,
                repeat_start=any(bar.repeat_start for bar in said),
                repeat_end=any(bar.repeat_end for bar in said),
                times=max(bar.times for bar in said),
                ending=next((bar.ending for bar in said if bar.ending), ""),
                ending_stop=any(bar.ending_stop for bar in said),
                line=_bar_line(said, last=index + 1 == len(lengths)),
                signs=tuple(dict.fromkeys(sign for bar in said for sign in bar.signs)),
                words=next((bar.words for bar in said if bar.words), ""),
                harmonies=_harmonies(said),
            )
        )
    return tuple(bars)


def _bar_line(said: Sequence[DraftBar], last: bool) -> str:
    """A special bar line; that a piece ends with a final one goes without saying."""
    line = next((bar.line for bar in said if bar.line), "")
    return "" if (last and line == "final") or any(bar.repeat_end for bar in said) else line


def _harmonies(said: Sequence[DraftBar]) -> tuple[Harmony, ...]:
    """The chord symbols of all parts, one at a place."""
    by_start: dict[Fraction, Harmony] = {}
    for bar in said:
        for harmony in bar.harmonies:
            by_start.setdefault(harmony.start, harmony)
    return tuple(by_start[start] for start in sorted(by_start))


def _simplest(key: Key) -> Key:
    """Signatures beyond seven accidentals come from transposing instruments: their enharmonic name."""
    if -7 <= key.fifths <= 7:
        return key
    return dataclasses.replace(key, fifths=(key.fifths + 5) % 12 - 5)


def _metres(said: Sequence[DraftBar], before: Sequence[Metre | None]) -> list[Metre | None]:
    """The metre of each part in one bar. A part that says nothing while others change goes with the first of them."""
    stated = {i: bar.metre[0] for i, bar in enumerate(said) if bar.metre}
    first = next(iter(stated.values()), None)
    return [stated.get(i, first if stated else metre) for i, metre in enumerate(before)]


def _common_metre(metres: Iterable[Metre | None], length: Fraction) -> Metre | None:
    """Parts may have different metres, such as 6/8 and 2/4 of dotted quarters: the one that the bar fills, or the
    longest."""
    return max(metres, key=lambda metre: (metre.length == length, metre.length) if metre else (False, Fraction(0)))
