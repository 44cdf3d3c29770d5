"""The command line. Data goes to stdout, and only with ``-o -``; all that is said goes to stderr.

Exit codes: 0, 1 if something could not be done (one sentence says what and why), 2 for a command that makes no sense,
130 for Ctrl-C. Only the standard library and typer are imported before it is known what is wanted: ``--help`` is quick.
"""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from abcscribe import hints, systems
from abcscribe.errors import AbcscribeError, is_failure, sentence
from abcscribe.evaluation import cli as evaluation_cli
from abcscribe.formats import known, render_with_recording
from abcscribe.training import cli as training_cli
from abcscribe.training import data_cli as data_cli

if TYPE_CHECKING:
    from abcscribe.arranging import Arrangement
    from abcscribe.batch import Job, Outcome, Settings
    from abcscribe.progress import Advance
    from abcscribe.score.model import Score
    from abcscribe.transcription import Event

DEFAULT_FORMATS = "abc,musicxml,midi,pdf"

app = typer.Typer(
    help="A recording goes in, a readable score comes out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain text: quick, and an error stays one line
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

evaluation_cli.add_commands(app)
app.add_typer(data_cli.app, name="data")
app.add_typer(training_cli.app, name="train")

_T = TypeVar("_T")


def _version(wanted: bool) -> None:
    if wanted:
        import abcscribe

        typer.echo(f"abcscribe {abcscribe.__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version and stop.")
    ] = False,
) -> None:
    """A recording goes in, a readable score comes out."""


def main() -> None:
    """Carry out the command that ``sys.argv`` holds. With ABCSCRIBE_DEBUG set, failures keep their traceback."""
    try:
        app()
    except BaseException as error:
        if os.environ.get("ABCSCRIBE_DEBUG") or isinstance(error, SystemExit | KeyboardInterrupt):
            raise
        if not is_failure(error):
            raise
        _say(sentence(error))
        sys.exit(1)


def _say(text: str) -> None:
    """One line on stderr. Names of files may hold anything, line breaks and terminal commands too."""
    typer.echo("".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text), err=True)


def _option(*names: str, parse: Callable[[str], _T] | None = None, **settings: Any) -> Any:
    """An option whose text ``parse`` understands; what it does not is a usage error."""

    def parsed(text: str) -> _T:
        assert parse is not None
        try:
            return parse(text)
        except AbcscribeError as error:
            raise typer.BadParameter(str(error)) from None

    return typer.Option(*names, parser=parsed if parse else None, **settings)


def _formats(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip().lower() for name in text.split(",") if name.strip()))
    unknown = [name for name in names if name not in known()]
    if unknown or not names:
        raise typer.BadParameter(f"{', '.join(unknown) or text!r} is no format; there are {', '.join(known())}.")
    return names


def _engine(name: str) -> str:
    systems.parse(name)
    return name


def _tuning(text: str) -> str:
    from abcscribe.score.tab import open_strings

    open_strings(text)
    return text


Arrange = Annotated[
    str, typer.Option("--arrange", metavar="full|lead|melody|piano|guitar", help="The score for other players.")
]
Level = Annotated[str, typer.Option("--level", metavar="full|easy", help="How hard --arrange piano or guitar may be.")]
Repeats = Annotated[bool, typer.Option("--repeats", help="Write equal sections as repeats, with letters.")]
Tuning = Annotated[Any, _option("--tuning", parse=_tuning, metavar="'D2 A2 D3 G3 B3 E4'", help="For the tab formats.")]

Title = Annotated[str | None, typer.Option(help="The title, in place of the file's own.")]
Composer = Annotated[str | None, typer.Option(help="The composer, in place of the file's own.")]
Concert = Annotated[bool, typer.Option("--concert", help="Transposing instruments at sounding pitch.")]


