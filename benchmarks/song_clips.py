"""Songs of a split, rendered on held-out sounds: what `songs` measures on.

A clip is some seconds of a song from the note cache: its singer's line, sung by the project's synthesizer or played
on a held-out instrument, over its accompaniment on a held-out piano, guitar, harp or mallets; without the tune, or with
a bass that has the lowest notes and a drum kit in every other clip. All sounds but the singer's are recorded notes of
the split ``valid``, and each clip is recorded in a room with the devices of `synthesis.augment`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from itertools import cycle
from pathlib import Path

import numpy as np

from abcscribe.analysis.harmony.decoder import decode, load
from abcscribe.analysis.harmony.evidence import evidence_of
from abcscribe.analysis.harmony.vocabulary import moved
from abcscribe.audio import SAMPLE_RATE
from abcscribe.corpora.note_cache import NoteCache, Notes
from abcscribe.score.instruments import PERCUSSION, family
from abcscribe.synthesis import render
from abcscribe.synthesis.augment import augment
from abcscribe.synthesis.batch_renderer import BatchRenderer, collated
from abcscribe.synthesis.clip_plans import ClipPlan, draw_recording
from abcscribe.synthesis.drum_patterns import drum_part
from abcscribe.synthesis.performance import CHORDAL, QUARTER_BPM, Performance, perform
from abcscribe.synthesis.recorded_notes import choose_instrument, play_part, strummed
from abcscribe.synthesis.singer import sing
from abcscribe.synthesis.sound_bank import load_bank
from abcscribe.synthesis.suite import is_mild
from abcscribe.training.small import harmony

WITH_DRUMS = ("band", "band with voice", "trio")
KINDS = ("voice", "band", "instrument", "band with voice", "accompaniment", "trio")
VOICE = 53  # program of the singer
TUNE_DB, PART_DB = (0.0, 5.0), (-3.0, 3.0)  # levels of the tune and of the others
MOST_FRETTED = 5  # notes at once on a guitar
BASS_TOP = 55  # MIDI
FEWEST = 10  # notes of a tune
TRIES = 20  # excerpts drawn for each clip before there are no more
JAZZ = 4  # of `drum_patterns.GROOVES`


@dataclass(frozen=True, slots=True)
class Clip:
    """A rendered excerpt with what is true of it."""

    name: str
    kind: str
    waveform: np.ndarray  # (samples,) float32
    played: Performance
    parts: tuple[str, ...]  # of ``played``: tune, chords, bass, drums
    tune: np.ndarray  # (n, 3) onset and offset in seconds and pitch of the tune's notes
    chords: np.ndarray  # (beats, 3) seconds in the middle, length in quarters, chord of the print
    bar_of_beat: np.ndarray  # (beats,)
    hits: np.ndarray  # (n, 2) seconds and key of the drums
    bars: np.ndarray  # (bars + 1,) seconds of the bar lines
    places: np.ndarray  # (n, 2) of the hits: bar, and quarters from its beginning


def songs(cache: NoteCache, split: str, source: str = "openscore-lieder") -> list[int]:
    """Indices of the songs of a split: a line over a keyboard."""
    return [
        i for i, piece in enumerate(cache.pieces)
        if piece.split == split and piece.source == source and _is_song(cache[i].notes)
    ]  # fmt: skip


def _is_song(notes: Notes) -> bool:
    both = set(notes.part.tolist()) == {0, 1}
    return both and int(notes.staff[notes.part == 0].max()) == 0 and int(notes.staff[notes.part == 1].max()) == 1


class Studio:
    """Makes clips; a clip is a function of the seed and its number."""

    def __init__(
        self, cache: NoteCache, sounds: Path, split: str, seconds: float, seed: int = 1, of: str = "valid",
        kinds: tuple[str, ...] = KINDS,
    ) -> None:  # fmt: skip
        """``of``: the split of the sounds."""
        self.cache, self.split, self.seconds, self.seed, self.kinds = cache, split, seconds, seed, kinds
        self.bank = load_bank(sounds)
        self.able = self.bank.of_split(of)
        self.renderer = BatchRenderer(self.bank, samples=int((seconds + 1) * SAMPLE_RATE))
        drums = (i for i in self.able.tolist() if self.bank.instruments[i].program == PERCUSSION)
        self.kits = [i for i in drums if self.bank.reach[i][[36, 38]].all()]

    def clips(self, count: int, known: Collection[int] = (), from_start: bool = False) -> Iterator[tuple[int, Clip]]:
        """The first clips with their numbers, but for those that are ``known``: the kinds come in turn, and the songs
        in an order of their own. ``from_start``: each from its beginning, those that are as long as a clip."""
        pieces = np.random.default_rng(self.seed).permutation(songs(self.cache, self.split)).tolist()
        made = 0
        for tried, number in enumerate(cycle(pieces)):
            kind = self.kinds[(made + tried // len(pieces)) % len(self.kinds)]  # another one in every round of songs
            rng = np.random.default_rng([self.seed, tried])
            if (scene := self.scene(rng, number, kind, from_start)) is not None:
                if made not in known:
                    yield made, self.recorded(rng, *scene)
                made += 1
            if made == count or tried > TRIES * count:
                return

    def scene(
        self, rng: np.random.Generator, number: int, kind: str, from_start: bool = False
    ) -> tuple[Clip, list[int]] | None:
        """A clip of a piece before it is recorded, and who plays; None if the piece has no such excerpt."""
        notes, name = self.cache[number].notes, self.cache[number].piece.id
        first = 0.0 if from_start else _beginning(rng, notes, 4 if kind in WITH_DRUMS else None)
        if first is None:
            return None
        marks = notes.tempo[~np.isnan(notes.tempo)]
        bpm = float(np.clip(marks[0] if len(marks) else 92.0, *QUARTER_BPM) * np.exp(rng.normal(0, 0.1)))
        shift = int(rng.integers(-4, 5))
        made = self._parts(rng, notes, kind, first, first + self.seconds * bpm / 60 + 8, shift)
        if made is None:
            return None
        names, instruments, columns = made
        programs = tuple(VOICE if i < 0 else self.bank.instruments[i].program for i in instruments)
        onset, length, pitch, part = (np.concatenate(c) for c in zip(*columns, strict=True))
        while True:
            played = perform(rng, onset - first, length, pitch.astype(int), part.astype(int), programs, bpm)
            if is_mild(onset - first, played):
                break
        quarters, clock = _clock(onset, played)
        if from_start and clock[-1] < self.seconds:
            return None
        played = played.before(self.seconds)
        tune = np.flatnonzero(played.part == names.index("tune")) if "tune" in names else np.zeros(0, int)
        if "tune" in names and len(tune) < FEWEST:
            return None
        hits = np.flatnonzero(played.part == names.index("drums")) if "drums" in names else np.zeros(0, int)
        lines = notes.bar_start[notes.bar_start >= first - 1e-3].astype(float)
        at = onset[played.note[hits]]
        bar = np.searchsorted(lines, at + 1e-3) - 1
        chords, bars = _chords(notes, shift, quarters, clock, first, played)
        lines = lines[lines <= quarters[-1]]
        made_clip = Clip(
            name, kind, np.zeros(0, np.float32), played, names,
            np.column_stack([played.onset[tune], played.offset[tune], played.pitch[tune]]), chords, bars,
            np.column_stack([played.onset[hits], played.pitch[hits]]), np.interp(lines, quarters, clock),
            np.column_stack([bar, at - np.r_[lines, np.inf][bar]]) if len(hits) else np.zeros((0, 2)),
        )  # fmt: skip
        return made_clip, instruments

    def recorded(self, rng: np.random.Generator, clip: Clip, instruments: list[int]) -> Clip:
        """The clip with its sound."""
        return replace(clip, waveform=self._recording(rng, clip.played, clip.parts, instruments))

    def _parts(
        self, rng: np.random.Generator, notes: Notes, kind: str, first: float, last: float, shift: int
    ) -> tuple[tuple[str, ...], list[int], list[tuple[np.ndarray, ...]]] | None:
        """Names, instruments of the bank (-1: the singer) and (onset, length, pitch, part) of who plays."""
        inside = (notes.onset >= first - 1e-3) & (notes.onset < last)
        pitch = notes.pitch.astype(int) + shift
        names: list[str] = []
        chosen: list[int] = []
        columns: list[tuple[np.ndarray, ...]] = []

        def add(name: str, index: int, onset: np.ndarray, length: np.ndarray, pitch: np.ndarray) -> None:
            columns.append((onset.astype(float), length.astype(float), pitch, np.full(len(onset), len(names))))
            names.append(name)
            chosen.append(index)

        under = np.flatnonzero(inside & (notes.part == 1))
        over = _top(notes, np.flatnonzero(inside & (notes.part == 0)))
        if len(under) < 2 * FEWEST or len(over) < FEWEST:
            return None
        if kind in ("voice", "band with voice"):
            add("tune", -1, notes.onset[over], notes.duration[over], pitch[over])
        elif kind in ("instrument", "band"):
            tune = self._tune_player(rng, pitch[over])
            if tune is None:
                return None
            add("tune", tune[0], notes.onset[over], notes.duration[over], pitch[over] + tune[1])
        add("chords", *self._chord_player(rng, notes, under, pitch))
        if kind in WITH_DRUMS:
            low = _lowest(notes, under)
            basses = [i for i in self.able.tolist() if family(self.bank.instruments[i].program) == "bass"]
            bass = int(rng.choice(basses))
            down = pitch[low] - 12 * np.ceil(np.maximum(pitch[low] - BASS_TOP, 0) / 12).astype(int)
            add("bass", bass, notes.onset[low], notes.duration[low], down)
            kit = int(rng.choice(self.kits))
            keys = frozenset(np.flatnonzero(self.bank.reach[kit]).tolist())
            onset, key = drum_part(rng, last - first, keys, JAZZ if kind == "trio" else None)
            add("drums", kit, onset + first, np.full(len(onset), 0.25), key)
        return tuple(names), chosen, columns

    def _tune_player(self, rng: np.random.Generator, pitch: np.ndarray) -> tuple[int, int] | None:
        """An instrument and the octave in which it plays the tune."""
        for octave in (0, -12, 12, -24):
            able = [i for i in self.able.tolist() if family(self.bank.instruments[i].program) != "bass"]
            able = [i for i in able if self.bank.reach[i][np.clip(pitch + octave, 0, 127)].all()]
            if able and (index := choose_instrument(rng, self.bank, np.array(able), pitch + octave, False)) is not None:
                return index, octave
        return None

    def _chord_player(
        self, rng: np.random.Generator, notes: Notes, own: np.ndarray, pitch: np.ndarray
    ) -> tuple[int, np.ndarray, np.ndarray, np.ndarray]:
        """Who accompanies, and what: a guitar has five notes at once, in its own range."""
        struck = [i for i in self.able.tolist() if self._strikes(i)]
        index = int(rng.choice(struck, p=self._weights(struck)))
        reach = np.flatnonzero(self.bank.reach[index])
        low, high = int(reach.min()), int(reach.max())
        folded = pitch[own] + 12 * np.ceil(np.maximum(low - pitch[own], 0) / 12).astype(int)
        folded -= 12 * np.ceil(np.maximum(folded - high, 0) / 12).astype(int)
        keep = self.bank.reach[index][folded]
        keep &= _first_of_each(notes.onset[own], folded)
        if family(self.bank.instruments[index].program) == "plucked":
            keep &= _fretted(notes.onset[own], folded)
        return index, notes.onset[own][keep], notes.duration[own][keep], folded[keep]

    def _strikes(self, index: int) -> bool:
        instrument = self.bank.instruments[index]
        return family(instrument.program) in CHORDAL and not instrument.sustained

    def _weights(self, struck: list[int]) -> np.ndarray:
        """Pianos, and guitars, as often as all others."""
        usual = {"piano": 2.0, "plucked": 1.5}
        weights = np.array([usual.get(family(self.bank.instruments[i].program), 0.7) for i in struck])
        return np.asarray(weights / weights.sum())

    def _recording(
        self, rng: np.random.Generator, played: Performance, names: tuple[str, ...], instruments: list[int]
    ) -> np.ndarray:
        samples = int(self.seconds * SAMPLE_RATE)
        mix = np.zeros(samples, np.float32)
        cents = render.detuning(rng)
        for number, (name, index) in enumerate(zip(names, instruments, strict=True)):
            own = played.select(played.part == number)
            if not len(own.onset):
                continue
            if index < 0:
                sound = sing(rng, own, self.seconds, cents, True)
            else:
                alone = replace(own, part=np.zeros(len(own.part), int), programs=(own.programs[number],))
                if family(self.bank.instruments[index].program) == "plucked":
                    alone = strummed(rng, alone)
                legato = self.bank.instruments[index].sustained
                table = play_part(rng, self.bank, index, alone, cents, legato)
                plan = ClipPlan(table, np.zeros((0, 7)), draw_recording(rng, len(self.bank.rooms)), cents)
                sound = self.renderer.dry(collated([plan], 0))[0, :samples].numpy()
            level = rng.uniform(*(TUNE_DB if name == "tune" else PART_DB))
            loud = np.sqrt(np.mean(sound[np.abs(sound) > 1e-4] ** 2)) if np.any(np.abs(sound) > 1e-4) else 1.0
            mix += sound * np.float32(0.08 * 10 ** (level / 20) / max(float(loud), 1e-4))
        return augment(rng, mix)[:samples]


def _beginning(rng: np.random.Generator, notes: Notes, beats: int | None) -> float | None:
    """A bar line from which on the tune is there; with ``beats`` of bars in which a groove of four quarters fits."""
    found = []
    tune = notes.onset[notes.part == 0]
    for bar, start in enumerate(notes.bar_start[:-1].tolist()):
        count = np.sum((tune >= start) & (tune < start + 32))
        length = notes.bar_start[min(bar + 1, len(notes.bar_start) - 1)] - start
        metres = notes.metre[bar : bar + 16]
        fits = beats is None or bool((metres == (beats, 4)).all() and length == beats)
        if count >= 2 * FEWEST and fits:
            found.append(start)
    return float(rng.choice(found)) if found else None


def _top(notes: Notes, own: np.ndarray) -> np.ndarray:
    """Of notes that begin together the highest."""
    order = own[np.lexsort((-notes.pitch[own], notes.onset[own]))]
    return order[np.r_[True, np.diff(notes.onset[order]) > 1e-3]] if len(order) else order


def _lowest(notes: Notes, own: np.ndarray) -> np.ndarray:
    """The lowest notes of the lower staff that stand on beats, or of the accompaniment where it rests."""
    lower = own[notes.staff[own] == 1]
    lower = lower if len(lower) >= FEWEST else own
    order = lower[np.lexsort((notes.pitch[lower], notes.onset[lower]))]
    order = order[np.r_[True, np.diff(notes.onset[order]) > 1e-3]]
    return order[notes.onset[order] % 0.5 < 1e-3]


def _first_of_each(onset: np.ndarray, pitch: np.ndarray) -> np.ndarray:
    """(n,) each pitch once at a time."""
    keep = np.zeros(len(onset), bool)
    keep[np.unique(np.column_stack([onset, pitch]), axis=0, return_index=True)[1]] = True
    return keep


def _fretted(onset: np.ndarray, pitch: np.ndarray) -> np.ndarray:
    keep = np.ones(len(onset), bool)
    for at in np.unique(onset):
        own = np.flatnonzero(onset == at)
        keep[own[np.argsort(pitch[own])][1 : len(own) - MOST_FRETTED + 1]] = False
    return keep


def _clock(onset: np.ndarray, played: Performance) -> tuple[np.ndarray, np.ndarray]:
    """Each onset in quarters of the piece, and in seconds the mean over its notes, rising."""
    quarters, index = np.unique(onset[played.note], return_inverse=True)
    return quarters, np.maximum.accumulate(np.bincount(index, played.onset) / np.bincount(index))


def _chords(
    notes: Notes, shift: int, quarters: np.ndarray, clock: np.ndarray, first: float, played: Performance
) -> tuple[np.ndarray, np.ndarray]:
    """The chords of the print on the beats that are heard."""
    beats = harmony.grid(notes)
    pitched = notes.program[notes.part] < PERCUSSION
    printed = moved(decode(load("printed"), evidence_of(harmony.sounding(notes, pitched), beats), beats), shift)
    last = float(np.interp(played.onset[-1], clock, quarters))
    own = np.flatnonzero((beats.start >= first - 1e-3) & (beats.end <= last))
    middle = np.interp((beats.start + beats.end)[own] / 2, quarters, clock)
    return np.column_stack([middle, (beats.end - beats.start)[own], printed[own]]), beats.bar[own]
