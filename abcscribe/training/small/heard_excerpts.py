"""Excerpts like those of the suites of ``abcscribe evaluate``, with notes of simulated hearing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, TypeVar

import numpy as np

from abcscribe.analysis.analysis_features import played_notes
from abcscribe.corpora.manifest import Piece
from abcscribe.corpora.note_cache import NoteCache
from abcscribe.progress import progress_bar
from abcscribe.score.model import PlayedNote, Score
from abcscribe.score.transpose import transposed
from abcscribe.synthesis import excerpts, suite
from abcscribe.synthesis.simulated_hearing import hear

LINES, PLAYERS = (1, 1, 2, 3, 4), (2, 3, 4)  # voices of an excerpt, each as likely; pieces of one line have one
TURNS = 3  # excerpts tried of each piece that is read

T = TypeVar("T")


class Excerpt(NamedTuple):
    """Some bars of a piece, with their heard notes."""

    piece: Piece
    score: Score
    notes: list[PlayedNote]
    behind: np.ndarray  # (notes,) index in ``score.sounding_notes()`` of each one's true note, -1 for false ones


def excerpts_heard(cache: NoteCache, split: str, voices: Sequence[int], seed: int) -> Iterator[Excerpt]:
    """Draw excerpts without end.

    Args:
        cache: the notes of the corpus.
        split: train, valid or test.
        voices: numbers of lines, each as likely.
        seed: of the excerpts.
    """
    pieces = [piece for piece in cache.pieces if piece.split == split]
    order, made = np.random.default_rng(seed), 0
    while True:
        number = int(order.integers(len(pieces)))
        lines = excerpts.of_lines(pieces[number])
        if not lines or (min(voices) > 1 and len(lines.parts) < 2):
            continue
        rng = np.random.default_rng([seed, made, number])
        for _ in range(TURNS):
            wanted = int(rng.choice(voices)) if len(lines.parts) > 1 else 1
            if heard_one := _excerpt(rng, pieces[number], lines, wanted):
                made += 1
                yield heard_one


def collected(examples: Iterable[T | None], count: int) -> list[T]:
    """The first ``count`` examples that are not None, with a progress bar."""
    found: list[T] = []
    with progress_bar("excerpts") as advance:
        for one in examples:
            if one is not None:
                found.append(one)
                advance(len(found), count)
            if len(found) >= count:
                break
    return found


def _excerpt(rng: np.random.Generator, piece: Piece, lines: Score, voices: int) -> Excerpt | None:
    bpm = excerpts.tempo(rng, lines)
    score = excerpts.excerpt(rng, lines, bpm, voices)
    if score is None:
        return None
    score = transposed(score, int(rng.integers(*suite.TRANSPOSE, endpoint=True)))
    programs = suite.choose_programs(rng, score, None)
    assert programs is not None
    heard, behind = hear(rng, suite.perform_mildly(rng, score, programs, excerpts.playable(score, bpm)))
    return Excerpt(piece, score, list(played_notes(heard)), behind)
