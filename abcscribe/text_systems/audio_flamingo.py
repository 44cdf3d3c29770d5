"""Audio Flamingo 3 (Goel et al., 2025): Whisper's encoder trained on, and Qwen2.5."""

from __future__ import annotations

from abcscribe.text_systems import processor_model
from abcscribe.text_systems.processor_model import ProcessorModel

NAME = "audio-flamingo"


def check() -> None:
    """Raises MissingPackageError if a package is not installed."""
    processor_model.check(NAME)


def load(checkpoint: str = "") -> ProcessorModel:
    """The model of a folder or Hub name, by default the published one. Raises EngineError if it is not there."""
    return processor_model.load_family(NAME, checkpoint)
