"""A recording -> a Score: hear, analyse, write; progress is reported as events.

The command line, a server and ``transcribe`` all consume the same generator, ``events``. (The module does not have the
name of its function, because importing it would then replace the function ``abcscribe.transcribe`` by a module.)
"""

from __future__ import annotations

import dataclasses
import os
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from abcscribe import audio, hearing, systems, text_systems
from abcscribe.analysis import analyse, cleaning, player_count
from abcscribe.analysis.harmony import wants_chords, with_chords
from abcscribe.errors import AbcscribeError, AudioError, EngineError
from abcscribe.hearing import fine_pitch, midi_file
from abcscribe.hints import Hints
from abcscribe.score.abc_reader import read_abc
from abcscribe.score.instruments import PERCUSSION
from abcscribe.score.model import PlayedNote, Score
from abcscribe.score.readers import read_leniently
from abcscribe.systems import SystemName
from abcscribe.writing import language_model, rules
from abcscribe.writing.bar_confidence import calibrated
from abcscribe.writing.drums import left_out, of_drummer, score_of_drums, with_drums

PLAYED = SystemName("midi", writer="rules")  # notes of a MIDI file are certain: there are no confidences to weigh
SILENCE = 1e-4  # full scale 1. -80 dB: below the noise of any microphone, above the dither of an empty track
# Thresholds between music and speech, on clear notes (those above an engine's `clear_confidence`; figures of the first
# tower, today's: docs/log). In the best five seconds of 31 real recordings they sound for 1.4 s and more, of 120
# rendered ones for .9 and more; of 60 recordings of speech only two reach .8. Their share among all notes is .4 and
# more where instruments play a few short notes, .3 and less in speech.
CLEAR_SECONDS, CLEAR_SPAN = 0.8, 5.0
CLEAR_SHARE = 1 / 3
GUITAR, BASS = 24, 33  # programs
LOWEST_OF_GUITARS = 36  # MIDI: C2, the lowest string of tunings that are in use for six strings
MOST_TOKENS = 2048  # of an answer in ABC
LOST_SECONDS = 1.0  # a warning is given if so much less than the header's length can be decoded,
LOST_SHARE = 0.02  # and this share of it: the lengths of some MP3 files are estimates


@dataclass(frozen=True, slots=True)
class Heard:
    """Progress of the engine."""

    seconds: float  # of the recording
    total: float | None  # seconds to read in all, None if the header does not contain it
    notes: tuple[PlayedNote, ...]  # found since the last event; times in the recording


@dataclass(frozen=True, slots=True)
class Wrote:
    """Progress of the writer."""

    seconds: float  # of the recording
    total: float


@dataclass(frozen=True, slots=True)
class Warned:
    """A warning to the user; the transcription goes on."""

    message: str


@dataclass(frozen=True, slots=True)
class Done:
    """The last event, with the result."""

    score: Score


Event = Heard | Wrote | Warned | Done


Source = Path | str | tuple[np.ndarray, int]


def transcribe(
    source: Source,
    *,
    engine: str = systems.DEFAULT,
    hints: Hints = Hints(),
    start: float | None = None,
    end: float | None = None,
    performed: bool = False,
) -> Score:
    """The score of a recording, or of a section of it.

    Args:
        source: a file of sound or a MIDI file, or (samples, rate): float or integer samples (n,) or (n, channels), and
            samples a second.
        engine: a name of `abcscribe.systems`.
        hints: what is known of the music.
        start, end: seconds of the section.
        performed: a MIDI file was played, even if its notes lie on its grid.

    Returns:
        The score. Warnings are issued by ``warnings.warn``.

    Raises:
        AbcscribeError: the file cannot be read (AudioError), there is nothing to transcribe in it (AudioError), or the
            engine is not there (EngineError).
    """
    for event in events(source, engine=engine, hints=hints, start=start, end=end, performed=performed):
        if isinstance(event, Warned):
            warnings.warn(event.message, stacklevel=2)
        elif isinstance(event, Done):
            return event.score
    raise AssertionError("events() ended without Done")


