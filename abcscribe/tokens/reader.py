"""Token ids -> Excerpt, and the grammar: the mask of the tokens that may follow."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from abcscribe.errors import ScoreError
from abcscribe.score.grid import TICKS
from abcscribe.score.model import CLEFS, Metre
from abcscribe.tokens.excerpt import Event, Excerpt, Span
from abcscribe.tokens.vocabulary import (
    LONGEST,
    METRE_TOKENS,
    MODES,
    MOST_FIFTHS,
    MOST_PART_STAVES,
    MOST_SKIPPED,
    MOST_STAVES,
    MOST_VOICES,
    SINGLE,
    VOCABULARY,
)  # fmt: skip
from abcscribe.tokens.writing import header

_PITCH_MIDI = np.array([midi for midi, _ in VOCABULARY.pitches])
_MUSIC = ("skip", "stay", "position", "bar", "eos")
# The grammar: the blocks that may follow, by the state after the last token.
_NEXT = {
    "begin": ("bos",), "bos": ("metre",), "metre": ("fifths",), "fifths": ("mode",), "mode": ("tempo", "program"),
    "tempo": ("program",), "program": ("clef",), "clef": ("clef", "program", "bar", "eos"),
    "bar": ("duration", "metre", "fifths", "tempo", *_MUSIC),
    "length": ("duration", "metre", "fifths", "tempo", *_MUSIC),
    "bar metre": ("fifths", "tempo", *_MUSIC), "bar fifths": ("mode",), "bar mode": ("tempo", *_MUSIC),
    "bar tempo": _MUSIC, "skip": ("skip", "position"), "stay": ("position",), "position": ("staff", "voice", "pitch"),
    "staff": ("voice", "pitch"), "voice": ("pitch",), "pitch": ("pitch", "duration"),
    "duration": ("duration", "pitch", "staff", "voice", *_MUSIC), "eos": (),
}  # fmt: skip
MOST_UNHEARD = 4  # positions in a row without a heard group
MOST_EMPTY = 16  # bars in a row without a note


@cache
def _blocks() -> tuple[str, ...]:
    """Name of the block of every token."""
    names = [""] * len(VOCABULARY)
    for name, value in vars(VOCABULARY).items():
        if isinstance(value, int):
            names[value] = name
        elif isinstance(value, slice):
            names[value] = [name] * (value.stop - value.start)
    return tuple(names)


@cache
def _mask(state: str) -> np.ndarray:
    """(len(VOCABULARY),) bool: the tokens of the blocks that the grammar allows."""
    return np.isin(_blocks(), _NEXT[state])


class Reader:
    """The grammar as a state machine: tokens in, an excerpt out; ``allowed`` is the mask of the next token.

    A sequence that obeys ``allowed`` is a valid excerpt, and it is finite: positions grow within a bar, all but a few
    advance the pointer, and few bars in a row are empty.
    """

    def __init__(self, groups: int | None = None) -> None:
        """``groups``: number of heard groups; the answer ends near the last. None: the pointer is unbounded."""
        self.groups = groups
        self.state = "begin"
        self.parts: list[tuple[int, list[str]]] = []
        self.spans: list[Span] = []
        self.events: list[Event] = []
        self.heard: list[int] = []  # group of each distinct onset, -1 for none
        self.token_groups: list[int] = []  # where the pointer stands at each token
        self.token_bars: list[int] = []  # bar of each token, -1 for the header
        self.group = -1  # the pointer
        self.staves = 0
        self._now = Span(4 * TICKS, METRE_TOKENS[1], 0, "major")  # what is in force
        self._start = 0  # ticks of the present bar line
        self._position = -1  # in the present bar
        self._line = self._last_line = (-1, 0)  # staff and voice of the present notes, and of those before
        self._used: list[int] = []  # MIDI at this position in this line; the present chord is at the end
        self._chord = 0  # notes of the present chord
        self._waiting = 0  # ticks of the duration so far
        self._unheard = self._empty = 0

    @property
    def _length(self) -> int:
        return self.spans[-1].length if self.spans else 0

    def push(self, token: int) -> None:
        """Read one token. Raises ScoreError if the grammar does not allow it."""
        if not 0 <= token < len(VOCABULARY):
            raise ScoreError(f"No token has the number {token}.")
        block = _blocks()[token]
        if block not in _NEXT[self.state]:
            raise ScoreError(
                f"{VOCABULARY.names[token]!r} cannot follow a {self.state} (token {len(self.token_bars)})."
            )
        getattr(self, f"_on_{block}")(token - getattr(VOCABULARY, block).start if block not in SINGLE else 0)
        self.token_groups.append(self.group)
        self.token_bars.append(len(self.spans) - 1)

    def bars_since_onset(self) -> int:
        """Bar lines after the last onset; of an answer without notes, all of them."""
        last = self.events[-1].onset if self.events else -1
        count, start = 0, self._start
        while count < len(self.spans) and last < start:
            count += 1
            start -= self.spans[-1 - count].length if count < len(self.spans) else 0
        return count

    @property
    def staff(self) -> int:
        """The staff of the present notes."""
        return max(self._line[0], 0)

    def written(self) -> set[tuple[int, int]]:
        """Staff and MIDI pitch of the notes at the present position."""
        here = self._start + self._position
        found = set()
        for event in reversed(self.events):
            if event.onset != here:
                break
            found.add((event.staff, event.midi))
        return found

    @property
    def metre(self) -> Metre | None:
        """The metre in force."""
        return self._now.metre

    def header(self) -> list[int]:
        """Tokens of a header with what is in force now."""
        now = replace(self._now, tempo=self.spans[0].tempo if self.spans else self._now.tempo)
        return header(now, [(program, tuple(clefs)) for program, clefs in self.parts])

    def copy(self) -> Reader:
        """An independent reader in the same place."""
        other = copy.copy(self)
        other.parts = [(program, list(clefs)) for program, clefs in self.parts]
        for name in ("spans", "events", "heard", "token_groups", "token_bars", "_used"):
            setattr(other, name, list(getattr(self, name)))
        return other

    def excerpt(self) -> Excerpt:
        """What was read so far."""
        parts = tuple((program, tuple(clefs)) for program, clefs in self.parts)
        return Excerpt(tuple(self.spans), parts, tuple(sorted(self.events)))

    def allowed(self) -> np.ndarray:
        """The mask of the next token, (len(VOCABULARY),) bool."""
        v, mask = VOCABULARY, _mask(self.state).copy()
        if self.state in ("program", "clef"):
            mask[v.clef] &= len(self.parts[-1][1]) < MOST_PART_STAVES and self.staves < MOST_STAVES
            mask[v.program] &= self.staves < MOST_STAVES
        elif self.state == "bar" and self._now.metre is None:  # such a bar needs a length, or a new metre
            mask[: v.metre.start + 1] = mask[v.metre.stop : v.duration.start] = mask[v.duration.stop :] = False
        elif self.state in ("position", "staff", "voice", "pitch", "duration"):
            self._allow_notes(mask)
        if self.state not in ("position", "staff", "voice", "pitch"):
            self._allow_places(mask)
        return mask

    def _allow_places(self, mask: np.ndarray) -> None:
        """Mask positions that are past, pointer moves beyond the last group, and too many empty bars, in place."""
        v, ahead = VOCABULARY, np.arange(LONGEST)
        left = LONGEST if self.groups is None else self.groups - 1 - self.group
        room = self._position + 1 < min(self._length, LONGEST)
        mask[v.position] &= (ahead > self._position) & (ahead < self._length) & (left > 0 or self.state == "stay")
        mask[v.skip] &= room & (ahead[:MOST_SKIPPED] + 1 < left)
        mask[v.stay] &= room and self._unheard < MOST_UNHEARD
        mask[v.bar] &= self._empty < MOST_EMPTY
        mask[v.eos] &= self.groups is None or left <= MOST_SKIPPED

    def _allow_notes(self, mask: np.ndarray) -> None:
        """Mask staves and voices out of order, and pitches of a chord out of order or repeated in a voice, in place."""
        v, several, voices = VOCABULARY, self.staves > 1, np.arange(2, MOST_VOICES + 1)
        staff, voice = self._line
        last = last_staff, last_voice = self._line if self.state == "duration" else self._last_line
        at = np.arange(MOST_STAVES)
        if several and self.state in ("position", "duration"):
            mask[v.staff] &= (at < self.staves) & (at >= last_staff + (last_voice == MOST_VOICES))
            mask[v.voice] = False
            mask[v.pitch] &= self.state == "duration"
        else:
            mask[v.staff] = False
            mask[v.voice] &= (staff > last_staff) | (voices > last_voice)
            mask[v.pitch] &= self.state in ("pitch", "duration") or (staff, voice) > last
        mask[v.duration] &= self.state == "pitch" or self._waiting % LONGEST == 0
        if self.state == "pitch":
            mask[v.pitch] &= self._used[-1] < _PITCH_MIDI
        for midi in self._used:
            first, last = np.searchsorted(_PITCH_MIDI, (midi, midi + 1))
            mask[v.pitch.start + first : v.pitch.start + last] = False

    # One method a block: the transition of its tokens. ``index`` is the token's place in the block.

    def _on_bos(self, index: int) -> None:
        self.state = "bos"

    def _on_eos(self, index: int) -> None:
        self.state = "eos"

    def _on_metre(self, index: int) -> None:
        metre, in_bar = METRE_TOKENS[index], self.state != "bos"
        if self.state == "bar" and metre is not None:
            self._change(metre=metre, length=int(metre.length * TICKS))
        else:
            self._change(metre=metre)
        self.state = "bar metre" if in_bar else "metre"

    def _on_fifths(self, index: int) -> None:
        self._change(fifths=index - MOST_FIFTHS)
        self.state = "fifths" if self.state == "metre" else "bar fifths"

    def _on_mode(self, index: int) -> None:
        self._change(mode=MODES[index])
        self.state = "mode" if self.state == "fifths" else "bar mode"

    def _on_tempo(self, index: int) -> None:
        self._change(tempo=index)
        self.state = "tempo" if self.state == "mode" else "bar tempo"

    def _change(self, **what: Any) -> None:
        self._now = replace(self._now, **what)
        if self.spans:
            self.spans[-1] = replace(self.spans[-1], **what)

    def _on_program(self, index: int) -> None:
        self.parts.append((index, []))
        self.state = "program"

    def _on_clef(self, index: int) -> None:
        self.parts[-1][1].append(CLEFS[index])
        self.staves += 1
        self.state = "clef"

    def _on_bar(self, index: int) -> None:
        empty = not self.events or self.events[-1].onset < self._start
        self._empty = self._empty + 1 if self.spans and empty else 0
        self._start += self._length
        length = int(self._now.metre.length * TICKS) if self._now.metre else 0
        self.spans.append(replace(self._now, length=length))
        self._position = -1
        self.state = "bar"

    def _on_duration(self, index: int) -> None:
        if self.state in ("bar", "length"):  # of the bar
            length = index + 1 + (self._length if self.state == "length" else 0)
            self.spans[-1] = replace(self.spans[-1], length=length)
            self.state = "length"
            return
        self._waiting = index + 1 + (self._waiting if self.state == "duration" else 0)
        done = [replace(event, duration=self._waiting) for event in self.events[-self._chord :]]
        self.events[-self._chord :] = done
        self.state = "duration"

    def _on_skip(self, index: int) -> None:
        self.group += index + 1
        self.state = "skip"

    def _on_stay(self, index: int) -> None:
        self.state = "stay"

    def _on_position(self, index: int) -> None:
        stayed = self.state == "stay"
        self._unheard = self._unheard + 1 if stayed else 0
        self.group += not stayed
        self.heard.append(-1 if stayed else self.group)
        self._position = index
        self._empty = 0
        self._last_line, self._line, self._used = (-1, 0), (0, 1), []
        self.state = "position"

    def _on_staff(self, index: int) -> None:
        self._turn(index, 1)
        self.state = "staff"

    def _on_voice(self, index: int) -> None:
        self._turn(self._line[0], index + 2)
        self.state = "voice"

    def _turn(self, staff: int, voice: int) -> None:
        """To another line; the last one counts as such only if it has notes."""
        if self._used:
            self._last_line, self._used = self._line, []
        self._line = (staff, voice)

    def _on_pitch(self, index: int) -> None:
        midi, fifth = VOCABULARY.pitches[index]
        self._chord = self._chord + 1 if self.state == "pitch" else 1
        self._used.append(midi)
        self.events.append(Event(self._start + self._position, *self._line, 0, midi, fifth))
        self.state = "pitch"


def decode(ids: Sequence[int], groups: int | None = None) -> Reader:
    """Read a whole answer.

    Args:
        ids: its tokens, from BOS on.
        groups: number of heard groups; None: the pointer is unbounded.

    Raises:
        ScoreError: the grammar does not allow a token.
    """
    reader = Reader(groups)
    for token in ids:
        reader.push(token)
    return reader
