"""Score -> tokens -> Score, and the grammar as a machine."""

from dataclasses import replace
from fractions import Fraction
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import strategies
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from music21 import corpus

from abcscribe import tokens
from abcscribe.errors import ScoreError
from abcscribe.score.abc_reader import read_abc, read_tunes
from abcscribe.score.abc_writer import write_abc
from abcscribe.score.lytk_bridge import read_musicxml
from abcscribe.score.model import Bar, Key, Metre, Note, Part, Pitch, Score, Staff, Tempo
from abcscribe.tokens import (
    METRE_TOKENS,
    TICKS,
    VOCABULARY,
    Event,
    Excerpt,
    Reader,
    Span,
    decode,
    encode,
    excerpt_of,
    score_of,
    untangled,
)  # fmt: skip
from abcscribe.tokens.reader import _blocks

V = VOCABULARY
QUARTERS = [Note(Fraction(i), Fraction(1), Pitch("G", 0, 4)) for i in range(4)]


def words(ids) -> list[str]:
    return [V.names[token] for token in ids]


def one_part(*bars: tuple[Bar, list[Note]]) -> Score:
    return Score(tuple(bar for bar, _ in bars), (Part(tuple(tuple(notes) for _, notes in bars)),))


@cache
def real_scores() -> list[Score]:
    """Tunes, chorales, songs and a quartet: the fixed sample."""
    tunes = [s for s, _ in read_tunes(Path(corpus.getWork("airdsAirs/book1.abc")).read_text())[:40]]
    works = ("bach/bwv66.6", "bach/bwv10.7", "schumann_clara/polonaise_op1n1.xml", "mozart/k80/movement1.mxl")
    return [*tunes, *(read_musicxml(corpus.getWork(work)) for work in works)]


def sounding(score: Score) -> list[tuple]:
    return sorted((n.onset, n.duration, n.pitch, n.part) for n in score.sounding_notes())


def test_a_tune_in_words():
    score = one_part((Bar(Fraction(4), Metre(), Key(1), Tempo(120)), [QUARTERS[0], QUARTERS[2]]))
    assert words(encode(excerpt_of(score)).ids) == [
        "bos", "metre 4/4", "key 1", "mode major", f"tempo {tokens.tempo_at(tokens.tempo_index(120)):.0f}", "program 0",
        "clef treble", "bar", "position 0", "pitch G4", "duration 24", "position 48", "pitch G4", "duration 24", "eos",
    ]  # fmt: skip


def test_a_pickup_names_its_length_and_changes_are_named_when_they_come():
    score = one_part(
        (Bar(Fraction(1), Metre(3, 4)), QUARTERS[:1]),
        (Bar(Fraction(3), Metre(3, 4)), []),
        (Bar(Fraction(2), Metre(2, 4), Key(-2, "minor")), QUARTERS[:1]),
    )
    found = words(encode(excerpt_of(score)).ids)
    assert found[found.index("bar") : found.index("bar") + 3] == ["bar", "duration 24", "position 0"]
    assert found[-9:] == [
        "bar",
        "bar",
        "metre 2/4",
        "key -2",
        "mode minor",
        "position 0",
        "pitch G4",
        "duration 24",
        "eos",
    ]
    assert excerpt_of(score_of(decode(encode(excerpt_of(score)).ids).excerpt())) == excerpt_of(score)


def test_the_pointer_skips_stays_and_goes_on():
    score = one_part((Bar(Fraction(4)), QUARTERS))
    writing = encode(excerpt_of(score), [2, -1, 3, 14])
    found = words(writing.ids)
    assert found[found.index("bar") + 1 :][:2] == ["skip 2", "position 0"]
    assert found.count("stay") == 1
    assert found[-6:-4] == ["skip 8", "skip 2"]
    reader = decode(writing.ids)
    assert reader.heard == [2, -1, 3, 14]
    assert reader.token_groups == writing.groups


