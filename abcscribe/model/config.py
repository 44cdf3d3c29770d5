"""Sizes of the networks. A checkpoint contains its config, so that it can be loaded without other information."""

from __future__ import annotations

from dataclasses import dataclass

from abcscribe.score.instruments import FAMILIES
from abcscribe.spectrogram import BINS, PITCHES

FRAMES_PER_TOKEN = 4  # 15.6 embeddings a second
WINDOW_FRAMES = 640  # 10.24 s: what the tower is trained on and what the runtime feeds it


@dataclass(frozen=True)
class AudioTowerConfig:
    """Sizes of model.audio_tower.AudioTower."""

    bins: int = BINS
    pitches: int = PITCHES
    families: int = len(FAMILIES)
    harmonics: tuple[float, ...] = (0.5, 1, 2, 3, 4, 5, 6, 7)  # partials stacked as input channels of a pitch
    channels: int = 64
    blocks: int = 2  # residual convolutions on the grid of tokens x pitches
    shared: int = 8  # channels exchanged between pitches that share partials
    squeezed: int = 16  # channels at the transformer's input and output, per token and pitch
    width: int = 256  # of an embedding
    layers: int = 3  # transformer layers over time
    heads: int = 4
    # Heads that a tower may lack: 0 is none. A checkpoint from before them says nothing of them, and has none.
    programs: int = 0  # `tower_classes.PROGRAMS`: instruments told apart within their families
    player: int = 0  # width of the vector that says which notes one player plays; with programs or not at all
    drums: int = 0  # `tower_classes.DRUMS`: kinds of drum hits
    tuning: int = 0  # 2: where between the semitones the recording is tuned, as cosine and sine


@dataclass(frozen=True)
class NoteProjectorConfig:
    """Sizes of model.note_projector.NoteProjector."""

    analysis: int  # columns of `abcscribe.analysis.analysis_features` that it was trained with
    width: int = 256
    layers: int = 3  # transformer layers over the notes, in both directions
    heads: int = 4
    dropout: float = 0.0


@dataclass(frozen=True)
class LanguageModelConfig:
    """Sizes of model.language_model.LanguageModel."""

    vocabulary: int
    width: int = 256
    layers: int = 6
    heads: int = 4
    dropout: float = 0.0


@dataclass(frozen=True)
class FrameProjectorConfig:
    """Sizes of text_systems.frame_projector.FrameProjector."""

    frame_width: int  # of the tower's frames
    width: int  # of the language model's token vectors
    frames: int = 4  # neighbours that become one soft token
    join: str = "stack"  # "stack": side by side; "mean": averaged, as LLark does
    hidden: int = 0  # of an MLP; 0: one linear map
