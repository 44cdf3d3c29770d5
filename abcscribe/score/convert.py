"""One score file -> another, in any of the formats that can be read and written."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from abcscribe.errors import ScoreError
from abcscribe.score.losses import losses
from abcscribe.score.model import Score
from abcscribe.score.readers import read_pieces
from abcscribe.score.tab import remarks
from abcscribe.score.target import write_target
from abcscribe.score.writers import WRITERS, format_of, render_book


@dataclass(frozen=True, slots=True)
class Changes:
    """What ``convert`` does to a score on the way."""

    title: str | None = None  # in place of the file's own; None: as it is
    composer: str | None = None
    tuning: str | None = None  # for tablature: a name or open strings
    capo: int | None = None
    concert: bool = False  # transposing instruments at sounding pitch
    tune: int | None = None  # of a file with several pieces, 1-based; None: all that the format can hold
    strict: bool = False  # what is lost is an error
    arranged: Callable[[Score], tuple[Score, list[str]]] | None = None  # for other players, and what that leaves out


def convert(
    source: str | Path,
    target: str | Path,
    name: str | None = None,
    tuning: str | None = None,
    changes: Changes = Changes(),
) -> list[str]:
    """Write ``source`` as ``target``, in the format that its suffix asks for unless one is named.

    Args:
        source: a score in a format that can be read.
        target: the file to write.
        name: of a format in WRITERS.
        tuning: as ``Changes.tuning``.
        changes: everything else that may be asked for.

    Returns:
        What was wrong in the source and worked around, and what the format does not keep of it: one sentence each, for
        the user to see.

    Raises:
        ScoreError: there is no score in the source, the format cannot hold it, or ``changes.strict`` is set and
            something is lost. ``target`` is left alone.
    """
    name = name or format_of(target)  # a wrong suffix is found before anything is read
    if os.path.realpath(source) == os.path.realpath(target):
        raise ScoreError(f"{target} is what is read: name another file to write.")
    scores, said = read_pieces(source)
    scores, left_out = _chosen(scores, name, changes.tune)
    scores = [headed(score, changes.title, changes.composer) for score in scores]
    if changes.arranged:
        arrangements = [changes.arranged(score) for score in scores]
        scores = [score for score, _ in arrangements]
        left_out += [sentence for _, sentences in arrangements for sentence in sentences]
    said = [*said, *left_out, *dict.fromkeys(sentence for score in scores for sentence in losses(score, name))]
    if WRITERS[name].fretted:
        said += remarks(scores[0], tuning or changes.tuning, changes.capo)
    if changes.strict and said:
        raise ScoreError(f"{source} is not converted, for something would be lost: {said[0]}")
    write_target(Path(target), render_book(scores, name, tuning or changes.tuning, changes.capo, changes.concert))
    return said


def _chosen(scores: list[Score], name: str, tune: int | None) -> tuple[list[Score], list[str]]:
    """The pieces to write, and a sentence about those that are left out."""
    if tune is not None:
        if not 0 < tune <= len(scores):
            raise ScoreError(f"There is no tune {tune}; the file holds {len(scores)}.")
        return [scores[tune - 1]], []
    if len(scores) == 1 or WRITERS[name].book:
        return scores, []
    count = len(scores) - 1
    others = f"{count} further tune{'s' * (count > 1)} left out"
    return scores[:1], [f"{others}: {name} holds one; --tune chooses another."]


def headed(score: Score, title: str | None, composer: str | None) -> Score:
    """The score with another title or composer; None leaves its own."""
    return dataclasses.replace(
        score,
        title=score.title if title is None else title,
        composer=score.composer if composer is None else composer,
    )
