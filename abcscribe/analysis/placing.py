"""Chords in time -> their places in bars: joins what the network guesses with the search over rhythms.

The metre is decided on the first chords, with coarse rhythms; the chosen metre is then followed through the whole
piece with all rhythms. A hint removes the choice it is about and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from abcscribe.analysis import beat_network, beats, downbeats, metre_choice, note_unit, rare_rhythms, rhythm_tables
from abcscribe.analysis.beats import BPM, Heard, Path
from abcscribe.analysis.chord_features import features
from abcscribe.analysis.metre_choice import COMMON, CUT
from abcscribe.analysis.rhythm_tables import RhythmTable
from abcscribe.score.grid import METRES, TICKS
from abcscribe.score.model import Metre, PlayedNote

DECISIVE = 250  # chords from which the metre is decided
TRUST = 0.3  # weight of the network's log probabilities: neighbouring guesses rest on the same notes
TEMPO_TRUST = 0.25
LEAST = -9.0  # log probability below which a guess says no more
DENSE = 1.25  # notes a chord from which the music counts as several voices
HINTED_TEMPO = 0.12  # how far the tempo may wander from a hint, in log
UNIT_MARGIN = 2.0  # nats by which another unit must be the likelier print
SEARCH_TRUST = 1.0  # of the log probability of an onset in the search beside the odds of the notation
UNIT_TEMPO = 0.24  # how far the tempo of a reading in another unit may wander, in log
SLOWEST_SWING = 70.0  # quarters a minute
SLOWEST, FASTEST = 25.0, 300.0  # quarters a minute of a reading in another unit
HINT_NEAR = 0.12  # seconds between a hinted downbeat and the chord that is meant
HALTING_PRICE = 6.0  # nats by which a reading with many fermatas must be better than one with few
IGNORE_PRICE, SUBSTANCE_PRICE = 4.0, 10.0  # nats for ignoring a chord, and more for a substantial one
TOGETHER = 0.09  # seconds within which two onsets may be one chord, which ...
TOGETHER_PRICE = 3.0  # ... costs so much, if the first sounds on for ...
OVERLAP = 0.05  # ... so many seconds behind the second: quick notes of a line are none
NEVER_IGNORED = 8.0
FULL_NOTE = 0.15  # seconds: shorter notes have less substance
IMPOSSIBLE = -60.0


@dataclass(frozen=True, slots=True)
class Placed:
    """Where every chord stands."""

    metre: Metre  # that the ticks count
    written: Metre  # what it is written as: halves may be counted as quarters
    groups: list[list[int]]  # n chords, as indices of the notes; notes in none of them are not part of the piece
    ticks: np.ndarray  # (n,) from the bar line at or before the first chord, never falling
    onsets: np.ndarray  # (n,) seconds
    quarter: np.ndarray  # (n,) seconds a quarter lasts at each chord
    certainty: np.ndarray  # (n,) 0 ... 1: how probable the network finds each chord's place
    rivals: np.ndarray  # (metres of grid.METRES,) log probability, less that of the likeliest


THIRDS = (0, TICKS // 3, 2 * TICKS // 3)  # of a quarter, in ticks


class _Music:
    """Chords, and what is thought of them before any metre is tried."""

    def __init__(
        self,
        notes: Sequence[PlayedNote],
        groups: Sequence[Sequence[int]],
        onsets: np.ndarray,
        tempo: float | None = None,
        downbeat: float | None = None,
    ) -> None:
        self.notes, self.groups, self.onsets, self.downbeat = notes, groups, onsets, downbeat
        self.texture = "whole" if len(notes) > DENSE * len(groups) else "line"
        self.bpm = BPM if tempo is None else tempo * np.exp(np.linspace(-HINTED_TEMPO, HINTED_TEMPO, 7))
        self.features = features(notes, groups, onsets)
        self.guess = guess = beat_network.guess(self.features, onsets)
        unknown = tempo is None
        self.tempos = TEMPO_TRUST * guess.tempos.clip(LEAST) if unknown else np.zeros((len(onsets), len(self.bpm)))
        self.close = _may_be_one(notes, groups, onsets)
        self.doubt = _doubt(notes, groups, self.close)
        self.weights = _weights(notes, groups)
        self.silence = _silence(notes, groups, onsets)
        if downbeat is not None:
            self.doubt[np.abs(onsets - downbeat) < HINT_NEAR] = np.inf

    def at_tempo(self, tempo: float) -> _Music:
        """The same, played at about so many quarters a minute."""
        other = copy(self)
        other.bpm = tempo * np.exp(np.linspace(-UNIT_TEMPO, UNIT_TEMPO, 9))
        other.tempos = np.zeros((len(self.onsets), len(other.bpm)))
        return other

    def followed(self, tables: Sequence[RhythmTable], most: int | None = None) -> list[Path]:
        """The best path in each metre, through the first ``most`` chords."""
        evidence = [_evidence(table, self.guess.places, self.onsets, self.downbeat) for table in tables]
        heard = Heard(self.onsets, self.doubt, np.concatenate(evidence, axis=1), self.tempos, self.silence)
        return _followed(heard if most is None else heard.head(most), tables, self.bpm)

    def tried(self) -> tuple[metre_choice.Chords, list[Path], beat_network.Guess, list[np.ndarray]]:
        """All metres on the first chords, for `metre_choice`."""
        paths = self.followed([rhythm_tables.table(known, self.texture).coarse for known in METRES], DECISIVE)
        likelihoods = [_likelihood(path, self.guess.places[path.used]) for path in paths]
        chords = metre_choice.chords_of(self.notes, self.groups[:DECISIVE], self.onsets[:DECISIVE])
        return chords, paths, self.guess, likelihoods

    def read(self, path: Path) -> downbeats.Read | None:
        """What may be known of a path, None in a metre that the network does not know."""
        column, used = _columns(path.table), path.used
        if column is None:
            return None
        end = max(self.notes[i].offset for i in self.groups[used[-1]])
        places = self.guess.places[used[:, None], column]
        density = len(self.notes) / len(self.groups)
        return downbeats.Read(path, places, self.features[used], self.onsets[used], end, density)


def place(
    notes: Sequence[PlayedNote],
    groups: Sequence[Sequence[int]],
    onsets: np.ndarray,
    *,
    metre: Metre | None = None,
    tempo: float | None = None,
    downbeat: float | None = None,
    swing: bool | None = None,
) -> Placed:
    """Place the chords ``groups`` (indices of ``notes``) that begin at ``onsets``; ``tempo`` counts quarters."""
    music = _Music(notes, groups, onsets, tempo, downbeat)
    metre_known = metre is not None
    if metre is None:
        metre, written, rivals = _chosen(music)
    else:
        written, rivals = metre, np.array([0.0 if known == metre else -np.inf for known in METRES])
    path = music.followed([rhythm_tables.table(metre, music.texture)])[0]
    if tempo is None:
        path = _in_usual_unit(music, path, metre_known)
        path = path if metre_known else _in_rare_rhythm(music, path)
        if path.table.metre != metre:
            metre = written = path.table.metre
    if swing:
        path = _printed_even(music, path, metre_known, tempo is not None)
        if path.table.metre != metre:
            metre = written = path.table.metre
    elif metre.beat == 1 and swing is None and rare_rhythms.is_swung(path.ticks):
        path = replace(path, ticks=rare_rhythms.evenly_swung(path.ticks))
    kept = onsets[path.used]
    resting = music.silence[path.used] > beats.REST
    path = replace(path, ticks=rare_rhythms.counted_rests(path.ticks, kept, resting, int(metre.beat * TICKS)))
    if downbeat is not None:
        path = _moved(path, _turn_to(path, kept, downbeat))
    elif (read := music.read(path)) is not None:
        path = _moved(path, downbeats.turn(read))
    elif tempo is None or metre not in METRES:
        unit = TICKS * 4 // metre.unit
        path = _moved(path, rare_rhythms.downbeat(path.ticks, music.weights[path.used], path.table.bar, unit))
    certainty = np.exp(_likelihood(path, music.guess.places[path.used]))
    joined = _joined(groups, music.close, path.used)
    return Placed(metre, written, joined, path.ticks, kept, path.quarter, certainty, rivals)


def metre_features(notes: Sequence[PlayedNote], groups: Sequence[Sequence[int]], onsets: np.ndarray) -> np.ndarray:
    """(N,) What decides about the metre: for `metre_choice` to learn from."""
    return metre_choice.features(*_Music(notes, groups, onsets).tried())


def turns(
    notes: Sequence[PlayedNote], groups: Sequence[Sequence[int]], onsets: np.ndarray, metre: Metre
) -> tuple[Path, np.ndarray]:
    """The best path in one of METRES, and (t, N) what decides where its bars begin: for `downbeats` to learn from."""
    music = _Music(notes, groups, onsets)
    path = music.followed([rhythm_tables.table(metre, music.texture)])[0]
    read = music.read(path)
    assert read is not None, metre
    return path, downbeats.features(read)


def _chosen(music: _Music) -> tuple[Metre, Metre, np.ndarray]:
    """The metre, what it is written as, and the `Placed.rivals`. Several players are left in quarters: too little of
    that in cut time was there to learn from."""
    likely = metre_choice.metres(*music.tried())
    halves = music.texture == "line" and likely[CUT] > likely[COMMON]
    rivals = likely[: len(METRES)]
    rivals[COMMON] = np.logaddexp(rivals[COMMON], likely[CUT])
    metre = METRES[int(rivals.argmax())]
    return metre, Metre(2, 2) if halves and metre == METRES[COMMON] else metre, rivals - rivals.max()


def _in_usual_unit(music: _Music, path: Path, metre_known: bool) -> Path:
    """The path, or one at half or twice its tempo if music is rather printed so."""
    metre, quarter = path.table.metre, float(np.median(path.quarter))
    best, most = path, _print_odds(music, path) + UNIT_MARGIN
    for other, factor in note_unit.others(metre):
        if (metre_known and other != metre) or not SLOWEST < 60 / quarter * factor < FASTEST:
            continue
        found = music.at_tempo(60 / quarter * factor).followed([rhythm_tables.table(other, music.texture)])[0]
        if (odds := _print_odds(music, found)) > most:
            best, most = found, odds
    return best


def _in_rare_rhythm(music: _Music, path: Path) -> Path:
    """The path, or one in bars of five or seven, or in the tempo of swung eighths, if these explain it."""
    quarter = float(np.median(path.quarter))
    if found := rare_rhythms.additive_metre(path.ticks, music.weights[path.used], quarter):
        metre, factor = found
        return music.at_tempo(60 / quarter * factor).followed([rhythm_tables.table(metre, music.texture)])[0]
    common = rhythm_tables.table(METRES[COMMON], music.texture)
    if SLOWEST_SWING < 60 / quarter / 1.5 < FASTEST:
        swung = music.at_tempo(60 / quarter / 1.5).followed([common])[0]
        if rare_rhythms.is_swung(swung.ticks) and not rare_rhythms.is_swung(path.ticks):
            return swung
    return path


def _printed_even(music: _Music, path: Path, metre_known: bool, tempo_known: bool) -> Path:
    """The path with the eighths of music that is said to be swung as even ones.

    Long and short may have been counted as three, in a compound metre or as quarters and eighths in a simple one, and
    the short one be taken for the beat.
    """
    metre, quarter = path.table.metre, float(np.median(path.quarter))
    if metre.beat == Fraction(3, 2) and not metre_known:
        table = rhythm_tables.table(Metre(metre.beats // 3, 4), music.texture)
        path = Path(table, path.used, np.round(path.ticks / 1.5).astype(int), path.quarter * 1.5, path.score)
    elif metre.beat == 1 and not rare_rhythms.is_swung(path.ticks):
        slower = [] if tempo_known else music.at_tempo(60 / quarter / 1.5).followed([path.table])
        found = [replace(one, ticks=one.ticks + third) for one in (path, *slower) for third in THIRDS]
        path = next((one for one in found if rare_rhythms.is_swung(one.ticks)), path)
    return replace(path, ticks=rare_rhythms.printed_even(path.ticks)) if path.table.metre.beat == 1 else path


def _print_odds(music: _Music, path: Path) -> float:
    """How likely a reading is the printed one, by notation and by how well the search likes it."""
    return note_unit.likelihood(_reading(music, path)) + SEARCH_TRUST * path.score / len(path.used)


def _reading(music: _Music, path: Path) -> note_unit.Reading:
    places = zip(path.used, path.ticks, strict=True)
    own = [(tick / TICKS, music.notes[i].pitch) for u, tick in places for i in music.groups[u]]
    onset, pitch = np.array(own, float).T
    return note_unit.Reading(path.table.metre, float(np.median(path.quarter)), onset, pitch)


def _doubt(notes: Sequence[PlayedNote], groups: Sequence[Sequence[int]], close: np.ndarray) -> np.ndarray:
    """(n,) What it costs to ignore when a chord begins: little if it is short and unsure for this recording, or so near
    to another that both may be one."""
    weight = np.array([max(_substance(notes[i]) for i in group) for group in groups])
    doubt = IGNORE_PRICE + SUBSTANCE_PRICE * weight / np.median(weight)
    doubt[doubt > NEVER_IGNORED] = np.inf
    doubt[1:][close] = np.minimum(doubt[1:][close], TOGETHER_PRICE)
    doubt[:-1][close] = np.minimum(doubt[:-1][close], TOGETHER_PRICE)
    return doubt


def _weights(notes: Sequence[PlayedNote], groups: Sequence[Sequence[int]]) -> np.ndarray:
    """(n,) how much each chord weighs as a beginning of something: sure, long and low notes do."""
    sure = np.array([sum(notes[i].confidence * min(notes[i].offset - notes[i].onset, 0.5) for i in g) for g in groups])
    low = np.array([min(notes[i].pitch for i in group) for group in groups])
    return sure * (1 + (low < np.median(low)))


def _silence(notes: Sequence[PlayedNote], groups: Sequence[Sequence[int]], onsets: np.ndarray) -> np.ndarray:
    """(n,) seconds in which nothing sounds before each chord."""
    end = np.maximum.accumulate([max(notes[i].offset for i in group) for group in groups])
    return np.maximum(onsets - np.concatenate([onsets[:1], end[:-1]]), 0.0)


def _may_be_one(notes: Sequence[PlayedNote], groups: Sequence[Sequence[int]], onsets: np.ndarray) -> np.ndarray:
    """(n - 1,) bool: whether each chord and the next may be one that is played slowly: they sound together."""
    end = np.array([max(notes[i].offset for i in group) for group in groups])
    return (np.diff(onsets) < TOGETHER) & (end[:-1] > onsets[1:] + OVERLAP)


def _joined(groups: Sequence[Sequence[int]], close: np.ndarray, used: np.ndarray) -> list[list[int]]:
    """The chords used, each with the ignored neighbours that may belong to it; the others are left out."""
    chords = {int(i): list(groups[i]) for i in used}
    for i in np.setdiff1d(np.arange(len(groups)), used).tolist():
        if i and close[i - 1] and i - 1 in chords:
            chords[i - 1] += groups[i]
        elif i < len(close) and close[i] and i + 1 in chords:
            chords[i + 1] = [*groups[i], *chords[i + 1]]
    return list(chords.values())


def _substance(note: PlayedNote) -> float:
    return max(note.confidence, 0.01) * min((note.offset - note.onset) / FULL_NOTE, 1.0)


def _followed(heard: Heard, tables: Sequence[RhythmTable], bpm: np.ndarray) -> list[Path]:
    """The best path in each metre: in music that flows or, if that is much likelier, that stops again and again."""
    flowing = beats.track(heard, tables, bpm, beats.RARE)
    halting = beats.track(heard, tables, bpm, beats.FREQUENT)
    return [h if h.score - HALTING_PRICE > f.score else f for f, h in zip(flowing, halting, strict=True)]


def _evidence(table: RhythmTable, guesses: np.ndarray, onsets: np.ndarray, downbeat: float | None) -> np.ndarray:
    """(n, places of the table)"""
    column = _columns(table)
    evidence = np.zeros((len(onsets), len(table.places))) if column is None else TRUST * guesses[:, column].clip(LEAST)
    if downbeat is not None and len(onsets):
        nearest = int(np.abs(onsets - downbeat).argmin())
        if abs(onsets[nearest] - downbeat) < HINT_NEAR:
            evidence[nearest, table.places != 0] += IMPOSSIBLE
    return evidence


def _columns(table: RhythmTable) -> np.ndarray | None:
    """Which of the network's outputs mean the places of a table; None for a metre that it does not know."""
    known = Metre(4, 4) if table.metre == Metre(2, 2) else table.metre
    if known not in METRES:
        return None
    first = sum(len(rhythm_tables.places(metre)) for metre in METRES[: METRES.index(known)])
    return first + np.searchsorted(rhythm_tables.places(known), table.places)


def _moved(path: Path, by: int) -> Path:
    """The path with its bar lines so many ticks later."""
    ticks = path.ticks - by
    return replace(path, ticks=ticks - ticks[0] // path.table.bar * path.table.bar)


def _turn_to(path: Path, onsets: np.ndarray, downbeat: float) -> int:
    """By how many ticks, whole beats, the bar lines have to come later for one to stand where the user hears it."""
    beat = int(path.table.metre.beat * TICKS)
    distinct, first = np.unique(path.ticks, return_index=True)
    tick = float(np.interp(downbeat, onsets[first], distinct))
    if downbeat < onsets[0]:
        tick += (downbeat - onsets[0]) / path.quarter[0] * TICKS
    return round(tick / beat) * beat


def _likelihood(path: Path, guesses: np.ndarray) -> np.ndarray:
    """(n,) log probability that the network gives to each place of a path."""
    column = _columns(path.table)
    if column is None:
        return np.full(len(guesses), np.log(0.5))
    place = np.searchsorted(path.table.places, path.ticks % path.table.bar).clip(max=len(column) - 1)
    return guesses[np.arange(len(guesses)), column[place]]
