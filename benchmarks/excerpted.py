"""Excerpts as the suites of ``abcscribe evaluate`` have them, heard by `abcscribe.datasets.hearing`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from abcscribe.datasets import excerpts, suite
from abcscribe.datasets.hearing import hear
from abcscribe.datasets.manifest import Piece
from abcscribe.datasets.note_cache import NoteCache
from abcscribe.engines.second_opinion import played_notes
from abcscribe.score.model import PlayedNote, Score
from abcscribe.score.transpose import transposed

LINES, PLAYERS = (1, 1, 2, 3, 4), (2, 3, 4)  # voices of an excerpt, each as likely; pieces of one line have one
TURNS = 3  # excerpts of a piece that was read


def excerpts_heard(
    cache: NoteCache, split: str, voices: Sequence[int], seed: int
) -> Iterator[tuple[Piece, Score, list[PlayedNote]]]:
    """Endless: a piece, an excerpt of it and the notes that are heard."""
    pieces = [piece for piece in cache.pieces if piece.split == split]
    order, made = np.random.default_rng(seed), 0
    while True:
        number = int(order.integers(len(pieces)))
        lines = excerpts.of_lines(pieces[number])
        if not lines or (min(voices) > 1 and len(lines.parts) < 2):
            continue
        rng = np.random.default_rng([seed, made, number])
        for _ in range(TURNS):
            if heard_one := _excerpt(rng, lines, int(rng.choice(voices)) if len(lines.parts) > 1 else 1):
                made += 1
                yield pieces[number], *heard_one


def _excerpt(rng: np.random.Generator, lines: Score, voices: int) -> tuple[Score, list[PlayedNote]] | None:
    bpm = excerpts.tempo(rng, lines)
    score = excerpts.excerpt(rng, lines, bpm, voices)
    if score is None:
        return None
    score = transposed(score, int(rng.integers(*suite.TRANSPOSE, endpoint=True)))
    programs = suite.choose_programs(rng, score, None)
    assert programs is not None
    played = suite.perform_mildly(rng, score, programs, excerpts.playable(score, bpm))
    return score, list(played_notes(hear(rng, played)[0]))
