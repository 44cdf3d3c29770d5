"""Prompts of Voxtral (Liu et al., 2025): Whisper's encoder, of which four frames are joined, and a Llama.

The processor of transformers takes sound only as a file in a chat, through mistral-common. This one takes waveforms, as
those of the other families do, and makes the same ids and spectrograms: ``<s>[INST][BEGIN_AUDIO]``, an ``[AUDIO]`` for
each of 12.5 a second, the question, ``[/INST]``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

AUDIO = "[AUDIO]"
MARKS = re.compile(r"(<s>|\[INST\]|\[BEGIN_AUDIO\]|\[AUDIO\]|\[/INST\])")
FRAMES = 8  # of the spectrogram that become one audio token: the encoder halves them, the projector joins four


class VoxtralPrompts:
    """What `abcscribe.text_systems.processor_model` asks of a processor."""

    def __init__(self, processor: Any) -> None:
        self.processor = processor
        self.feature_extractor, self.tokenizer = processor.feature_extractor, processor.tokenizer

    def apply_chat_template(self, chat: Sequence[dict[str, Any]], **settings: Any) -> str:
        """One question about one recording, with one place for the sound."""
        (message,) = chat
        question = "".join(part["text"] for part in message["content"] if part["type"] == "text")
        return f"<s>[INST][BEGIN_AUDIO]{AUDIO}{question}[/INST]"

    def __call__(
        self, text: Sequence[str], audio: Sequence[np.ndarray], sampling_rate: int, **settings: Any
    ) -> Any:  # BatchFeature
        """Ids, padded on the left, and the spectrograms of all windows of all recordings."""
        import torch
        from transformers import BatchFeature

        heard = [self._windows(waveform, sampling_rate) for waveform in audio]
        rows = [self._ids(prompt, len(windows)) for prompt, windows in zip(text, heard, strict=True)]
        longest, pad = max(map(len, rows)), self.tokenizer.pad_token_id
        pad = self.tokenizer.eos_token_id if pad is None else pad
        ids = torch.tensor([[pad] * (longest - len(row)) + row for row in rows])
        mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in rows])
        return BatchFeature({"input_ids": ids, "attention_mask": mask, "input_features": torch.cat(heard)})

    def _windows(self, waveform: np.ndarray, rate: int) -> Any:
        """(windows, mel bins, frames): sound is padded to whole windows of the encoder."""
        window = self.feature_extractor.n_samples
        made = self.feature_extractor(
            waveform, sampling_rate=rate, padding=True, truncation=False, pad_to_multiple_of=window, return_tensors="pt"
        )
        (mel,) = made.input_features
        return mel.reshape(len(mel), -1, self.feature_extractor.nb_max_frames).transpose(0, 1)

    def _ids(self, prompt: str, windows: int) -> list[int]:
        """Marks are single ids, which no tokenizer makes of text; the sound's is repeated for what is heard."""
        count = windows * self.feature_extractor.nb_max_frames // FRAMES
        ids: list[int] = []
        for part in MARKS.split(prompt):
            if MARKS.fullmatch(part):
                ids += [self.tokenizer.convert_tokens_to_ids(part)] * (count if part == AUDIO else 1)
            elif part:
                ids += self.tokenizer(part, add_special_tokens=False).input_ids
        return ids

    def save_pretrained(self, folder: Path | str) -> None:
        """Write the processor that it was made of."""
        self.processor.save_pretrained(folder)