@app.command()
def transcribe(
    files: Annotated[
        list[str] | None,
        typer.Argument(help="Recordings, videos, MIDI files; - for stdin. Folders are searched for recordings."),
    ] = None,
    output: Annotated[str, _option("-o", "--output", help="Folder for the scores; - for stdout.")] = ".",
    formats: Annotated[
        Any, _option("-f", "--formats", parse=_formats, metavar="NAME,...", help="abcscribe formats lists them.")
    ] = DEFAULT_FORMATS,
    engine: Annotated[
        str, _option("--engine", parse=_engine, metavar="NAME", help="abcscribe engines lists them.")
    ] = systems.DEFAULT,
    tempo: Annotated[
        Any, _option("--tempo", parse=hints.parse_tempo, metavar="BPM", help="Quarters a minute, or 3/8=74.")
    ] = None,
    metre: Annotated[Any, _option("--metre", parse=hints.parse_metre, metavar="3/4")] = None,
    key: Annotated[Any, _option("--key", parse=hints.parse_key, metavar="'Bb minor'")] = None,
    players: Annotated[
        Any,
        _option(
            "--instruments",
            "--instrument",
            parse=hints.parse_instruments,
            metavar="'voice, guitar'",
            help="All who play; abcscribe instruments lists the names.",
        ),
    ] = None,
    parts: Annotated[Any, _option("--parts", parse=hints.parse_parts, metavar="N", help="How many play.")] = None,
    solo: Annotated[bool, typer.Option("--solo", help="Write only the soloist's melody.")] = False,
    chords: Annotated[
        bool | None, typer.Option("--chords/--no-chords", help="Chord symbols; found in songs if nothing is said.")
    ] = None,
    swing: Annotated[
        bool | None,
        typer.Option("--swing/--straight", help="Swung eighths, printed even; found by ear if nothing is said."),
    ] = None,
    downbeat: Annotated[
        Any, _option("--downbeat", parse=hints.parse_seconds, metavar="TIME", help="When some bar begins.")
    ] = None,
    start: Annotated[
        Any, _option("--start", parse=hints.parse_seconds, metavar="TIME", help="Skip what comes before.")
    ] = None,
    end: Annotated[
        Any, _option("--end", parse=hints.parse_seconds, metavar="TIME", help="Skip what comes after.")
    ] = None,
    tuning: Tuning = None,
    arrange: Arrange = "full",
    level: Level = "full",
    repeats: Repeats = False,
    stems: Annotated[
        Path | None, typer.Option("--stems", metavar="DIR", help="A folder in which every file is a part of one piece.")
    ] = None,
    title: Title = None,
    composer: Composer = None,
    concert: Concert = False,
    performed: Annotated[bool, typer.Option("--performed", help="MIDI files were played, not printed.")] = False,
    jobs: Annotated[int, typer.Option(help="Recordings to work on at once.", min=1)] = 1,
    on: Annotated[
        str, typer.Option(help="ray or ray://HOST:PORT: a folder, here or as s3://..., on the machines of a cluster.")
    ] = "",
) -> None:
    """Write the score of every recording or MIDI file. Hints take the place of what would be found by ear.

    Times are seconds or 1:35; they count from the start of the recording. Who asks for tablature or names a tuning, and
    no players, gets one guitar or bass.
    """
    from abcscribe import batch

    given = hints.Hints(tempo, metre, key, None, downbeat, players, parts, solo, chords, swing)
    arrangement = _arrangement(arrange, level, repeats)
    settings = batch.Settings(
        formats, engine, given, start, end, tuning, performed, arrangement, False, title, composer, concert
    )
    if bool(files) == bool(stems):
        raise typer.BadParameter("Name recordings, or a folder of --stems.")
    if on:
        if stems:
            raise typer.BadParameter("--stems are one piece, which is not shared out with --on.")
        _on_cluster(files or [], output, settings, on)
        return
    paths = [Path(file) for file in files or []]
    if output == "-":
        _to_stdout([stems] if stems else paths, settings, bool(stems))
        return
    Path(output).mkdir(parents=True, exist_ok=True)
    folder = Path(output)
    todo = [batch.stem_job(stems, folder, settings)] if stems else batch.jobs(paths, folder, settings)
    failed = [outcome for outcome in _outcomes(todo, jobs) if not _told(outcome)]
    if len(todo) > 1:
        _say(f"{len(todo) - len(failed)} of {len(todo)} recordings transcribed.")
    if failed:
        raise typer.Exit(1)


