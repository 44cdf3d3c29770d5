"""A score -> the score for other players: the tune with chord symbols, the tune alone, or two hands at a piano.

`lines` (a score's lines and back), `melody` (which line is the tune), `reduction` (what two hands play). Each says what
it leaves out.
"""

from __future__ import annotations

import dataclasses

from abcscribe.analysis.harmony import with_chords
from abcscribe.arranging.lines import in_bars, tones
from abcscribe.arranging.melody import Line, melody
from abcscribe.arranging.reduction import LEVELS, piano
from abcscribe.errors import ScoreError
from abcscribe.score import instruments
from abcscribe.score.model import Part, Score, Staff

__all__ = ["ARRANGEMENTS", "LEVELS", "arranged", "melody"]

ARRANGEMENTS = ("full", "lead", "melody", "piano")
OTHER_SIGNS = ("words", "measure-repeat", "clef")  # of the part that are not the tune's own


def arranged(score: Score, how: str, level: str = "full") -> tuple[Score, list[str]]:
    """An arrangement of a score.

    Args:
        score: with any parts.
        how: a name of ARRANGEMENTS: "full" is the score as it is, "lead" the tune with chord symbols (its own, or found
            in its notes), "melody" the tune alone, "piano" two staves for two hands.
        level: of "piano": a name of LEVELS.

    Returns:
        The score, and a sentence for each thing that is left out.

    Raises:
        ScoreError: there is no tune in the score, or no such arrangement.
    """
    if how not in ARRANGEMENTS or level not in LEVELS:
        raise ScoreError(f"There is no arrangement {how!r} of level {level!r}; there are {', '.join(ARRANGEMENTS)}.")
    if how == "full":
        return score, []
    tune = melody(score)
    if tune is None:
        raise ScoreError("There is no tune in this score: only drums, or nothing, are played.")
    if how == "piano":
        return piano(score, level)
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
    part = dataclasses.replace(
        whole, bars=in_bars(score, (tune.tones,)), staves=(Staff(clef),), directions=signs
    )
    return dataclasses.replace(score, parts=(part,)), _left_out(score, tune, whole)


def _left_out(score: Score, tune: Line, whole: Part) -> list[str]:
    others = [part.name or instruments.name(part.program) for part in score.parts if part is not whole]
    said = [f"{' and '.join(others)} left out: only the tune is written."] if others else []
    below = len(tones(score, whole)) - len(tune.tones)
    if below:
        name = whole.name or instruments.name(whole.program)
        said.append(f"{below} note{'s' * (below != 1)} of {name} left out: they are below the tune.")
    return said
