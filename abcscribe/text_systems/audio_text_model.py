"""Any audio tower + any Hugging Face causal language model that writes text: LLaVA's, LLark's and Qwen2-Audio's shape.

A row is: prompt up to its ``<audio>`` | soft tokens | rest of the prompt | answer, end of text; the loss is taken on
the answer only. The language model keeps its tokenizer and its weights; what is trained is the projector and, if
wanted, LoRA matrices. A checkpoint holds those and names the rest.

This is a second class beside `ScoreLanguageModel`, with the same method names, rather than a base of both: there,
notes with places in time enter a decoder with three axes of positions and tokens of the score leave; here, frames enter
and text leaves, and transformers runs the layers. They would share the few lines of save_pretrained.

Needs ``abcscribe[hf]``. Knows no music.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn.utils.rnn import pad_sequence

from abcscribe import hub
from abcscribe.errors import EngineError
from abcscribe.extras import require
from abcscribe.files import write_text
from abcscribe.model.config import FrameProjectorConfig
from abcscribe.model.score_language_model import IGNORED
from abcscribe.text_systems.feature_towers import FeatureTower, load_feature_tower
from abcscribe.text_systems.frame_projector import FrameProjector

AUDIO = "<audio>"  # where the soft tokens stand in a prompt
FORMS = ("chat", "llark")  # of a question: the tokenizer's chat form, or LLark's

CARD = """\
---
library_name: abcscribe
pipeline_tag: audio-text-to-text
base_model: {base}
tags: [music-transcription, abc-notation]
---
# {title}

Hears a recording through the audio tower `{tower}` and writes with `{base}`, of which {trained}.
The prompt, in which `<audio>` stands for {frames} frames of the tower a soft token, is

    {prompt}

