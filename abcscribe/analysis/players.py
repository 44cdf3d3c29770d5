"""Notes of several players -> who plays what: lines by pitch, time and timbre, and perhaps one player of chords.

Beam search over the assignments of every chord's notes: lines prefer small steps, keep to their register and order, do
not begin a note while they hold one, and sound alike throughout. What each player sounds like is found by searching
again with the timbres of the last answer, from several beginnings, as in Viterbi training; the likeliest answer counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import permutations, product

import numpy as np

from abcscribe.analysis.player_features import CHORDAL
from abcscribe.model import timbre
from abcscribe.model.timbre import NAMELESS
from abcscribe.score.instruments import FAMILIES
from abcscribe.score.model import PlayedNote

BEAM = 12
STEP_POWER = 0.8  # the price of a step in semitones grows like this
REGISTER = 0.1  # price of each semitone away from the line's usual pitch
MEMORY = 0.9  # how slowly the usual pitch follows the line
OVERLAP, OVERLAP_PRICE = 0.15, 3.0  # seconds that a note may sound into the next of its line
CROSSING_PRICE = 1.0  # a line above another that usually lies higher
CHORD_PRICE = 2.6  # a note of the player of chords: as a step of three semitones
SHARED_PRICE = 8.0  # a note more than there are players: it joins the nearest
LEAP = 12  # semitones: a larger step is rare in a line
MOST_TOGETHER = 7  # notes of a chord that are assigned one by one
# Nats for each unit of the cosine between a note's vector and its player's: of lines on timbres that nothing was
# trained on, .896 of the notes are at their player without, .902 with it.
LIKENESS = 8.0
ROUNDS = 3
DECISIVE = 250  # chords from which it is decided what each player sounds like
# Nats: how common each family is among the players of ensembles, by a judgement of our own.
COMMON = np.log([0.25, 0.02, 0.05, 0.12, 0.02, 0.16, 0.1, 0.08, 0.12, 0.05, 0.03])


@dataclass(frozen=True, slots=True)
class Music:
    """n notes, chord by chord, each from high to low."""

    notes: tuple[PlayedNote, ...]
    chords: tuple[slice, ...]
    pitch: np.ndarray  # (n,) float
    family: np.ndarray  # (n,) index in FAMILIES, or NAMELESS
    timbre: np.ndarray  # (n, width) unit vectors, near for notes of one player; (n, 0) if they are not to be used

    def head(self, chords: int) -> Music:
        kept = self.chords[:chords]
        n = kept[-1].stop if kept else 0
        return Music(self.notes[:n], kept, self.pitch[:n], self.family[:n], self.timbre[:n])


@dataclass(frozen=True, slots=True)
class Beginning:
    """What is believed of the players before a search."""

    timbres: np.ndarray  # (players, families + 1) log shares
    registers: np.ndarray  # (lines,) usual pitches, from high to low
    vectors: np.ndarray  # (players, width) mean vectors of their notes; zeros before anything is known

    def sound(self, music: Music) -> np.ndarray:
        """(players, n) nats: how well each note sounds like each player."""
        return np.asarray(self.timbres[:, music.family] + LIKENESS * self.vectors @ music.timbre.T)


@dataclass(frozen=True, slots=True)
class Cast:
    """An answer: n notes in the order of ``Music``."""

    price: float
    player: np.ndarray  # (n,) 0 is the highest line; the player of chords comes last
    begin: Beginning  # what the search was given


def cast(
    notes: Sequence[PlayedNote], groups: Sequence[Sequence[int]], lines: int, chords: bool = False
) -> dict[int, int]:
    """Who plays each note of ``groups`` (indices of ``notes``): ``lines`` players of one note at a time from high to
    low, and with ``chords`` one more."""
    vectors = all(note.timbre for note in notes)
    music, order, best = _answer(tuple(notes), tuple(map(tuple, groups)), lines, chords, vectors)
    whole = len(best.player) == len(order)
    player = best.player if whole else _search(music, best.begin, chords)[0]
    return dict(zip(order, player.tolist(), strict=True))


def fit(notes: Sequence[PlayedNote], groups: Sequence[Sequence[int]], lines: int, chords: bool = False) -> np.ndarray:
    """(8,) How well so many players do: the price of a note, what they play at once and leap although they should
    not, and how little there is to do for the one who plays least."""
    music, _, best = _answer(tuple(notes), tuple(map(tuple, groups)), lines, chords, False)
    count = len(best.player)
    onset, offset = np.array([(n.onset, n.offset) for n in music.notes[:count]]).T
    seconds = max(float(onset[-1] - onset[0]), 1.0)
    leaps, overlaps, sounding = [np.zeros(1)], 0, []
    for line in range(lines):
        own = np.flatnonzero(best.player == line)
        own = own[np.argsort(onset[own], kind="stable")]
        leaps.append(np.abs(np.diff(music.pitch[own])))
        overlaps += int((onset[own[1:]] + OVERLAP < offset[own[:-1]]).sum())
        sounding.append(float((offset[own] - onset[own]).sum()) / seconds)
    leap = np.concatenate(leaps)
    beyond = sum(max(chord.stop - chord.start - lines, 0) for chord in music.chords if chord.stop <= count)
    least = np.bincount(best.player[best.player < lines], minlength=lines).min() * (lines + chords)
    return np.array([
        best.price / count, overlaps / count, beyond / count, leap.mean() / 6, (leap > LEAP).mean(), least / count,
        min(sounding), np.mean(sounding),
    ])  # fmt: skip


# The numbers of players that are tried for one or two recordings. Who plays does not depend on hints, so that another
# metre or key is tried in a third of the time.
@lru_cache(maxsize=16)
def _answer(
    notes: tuple[PlayedNote, ...], groups: tuple[tuple[int, ...], ...], lines: int, chords: bool, vectors: bool
) -> tuple[Music, list[int], Cast]:
    """The music, the indices of its notes, and the likeliest answer."""
    music, order = _music(notes, groups, vectors)
    return music, order, _likeliest(music, lines, chords)


def _music(notes: Sequence[PlayedNote], groups: Sequence[Sequence[int]], vectors: bool) -> tuple[Music, list[int]]:
    """The notes chord by chord, and their indices."""
    order = [i for group in groups for i in sorted(group, key=lambda i: -notes[i].pitch)]
    ends = np.cumsum([len(group) for group in groups]).tolist()
    own = tuple(notes[i] for i in order)
    pitch, family = np.array([n.pitch for n in own], float), np.array([timbre.index(n.family) for n in own])
    sound = np.array([n.timbre for n in own]) if vectors else np.zeros((len(own), 0))
    return Music(own, tuple(map(slice, [0, *ends[:-1]], ends)), pitch, family, sound), order


def _likeliest(music: Music, lines: int, chords: bool) -> Cast:
    """The likeliest answer for the first DECISIVE chords."""
    head = music.head(DECISIVE)
    return min((_settled(head, begin, chords) for begin in _beginnings(head, lines, chords)), key=lambda c: c.price)


def _beginnings(music: Music, lines: int, chords: bool) -> Iterator[Beginning]:
    """All players alike, in the registers of full chords; and players of the families that are heard most."""
    shares = timbre.shares()
    players = lines + chords
    alike = np.tile(shares.mean(axis=0), (players, 1))
    if chords:
        alike[-1] = shares[[FAMILIES.index(f) for f in CHORDAL]].mean(axis=0)
    unknown = np.zeros((players, music.timbre.shape[1]))
    yield Beginning(np.log(alike), _registers(music, lines), unknown)
    counts = np.bincount(music.family, minlength=NAMELESS + 1)[:NAMELESS]
    heard = [int(f) for f in np.argsort(-counts) if counts[f]]
    if chords:
        solo = [f for f in heard if FAMILIES[f] not in CHORDAL][:lines]
        chordal = [f for f in heard if FAMILIES[f] in CHORDAL][:1]
        if len(solo) == lines and chordal:
            middle = sorted((-float(np.median(music.pitch[music.family == f])), f) for f in solo)
            registers = -np.array([pitch for pitch, _ in middle])
            yield Beginning(np.log(shares[[*(f for _, f in middle), *chordal]]), registers, unknown)
        return
    for kinds in range(1, min(lines, len(heard)) + 1):
        seats = _seats(counts, heard[:kinds], lines)
        places = [
            (float(np.quantile(music.pitch[music.family == f], (seats[f] - k - 0.5) / seats[f])), f)
            for f in heard[:kinds]
            for k in range(seats[f])
        ]
        places.sort(reverse=True)
        yield Beginning(np.log(shares[[f for _, f in places]]), np.array([pitch for pitch, _ in places]), unknown)


def _registers(music: Music, lines: int) -> np.ndarray:
    """(lines,) The usual pitch of each line, from the chords in which all of them begin together."""
    full = [music.pitch[chord] for chord in music.chords if chord.stop - chord.start == lines]
    if full:
        return np.median(np.array(full), axis=0)
    return np.quantile(music.pitch, [(lines - k - 0.5) / lines for k in range(lines)])


def _seats(counts: np.ndarray, families: Sequence[int], lines: int) -> dict[int, int]:
    """How many lines each family gets: one, and the others to those with the most notes a line."""
    seats = dict.fromkeys(families, 1)
    for _ in range(lines - len(families)):
        most = max(families, key=lambda f: counts[f] / seats[f])
        seats[most] += 1
    return seats


def _settled(music: Music, begin: Beginning, chords: bool) -> Cast:
    """Search, find the timbres of the answer, search again, until nothing gets better."""
    best: Cast | None = None
    lines = len(begin.registers)
    for _ in range(ROUNDS):
        player, price = _search(music, begin, chords)
        counts = np.zeros((len(begin.timbres), NAMELESS + 1))
        np.add.at(counts, (player, music.family), 1)
        unlikely = np.array([timbre.surprise(row) for row in counts]) - COMMON
        if chords:
            unlikely[-1, [f not in CHORDAL for f in FAMILIES]] = np.inf
        families = unlikely.argmin(axis=1)
        vectors = _means(music.timbre, player, len(begin.timbres))
        unlike = LIKENESS * float((1 - (music.timbre * vectors[player]).sum(axis=1)).sum())
        found = Cast(price + float(unlikely.min(axis=1).sum()) + unlike * (music.timbre.shape[1] > 0), player, begin)
        if best and found.price >= best.price - 1e-6:
            break
        best = found
        shares = counts + timbre.CONSISTENT * timbre.shares()[families]
        timbres = np.log(shares / shares.sum(axis=1, keepdims=True))
        registers = np.array([_median(music.pitch[player == line], begin.registers[line]) for line in range(lines)])
        order = np.argsort(-registers, kind="stable")
        rows = [*order.tolist(), *range(lines, len(timbres))]
        begin = Beginning(timbres[rows], registers[order], vectors[rows])
    assert best
    return best


def _means(timbre: np.ndarray, player: np.ndarray, players: int) -> np.ndarray:
    """(players, width) The direction of the mean of each player's vectors (n, width)."""
    sums = np.zeros((players, timbre.shape[1]))
    np.add.at(sums, player, timbre)
    return sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-6)