def _arrangement(how: str, level: str, repeats: bool) -> Arrangement:
    from abcscribe.arranging import Arrangement

    try:
        return Arrangement(how, level, repeats)
    except AbcscribeError as error:
        raise typer.BadParameter(str(error)) from None


def _outcomes(todo: list[Job], processes: int) -> Iterator[Outcome]:
    """Do the work, with a bar of each recording's seconds, or of the batch if several are worked on at once."""
    from abcscribe import batch
    from abcscribe.progress import progress_bar

    if processes > 1 and len(todo) > 1:
        done = 0
        with progress_bar("recordings") as advance:
            outcomes = batch.run_all(todo, processes, lambda job: advance(done, len(todo), _name(job.recording)))
            for done, outcome in enumerate(outcomes, 1):
                advance(done, len(todo))
                yield outcome
        return
    for number, job in enumerate(todo, 1):
        name = f"{number} of {len(todo)}: {_name(job.recording)}" if len(todo) > 1 else _name(job.recording)
        with progress_bar(name) as advance:
            yield batch.run(job, partial(_show, advance, name))


def _on_cluster(files: list[str], output: str, settings: Settings, on: str) -> None:
    from abcscribe import bulk
    from abcscribe.cluster import check
    from abcscribe.progress import progress_bar

    check(on)
    if len(files) != 1 or "-" in (files[0], output):
        raise typer.BadParameter("--on takes one folder or recording, and a folder for the scores.")
    work = bulk.plan(files[0], output, settings)
    tally = bulk.Tally(work.before)
    with progress_bar("transcribing") as advance:
        for number, entry in enumerate(bulk.run(work, on), 1):
            tally.add(entry)
            for warning in entry.warnings:
                _say(f"Warning: {warning}")
            _say(entry.error or f"{work.source.place(entry.recording)}: {entry.summary}")
            advance(number, len(work.todo))
    for line in tally.lines():
        _say(line)
    _say(f"manifest     {work.target.place(work.run)}")
    if tally.failures:
        raise typer.Exit(1)


def _name(recording: Path) -> str:
    """A file's name for the progress bar: printable, and short enough to leave room for the bar."""
    name = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in recording.name)
    return name if len(name) <= 30 else f"{name[:20]}...{name[-7:]}"


def _show(advance: Advance, name: str, event: Event) -> None:
    from abcscribe.transcription import Heard, Wrote

    if isinstance(event, Heard):
        advance(round(event.seconds), round(event.total or event.seconds), f"{name}, seconds heard")
    elif isinstance(event, Wrote):
        advance(round(event.seconds), round(event.total), f"{name}, seconds written")


def _told(outcome: Outcome) -> bool:
    """Say what became of a recording. True if it became a score."""
    from abcscribe.batch import described

    for warning in outcome.warnings:
        _say(f"Warning: {warning}")
    if outcome.score is None:
        _say(outcome.error)
        return False
    _say(f"{outcome.job.recording}: {described(outcome.score)}")
    for path in outcome.written:
        _say(f"  {path}")
    return True


def _to_stdout(files: list[Path], settings: Settings, stems: bool) -> None:
    from abcscribe import batch
    from abcscribe.transcription import Done, Warned

    if len(files) != 1 or len(settings.formats) != 1:
        raise typer.BadParameter("-o - takes one recording and one format.")
    for event in batch.events(files[0], dataclasses.replace(settings, stems=stems)):
        if isinstance(event, Warned):
            _say(f"Warning: {event.message}")
        elif isinstance(event, Done):
            (name,), recording = settings.formats, None if stems else files[0]
            content = render_with_recording(event.score, name, settings.tuning, recording, settings.concert)
            sys.stdout.buffer.write(content)


