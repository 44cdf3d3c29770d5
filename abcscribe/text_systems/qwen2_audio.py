"""Qwen2-Audio (Chu et al., 2024), the model of the origin's experiment: 25 audio tokens a second, 30 seconds."""

from __future__ import annotations

from abcscribe.text_systems import processor_model
from abcscribe.text_systems.processor_model import ProcessorModel

NAME = "qwen2-audio"


def check() -> None:
    """Raises MissingPackageError if a package is not installed."""
    processor_model.check(NAME)


def load(checkpoint: str = "") -> ProcessorModel:
    """The model of a folder or Hub name, by default the published one. Raises EngineError if it is not there."""
    return processor_model.load_family(NAME, checkpoint)