def events(
    source: Source,
    *,
    engine: str = systems.DEFAULT,
    hints: Hints = Hints(),
    start: float | None = None,
    end: float | None = None,
    performed: bool = False,
    fretted: bool = False,
) -> Iterator[Event]:
    """As `transcribe`, but the work is done as the events are taken.

    Args:
        fretted: the score is wanted as tablature. Unless the hints say who plays a recording, it is one guitar, or one
            bass if a tenth of the notes lies below all guitars.

    Yields:
        ``Heard`` while notes are found, then ``Warned`` for each warning, ``Wrote`` while the score is written, and
        ``Done``, always last.
    """
    if isinstance(source, tuple):
        with audio.as_file(*source) as path:
            yield from events(path, engine=engine, hints=hints, start=start, end=end, fretted=fretted)
        return
    path = Path(source)
    try:
        with audio.readable(path) as file:
            if midi_file.is_midi(file):
                found = _read_midi(file, hints, Section(start or 0.0, end, None), performed)
            else:
                info = audio.probe(file)  # before the engine is loaded: most errors occur here
                name = systems.parse(engine)
                section = Section(start or 0.0, end, info.seconds)
                if name.answers_in_text:
                    found = _read_text(file, name, hints, section)
                else:
                    found = _hear_and_write(file, name, hints, section, fretted)
            yield from found if file == path else _of_pipe(found, file, path)
    except OSError as error:
        about = error.filename if error.filename is not None else path
        raise AudioError(f"{about}: {(error.strerror or type(error).__name__).lower()}.") from error


def _of_pipe(found: Iterator[Event], copy: Path, path: Path) -> Iterator[Event]:
    """The events of the copy of a pipe's content, with the user's name of the pipe in messages and title."""
    try:
        for event in found:
            if isinstance(event, Warned):
                event = Warned(event.message.replace(str(copy), str(path)))
            elif isinstance(event, Done) and str(path) == audio.STDIN:
                event = Done(dataclasses.replace(event.score, title=""))
            yield event
    except AbcscribeError as error:
        raise type(error)(str(error).replace(str(copy), str(path))) from error


@dataclass(frozen=True, slots=True)
class Section:
    """The transcribed section of a recording; all in seconds of the recording."""

    start: float
    end: float | None
    recorded: float | None  # length of the recording, None if its header does not contain it

    @property
    def length(self) -> float | None:
        """Seconds of the section, None if not known."""
        if self.recorded is None:
            return None
        return max(0.0, (self.recorded if self.end is None else min(self.end, self.recorded)) - self.start)


def _hear_and_write(path: Path, name: SystemName, hints: Hints, section: Section, fretted: bool) -> Iterator[Event]:
    """Transcribe with a note engine: hear, analyse, write."""
    engine = hearing.load(name.name, name.checkpoint)
    rate, total = engine.sample_rate, section.length
    measured = _MeasuredBlocks(audio.blocks(path, start=section.start or None, end=section.end, rate=rate), rate)
    notes: list[PlayedNote] = []
    for found in engine.notes(measured):
        placed = [dataclasses.replace(n, onset=n.onset + section.start, offset=n.offset + section.start) for n in found]
        notes += placed
        yield Heard(measured.seconds, total, tuple(placed))
    if total is not None and total - measured.seconds > max(LOST_SECONDS, LOST_SHARE * total):
        message = f"{path} should last {total:.0f} s but only {measured.seconds:.0f} s can be decoded: is it cut off?"
        yield Warned(message)
    music = _music(path, measured.peak, notes, engine.clear_confidence)
    if unclear := len(notes) - len(music):
        yield Warned(f"{unclear} unclear note{'s' * (unclear != 1)} beside the drums left out.")
    if player_count.is_sung(heard := cleaning.clean(music)):
        blocks = audio.blocks(path, start=section.start or None, end=section.end, rate=fine_pitch.RATE)
        music = fine_pitch.refined(heard, blocks, section.start)
    if fretted and hints.instruments is None and hints.parts is None and not hints.solo:
        hints = dataclasses.replace(hints, instruments=(_fretted_player(music),))
    finish = section.start + measured.seconds
    score = Score()
    for step in written(music, hints, finish, name):
        if isinstance(step, Score):
            score = step
        elif isinstance(step, Warned):
            yield step
        else:
            yield Wrote(step - section.start, finish - section.start)
    yield Done(dataclasses.replace(score, title=_title(path)))


