"""Metrics of a transcription. Pure functions, the reference first; no file is opened in here.

Every module has one form: what it measures and where it differs from tradition, its defined values for empty and broken
input, and ``evaluate(reference, prediction) -> dict[str, float]``. NaN means that a figure cannot be given, such as the
tempo of a reference without a metronome mark.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from types import ModuleType

from abcscribe.metrics import (
    edit_rate,
    instrument,
    key,
    metre,
    multi_instrument,
    mv2h,
    notes,
    pitch,
    rhythm,
    structure,
    tempo,
)
from abcscribe.score.model import PlayedNote, Score

SCORE_METRICS: dict[str, ModuleType] = {
    "metre": metre,
    "tempo": tempo,
    "key": key,
    "instrument": instrument,
    "pitch": pitch,
    "rhythm": rhythm,
    "structure": structure,
    "edit_rate": edit_rate,
    "mv2h": mv2h,
}
NOTE_METRICS: dict[str, ModuleType] = {"notes": notes, "multi_instrument": multi_instrument}


def evaluate_scores(
    reference: Score, prediction: Score, names: Collection[str] = tuple(SCORE_METRICS)
) -> dict[str, float]:
    """All score metrics, or some of them. Repeats are unfolded first: what sounds is compared.

    Args:
        reference: the true score.
        prediction: the transcription.
        names: of `SCORE_METRICS`.

    Returns:
        Figures by ``module.figure``; NaN where one is not defined.
    """
    reference, prediction = reference.unfolded(), prediction.unfolded()
    return _flat({name: SCORE_METRICS[name].evaluate(reference, prediction) for name in names})


def evaluate_notes(reference: Sequence[PlayedNote], prediction: Sequence[PlayedNote]) -> dict[str, float]:
    """All note metrics. A note's instrument is the program that represents its family.

    Args:
        reference: the true notes, in seconds.
        prediction: the transcribed notes, in seconds.

    Returns:
        Figures by ``module.figure``.
    """
    tracks = [multi_instrument.tracks_by_family(side) for side in (reference, prediction)]
    return _flat(
        {"notes": notes.evaluate(reference, prediction), "multi_instrument": multi_instrument.evaluate(*tracks)}
    )


def _flat(groups: dict[str, dict[str, float]]) -> dict[str, float]:
    return {f"{group}.{figure}": value for group, values in groups.items() for figure, value in values.items()}
