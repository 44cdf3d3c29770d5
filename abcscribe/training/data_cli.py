"""``abcscribe data``: scores -> note cache -> rendered clips. Imports nothing heavy until a command runs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from abcscribe.progress import progress_bar

app = typer.Typer(help="Make the training data: read the scores, perform and record them.", no_args_is_help=True)

Corpora = Annotated[
    Path | None,
    typer.Option(envvar="ABCSCRIBE_CORPORA", help="Folder with openscore-lieder and openscore-string-quartets."),
]


@app.command()
def scores(
    out: Annotated[Path, typer.Option(help="Note cache to write, with a .csv manifest beside it.")] = Path(
        "data/notes.npz"
    ),
    corpora: Corpora = None,
    folder: Annotated[list[Path] | None, typer.Option(help="More scores: ABC, MusicXML, MIDI, kern.")] = None,
) -> None:
    """Read every training score that may be used into one file of notes."""
    from abcscribe.corpora.collections import build_cache

    out.parent.mkdir(parents=True, exist_ok=True)
    with progress_bar("reading scores") as advance:
        cached = build_cache(out, corpora, folder or [], progress=advance)
    typer.echo(f"{len(cached)} pieces in {out}", err=True)


@app.command()
def suite(
    out: Annotated[Path, typer.Argument(help="Folder to fill with recordings, scores and a manifest.csv.")],
    notes: Annotated[Path, typer.Option(help="Note cache.")] = Path("data/notes.npz"),
    clips: Annotated[int, typer.Option(help="Recordings.")] = 320,
    seed: Annotated[int, typer.Option()] = 1,
    samples: Annotated[
        Path | None, typer.Option(help="Folder of sampled instruments that training never hears.")
    ] = None,
    sounds: Annotated[
        Path | None, typer.Option(help="Bank of abcscribe data sounds: its held-out instruments play.")
    ] = None,
) -> None:
    """Record pieces of the test split for abcscribe evaluate, as its suites with a name are."""
    from abcscribe.synthesis.suite import SuiteConfig, make_suite

    with progress_bar("recording") as advance:
        for done, total in make_suite(SuiteConfig(notes, out, clips, seed, samples, sounds)):
            advance(done, total)


@app.command()
def sounds(
    folder: Annotated[Path, typer.Argument(help="Folder of libraries: in each LICENSE, SOURCE and recorded notes.")],
    out: Annotated[Path, typer.Option(help="Bank to write, with a .csv of its instruments beside it.")] = Path(
        "data/sounds.npz"
    ),
) -> None:
    """Read recorded notes into one bank that training plays on: checked, measured, looped."""
    from abcscribe.synthesis import sound_bank

    with progress_bar("reading sounds") as advance:
        bank = sound_bank.build_bank(folder, advance)
    sound_bank.save(bank, out)
    sound_bank.write_credits(bank, out.with_suffix(".csv"))
    typer.echo(f"{len(bank.begin)} notes of {len(bank.instruments)} instruments in {out}", err=True)


@app.command()
def render(
    out: Annotated[Path, typer.Option(help="Folder of clips to fill.")] = Path("data/clips"),
    notes: Annotated[Path, typer.Option(help="Note cache; made first if it is missing.")] = Path("data/notes.npz"),
    corpora: Corpora = None,
    shards: Annotated[int, typer.Option(help="Training shards of 128 clips (22 minutes of sound, 22 MB) each.")] = 260,
    seed: Annotated[int, typer.Option()] = 1,
    jobs: Annotated[int, typer.Option(help="Processes.")] = os.cpu_count() or 1,
) -> None:
    """Perform and record the scores. Stops and goes on anywhere; the same seed gives the same clips."""
    from abcscribe.synthesis.render import RenderConfig
    from abcscribe.synthesis.render import render as render_clips

    if not notes.exists():
        scores(out=notes, corpora=corpora)
    with progress_bar("rendering") as advance:
        for done, total in render_clips(RenderConfig(notes, out, shards=shards, seed=seed, jobs=jobs)):
            advance(done, total)
    typer.echo(f"{shards} shards in {out}", err=True)


@app.command()
def listen(
    out: Annotated[Path, typer.Option(help="Folder to fill.")] = Path("data/heard"),
    notes: Annotated[Path, typer.Option(help="Note cache.")] = Path("data/notes.npz"),
    shards: Annotated[int, typer.Option(help="Of 100 windows, a minute of one core each.")] = 30,
    split: Annotated[str, typer.Option(help="train or valid.")] = "train",
    seed: Annotated[int, typer.Option()] = 1,
    jobs: Annotated[int, typer.Option(help="Processes.")] = os.cpu_count() or 1,
) -> None:
    """Record windows of the scores and keep what the tower hears of them, for abcscribe train sft --heard."""
    from abcscribe.training.heard_windows import ListeningConfig, keep_windows

    with progress_bar("listening") as advance:
        for done, total in keep_windows(ListeningConfig(notes, out, split, shards, seed, jobs)):
            advance(done, total)
