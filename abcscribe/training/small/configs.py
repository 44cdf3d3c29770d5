"""The options of the small learners, and their list: ``abcscribe train small NAME``.

A learner is a module here with ``main(config)``, which fits the weights of one module of the product, writes them to
``config.weights`` and yields log entries. Imports nothing heavy. ``SMOKE`` are values of a run that ends within two
minutes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from abcscribe.model import WEIGHTS
from abcscribe.training.configs import HEARD, NOTES

EXAMPLES = Path("data/examples")


@dataclass(frozen=True)
class RhythmTables:
    """Probabilities of rhythms in each metre."""

    cache: Path = NOTES  # note cache of abcscribe data scores
    weights: Path = WEIGHTS  # folder to write to

    SMOKE: ClassVar[Mapping[str, Any]] = {}


@dataclass(frozen=True)
class BeatNetwork:
    """The position of an onset in the bar, from features of its chord."""

    cache: Path = NOTES  # note cache of abcscribe data scores
    heard: tuple[Path, ...] = (HEARD,)  # folders of abcscribe data listen
    examples: Path = EXAMPLES / "beat_network.npz"  # performances and windows: made if the file is not there
    weights: Path = WEIGHTS  # folder to write to
    performed: int = 20_000  # performances
    windows: int = 90_000  # of simulated hearing
    valid: int = 600  # performances and windows that are held out, for information only
    minutes: float = 23.0  # time budget of the training
    batch: int = 64  # examples a step of up to 48 chords; of longer ones fewer
    steps: int | None = None  # end earlier, after so many steps
    resume: bool = True  # begin with the existing weights, but for those of other metres
    compile: bool = True  # with torch.compile, which needs a C compiler and makes steps a third to a half faster
    threads: int = 1  # of the processor
    seed: int = 0  # of weights and order

    SMOKE: ClassVar[Mapping[str, Any]] = {
        "performed": 12, "windows": 12, "valid": 4, "minutes": 1.0, "steps": 3, "batch": 2,
        "compile": False,
    }  # fmt: skip


@dataclass(frozen=True)
class MetreChoice:
    """The metre, from the best placing in each."""

    cache: Path = NOTES  # note cache of abcscribe data scores
    heard: tuple[Path, ...] = (HEARD,)  # folders of abcscribe data listen-clips
    examples: Path = EXAMPLES / "metre_choice.npz"  # made if the file is not there, a dozen a second
    weights: Path = WEIGHTS  # folder to write to
    lines: int = 25_000  # excerpts of pieces as they come, most of them tunes
    players: int = 9_500  # excerpts of two to four lines
    short: int = 2_000  # excerpts of a few chords
    valid: int = 1_500  # excerpts of the valid split
    rounds: int = 450  # trees for each class
    seed: int = 1  # another gives other excerpts
    beside: float = 0.0  # weight of the existing trees in the mean with the new ones; 0: they are replaced

    SMOKE: ClassVar[Mapping[str, Any]] = {"lines": 8, "players": 4, "short": 2, "valid": 4, "rounds": 3}


@dataclass(frozen=True)
class Downbeats:
    """Which beat is the downbeat."""

    cache: Path = NOTES  # note cache of abcscribe data scores
    examples: Path = EXAMPLES / "downbeats.npz"  # made if the file is not there, ten a second
    weights: Path = WEIGHTS  # folder to write to
    lines: int = 8_000  # excerpts of pieces as they come, most of them tunes
    players: int = 4_000  # excerpts of two to four lines
    valid: int = 1_500  # excerpts of the valid split
    rounds: int = 140  # trees
    seed: int = 1  # another gives other excerpts

    SMOKE: ClassVar[Mapping[str, Any]] = {"lines": 8, "players": 4, "valid": 4, "rounds": 3}


@dataclass(frozen=True)
class Keys:
    """Log-probabilities of the keys."""

    cache: Path = NOTES  # note cache of abcscribe data scores
    weights: Path = WEIGHTS  # folder to write to
    windows: int = 40_000  # as the language model is trained on; with the excerpts they need 4 GB
    excerpts: int = 24_000  # as the suites of abcscribe evaluate have them
    valid: int = 2_000  # windows, and as many excerpts, of the valid split
    steps: int = 4_000  # of 512 examples
    seed: int = 0  # of the weights

    SMOKE: ClassVar[Mapping[str, Any]] = {"windows": 100, "excerpts": 60, "valid": 20, "steps": 20}


@dataclass(frozen=True)
class PlayerCount:
    """The number of players, and whether one of them plays chords."""

    cache: Path = NOTES  # note cache of abcscribe data scores
    heard: tuple[Path, ...] = (HEARD,)  # folders of abcscribe data listen and listen-clips, of the train split
    held_out: Path = Path("data/heard-valid")  # the same of the valid split
    weights: Path = WEIGHTS  # folder to write to
    windows: int = 700  # of simulated hearing besides, which is less like the tower in dense music
    steps: int = 1_500  # of 128 examples
    seed: int = 0  # of the weights

    SMOKE: ClassVar[Mapping[str, Any]] = {"windows": 30, "steps": 20}


@dataclass(frozen=True)
class NoteConfidence:
    """Which candidate notes of the tower's activity were played."""

    clips: Path = Path("data/clips")  # folder of abcscribe data render
    weights: Path = WEIGHTS  # folder to write to; it holds the tower, too
    count: int = 3_000  # clips of the train split, and as many of the valid split at most
    steps: int = 6_000  # of 512 notes
    seed: int = 0  # of the weights

    SMOKE: ClassVar[Mapping[str, Any]] = {"count": 20, "steps": 20}


