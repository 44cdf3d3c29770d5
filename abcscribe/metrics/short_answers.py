"""Short answers to questions about music: how right an answer is, from 0 to 1.

A tempo is right within 8 %, as usual for estimates of it; of instruments the F1 of their names counts; everything else
is right or wrong. Letter case and a full stop do not matter.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

TEMPO_TOLERANCE = 0.08  # of the tempo
NUMBER = re.compile(r"\d+(?:\.\d+)?")


def rightness(kind: str, reference: str, prediction: str) -> float:
    """How right an answer is.

    Args:
        kind: of the question, see `abcscribe.corpora.questions.KINDS`.
        reference: the true answer.
        prediction: the given one.

    Returns:
        0 to 1.
    """
    expected, given = _plain(reference), _plain(prediction)
    if kind == "tempo":
        true, said = NUMBER.search(expected), NUMBER.search(given)
        if not true or not said:
            return 0.0
        return float(1 - TEMPO_TOLERANCE <= float(said[0]) / float(true[0]) <= 1 + TEMPO_TOLERANCE)
    if kind == "instruments":
        names, told = set(expected.split(", ")), set(given.split(", "))
        return 2 * len(names & told) / (len(names) + len(told))
    return float(expected == given)


def best_constant(kind: str, references: Sequence[str]) -> str:
    """The answer that is the most right if it is given every time: the commonest one, where right is all or nothing."""
    counts = Counter(references)
    return max(counts, key=lambda said: sum(n * rightness(kind, true, said) for true, n in counts.items()))


def _plain(answer: str) -> str:
    return answer.strip().rstrip(".").casefold()
