"""Music Flamingo (Ghosh et al., 2025): Audio Flamingo 3 trained on music."""

from __future__ import annotations

from abcscribe.text_systems import processor_model
from abcscribe.text_systems.processor_model import ProcessorModel

NAME = "music-flamingo"


def check() -> None:
    """Raises MissingPackageError if a package is not installed."""
    processor_model.check(NAME)


def load(checkpoint: str = "") -> ProcessorModel:
    """The model of a folder or Hub name, by default the published one. Raises EngineError if it is not there."""
    return processor_model.load_family(NAME, checkpoint)