@dataclass(frozen=True)
class BarConfidence:
    """Note confidences of an engine -> the confidence of a bar."""

    fit: Path = Path("data/suites/rendered-valid")  # suite to fit on: abcscribe evaluate makes it
    check: tuple[Path, ...] = ()  # further suites, for information only
    engine: tuple[str, ...] = ("abcscribe",)  # engines, each fitted by itself
    clips: int = 160  # of each suite
    weights: Path = WEIGHTS  # folder to write to; entries of other engines in the file are kept

    SMOKE: ClassVar[Mapping[str, Any]] = {"clips": 4}


@dataclass(frozen=True)
class Timbre:
    """The confusion matrix of instrument families."""

    heard: tuple[Path, ...] = (Path("data/heard-valid"),)  # folders of abcscribe data listen-clips
    weights: Path = WEIGHTS  # folder to write to

    SMOKE: ClassVar[Mapping[str, Any]] = {}


@dataclass(frozen=True)
class NoteUnit:
    """Whether music is printed in quarters or eighths."""

    cache: Path = NOTES  # note cache of abcscribe data scores
    weights: Path = WEIGHTS  # folder to write to
    rounds: int = 260  # trees
    seed: int = 1  # of the excerpts

    SMOKE: ClassVar[Mapping[str, Any]] = {"rounds": 3}


@dataclass(frozen=True)
class Hands:
    """Which hand plays a note of a keyboard part, and in which voice."""

    cache: Path = NOTES  # note cache of abcscribe data scores
    weights: Path = WEIGHTS  # folder to write to
    minutes: float = 25.0  # time budget of the training
    batch: int = 16  # excerpts a step
    steps: int | None = None  # end earlier, after so many steps
    threads: int = 1  # of the processor
    seed: int = 1  # of weights and excerpts

    SMOKE: ClassVar[Mapping[str, Any]] = {"minutes": 1.0, "steps": 3, "batch": 2}


@dataclass(frozen=True)
class Harmony:
    """Chord symbols: which tones sound under a chord, and which chords follow."""

    cache: Path = NOTES  # note cache of abcscribe data scores
    weights: Path = WEIGHTS  # folder to write to
    pieces: int = 450  # of the train split that have chords
    valid: int = 200  # of the valid split, for information only
    seed: int = 1  # of the pieces, their performances and mistakes

    SMOKE: ClassVar[Mapping[str, Any]] = {"pieces": 4, "valid": 2}


@dataclass(frozen=True)
class Learner:
    """One of LEARNERS."""

    name: str
    config: type
    module: str  # in this package
    file: str  # in the folder of weights
    needs: tuple[str, ...] = ("torch", "scipy", "soundfile")  # modules of the extra "train" that it imports

    @property
    def summary(self) -> str:
        """What the learner fits, in a line."""
        return (self.config.__doc__ or "").strip()


TREES = ("lightgbm", "torch", "scipy", "soundfile")
LEARNERS = {
    learner.name: learner
    for learner in (
        Learner("rhythm-tables", RhythmTables, "rhythm_tables", "rhythm_tables.npz", ()),
        Learner("beat-network", BeatNetwork, "beat_network", "beat_network.npz"),
        Learner("metre-choice", MetreChoice, "metre_choice", "metre_choice.npz", TREES),
        Learner("downbeats", Downbeats, "downbeats", "downbeats.npz", TREES),
        Learner("keys", Keys, "keys", "keys.npz"),
        Learner("player-count", PlayerCount, "player_count", "player_count.npz"),
        Learner("note-confidence", NoteConfidence, "note_confidence", "note_confidence.npz", ("torch",)),
        Learner("bar-confidence", BarConfidence, "bar_confidence", "bar_confidence.json", ("scipy", "rapidfuzz")),
        Learner("note-unit", NoteUnit, "note_unit", "note_unit.npz", ("lightgbm",)),
        Learner("hands", Hands, "hands", "hands.npz", ("torch",)),
        Learner("harmony", Harmony, "harmony", "harmony.npz", ()),
        Learner("timbre", Timbre, "timbre", "timbre.json", ("soundfile", "scipy", "rapidfuzz")),
    )
}