@app.command()
def convert(
    source: Annotated[Path, typer.Argument(help="A score: ABC, MusicXML, MIDI, kern, LilyPond or abcscribe's JSON.")],
    target: Annotated[Path, typer.Argument(help="The file to write; its suffix names the format.")],
    name: Annotated[str | None, typer.Option("-f", "--format", help="The format, whatever the suffix.")] = None,
    tuning: Tuning = None,
    capo: Annotated[int | None, typer.Option(help="Fret of the capo, for the tab formats.", min=0, max=24)] = None,
    title: Title = None,
    composer: Composer = None,
    arrange: Arrange = "full",
    level: Level = "full",
    repeats: Repeats = False,
    chords: Annotated[bool, typer.Option("--chords", help="Chord symbols found in the notes.")] = False,
    concert: Concert = False,
    tune: Annotated[int | None, typer.Option(help="Which tune of a file with several.", min=1)] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Write nothing if something would be lost.")] = False,
) -> None:
    """Write a score in another format. What the format cannot say is told, a sentence for each kind of sign."""
    from abcscribe.score.convert import Changes
    from abcscribe.score.convert import convert as convert_file

    asked = arrange != "full" or repeats or chords
    made = _made(_arrangement(arrange, level, repeats), chords) if asked else None
    changes = Changes(title, composer, tuning, capo, concert, tune, strict, made)
    for problem in convert_file(source, target, name, changes=changes):
        _say(f"Warning: {problem}")


def _made(arrangement: Arrangement, chords: bool) -> Callable[[Score], tuple[Score, list[str]]]:
    """What convert makes of a score."""
    from abcscribe.analysis.harmony import with_chords
    from abcscribe.arranging import arranged

    return lambda score: arranged(with_chords(score) if chords else score, arrangement)


@app.command()
def serve(
    file: Annotated[Path | None, typer.Argument(help="A recording to begin with.")] = None,
    port: Annotated[
        int | None, typer.Option(help="8765, or another free one, if none is named.", min=1, max=65535)
    ] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen at; beyond this machine a token is asked for.")
    ] = "127.0.0.1",
    library: Annotated[
        Path | None, typer.Option(help="Folder in which recordings and scores are kept; yours if none is named.")
    ] = None,
    browser: Annotated[bool, typer.Option(help="Open the page in the browser.")] = True,
) -> None:
    """Open the page: drop recordings, see and hear their scores, put them right, take them away."""
    from abcscribe.server.serve import serve as serve_page

    serve_page(file, host=host, port=port, folder=library, browser=browser, say=_say)


@app.command()
def fetch(
    name: Annotated[str, typer.Argument(help="hf://OWNER/NAME@COMMIT, or hf://datasets/OWNER/NAME@COMMIT.")],
) -> None:
    """Fetch a checkpoint or a data set from the Hugging Face Hub, and say in which folder it lies."""
    from abcscribe import hub

    if not name.startswith(hub.SCHEME):
        raise typer.BadParameter(f"{name!r} does not begin with {hub.SCHEME}.")
    typer.echo(hub.local(name))


@app.command()
def push(
    folder: Annotated[Path, typer.Argument(help="What a training or abcscribe data left.")],
    repository: Annotated[str, typer.Argument(help="OWNER/NAME of a model, or datasets/OWNER/NAME.")],
    public: Annotated[bool, typer.Option("--public", help="Everybody may see a repository that is made.")] = False,
) -> None:
    """Send a checkpoint or a data set to the Hugging Face Hub, and say by which name it can be fetched."""
    from abcscribe import hub

    typer.echo(hub.push_to_hub(folder, repository, private=not public))


@app.command("formats")
def list_formats() -> None:
    """List the formats that can be written."""
    for name, (suffix, summary) in known().items():
        typer.echo(f"{name:17} {suffix:17} {summary}")


@app.command("instruments")
def list_instruments() -> None:
    """List the instruments that can be named, with other names for them."""
    for program, name, others in hints.instrument_names():
        typer.echo(f"{program:3} {name}{': ' if others else ''}{', '.join(others)}")


@app.command("engines")
def list_engines() -> None:
    """List the systems that write scores, and for those that cannot run the reason."""
    for system in systems.listed():
        typer.echo(f"{system.name:12} {system.summary}: {system.state}")
    typer.echo("A name goes on with :CHECKPOINT for other weights, and with +rules or +lm for another writer.")