def _fretted_player(notes: Sequence[PlayedNote]) -> int:
    """The program of who plays these notes, if it is a guitar or a bass."""
    pitches = [note.pitch for note in notes if not note.drum]
    return BASS if pitches and float(np.percentile(pitches, 10)) < LOWEST_OF_GUITARS else GUITAR


def _read_midi(path: Path, hints: Hints, section: Section, performed: bool) -> Iterator[Event]:
    """A MIDI file: a printed one is read as it is, the notes of a played one are analysed and written."""
    midi = midi_file.read(path)
    asked = dataclasses.replace(hints, chords=None)
    if midi.printed and not performed and asked == Hints() and section == Section(0.0, None, None):
        score, problems = read_leniently(path)
        yield from map(Warned, problems)
        yield Done(_with_symbols(score if score.title else dataclasses.replace(score, title=_title(path)), hints))
        return
    finish = midi.seconds if section.end is None else min(midi.seconds, section.end)
    notes = tuple(note for note in midi.notes if section.start <= note.onset < finish)
    if not notes:
        raise AudioError(f"There are no notes in {path} between {section.start:g} and {finish:g} s.")
    yield Heard(finish - section.start, finish - section.start, notes)
    for step in written(notes, hints, finish, PLAYED):
        if isinstance(step, Score):
            yield Done(dataclasses.replace(step, title=_title(path)))
        elif isinstance(step, Warned):
            yield step
        else:
            yield Wrote(step - section.start, finish - section.start)


def written(
    notes: Sequence[PlayedNote], hints: Hints, seconds: float, name: SystemName
) -> Iterator[float | Warned | Score]:
    """Analyse notes and write their score: the steps that are repeated when a hint changes.

    Args:
        notes: transcribed by an engine.
        hints: what is known of the music.
        seconds: length of the recording.
        name: the engine of the notes with its checkpoint, and the writer.

    Yields:
        What the hints leave out and which drums are not written, the seconds that are written so far, and at the end
        the score with the confidence of its bars.

    Raises:
        AudioError: the hints ask for drums alone, and none are heard.
    """
    hits = of_drummer(notes)
    pitched = [note for note in notes if not note.drum]
    if hits and (not pitched or _drums_alone(hints)):
        yield from map(Warned, _beside_drums(len(pitched)))
        yield seconds
        yield score_of_drums(hits, hints, seconds)
        return
    if _drums_alone(hints):
        raise AudioError("No drums are heard: this engine does not hear them, or there are none.")
    yield from map(Warned, left_out(notes))
    analysis = analyse(pitched, hints)
    if analysis is not None:
        yield from map(Warned, analysis.remarks)
    if PERCUSSION in (hints.instruments or ()) and not hits:
        yield Warned("No drums are heard: they get no part.")
    if analysis is None:
        score = rules.notes_to_score((), seconds=seconds)
    elif name.writer == "lm" and language_model.knows(hints) and language_model.follows(analysis, hints):
        stepper = language_model.of_checkpoint(name.checkpoint if name.name == systems.DEFAULT else "")
        score = yield from language_model.write_score(stepper, analysis, hints, seconds=seconds)
    else:
        score = rules.write_score(analysis, seconds=seconds)
    yield seconds
    yield _with_symbols(with_drums(calibrated(score, name.name if not name.checkpoint else ""), hits), hints)


