"""``abcscribe train``: every option is a field of a config. Imports nothing heavy until a command runs."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from abcscribe import command, extras
from abcscribe.errors import AbcscribeError
from abcscribe.training import configs
from abcscribe.training.pace import Entry
from abcscribe.training.small import configs as small
from abcscribe.training.tracking import TRACKERS, default_tracker, tracking

TRACKER = Annotated[
    str,
    typer.Option(help=f"Where figures go besides log.jsonl: {', '.join(TRACKERS)}.", default_factory=default_tracker),
]
FLAGS = {"cache": "--notes"}  # a note cache is called after what is in it
TRAIN = ("torch", "safetensors", "scipy")  # what the extra brings that the trainings import

app = typer.Typer(help="Train the networks.", no_args_is_help=True)
small_app = typer.Typer(help="Fit one of the small networks, trees and tables.", no_args_is_help=True)
app.add_typer(small_app, name="small")


def tower(config: configs.TowerTraining, tracker: str) -> None:
    """Train the audio tower; prints a JSON line after the first step and then every so often.

    Ends with an ONNX file in the checkpoint folder.
    """
    extras.require("abcscribe train tower", "train", *TRAIN, "onnx", "soundfile")
    from abcscribe.model.checkpoint import export_tower
    from abcscribe.training.tower import main

    _follow(main(config), config, tracker)
    export_tower(config.out, config.out / "tower.onnx")


def sft(config: configs.SftTraining, tracker: str) -> None:
    """Train the language model to write what was heard. Also under torchrun, one process a core or device."""
    extras.require("abcscribe train sft", "train", *TRAIN, "soundfile")
    _check_notes(config.cache)
    from abcscribe.training.sft import main

    _follow(main(config), config, tracker)


def sft_text(config: configs.SftTextTraining, tracker: str) -> None:
    """Train a projector and LoRA so that any language model writes ABC. Also under accelerate launch and torchrun."""
    extras.require("abcscribe train sft-text", "train,hf", *TRAIN, "transformers", "peft", "accelerate")
    from abcscribe.training.sft_text import main

    _follow(main(config), config, tracker)


def rl(config: configs.RlTraining, tracker: str) -> None:
    """Reinforcement learning on the music reward, from a supervised checkpoint; prints a JSON line a step."""
    extras.require("abcscribe train rl", "train", *TRAIN, "rapidfuzz", "soundfile")
    _check_notes(config.cache)
    from abcscribe.training.rl import main

    _follow(main(config), config, tracker)


def chain(config: configs.ChainConfig) -> None:
    """What must be made again after a change, in order; with --run, make it.

    A chain that was stopped goes on where it stopped. What it makes on the way is kept in its folder, and log.jsonl
    there has a line for each step.
    """
    from abcscribe.training import chain as steps

    for line in steps.main(config):
        typer.echo(line)


def _fits(learner: small.Learner) -> Callable[[Any], None]:
    """What the command of a small learner does."""

    def fit(config: Any) -> None:
        extras.require(f"abcscribe train small {learner.name}", "train", *learner.needs)
        if hasattr(config, "cache"):
            _check_notes(config.cache)
        for entry in import_module(f"abcscribe.training.small.{learner.module}").main(config):
            typer.echo(json.dumps(entry))

    fit.__doc__ = f"{learner.summary} Writes {learner.file}; prints a JSON line for each figure."
    return fit


def _check_notes(path: Path) -> None:
    if not path.is_file():
        raise AbcscribeError(f"There is no note cache {path}: make it with abcscribe data scores.")


def _follow(entries: Iterable[Entry], config: Any, tracker: str) -> None:
    """Run a training: each entry is a line of output, and goes to the tracker. Other processes than the first of a
    distributed run have no entries."""
    first = os.environ.get("RANK", "0") == "0"
    with tracking(tracker if first else "none", config.out, dataclasses.asdict(config)) as log:
        for entry in entries:
            typer.echo(json.dumps(entry))
            log(entry)


command.add(app, "tower", configs.TowerTraining, tower, extra={"tracker": TRACKER})
command.add(app, "sft", configs.SftTraining, sft, flags=FLAGS, extra={"tracker": TRACKER})
command.add(app, "sft-text", configs.SftTextTraining, sft_text, arguments=("pairs",), extra={"tracker": TRACKER})
command.add(app, "rl", configs.RlTraining, rl, flags=FLAGS | {"notes": "--length"}, extra={"tracker": TRACKER})
command.add(app, "chain", configs.ChainConfig, chain, flags={"changed": "--from"})
for _learner in small.LEARNERS.values():
    command.add(small_app, _learner.name, _learner.config, _fits(_learner), flags=FLAGS)


@app.command()
def report(
    runs: Annotated[list[Path], typer.Argument(help="Run folders of train sft, train rl or train tower.")],
    out: Annotated[Path | None, typer.Option("-o", help="Folder to write to; by default the first run's.")] = None,
) -> None:
    """Draw the curves of runs: curves.png, and report.html with samples beside their references."""
    extras.require("abcscribe train report", "evaluate", "matplotlib")
    from abcscribe.training.report import report as write

    typer.echo(str(write(runs, out or runs[0])))


@app.command()
def ship(
    checkpoint: Annotated[Path, typer.Argument(help="Checkpoint folder of a training run.")],
    weights: Annotated[Path, typer.Argument(help="Folder to fill: ONNX to transcribe with, float16 to train on.")],
) -> None:
    """Keep of a checkpoint what a release needs."""
    extras.require("abcscribe train ship", "train", "torch", "safetensors", "onnx")
    from abcscribe.model import checkpoint as checkpoints

    checkpoints.ship(checkpoint, weights)
