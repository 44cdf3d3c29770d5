"""Notes of any engine -> a Score, written by the language model, window after window.

A window holds as many notes as the model was trained on. What is written of it is kept up to its last bar line but one;
the next window begins with the last bar that was kept, and is prompted with the header and that bar. So metre, key,
parts and voices go on, may change, and time and memory stay linear in the length of the recording.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from itertools import groupby

import numpy as np

from abcscribe.decoding import CLOSED, Decoding, Stepper, Wishes, Written, generate
from abcscribe.engines.notes_to_score import PICKUP, Hints
from abcscribe.engines.notes_to_score.keys import find_mode
from abcscribe.engines.second_opinion import SecondOpinion, advised, heard_notes, second_opinion
from abcscribe.model.note_tokens import TOGETHER, HeardNotes
from abcscribe.score import instruments
from abcscribe.score.model import Bar, Key, PlayedNote, Score, Tempo
from abcscribe.tokens import (
    LONGEST,
    METRES,
    MOST_FIFTHS,
    TICKS,
    VOCABULARY,
    Reader,
    decode,
    score_of,
    tokens_of_parts,
    untangled,
)

GUIDANCE = 20.0  # nats for a place that the beat tracker finds: certainty; at 10 the model sometimes counts for itself
NOTE_GUIDANCE = 3.0  # nats for a note that the rules write
PLAYER_GUIDANCE = 6.0  # nats against a staff that they do not give a note
EXTRA_PRICE = 3.0  # nats against a note beside theirs: pitch error of 60 valid clips .2906 without, .2891 with it
# Nats against an onset that nobody heard: where the metre is wrong, the model fills the bars with such, and the more so
# the more it is guided to the rules' notes. Pitch error of 80 lines of the valid split .053 without, .043 with 2 or 20.
UNHEARD_PRICE = 20.0
KEY_GUIDANCE = 0.5  # weight of the rules' log probability of each signature
SHARPS = np.arange(-MOST_FIFTHS, MOST_FIFTHS + 1) % 12
PLACING = frozenset({"clef", "bar", "length", "bar metre", "bar mode", "bar tempo", "skip", "duration"})
NOTING = frozenset({"position", "staff", "voice", "pitch", "duration"})
PITCH_MIDI = np.array([midi for midi, _ in VOCABULARY.pitches])
WINDOW_NOTES = 144  # heard notes of a window; training windows hold up to 160
DECODING = Decoding(most_tokens=900)  # of a window: 3.3 a note are usual


def knows(hints: Hints) -> bool:
    """Whether the vocabulary can say what the user wants; 11/8 it cannot."""
    return hints.metre is None or hints.metre in METRES


def write_score(
    stepper: Stepper,
    notes: Sequence[PlayedNote],
    hints: Hints = Hints(),
    *,
    seconds: float | None = None,
    options: Decoding = DECODING,
) -> Generator[float, None, Score]:
    """Yields the seconds that are written so far; returns the Score. No notes give a score without bars."""
    played = tuple(sorted(notes, key=lambda n: (n.onset, n.pitch)))
    heard = heard_notes(notes)
    if not len(heard):
        return Score(performance=played, seconds=seconds)
    opinion = second_opinion(played, hints)
    heard, ticks = advised(heard, opinion)
    guide = RulesGuide(opinion, ticks, _staves(opinion, heard)) if opinion else None
    starts = heard.starts
    ids, scores = yield from _windows(stepper, heard, hints, options, guide)
    reader = decode(ids, len(starts))
    score = _timed(reader, starts, hints, guide)
    bars = _confident(score.bars, reader, np.array(scores))
    if hints.key is None:
        bars = _with_modes(bars, heard)
    parts = tuple(replace(part, name=instruments.name(part.program)) for part in score.parts)
    return replace(score, bars=bars, parts=parts, performance=played, seconds=seconds)


def _windows(
    stepper: Stepper,
    heard: HeardNotes,
    hints: Hints,
    options: Decoding,
    guide: RulesGuide | None,
) -> Generator[float, None, tuple[list[int], list[float]]]:
    """Tokens of the whole recording, and their log probabilities."""
    groups, starts = heard.groups, heard.starts
    ids: list[int] = []
    scores: list[float] = []
    prompt, first = [VOCABULARY.bos], 0  # the next window's prompt, and its first group
    reached, alone = -1, False  # the last group that was written, and whether the prompt holds no bar
    reader = Reader(len(starts))
    while True:
        begin = int(np.searchsorted(groups, first))
        end = _window_end(groups, begin)
        window = heard.select(slice(begin, end))
        wishes = _wishes(hints, starts, first, int(groups[end - 1]))
        if guide and not ids:
            wishes = guide.header(wishes)
        told = [guide.since(first)] if guide else None
        written = generate(stepper, [window], options, prompts=[prompt], wishes=[wishes], guides=told)[0]
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
        alone = stuck  # one bar filled the window: go on behind it
        prompt, first = (reader.header(), reader.group + 1) if alone else _continued(reader, ids)
        reached = reader.group
        yield float(starts[first])


def _staves(opinion: SecondOpinion, heard: HeardNotes) -> list[dict[int, int]]:
    """For each group, the staff that the rules give each pitch."""
    groups = heard.groups
    found: list[dict[int, int]] = [{} for _ in range(int(groups[-1]) + 1)]
    for group, onset, pitch in zip(groups.tolist(), heard.onset.tolist(), heard.pitch.tolist(), strict=True):
        staff = opinion.staff.get((onset, pitch))
        if staff is not None:
            found[group][pitch] = staff
    return found


@dataclass(frozen=True, slots=True)
class RulesGuide:
    """The rules' opinion as a Guide for the language model."""

    opinion: SecondOpinion
    ticks: np.ndarray  # (g,) of each group from a bar line, -1 where the rules ignore it
    staves: list[dict[int, int]]  # for each group, the staff that the rules give each MIDI pitch
    begun: bool = False  # whether the first bar was in a window before

    def __call__(self, reader: Reader, scores: np.ndarray) -> np.ndarray:
        """(vocabulary,) scores with what the rules think of signature, places and players. Only the first bar may be a
        pickup, and what nobody heard has its price."""
        guided = self._players(reader, self._places(reader, self._signatures(reader, scores))).copy()
        guided[VOCABULARY.stay] -= UNHEARD_PRICE
        if reader.state == "bar" and (self.begun or len(reader.spans) > 1):
            guided[VOCABULARY.duration] = CLOSED
        return guided

    def _signatures(self, reader: Reader, scores: np.ndarray) -> np.ndarray:
        """What the rules think of the signature is added, once for the whole recording."""
        if reader.state != "metre":
            return scores
        guided = scores.copy()
        guided[VOCABULARY.fifths] += KEY_GUIDANCE * self.opinion.signatures[SHARPS]
        return guided

    def _players(self, reader: Reader, scores: np.ndarray) -> np.ndarray:
        """For music on several staves: notes that the rules write become likelier where they write them and less likely
        on other staves, and so do staves; notes beside theirs become less likely."""
        if reader.staves < 2:
            return scores
        guided = scores.copy()
        if reader.state in PLACING and self._notes(reader.group + 1):
            guided[VOCABULARY.skip] -= NOTE_GUIDANCE
        if reader.state in NOTING and reader.heard and reader.heard[-1] == reader.group:
            self._share_out(reader, self._notes(reader.group), guided)
        return guided

    def _notes(self, group: int) -> dict[int, int]:
        return self.staves[group] if 0 <= group < len(self.staves) else {}

    def _share_out(self, reader: Reader, own: dict[int, int], guided: np.ndarray) -> None:
        """Guide to the notes of a group, in place; of a group that the rules leave out nothing is said."""
        if not own:
            return
        v = VOCABULARY
        left = {midi: staff for midi, staff in own.items() if (staff, midi) not in reader.written()}
        here = [midi for midi, staff in left.items() if staff == reader.staff]
        guided[v.pitch][np.isin(PITCH_MIDI, here)] += NOTE_GUIDANCE
        guided[v.pitch][~np.isin(PITCH_MIDI, list(own))] -= EXTRA_PRICE
        guided[v.pitch][np.isin(PITCH_MIDI, [midi for midi in own if own[midi] != reader.staff])] -= PLAYER_GUIDANCE
        for staff in range(reader.staves):
            if staff not in own.values():
                guided[v.staff.start + staff] -= PLAYER_GUIDANCE
            elif staff in left.values() and not here:
                guided[v.staff.start + staff] += NOTE_GUIDANCE

    def _places(self, reader: Reader, scores: np.ndarray) -> np.ndarray:
        """The place that the beat tracker found becomes likelier, at the cost of other places and of the bar line: how
        likely it is that a note is none, or that another begins here, is not the beat tracker's business."""
        token = self._token(reader)
        if token is None or scores[token] < CLOSED / 2:
            return scores
        rivals = np.zeros(len(scores), bool)
        for block in (VOCABULARY.position, VOCABULARY.duration if reader.state == "bar" else VOCABULARY.bar):
            rivals[block] = True
        rivals[VOCABULARY.bar] = rivals[token] = True
        guided = scores.copy()
        guided[token] += GUIDANCE
        guided[rivals] += np.logaddexp.reduce(scores[rivals]) - np.logaddexp.reduce(guided[rivals])
        return guided

    def _token(self, reader: Reader) -> int | None:
        """What the beat tracker would write now: a place in the bar, or the bar line that must come before."""
        group, bar = reader.group + 1, int(self.opinion.metre.length * TICKS)
        if reader.state not in PLACING or reader.metre != self.opinion.metre or not 0 <= group < len(self.ticks):
            return None
        tick, before = int(self.ticks[group]), reader.heard[-1] if reader.heard else -1
        if tick < 0 or (reader.heard and (before < 0 or self.ticks[before] < 0)):
            return None
        if before < 0:
            return self._first(reader, tick % bar, bar)
        ahead = tick // bar - int(self.ticks[before]) // bar - reader.bars_since_onset()
        place = tick % bar - (bar - reader.spans[0].length if len(reader.spans) == 1 else 0)
        if ahead > 0:
            return VOCABULARY.bar
        return VOCABULARY.position.start + place if ahead == 0 and 0 <= place < LONGEST else None

    def _first(self, reader: Reader, place: int, bar: int) -> int | None:
        """For the first group: in a pickup, or in a bar of full length."""
        v, pickup = VOCABULARY, place >= PICKUP * bar
        if not reader.spans:
            return v.bar
        if len(reader.spans) > 1:
            return None
        if reader.state == "bar" and pickup:
            return v.duration.start + bar - place - 1
        return v.position.start + (0 if pickup else place)

    def header(self, wishes: Wishes) -> Wishes:
        """What the user wishes, and where he has no wish the metre and the tempo that the rules found; their parts."""
        found = Wishes.of(metre=self.opinion.metre, quarter_bpm=self.opinion.quarter_bpm)
        parts = tokens_of_parts(self.opinion.parts)
        return replace(wishes, metre=wishes.metre or found.metre, tempo=wishes.tempo or found.tempo, parts=parts)

    def since(self, group: int) -> RulesGuide:
        """The same for a window that begins with a group."""
        return RulesGuide(self.opinion, self.ticks[group:], self.staves[group:], begun=group > 0)


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


