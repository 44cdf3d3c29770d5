"""A score -> the score for other players: the tune with chord symbols, the tune alone, a piano, or a guitar.

`lines` (a score's lines and back), `melody` and `heard_tune` (which line is the tune), `reduction` (what two hands
play), `guitar` (what one guitar plays), `structure` with `likeness` (equal sections as repeats). Each says what it
leaves out.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from abcscribe.analysis.harmony import with_chords
from abcscribe.arranging.guitar import guitar
from abcscribe.arranging.lines import in_bars, tones
from abcscribe.arranging.melody import Line, find_melody
from abcscribe.arranging.reduction import LEVELS, piano
from abcscribe.arranging.structure import with_repeats
from abcscribe.errors import ScoreError
from abcscribe.score import instruments
from abcscribe.score.model import Part, Score, Staff

__all__ = ["ARRANGEMENTS", "LEVELS", "Arrangement", "arranged", "find_melody", "with_repeats"]

ARRANGEMENTS = ("full", "lead", "melody", "piano", "guitar")
OTHER_SIGNS = ("words", "measure-repeat", "clef")  # of the part that are not the tune's own


@dataclass(frozen=True, slots=True)
class Arrangement:
    """What is made of a score before it is written."""

    how: str = "full"  # "full": as it is; "lead": the tune with chord symbols; "melody": the tune; "piano"; "guitar"
    level: str = "full"  # of "piano" and "guitar": a name of LEVELS
    repeats: bool = False  # equal sections as repeats, with rehearsal letters

    def __post_init__(self) -> None:
        if self.how not in ARRANGEMENTS:
            raise ScoreError(f"There is no arrangement {self.how!r}; there are {', '.join(ARRANGEMENTS)}.")
        if self.level not in LEVELS:
            raise ScoreError(f"There is no level {self.level!r}; there are {', '.join(LEVELS)}.")


def arranged(score: Score, wanted: Arrangement) -> tuple[Score, list[str]]:
    """An arrangement of a score.

    Args:
        score: with any parts.
        wanted: what is made of it. A lead sheet has the score's own chord symbols, or those found in its notes.

    Returns:
        The score, and a sentence for each thing that is left out.

    Raises:
        ScoreError: there is no tune in the score.
    """
    score, said = _for_players(score, wanted.how, wanted.level)
    if not wanted.repeats:
        return score, said
    score, folded = with_repeats(score)
    return score, [*said, *folded]


def _for_players(score: Score, how: str, level: str) -> tuple[Score, list[str]]:
    if how == "full":
        return score, []
    tune = find_melody(score)
    if tune is None:
        raise ScoreError("There is no tune in this score: only drums, or nothing, are played.")
    if how in ("piano", "guitar"):
        return (piano if how == "piano" else guitar)(score, level)
    if how == "lead" and not any(bar.harmonies for bar in score.bars):
        score = with_chords(score)
    return _tune_alone(score, tune)


def _tune_alone(score: Score, tune: Line) -> tuple[Score, list[str]]:
    whole = score.parts[tune.part]
    pitches = sorted(tone.pitch for tone in tune.tones)
    usual = instruments.usual_clef(whole.program, pitches[len(pitches) // 2])
    clef = whole.staves[0].clef if len(whole.staves) == 1 else "treble" if usual == "treble-8" else usual
    staff = next(i for i, staff in enumerate(whole.staves, 1) if tune.voice in staff.voices)
    signs = tuple(
        tuple(dataclasses.replace(d, staff=1) for d in bar if d.staff == staff and d.kind not in OTHER_SIGNS)
        for bar in whole.directions
    )
    part = dataclasses.replace(whole, bars=in_bars(score, (tune.tones,)), staves=(Staff(clef),), directions=signs)
    return dataclasses.replace(score, parts=(part,)), _left_out(score, tune, whole)


def _left_out(score: Score, tune: Line, whole: Part) -> list[str]:
    others = [part.name or instruments.name(part.program) for part in score.parts if part is not whole]
    said = [f"{' and '.join(others)} left out: only the tune is written."] if others else []
    own = {(tone.start, tone.pitch) for tone in tones(score, whole)}
    taken = {(tone.start, tone.pitch) for tone in tune.tones}
    name = whole.name or instruments.name(whole.program)
    if below := len(own - taken):
        said.append(f"{below} note{'s' * (below != 1)} of {name} left out: they are below the tune.")
    if joined := len(taken - own):
        said.append(f"{joined} note{'s' * (joined != 1)} of the tune stood in another part than {name}.")
    return said
