"""Towers of other people, tiny and random, of the real classes: frames of every layer at the rate they say."""

import struct
from pathlib import Path

import numpy as np
import pytest
import tiny_language_models as tiny
import torch
from transformers import (
    EncodecConfig,
    EncodecModel,
    HubertConfig,
    HubertModel,
    MusicgenConfig,
    MusicgenForConditionalGeneration,
    T5Config,
    Wav2Vec2FeatureExtractor,
    WhisperModel,
)
from transformers.models.musicgen.configuration_musicgen import MusicgenDecoderConfig

from abcscribe.errors import EngineError
from abcscribe.text_systems.feature_towers import OwnTower, load_feature_tower, load_layered_tower

WAVEFORM = np.random.default_rng(0).normal(0, 0.1, 24_000).astype(np.float32)  # 1.5 s
CODEC = {
    "sampling_rate": 16_000, "num_filters": 4, "upsampling_ratios": [8, 8, 5], "hidden_size": 16, "codebook_size": 16,
    "codebook_dim": 16, "target_bandwidths": [0.4, 0.8], "num_lstm_layers": 1, "norm_type": "weight_norm",
}  # fmt: skip


def save_encoder(folder: Path) -> None:
    sizes = {"conv_dim": (8, 8, 8), "conv_kernel": (10, 8, 4), "conv_stride": (5, 8, 8)}
    HubertModel(
        HubertConfig(
            hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16,
            num_conv_pos_embeddings=4, num_conv_pos_embedding_groups=2, **sizes,
        )
    ).save_pretrained(folder)  # fmt: skip
    Wav2Vec2FeatureExtractor(sampling_rate=16_000).save_pretrained(folder)


def save_encodec(folder: Path) -> None:
    EncodecModel(EncodecConfig(**CODEC)).save_pretrained(folder)


def save_musicgen(folder: Path) -> None:
    text = T5Config(vocab_size=16, d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2)
    decoder = MusicgenDecoderConfig(
        vocab_size=16, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, ffn_dim=16, num_codebooks=2,
        pad_token_id=16, bos_token_id=16,
    )  # fmt: skip
    config = MusicgenConfig(text_encoder=text, audio_encoder=EncodecConfig(**CODEC), decoder=decoder)
    model = MusicgenForConditionalGeneration(config)
    heard = model.audio_encoder.encoder(torch.from_numpy(WAVEFORM)[None, None]).mean(-1)[0].detach()
    for number, quantizer in enumerate(model.audio_encoder.quantizer.layers):
        quantizer.codebook.embed.normal_(std=0.01)  # new ones are zeros, and every frame the same code
        quantizer.codebook.embed += heard * (number == 0)
    model.save_pretrained(folder)


@pytest.mark.parametrize(
    ("kind", "save", "layers"),
    [("encoder", save_encoder, 3), ("encodec", save_encodec, 1), ("musicgen", save_musicgen, 3)],
)
def test_every_layer_has_frames_at_the_rate_of_the_tower(tmp_path, kind, save, layers):
    torch.manual_seed(0)
    save(tmp_path)
    tower = load_layered_tower(f"{kind}:{tmp_path}")
    found = tower.layers(WAVEFORM)
    assert [one.shape[1] for one in found] == [tower.width] * layers == [16] * layers
    assert abs(len(found[0]) - 1.5 * tower.frame_rate) <= 2
    np.testing.assert_allclose(tower(WAVEFORM).numpy(), found[-1], atol=1e-5)
    assert not np.allclose(found[-1], tower.layers(WAVEFORM[::-1].copy())[-1][: len(found[-1])])
    np.testing.assert_allclose(load_feature_tower(f"{kind}:{tmp_path}@0")(WAVEFORM), found[0], atol=1e-5)
    with pytest.raises(EngineError, match=f"layers 0 to {layers - 1}, not 9"):
        load_feature_tower(f"{kind}:{tmp_path}@9")(WAVEFORM)


def test_the_last_layer_of_the_own_tower_are_its_embeddings():
    tower = OwnTower()
    layers = tower.layers(WAVEFORM)
    assert len(layers) == 5
    np.testing.assert_allclose(layers[-1], tower(WAVEFORM), atol=0.02)  # float16 weights, two runtimes


