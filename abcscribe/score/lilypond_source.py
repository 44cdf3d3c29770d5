"""What the text of a LilyPond file asks for that its parser (lytk) drops without a word: counted here, and named."""

from __future__ import annotations

import re
from collections import Counter

# What is searched in the text -> what a user calls it (one, several)
_DROPPED = {
    r":(?:8|16|32|64)\b|\\repeat\s+tremolo\b": ("tremolo", "tremolos"),
    r"\\(?:non)?[aA]rpeggio\b": ("arpeggio", "arpeggios"),
    r"\\glissando\b": ("glissando", "glissandos"),
    r"\\(?:sustainOn|sustainDown|sostenutoOn|unaCorda)\b": ("pedal mark", "pedal marks"),
    r"\\ottava\b": ("octave bracket", "octave brackets"),
    r"\\startTrillSpan\b": ("trill line", "trill lines"),
    r"\\startTextSpan\b": ("line of text", "lines of text"),
    r"\\(?:cresc|decresc|dim|cr|decr)\b": ("hairpin written as a word", "hairpins written as words"),
    r"\\(?:espressivo|portato|harmonic|thumb|laissezVibrer|rheel|lheel|rtoe|ltoe|signumcongruentiae)\b|-_":
        ("articulation", "articulations"),
    r"\\(?:prallprall|prallmordent|upprall|downprall|upmordent|downmordent|pralldown|prallup|lineprall|haydnturn)\b":
        ("ornament", "ornaments"),
    r"\\(?:very)?(?:short|long)fermata\b": ("fermata of another length", "fermatas of another length"),
    r"\\\(": ("phrasing slur", "phrasing slurs"),
    r"\\(?:xNote|xNotesOn|deadNote|deadNotesOn|palmMute|palmMuteOn)\b|NoteHead\.style|NoteHead\s*#'style":
        ("change of noteheads", "changes of noteheads"),
    r"(?<=[a-gis',0-9.>])\\[1-9]\b": ("string number", "string numbers"),
    r"\\change\s+Staff\b": ("change of staff", "changes of staff"),
    r"\\mark\s+\\default\b": ("rehearsal mark", "rehearsal marks"),
    r"\\(?:figuremode|figures)\b": ("figured bass", "figured basses"),
    r"\\caesura\b": ("caesura", "caesuras"),
    r"\\repeat\s+percent\b": ("repetition of a figure (\\repeat percent)", "repetitions of figures (\\repeat percent)"),
}  # fmt: skip
_IGNORED = re.compile(r'%\{.*?(?:%\}|\Z)|%[^\n]*|"(?:\\.|[^"\\])*"', re.DOTALL)  # comments and strings


def left_out(source: str) -> list[str]:
    """One sentence for everything of a LilyPond source that is not read."""
    text = _IGNORED.sub(" ", source)
    counts = Counter({names: len(re.findall(pattern, text)) for pattern, names in _DROPPED.items()})
    return [f"{count} {names[count != 1]} left out" for names, count in counts.items() if count]
