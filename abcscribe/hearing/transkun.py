"""Transkun as a note engine: piano notes by neural semi-CRFs (Yan & Duan, ISMIR 2024), from the wheel of that name.

A baseline, for piano only, and slow without a GPU. Needs torch; its wheel requires a dozen packages that inference does
not use, so it is installed without them, and the extra ``engines`` contains those that it does use. torchaudio, of
which it uses one matrix, is not needed: that matrix is in the checkpoint. Pedals are left out. The whole waveform is
held in memory.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from abcscribe.errors import EngineError
from abcscribe.score.model import PlayedNote

SAMPLE_RATE = 44_100  # Hz
REMEDY = "pip install torch moduleconf ncls && pip install --no-deps transkun"
SHORTEST = 0.01  # seconds


def load(checkpoint: str = "") -> Transkun:
    """The network of the wheel. Raises EngineError if something is not installed, or for a checkpoint."""
    if checkpoint:
        raise EngineError("The engine transkun takes no checkpoint: its weights are those of its wheel.")
    missing = [name for name in ("torch", "transkun", "moduleconf", "ncls") if find_spec(name) is None]
    if missing:
        raise EngineError(f"The engine transkun needs {', '.join(missing)}; install it with: {REMEDY}")
    return Transkun(_network())


class Transkun:
    """A ``NoteEngine``."""

    sample_rate = SAMPLE_RATE
    clear_confidence = 0.0  # its notes have no confidence

    def __init__(self, network: Any) -> None:
        self._network = network

    def notes(self, blocks: Iterable[np.ndarray]) -> Iterator[list[PlayedNote]]:
        import torch

        waveform = np.concatenate([np.zeros(0, np.float32), *blocks])
        with torch.inference_mode(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch's checkpointing, which is for training
            events = self._network.transcribe(torch.from_numpy(waveform)[:, None])
        yield [
            PlayedNote(e.start, max(e.end, e.start + SHORTEST), e.pitch, max(1, min(127, e.velocity)), "piano")
            for e in events
            if e.pitch > 0  # below are pedals
        ]


def _network() -> Any:
    import torch

    _stand_in_for_torchaudio()
    import moduleconf

    spec = find_spec("transkun")
    assert spec is not None
    assert spec.origin is not None
    pretrained = Path(spec.origin).parent / "pretrained"
    configuration = moduleconf.parseFromFile(str(pretrained / "2.0.conf"))["Model"]
    network = configuration.module.TransKun(conf=configuration.config)
    checkpoint = torch.load(pretrained / "2.0.pt", map_location="cpu", weights_only=False)
    network.load_state_dict(checkpoint.get("best_state_dict") or checkpoint["state_dict"])  # strict: all must be there
    return network.eval()


def _stand_in_for_torchaudio() -> None:
    """A module in place of torchaudio, with which Transkun allocates its mel matrix; the checkpoint fills it."""
    if "torchaudio" in sys.modules or find_spec("torchaudio") is not None:
        return
    import torch

    module = ModuleType("torchaudio")
    module.functional = SimpleNamespace(melscale_fbanks=lambda n_freqs, n_mels, **_: torch.empty(n_freqs, n_mels))  # type: ignore[attr-defined]
    sys.modules["torchaudio"] = module
