"""A folder of stems -> one score: each file is heard by itself, and is a part.

Stems come from a multitrack recording or from a program that separates a mix; none is shipped. The name of a file says
who plays in it (``vocals.wav``, ``02 bass guitar.flac``); where it names nobody, the instrument is what is heard.
"""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path

import numpy as np

from abcscribe import audio, hearing, systems, transcription
from abcscribe.analysis import cleaning, intonation
from abcscribe.errors import AudioError
from abcscribe.hearing import fine_pitch
from abcscribe.hints import HintError, Hints, parse_instrument
from abcscribe.score import instruments
from abcscribe.score.instruments import PERCUSSION
from abcscribe.score.model import PlayedNote, Score
from abcscribe.transcription import Done, Event, Heard, Warned, Wrote
from abcscribe.writing.drums import of_drummer

MOST = 16  # files: more is no band but a library
NOT_INSTRUMENTS = (
    "lead",
    "pad",
    "fx",
    "solo",
    "dry",
    "wet",
)  # alone, though General MIDI has instruments of these names
DRUMS = {"drum", "drums", "kick", "snare", "hat", "hihat", "toms", "overheads", "cymbals", "percussion"}
OVERLAP = 0.03  # seconds for which a singer's note may sound into the next


def files(folder: Path) -> list[Path]:
    """The stems in a folder, by name. Raises AudioError if there are none, or too many to be one piece."""
    if not folder.is_dir():
        raise AudioError(f"{folder} is no folder of stems.")
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in audio.SUFFIXES and path.is_file())
    if not found:
        raise AudioError(f"There is no recording in {folder}.")
    if len(found) > MOST:
        raise AudioError(f"There are {len(found)} recordings in {folder}: a piece has {MOST} stems at most.")
    return found


def program(stem: str) -> int | None:
    """The General MIDI program, 128 for drums, that a file's name names; None if it names none. The longest run of its
    words that is an instrument decides: ``Lead Vocals (dry)`` is a voice."""
    words = re.findall(r"[a-z]+", stem.lower())
    if DRUMS & set(words):
        return PERCUSSION
    runs = [words[i:j] for i in range(len(words)) for j in range(len(words), i, -1)]
    for run in sorted(runs, key=len, reverse=True):
        for name in (" ".join(run), " ".join(run).removesuffix("s")):
            if name in NOT_INSTRUMENTS:
                continue
            try:
                return parse_instrument(name) if len(name) > 2 else None
            except HintError:
                continue
    return None


def events(
    folder: Path,
    *,
    engine: str = systems.DEFAULT,
    hints: Hints = Hints(),
    start: float | None = None,
    end: float | None = None,
) -> Iterator[Event]:
    """As `transcription.events`, of a folder of stems.

    Raises:
        AbcscribeError: there are no stems, the engine answers in text, or nothing is heard in any of them.
    """
    name = systems.parse(engine)
    if name.answers_in_text:
        raise AudioError(f"{name.name} hears whole recordings: stems need an engine that hears notes.")
    notes: list[PlayedNote] = []
    finish = start or 0.0
    taken: set[int] = set()
    for path in files(folder):
        heard, seconds = yield from _heard(path, name, start or 0.0, end)
        finish = max(finish, seconds)
        if _is_voice(path):
            blocks = audio.blocks(path, start=start, end=end, rate=fine_pitch.RATE)
            heard = intonation.in_tune(fine_pitch.refined(cleaning.clean(heard), blocks, start or 0.0))
        own, said = _of_player(path, heard, taken)
        yield from map(Warned, said)
        notes += own
    if not notes:
        raise AudioError(f"No notes can be heard in the stems of {folder}.")
    notes.sort(key=lambda note: (note.onset, note.pitch))
    for step in transcription.written(notes, hints, finish, dataclasses.replace(name, writer="rules")):
        if isinstance(step, Score):
            yield Done(dataclasses.replace(step, title=folder.resolve().name))
        elif isinstance(step, Warned):
            yield step
        else:
            yield Wrote(step, finish)


def _is_voice(path: Path) -> bool:
    played = program(path.stem)
    return played is not None and instruments.family(played) == "voice"


def _heard(
    path: Path, name: systems.SystemName, start: float, end: float | None
) -> Generator[Event, None, tuple[list[PlayedNote], float]]:
    """Hear one stem: its notes, and the second at which it ends. Silence is no error: a singer may rest."""
    hearer = hearing.load(name.name, name.checkpoint)
    rate, total, samples = hearer.sample_rate, audio.probe(path).seconds, 0
    notes: list[PlayedNote] = []

    def counted() -> Iterator[np.ndarray]:
        nonlocal samples
        for block in audio.blocks(path, start=start or None, end=end, rate=rate):
            samples += len(block)
            yield block

    for found in hearer.notes(counted()):
        placed = [dataclasses.replace(n, onset=n.onset + start, offset=n.offset + start) for n in found]
        notes += placed
        yield Heard(samples / rate, total, tuple(placed))
    return notes, start + samples / rate


def _of_player(path: Path, notes: Sequence[PlayedNote], taken: set[int]) -> tuple[list[PlayedNote], list[str]]:
    """The notes of a stem as those of one player whom no other stem has, and what is left out of them."""
    played = program(path.stem)
    if played == PERCUSSION:
        hits = of_drummer(notes)
        return hits, [] if hits else [f"No drums are heard in {path.name}: they get no part."]
    pitched = [note for note in notes if not note.drum]
    if not pitched:
        return [], [f"No notes are heard in {path.name}: it gets no part."]
    if played is None:
        family = Counter(note.family for note in pitched).most_common(1)[0][0]
        played = instruments.FAMILY_PROGRAM.get(family, 0)
    said: list[str] = []
    if instruments.family(played) == "voice":
        sung = one_at_a_time(pitched)
        lost = len(pitched) - len(sung)
        said = [f"{lost} notes of {path.name} are left out: a singer has one at a time."] if lost else []
        pitched = sung
    free = _free(played, taken)
    taken.add(free)
    family = instruments.family(free)
    return [dataclasses.replace(note, program=free, family=family, families=(), timbre=()) for note in pitched], said


def one_at_a_time(notes: Sequence[PlayedNote]) -> list[PlayedNote]:
    """A sung line: without scoops and tails, and of notes that sound together the surer one."""
    line: list[PlayedNote] = []
    for note in cleaning.sung(cleaning.clean(notes)):
        if line and line[-1].offset > note.onset + OVERLAP:
            if note.onset - line[-1].onset > cleaning.SHORT:
                line[-1] = dataclasses.replace(line[-1], offset=note.onset)
            elif line[-1].confidence >= note.confidence:
                continue
            else:
                line.pop()
        line.append(note)
    return line


def _free(wanted: int, taken: set[int]) -> int:
    """A program of the same family that no other stem has: parts are told apart by their programs."""
    alike = [p for p in range(PERCUSSION) if instruments.family(p) == instruments.family(wanted)]
    return next((p for p in [wanted, *alike] if p not in taken), wanted)