def _drums_alone(hints: Hints) -> bool:
    return bool(hints.instruments) and set(hints.instruments or ()) == {PERCUSSION}


def _beside_drums(count: int) -> list[str]:
    return [f"{count} note{'s' * (count != 1)} of others left out: only drums are written."] if count else []


def _with_symbols(score: Score, hints: Hints) -> Score:
    """With chord symbols, if they are asked for or it is a song that has none."""
    has_some = any(bar.harmonies for bar in score.bars)
    wanted = (not has_some and wants_chords(score)) if hints.chords is None else hints.chords
    return with_chords(score) if wanted and score.bars else score


def _read_text(path: Path, name: SystemName, hints: Hints, section: Section) -> Iterator[Event]:
    """Transcribe with a system that answers in ABC: it takes no hints and its input is the beginning of the file."""
    system = text_systems.load(name.name, name.checkpoint)
    if hints != Hints():
        yield Warned(f"{name.name} takes no hints: what was said about the music is not used.")
    if section.start or section.end is not None:
        yield Warned(f"{name.name} hears the beginning of a recording: the section is not used.")
    text = system.answer(path, temperature=0.0, max_tokens=MOST_TOKENS, seed=0)
    score, problems = read_abc(text)
    if not any(any(part.bars) for part in score.parts):
        raise EngineError(f"{name.name} wrote no note for {path}.")
    yield from (Warned(f"{name.name} wrote ABC with a mistake: {problem}") for problem in problems)
    yield Done(dataclasses.replace(score, title=_title(path)))


class _MeasuredBlocks(Iterable[np.ndarray]):
    """Passes blocks on, and records their length and peak."""

    def __init__(self, blocks: Iterable[np.ndarray], rate: int) -> None:
        self._blocks, self._rate = blocks, rate
        self.seconds = 0.0
        self.peak = 0.0  # largest deviation from a block's mean, so that a constant offset counts as silence

    def __iter__(self) -> Iterator[np.ndarray]:
        for block in self._blocks:
            self.seconds += len(block) / self._rate
            self.peak = max(self.peak, float(np.abs(block - block.mean()).max()))
            yield block


def _title(path: Path) -> str:
    """The file's name as one line of text: names are bytes, perhaps not UTF-8, perhaps with line breaks."""
    return " ".join(os.fsencode(path.stem).decode("utf-8", "replace").split())


def _music(path: Path, peak: float, notes: list[PlayedNote], clear_confidence: float) -> list[PlayedNote]:
    """The notes that are written: all, or the drums alone if nothing else is clear beside them.

    Raises AudioError if there is no music.
    """
    if peak < SILENCE:
        raise AudioError(f"{path} is silent.")
    pitched, hits = [note for note in notes if not note.drum], of_drummer(notes)
    if not pitched and not hits:
        raise AudioError(f"No notes can be heard in {path}.")
    if not pitched or _clear(pitched, clear_confidence):
        return notes
    if not hits:
        raise AudioError(f"{path} seems to be noise or speech: hardly a clear note can be heard.")
    return hits


def _clear(notes: list[PlayedNote], confidence: float) -> bool:
    """Whether notes are music, not speech: a large share of them is clear (a few short notes), or clear notes sound
    long within some seconds (singing, a lesson with much talk)."""
    clear = sorted((note for note in notes if note.confidence >= confidence), key=lambda note: note.onset)
    if len(clear) > CLEAR_SHARE * len(notes):
        return True
    onsets = np.array([note.onset for note in clear])
    sounding = np.cumsum([0.0] + [min(note.offset - note.onset, CLEAR_SPAN) for note in clear])
    return bool(np.any(sounding[np.searchsorted(onsets, onsets + CLEAR_SPAN)] - sounding[:-1] >= CLEAR_SECONDS))
