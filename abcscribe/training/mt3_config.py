"""What a training run of the MT3 family does. Imports nothing heavy: the command line takes its defaults from here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Mt3Training:
    """Settings of a run. Budgets are of all runs of a folder together."""

    recordings: Path  # folder of abcscribe data record
    out: Path  # checkpoint folder: model.safetensors, state.pt, log.jsonl
    system: str = "mt3"  # a name of vocabulary.SYSTEMS
    size: str = "published"  # a name of config.SIZES
    start: Path | None = None  # checkpoint whose weights a new run begins with
    segment_frames: int | None = None  # None: as published
    target_length: int | None = None  # None: as published
    minutes: float = 60.0  # time budget
    steps: int | None = None  # end earlier, after so many steps
    batch: int = 16  # segments a process and step
    rate: float = 1e-3  # peak learning rate
    warmup: int = 300  # steps
    decay_share: float = 0.3  # of the budget, at its end, over which the learning rate is let down
    pitch_weight: float = 0.2  # of the encoder's pitch loss; 0: as published
    alignment_weight: float = 0.5  # of the loss of the head that is told where to look; 0: as published
    blurred_steps: int = 2  # to each side, over which the target of a time is spread; 0: as published
    valid_recordings: int = 24
    valid_minutes: float = 6.0  # between two looks at the validation split
    checkpoint_minutes: float = 4.0
    device: str = "auto"  # device of torch: cpu, cuda, cuda:1; auto: cuda if there is one
    threads: int = 1
    seed: int = 1


# "small" learns single lines on one core in about an hour; "smoke" only shows that all works, in less than two minutes.
PRESETS: dict[str, dict[str, Any]] = {
    "published": {},
    "small": {"size": "small", "segment_frames": 128, "target_length": 256},
    "smoke": {
        "size": "tiny", "segment_frames": 64, "target_length": 48, "steps": 40, "minutes": 1.0, "batch": 8,
        "warmup": 10, "valid_recordings": 2,
    },
}  # fmt: skip
