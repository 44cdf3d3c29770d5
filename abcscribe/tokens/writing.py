"""Excerpt -> token ids, each with the group of heard notes that the pointer is at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from abcscribe.score.grid import TICKS
from abcscribe.score.model import CLEFS
from abcscribe.tokens.excerpt import Event, Excerpt, Span
from abcscribe.tokens.vocabulary import LONGEST, METRE_TOKENS, MODES, MOST_FIFTHS, MOST_SKIPPED, VOCABULARY


@dataclass(slots=True)
class Writing:
    """Token ids with the group (of heard notes) that the pointer is at; -1 before the first."""

    ids: list[int] = field(default_factory=list)
    groups: list[int] = field(default_factory=list)
    group: int = -1

    def add(self, token: int) -> None:
        self.ids.append(token)
        self.groups.append(self.group)


def encode(excerpt: Excerpt, heard: Sequence[int] | None = None) -> Writing:
    """Token ids of an excerpt.

    Args:
        excerpt: the notes and bars.
        heard: for each distinct onset of the events the group of heard notes that it corresponds to, -1 for none;
            without it every onset is a group of its own.

    Returns:
        The ids, BOS to EOS, and the pointer at each.
    """
    v, out = VOCABULARY, Writing()
    first = excerpt.spans[0] if excerpt.spans else Span(4 * TICKS, METRE_TOKENS[1], 0, "major")
    for token in header(first, excerpt.parts):
        out.add(token)
    several = sum(len(clefs) for _, clefs in excerpt.parts) > 1
    onsets = [(onset, list(events)) for onset, events in groupby(excerpt.events, key=lambda e: e.onset)]
    links = list(heard) if heard is not None else list(range(len(onsets)))
    before, at = first, 0
    for span, start in zip(excerpt.spans, excerpt.bar_starts(), strict=False):
        out.add(v.bar)
        if span.metre is None or span.length != span.metre.length * TICKS:
            _add_duration(out, span.length)
        for token in _signature(span, before):
            out.add(token)
        before = span
        while at < len(onsets) and onsets[at][0] < start + span.length:
            _point(out, links[at])
            out.add(v.position.start + onsets[at][0] - start)
            _add_notes(out, onsets[at][1], several)
            at += 1
    out.add(v.eos)
    return out


def header(span: Span, parts: Iterable[tuple[int, tuple[str, ...]]]) -> list[int]:
    """Tokens of a header: what is in force in a bar, and the parts."""
    return [VOCABULARY.bos, *_signature(span, None), *tokens_of_parts(parts)]


def tokens_of_parts(parts: Iterable[tuple[int, tuple[str, ...]]]) -> tuple[int, ...]:
    """The program and the clefs of each part."""
    v, tokens = VOCABULARY, []
    for program, clefs in parts:
        tokens += [v.program.start + program, *(v.clef.start + CLEFS.index(clef) for clef in clefs)]
    return tuple(tokens)


def _signature(span: Span, before: Span | None) -> list[int]:
    """Tokens of the metre, key and tempo that a bar changes; of all three if there is no bar before."""
    v, tokens = VOCABULARY, []
    if before is None or span.metre != before.metre:
        tokens.append(v.metre.start + METRE_TOKENS.index(span.metre))
    if before is None or (span.fifths, span.mode) != (before.fifths, before.mode):
        tokens += [v.fifths.start + span.fifths + MOST_FIFTHS, v.mode.start + MODES.index(span.mode)]
    if span.tempo is not None and (before is None or span.tempo != before.tempo):
        tokens.append(v.tempo.start + span.tempo)
    return tokens


def _point(out: Writing, group: int) -> None:
    """Move the pointer to the group of the next position."""
    v, skipped = VOCABULARY, group - out.group - 1
    if skipped < 0:
        out.add(v.stay)
        return
    while skipped > 0:
        step = min(skipped, MOST_SKIPPED)
        out.group += step
        out.add(v.skip.start + step - 1)
        skipped -= step
    out.group += 1


def _add_notes(out: Writing, events: list[Event], several: bool) -> None:
    v = VOCABULARY
    for (staff, voice), line in groupby(events, key=lambda e: (e.staff, e.voice)):
        if several:
            out.add(v.staff.start + staff)
        if voice > 1:
            out.add(v.voice.start + voice - 2)
        for duration, chord in groupby(line, key=lambda e: e.duration):
            for event in chord:
                out.add(v.pitch_id[event.midi, event.fifth])
            _add_duration(out, duration)


def _add_duration(out: Writing, ticks: int) -> None:
    while ticks > 0:
        piece = min(ticks, LONGEST)
        out.add(VOCABULARY.duration.start + piece - 1)
        ticks -= piece
