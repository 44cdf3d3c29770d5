"""What a format cannot say of a score, in sentences: so that nothing is lost without a word.

``FIELDS`` counts what a score has of everything that printed music holds; ``KEEPS`` says for every format what becomes
of it. docs/formats.md shows the same table, and a test compares both with what the formats really keep.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from fractions import Fraction

from abcscribe.score.abc_signs import HEADS as ABC_HEADS
from abcscribe.score.guitar_pro import is_latin
from abcscribe.score.instruments import PERCUSSION, usual_transposition
from abcscribe.score.kern_tokens import PROGRAMS as HUMDRUM_PROGRAMS
from abcscribe.score.lilypond_signs import sung_slots
from abcscribe.score.marks import MARKS
from abcscribe.score.model import Note, Score

KEPT, APPROXIMATED, SAID = "kept", "approximated", "said"


def _notes(score: Score) -> Iterator[Note]:
    return (note for part in score.parts for bar in part.bars for note in bar)


def _directions(kind: str) -> Callable[[Score], int]:
    return lambda score: sum(
        d.kind == kind and d.text != "!" for part in score.parts for b in part.directions for d in b
    )


def _marks(group: str) -> Callable[[Score], int]:
    return lambda score: sum(MARKS[name].says == group for note in _notes(score) for name in note.marks)


def _after_inside(score: Score) -> int:
    """Small notes that end a note inside of a bar."""
    ends = (
        (note, bar.length) for part in score.parts for bar, b in zip(score.bars, part.bars, strict=False) for note in b
    )
    return sum(len(note.after) for note, length in ends if note.end < length)


def _other_letters(score: Score) -> int:
    """Titles, names and chord symbols in letters that are not Western."""
    chords = (str(harmony) for bar in score.bars for harmony in bar.harmonies)
    texts = (score.title, score.composer, *(part.name for part in score.parts), *chords)
    return sum(not is_latin(text) for text in texts)


def _inner_slurs(score: Score) -> int:
    """Slurs that begin while another one of their voice is open, or at the same note."""
    count = 0
    for part in score.parts:
        for voice in part.voices:
            open_slurs = 0
            for notes in score.voice_bars(part, voice):
                for note in sorted(notes, key=lambda n: n.start):
                    open_slurs = max(0, open_slurs - note.slur_stop)
                    count += max(0, note.slur_start - (open_slurs == 0))
                    open_slurs += note.slur_start
    return count


def _unknown_to_humdrum(score: Score) -> int:
    """Parts whose instrument has no code in Humdrum."""
    return sum(part.program not in HUMDRUM_PROGRAMS.values() for part in score.parts)


def _symbols_between(score: Score) -> int:
    """Chord symbols inside of a note of the first voice."""
    count = 0
    for part in score.parts[:1]:
        for bar, notes in zip(score.bars, part.bars, strict=False):
            spans = [(n.start, n.end) for n in notes if n.voice == part.voices[0]]
            count += sum(any(a < h.start < b for a, b in spans) for h in bar.harmonies)
    return count


def _signs_inside(score: Score) -> int:
    """Dynamics, hairpins and texts inside of a note of the first voice of their staff."""
    count = 0
    for part in score.parts:
        for signs, notes in zip(part.directions, part.bars, strict=False):
            for sign in signs:
                voices = part.staves[sign.staff - 1].voices if sign.staff <= len(part.staves) else ()
                spans = ((n.start, n.end) for n in notes if n.voice in voices[:1])
                count += sign.kind in ("dynamic", "hairpin", "words") and any(a < sign.start < b for a, b in spans)
    return count


def _hidden_syllables(score: Score) -> int:
    """Syllables on notes that take none where words follow ties and slurs."""
    return sum(sung_slots(score, part, voice)[1] for part in score.parts for voice in part.voices)


FIELDS: dict[str, Callable[[Score], int]] = {
    "verses of words": lambda score: max((len(note.lyrics) for note in _notes(score)), default=0),
    "syllables on notes that a slur or tie continues": _hidden_syllables,
    "chord symbols": lambda score: sum(len(bar.harmonies) for bar in score.bars),
    "chord symbols inside of notes": _symbols_between,
    "dynamics": _directions("dynamic"),
    "hairpins": _directions("hairpin"),
    "texts": _directions("words"),
    "signs inside of notes": _signs_inside,
    "words of tempo": lambda score: sum(bool(bar.words) for bar in score.bars),
    "articulations": _marks("articulations"),
    "ornaments": _marks("ornaments"),
    "fermatas": _marks("fermatas"),
    "fingerings": _marks("fingerings"),
    "slurs": lambda score: sum(note.slur_start for note in _notes(score)),
    "slurs inside of slurs": _inner_slurs,
    "grace notes": lambda score: sum(len(note.grace) for note in _notes(score)),
    "grace notes behind a note": lambda score: sum(len(note.after) for note in _notes(score)),
    "grace notes behind a note inside of a bar": _after_inside,
    "noteheads": lambda score: sum(bool(note.head) for note in _notes(score)),
    "places of drums": lambda score: sum(bool(note.line) for note in _notes(score)),
    "drums": lambda score: sum(len(bar) for p in score.parts if p.program == PERCUSSION for bar in p.bars),
    "transpositions": lambda score: sum(
        p.transposition is not None and p.transposition[1] != usual_transposition(p.program, p.name)[1]
        for p in score.parts
    ),
    "strings and frets": lambda score: sum(note.fret is not None for note in _notes(score)),
    "tunings": lambda score: sum(bool(part.tuning) for part in score.parts),
    "capos": lambda score: sum(bool(part.capo) for part in score.parts),
    "repeats": lambda score: sum(bar.repeat_end for bar in score.bars),
    "endings": lambda score: sum(bool(bar.ending) for bar in score.bars),
    "jumps (D.C., Fine, Segno, Coda)": lambda score: sum(len(bar.signs) for bar in score.bars),
    "measure repeats": _directions("measure-repeat"),
    "changes of clef": _directions("clef"),
    "special bar lines": lambda score: sum(bool(bar.line) for bar in score.bars),
    "notes on another staff than their voice": lambda score: sum(bool(note.staff) for note in _notes(score)),
    "title": lambda score: int(bool(score.title)),
    "composer": lambda score: int(bool(score.composer)),
    "tempo marks of a fraction": lambda score: len(
        {bar.tempo for bar in score.bars if bar.tempo and Fraction(bar.tempo.bpm).denominator != 1}
    ),
    "texts in other than Western letters": _other_letters,
    "instruments unknown to Humdrum": _unknown_to_humdrum,
}
# What a format does with the fields that it does not keep as they are.
_WRITTEN_OUT = {"measure repeats": APPROXIMATED}
_NOT_PLAYED = dict.fromkeys(
    (
        "chord symbols",
        "chord symbols inside of notes",
        "signs inside of notes",
        "hairpins",
        "texts",
        "words of tempo",
        "articulations",
        "ornaments",
        "fermatas",
        "fingerings",
        "slurs",
        "slurs inside of slurs",
        "noteheads",
        "places of drums",
        "transpositions",
        "strings and frets",
        "tunings",
        "capos",
        "changes of clef",
        "special bar lines",
        "notes on another staff than their voice",
        "composer",
    ),
    SAID,
)
_NO_TABLATURE = dict.fromkeys(
    (
        "chord symbols inside of notes",
        "signs inside of notes",
        "dynamics",
        "hairpins",
        "texts",
        "articulations",
        "ornaments",
        "fermatas",
        "fingerings",
        "slurs",
        "slurs inside of slurs",
        "grace notes",
        "grace notes behind a note",
        "grace notes behind a note inside of a bar",
        "noteheads",
        "changes of clef",
        "repeats",
        "endings",
        "jumps (D.C., Fine, Segno, Coda)",
        "words of tempo",
        "verses of words",
        "syllables on notes that a slur or tie continues",
        "special bar lines",
        "drums",
        "places of drums",
    ),
    SAID,
)
KEEPS: dict[str, dict[str, str]] = {
    "abc": _WRITTEN_OUT
    | {
        "chord symbols inside of notes": APPROXIMATED,
        "signs inside of notes": APPROXIMATED,
        "grace notes behind a note inside of a bar": APPROXIMATED,
        "strings and frets": SAID,
        "tunings": SAID,
        "capos": SAID,
        "transpositions": SAID,
        "changes of clef": SAID,
        "notes on another staff than their voice": SAID,
    },
    "musicxml": {},
    "mxl": {},
    "mei": {},
    "json": {},
    "svg": {},
    "pdf": {},
    "png": {},
    "pdf-parts": {},
    "midi": _NOT_PLAYED
    | _WRITTEN_OUT
    | {
        "dynamics": APPROXIMATED,
        "repeats": APPROXIMATED,
        "endings": APPROXIMATED,
        "jumps (D.C., Fine, Segno, Coda)": APPROXIMATED,
        "grace notes": APPROXIMATED,
        "grace notes behind a note": APPROXIMATED,
        "grace notes behind a note inside of a bar": APPROXIMATED,
    },
    "lilypond": _WRITTEN_OUT
    | {
        "slurs inside of slurs": SAID,
        "syllables on notes that a slur or tie continues": SAID,
        "signs inside of notes": APPROXIMATED,
        "noteheads": SAID,
        "places of drums": SAID,
        "transpositions": SAID,
        "strings and frets": SAID,
        "tunings": SAID,
        "capos": SAID,
        "changes of clef": SAID,
        "notes on another staff than their voice": SAID,
        "tempo marks of a fraction": APPROXIMATED,
    },
    "kern": _WRITTEN_OUT
    | {
        "grace notes behind a note inside of a bar": APPROXIMATED,
        "places of drums": SAID,
        "strings and frets": SAID,
        "tunings": SAID,
        "capos": SAID,
        "notes on another staff than their voice": SAID,
        "instruments unknown to Humdrum": APPROXIMATED,
    },
    "tab": _NO_TABLATURE | _WRITTEN_OUT,
    "tab-musicxml": {},
    "tab-pdf": {},
    "tab-only": {},
    "gp5": _NO_TABLATURE | {"texts in other than Western letters": APPROXIMATED},
}
_PLAYED_OUT = ("repeats", "endings", "jumps (D.C., Fine, Segno, Coda)")  # in MIDI this is what they are for
_SILENT = {
    ("midi", field)
    for field in (
        *_PLAYED_OUT,
        "signs inside of notes",
        "grace notes",
        "grace notes behind a note",
        "measure repeats",
        "grace notes behind a note inside of a bar",
        "dynamics",
    )
}
# Whether a format has a sign for a mark; the others have one for all of those that they keep at all
_SIGNS: dict[str, Callable[[str], bool]] = {
    "abc": lambda name: bool(MARKS[name].abc),
    "lilypond": lambda name: bool(MARKS[name].lilypond),
    "kern": lambda name: bool(MARKS[name].kern) or name.startswith(("finger-", "tremolo-")),
}
_HOW = {
    "chord symbols inside of notes": "written at the note before",
    "signs inside of notes": "written at the note before",
    "grace notes behind a note inside of a bar": "written before the next note",
    "measure repeats": "written out",
    "tempo marks of a fraction": "rounded to whole beats a minute",
    "instruments unknown to Humdrum": "written as the nearest that it knows",
    "texts in other than Western letters": "written in the nearest letters, or as question marks",
}


def losses(score: Score, name: str) -> list[str]:
    """What a format of KEEPS does not keep of a score, a sentence for each field; [] for a format that is not in it."""
    sentences = []
    for field, keeps in KEEPS.get(name, {}).items():
        count = FIELDS[field](score)
        if not count or keeps == KEPT or (name, field) in _SILENT:
            continue
        if keeps == SAID:
            sentences.append(f"{count} {_counted(field, count)} left out: {name} has none.")
        else:
            sentences.append(
                f"{count} {_counted(field, count)} {_HOW.get(field, 'written as near as can be')}: {name}."
            )
    return sentences + [
        f"{count} {sign.replace('-', ' ')}{'s' * (count > 1)} left out: {name} has no such sign."
        for sign, count in _signless(score, name).items()
    ]


def _signless(score: Score, name: str) -> Counter[str]:
    """Marks and noteheads of kinds that a format keeps, but has no sign for these."""
    sign_of = _SIGNS.get(name)
    if not sign_of:
        return Counter()
    found = Counter(mark for note in _notes(score) for mark in note.marks if not sign_of(mark))
    if name == "abc":
        found.update(f"{note.head} head" for note in _notes(score) if note.head and note.head not in ABC_HEADS)
    return found


def _counted(field: str, count: int) -> str:
    """``1 slur``, ``2 slurs``."""
    if count != 1 or field in ("title", "composer"):
        return field
    singular = {"dynamics": "dynamic", "verses of words": "verse of words", "strings and frets": "string and fret"}
    head, _, rest = field.partition(" ")
    if field in singular:
        return singular[field]
    if head in ("chord", "grace", "special", "measure", "words"):
        second, _, rest = rest.partition(" ")
        return " ".join(filter(None, (head, second.removesuffix("s"), rest)))
    return " ".join(filter(None, (head.removesuffix("s"), rest)))
