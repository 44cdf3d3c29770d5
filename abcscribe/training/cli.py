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
from abcscribe.training.mt3_config import PRESETS, Mt3Training
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
    """Train the audio tower; prints a JSON line after the first step and then every so often. Also under torchrun, one
    process a core or device.

    Ends with an ONNX file in the checkpoint folder.
    """
    extras.require("abcscribe train tower", "train", *TRAIN, "onnx", "soundfile")
    from abcscribe.model.checkpoint import export_tower
    from abcscribe.training.tower import main

    _follow(main(config), config, tracker)
    if _first():
        export_tower(config.out, config.out / "tower.onnx")


def sft(config: configs.SftTraining, tracker: str) -> None:
    """Train the language model to write scores of heard notes. Also under torchrun, one process a core or device."""
    extras.require("abcscribe train sft", "train", *TRAIN, "soundfile")
    _check_notes(config.cache)
    from abcscribe.training.sft import main

    _follow(main(config), config, tracker)


def sft_text(config: configs.SftTextTraining, tracker: str) -> None:
    """Train a projector and LoRA so that any language model writes ABC. Also under accelerate launch and torchrun."""
    extras.require("abcscribe train sft-text", "train,hf", *TRAIN, "transformers", "peft", "accelerate")
    from abcscribe.training.sft_text import main

    _follow(main(config), config, tracker)


def llark(config: configs.LlarkTraining, tracker: str) -> None:
    """Train a replica of LLark, which answers questions about recordings, and examine it on held-out pieces."""
    extras.require("abcscribe train llark", "train,hf", *TRAIN, "transformers", "peft", "accelerate")
    from abcscribe.training.llark import main

    _follow(main(config), config, tracker)


def rl(config: configs.RlTraining, tracker: str) -> None:
    """Reinforcement learning on the music reward, from a supervised checkpoint; prints a JSON line a step. Also under
    torchrun, one process a core or device."""
    extras.require("abcscribe train rl", "train", *TRAIN, "rapidfuzz", "soundfile")
    _check_notes(config.cache)
    from abcscribe.training.rl import main

    _follow(main(config), config, tracker)


def rl_text(config: configs.RlTextTraining, tracker: str) -> None:
    """Reinforcement learning on the music reward of a model that writes ABC text; prints a JSON line a step. Also under
    torchrun, one process a core or device."""
    extras.require("abcscribe train rl-text", "train,hf", *TRAIN, "rapidfuzz", "transformers", "peft", "accelerate")
    from abcscribe.training.rl_text import main

    _follow(main(config), config, tracker)


def chain(config: configs.ChainConfig) -> None:
    """List the weights and data that a change makes stale, in order; with --run, rebuild them.

    A chain that was stopped goes on where it stopped. What it makes on the way is kept in its folder, and log.jsonl
    there has a line for each step.
    """
    from abcscribe.training import chain as steps

    for line in steps.main(config):
        typer.echo(line)


def _fits(learner: small.Learner) -> Callable[[Any], None]:
    """The function of a small learner's command."""

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
    with tracking(tracker if _first() else "none", config.out, dataclasses.asdict(config)) as log:
        for entry in entries:
            typer.echo(json.dumps(entry))
            log(entry)


def _first() -> bool:
    """Whether this process writes: torchrun and accelerate say its rank."""
    return os.environ.get("RANK", "0") == "0"


command.add(app, "tower", configs.TowerTraining, tower, extra={"tracker": TRACKER})
command.add(app, "sft", configs.SftTraining, sft, flags=FLAGS, extra={"tracker": TRACKER})
command.add(app, "sft-text", configs.SftTextTraining, sft_text, arguments=("pairs",), extra={"tracker": TRACKER})
command.add(app, "llark", configs.LlarkTraining, llark, arguments=("pairs",), extra={"tracker": TRACKER})
command.add(app, "rl", configs.RlTraining, rl, flags=FLAGS | {"notes": "--length"}, extra={"tracker": TRACKER})
command.add(
    app, "rl-text", configs.RlTextTraining, rl_text, flags=FLAGS | {"notes": "--length"}, extra={"tracker": TRACKER}
)
command.add(app, "chain", configs.ChainConfig, chain, flags={"changed": "--from"})
for _learner in small.LEARNERS.values():
    command.add(small_app, _learner.name, _learner.config, _fits(_learner), flags=FLAGS)


