"""``abcscribe data``: scores -> note cache -> rendered clips. Imports nothing heavy until a command runs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from abcscribe import command, extras
from abcscribe.progress import progress_bar
from abcscribe.synthesis import configs as synthesis
from abcscribe.training import configs

if TYPE_CHECKING:
    from abcscribe.corpora.recording import DataSet

app = typer.Typer(help="Make the training data: read the scores, perform and record them.", no_args_is_help=True)

Corpora = Annotated[
    Path | None,
    typer.Option(envvar="ABCSCRIBE_CORPORA", help="Folder with openscore-lieder and openscore-string-quartets."),
]
FLAGS = {"cache": "--notes"}
RECORD = ("soundfile", "fluidsynth")  # modules of the extra "train" with which sound is made


@app.command()
def scores(
    out: Annotated[Path, typer.Option(help="Note cache to write, with a .csv manifest beside it.")] = configs.NOTES,
    corpora: Corpora = None,
    folder: Annotated[list[Path] | None, typer.Option(help="More scores: ABC, MusicXML, MIDI, kern.")] = None,
    installed: Annotated[bool, typer.Option(help="Read the corpus inside the music21 wheel, too.")] = True,
    jobs: Annotated[int, typer.Option(help="Processes.", min=1)] = os.cpu_count() or 1,
) -> None:
    """Read every training score that may be used into one file of notes."""
    extras.require("abcscribe data scores", "train", "scipy")
    from abcscribe.corpora.collections import build_cache

    out.parent.mkdir(parents=True, exist_ok=True)
    with progress_bar("reading scores") as advance:
        cached = build_cache(out, corpora, folder or [], installed=installed, progress=advance, jobs=jobs)
    typer.echo(f"{len(cached)} pieces in {out}", err=True)


def suite(config: synthesis.SuiteConfig) -> None:
    """Record pieces of a split for abcscribe evaluate, as its suites with a name are."""
    extras.require("abcscribe data suite", "train", *RECORD)
    from abcscribe.synthesis.suite import make_suite

    with progress_bar("recording") as advance:
        for done, total in make_suite(config):
            advance(done, total)


def render(config: synthesis.RenderConfig, corpora: Path | None) -> None:
    """Perform and record the scores. An interrupted run is resumed; the same seed gives the same clips.

    The note cache is made first if it is missing.
    """
    extras.require("abcscribe data render", "train", *RECORD)
    from abcscribe.synthesis.render import render as render_clips

    if not config.cache.exists():
        scores(out=config.cache, corpora=corpora)
    with progress_bar("rendering") as advance:
        for done, total in render_clips(config):
            advance(done, total)
    typer.echo(f"{config.shards} shards in {config.out}", err=True)


@app.command()
def made_sounds(
    folder: Annotated[Path, typer.Argument(help="Folder of libraries to add to.")],
    seed: Annotated[int, typer.Option(help="Of vibrato, vowels and tuning.")] = 1,
) -> None:
    """Record notes of soundfonts and of the singer, for the instruments that no library of recorded notes has."""
    extras.require("abcscribe data made-sounds", "train", *RECORD)
    from abcscribe.synthesis.made_library import write_made_library

    typer.echo(f"{write_made_library(folder, seed)} notes in {folder}", err=True)


@app.command()
def sounds(
    folder: Annotated[Path, typer.Argument(help="Folder of libraries: in each LICENSE, SOURCE and recorded notes.")],
    out: Annotated[Path, typer.Option(help="Bank to write, with a .csv of its instruments beside it.")] = (
        configs.SOUNDS
    ),
    on: Annotated[str, typer.Option(help="ray or ray://HOST:PORT: on a cluster that shares the folder.")] = "",
) -> None:
    """Read recorded notes into one bank that training plays on: checked, measured, looped."""
    extras.require("abcscribe data sounds", "train", "soundfile", "scipy")
    from abcscribe.synthesis import sound_bank

    with progress_bar("reading sounds") as advance:
        bank = sound_bank.build_bank(folder.absolute(), advance, on)
    sound_bank.save(bank, out)
    sound_bank.write_credits(bank, out.with_suffix(".csv"))
    typer.echo(f"{len(bank.begin)} notes of {len(bank.instruments)} instruments in {out}", err=True)


@app.command()
def record(
    out: Annotated[Path, typer.Option(help="Folder of recordings to fill.")] = Path("data/recordings"),
    notes: Annotated[Path, typer.Option(help="Note cache; made first if it is missing.")] = Path("data/notes.npz"),
    corpora: Corpora = None,
    shards: Annotated[int, typer.Option(help="Training shards of 128 recordings (22 minutes, 42 MB) each.")] = 60,
    textures: Annotated[str, typer.Option(help="Of the pieces: line, keyboard, ensemble.")] = "line,keyboard,ensemble",
    parts: Annotated[int, typer.Option(help="Most parts of a recording, drums not counted.", min=1)] = 8,
    programs: Annotated[str, typer.Option(help="General MIDI numbers (0-127) to draw from; default: all.")] = "",
    drums: Annotated[float, typer.Option(help="Share of recordings with a drum kit.", min=0, max=1)] = 0.3,
    rooms: Annotated[bool, typer.Option(help="Add rooms, microphones, noise and codecs.")] = True,
    seed: Annotated[int, typer.Option()] = 1,
    jobs: Annotated[int, typer.Option(help="Processes.")] = os.cpu_count() or 1,
) -> None:
    """Record the scores with instruments and drums, for abcscribe train mt3. Stops and goes on anywhere."""
    from abcscribe.synthesis.recordings import RecordingConfig
    from abcscribe.synthesis.recordings import record as record_all

    config = RecordingConfig(
        notes, out, shards, textures=textures, parts=parts, programs=programs, drums=drums, rooms=rooms, seed=seed,
        jobs=jobs,
    )  # fmt: skip
    if not notes.exists():
        scores(out=notes, corpora=corpora)
    with progress_bar("recording") as advance:
        for done, total in record_all(config):
            advance(done, total)
    typer.echo(f"{shards} shards in {out}", err=True)


@app.command()
def fetch(
    name: Annotated[str | None, typer.Argument(help="Data set; none lists all.")] = None,
    folder: Annotated[Path | None, typer.Option(help="Local copy to check.")] = None,
) -> None:
    """Say where a data set of recordings is to be had and how it lies on the disk, and check a local copy.

    Nothing is downloaded: terms are to be read and accepted by people.
    """
    from abcscribe.corpora.data_sets import DATA_SETS, data_set
    from abcscribe.corpora.recording import checked

    if name is None:
        for one in DATA_SETS.values():
            typer.echo(f"{one.name:10} {one.title}: {one.recordings or 'any number of'} recordings, {one.licence.name}")
        return
    chosen = data_set(name)
    if folder is None:
        for line in _to_get(chosen):
            typer.echo(line)
        return
    found = list(checked(chosen, folder))
    for _, sentence in found:
        typer.echo(sentence)
    if not all(good for good, _ in found):
        raise typer.Exit(1)


def _to_get(one: DataSet) -> Iterator[str]:
    """What is to be said of a data set."""
    yield f"{one.title}, {one.home or 'made by abcscribe data suite'}"
    yield f"Terms: {one.licence.name} ({one.licence.reason}). Cite: {one.citation or 'nothing'}"
    for download in one.downloads:
        digest = f"sha256 {download.sha256}" if download.sha256 else f"md5 {download.md5}" if download.md5 else ""
        yield f"Get: {download.url} -> {download.name} ({download.size}; {digest or 'no checksum is published'})"
    yield f"Splits: {one.splits}"
    yield f"Then it lies so:\n{one.layout}"
    yield f"Check it: abcscribe data fetch {one.name} --folder FOLDER"


@app.command()
def bench(
    sources: Annotated[Path, typer.Argument(help="Folder with local copies of the sources, each as it was published.")],
    out: Annotated[Path, typer.Argument(help="Folder to fill: a suite for abcscribe evaluate.")],
) -> None:
    """Put the benchmark of docs/results.md together from its public sources; says what is missing, and where it is."""
    from abcscribe.evaluation.bench import assemble

    with progress_bar("assembling") as advance:
        for done, total in assemble(sources, out, lambda sentence: typer.echo(sentence, err=True)):
            advance(done, total)
    typer.echo(f"Now: abcscribe evaluate --suite {out} --engine abcscribe", err=True)


def export(config: configs.ExportConfig) -> None:
    """Make windows with ABC, questions, embeddings, a suite or training shards of a data set of recordings."""
    needs = {"suite": ("soundfile",), "recordings": (), "clips": ()}.get(config.kind, ("pyarrow",))
    extras.require("abcscribe data export", "train,data", "torch", "symusic", *needs)
    from abcscribe.training.recorded_exports import export as make

    with progress_bar("exporting") as advance:
        for done, total in make(config, lambda sentence: typer.echo(sentence, err=True)):
            advance(done, total)
    typer.echo(f"{config.kind} of {config.data_set} in {config.out}", err=True)


def listen(config: configs.ListeningConfig) -> None:
    """Record windows of the scores and store the tower's notes of them, for the language model and the analysis."""
    extras.require("abcscribe data listen", "train", *RECORD)
    from abcscribe.training.heard_windows import keep_windows

    with progress_bar("listening") as advance:
        for done, total in keep_windows(config):
            advance(done, total)


def listen_clips(config: configs.ClipListeningConfig) -> None:
    """Record excerpts of the scores and store the tower's notes of them, for training the analysis."""
    extras.require("abcscribe data listen-clips", "train", *RECORD)
    from abcscribe.training.small.heard_clips import keep_clips

    with progress_bar("listening") as advance:
        for done, total in keep_clips(config):
            advance(done, total)


command.add(app, "suite", synthesis.SuiteConfig, suite, arguments=("out",), flags=FLAGS)
command.add(app, "render", synthesis.RenderConfig, render, flags=FLAGS, extra={"corpora": (Corpora, None)})
command.add(app, "export", configs.ExportConfig, export, arguments=("data_set", "kind"))
command.add(app, "listen", configs.ListeningConfig, listen, flags=FLAGS)
command.add(app, "listen-clips", configs.ClipListeningConfig, listen_clips, flags=FLAGS)
