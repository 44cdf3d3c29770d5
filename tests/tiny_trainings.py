"""Tiny runs of all trainers, alone with a doubled batch or as a pair of processes that torchrun starts.

    python -m torch.distributed.run --nproc-per-node 2 --max-restarts 1 tests/tiny_trainings.py DATA OUT

Of a pair the second process kills itself in the middle of the first run of the language model.
"""

import itertools
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import tiny_cache
import torch
from torch import distributed

from abcscribe.analysis import analysis_features
from abcscribe.hearing.mt3.vocabulary import SYSTEMS, System
from abcscribe.model.config import AudioTowerConfig, LanguageModelConfig, NoteProjectorConfig
from abcscribe.model.score_language_model import ScoreLanguageModel, ScoreLanguageModelConfig
from abcscribe.spectrogram import BINS, FRAME_RATE
from abcscribe.tokens import VOCABULARY
from abcscribe.training import sft
from abcscribe.training.configs import RlTraining, SftTextTraining, SftTraining, TowerTraining
from abcscribe.training.mt3_config import Mt3Training
from abcscribe.training.pace import Entry

KILLED_AT = 2  # step of the language model
STEPS = 4


def write_data(folder: Path) -> None:
    """What the runs read."""
    import tiny_language_models

    from abcscribe.synthesis.recordings import save_tones

    tiny_cache.write_cache(folder / "notes.npz")
    write_clips(folder / "clips")
    save_tones(folder / "tones", recordings=8)
    torch.manual_seed(3)
    sizes = NoteProjectorConfig(len(analysis_features.NAMES), 32, 1, 2), LanguageModelConfig(len(VOCABULARY), 32, 1, 2)
    model = ScoreLanguageModel(ScoreLanguageModelConfig(*sizes))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    model.save_pretrained(folder / "language_model")
    tiny_language_models.save_language_model(folder / "base")
    rows = []
    for i, tune in enumerate(("CDEF", "GABc", "cBAG", "EGEC", "FACF", "dcBA")):
        np.save(folder / f"{i}.npy", np.random.default_rng(i).normal(size=(6, 5)).astype(np.float32))
        rows.append({"features": f"{i}.npy", "answer": f"X:1\nK:C\n{tune}|"})
    (folder / "pairs.jsonl").write_text("\n".join(map(json.dumps, rows)))


def write_clips(folder: Path, clips: int = 12, frames: int = 64) -> None:
    """A shard for the tower: in each clip one note lights up its bins."""
    folder.mkdir()
    images = np.random.default_rng(0).integers(0, 20, (clips, frames, BINS)).astype(np.uint8)
    notes = []
    for clip in range(clips):
        pitch = 50 + 3 * (clip % 6)
        images[clip, 20:40, 3 * (pitch - 21) : 3 * (pitch - 21) + 3] = 250
        notes.append((20 / FRAME_RATE, 40 / FRAME_RATE, pitch, 90, 2))
    np.savez(folder / "train-00000.npz", frames=images, notes=np.array(notes, np.float32), first=np.arange(clips + 1))


def tower(data: Path, out: Path, times: int) -> Iterator[Entry]:
    from abcscribe.training import tower

    tower.tower_config = lambda: AudioTowerConfig(channels=8, blocks=1, squeezed=2, width=16, layers=1, heads=2)
    config = TowerTraining(
        data / "clips", out=out, minutes=1e9, steps=STEPS, batch=3 * times, warmup=2, log_steps=1, threads=1
    )
    return tower.main(config)


def language_model(data: Path, out: Path, times: int) -> Iterator[Entry]:
    sft.CURRICULA["pair"] = (sft.Lesson(1.0, ((sft.Shape(24, 96, 4 * times), 1.0),), (("tune", 1.0),)),)
    config = SftTraining(
        data / "notes.npz", out, width=32, encoder_layers=1, decoder_layers=1, warmup=2, compile=False, minutes=1e9,
        steps=STEPS, log_steps=1, checkpoint_minutes=0.0, vector_rate=1e-2, matrix_rate=1e-2, valid_windows=1,
        curriculum="pair",
    )  # fmt: skip
    return sft.main(config)


def reinforcement(algorithm: str) -> Callable[[Path, Path, int], Iterator[Entry]]:
    def run(data: Path, out: Path, times: int) -> Iterator[Entry]:
        from abcscribe.training import rl

        config = RlTraining(
            data / "notes.npz", out, data / "language_model", algorithm, minutes=1e9, steps=2, rate=1e-2, windows=times,
            group=3, notes=(8, 12), minibatches=2, most_tokens=40, held_out=2, warmup=1, critic_steps=0, kl=0.05,
            evaluate_steps=2, rounded=False, reward="origin",  # of which random answers get some
        )  # fmt: skip
        return rl.main(config)

    return run


def mt3_system() -> System:
    return replace(SYSTEMS["mt3"], segment_frames=50, target_length=24)


def mt3(data: Path, out: Path, times: int) -> Iterator[Entry]:
    from abcscribe.training import mt3

    mt3.LOG_STEPS = 1
    config = Mt3Training(
        data / "tones", out, size="tiny", segment_frames=50, target_length=24, minutes=1e9, steps=STEPS,
        batch=3 * times, warmup=2, valid_recordings=1, rate=5e-3, device="cpu",
    )  # fmt: skip
    return mt3.main(config)


def llark(data: Path, out: Path, times: int) -> Iterator[Entry]:
    """Frames, a projector by means, and LoRA in a language model: LLark's shape."""
    from abcscribe.training import sft_text

    config = SftTextTraining(
        data / "pairs.jsonl", str(data / "base"), out, audio_tower="", frames=2, join="mean", lora_rank=2, steps=STEPS,
        batch=2 * times, warmup=1, log_steps=1, save_steps=STEPS, projector_rate=0.01, lora_rate=0.01,
    )  # fmt: skip
    return sft_text.main(config)


RUNS: dict[str, Callable[[Path, Path, int], Iterator[Entry]]] = {
    "language_model": language_model, "tower": tower, "mt3": mt3, "llark": llark, "grpo": reinforcement("grpo"),
    "ppo": reinforcement("ppo"),
}  # fmt: skip


def main(data: Path, out: Path) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", timeout=timedelta(seconds=120))
    if distributed.get_rank() == 1 and "TINY_KILLED" in os.environ:
        drawn, draw = itertools.count(), sft.draw_batch

        def killed(*arguments: object) -> sft.Batch:
            if next(drawn) == KILLED_AT:
                os.kill(os.getpid(), signal.SIGKILL)
            return draw(*arguments)  # type: ignore[arg-type]

        sft.draw_batch = killed  # type: ignore[assignment]
    for name, run in RUNS.items():
        entries = list(run(data, out / name, 1))
        assert bool(entries) == (distributed.get_rank() == 0), name
    distributed.barrier()
    distributed.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
