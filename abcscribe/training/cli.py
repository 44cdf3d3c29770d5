"""``abcscribe train``. Imports nothing heavy until a command runs."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from abcscribe.training.tracking import TRACKERS, default_tracker, tracking

Tracker = Annotated[
    str,
    typer.Option(help=f"Where figures go besides log.jsonl: {', '.join(TRACKERS)}.", default_factory=default_tracker),
]

app = typer.Typer(help="Train the networks.", no_args_is_help=True)


@app.command()
def tower(
    clips: Annotated[Path | None, typer.Option(help="Folder of abcscribe data render.")] = None,
    sounds: Annotated[
        Path | None, typer.Option(help="Bank of abcscribe data sounds: clips are rendered as they are needed.")
    ] = None,
    notes: Annotated[Path, typer.Option(help="Note cache, for clips rendered from --sounds.")] = Path("data/notes.npz"),
    rendered: Annotated[float, typer.Option(help="Share of rendered clips where there are stored ones, too.")] = 0.6,
    out: Annotated[Path, typer.Option(help="Checkpoint folder; a run that finds one there goes on from it.")] = Path(
        "data/tower"
    ),
    start: Annotated[Path | None, typer.Option(help="Checkpoint folder whose weights a new run begins with.")] = None,
    minutes: Annotated[float, typer.Option(help="Time budget of all runs together.")] = 90.0,
    batch: Annotated[int, typer.Option(help="Clips a step.")] = 12,
    matrix_rate: Annotated[float, typer.Option(help="Learning rate of the matrices (Muon).")] = 2e-3,
    vector_rate: Annotated[float, typer.Option(help="Learning rate of the rest (AdamW).")] = 1e-3,
    warmup: Annotated[int, typer.Option(help="Steps.")] = 150,
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1 ...")] = "cpu",
    compiled: Annotated[
        bool, typer.Option("--compile", help="torch.compile: slow to begin with, then faster.")
    ] = False,
    workers: Annotated[int, typer.Option(help="Processes that draw clips; 0: the one that trains.")] = 0,
    threads: Annotated[int, typer.Option(help="CPU threads.")] = 2,
    seed: Annotated[int, typer.Option()] = 1,
    *,
    tracker: Tracker,
) -> None:
    """Train the audio tower; prints one JSON line every 50 steps. Ends with an ONNX file in the checkpoint folder."""
    from abcscribe.model.checkpoint import export_tower
    from abcscribe.training.tower import TowerTraining, main

    if clips is None and sounds is None:
        clips = Path("data/clips")
    config = TowerTraining(
        clips, sounds, notes, rendered, out, start, minutes, batch=batch, matrix_rate=matrix_rate,
        vector_rate=vector_rate, warmup=warmup, device=device, compiled=compiled, workers=workers, threads=threads,
        seed=seed,
    )  # fmt: skip
    _follow(main(config), config, tracker)
    export_tower(out, out / "tower.onnx")


@app.command()
def sft(
    notes: Annotated[Path, typer.Option(help="Note cache of abcscribe data scores.")] = Path("data/notes.npz"),
    out: Annotated[Path, typer.Option(help="Checkpoint folder; a run that finds one there goes on from it.")] = Path(
        "data/sft"
    ),
    start: Annotated[Path | None, typer.Option(help="Checkpoint folder whose weights a new run begins with.")] = None,
    heard: Annotated[Path | None, typer.Option(help="Folder of abcscribe data listen: windows to mix in.")] = None,
    minutes: Annotated[float, typer.Option(help="Time budget of all runs together.")] = 90.0,
    threads: Annotated[int, typer.Option(help="CPU threads of each process.")] = 1,
    seed: Annotated[int, typer.Option()] = 1,
    *,
    tracker: Tracker,
) -> None:
    """Train the language model to write what was heard. Also under torchrun, one process a core or device."""
    from abcscribe.training.sft import SftTraining, main

    config = SftTraining(notes, out, start, heard, minutes, threads=threads, seed=seed)
    _follow(main(config), config, tracker)


@app.command()
def sft_text(
    pairs: Annotated[Path, typer.Argument(help="JSON Lines: answer, and features (.npy) or audio.")],
    base: Annotated[str, typer.Option(help="Language model: folder or name on the Hugging Face Hub.")],
    out: Annotated[Path, typer.Option(help="Checkpoint folder; a run that finds one there goes on from it.")] = Path(
        "data/sft-text"
    ),
    audio_tower: Annotated[str, typer.Option(help="abcscribe, whisper:NAME, or nothing if all is features.")] = (
        "abcscribe"
    ),
    frames: Annotated[int, typer.Option(help="Of the tower, a soft token.")] = 4,
    join: Annotated[str, typer.Option(help="How they become one: stack or mean.")] = "stack",
    hidden: Annotated[int, typer.Option(help="Width of the projector's MLP; 0: one linear map.")] = 0,
    lora_rank: Annotated[int, typer.Option(help="0: the language model is frozen.")] = 16,
    steps: Annotated[int, typer.Option(help="Of all runs together.")] = 1000,
    batch: Annotated[int, typer.Option(help="Pairs a process and part of a step.")] = 4,
    accumulate: Annotated[int, typer.Option(help="Parts of a step.")] = 1,
    seed: Annotated[int, typer.Option()] = 1,
    *,
    tracker: Tracker,
) -> None:
    """Train a projector and LoRA so that any language model writes ABC. Also under accelerate launch and torchrun."""
    from abcscribe.training.sft_text import SftTextTraining, main

    config = SftTextTraining(
        pairs, out, base, audio_tower, frames=frames, join=join, hidden=hidden, lora_rank=lora_rank, steps=steps,
        batch=batch, accumulate=accumulate, seed=seed,
    )  # fmt: skip
    _follow(main(config), config, tracker)


@app.command()
def rl(
    start: Annotated[Path, typer.Option(help="Checkpoint folder of abcscribe train sft.")] = Path("data/sft"),
    notes: Annotated[Path, typer.Option(help="Note cache of abcscribe data scores.")] = Path("data/notes.npz"),
    out: Annotated[Path, typer.Option(help="Run folder; a run that finds one there goes on from it.")] = Path(
        "data/rl"
    ),
    algorithm: Annotated[str, typer.Option(help="grpo or ppo.")] = "grpo",
    reward: Annotated[str, typer.Option(help="origin, full, or weights such as pitch=.5,rhythm=.3.")] = "full",
    minutes: Annotated[float, typer.Option(help="Time budget of all runs together.")] = 60.0,
    steps: Annotated[int | None, typer.Option(help="End earlier, after so many steps.")] = None,
    rate: Annotated[float, typer.Option(help="Learning rate.")] = 1e-4,
    windows: Annotated[int, typer.Option(help="Windows a step.")] = 8,
    group: Annotated[int, typer.Option(help="Answers to each window.")] = 8,
    longest: Annotated[int, typer.Option(help="Most notes of a window.")] = 48,
    minibatches: Annotated[int, typer.Option(help="Updates a step.")] = 1,
    epochs: Annotated[int, typer.Option(help="Times that each answer is learned from.")] = 1,
    by_part: Annotated[
        bool, typer.Option(help="GRPO: judge a token only by the parts of the reward that it can change.")
    ] = True,
    temperature: Annotated[float, typer.Option(help="Of the sampling.")] = 0.8,
    kl: Annotated[float, typer.Option(help="Weight of the KL to the start.")] = 0.005,
    entropy: Annotated[float, typer.Option(help="Weight of the entropy bonus.")] = 0.0,
    constrained: Annotated[bool, typer.Option(help="Sample under the grammar.")] = True,
    threads: Annotated[int, typer.Option(help="CPU threads.")] = 1,
    seed: Annotated[int, typer.Option()] = 1,
    *,
    tracker: Tracker,
) -> None:
    """Reinforcement learning on the music reward, from a supervised checkpoint; prints a JSON line a step."""
    from abcscribe.training.rl import main
    from abcscribe.training.rl_config import RlTraining, parse_reward

    config = RlTraining(
        notes, out, start, algorithm, parse_reward(reward), minutes, steps, rate, windows=windows, group=group,
        notes=(16, longest), minibatches=minibatches, epochs=epochs, by_part=by_part, temperature=temperature, kl=kl,
        entropy=entropy, constrained=constrained,
        threads=threads, seed=seed,
    )  # fmt: skip
    _follow(main(config), config, tracker)


@app.command()
def report(
    runs: Annotated[list[Path], typer.Argument(help="Run folders of train sft, train rl or train tower.")],
    out: Annotated[Path | None, typer.Option("-o", help="Folder to write to; by default the first run's.")] = None,
) -> None:
    """Draw the curves of runs: curves.png, and report.html with samples beside their references."""
    from abcscribe.training.report import report as write

    typer.echo(str(write(runs, out or runs[0])))


@app.command()
def ship(
    checkpoint: Annotated[Path, typer.Argument(help="Checkpoint folder of a training run.")],
    weights: Annotated[Path, typer.Argument(help="Folder to fill: ONNX to transcribe with, float16 to train on.")],
) -> None:
    """Keep of a checkpoint what a release needs."""
    from abcscribe.model import checkpoint as checkpoints

    checkpoints.ship(checkpoint, weights)


def _follow(entries: Iterable[dict], config: Any, tracker: str) -> None:
    """Run a training: each entry is a line of output, and goes to the tracker. Other processes than the first of a
    distributed run have no entries."""
    first = os.environ.get("RANK", "0") == "0"
    with tracking(tracker if first else "none", config.out, dataclasses.asdict(config)) as log:
        for entry in entries:
            typer.echo(json.dumps(entry))
            log(entry)
