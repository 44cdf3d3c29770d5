"""Systems that answer a recording with ABC text, by name. They need the extra ``hf``.

A system is a module with ``load(name, checkpoint) -> TextSystem`` and ``check(name)``, and one line in `TEXT_SYSTEMS`.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path
from typing import NamedTuple, Protocol


class TextSystem(Protocol):
    """Recording in, ABC text out."""

    def answer(self, path: Path, *, temperature: float, max_tokens: int, seed: int) -> str:
        """What the model writes about a recording.

        Args:
            path: any file that `abcscribe.audio` reads.
            temperature: 0 takes the likeliest token each time.
            max_tokens: longest answer.
            seed: of the sampling.

        Raises:
            AudioError, OSError: the recording cannot be read.
        """
        ...


class TextSystemInfo(NamedTuple):
    """Where a system is, and what to say of it."""

    module: str  # has load(name, checkpoint) -> TextSystem; raises EngineError, with the remedy, for what is missing
    summary: str  # one line for the user
    licence: str = ""  # of the published weights
    parameters: str = ""


PROCESSOR_MODEL = "abcscribe.text_systems.processor_model"
TEXT_SYSTEMS = {
    "audio-text": TextSystemInfo(
        "abcscribe.text_systems.audio_text",
        "any audio tower before any causal language model (needs a checkpoint)", "of its parts", "of its parts",
    ),
    "llark": TextSystemInfo(
        "abcscribe.text_systems.llark",
        "a replica of LLark (2024): answers questions, so the header only (needs a checkpoint)", "of its parts",
        "of its parts",
    ),
    "qwen2-audio": TextSystemInfo(
        PROCESSOR_MODEL, "Qwen2-Audio (2024), zero-shot or fine-tuned", "Apache-2.0", "8.4 B"
    ),
    "qwen2.5-omni": TextSystemInfo(PROCESSOR_MODEL, "Qwen2.5-Omni (2025), likewise", "Apache-2.0", "9 B"),
    "audio-flamingo": TextSystemInfo(PROCESSOR_MODEL, "Audio Flamingo 3 (2025), likewise", "non-commercial", "8 B"),
    "music-flamingo": TextSystemInfo(PROCESSOR_MODEL, "Music Flamingo (2025), likewise", "non-commercial", "8 B"),
    "voxtral": TextSystemInfo(PROCESSOR_MODEL, "Voxtral Mini (2025), likewise", "Apache-2.0", "4.7 B"),
}  # fmt: skip


def check(name: str) -> None:
    """Raise EngineError if a package that the system needs is not installed. Loads no weights."""
    import_module(TEXT_SYSTEMS[name].module).check(name)


@cache
def load(name: str, checkpoint: str = "") -> TextSystem:
    """The system, ready to run; loaded once in a process.

    Args:
        name: of `TEXT_SYSTEMS`.
        checkpoint: a folder or a name on the Hugging Face Hub; "" is the system's own weights, if it has any.

    Raises:
        EngineError: the checkpoint, or a package, is not there.
    """
    system: TextSystem = import_module(TEXT_SYSTEMS[name].module).load(name, checkpoint)
    return system