def _wishes(hints: Hints, starts: np.ndarray, first: int, last: int) -> Wishes:
    downbeat = None
    if hints.downbeat is not None and starts[first] - 0.1 <= hints.downbeat <= starts[last] + 0.1:
        downbeat = int(np.abs(starts - hints.downbeat).argmin()) - first
    return Wishes.of(hints.metre, hints.key, hints.tempo, hints.instrument, downbeat)


def _timed(reader: Reader, starts: np.ndarray, hints: Hints, guide: RulesGuide | None) -> Score:
    """The score with the second of each bar line, and the tempo that was played: the beat tracker's if both agree about
    the metre, for it saw all notes at once."""
    excerpt = untangled(reader.excerpt())
    score = score_of(excerpt)
    onsets = sorted({event.onset for event in excerpt.events})
    known = [(tick, starts[group]) for tick, group in zip(onsets, reader.heard, strict=True) if group >= 0]
    if not known or not score.bars:
        return score
    ticks, seconds = (np.array(column, float) for column in zip(*known, strict=True))
    pace = _pace(ticks, seconds)
    agreed = guide is not None and guide.opinion.metre == score.bars[0].metre
    if guide and agreed:
        score = _written_as(score, guide.opinion)
    beat = score.bars[0].metre.beat if score.bars[0].metre else Fraction(1)
    quarter_bpm = hints.tempo or (guide.opinion.quarter_bpm if guide and agreed else 60 / (pace * TICKS))
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


def _written_as(score: Score, opinion: SecondOpinion) -> Score:
    """With the name that the rules have for the metre that they count."""
    bars = (replace(bar, metre=opinion.written) if bar.metre == opinion.metre else bar for bar in score.bars)
    return replace(score, bars=tuple(bars))


def _pace(ticks: np.ndarray, seconds: np.ndarray) -> float:
    """Seconds a tick: the median over the music, so that holds and pauses do not decide."""
    moved = np.diff(ticks)
    if not len(moved):
        return 0.5 / TICKS
    pace = np.diff(seconds) / moved
    order = np.argsort(pace)
    middle = np.searchsorted(np.cumsum(moved[order]), moved.sum() / 2)
    return max(float(pace[order][min(middle, len(order) - 1)]), 1e-4)


def _with_modes(bars: tuple[Bar, ...], heard: HeardNotes) -> tuple[Bar, ...]:
    """The bars with the mode that fits all notes of a stretch of one signature: the model sees a window, and too often
    says major."""
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


@cache
def load() -> Stepper:
    """The language model that comes with the package."""
    from abcscribe.model.onnx_stepper import OnnxStepper

    return OnnxStepper()