def save_for_ctranslate2(encoder: torch.nn.Module, folder: Path, kind: int = 0) -> None:
    """What CTranslate2's converter writes of a Whisper encoder, and a variable of a decoder."""
    weights = {name: p.detach().numpy() for name, p in encoder.state_dict().items()}
    rows = {"encoder/num_heads": np.int16(encoder.config.encoder_attention_heads)}
    for name in ("conv1", "conv2"):
        rows |= {f"encoder/{name}/{part}": weights[f"{name}.{part}"] for part in ("weight", "bias")}
    rows["encoder/position_encodings/encodings"] = weights["embed_positions.weight"]
    norms = {"encoder/layer_norm": "layer_norm"}
    for i in range(encoder.config.encoder_layers):
        here, there = f"layers.{i}.", f"encoder/layer_{i}/"
        norms |= {f"{there}ffn/layer_norm": f"{here}final_layer_norm"}
        norms |= {f"{there}self_attention/layer_norm": f"{here}self_attn_layer_norm"}
        for part in ("weight", "bias"):
            rows[f"{there}ffn/linear_0/{part}"] = weights[f"{here}fc1.{part}"]
            rows[f"{there}ffn/linear_1/{part}"] = weights[f"{here}fc2.{part}"]
            rows[f"{there}self_attention/linear_1/{part}"] = weights[f"{here}self_attn.out_proj.{part}"]
            q, v = (weights[f"{here}self_attn.{one}_proj.{part}"] for one in "qv")
            k = weights.get(f"{here}self_attn.k_proj.{part}", np.zeros_like(q))
            rows[f"{there}self_attention/linear_0/{part}"] = np.concatenate([q, k, v])
    for target, source in norms.items():
        rows |= {f"{target}/gamma": weights[f"{source}.weight"], f"{target}/beta": weights[f"{source}.bias"]}
    rows["decoder/embeddings/weight"] = np.zeros((2, 2), np.float32)

    def text(words: str) -> bytes:
        return struct.pack("<H", len(words) + 1) + words.encode() + b"\0"

    data = struct.pack("<I", 6) + text("WhisperSpec") + struct.pack("<II", 3, len(rows))
    for name, array in rows.items():
        stored = np.asarray(array)
        data += text(name) + struct.pack("<B", stored.ndim) + struct.pack(f"<{stored.ndim}I", *stored.shape)
        data += struct.pack("<BI", 2 if stored.ndim == 0 else kind, stored.nbytes) + stored.tobytes()
    (folder / "model.bin").write_bytes(data)


def test_whisper_in_the_form_of_ctranslate2_is_the_same_whisper(tmp_path):
    plain = load_layered_tower(f"whisper:{tiny.save_whisper(tmp_path / 'plain')}")
    (tmp_path / "other").mkdir()
    save_for_ctranslate2(WhisperModel.from_pretrained(tmp_path / "plain").encoder, tmp_path / "other")
    other = load_layered_tower(f"whisper:{tmp_path / 'other'}")
    other.extractor = plain.extractor  # a second at a time; real ones hear thirty
    for mine, theirs in zip(other.layers(WAVEFORM), plain.layers(WAVEFORM), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-5)


def test_other_files_of_that_name_are_refused(tmp_path):
    encoder = WhisperModel.from_pretrained(tiny.save_whisper(tmp_path / "plain")).encoder
    save_for_ctranslate2(encoder, tmp_path, kind=1)  # eight bits
    with pytest.raises(EngineError, match="is of type 1"):
        load_layered_tower(f"whisper:{tmp_path}")
    whole = (tmp_path / "model.bin").read_bytes()
    for damaged in (b"", whole[:40], b"\x05" + whole[1:], whole.replace(b"WhisperSpec", b"MarianSpec!")):
        (tmp_path / "model.bin").write_bytes(damaged)
        with pytest.raises(EngineError, match="no Whisper model"):
            load_layered_tower(f"whisper:{tmp_path}")
