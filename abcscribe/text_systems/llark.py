"""A replica of LLark (Gardner et al., 2024), made by ``abcscribe train llark``: recording, question -> short answer.

As a system that transcribes it writes what it can be asked for, the header: metre, tempo, key, instruments and no note.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from abcscribe import audio
from abcscribe.text_systems import audio_text

if TYPE_CHECKING:
    from abcscribe.text_systems.audio_text_model import AudioTextModel

check = audio_text.check
SECONDS = 25.0  # of a recording that are heard
LONGEST = 24  # tokens of an answer
# Fields of a header and the question whose answer they are, in wordings of the training data (`corpora.questions`).
HEADER = {
    "M": "What is the time signature?", "Q": "What is the tempo of this recording?", "K": "What is the key?",
    "V": "Which instruments play?",
}  # fmt: skip


def load(name: str, checkpoint: str) -> Llark:
    """The system with the model of a checkpoint. Raises EngineError if it, or a package, is not there."""
    return Llark(audio_text.load_model(name, checkpoint))


class Llark:
    """Answers questions about recordings."""

    def __init__(self, model: AudioTextModel) -> None:
        self.model = model

    def ask(
        self, path: Path, *questions: str, temperature: float = 0.0, max_tokens: int = LONGEST, seed: int = 0
    ) -> list[str]:
        """An answer to each question; ``temperature`` 0: the likeliest token each time. Raises AudioError, OSError."""
        heard = self.model.hear(audio.load(path, end=SECONDS))
        prompts = [self.model.asked(question) for question in questions]
        rows = self.model.generate(
            [heard] * len(prompts), prompts, temperature=temperature, max_tokens=max_tokens, seed=seed
        )
        return [self.model.read(row).strip() for row in rows]

    def answer(self, path: Path, *, temperature: float, max_tokens: int, seed: int) -> str:
        """The header as ABC, with a bar of silence for each instrument. Raises AudioError, OSError."""
        said = self.ask(path, *HEADER.values(), temperature=temperature, max_tokens=LONGEST, seed=seed)
        return header_abc(*(said[list(HEADER).index(field)] for field in "MQKV"))


def header_abc(metre: str, tempo: str, key: str, instruments: str) -> str:
    """ABC of a header. An answer that is none leaves its field out."""
    fields = ["X:1"]
    if re.fullmatch(r"\d+/\d+", metre):
        fields.append(f"M:{metre}")
    if found := re.search(r"\d+", tempo):
        fields.append(f"Q:1/4={found.group()}")
    fields.append(f"K:{key}" if re.match(r"[A-G][b#]?\b", key) else "K:none")
    for number, name in enumerate(instruments.replace("\n", " ").split(", "), 1):
        fields += [f'V:{number} name="{name}"', "Z|]"]
    return "\n".join(fields) + "\n"
