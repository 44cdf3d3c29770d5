"""Learn who plays: one player of chords, a soloist with one, or players of one note each; and what the soloist plays.

    python -m abcscribe.training.small.players CACHE.npz SCENES --sounds FOLDER [--valid SCENES] [--simulated 4000]

SCENES is a folder of `player_scenes`. Grows the trees of `abcscribe.analysis.player_count` and
`abcscribe.analysis.soloist` on these, and on as many simulated scenes as said, whose notes are heard as the families of
notes of the same instrument in SCENES. Needs lightgbm; some minutes.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import lightgbm
import numpy as np
from scipy.optimize import linear_sum_assignment

from abcscribe.analysis import cleaning, player_count, player_features, soloist
from abcscribe.analysis import players as casting
from abcscribe.analysis.analysis_features import played_notes
from abcscribe.model import WEIGHTS, weight_files
from abcscribe.model.tower_files import load_tower
from abcscribe.score.instruments import FAMILIES, family
from abcscribe.score.model import PlayedNote
from abcscribe.synthesis import soundfonts
from abcscribe.synthesis.simulated_hearing import hear
from abcscribe.training.small import player_scenes
from abcscribe.training.small.player_scenes import Scene, Scenes
from abcscribe.training.small.trees_fit import arrays

HEARD_WEIGHT = 4.0  # of a scene that was really heard, beside a simulated one
NAMED = 0.12  # share of simulated scenes whose notes name a family and tell no probabilities, as of other engines
REACH = 5  # semitones: how near in pitch the note is whose families a simulated note gets
SETTINGS = {
    "learning_rate": 0.05, "num_leaves": 15, "min_data_in_leaf": 30, "feature_fraction": 0.3, "bagging_fraction": 0.7,
    "bagging_freq": 1, "lambda_l2": 5.0, "seed": 1, "num_threads": 1, "verbose": -1,
}  # fmt: skip
FEWEST_HEARD = 5  # notes of each player
KIND_ROUNDS, NOTE_ROUNDS = 160, 200


@dataclass(frozen=True)
class PlayersConfig:
    """What is learned from."""

    cache: Path
    scenes: Path
    sounds: Path
    valid: Path | None = None
    tower: Path = WEIGHTS  # checkpoint whose heads tell the notes of the scenes
    weights: Path = WEIGHTS  # folder to write to
    simulated: int = 4000
    seed: int = 3


class Timbres:
    """What the notes of known players are heard as."""

    def __init__(self, scenes: Sequence[Scene]) -> None:
        self.players: dict[int | str, list[tuple[np.ndarray, np.ndarray]]] = defaultdict(list)
        for scene in scenes:
            pitch = np.array([note.pitch for note in scene.notes])
            heard = np.array([(*note.families, *note.timbre) for note in scene.notes])
            for index, program in enumerate(scene.programs):
                own = scene.player == index
                if own.sum() >= player_scenes.SOLOIST_FEWEST:
                    self.players[program].append((pitch[own], heard[own]))
                    self.players[family(program)].append((pitch[own], heard[own]))

    def draw(self, rng: np.random.Generator, program: int, pitch: np.ndarray) -> np.ndarray | None:
        """(n, families + width) families and vectors of n notes of one player of a program, or of its family."""
        known = self.players.get(program) or self.players.get(family(program))
        if not known:
            return None
        own, heard = known[rng.integers(len(known))]
        apart = np.abs(own - pitch[:, None]) + rng.uniform(0, REACH, (len(pitch), len(own)))
        return heard[apart.argmin(axis=1)]


def simulated(config: PlayersConfig, timbres: Timbres) -> Iterator[Scene]:
    """Endless."""
    scenes = Scenes(config.cache, ("train",), config.sounds, "train", soundfonts.installed_fonts())
    rng = np.random.default_rng(config.seed)
    while True:
        kind, chords, played, _ = scenes.performed(rng)
        columns, behind = hear(rng, played)
        notes = played_notes(columns)
        part = np.full(len(behind), -1)
        of_note = dict(zip(played.note.tolist(), played.part.tolist(), strict=True))
        part[behind >= 0] = [of_note[n] for n in behind[behind >= 0].tolist()]
        source = np.where(part >= 0, part, rng.integers(0, len(played.programs), len(part)))
        found = [timbres.draw(rng, p, columns.pitch[source == i]) for i, p in enumerate(played.programs)]
        drawn = [one for one in found if one is not None]
        if len(notes) < player_scenes.FEWEST or len(drawn) < len(found):
            continue
        heard = np.zeros((len(notes), drawn[0].shape[1]))
        for index, one in enumerate(drawn):
            heard[source == index] = one
        named = rng.random() < NAMED
        told = [_told(note, row, named) for note, row in zip(notes, heard, strict=True)]
        yield Scene(told, part, len(played.programs) - chords, chords, kind, played.programs)


def _told(note: PlayedNote, heard: np.ndarray, named: bool) -> PlayedNote:
    """A note that sounds as ``heard`` (families + width); ``named``: of an engine that names a family and no more."""
    families, timbre = heard[: len(FAMILIES)], heard[len(FAMILIES) :]
    return replace(
        note, family=FAMILIES[int(families.argmax())], families=() if named else tuple(families.tolist()),
        timbre=() if named else tuple(timbre.tolist()),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Example:
    """What is learned from a scene."""

    weight: float
    whole: np.ndarray  # player_features.of_recording
    notes: np.ndarray  # (n, N) player_features.of_notes
    kind: int  # index in player_count.KINDS
    player: np.ndarray  # (n,) of each note


def example(scene: Scene, weight: float) -> Example | None:
    """None if it is a single line, which is told without learning, or hardly anything of a player is heard."""
    notes = cleaning.clean(scene.notes)
    counts = np.bincount(scene.player[scene.player >= 0], minlength=len(scene.programs))
    if len(notes) < player_scenes.FEWEST or counts.min() < FEWEST_HEARD or player_count.is_one_line(notes):
        return None
    music = player_features.heard(notes, cleaning.chords(notes))
    kind = (0 if scene.lines == 0 else 1) if scene.chords else 2
    of = {(n.onset, n.pitch): int(p) for n, p in zip(scene.notes, scene.player, strict=True)}
    player = np.array([of.get((notes[i].onset, notes[i].pitch), -1) for i in music.order])
    return Example(weight, player_features.of_recording(music), player_features.of_notes(music), kind, player)


def grown_soloist(examples: Sequence[Example]) -> lightgbm.Booster:
    """Trees that tell the notes of a soloist."""
    own = [(e, e.player >= 0) for e in examples if e.kind == player_count.KINDS.index("soloist with chords")]
    rows = np.concatenate([e.notes[known] for e, known in own])
    labels = np.concatenate([e.player[known] == 0 for e, known in own])
    weights = np.concatenate([np.full(int(known.sum()), e.weight) for e, known in own])
    return lightgbm.train(
        {"objective": "binary", **SETTINGS}, lightgbm.Dataset(rows, labels, weight=weights), NOTE_ROUNDS
    )


def kind_rows(examples: Sequence[Example], trees: lightgbm.Booster) -> np.ndarray:
    """What `player_count.kinds` reads of scenes that the trees did not grow on."""
    return np.array([
        np.concatenate([e.whole, soloist.summary(np.asarray(trees.predict(e.notes)))]) for e in examples
    ])  # fmt: skip


def main(config: PlayersConfig) -> Iterator[dict[str, float]]:
    """Grow and keep both sets of trees; yields figures."""
    tower = load_tower(config.tower)
    heard = list(player_scenes.load(config.scenes, tower))
    told = [one for scene in heard if (one := example(scene, HEARD_WEIGHT))]
    source, wanted = simulated(config, Timbres(heard)), len(told) + config.simulated
    while len(told) < wanted:
        if one := example(next(source), 1.0):
            told.append(one)
            if len(told) % 200 == 0:
                yield {"scenes": len(told)}
    halves = told[::2], told[1::2]
    rows = np.concatenate([kind_rows(a, grown_soloist(b)) for a, b in (halves, halves[::-1])])
    own = [*halves[0], *halves[1]]
    data = lightgbm.Dataset(rows, [e.kind for e in own], weight=[e.weight for e in own])
    of_kinds = {"objective": "multiclass", "num_class": len(player_count.KINDS), **SETTINGS}
    kinds = lightgbm.train(of_kinds, data, KIND_ROUNDS)
    weight_files.save(config.weights / "soloist.npz", arrays(grown_soloist(told)))
    weight_files.save(config.weights / "player_kinds.npz", arrays(kinds))
    if config.valid:
        yield from figures(player_scenes.load(config.valid, tower))


def figures(scenes: Iterable[Scene]) -> Iterator[dict[str, float]]:
    """How scenes are taken: right numbers of parts by kind, and notes at the right player."""
    taken: dict[str, list[float]] = defaultdict(list)
    for scene in scenes:
        notes = cleaning.clean(scene.notes)
        groups = cleaning.chords(notes)
        texture = player_count.texture(notes, groups)
        truth = player_count.Texture(scene.lines, scene.chords)
        name = "chords alone" if truth == (0, True) else "soloist" if truth.chords else f"{truth.lines} lines"
        taken[f"{name}: texture"].append(texture == truth)
        taken[f"{name}: parts"].append(sum(texture) == sum(truth))
        if truth.lines > 1 and not truth.chords:
            taken["lines: notes"].append(_cast_right(scene, notes, groups))
        if truth == (1, True):
            chosen = soloist.chosen(notes, groups)
            of = {(n.onset, n.pitch): int(p) for n, p in zip(scene.notes, scene.player, strict=True)}
            known = [(i, p) for i, n in enumerate(notes) if (p := of.get((n.onset, n.pitch), -1)) >= 0]
            taken["soloist: notes"].append(float(np.mean([(i in chosen) == (p == 0) for i, p in known])))
    for name in sorted(taken):
        yield {name: float(np.mean(taken[name])), "of": len(taken[name])}


def _cast_right(scene: Scene, notes: list[PlayedNote], groups: list[list[int]]) -> float:
    """Share of the notes of lines at the right player; which line is whose is matched as well as can be."""
    cast = casting.cast(notes, groups, scene.lines)
    of = {(n.onset, n.pitch): int(p) for n, p in zip(scene.notes, scene.player, strict=True)}
    pairs = [(cast[i], p) for i, n in enumerate(notes) if i in cast and (p := of.get((n.onset, n.pitch), -1)) >= 0]
    table = np.zeros((scene.lines, scene.lines))
    for said, true in pairs:
        table[said, true] += 1
    return float(table[linear_sum_assignment(-table)].sum() / max(len(pairs), 1))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cache", type=Path)
    parser.add_argument("scenes", type=Path)
    parser.add_argument("--sounds", type=Path, required=True)
    parser.add_argument("--valid", type=Path)
    parser.add_argument("--tower", type=Path, default=WEIGHTS)
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--simulated", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=3)
    for row in main(PlayersConfig(**vars(parser.parse_args()))):
        print(row, flush=True)
