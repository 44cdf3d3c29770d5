"""What the makers of training data and suites can be told. Imports nothing heavy: commands are made of these."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

GROUPS = {1: "one", 2: "two", 3: "three", 4: "four"}  # voices of a suite's clip -> folder


@dataclass(frozen=True)
class RenderConfig:
    """What ``abcscribe data render`` makes."""

    cache: Path = Path("data/notes.npz")  # note cache of abcscribe data scores
    out: Path = Path("data/clips")  # folder of clips to fill
    shards: int = 260  # of 128 training clips (22 minutes of sound, 22 MB) each
    valid_shards: int = 2  # of clips of the valid split
    seed: int = 1  # of all that is drawn
    jobs: int = os.cpu_count() or 1  # processes
    on: str = ""  # ray or ray://HOST:PORT: on the cores of a cluster, in place of processes; folders must be shared


@dataclass(frozen=True)
class SuiteConfig:
    """What ``abcscribe data suite`` makes."""

    cache: Path = Path("data/notes.npz")  # note cache of abcscribe data scores
    out: Path = Path("data/suite")  # folder to fill with recordings, scores and a manifest.csv
    clips: int = 320  # recordings
    seed: int = 1  # of all that is drawn
    samples: Path | None = None  # folder of sampled instruments that training never hears, instead of soundfonts
    sounds: Path | None = None  # bank of abcscribe data sounds, whose held-out instruments play instead of soundfonts
    split: str = "test"  # of the pieces: train, valid or test
    source: str = ""  # a collection whose licence keeps it out of training: its pieces instead of a split
    voices: tuple[int, ...] = tuple(GROUPS)  # numbers of lines of the clips, which come in turn