@pytest.mark.parametrize("index", range(44))
def test_real_music_is_kept(index):
    """What fits is kept exactly; nearly all of the sample fits."""
    excerpt = excerpt_of(real_scores()[index])
    reader = decode(encode(excerpt).ids)
    assert reader.excerpt() == replace(excerpt, whole=True)
    score = score_of(reader.excerpt())
    assert score.problems() == []
    assert excerpt_of(score) == replace(excerpt, whole=True)
    if excerpt.whole:
        assert sounding(score) == sounding(real_scores()[index])


def test_most_of_the_sample_is_whole():
    """Of the airs without grace notes, once their repeats are written out."""
    unfolded = [score.unfolded() for score in real_scores()]
    plain = [s for s in unfolded if not any(n.grace for part in s.parts for bar in part.bars for n in bar)]
    assert len(plain) > 20
    assert np.mean([excerpt_of(score).whole for score in plain]) > 0.8


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(strategies.scores())
def test_any_score_comes_back_as_its_excerpt(score):
    excerpt = excerpt_of(score)
    if not excerpt.parts:  # drums alone: nothing that tokens could say
        return
    again = decode(encode(excerpt).ids).excerpt()
    assert again == replace(excerpt, whole=True)
    assert excerpt_of(score_of(again)).events == again.events


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(strategies.scores())
def test_every_token_of_an_excerpt_is_allowed(score):
    excerpt = excerpt_of(score)
    if not excerpt.parts:
        return
    reader = Reader()
    for token in encode(excerpt).ids:
        assert reader.allowed()[token], (V.names[token], reader.state)
        reader.push(token)


@pytest.mark.parametrize("index", [0, 7, 40, 43])
def test_every_token_of_real_music_is_allowed(index):
    ids = encode(excerpt_of(real_scores()[index])).ids[:3000]
    reader = Reader()
    for token in ids:
        assert reader.allowed()[token], (V.names[token], reader.state)
        reader.push(token)


def walk(seed: int, groups: int | None, favour: tuple[str, ...] = ()) -> Reader:
    """Random allowed tokens until the end; blocks drawn evenly, ``favour`` more often."""
    rng, reader = np.random.default_rng(seed), Reader(groups)
    blocks = np.array(_blocks())
    while reader.state != "eos":
        allowed = np.flatnonzero(reader.allowed())
        assert allowed.size, f"nothing can follow a {reader.state}"
        assert len(reader.token_bars) < 20_000, "endless"
        names = sorted(set(blocks[allowed]))
        weights = np.array([8.0 if name in favour else 1.0 for name in names])
        block = rng.choice(names, p=weights / weights.sum())
        reader.push(int(rng.choice(allowed[blocks[allowed] == block])))
    return reader


@pytest.mark.parametrize("groups", [1, 5, 40])
@pytest.mark.parametrize("favour", [(), ("pitch", "voice", "staff"), ("stay", "bar"), ("clef", "program", "position")])
@pytest.mark.parametrize("seed", range(3))
def test_random_walks_end_and_write_valid_scores(seed, favour, groups):
    reader = walk(seed, groups, favour)
    assert max(reader.token_groups, default=-1) < groups
    score = score_of(reader.excerpt())
    assert score.problems() == []
    again, problems = read_abc(write_abc(score))
    assert len(again.bars) >= len(score.bars) - 1
    assert not [problem for problem in problems if "parse" in str(problem)]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(-5, len(V) + 5), max_size=40))
def test_hostile_ids_raise_the_projects_error_only(ids):
    try:
        decode(ids)
    except ScoreError:
        return
    assert len(ids) <= 1 or ids[0] == V.bos


def test_ids_that_no_token_has_are_refused():
    for token in (-1, len(V), 10**9):
        with pytest.raises(ScoreError):
            Reader().push(token)


