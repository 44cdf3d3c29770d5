"""Questions about a recording with short answers that follow from its truth: the origin's question-answer sets.

A question is asked only where the truth is known. Its wording is one of three, chosen by the recording and the time, so
that a set is the same whenever it is made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from abcscribe.score.instruments import name
from abcscribe.score.model import Key, Metre, PlayedNote
from abcscribe.score.spelling import pitch_at

TEMPLATES = {
    "tempo": (
        "What is the tempo of this recording?", "How many quarter notes are there in a minute?",
        "How fast is this played, in BPM?",
    ),
    "metre": (
        "What is the time signature?", "In which metre is this music?", "What is the metre of this recording?",
    ),
    "key": ("What is the key?", "In which key is this music?", "Name the key of this recording."),
    "instruments": (
        "Which instruments play?", "What instruments can be heard?", "Name the instruments of this recording.",
    ),
    "players": (
        "How many different instruments play?", "Of how many instruments is this recording?",
        "Count the instruments that can be heard.",
    ),
    "highest": ("What is the highest note?", "Which note is the highest?", "Name the highest note that is played."),
    "lowest": ("What is the lowest note?", "Which note is the lowest?", "Name the lowest note that is played."),
}  # fmt: skip
KINDS = tuple(TEMPLATES)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a recording or of a window of it."""

    programs: Sequence[int]
    notes: Sequence[PlayedNote]
    tempo: float | None = None  # quarters a minute
    metre: Metre | None = None
    key: Key | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """A question with its answer."""

    kind: str  # of TEMPLATES
    question: str
    answer: str


def questions(facts: Facts, window: str) -> Iterator[Question]:
    """The questions that the facts answer.

    Args:
        facts: of a window.
        window: its name, by which the wording is chosen.
    """
    for kind, answer in _answers(facts):
        choice = hashlib.sha256(f"{window} {kind}".encode()).digest()[0] % len(TEMPLATES[kind])
        yield Question(kind, TEMPLATES[kind][choice], answer)


def kind_of(question: str) -> str | None:
    """The kind of a question that `questions` asks; None if it asks no such question."""
    return next((kind for kind, wordings in TEMPLATES.items() if question in wordings), None)


def _answers(facts: Facts) -> Iterator[tuple[str, str]]:
    if facts.tempo:
        yield "tempo", f"{facts.tempo:.0f} BPM"
    if facts.metre:
        yield "metre", str(facts.metre)
    if facts.key and facts.key.mode != "none":
        yield "key", str(facts.key)
    players = list(dict.fromkeys(name(program) for program in facts.programs))
    if players:
        yield "instruments", ", ".join(players)
        yield "players", str(len(players))
    pitches = [note.pitch for note in facts.notes if not note.drum]
    if pitches:
        yield "highest", _named(max(pitches))
        yield "lowest", _named(min(pitches))


SHARPS = (0, 7, 2, -3, 4, -1, 6, 1, -4, 3, -2, 5)  # place on the line of fifths of the usual name of each pitch class


def _named(pitch: int) -> str:
    """Such as ``Bb3``: without a key, the usual name."""
    return str(pitch_at(pitch, SHARPS[pitch % 12]))
