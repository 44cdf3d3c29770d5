"""Recordings whose players are known, as the tower hears them: what decisions about players are learned from.

    python -m abcscribe.training.small.player_scenes CACHE.npz OUT --sounds FOLDER [--split train] [--count 1500]

A scene is some seconds of music by one player of chords, a soloist with such a player, or one to five players of one
note at a time. Many scenes have the same notes shared out differently (a song for one piano, a chorale on an organ), so
that timbre, and not the kind of piece, tells who plays. Written as ``scenes-NNNNN.npz``; stops and goes on anywhere.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from abcscribe.audio import SAMPLE_RATE
from abcscribe.corpora.note_cache import NoteCache, Notes
from abcscribe.model import WEIGHTS
from abcscribe.model.audio_tower import AudioTower
from abcscribe.score import instruments
from abcscribe.score.instruments import FAMILIES
from abcscribe.score.model import PlayedNote
from abcscribe.synthesis import performance as playing
from abcscribe.synthesis import render, soundfonts
from abcscribe.synthesis.augment import augment
from abcscribe.synthesis.performance import CHORDAL, RANGES, Performance
from abcscribe.synthesis.singer import sing
from abcscribe.training.small import note_cells, recorded_instruments
from abcscribe.training.small.note_cells import Cells, Listener
from abcscribe.training.small.recorded_instruments import Instrument

SECONDS = (9.0, 18.0)
FEWEST, MOST = 16, 320  # notes of a scene
SOLOIST_FEWEST = 6  # notes
PER_FILE = 20
NEAR = 0.1  # seconds between a heard note and the played one of its pitch
KINDS = {"solo": 0.3, "reduced": 0.08, "soloist": 0.24, "tune": 0.12, "lines": 0.26}
# Who plays chords, and how often: what people record most comes most often.
PLAYERS_OF_CHORDS = {
    0: 5, 1: 1.5, 2: 0.6, 3: 0.4, 4: 0.8, 5: 0.8, 6: 0.8, 7: 0.3, 8: 0.2, 11: 0.6, 12: 0.4, 15: 0.3, 16: 0.6, 17: 0.4,
    18: 0.4, 19: 1.2, 20: 0.4, 21: 1.6, 23: 0.6, 24: 2.2, 25: 2.2, 26: 0.8, 27: 1, 28: 0.2, 29: 0.3, 30: 0.3, 46: 1.8,
    48: 0.2, 50: 0.3, 80: 0.1, 81: 0.2, 89: 0.2, 90: 0.2, 104: 0.1, 105: 0.5, 106: 0.1, 107: 0.3, 108: 0.2,
}  # fmt: skip
FRETTED = range(24, 32)
MOST_FRETTED = 5  # notes of a chord on a guitar
THIN = 0.4  # share of solo pieces and accompaniments that lose inner notes
ONE_PLAYER = 0.3  # share of songs and accompanied tunes that one player of chords plays alone
SAME_PROGRAM = 0.45  # share of ensembles of one instrument: quartets, choirs
SUNG, RECORDED = 0.35, 0.5  # shares of soloists who sing, and of other players with recorded notes
SOLOIST = 1.5  # how much louder than the player of chords
PATTERNS = ((0, 1, 2, 1), (0, 2, 1, 2), (0, 12, 12, 12), (12, 12), (12,), (0, 12))  # 12: all notes of the chord


@dataclass(frozen=True, slots=True)
class Part:
    """What one player plays, in quarters."""

    onset: np.ndarray
    duration: np.ndarray
    pitch: np.ndarray


@dataclass(frozen=True, slots=True)
class Scene:
    """A heard recording and who is behind each note."""

    notes: list[PlayedNote]
    player: np.ndarray  # (notes,) index of the player, the one of chords last; -1 for what nobody played
    lines: int
    chords: bool
    kind: str
    programs: tuple[int, ...]
    cells: Cells | None = None  # what the tower's trunk knows of the notes


class Scenes:
    """The pieces of some splits, by what can be made of them."""

    def __init__(
        self, cache: Path, splits: tuple[str, ...], sounds: Path, sound_split: str, fonts: list[str],
        tower: Path = WEIGHTS,
    ) -> None:  # fmt: skip
        self.fonts, self.tower = fonts, tower
        self.recorded = recorded_instruments.instruments_in(sounds, sound_split)
        self.grand: list[Notes] = []  # keyboard alone, or with a voice
        self.songs: list[Notes] = []
        self.ensembles: list[Notes] = []
        self.tunes: list[Notes] = []
        cached = NoteCache(cache)
        for index, piece in enumerate(cached.pieces):
            if piece.split in splits and len((notes := cached[index].notes).onset) > FEWEST:
                self._add(notes)

    def _add(self, notes: Notes) -> None:
        parts = np.unique(notes.part)
        grand = [p for p in parts if notes.staff[notes.part == p].max() == 1]
        if grand:
            self.grand.append(notes)
            if len(parts) == 2 and len(grand) == 1 and grand[0] == parts[1]:
                self.songs.append(notes)
        elif len(parts) == 1:
            self.tunes.append(notes)
        else:
            self.ensembles.append(notes)

    def draw(self, rng: np.random.Generator) -> Scene:
        """A scene that is recorded and heard. Draws again until one succeeds."""
        while True:
            kind, chords, played, seconds = self.performed(rng)
            notes, cells = self._listener.hear(self._recording(rng, played, chords, seconds))
            if len(notes) >= FEWEST:
                player = _matched(notes, played)
                return Scene(notes, player, len(played.programs) - chords, chords, kind, played.programs, cells)

    @cached_property
    def _listener(self) -> Listener:
        return Listener(self.tower)

    def performed(self, rng: np.random.Generator) -> tuple[str, bool, Performance, float]:
        """The kind, whether the last player plays chords, what is played, and for how many seconds."""
        names, shares = zip(*KINDS.items(), strict=True)
        while True:
            kind = str(rng.choice(names, p=np.array(shares) / sum(shares)))
            made = getattr(self, f"_{kind}")(rng)
            if made and (played := self._played(rng, *made)):
                return kind, made[1], *played

    def _solo(self, rng: np.random.Generator) -> tuple[list[Part], bool] | None:
        notes = self.grand[rng.integers(len(self.grand))]
        staves = [p for p in np.unique(notes.part) if notes.staff[notes.part == p].max() == 1]
        part = _cut(rng, notes, [[int(staves[0])]])
        return (part, True) if part else None

    def _reduced(self, rng: np.random.Generator) -> tuple[list[Part], bool] | None:
        notes = self.ensembles[rng.integers(len(self.ensembles))]
        part = _cut(rng, notes, [np.unique(notes.part).tolist()[:4]])
        return (part, True) if part else None

    def _soloist(self, rng: np.random.Generator) -> tuple[list[Part], bool] | None:
        notes = self.songs[rng.integers(len(self.songs))]
        own = [int(p) for p in np.unique(notes.part)]
        parts = _cut(rng, notes, [own] if rng.random() < ONE_PLAYER else [[own[0]], [own[1]]])
        return (parts, True) if parts else None

    def _tune(self, rng: np.random.Generator) -> tuple[list[Part], bool] | None:
        notes = self.tunes[rng.integers(len(self.tunes))]
        parts = _cut(rng, notes, [[int(notes.part[0])]])
        if not parts:
            return None
        tune = _rested(rng, parts[0])
        under = _accompaniment(rng, parts[0])
        if rng.random() < ONE_PLAYER:
            both = [
                np.concatenate([getattr(p, name) for p in (tune, under)]) for name in ("onset", "duration", "pitch")
            ]
            return [Part(*both)], True
        return [tune, under], True

    def _lines(self, rng: np.random.Generator) -> tuple[list[Part], bool] | None:
        notes = self.ensembles[rng.integers(len(self.ensembles))]
        own = np.unique(notes.part)
        count = min(int(rng.choice((2, 3, 4, 5), p=(0.3, 0.2, 0.4, 0.1))), len(own))
        chosen = sorted(rng.choice(own, count, replace=False).tolist())
        parts = _cut(rng, notes, [[int(p)] for p in chosen])
        if not parts:
            return None
        return [_single(part) for part in parts], False

    def _played(self, rng: np.random.Generator, parts: list[Part], chords: bool) -> tuple[Performance, float] | None:
        programs = self._programs(rng, parts, chords)
        if programs is None:
            return None
        if chords and programs[-1] in FRETTED:
            parts = [*parts[:-1], _fretted(parts[-1])]
        onset, duration, pitch = (
            np.concatenate([getattr(p, name) for p in parts]) for name in ("onset", "duration", "pitch")
        )
        part = np.repeat(np.arange(len(parts)), [len(p.onset) for p in parts])
        bpm = playing.draw_tempo(rng, onset, part)
        seconds = float(rng.uniform(*SECONDS))
        played = playing.perform(rng, onset, duration, pitch, part, programs, bpm).before(seconds - 1.0)
        count = np.bincount(played.part, minlength=len(parts))
        if len(played.onset) < FEWEST or len(played.onset) > MOST or count.min() < SOLOIST_FEWEST:
            return None
        return played, seconds

    def _programs(self, rng: np.random.Generator, parts: list[Part], chords: bool) -> tuple[int, ...] | None:
        lines = parts[: len(parts) - chords]
        chosen: list[int] = []
        if len(lines) > 1 and rng.random() < SAME_PROGRAM:
            low, high = min(p.pitch.min() for p in lines), max(p.pitch.max() for p in lines)
            able = [p for p, (a, b) in RANGES.items() if a <= low + 5 and high - 5 <= b and _sings(p)]
            chosen = [int(rng.choice(able))] * len(lines) if able else []
            if chosen and instruments.family(chosen[0]) == "strings":
                chosen = [int(rng.choice((40, 41) if p.pitch.mean() > 60 else (42,))) for p in lines]
        if not chosen:
            chosen = [playing.choose_program(rng, p.pitch, chordal=False) for p in lines]
            if chords and lines and instruments.family(chosen[0]) in CHORDAL and rng.random() < 0.8:
                return None
        if chords:
            names, weights = zip(*PLAYERS_OF_CHORDS.items(), strict=True)
            low, high = np.percentile(parts[-1].pitch, (5, 95))
            fits = np.array([RANGES[p][0] <= low + 3 and high - 3 <= RANGES[p][1] for p in names])
            odds = np.array(weights) * fits * np.array([p not in chosen for p in names])
            if not odds.sum():
                return None
            chosen.append(int(rng.choice(names, p=odds / odds.sum())))
        return tuple(chosen)

    def _recording(self, rng: np.random.Generator, played: Performance, chords: bool, seconds: float) -> np.ndarray:
        cents, pedal = render.detuning(rng), render.draw_pedal(rng, seconds)
        mix = np.zeros(int(seconds * SAMPLE_RATE), np.float32)
        font = str(rng.choice(self.fonts))
        for index, program in enumerate(played.programs):
            own = played.select(played.part == index)
            last = chords and index == len(played.programs) - 1
            able = [i for i in self.recorded.get(program, ()) if _reaches(i, own)]
            voice = not last and played.pitch.min() >= 30 and own.pitch.min() >= 40 and own.pitch.max() <= 84
            if (
                voice
                and self.fonts == soundfonts.installed_fonts()
                and rng.random() < SUNG * (len(played.programs) < 3)
            ):
                sound = sing(rng, own, seconds, cents, True)
            elif able and rng.random() < RECORDED:
                sound = recorded_instruments.render(own, able[int(rng.integers(len(able)))], seconds)
            else:
                sound = soundfonts.render(rng, own, seconds, font, cents, pedal)
            level = 10 ** (rng.uniform(-4, 4) / 20) * (SOLOIST if chords and not last else 1.0)
            mix += sound * np.float32(0.2 * level / max(float(np.sqrt((sound**2).mean())) * 5, 1e-4))
        return augment(rng, mix)[: int(seconds * SAMPLE_RATE)]


def _sings(program: int) -> bool:
    return instruments.family(program) in ("strings", "voice", "brass", "reed", "pipe")


def _reaches(instrument: Instrument, played: Performance) -> bool:
    low, high = recorded_instruments.reach(instrument)
    return bool(low <= played.pitch.min() and played.pitch.max() <= high)


def _cut(rng: np.random.Generator, notes: Notes, players: list[list[int]]) -> list[Part] | None:
    """From a bar line on, transposed; a player may play several parts."""
    first = float(rng.choice(notes.bar_start[: max(1, len(notes.bar_start) - 4)]))
    inside = (notes.onset >= first - 1e-3) & (notes.onset < first + 48)
    shift = int(rng.integers(-6, 7))
    thin = rng.random() < THIN
    made = []
    for own in players:
        mine = np.flatnonzero(inside & np.isin(notes.part, own))
        if len(mine) < SOLOIST_FEWEST:
            return None
        onset, pitch = notes.onset[mine].astype(float) - first, notes.pitch[mine].astype(int) + shift
        keep = np.ones(len(mine), bool)
        if thin and len(own) == 1 and notes.staff[mine].max() == 1:
            keep = _outer(onset, pitch) | (rng.random(len(mine)) < rng.uniform(0, 0.5))
        made.append(Part(onset[keep], notes.duration[mine][keep].astype(float), pitch[keep]))
    return made


def _outer(onset: np.ndarray, pitch: np.ndarray) -> np.ndarray:
    """(n,) the top and the bottom of each chord."""
    keep = np.zeros(len(onset), bool)
    for at in np.unique(onset):
        own = np.flatnonzero(onset == at)
        keep[[own[pitch[own].argmax()], own[pitch[own].argmin()]]] = True
    return keep


def _single(part: Part) -> Part:
    """Of each chord the top note, which ends when the next begins."""
    order = np.lexsort((-part.pitch, part.onset))
    order = order[np.r_[True, np.diff(part.onset[order]) > 1e-3]]
    onset = part.onset[order]
    return Part(onset, np.minimum(part.duration[order], np.diff(onset, append=np.inf)), part.pitch[order])


def _fretted(part: Part) -> Part:
    """No more notes at once than a hand can stop: the lowest, and the highest ones."""
    keep = np.ones(len(part.onset), bool)
    for at in np.unique(part.onset):
        own = np.flatnonzero(part.onset == at)
        keep[own[np.argsort(part.pitch[own])][1 : len(own) - MOST_FRETTED + 1]] = False
    return Part(part.onset[keep], part.duration[keep], part.pitch[keep])


def _rested(rng: np.random.Generator, tune: Part) -> Part:
    """The tune with a stretch of rest in it, now and then."""
    if rng.random() < 0.5:
        return tune
    start = rng.uniform(0, 16)
    keep = (tune.onset < start) | (tune.onset >= start + rng.choice((4, 8, 12)))
    return Part(tune.onset[keep], tune.duration[keep], tune.pitch[keep]) if keep.sum() > SOLOIST_FEWEST else tune


def _accompaniment(rng: np.random.Generator, tune: Part) -> Part:
    """A pattern of chords under a tune: the triad that holds most of what sounds in each half bar."""
    span, step = float(rng.choice((2.0, 1.5, 3.0, 4.0))), float(rng.choice((0.5, 1.0)))
    pattern = PATTERNS[rng.integers(len(PATTERNS))]
    base = int(np.clip(np.median(tune.pitch) - rng.integers(12, 25), 40, 64))
    triads = [(root, root + third, root + 7) for root in range(12) for third in (3, 4)]
    rows: list[tuple[float, float, int]] = []
    for start in np.arange(0, float(tune.onset.max()) + 1, span):
        inside = (tune.onset >= start) & (tune.onset < start + span)
        if inside.any() or not rows:
            weight = np.bincount(tune.pitch[inside] % 12, tune.duration[inside], 12)
            chord = max(triads, key=lambda t: sum(weight[p % 12] for p in t))
            own = sorted(base + (p - base) % 12 for p in chord)
        for k, at in enumerate(np.arange(start, start + span - 1e-6, step)):
            which = pattern[k % len(pattern)]
            chosen = own if which == 12 else [own[which] - (12 if which == 0 else 0)]
            rows += [(float(at), step, p) for p in chosen]
    onset, duration, pitch = (np.array(column) for column in zip(*rows, strict=True))
    return Part(onset, duration, pitch.astype(int))


def _matched(notes: list[PlayedNote], played: Performance) -> np.ndarray:
    """(notes,) the player of the nearest played note of the same pitch; the loudest chooses first."""
    player, taken = np.full(len(notes), -1), np.zeros(len(notes), bool)
    pitch, onset = np.array([n.pitch for n in notes]), np.array([n.onset for n in notes])
    for index in np.argsort(-played.velocity, kind="stable").tolist():
        miss = np.where((pitch == played.pitch[index]) & ~taken, np.abs(onset - played.onset[index]), np.inf)
        best = int(miss.argmin())
        if miss[best] <= NEAR:
            player[best], taken[best] = played.part[index], True
    return player


NUMBERS = ("onset", "offset", "pitch", "velocity", "confidence")


def save(path: Path, scenes: list[Scene]) -> None:
    """Write a file, which appears once it is complete."""
    notes = [note for scene in scenes for note in scene.notes]
    unfinished = path.with_suffix(".part")
    with unfinished.open("wb") as file:
        np.savez_compressed(
            file,
            ends=np.cumsum([len(scene.notes) for scene in scenes]),
            numbers=np.array([[getattr(n, name) for name in NUMBERS] for n in notes], np.float32),
            families=np.array([n.families for n in notes], np.float16),
            timbre=np.array([n.timbre for n in notes], np.float16),
            player=np.concatenate([scene.player for scene in scenes]).astype(np.int8),
            texture=np.array([(scene.lines, scene.chords) for scene in scenes], np.int8),
            kinds=np.array([scene.kind for scene in scenes]),
            programs=np.array([" ".join(map(str, scene.programs)) for scene in scenes]),
            allow_pickle=False,
            **_joined([scene.cells for scene in scenes if scene.cells]),
        )
    unfinished.replace(path)


def _joined(cells: list[Cells]) -> dict[str, np.ndarray]:
    """The cells of all scenes; nothing if they were not kept."""
    ends = {"cells_end": [len(own.values) for own in cells], "tokens_end": [len(own.embeddings) for own in cells]}
    columns = {f"cells_{name}": [getattr(own, name) for own in cells] for name in Cells._fields}
    joined = {name: np.concatenate(arrays) for name, arrays in columns.items() if arrays}
    return joined and joined | {name: np.cumsum(counts) for name, counts in ends.items()}


def _cells(columns: dict[str, np.ndarray], i: int) -> Cells | None:
    if "cells_end" not in columns:
        return None
    cells, tokens = (slice(columns[name][i - 1] if i else 0, columns[name][i]) for name in ("cells_end", "tokens_end"))
    of_cells = {name: columns[f"cells_{name}"][cells] for name in ("values", "note", "token")}
    return Cells(embeddings=columns["cells_embeddings"][tokens], **of_cells)


def load(folder: Path, tower: AudioTower | None = None) -> Iterator[Scene]:
    """The scenes written there; with ``tower`` as its heads tell their notes, if it has one for timbre."""
    for path in sorted(folder.glob("scenes-*.npz")):
        with np.load(path) as file:
            columns = {name: file[name] for name in file.files}
        first = 0
        for i, end in enumerate(columns["ends"].tolist()):
            rows = zip(*(columns[name][first:end].tolist() for name in ("numbers", "families", "timbre")), strict=True)
            notes = [
                PlayedNote(on, off, round(pitch), round(velocity), FAMILIES[int(np.argmax(families))], confidence,
                           families=tuple(round(share, 2) for share in families), timbre=tuple(timbre))
                for (on, off, pitch, velocity, confidence), families, timbre in rows
            ]  # fmt: skip
            lines, chords = columns["texture"][i]
            cells = _cells(columns, i)
            yield Scene(
                note_cells.told(tower, notes, cells) if tower and cells else notes,
                columns["player"][first:end].astype(int), int(lines), bool(chords), str(columns["kinds"][i]),
                tuple(map(int, str(columns["programs"][i]).split())), cells,
            )  # fmt: skip
            first = end


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cache", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--sounds", type=Path, required=True)
    parser.add_argument("--split", nargs="+", default=["train"])
    parser.add_argument("--sound-split", default="train")
    parser.add_argument("--font", nargs="*", help="soundfonts instead of those of training")
    parser.add_argument("--tower", type=Path, default=WEIGHTS, help="checkpoint that hears them")
    parser.add_argument("--count", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--first", type=int, default=0, help="number of the first file: several processes share the work"
    )
    parser.add_argument("--step", type=int, default=1)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for number, path in enumerate(options.font or ()):
        soundfonts.FONTS[f"given-{number}"] = Path(path)
    fonts = [f"given-{number}" for number in range(len(options.font or ()))] or soundfonts.installed_fonts()
    scenes = Scenes(options.cache, tuple(options.split), options.sounds, options.sound_split, fonts, options.tower)
    for number in range(options.first, -(-options.count // PER_FILE), options.step):
        path = options.out / f"scenes-{number:05d}.npz"
        if not path.exists():
            rng = np.random.default_rng([options.seed, number])
            save(path, [scenes.draw(rng) for _ in range(PER_FILE)])
            print(path, flush=True)


if __name__ == "__main__":
    main()
