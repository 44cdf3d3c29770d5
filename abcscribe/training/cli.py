"""``abcscribe train``. Imports nothing heavy until a command runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Train the networks.", no_args_is_help=True)


@app.command()
def tower(
    clips: Annotated[Path, typer.Option(help="Folder of abcscribe data render.")] = Path("data/clips"),
    out: Annotated[Path, typer.Option(help="Checkpoint folder; a run that finds one there goes on from it.")] = Path(
        "data/tower"
    ),
    start: Annotated[Path | None, typer.Option(help="Checkpoint folder whose weights a new run begins with.")] = None,
    minutes: Annotated[float, typer.Option(help="Time budget of all runs together.")] = 90.0,
    batch: Annotated[int, typer.Option(help="Clips a step.")] = 12,
    threads: Annotated[int, typer.Option(help="CPU threads.")] = 2,
) -> None:
    """Train the audio tower; prints one JSON line every 50 steps. Ends with an ONNX file in the checkpoint folder."""
    from abcscribe.model.checkpoint import export_tower
    from abcscribe.training.tower import TowerTraining, main

    for entry in main(TowerTraining(clips, out, start, minutes, batch=batch, threads=threads)):
        typer.echo(json.dumps(entry))
    export_tower(out, out / "tower.onnx")


@app.command()
def sft(
    notes: Annotated[Path, typer.Option(help="Note cache of abcscribe data scores.")] = Path("data/notes.npz"),
    out: Annotated[Path, typer.Option(help="Checkpoint folder; a run that finds one there goes on from it.")] = Path(
        "data/sft"
    ),
    start: Annotated[Path | None, typer.Option(help="Checkpoint folder whose weights a new run begins with.")] = None,
    minutes: Annotated[float, typer.Option(help="Time budget of all runs together.")] = 90.0,
    threads: Annotated[int, typer.Option(help="CPU threads of each process.")] = 1,
    seed: Annotated[int, typer.Option()] = 1,
) -> None:
    """Train the language model to write what was heard. Also under torchrun, one process a core or device."""
    from abcscribe.training.sft import SftTraining, main

    for entry in main(SftTraining(notes, out, start, minutes, threads=threads, seed=seed)):
        typer.echo(json.dumps(entry))


@app.command()
def ship(
    checkpoint: Annotated[Path, typer.Argument(help="Checkpoint folder of a training run.")],
    weights: Annotated[Path, typer.Argument(help="Folder to fill: ONNX to transcribe with, float16 to train on.")],
) -> None:
    """Keep of a checkpoint what a release needs."""
    from abcscribe.model import checkpoint as checkpoints

    checkpoints.ship(checkpoint, weights)
