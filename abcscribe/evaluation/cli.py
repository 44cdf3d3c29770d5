"""``abcscribe evaluate``, ``probe`` and ``ask``: Typer commands for the command line to add."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from abcscribe import extras

if TYPE_CHECKING:
    from abcscribe.evaluation.run import Row

DEFAULT_OUT = "evaluation"
NEEDED = ("scipy", "rapidfuzz", "mir_eval", "mcr", "pyMV2H", "matplotlib")  # the extra "evaluate"


def add_commands(app: typer.Typer) -> None:
    """Add ``evaluate``, ``probe`` and ``ask`` to an app."""
    app.command()(evaluate)
    app.command()(probe)
    app.command()(ask)


def evaluate(
    suite: Annotated[
        str,
        typer.Option(
            help="Folder with recordings and a manifest.csv, or a name: rendered, unseen-timbres, valid-sounds, folk."
        ),
    ],
    engine: Annotated[
        str, typer.Option(metavar="NAME,...", help="Engines; majority does not listen; all: what is here.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for rows, scores and report.")] = Path(
        DEFAULT_OUT
    ),
    protocol: Annotated[str, typer.Option(help="standard, or origin: 30 clips, 3 sampled answers.")] = "standard",
    jobs: Annotated[int, typer.Option(min=1, help="Recordings to work on at once.")] = 1,
    on: Annotated[
        str,
        typer.Option(help="ray or ray://HOST:PORT: on a cluster that shares the suite's folder."),
    ] = "",
    clips: Annotated[int | None, typer.Option(min=1, help="Only the first so many recordings of the suite.")] = None,
    notes: Annotated[Path, typer.Option(help="Note cache that a named suite is made from.")] = Path("data/notes.npz"),
    samples: Annotated[Path, typer.Option(help="Sampled instruments for unseen-timbres.")] = Path("data/samples"),
    sounds: Annotated[Path, typer.Option(help="Bank of recorded notes for valid-sounds.")] = Path("data/sounds.npz"),
    suites_folder: Annotated[Path, typer.Option("--suites", help="Where named suites are kept.")] = Path("data/suites"),
) -> None:
    """Compare engines on recordings whose notes and scores are known.

    A suite with a name is made once, from pieces outside the training data, and kept; that needs FluidSynth.

    Writes rows.jsonl, a row of figures for each recording and engine, and report.html. Rows that are there already are
    kept, so a run that was stopped goes on, and an engine can be added later.
    """
    extras.require("abcscribe evaluate", "evaluate", *NEEDED)
    from abcscribe.evaluation import report, run, suites

    if protocol not in run.PROTOCOLS:
        raise typer.BadParameter(f"There is no protocol {protocol!r}; there are {', '.join(run.PROTOCOLS)}.")
    folder = Path(suite) if Path(suite).is_dir() else _named(suite, notes, samples, sounds, suites_folder)
    chosen_clips = suites.read_suite(folder)[:clips]
    names = _expanded([name.strip() for name in engine.split(",") if name.strip()])
    output.mkdir(parents=True, exist_ok=True)
    chosen = run.PROTOCOLS[protocol]
    rows = run.evaluate(chosen_clips, names, output, chosen, jobs, _tell, on)
    page = report.write_report(output, rows, chosen, folder.name, shlex.join(["abcscribe", *sys.argv[1:]]))
    typer.echo(f"{len(rows)} rows; report: {page}", err=True)


def _expanded(names: list[str]) -> list[str]:
    """Names without doubles; "all" are the systems that come with weights, and the majority's answer."""
    from abcscribe import systems
    from abcscribe.evaluation.systems import MAJORITY

    every = [MAJORITY, *systems.with_weights()] if "all" in names else []
    return list(dict.fromkeys(one for name in names for one in (every if name == "all" else [name])))


