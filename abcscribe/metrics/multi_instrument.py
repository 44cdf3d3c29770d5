"""Notes with instruments, as MT3 has it (Gardner et al. 2022): a note counts only if its instrument is right.

Notes are compared program by program: onset and offset for pitched instruments, onset only for drums, summed over
programs to one F1. Three granularities define which programs count as the same: ``flat`` (drums against the rest),
``midi_class`` (the 16 groups of eight programs) and ``full`` (all 128). Offsets are as in ``notes``.

Where MT3 averages precision and recall over programs weighted by their notes, this sums the matches, which is the same
number. Defined values: as in ``notes``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from abcscribe.metrics.notes import count_matches, f1
from abcscribe.score.instruments import FAMILY_PROGRAM, PERCUSSION
from abcscribe.score.model import PlayedNote

Tracks = Mapping[int, Sequence[PlayedNote]]  # General MIDI program (PERCUSSION for drums) -> its notes

GRANULARITIES: dict[str, Callable[[int], int]] = {
    "flat": lambda program: 0,
    "midi_class": lambda program: program // 8,
    "full": lambda program: program,
}


def tracks_by_family(notes: Sequence[PlayedNote]) -> Tracks:
    """Notes grouped by the program that represents their family; piano if it is unknown."""
    tracks: dict[int, list[PlayedNote]] = {}
    for note in notes:
        tracks.setdefault(FAMILY_PROGRAM.get(note.family, 0), []).append(note)
    return tracks


def regrouped(tracks: Tracks, program_class: Callable[[int], int]) -> Tracks:
    """Tracks with the programs of one class joined. Drums stay apart."""
    joined: dict[int, list[PlayedNote]] = {}
    for program, notes in tracks.items():
        joined.setdefault(PERCUSSION if program == PERCUSSION else program_class(program), []).extend(notes)
    return joined


def multi_instrument_f1(reference: Tracks, prediction: Tracks) -> float:
    """The F1 of notes found with onset, offset (not for drums) and program."""
    matched = sum(
        count_matches(reference[program], prediction[program], offsets=program != PERCUSSION)
        for program in reference.keys() & prediction.keys()
    )
    return f1(matched, sum(map(len, reference.values())), sum(map(len, prediction.values())))


def evaluate(reference: Tracks, prediction: Tracks) -> dict[str, float]:
    """One F1 for each granularity."""
    return {
        name: multi_instrument_f1(regrouped(reference, program_class), regrouped(prediction, program_class))
        for name, program_class in GRANULARITIES.items()
    }
