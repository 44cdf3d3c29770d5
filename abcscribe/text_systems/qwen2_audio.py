"""Qwen2-Audio (Chu et al., 2024), the language model of the origin's experiment: recording and question -> ABC text.

Whisper's encoder, average pooling, a projector and Qwen, all from transformers: 25 audio tokens a second. It hears 30
seconds; what comes after them is left out. Zero-shot, or with what fine-tuning made of it.

The default weights (16 GB) are fetched from the Hugging Face Hub at first use; a folder or another name can be given.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from abcscribe import audio
from abcscribe.errors import EngineError
from abcscribe.extras import require

NAME = "Qwen/Qwen2-Audio-7B-Instruct"
QUESTION = (
    "Transcribe this recording in ABC notation. Write the fields X, T, M, L, Q and K, then the notes of each "
    "instrument in a voice V of its own. Answer with the ABC notation only."
)
TOP_P = 1.0  # the origin's 1.2 keeps everything too


def check() -> None:
    """Raises MissingPackageError if a package is not installed."""
    require("The engine qwen2-audio", "hf", "torch", "transformers")


def load(checkpoint: str = "") -> Qwen2Audio:
    """The model of a folder or Hub name, by default NAME. Raises EngineError if it, or a package, is not there."""
    check()
    from transformers import AutoProcessor, Qwen2AudioForConditionalGeneration

    name = checkpoint or NAME
    try:
        model = Qwen2AudioForConditionalGeneration.from_pretrained(name)
        return Qwen2Audio(model.eval(), AutoProcessor.from_pretrained(name))
    except OSError as error:
        raise EngineError(f"Cannot load Qwen2-Audio from {name}: {str(error).splitlines()[0]}") from error


class Qwen2Audio:
    """Writes text about recordings."""

    def __init__(self, model: Any, processor: Any, question: str = QUESTION) -> None:
        self.model, self.processor, self.question = model, processor, question
        self.sample_rate: int = processor.feature_extractor.sampling_rate
        self.seconds: float = processor.feature_extractor.chunk_length  # that it hears

    def answer(self, path: Path, *, temperature: float, max_tokens: int, seed: int) -> str:
        """The ABC text of its answer. ``temperature`` 0: the likeliest token each time. Raises AudioError, OSError."""
        waveform = audio.load(path, end=self.seconds, rate=self.sample_rate)
        return abc_part(self.write(waveform, temperature=temperature, max_tokens=max_tokens, seed=seed))

    def write(self, waveform: np.ndarray, *, temperature: float, max_tokens: int, seed: int) -> str:
        """The whole answer to a waveform, float32 (samples,)."""
        import torch

        inputs = self.inputs(waveform).to(self.model.device)
        sampling = {"do_sample": True, "temperature": temperature, "top_p": TOP_P, "top_k": 0}
        with torch.inference_mode(), torch.random.fork_rng():
            torch.manual_seed(seed)
            written = self.model.generate(
                **inputs, max_new_tokens=max_tokens, **(sampling if temperature > 0 else {"do_sample": False})
            )
        new = written[0, inputs["input_ids"].shape[1] :]
        return self.processor.tokenizer.decode(new, skip_special_tokens=True)

    def inputs(self, waveform: np.ndarray) -> Any:
        """What the model takes: ids with a place for each audio token, and the spectrogram."""
        asked = [{"type": "audio", "audio_url": "recording"}, {"type": "text", "text": self.question}]
        chat = [{"role": "user", "content": asked}]
        text = self.processor.apply_chat_template(chat, add_generation_prompt=True, tokenize=False)
        return self.processor(text=[text], audio=[waveform], sampling_rate=self.sample_rate, return_tensors="pt")


def abc_part(answer: str) -> str:
    """The ABC of an answer that talks around it: from the first ``X:`` to the end of its code block."""
    found = re.search(r"^[ \t]*X:.*?(?=^[ \t]*```|\Z)", answer, re.MULTILINE | re.DOTALL)
    return found.group() if found else answer