`AudioTextModel.from_pretrained(folder)` of `abcscribe.text_systems.audio_text_model` loads it.
"""


@dataclass(frozen=True)
class AudioTextModelConfig:
    """What a model is made of."""

    base: str  # language model: folder, .gguf file, or name on the Hugging Face Hub
    projector: FrameProjectorConfig
    prompt: str  # contains AUDIO once
    audio_tower: str = ""  # for load_feature_tower; "": the caller brings a tower, or features
    lora_rank: int = 0  # 0: the language model is frozen
    form: str = "chat"  # of questions, in FORMS
    precision: str = "float32"  # of the language model's weights, a name of torch's types


class AudioTextModel(nn.Module):
    """``audio_tower``, ``projector``, ``language_model`` and its ``tokenizer``."""

    language_model: Any  # of transformers, perhaps in peft's wrapping: neither is typed for what is called here

    def __init__(
        self,
        config: AudioTextModelConfig,
        audio_tower: FeatureTower | None,
        projector: FrameProjector,
        language_model: nn.Module,
        tokenizer: Any,
    ) -> None:
        super().__init__()
        self.config, self.tokenizer = config, tokenizer
        self.audio_tower, self.projector, self.language_model = audio_tower, projector, language_model

    @classmethod
    def compose(cls, config: AudioTextModelConfig, audio_tower: FeatureTower | None = None) -> AudioTextModel:
        """A model with a new projector and, if the config says so, new LoRA matrices on all linear layers.

        ``audio_tower``: instead of the one that the config names. Raises OSError if the language model is not found.
        """
        from peft import LoraConfig, get_peft_model

        language_model, tokenizer = load_base(config.base, config.precision)
        rms = float(language_model.get_input_embeddings().weight.detach().float().square().mean().sqrt())
        if config.lora_rank:
            lora = LoraConfig(r=config.lora_rank, lora_alpha=2 * config.lora_rank, target_modules="all-linear")
            language_model = get_peft_model(language_model, lora)
        return cls(
            config, _tower(config, audio_tower), FrameProjector(config.projector, rms), language_model, tokenizer
        )

    def forward(
        self, features: Sequence[Any], answers: Sequence[Sequence[int]], prompts: Sequence[str] | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits of the answers' tokens, for `answer_loss`.

        Args:
            features: (frames, frame width) of each row.
            answers: ids of each row, see ``answer_ids``.
            prompts: by default the config's.
        Returns:
            logits (rows, tokens, vocabulary); targets (rows, tokens), IGNORED before the shorter answers.
        """
        vectors, mask = self._rows(features, prompts, answers)
        longest = max(len(answer) for answer in answers)
        logits = self.language_model(
            inputs_embeds=vectors,
            attention_mask=mask,
            position_ids=(mask.cumsum(1) - 1).clamp(min=0),
            logits_to_keep=longest + 1,  # the prompt's would be most of the memory
        ).logits[:, :-1]
        ids = [torch.tensor(answer, device=vectors.device) for answer in answers]
        return logits, pad_sequence(ids, batch_first=True, padding_value=IGNORED, padding_side="left")

    def hear(self, waveform: np.ndarray) -> torch.Tensor:
        """Waveform (samples,) float32, 16 kHz -> (frames, frame width) of the audio tower."""
        if self.audio_tower is None:
            raise ValueError("this model has no audio tower: give it one, or features")
        return torch.as_tensor(self.audio_tower(waveform))

    def soft_tokens(self, features: Any) -> torch.Tensor:
        """(frames, frame width) -> (soft tokens, width), of the language model's type and on its device."""
        embedding = self.language_model.get_input_embeddings().weight
        frames = torch.as_tensor(features).to(embedding.device, self.projector.out.weight.dtype)
        return self.projector(frames).to(embedding.dtype)

    def asked(self, question: str, audio_first: bool = True) -> str:
        """A prompt with a question, in the form of the config. The chat form has the sound first in any case."""
        return prompt_in(self.config.form, self.tokenizer, question, audio_first)

    def answer_ids(self, text: str) -> list[int]:
        """A text as an answer: its tokens, then the end of text."""
        return [*self._ids(text), self.tokenizer.eos_token_id]

    @torch.no_grad()
    def generate(
        self,
        features: Sequence[Any],
        prompts: Sequence[str] | None = None,
        *,
        temperature: float = 0.0,
        top_p: float = 1.0,
        max_tokens: int = 1024,
        seed: int = 0,
    ) -> list[list[int]]:
        """Ids of one answer to each row of features, without the end of text; ``temperature`` 0: the likeliest token.

        ``read`` makes a text of them; ``forward`` gives their log-probabilities.
        """
        vectors, mask = self._rows(features, prompts, [[]] * len(features))
        sampling = {"do_sample": True, "temperature": temperature, "top_p": min(top_p, 1.0), "top_k": 0}
        end = self.tokenizer.eos_token_id
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            rows = self.language_model.generate(
                inputs_embeds=vectors,
                attention_mask=mask,
                max_new_tokens=max_tokens,
                eos_token_id=end,
                pad_token_id=end,
                **(sampling if temperature > 0 else {"do_sample": False}),
            ).tolist()
        return [row[: row.index(end)] if end in row else row for row in rows]

    def read(self, ids: Sequence[int]) -> str:
        """The text of an answer."""
        return self.tokenizer.decode(ids, skip_special_tokens=True)

    def save_pretrained(self, folder: Path | str) -> None:
        """Write what was trained, ready for the Hub: ``config.json``, ``model.safetensors`` (the projector),
        ``adapter/`` (LoRA, in peft's format) and a card, ``README.md``, unless there is one."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        write_text(folder / "config.json", json.dumps(asdict(self.config), indent=1))
        save_file({name: t.contiguous() for name, t in self.projector.state_dict().items()}, folder / "model.tmp")
        (folder / "model.tmp").replace(folder / "model.safetensors")
        if self.config.lora_rank:
            self.language_model.save_pretrained(folder / "adapter.tmp", save_embedding_layers=False)
            (folder / "adapter").mkdir(exist_ok=True)
            for part in (folder / "adapter.tmp").iterdir():
                part.replace(folder / "adapter" / part.name)
            (folder / "adapter.tmp").rmdir()
        if not (folder / "README.md").exists():
            write_text(folder / "README.md", self._card(folder.name))

    @classmethod
    def from_pretrained(
        cls, name: Path | str, audio_tower: FeatureTower | None = None, trainable: bool = False
    ) -> AudioTextModel:
        """The model of a folder that ``save_pretrained`` wrote, or of a name of `abcscribe.hub`, in evaluation mode.

        ``audio_tower``: instead of the one that the config names. ``trainable``: whether LoRA matrices are to be
        trained on. Raises OSError if a part is not found.
        """
        from peft import PeftModel

        folder = hub.local(name)
        stored = json.loads((folder / "config.json").read_text())
        config = AudioTextModelConfig(**stored | {"projector": FrameProjectorConfig(**stored["projector"])})
        projector = FrameProjector(config.projector)
        projector.load_state_dict(load_file(folder / "model.safetensors"))
        language_model, tokenizer = load_base(config.base, config.precision)
        if config.lora_rank:
            language_model = PeftModel.from_pretrained(language_model, folder / "adapter", is_trainable=trainable)
        return cls(config, _tower(config, audio_tower), projector, language_model, tokenizer).eval()

    def _rows(
        self, features: Sequence[Any], prompts: Sequence[str] | None, answers: Sequence[Sequence[int]]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Vectors (rows, length, width) and mask (rows, length), padded on the left: all rows end together."""
        embed = self.language_model.get_input_embeddings()
        rows = []
        prompts = prompts or [self.config.prompt] * len(features)
        for frames, prompt, answer in zip(features, prompts, answers, strict=True):
            before, after = prompt.split(AUDIO)
            start = self.tokenizer.bos_token or ""
            head = self._ids(before if before.startswith(start) else start + before)
            left, right = (
                embed(torch.tensor(ids, dtype=torch.long, device=embed.weight.device))
                for ids in (head, [*self._ids(after), *answer])
            )
            rows.append(torch.cat([left, self.soft_tokens(frames), right]))
        mask = [torch.ones(len(row), dtype=torch.long, device=row.device) for row in rows]
        pad: dict[str, Any] = {"batch_first": True, "padding_side": "left"}
        return pad_sequence(rows, **pad), pad_sequence(mask, **pad)

    def _ids(self, text: str) -> list[int]:
        return self.tokenizer(text, add_special_tokens=False).input_ids

    def _card(self, title: str) -> str:
        c = self.config
        trained = f"LoRA matrices of rank {c.lora_rank} were trained" if c.lora_rank else "nothing was changed"
        prompt = c.prompt.replace("\n", "\n    ")
        tower = c.audio_tower or "(not named)"
        return CARD.format(
            title=title, base=c.base, tower=tower, trained=trained, frames=c.projector.frames, prompt=prompt
        )


