"""A language model behind an audio tower (`abcscribe.text_systems.audio_text_model`): a recording -> ABC text.

What ``abcscribe train sft-text`` makes. It hears the first 25 seconds, the origin's length of a window.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from abcscribe import audio
from abcscribe.errors import EngineError
from abcscribe.extras import require

if TYPE_CHECKING:
    from abcscribe.text_systems.audio_text_model import AudioTextModel

SECONDS = 25.0


def check(name: str) -> None:
    """Raises MissingPackageError if a package is not installed."""
    require(f"The engine {name}", "hf", "torch", "transformers", "peft")


def load(name: str, checkpoint: str) -> AudioText:
    """The system with the model of a checkpoint. Raises as `load_model`."""
    return AudioText(load_model(name, checkpoint))


def load_model(name: str, checkpoint: str) -> AudioTextModel:
    """The model of a checkpoint, a folder or a Hub name. Raises EngineError if it, or a package, is not there."""
    check(name)
    if not checkpoint:
        raise EngineError(f"The engine {name} has no weights of its own; name a checkpoint: {name}:FOLDER")
    from abcscribe.text_systems.audio_text_model import AudioTextModel

    try:
        return AudioTextModel.from_pretrained(checkpoint)
    except OSError as error:
        raise EngineError(f"Cannot load {checkpoint}: {str(error).splitlines()[0]}") from error


class AudioText:
    """Writes ABC text for recordings."""

    def __init__(self, model: AudioTextModel) -> None:
        self.model = model

    def answer(self, path: Path, *, temperature: float, max_tokens: int, seed: int) -> str:
        """What the model writes. ``temperature`` 0: the likeliest token each time. Raises AudioError, OSError."""
        heard = self.model.hear(audio.load(path, end=SECONDS))
        return self.model.read(
            self.model.generate([heard], temperature=temperature, max_tokens=max_tokens, seed=seed)[0]
        )