def test_a_reader_can_be_copied_anywhere():
    reader = walk(1, 20, ("pitch",))
    ids = encode(reader.excerpt()).ids
    half = Reader()
    for token in ids[: len(ids) // 2]:
        half.push(token)
    other = half.copy()
    for token in ids[len(ids) // 2 :]:
        other.push(token)
    assert len(half.token_bars) == len(ids) // 2
    assert other.excerpt() == reader.excerpt()


def test_tempos_are_named_within_two_percent():
    for bpm in (30, 61, 92, 120, 177, 240):
        assert abs(tokens.tempo_at(tokens.tempo_index(bpm)) / bpm - 1) < 0.02
    assert tokens.tempo_index(1e9) == tokens.TEMPI - 1
    assert tokens.tempo_index(0) == 0


@pytest.mark.parametrize("metre", [Metre(4, 4), Metre(6, 8), Metre(3, 8), Metre(2, 2)])
def test_every_tempo_comes_back(metre):
    """Slow beats too, of which a whole number a minute would be another token's."""
    for tempo in range(tokens.TEMPI):
        span = tokens.Span(int(metre.length * TICKS), metre, 0, "major", tempo)
        assert excerpt_of(score_of(tokens.Excerpt((span,), (), ()))).spans == (span,)


def test_what_tokens_cannot_say_is_told():
    fits = Bar(Fraction(4))
    assert excerpt_of(one_part((fits, QUARTERS))).whole
    outside = [
        one_part((Bar(Fraction(17, 4), Metre(17, 16)), [])),
        one_part((Bar(Fraction(12), Metre(6, 2)), [])),
        one_part((replace(fits, repeat_end=True), QUARTERS)),
        one_part((fits, [Note(Fraction(0), Fraction(1, 5), Pitch("C", 0, 4))])),
        one_part((fits, [Note(Fraction(0), Fraction(1), Pitch("C", 0, 9))])),
        one_part((fits, [replace(QUARTERS[0], grace=(Pitch("C", 0, 4),))])),
        Score((fits,), (Part(((),), program=128),)),
    ]
    for score in outside:
        assert not excerpt_of(score).whole


def test_a_held_note_is_cut_at_bar_lines_and_where_its_chord_changes():
    long = Note(Fraction(0), Fraction(4), Pitch("C", 0, 4), tie=True)
    score = one_part((Bar(Fraction(4)), [long]), (Bar(Fraction(4)), [replace(long, tie=False)]))
    event = excerpt_of(score).events[0]
    assert (event.onset, event.duration) == (0, 8 * TICKS)
    other = replace(event, onset=TICKS, duration=TICKS, midi=64, fifth=4)
    made = score_of(replace(excerpt_of(score), events=(event, other)))
    assert [(n.start, n.duration, n.tie) for n in made.parts[0].bars[0] if n.pitch.midi == 60] == [
        (0, 1, True), (1, 1, True), (2, 2, True),
    ]  # fmt: skip
    assert made.problems() == []


def test_staves_of_all_parts_are_counted_through():
    bar = Bar(Fraction(4))
    piano = Part(((replace(QUARTERS[0], voice=2),),), staves=(Staff(), Staff("bass", (2,))))
    excerpt = excerpt_of(Score((bar,), (Part(((),), program=73), piano)))
    assert excerpt.parts == ((73, ("treble",)), (0, ("treble", "bass")))
    assert excerpt.events[0].staff == 2
    assert METRE_TOKENS[1] == Metre()


def test_voices_are_untangled():
    """A note ends where the next one of its voice begins, notes of a chord end together, other voices do not matter."""
    spans = (Span(4 * TICKS, METRE_TOKENS[1], 0, "major"),)
    held, chord, low, after = (
        Event(0, 0, 1, 60, 69, 3), Event(24, 0, 1, 12, 60, 0), Event(24, 0, 1, 48, 64, 4), Event(72, 0, 1, 24, 62, 2),
    )  # fmt: skip
    other = Event(0, 0, 2, 96, 48, 0)
    tangled = Excerpt(spans, ((0, ("treble",)),), tuple(sorted((held, chord, low, after, other))))
    plain = {(e.onset, e.midi): e.duration for e in untangled(tangled).events}
    assert plain == {(0, 69): 24, (24, 60): 48, (24, 64): 48, (72, 62): 24, (0, 48): 96}
