"""Language models and a Whisper of a few thousand random weights, of the real classes, saved as the Hub keeps them."""

from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    Qwen2AudioConfig,
    Qwen2AudioForConditionalGeneration,
    Qwen2AudioProcessor,
    Qwen2Config,
    Qwen2ForCausalLM,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperModel,
)

END, BEGIN = "<|end|>", "<|begin|>"
CHAT = (
    "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{% endfor %}"
    "{% if add_generation_prompt %}<|answer|>{% endif %}"
)
# Weights of usual size would hardly let what is heard through so few layers.
SIZES = {
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 512, "initializer_range": 0.3,
}  # fmt: skip


def tokenizer(chat: bool = False, begin: bool = False, extra: tuple[str, ...] = ()) -> PreTrainedTokenizerFast:
    """Bytes as tokens, in the form of a byte-level BPE without merges."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    backend = Tokenizer(models.BPE({character: i for i, character in enumerate(alphabet)}, []))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    made = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token=END, bos_token=BEGIN if begin else None)
    made.add_special_tokens({"additional_special_tokens": list(extra)})
    if chat:
        made.chat_template = CHAT
    return made


def save_language_model(folder: Path, kind: str = "qwen2") -> str:
    """A Qwen2 with a chat form, or a Llama with a token that begins every text."""
    text = tokenizer(chat=kind == "qwen2", begin=kind == "llama")
    torch.manual_seed(0)
    config, model = {"qwen2": (Qwen2Config, Qwen2ForCausalLM), "llama": (LlamaConfig, LlamaForCausalLM)}[kind]
    model(config(vocab_size=len(text), eos_token_id=text.eos_token_id, **SIZES)).save_pretrained(folder)
    text.save_pretrained(folder)
    return str(folder)


def save_whisper(folder: Path) -> str:
    """A Whisper that hears a second at once."""
    torch.manual_seed(0)
    config = WhisperConfig(
        vocab_size=16, d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16, num_mel_bins=8, max_source_positions=50,
        max_target_positions=8, pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=1,
    )  # fmt: skip
    WhisperModel(config).save_pretrained(folder)
    WhisperFeatureExtractor(feature_size=8, chunk_length=1).save_pretrained(folder)
    return str(folder)


def save_qwen2_audio(folder: Path) -> str:
    """A Qwen2-Audio that hears a second."""
    torch.manual_seed(0)
    text = tokenizer(extra=("<|AUDIO|>", "<|audio_bos|>", "<|audio_eos|>", "<|im_start|>", "<|im_end|>"))
    hears = {
        "d_model": 16, "encoder_layers": 1, "encoder_attention_heads": 2, "encoder_ffn_dim": 16, "num_mel_bins": 8,
        "max_source_positions": 50,
    }  # fmt: skip
    config = Qwen2AudioConfig(
        audio_config=hears,
        text_config={"model_type": "qwen2", "vocab_size": len(text), "eos_token_id": text.eos_token_id, **SIZES},
        audio_token_index=text.convert_tokens_to_ids("<|AUDIO|>"),
    )
    model = Qwen2AudioForConditionalGeneration(config)
    model.generation_config.eos_token_id = model.generation_config.pad_token_id = text.eos_token_id
    model.save_pretrained(folder)
    extractor = WhisperFeatureExtractor(feature_size=8, chunk_length=1)
    Qwen2AudioProcessor(feature_extractor=extractor, tokenizer=text).save_pretrained(folder)
    return str(folder)


AUDIO_CHAT = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{% for c in m.content %}"
    "{% if c.type == 'audio' %}SOUND{% else %}{{ c.text }}{% endif %}{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
ENCODER = {"num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16, "num_mel_bins": 8}


def save_flamingo(folder: Path, music: bool = False) -> str:
    """An Audio Flamingo 3 or a Music Flamingo that hears in windows of a second."""
    import transformers

    torch.manual_seed(0)
    name = "MusicFlamingo" if music else "AudioFlamingo3"
    text = tokenizer(extra=("<sound>", "<|sound_bos|>", "<|sound_eos|>", "<|im_start|>", "<|im_end|>"))
    places = {"audio_token_id": text.convert_tokens_to_ids("<sound>")}
    if music:
        places |= {f"audio_{k}_token_id": text.convert_tokens_to_ids(f"<|sound_{k}|>") for k in ("bos", "eos")}
    config = getattr(transformers, f"{name}Config")(
        audio_config={"model_type": "audioflamingo3_encoder", "hidden_size": 16, "max_source_positions": 50, **ENCODER},
        text_config={"model_type": "qwen2", "vocab_size": len(text), "eos_token_id": text.eos_token_id, **SIZES},
        **places,
    )
    model = getattr(transformers, f"{name}ForConditionalGeneration")(config)
    model.generation_config.eos_token_id = model.generation_config.pad_token_id = text.eos_token_id
    model.save_pretrained(folder)
    text.pad_token = text.eos_token
    extractor = WhisperFeatureExtractor(feature_size=8, chunk_length=1, return_attention_mask=True)
    getattr(transformers, f"{name}Processor")(
        extractor, text, chat_template=AUDIO_CHAT.replace("SOUND", "<sound>")
    ).save_pretrained(folder)
    return str(folder)


def save_qwen2_5_omni(folder: Path) -> str:
    """The thinker of a Qwen2.5-Omni that hears a second, with Qwen2-Audio's processor: for sound it makes the same
    tensors, and the model's own wants torchvision for its videos."""
    import transformers

    torch.manual_seed(0)
    text = tokenizer(extra=("<|AUDIO|>", "<|audio_bos|>", "<|audio_eos|>", "<|im_start|>", "<|im_end|>", "<|other|>"))
    ids = {name: text.convert_tokens_to_ids(f"<|{name}|>") for name in ("AUDIO", "audio_bos", "audio_eos", "other")}
    width = SIZES["hidden_size"] // SIZES["num_attention_heads"]
    rope = {"rope_type": "default", "mrope_section": [width // 8, width // 8, width // 4], "rope_theta": 1e4}
    config = transformers.models.qwen2_5_omni.Qwen2_5OmniThinkerConfig(
        audio_config={
            "d_model": 16, "encoder_layers": 1, "encoder_attention_heads": 2, "encoder_ffn_dim": 16, "num_mel_bins": 8,
            "max_source_positions": 50, "n_window": 25, "output_dim": SIZES["hidden_size"],
        },
        vision_config={
            "depth": 1, "hidden_size": 16, "intermediate_size": 16, "num_heads": 2,
            "out_hidden_size": SIZES["hidden_size"], "fullatt_block_indexes": [0],
        },
        text_config={"vocab_size": len(text), "eos_token_id": text.eos_token_id, "rope_parameters": rope, **SIZES},
        audio_token_id=ids["AUDIO"], image_token_id=ids["other"], video_token_id=ids["other"],
        audio_start_token_id=ids["audio_bos"], audio_end_token_id=ids["audio_eos"],
        vision_start_token_id=ids["other"], vision_end_token_id=ids["other"],
    )  # fmt: skip
    model = transformers.Qwen2_5OmniThinkerForConditionalGeneration(config)
    model.generation_config.eos_token_id = model.generation_config.pad_token_id = text.eos_token_id
    model.save_pretrained(folder)
    extractor = WhisperFeatureExtractor(feature_size=8, chunk_length=1)
    Qwen2AudioProcessor(feature_extractor=extractor, tokenizer=text).save_pretrained(folder)
    return str(folder)


def save_voxtral(folder: Path) -> str:
    """A Voxtral that hears in windows of two seconds."""
    import transformers

    torch.manual_seed(0)
    text = tokenizer(extra=("[AUDIO]", "[BEGIN_AUDIO]", "[INST]", "[/INST]", "<s>"))
    config = transformers.VoxtralConfig(
        audio_config={"hidden_size": 16, "max_source_positions": 100, **ENCODER, "intermediate_size": 64},
        text_config={"model_type": "llama", "vocab_size": len(text), "eos_token_id": text.eos_token_id, **SIZES},
        audio_token_id=text.convert_tokens_to_ids("[AUDIO]"),
    )
    model = transformers.VoxtralForConditionalGeneration(config)
    model.generation_config.eos_token_id = model.generation_config.pad_token_id = text.eos_token_id
    model.save_pretrained(folder)
    extractor = WhisperFeatureExtractor(feature_size=8, chunk_length=2)
    transformers.VoxtralProcessor(extractor, text).save_pretrained(folder)
    return str(folder)
