"""Every field of a score in every format: kept, written as near as can be, or named in a sentence."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from example_scores import a_pitch, note

from abcscribe.errors import ScoreError
from abcscribe.score import Bar, Direction, Harmony, Note, Part, Score, Staff, Syllable, Tempo
from abcscribe.score.convert import Changes, convert
from abcscribe.score.differences import differences
from abcscribe.score.json_format import to_json
from abcscribe.score.losses import APPROXIMATED, FIELDS, KEEPS, KEPT, SAID, losses
from abcscribe.score.marks import MARKS
from abcscribe.score.readers import read_leniently, read_score
from abcscribe.score.writers import WRITERS, render

PAGE = Path(__file__).parents[2] / "docs" / "formats.md"
READ_BACK = {"abc": ".abc", "musicxml": ".musicxml", "mxl": ".mxl", "lilypond": ".ly", "kern": ".krn", "json": ".json"}


def melody() -> Score:
    """Two bars of 4/4: four quarters, and two halves."""
    first = tuple(note(i, 1, pitch) for i, pitch in enumerate(("C5", "D5", "E5", "F5")))
    second = (note(0, 2, "G5"), note(2, 2, "E5"))
    bar = Bar(Fraction(4), tempo=Tempo(100.0))
    return Score((bar, bar), (Part((first, second), "Voice", 52),))


def with_bars(**fields: object) -> Score:
    score = melody()
    return replace(score, bars=(replace(score.bars[0], **fields), score.bars[1]))


def with_part(**fields: object) -> Score:
    score = melody()
    return replace(score, parts=(replace(score.parts[0], **fields),))


def with_note(bar: int = 0, **fields: object) -> Score:
    """The first note of a bar changed."""
    (part,) = melody().parts
    bars = list(part.bars)
    bars[bar] = (replace(bars[bar][0], **fields), *bars[bar][1:])
    return with_part(bars=tuple(bars))


def with_direction(start: str, kind: str, text: str, bar: int = 0) -> Score:
    signs = [Direction(Fraction(start), kind, text)]
    signs += [Direction(Fraction(3), "hairpin", "!")] if kind == "hairpin" else []
    return with_part(directions=tuple(tuple(signs) if i == bar else () for i in range(2)))


def slurred() -> Score:
    (part,) = melody().parts
    a, b, *rest = part.bars[0]
    return with_part(bars=((replace(a, slur_start=1), replace(b, slur_stop=1), *rest), part.bars[1]))


def sung_over_a_slur() -> Score:
    (part,) = slurred().parts
    a, b, *rest = part.bars[0]
    words = (replace(a, lyrics=(Syllable("oh"),)), replace(b, lyrics=(Syllable("ah"),)), *rest)
    return with_part(bars=(words, part.bars[1]))


def slurred_twice() -> Score:
    (part,) = melody().parts
    a, b, c, *rest = part.bars[0]
    slurs = (replace(a, slur_start=2), replace(b, slur_stop=1), replace(c, slur_stop=1), *rest)
    return with_part(bars=(slurs, part.bars[1]))


def drums(**fields: object) -> Score:
    hits = [note(i, 1, pitch) for i, pitch in enumerate(("C2", "D2", "C2", "D2"))]  # keys 36 and 38
    hits[0] = replace(hits[0], **fields)
    return replace(melody(), parts=(Part((tuple(hits), tuple(hits)), "Drums", 128, (Staff("perc"),)),))


def repeated() -> Score:
    score = melody()
    first, second = score.bars
    bars = (replace(first, repeat_start=True), replace(second, ending="1", repeat_end=True, ending_stop=True),
            replace(second, ending="2", ending_stop=True))  # fmt: skip
    (part,) = score.parts
    return replace(score, bars=bars, parts=(replace(part, bars=(*part.bars, part.bars[1])),))


def measure_repeat() -> Score:
    score = with_direction("0", "measure-repeat", "1", bar=1)
    (part,) = score.parts
    return replace(score, parts=(replace(part, bars=(part.bars[0], part.bars[0])),))


def cross_staff() -> Score:
    (part,) = melody().parts
    a, *rest = part.bars[0]
    staves = (Staff("treble", (1,)), Staff("bass", (2,)))
    low = Note(Fraction(0), Fraction(4), a_pitch("C3"), 2)
    return with_part(bars=((replace(a, staff=2), *rest, low), (*part.bars[1], low)), staves=staves, program=0)


EXAMPLES: dict[str, Callable[[], Score]] = {
    "verses of words": lambda: with_note(lyrics=(Syllable("oh", held=True), Syllable("ah", joined=True))),
    "syllables on notes that a slur or tie continues": sung_over_a_slur,
    "chord symbols": lambda: with_bars(harmonies=(Harmony(Fraction(0), "Bb", "m7", "F"), Harmony(Fraction(2), "C"))),
    "chord symbols inside of notes": lambda: replace(
        melody(), bars=(melody().bars[0], replace(melody().bars[1], harmonies=(Harmony(Fraction(1), "D", "7"),)))
    ),
    "dynamics": lambda: with_direction("1", "dynamic", "mf"),
    "hairpins": lambda: with_direction("1", "hairpin", "<"),
    "texts": lambda: with_direction("1", "words", "dolce"),
    "signs inside of notes": lambda: with_direction("1", "words", "dolce", bar=1),
    "words of tempo": lambda: with_bars(words="Slowly"),
    "articulations": lambda: with_note(marks=("staccato", "accent")),
    "ornaments": lambda: with_note(marks=("trill-mark",)),
    "fermatas": lambda: with_note(marks=("fermata",)),
    "fingerings": lambda: with_note(marks=("finger-3",)),
    "slurs": slurred,
    "slurs inside of slurs": slurred_twice,
    "grace notes": lambda: with_note(grace=(a_pitch("B4"),)),
    "grace notes behind a note": lambda: with_part(
        bars=((note(0, 2, "C5"), replace(note(2, 2, "D5"), after=(a_pitch("C5"), a_pitch("D5")))), (note(0, 4, "G5"),))
    ),
    "grace notes behind a note inside of a bar": lambda: with_note(after=(a_pitch("B4"), a_pitch("C5"))),
    "noteheads": lambda: with_note(head="diamond"),
    "places of drums": lambda: drums(line=a_pitch("A4")),
    "drums": drums,
    "transpositions": lambda: with_part(name="Clarinet", program=71, transposition=(-2, -3)),
    "strings and frets": lambda: with_note(string=2, fret=1),
    "tunings": lambda: with_part(
        name="Guitar", program=24, tuning=tuple(map(a_pitch, ["D2", "A2", "D3", "G3", "B3", "E4"]))
    ),
    "capos": lambda: with_part(name="Guitar", program=24, capo=2),
    "repeats": repeated,
    "endings": repeated,
    "jumps (D.C., Fine, Segno, Coda)": lambda: replace(
        melody(), bars=(replace(melody().bars[0], signs=("fine",)), replace(melody().bars[1], signs=("D.C.",)))
    ),
    "measure repeats": measure_repeat,
    "changes of clef": lambda: with_direction("2", "clef", "bass"),
    "special bar lines": lambda: with_bars(line="double"),
    "notes on another staff than their voice": cross_staff,
    "title": lambda: replace(melody(), title="A tune"),
    "composer": lambda: replace(melody(), composer="N. Obody"),
    "tempo marks of a fraction": lambda: replace(
        melody(), bars=tuple(replace(bar, tempo=Tempo(100.5)) for bar in melody().bars)
    ),
    "texts in other than Western letters": lambda: replace(melody(), title="Песня № 5"),
    "instruments unknown to Humdrum": lambda: with_part(name="Crystal", program=98),
}


def test_every_field_has_an_example_with_it() -> None:
    assert list(EXAMPLES) == list(FIELDS)
    assert [field for field, make in EXAMPLES.items() if not FIELDS[field](make())] == []
    assert [field for field, make in EXAMPLES.items() if make().problems()] == []


@pytest.mark.parametrize("name", READ_BACK)
@pytest.mark.parametrize("field", FIELDS)
def test_what_is_kept_comes_back_and_what_is_not_is_said(field: str, name: str, tmp_path: Path) -> None:
    score = EXAMPLES[field]()
    path = tmp_path / f"score{READ_BACK[name]}"
    path.write_bytes(render(score, name))
    lost = differences(score, read_score(path))
    keeps = KEEPS[name].get(field, KEPT)
    assert bool(lost) == (keeps != KEPT), lost
    assert bool(losses(score, name)) == (keeps != KEPT)


@pytest.mark.parametrize("name", READ_BACK)
def test_every_mark_and_notehead_is_kept_or_said(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"score{READ_BACK[name]}"
    heads = [] if KEEPS[name].get("noteheads") else ["x", "diamond", "triangle", "slash", "circle-x", "square"]
    scores = [with_note(marks=(mark,)) for mark in MARKS] + [with_note(head=head) for head in heads]
    for score in scores:
        path.write_bytes(render(score, name))
        note, (again, said) = score.parts[0].bars[0][0], read_leniently(path)
        assert bool(differences(score, again)) == bool(losses(score, name) + said), (note.marks, note.head)


@pytest.mark.parametrize("name", [name for name in KEEPS if KEEPS[name]])
def test_a_sentence_names_how_many_of_what_and_where(name: str) -> None:
    for field, keeps in KEEPS[name].items():
        if keeps == SAID:
            assert any(s.startswith("1 ") or s[0].isdigit() for s in losses(EXAMPLES[field](), name))
            assert all(s.endswith(".") and name in s for s in losses(EXAMPLES[field](), name))
    assert losses(melody(), name) == []


def test_every_format_stands_in_the_table() -> None:
    assert set(KEEPS) == set(WRITERS) - {"performance-midi"}


def table() -> str:
    """The table of docs/formats.md."""
    shown = {KEPT: "", APPROXIMATED: "near", SAID: "said"}
    lines = [f"| | {' | '.join(f'`{name}`' for name in KEEPS)} |", "|---" * (len(KEEPS) + 1) + "|"]
    lines += [f"| {field} | {' | '.join(shown[KEEPS[n].get(field, KEPT)] for n in KEEPS)} |" for field in FIELDS]
    return "\n".join(lines) + "\n"


def test_the_page_shows_the_table() -> None:
    assert table() in PAGE.read_text(encoding="utf-8")


def test_strict_writes_nothing_where_something_would_be_lost(tmp_path: Path) -> None:
    source, target = tmp_path / "tune.json", tmp_path / "tune.mid"
    source.write_text(to_json(slurred()))
    with pytest.raises(ScoreError, match="1 slur left out"):
        convert(source, target, changes=Changes(strict=True))
    assert not target.exists()
    assert convert(source, target) == ["1 slur left out: midi has none."]
    assert target.exists()


def test_a_book_of_tunes(tmp_path: Path) -> None:
    source = tmp_path / "book.abc"
    source.write_text("X:1\nT:One\nK:C\nCDEF |\n\nX:2\nT:Two\nK:C\nGABc |\n")
    assert convert(source, tmp_path / "out.abc") == []
    assert (tmp_path / "out.abc").read_text().count("T:") == 2
    assert convert(source, tmp_path / "out.musicxml") == [
        "1 further tune left out: musicxml holds one; --tune chooses another."
    ]
    assert convert(source, tmp_path / "out.musicxml", changes=Changes(tune=2, title="Other", composer="Me")) == []
    again = read_score(tmp_path / "out.musicxml")
    assert (again.title, again.composer, str(again.parts[0].bars[0][0].pitch)) == ("Other", "Me", "G4")
    with pytest.raises(ScoreError, match="no tune 3"):
        convert(source, tmp_path / "out.mid", changes=Changes(tune=3))
