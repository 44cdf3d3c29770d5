"""Small things of the MT3 family to test with."""

import dataclasses

import numpy as np
import torch
from hypothesis import strategies as st

from abcscribe.hearing.mt3.config import NetworkConfig, preset
from abcscribe.hearing.mt3.network import Transcriber
from abcscribe.hearing.mt3.vocabulary import SYSTEMS, System
from abcscribe.score.model import PlayedNote


def note(
    onset: float, offset: float, pitch: int, program: int | None = 0, velocity: int = 100, drum: bool = False
) -> PlayedNote:
    return PlayedNote(onset, offset, pitch, velocity, program=program, drum=drum)


def tiny_system(name: str = "mt3", frames: int = 25, target_length: int = 24) -> System:
    """A published system with short segments; 25 frames are 20 steps exactly."""
    memory = 6 if SYSTEMS[name].memory else 0
    return dataclasses.replace(SYSTEMS[name], segment_frames=frames, target_length=target_length, memory=memory)


def tiny_config(name: str = "mt3", frames: int = 25, target_length: int = 24) -> NetworkConfig:
    return dataclasses.replace(preset(name, "tiny"), system=tiny_system(name, frames, target_length), decoder_layers=2)


def tiny_network(name: str = "mt3", frames: int = 25, target_length: int = 24) -> Transcriber:
    torch.manual_seed(5)
    return Transcriber(tiny_config(name, frames, target_length)).eval()


def noise_frames(batch: int, frames: int = 25) -> np.ndarray:
    return np.random.default_rng(3).standard_normal((batch, frames, 512)).astype(np.float32)


@st.composite
def performances(draw: st.DrawFn, programs: tuple[int, ...] = (0, 40), longest: float = 2.0) -> list[PlayedNote]:
    """Notes on a grid of 10 ms; per pitch and program they do not overlap; drums too."""
    notes = []
    for program in programs:
        for pitch in draw(st.sets(st.integers(30, 90), max_size=3)):
            times = sorted(draw(st.sets(st.integers(0, round(100 * longest)), max_size=6)))
            notes += [
                note(begin / 100, end / 100, pitch, program)
                for begin, end in zip(times[::2], times[1::2], strict=False)
            ]
    for step in draw(st.sets(st.integers(0, round(100 * longest)), max_size=3)):
        notes.append(note(step / 100, step / 100 + 0.1, draw(st.sampled_from((36, 38))), None, drum=True))
    return notes
