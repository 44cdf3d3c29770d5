"""How fast clips are rendered from recorded notes, step by step, and whether a batch is the same when made again.

    python benchmarks/rendering.py data/sounds.npz data/notes.npz [--device cuda] [--clips 64]

Prints milliseconds a clip: of processor time on a processor, of wall time on an accelerator.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from abcscribe.synthesis.batch_renderer import BatchRenderer, collated
from abcscribe.synthesis.clip_plans import draw_plan
from abcscribe.synthesis.render import CLIP_SECONDS, pieces_of
from abcscribe.synthesis.sound_bank import load_bank


def timed(name: str, clips: int, device: torch.device, work: Callable[[], torch.Tensor]) -> torch.Tensor:
    """Do the work twice, the second time by the clock."""
    work()
    clock = time.process_time if device.type == "cpu" else time.perf_counter
    began = clock()
    done = work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    seconds = (clock() - began) / clips
    print(f"{name}: {1000 * seconds:.2f} ms a clip, {CLIP_SECONDS / seconds:,.0f} x real time", flush=True)
    return done


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sounds", type=Path)
    parser.add_argument("notes", type=Path)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--clips", type=int, default=64)
    options = parser.parse_args()
    torch.set_num_threads(1)
    device, count = torch.device(options.device), options.clips
    bank, pieces = load_bank(options.sounds), pieces_of(options.notes, "train")
    renderer = BatchRenderer(bank, device)
    draw_plan(np.random.default_rng(0), pieces, bank)
    began = time.process_time()
    plans = [draw_plan(np.random.default_rng([1, i]), pieces, bank) for i in range(count)]
    print(
        f"plans: {1000 * (time.process_time() - began) / count:.2f} ms a clip, {sum(len(p.table) for p in plans)} notes"
    )
    batch = collated(plans, 1).to(device)
    dry = timed("instruments", count, device, lambda: renderer.dry(batch))
    waveforms = timed("instruments, room and noise", count, device, lambda: renderer.waveforms(batch))
    timed("spectrogram", count, device, lambda: renderer.spectrogram(waveforms))
    frames = timed("all", count, device, lambda: renderer.frames(batch))
    same = torch.equal(frames, renderer.frames(batch)) and torch.equal(dry, renderer.dry(batch))
    print(f"made again: {'the same bit by bit' if same else 'NOT the same'}")


if __name__ == "__main__":
    main()
