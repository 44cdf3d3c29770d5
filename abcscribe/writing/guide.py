"""The analysis as a `Guide` of the language model: its places, notes and staves become likelier.

The constants are nats that are added to log-probabilities; each has the figures that set it beside it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from abcscribe.analysis import Analysis
from abcscribe.model.note_features import HeardNotes
from abcscribe.score.grid import PICKUP, TICKS
from abcscribe.tokens import LONGEST, MOST_FIFTHS, VOCABULARY, Reader, tokens_of_parts
from abcscribe.writing.decoding import CLOSED, Constraints

GUIDANCE = 20.0  # nats for the place that the beat tracker finds; with 10 the model sometimes drifts off for bars
NOTE_GUIDANCE = 3.0  # nats for a note of the analysis
PLAYER_GUIDANCE = 6.0  # nats against a note on another staff than in the analysis
EXTRA_PRICE = 3.0  # penalty in nats of other pitches: pitch error of 60 valid clips .2906 without, .2891 with
# Penalty in nats for a position without a heard group (the token STAY): where the metre is wrong, the model fills bars
# with such positions, and the more so the more it is guided to the notes of the analysis. Pitch error of 80 lines of
# the valid split .053 without, .043 with 2 or 20.
UNHEARD_PRICE = 20.0
KEY_GUIDANCE = 0.5  # weight of the analysis' log-probability of each signature
SHARPS = np.arange(-MOST_FIFTHS, MOST_FIFTHS + 1) % 12
PLACING = frozenset({"clef", "bar", "length", "bar metre", "bar mode", "bar tempo", "skip", "duration"})
NOTING = frozenset({"position", "staff", "voice", "pitch", "duration"})
PITCH_MIDI = np.array([midi for midi, _ in VOCABULARY.pitches])
OF_PITCH = np.arange(128)[:, None] == PITCH_MIDI  # (128, pitch tokens) bool: a table, as a search takes 40 us


@dataclass(frozen=True, slots=True)
class AnalysisGuide:
    """The analysis as a Guide of the language model."""

    analysis: Analysis
    ticks: np.ndarray  # (g,) of each group from a bar line, -1 where the analysis ignores it
    staves: list[dict[int, int]]  # for each group, the analysis' staff of each MIDI pitch
    begun: bool = False  # whether the first bar was in an earlier window

    def __call__(self, reader: Reader, scores: np.ndarray) -> np.ndarray:
        """(vocabulary,) log-probabilities -> those with the analysis' signature, positions and players added.

        Only the first bar may be a pickup; positions without a heard group are penalised.
        """
        guided = self._players(reader, self._places(reader, self._signatures(reader, scores))).copy()
        guided[VOCABULARY.stay] -= UNHEARD_PRICE
        if reader.state == "bar" and (self.begun or len(reader.spans) > 1):
            guided[VOCABULARY.duration] = CLOSED
        return guided

    def _signatures(self, reader: Reader, scores: np.ndarray) -> np.ndarray:
        """Add the log-probabilities of the key signatures, once for the whole recording."""
        if reader.state != "metre":
            return scores
        guided = scores.copy()
        guided[VOCABULARY.fifths] += KEY_GUIDANCE * self.analysis.signatures[SHARPS]
        return guided

    def _players(self, reader: Reader, scores: np.ndarray) -> np.ndarray:
        """For music on several staves: notes of the analysis become likelier on their staff and less likely on others,
        and so do staves; notes that the analysis does not have become less likely."""
        if reader.staves < 2:
            return scores
        guided = scores.copy()
        if reader.state in PLACING and self._notes(reader.group + 1):
            guided[VOCABULARY.skip] -= NOTE_GUIDANCE
        if reader.state in NOTING and reader.heard and reader.heard[-1] == reader.group:
            self._share_out(reader, self._notes(reader.group), guided)
        return guided

    def _notes(self, group: int) -> dict[int, int]:
        return self.staves[group] if 0 <= group < len(self.staves) else {}

    def _share_out(self, reader: Reader, own: dict[int, int], guided: np.ndarray) -> None:
        """Guide to the notes of a group, in place; a group that the analysis leaves out is not guided."""
        if not own:
            return
        v = VOCABULARY
        left = {midi: staff for midi, staff in own.items() if (staff, midi) not in reader.written()}
        here = [midi for midi, staff in left.items() if staff == reader.staff]
        guided[v.pitch][OF_PITCH[here].any(axis=0)] += NOTE_GUIDANCE
        guided[v.pitch][~OF_PITCH[list(own)].any(axis=0)] -= EXTRA_PRICE
        guided[v.pitch][OF_PITCH[[midi for midi in own if own[midi] != reader.staff]].any(axis=0)] -= PLAYER_GUIDANCE
        for staff in range(reader.staves):
            if staff not in own.values():
                guided[v.staff.start + staff] -= PLAYER_GUIDANCE
            elif staff in left.values() and not here:
                guided[v.staff.start + staff] += NOTE_GUIDANCE

    def _places(self, reader: Reader, scores: np.ndarray) -> np.ndarray:
        """The position that the beat tracker found becomes likelier, at the cost of other positions and of the bar
        line; the probability that a note is spurious, or that another begins here, does not change."""
        token = self._token(reader)
        if token is None or scores[token] < CLOSED / 2:
            return scores
        rivals = np.zeros(len(scores), bool)
        for block in (VOCABULARY.position, VOCABULARY.duration if reader.state == "bar" else VOCABULARY.bar):
            rivals[block] = True
        rivals[VOCABULARY.bar] = rivals[token] = True
        guided = scores.copy()
        guided[token] += GUIDANCE
        guided[rivals] += np.logaddexp.reduce(scores[rivals]) - np.logaddexp.reduce(guided[rivals])
        return guided

    def _token(self, reader: Reader) -> int | None:
        """The token by the beat tracker: a position in the bar, or a bar line before it; None: neither."""
        group, bar = reader.group + 1, int(self.analysis.metre.length * TICKS)
        if reader.state not in PLACING or reader.metre != self.analysis.metre or not 0 <= group < len(self.ticks):
            return None
        tick, before = int(self.ticks[group]), reader.heard[-1] if reader.heard else -1
        if tick < 0 or (reader.heard and (before < 0 or self.ticks[before] < 0)):
            return None
        if before < 0:
            return self._first(reader, tick % bar, bar)
        ahead = tick // bar - int(self.ticks[before]) // bar - reader.bars_since_onset()
        place = tick % bar - (bar - reader.spans[0].length if len(reader.spans) == 1 else 0)
        if ahead > 0:
            return VOCABULARY.bar
        return VOCABULARY.position.start + place if ahead == 0 and 0 <= place < LONGEST else None

    def _first(self, reader: Reader, place: int, bar: int) -> int | None:
        """The token before or at the first group: in a pickup, or in a bar of full length."""
        v, pickup = VOCABULARY, place >= PICKUP * bar
        if not reader.spans:
            return v.bar
        if len(reader.spans) > 1:
            return None
        if reader.state == "bar" and pickup:
            return v.duration.start + bar - place - 1
        return v.position.start + (0 if pickup else place)

    def header(self, constraints: Constraints) -> Constraints:
        """The user's constraints, completed with the metre, the tempo and the parts of the analysis."""
        found = Constraints.of(metre=self.analysis.metre, quarter_bpm=self.analysis.quarter_bpm)
        parts = tokens_of_parts(self.analysis.parts)
        return replace(
            constraints, metre=constraints.metre or found.metre, tempo=constraints.tempo or found.tempo, parts=parts
        )

    def since(self, group: int) -> AnalysisGuide:
        """The same for a window that begins with a group."""
        return AnalysisGuide(self.analysis, self.ticks[group:], self.staves[group:], begun=group > 0)


def staves_of_groups(analysis: Analysis, heard: HeardNotes) -> list[dict[int, int]]:
    """For each group, the analysis' staff of each MIDI pitch."""
    groups = heard.groups
    found: list[dict[int, int]] = [{} for _ in range(int(groups[-1]) + 1)]
    for group, onset, pitch in zip(groups.tolist(), heard.onset.tolist(), heard.pitch.tolist(), strict=True):
        staff = analysis.staves.get((onset, pitch))
        if staff is not None:
            found[group][pitch] = staff
    return found
