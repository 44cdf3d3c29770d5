"""Audio language models of transformers, whose processor takes text and sound together: recording, question -> ABC.

One socket for Qwen2-Audio, the origin's model, and its successors: `FAMILIES`. Zero-shot, or with what fine-tuning made
of them: a folder that ``abcscribe train sft-text --system`` wrote holds LoRA matrices and the name of their base.

Weights are fetched from the Hugging Face Hub at first use, of a pinned commit; a folder or another pinned name can be
given.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from abcscribe import audio, hub
from abcscribe.errors import EngineError
from abcscribe.extras import require
from abcscribe.text_systems.voxtral import VoxtralPrompts

QUESTION = (
    "Transcribe this recording in ABC notation. Write the fields X, T, M, L, Q and K, then the notes of each "
    "instrument in a voice V of its own. Answer with the ABC notation only."
)
TOP_P = 1.0  # the origin's 1.2 keeps everything too
ADAPTER = "adapter_config.json"  # of peft: what makes a folder one of LoRA matrices
# LoRA on the language model only: a bare list of names also hits the audio tower, whose layers are called alike.
LORA = r"(?!.*(audio|visual)).*\.(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj)"


class Family(NamedTuple):
    """A kind of model."""

    title: str
    model: str  # class of transformers
    hub: str  # published weights
    seconds: float  # of a recording that are heard


FAMILIES = {
    "qwen2-audio": Family(
        "Qwen2-Audio", "Qwen2AudioForConditionalGeneration",
        "Qwen/Qwen2-Audio-7B-Instruct@0a095220c30b7b31434169c3086508ef3ea5bf0a", 30.0,
    ),
    "qwen2.5-omni": Family(
        "Qwen2.5-Omni", "Qwen2_5OmniThinkerForConditionalGeneration",
        "Qwen/Qwen2.5-Omni-7B@ae9e1690543ffd5c0221dc27f79834d0294cba00", 120.0,
    ),
    "audio-flamingo": Family(
        "Audio Flamingo 3", "AudioFlamingo3ForConditionalGeneration",
        "nvidia/audio-flamingo-3-hf@1b7715c1cbdfcaa5042e79cc3c814f6625681cc7", 120.0,
    ),
    "music-flamingo": Family(
        "Music Flamingo", "MusicFlamingoForConditionalGeneration",
        "nvidia/music-flamingo-hf@e29cfe92e682616f8f8014c60b2c5d17a37d4e33", 120.0,
    ),
    "voxtral": Family(
        "Voxtral", "VoxtralForConditionalGeneration",
        "mistralai/Voxtral-Mini-3B-2507@3060fe34b35ba5d44202ce9ff3c097642914f8f3", 120.0,
    ),
}  # fmt: skip


def check(name: str) -> None:
    """Raises MissingPackageError if a package is not installed, EngineError if transformers has no such class."""
    require(f"The engine {name}", "hf", "torch", "transformers")
    import transformers

    if not hasattr(transformers, FAMILIES[name].model):
        raise EngineError(
            f"transformers {transformers.__version__} has no {FAMILIES[name].title}: install a newer one."
        )


def load(name: str, checkpoint: str = "") -> ProcessorModel:
    """The model of a folder or Hub name, by default the published one.

    Raises EngineError if it, or a package, is not there.
    """
    check(name)
    where = checkpoint or FAMILIES[name].hub
    try:
        model, processor = load_parts(name, where)
    except OSError as error:
        raise EngineError(f"Cannot load {FAMILIES[name].title} from {where}: {str(error).splitlines()[0]}") from error
    return ProcessorModel(model.eval(), processor, FAMILIES[name].seconds)


def load_parts(name: str, where: str, trainable: bool = False, precision: str = "auto") -> tuple[Any, Any]:
    """Model and processor of a folder or Hub name.

    Args:
        name: of `FAMILIES`.
        where: weights; a folder of LoRA matrices is put onto the base that it names.
        trainable: whether LoRA matrices are kept apart, to be trained on; otherwise they are merged.
        precision: of the weights, a name of torch's types; "auto": as they are stored.

    Raises:
        OSError: they are not there.
    """
    import transformers

    adapter = Path(where) / ADAPTER
    base = _base(json.loads(adapter.read_text())) if adapter.is_file() else where
    model = getattr(transformers, FAMILIES[name].model).from_pretrained(**hub.pinned(base), dtype=precision)
    if adapter.is_file():
        require("LoRA matrices", "hf", "peft")
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, where, is_trainable=trainable)
        model = model if trainable else model.merge_and_unload()
    processor = transformers.AutoProcessor.from_pretrained(**hub.pinned(base))
    return model, VoxtralPrompts(processor) if name == "voxtral" else processor


def _base(adapter: dict[str, Any]) -> str:
    """What LoRA matrices were trained on, with the commit that they were trained on if it is of the Hub."""
    name, commit = adapter["base_model_name_or_path"], adapter.get("revision")
    return f"{name}@{commit}" if commit and not Path(name).is_dir() else name


def with_lora(model: Any, rank: int) -> Any:
    """The model with new LoRA matrices on its language model; everything else is frozen."""
    from peft import LoraConfig, get_peft_model

    model.requires_grad_(False)
    if not rank:
        return model
    commit = getattr(model.config, "_commit_hash", None)  # None of a folder
    return get_peft_model(model, LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=LORA, revision=commit))


def merge(name: str, folder: Path, out: Path) -> None:
    """Write whole weights with LoRA matrices merged in, for programs that know no LoRA, such as a server.

    Raises EngineError if the folder holds no LoRA matrices.
    """
    if not (folder / ADAPTER).is_file():
        raise EngineError(f"{folder} holds no LoRA matrices: there is nothing to merge.")
    model, processor = load_parts(name, str(folder))
    model.save_pretrained(out)
    processor.save_pretrained(out)


class ProcessorModel:
    """Writes text about recordings."""

    def __init__(self, model: Any, processor: Any, seconds: float, question: str = QUESTION) -> None:
        self.model, self.processor, self.question = model, processor, question
        self.sample_rate: int = processor.feature_extractor.sampling_rate
        self.seconds = seconds  # that it hears

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
        text = chat_prompt(self.processor, self.question)
        return self.processor(text=[text], audio=[waveform], sampling_rate=self.sample_rate, return_tensors="pt")


def chat_prompt(processor: Any, question: str) -> str:
    """A question about a recording in the processor's chat form, with the processor's place for the sound."""
    asked = [{"type": "audio", "audio": "recording", "audio_url": "recording"}, {"type": "text", "text": question}]
    chat = [{"role": "user", "content": asked}]
    return str(processor.apply_chat_template(chat, add_generation_prompt=True, tokenize=False))


def abc_part(answer: str) -> str:
    """The ABC of an answer that talks around it: from the first ``X:`` to the end of its code block."""
    found = re.search(r"^[ \t]*X:.*?(?=^[ \t]*```|\Z)", answer, re.MULTILINE | re.DOTALL)
    return found.group() if found else answer
