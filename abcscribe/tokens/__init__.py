"""Score <-> token ids: the vocabulary of the default model and its grammar.

An answer is a header and bars in the order of time:

    BOS metre key mode tempo (program clef+)+
    (BAR [duration+] [metre] [key mode] [tempo] ([skip* | STAY] position ([staff] [voice] (pitch+ duration+)+)+)*)* EOS

- Every part is its General MIDI program and the clefs of its staves; staves are counted through all parts, and a note's
  staff has a token unless there is only one. Voice 1 of a staff has none.
- Rests are where nothing is written. A position is the place in the bar in ticks; durations are ticks as they sound
  (ties are merged), several in a row add up. A bar has length tokens if its metre does not imply its length (a pickup).
- Positions and heard notes (the input, transcribed from audio) are linked by a pointer. Heard notes with one onset form
  a *group*; each position moves the pointer to the next group, past ``skip`` spurious groups, or leaves it (STAY) if no
  note was heard there. So the time of every onset follows without a token for it, and the pointer is a position axis of
  the model's attention.

Depends on no model and no audio. Not represented: grace notes, repeats (unfold them first), percussion, names,
quintuplets, values below the tick, and notes behind the eighth quarter of a bar. ``Excerpt.whole`` is False if
something was left out.
"""

from abcscribe.score.grid import TICKS
from abcscribe.tokens.excerpt import Event, Excerpt, Span, excerpt_of, score_of, untangled
from abcscribe.tokens.reader import MOST_EMPTY, MOST_UNHEARD, Reader, decode
from abcscribe.tokens.vocabulary import (
    LONGEST,
    METRE_TOKENS,
    MODES,
    MOST_FIFTHS,
    MOST_SKIPPED,
    MOST_STAVES,
    MOST_VOICES,
    TEMPI,
    VOCABULARY,
    tempo_at,
    tempo_index,
)  # fmt: skip
from abcscribe.tokens.writing import Writing, encode, tokens_of_parts

__all__ = [
    "LONGEST", "METRE_TOKENS", "MODES", "MOST_EMPTY", "MOST_FIFTHS", "MOST_SKIPPED", "MOST_STAVES", "MOST_UNHEARD",
    "MOST_VOICES", "TEMPI", "TICKS", "VOCABULARY", "Event", "Excerpt", "Reader", "Span", "Writing", "decode", "encode",
    "excerpt_of", "score_of", "tempo_at", "tempo_index", "tokens_of_parts", "untangled",
]  # fmt: skip
