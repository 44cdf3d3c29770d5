"""Which parts of a score accompany, and whether its players would read chord symbols."""

from __future__ import annotations

from collections import Counter

from abcscribe.analysis.player_features import CHORDAL
from abcscribe.score import instruments
from abcscribe.score.model import Part, Score

HARP = 46
STRUM, STRUMMED = (
    3,
    0.4,
)  # notes that begin together, and the share of beginnings, from which a guitar alone is strummed
LINE = 0.1  # share of beginnings with several notes, up to which it is a line
MOST_TUNES = 2  # players of one note at a time beside the chords, without drums or a bass: with more it is an ensemble


def accompanying(score: Score) -> set[int]:
    """Indices of the parts that play chords beside a tune; all pitched parts where none does or nobody else plays."""
    pitched = {i for i, part in enumerate(score.parts) if part.program != instruments.PERCUSSION and any(part.bars)}
    chordal = {i for i in pitched if instruments.family(score.parts[i].program) in CHORDAL}
    low = {i for i in pitched if instruments.family(score.parts[i].program) == "bass"}
    return (chordal | low) if chordal and pitched - chordal else pitched


def wants_chords(score: Score) -> bool:
    """Whether it is a song: a tune or two with somebody who plays chords, a band, or a strummed guitar alone.
    Quartets, piano music and single lines have no chord symbols."""
    playing = [part for part in score.parts if any(part.bars)]
    families = [instruments.family(part.program) for part in playing]
    chordal = sum(family in CHORDAL for family in families)
    rhythm = "" in families or "bass" in families  # percussion has no family
    tunes = sum(family not in CHORDAL and family not in ("", "bass") for family in families)
    lines = sum(family in CHORDAL and _is_line(part) for family, part in zip(families, playing, strict=True))
    if lines < chordal:  # of two keyboards, or a guitar and a harp, one may have the tune
        chordal, tunes = chordal - lines, tunes + lines
    if not chordal:
        return False
    if tunes or rhythm:
        return rhythm or tunes <= MOST_TUNES
    return len(families) == 1 and any(map(_is_strummed, score.parts))


def _is_line(part: Part) -> bool:
    """Whether a player of chords has one note at a time, on one staff."""
    begun = Counter((index, note.start) for index, notes in enumerate(part.bars) for note in notes)
    return len(part.staves) == 1 and sum(count > 1 for count in begun.values()) <= LINE * len(begun)


def _is_strummed(part: Part) -> bool:
    if instruments.family(part.program) != "plucked" or part.program == HARP:
        return False
    begun = Counter((index, note.start) for index, notes in enumerate(part.bars) for note in notes)
    return bool(begun) and sum(count >= STRUM for count in begun.values()) >= STRUMMED * len(begun)