@app.command()
def mt3(
    recordings: Annotated[Path, typer.Option(help="Folder of abcscribe data record.")] = Path("data/recordings"),
    out: Annotated[Path, typer.Option(help="Checkpoint folder; a run that finds one there goes on from it.")] = Path(
        "data/mt3"
    ),
    preset: Annotated[str, typer.Option(help=f"{', '.join(PRESETS)}; smoke makes its own sounds.")] = "published",
    system: Annotated[str, typer.Option(help="seq2seq-piano, mt3 or mr-mt3.")] = Mt3Training.system,
    start: Annotated[Path | None, typer.Option(help="Checkpoint whose weights a new run begins with.")] = None,
    minutes: Annotated[float | None, typer.Option(help=f"Time budget of all runs; {Mt3Training.minutes:g}.")] = None,
    steps: Annotated[int | None, typer.Option(help="End earlier, after so many steps of all runs.")] = None,
    batch: Annotated[int | None, typer.Option(help=f"Segments a step; {Mt3Training.batch}.", min=1)] = None,
    rate: Annotated[float | None, typer.Option(help=f"Peak learning rate; {Mt3Training.rate:g}.")] = None,
    pitch_weight: Annotated[
        float, typer.Option(help="Of the loss that asks the encoder for pitches; 0: as published.")
    ] = Mt3Training.pitch_weight,
    alignment_weight: Annotated[
        float, typer.Option(help="Of the loss that tells a head where to look; 0: as published.")
    ] = Mt3Training.alignment_weight,
    blurred_steps: Annotated[
        int, typer.Option(help="Steps of 10 ms over which the target of a time is spread; 0: as published.", min=0)
    ] = Mt3Training.blurred_steps,
    device: Annotated[
        str, typer.Option(help="Device of torch: cpu, cuda, cuda:1; auto: cuda if there is one.")
    ] = Mt3Training.device,
    threads: Annotated[int, typer.Option(help="CPU threads.")] = Mt3Training.threads,
    seed: Annotated[int, typer.Option()] = Mt3Training.seed,
    *,
    tracker: TRACKER,
) -> None:
    """Train a network of the MT3 family; prints a JSON line every 25 steps. Also under torchrun, one process a core or
    device. Ends with ONNX files in OUT/onnx."""
    if preset not in PRESETS:
        raise typer.BadParameter(f"There is no preset {preset!r}; there are {', '.join(PRESETS)}.")
    from abcscribe.hearing.mt3 import checkpoint, onnx_export
    from abcscribe.training.mt3 import main

    if preset == "smoke" and not recordings.exists():
        from abcscribe.synthesis.recordings import save_tones

        recordings = out / "tones"
        save_tones(recordings)
    given = {"minutes": minutes, "steps": steps, "batch": batch, "rate": rate}
    settings = PRESETS[preset] | {name: value for name, value in given.items() if value is not None}
    config = Mt3Training(
        recordings, out, system, start=start, pitch_weight=pitch_weight, alignment_weight=alignment_weight,
        blurred_steps=blurred_steps, device=device, threads=threads, seed=seed, **settings,
    )  # fmt: skip
    _follow(main(config), config, tracker)
    if _first():
        onnx_export.export(checkpoint.load(out / "model.safetensors"), out / "onnx")


@app.command()
def report(
    runs: Annotated[list[Path], typer.Argument(help="Run folders of train sft, train rl or train tower.")],
    out: Annotated[Path | None, typer.Option("-o", help="Folder to write to; by default the first run's.")] = None,
) -> None:
    """Draw the curves of runs: curves.png, and report.html with samples beside their references."""
    extras.require("abcscribe train report", "evaluate", "matplotlib")
    from abcscribe.training.report import report as write

    typer.echo(str(write(runs, out or runs[0])))


@app.command("merge")
def merge_lora(
    system: Annotated[
        str, typer.Argument(help="qwen2-audio, qwen2.5-omni, audio-flamingo, music-flamingo or voxtral.")
    ],
    checkpoint: Annotated[Path, typer.Argument(help="Folder of abcscribe train sft-text --system or rl-text.")],
    out: Annotated[Path, typer.Argument(help="Folder to fill with whole weights, for a server such as vllm.")],
) -> None:
    """Merge LoRA matrices into their base."""
    extras.require("abcscribe train merge", "hf", "torch", "transformers", "peft")
    from abcscribe.text_systems.processor_model import FAMILIES, merge

    if system not in FAMILIES:
        raise typer.BadParameter(f"There is no system {system!r}; there are {', '.join(FAMILIES)}.")
    merge(system, checkpoint, out)
    typer.echo(f"Now: abcscribe transcribe RECORDING --engine {system}:{out}", err=True)


@app.command()
def ship(
    checkpoint: Annotated[Path, typer.Argument(help="Checkpoint folder of a training run.")],
    weights: Annotated[Path, typer.Argument(help="Folder to fill: ONNX to transcribe with, float16 to train on.")],
) -> None:
    """Write the files of a release from a checkpoint."""
    extras.require("abcscribe train ship", "train", "torch", "safetensors", "onnx")
    from abcscribe.model import checkpoint as checkpoints

    checkpoints.ship(checkpoint, weights)