def _median(pitch: np.ndarray, otherwise: float) -> float:
    return float(np.median(pitch)) if len(pitch) else float(otherwise)


@lru_cache(maxsize=128)
def _ways(notes: int, lines: int, chords: bool) -> tuple[np.ndarray, np.ndarray]:
    """(ways, notes) who may play the notes of a chord, and (ways,) how often lines cross in it."""
    if chords:
        takes = [
            t
            for t in product(range(-1, notes), repeat=lines)
            if len({n for n in t if n >= 0}) == sum(n >= 0 for n in t)
        ]
        ways = np.full((len(takes), notes), lines)
        for way, take in zip(ways, takes, strict=True):
            for line, note in enumerate(take):
                if note >= 0:
                    way[note] = line
    else:
        ways = np.array(list(permutations(range(lines), notes)))
    above, below = np.triu_indices(notes, 1)
    crossed = (ways[:, above] > ways[:, below]) & (ways[:, above] < lines)
    return ways, crossed.sum(axis=1).astype(float)


def _search(music: Music, begin: Beginning, chords: bool) -> tuple[np.ndarray, float]:
    """(n,) the player of each note in the likeliest assignment, and its price without the timbres."""
    lines = len(begin.registers)
    sound = begin.sound(music)
    last = begin.registers[None].copy()  # (hypotheses, lines): pitch, usual pitch, seconds until which it sounds
    usual, busy, price = last.copy(), np.full((1, lines), -1.0), np.zeros(1)
    trail: list[tuple[np.ndarray, np.ndarray, list[int]]] = []
    for chord in music.chords:
        own = _assigned(music, chord, MOST_TOGETHER if chords else lines)
        ways, crossed = _ways(len(own), lines, chords)
        pitch = music.pitch[own]
        onset = np.array([music.notes[i].onset for i in own])
        offset = np.array([music.notes[i].offset for i in own])
        step = np.abs(pitch[:, None] - last[:, None]) ** STEP_POWER + REGISTER * np.abs(pitch[:, None] - usual[:, None])
        step += OVERLAP_PRICE * (busy[:, None] > onset[:, None] + OVERLAP)  # (hypotheses, notes, lines)
        if chords:
            step = np.concatenate([step, np.full((*step.shape[:2], 1), CHORD_PRICE)], axis=2)
        step = step - sound[:, own].T
        total = price[:, None] + step[:, np.arange(len(own)), ways].sum(axis=2) + CROSSING_PRICE * crossed
        chosen = np.argsort(total, axis=None)[:BEAM]
        source, way = np.unravel_index(chosen, total.shape)
        price = total.ravel()[chosen] + SHARED_PRICE * (chord.stop - chord.start - len(own))
        last, usual, busy = last[source], usual[source], busy[source]
        for k in range(len(own)):
            player = ways[way, k]
            rows = np.flatnonzero(player < lines)
            at = rows, player[rows]
            last[at], busy[at] = pitch[k], offset[k]
            usual[at] = MEMORY * usual[at] + (1 - MEMORY) * pitch[k]
        trail.append((source, ways[way], own))
    player = _traced(music, trail, lines if chords else None)
    return player, float(price[0] + sound[player, np.arange(len(player))].sum())


def _assigned(music: Music, chord: slice, most: int) -> list[int]:
    """The notes of a chord that are assigned one by one: the surest, from high to low."""
    everything = list(range(chord.start, chord.stop))
    return sorted(sorted(everything, key=lambda i: -music.notes[i].confidence)[:most])


def _traced(music: Music, trail: list[tuple[np.ndarray, np.ndarray, list[int]]], others: int | None) -> np.ndarray:
    """(n,) players along the best path; notes that were not assigned go to ``others`` or join the nearest."""
    player, at = np.zeros(len(music.notes), int), 0
    for (source, way, own), chord in zip(reversed(trail), reversed(music.chords), strict=True):
        player[own] = way[at]
        for i in sorted(set(range(chord.start, chord.stop)) - set(own)):
            nearest = min(own, key=lambda j: abs(music.pitch[j] - music.pitch[i]))
            player[i] = player[nearest] if others is None else others
        at = int(source[at])
    return player