def probe(
    folder: Annotated[Path, typer.Argument(help="Local copy of the data set, such as a suite made here.")],
    tower: Annotated[
        str,
        typer.Option(metavar="NAME,...", help="abcscribe, whisper:NAME, encoder:NAME, encodec:NAME ..."),
    ] = "abcscribe",
    layers: Annotated[str, typer.Option(metavar="N,...", help="all, or numbers from 0.")] = "all",
    tasks: Annotated[str, typer.Option(metavar="NAME,...", help="What is read off.")] = (
        "key,tempo,metre,instrument,notes"
    ),
    data_set: Annotated[str, typer.Option(help="abcscribe data fetch lists them; suite is one made here.")] = "suite",
    out: Annotated[Path, typer.Option("-o", "--output", help="Folder for figures, table, plot and frames.")] = Path(
        "probes"
    ),
    most: Annotated[int | None, typer.Option(min=1, help="Recordings at most.")] = None,
) -> None:
    """Fit linear probes: what each layer of an audio tower knows of key, tempo, metre, instruments and notes.

    Writes probes.md, probes.json and probes.png. What towers make of the recordings is kept, so a run that was stopped
    goes on.
    """
    extras.require("abcscribe probe", "train,evaluate", "torch", "matplotlib", "scipy")
    from abcscribe.corpora.data_sets import data_set as named
    from abcscribe.evaluation import probes
    from abcscribe.progress import progress_bar
    from abcscribe.text_systems.feature_towers import load_layered_tower

    chosen = [name.strip() for name in tasks.split(",")]
    if unknown := [name for name in chosen if name not in probes.TASKS]:
        raise typer.BadParameter(f"There is no task {unknown[0]!r}; there are {', '.join(probes.TASKS)}.")
    recordings = [one for one in named(data_set).read(folder) if one.audio.is_file()][:most]
    results = {}
    for name in (one.strip() for one in tower.split(",")):
        clips: list[probes.Clip] = []
        with progress_bar(name) as advance:
            for clip in probes.heard(recordings, load_layered_tower(name), out / "frames", name):
                clips.append(clip)
                advance(len(clips), len(recordings))
        wanted = probes.layers_of(layers, len(clips[0].means))
        results[name] = list(probes.probe(clips, wanted, chosen, lambda words: typer.echo(words, err=True)))
    probes.write(results, out)
    typer.echo(probes.table(results))


def ask(
    recording: Annotated[Path, typer.Argument(help="What is asked about: its first 25 seconds.")],
    questions: Annotated[list[str], typer.Argument(metavar="QUESTION...", help="Such as: What is the key?")],
    model: Annotated[str, typer.Option(help="Folder of abcscribe train llark, or a name on the Hub.")] = "data/llark",
) -> None:
    """Ask a replica of LLark about a recording. Prints a line for each answer."""
    from abcscribe.text_systems import llark

    for answer in llark.load("llark", model).ask(recording, *questions):
        typer.echo("".join(c if c.isprintable() else " " for c in answer))


def _named(name: str, notes: Path, samples: Path, sounds: Path, home: Path) -> Path:
    """The folder of a named suite, made now if need be."""
    from abcscribe.progress import progress_bar

    extras.require(f"The suite {name!r}, which is no folder,", "train", "soundfile", "scipy")
    from abcscribe.synthesis import suite as recorded

    if name not in recorded.NAMED:
        known = ", ".join(recorded.NAMED)
        raise typer.BadParameter(f"{name!r} is neither a folder nor the name of a suite; names are {known}.")
    with progress_bar("recording") as advance:
        for done, total in recorded.made(name, notes, home, samples, sounds=sounds):
            advance(done, total)
    return home / name


def _tell(row: Row) -> None:
    """Print a line for a row."""
    figures = row["figures"]
    shown = {"reward": "reward.full", "onset F1": "notes.onset_f1"}
    said = ", ".join(f"{label} {figures[name]:.2f}" for label, name in shown.items() if name in figures)
    typer.echo(f"{row['system']:12} {row['clip']}: {row['error'] or said or 'done'}", err=True)
