"""Audio towers by name: waveform -> frames, of the last layer or of any other.

A tower is any callable that takes a waveform, float32 (samples,), mono, 16 kHz, of any length but not empty, and gives
(frames, width), an array or a tensor. Those of this module also know their ``width`` and ``frame_rate``, and have
``layers(waveform)``, the frames of every layer, the lowest first. They are frozen: a checkpoint keeps a tower's name,
not its weights.

Names: ``abcscribe``; ``whisper:NAME`` (a folder or a name on the Hub, also in CTranslate2's form); ``encoder:NAME``,
any encoder of transformers that takes a waveform (MERT, HuBERT, wav2vec 2); ``encodec:NAME``; ``musicgen:NAME``;
``jukebox:llark`` and ``jukebox:jukemirlib``. ``@N`` behind a name takes layer N instead of the last.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn

from abcscribe import hub
from abcscribe.audio import SAMPLE_RATE
from abcscribe.errors import EngineError
from abcscribe.extras import require
from abcscribe.model import WEIGHTS
from abcscribe.model.config import FRAMES_PER_TOKEN, WINDOW_FRAMES, AudioTowerConfig
from abcscribe.model.tower_runtime import MARGIN, STEP, TowerRuntime
from abcscribe.spectrogram import FRAME_RATE, HOP, normalise, spectrogram
from abcscribe.text_systems.jukebox import JukeboxTower
from abcscribe.text_systems.piecewise_tower import PiecewiseTower

FeatureTower = Callable[[np.ndarray], Any]
OWN = "abcscribe"
LAYER = re.compile(r"(?P<name>.+)@(?P<layer>\d+)")
PIECE_SECONDS = 30.0  # that an encoder of any length hears at once


class LayeredTower(Protocol):
    """A tower that shows what is inside."""

    frame_rate: float

    def __call__(self, waveform: np.ndarray) -> Any: ...

    def layers(self, waveform: np.ndarray) -> list[np.ndarray]:
        """(frames, width) of every layer, the lowest first."""
        ...


def load_feature_tower(name: str) -> FeatureTower:
    """A tower by its name (see the module). Raises EngineError if there is none, OSError if its weights are missing."""
    if found := LAYER.fullmatch(name):
        return Layer(load_layered_tower(found["name"]), int(found["layer"]))
    return load_layered_tower(name)


def load_layered_tower(name: str) -> LayeredTower:
    """A tower by its name, without ``@N``. Raises as `load_feature_tower`."""
    if name == OWN:
        return OwnTower()
    kind, _, weights = name.partition(":")
    if kind not in KINDS or not weights:
        known = "', '".join(f"{kind}:NAME" for kind in KINDS)
        raise EngineError(f"There is no audio tower {name!r}; there are {OWN!r}, '{known}'.")
    require(f"The audio tower {name}", "hf", "transformers")
    return KINDS[kind](weights)


class Layer:
    """One layer of a tower, as a tower."""

    def __init__(self, tower: LayeredTower, layer: int) -> None:
        self.tower, self.layer, self.frame_rate = tower, layer, tower.frame_rate

    def __call__(self, waveform: np.ndarray) -> np.ndarray:
        """(samples,) -> (frames, width). Raises EngineError if the tower has no such layer."""
        layers = self.tower.layers(waveform)
        if self.layer >= len(layers):
            raise EngineError(f"The audio tower has layers 0 to {len(layers) - 1}, not {self.layer}.")
        return layers[self.layer]


class OwnTower:
    """The embeddings of the project's audio tower, run by ONNX Runtime in windows that overlap as in transcription.

    Its layers are what enters the transformer, what leaves each of its layers, and the embeddings. They are computed
    with torch, from the same weights.
    """

    width = AudioTowerConfig.width
    frame_rate = FRAME_RATE / FRAMES_PER_TOKEN  # 15.6 a second

    def __init__(self, runtime: TowerRuntime | None = None, weights: Path = WEIGHTS) -> None:
        self.session = (runtime or TowerRuntime()).session
        self.weights = weights

    def __call__(self, waveform: np.ndarray) -> np.ndarray:
        """(samples,) -> (ceil(samples / 1024), 256) float32."""
        windows = [self.session.run(["embeddings"], {"frames": frames})[0][0] for frames in _windows(waveform)]
        return _joined(waveform, windows)

    @torch.no_grad()
    def layers(self, waveform: np.ndarray) -> list[np.ndarray]:
        """Each as long as the embeddings."""
        context, kept = self._tower.context, list[torch.Tensor]()
        hooks = [
            module.register_forward_hook(lambda module, inputs, output: kept.append(output[0]))
            for module in (context.enter, *context.layers, context.norm)
        ]
        try:
            for frames in _windows(waveform):
                self._tower(torch.from_numpy(frames))
        finally:
            for hook in hooks:
                hook.remove()
        return [_joined(waveform, [one.numpy() for one in kept[i :: len(hooks)]]) for i in range(len(hooks))]

    @cached_property
    def _tower(self) -> Any:
        from abcscribe.model.tower_files import load_tower

        return load_tower(self.weights)


def _windows(waveform: np.ndarray) -> Iterator[np.ndarray]:
    """(1, frames, 264) of windows that overlap."""
    padded = np.pad(waveform, (MARGIN * HOP, WINDOW_FRAMES * HOP))
    for start in range(0, waveform.size, STEP * HOP):
        yield spectrogram(normalise(padded[start : start + WINDOW_FRAMES * HOP]))[None]


def _joined(waveform: np.ndarray, windows: Sequence[np.ndarray]) -> np.ndarray:
    """The middles of windows (tokens, width), one behind the other."""
    keep = slice(MARGIN // FRAMES_PER_TOKEN, (MARGIN + STEP) // FRAMES_PER_TOKEN)
    return np.concatenate([one[keep] for one in windows])[: -(-waveform.size // (HOP * FRAMES_PER_TOKEN))]


class WhisperTower(PiecewiseTower):
    """The encoder of a Whisper model, 50 frames a second; recordings beyond its window (30 s) are heard in pieces.

    Its layers are what enters the first one and what leaves each; the last is normalised, as the decoder sees it.
    """

    def __init__(self, encoder: nn.Module, extractor: Any) -> None:
        """``encoder``: transformers' WhisperEncoder; ``extractor``: the WhisperFeatureExtractor that goes with it."""
        config: Any = encoder.config
        hop = 2 * extractor.hop_length  # the stem halves the frame rate
        super().__init__(SAMPLE_RATE, config.max_source_positions * hop, SAMPLE_RATE / hop)
        self.encoder = encoder.requires_grad_(False).eval()
        self.extractor, self.hop = extractor, hop
        self.width: int = config.d_model

    @classmethod
    def from_pretrained(cls, name: str) -> WhisperTower:
        """From a folder, also one of CTranslate2, or a pinned name on the Hub. Raises OSError if there is none."""
        from transformers import AutoFeatureExtractor, WhisperFeatureExtractor, WhisperModel

        if (Path(name) / "model.bin").is_file():
            from abcscribe.text_systems.ctranslate2_whisper import whisper_encoder

            encoder: Any = whisper_encoder(Path(name))
            return cls(encoder, WhisperFeatureExtractor(feature_size=encoder.config.num_mel_bins))
        where = hub.pinned(name)
        return cls(WhisperModel.from_pretrained(**where).encoder, AutoFeatureExtractor.from_pretrained(**where))

    def hidden(self, piece: np.ndarray) -> Sequence[torch.Tensor]:
        weight = next(self.encoder.parameters())
        mel = self.extractor(
            piece, sampling_rate=SAMPLE_RATE, padding="max_length", max_length=self.piece, return_tensors="pt"
        )
        states = self.encoder(mel.input_features.to(weight), output_hidden_states=True).hidden_states
        return [state[0, : -(-piece.size // self.hop)] for state in states]


class EncoderTower(PiecewiseTower):
    """An encoder of transformers that takes a waveform: MERT, HuBERT, wav2vec 2."""

    def __init__(self, model: Any, rate: int) -> None:
        hop = int(np.prod(model.config.conv_stride))
        super().__init__(rate, int(PIECE_SECONDS * rate), rate / hop)
        self.model = model.requires_grad_(False).eval()
        self.width: int = model.config.hidden_size
        self.shortest = 4 * hop  # samples of which the convolutions leave a frame

    @classmethod
    def from_pretrained(cls, name: str) -> EncoderTower:
        """From a folder or a pinned name on the Hub. Raises OSError if there is none."""
        from transformers import AutoFeatureExtractor, AutoModel

        where = hub.pinned(name)
        return cls(AutoModel.from_pretrained(**where), AutoFeatureExtractor.from_pretrained(**where).sampling_rate)

    def hidden(self, piece: np.ndarray) -> Sequence[torch.Tensor]:
        heard = torch.from_numpy(np.pad(piece, (0, max(0, self.shortest - piece.size))))[None]
        level = (heard - heard.mean()) / (heard.std() + 1e-7)
        return [state[0] for state in self.model(level, output_hidden_states=True).hidden_states]


class EncodecTower(PiecewiseTower):
    """The encoder of EnCodec before its quantiser; one layer."""

    def __init__(self, model: Any) -> None:
        hop = int(np.prod(model.config.upsampling_ratios))
        rate = model.config.sampling_rate
        super().__init__(rate, int(PIECE_SECONDS * rate), rate / hop)
        self.model = model.requires_grad_(False).eval()
        self.width: int = model.config.hidden_size

    @classmethod
    def from_pretrained(cls, name: str) -> EncodecTower:
        """From a folder or a pinned name on the Hub. Raises OSError if there is none."""
        from transformers import EncodecModel

        return cls(EncodecModel.from_pretrained(**hub.pinned(name)))

    def hidden(self, piece: np.ndarray) -> Sequence[torch.Tensor]:
        channels = torch.from_numpy(piece)[None, None].expand(1, self.model.config.audio_channels, -1)
        return [self.model.encoder(channels)[0].T]


class MusicGenTower(PiecewiseTower):
    """The decoder of MusicGen, which reads the codes of a recording without a text: 50 frames a second."""

    def __init__(self, model: Any) -> None:
        codec = model.audio_encoder.config
        super().__init__(
            codec.sampling_rate, int(PIECE_SECONDS * codec.sampling_rate),
            codec.sampling_rate / int(np.prod(codec.upsampling_ratios)),
        )  # fmt: skip
        self.model = model.requires_grad_(False).eval()
        self.width: int = model.decoder.config.hidden_size

    @classmethod
    def from_pretrained(cls, name: str) -> MusicGenTower:
        """From a folder or a pinned name on the Hub. Raises OSError if there is none."""
        from transformers import MusicgenForConditionalGeneration

        return cls(MusicgenForConditionalGeneration.from_pretrained(**hub.pinned(name)))

    def hidden(self, piece: np.ndarray) -> Sequence[torch.Tensor]:
        sound = torch.from_numpy(piece)[None, None].expand(1, self.model.audio_encoder.config.audio_channels, -1)
        codes = self.model.audio_encoder.encode(sound).audio_codes[0]  # (1, codebooks, frames)
        count = self.model.decoder.config.num_codebooks
        states = self.model.decoder(codes[:, :count].reshape(count, -1), output_hidden_states=True).hidden_states
        return [state[0] for state in states]


KINDS: dict[str, Callable[[str], LayeredTower]] = {
    "whisper": WhisperTower.from_pretrained, "encoder": EncoderTower.from_pretrained,
    "encodec": EncodecTower.from_pretrained, "musicgen": MusicGenTower.from_pretrained,
    "jukebox": JukeboxTower.from_pretrained,
}  # fmt: skip