def chat_prompt(tokenizer: Any, question: str) -> str:
    """A prompt with the audio before the question, in the chat form of the tokenizer if it has one."""
    if not tokenizer.chat_template:
        return f"{AUDIO}\n{question}\n"
    message = {"role": "user", "content": f"{AUDIO}\n{question}"}
    return tokenizer.apply_chat_template([message], tokenize=False, add_generation_prompt=True)


def prompt_in(form: str, tokenizer: Any, question: str, audio_first: bool = True) -> str:
    """A prompt with a question, in a form of `FORMS`. Raises EngineError if there is no such form.

    LLark's (Gardner et al., 2024) is here without its marks around the sound, which are new words there, of a language
    model that is trained as a whole.
    """
    if form == "chat":
        return chat_prompt(tokenizer, question)
    if form != "llark":
        raise EngineError(f"There is no form of questions {form!r}; there are {', '.join(FORMS)}.")
    first, second = (AUDIO, question) if audio_first else (question, AUDIO)
    return f"### Human: {first}\n{second}\n### Assistant: "


def load_base(name: str, precision: str = "float32") -> tuple[Any, Any]:
    """A causal language model, frozen, and its tokenizer.

    Args:
        name: folder, .gguf file (it is unpacked, and needs the package gguf), or name on the Hugging Face Hub.
        precision: of the weights, a name of torch's types.

    Raises:
        OSError: it is not there.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    where = base_files(name)
    packed: dict[str, Any] = {"quantization_config": GgufConfig(dequantize=True)} if "gguf_file" in where else {}
    model = AutoModelForCausalLM.from_pretrained(**where, **packed, dtype=precision)
    return model.requires_grad_(False), AutoTokenizer.from_pretrained(**where)


def base_files(name: str) -> dict[str, Any]:
    """Where transformers finds the parts of a language model.

    Raises MissingPackageError if gguf is not installed, EngineError if a name of the Hub has no commit.
    """
    if not name.endswith(".gguf"):
        return hub.pinned(name)
    require(f"The language model {name}", "hf", "gguf")
    return {"pretrained_model_name_or_path": str(Path(name).parent), "gguf_file": Path(name).name}


def _tower(config: AudioTextModelConfig, given: FeatureTower | None) -> FeatureTower | None:
    return given or (load_feature_tower(config.audio_tower) if config.audio_tower else None)
