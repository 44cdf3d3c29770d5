"""Whole recordings by the language model, with models that know the answer and with models that know nothing."""

from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest

from abcscribe.analysis import analyse
from abcscribe.analysis.analysis_features import heard_notes
from abcscribe.hints import Hints
from abcscribe.score.model import Bar, Key, Metre, Note, Part, Pitch, PlayedNote, Score, Staff
from abcscribe.tokens import VOCABULARY, Reader, decode, encode, excerpt_of, tokens_of_parts
from abcscribe.writing import guide as writing_guide
from abcscribe.writing.decoding import CLOSED, Constraints, Decoding, generate
from abcscribe.writing.guide import AnalysisGuide
from abcscribe.writing.language_model import write_score

QUARTER = 0.5  # seconds


class Oracle:
    """A Stepper that knows the tokens of the whole piece, in which every onset is a group."""

    def __init__(self, score: Score) -> None:
        writing = encode(excerpt_of(score))
        self.ids, self.groups = writing.ids, writing.groups
        lines = [i for i, token in enumerate(self.ids) if token == VOCABULARY.bar]
        self.header = self.ids[: lines[0]]
        onsets = sorted({event.onset for event in excerpt_of(score).events})
        self.seconds = np.array(onsets) / 24 * QUARTER
        self.begins = {self.groups[i] + 1: i for i in reversed(lines)}
        self.windows = 0

    def start(self, heard):
        first = int(np.abs(self.seconds - heard[0].onset[0]).argmin())
        last = first + int(heard[0].groups[-1])
        begin = self.begins[first]
        end = next((i for i in range(begin, len(self.ids)) if self.groups[i] > last), len(self.ids) - 1)
        self.answer = [*self.header, *self.ids[begin:end], VOCABULARY.eos]
        self.rows, self.at = len(heard), 0
        self.windows += 1

    def step(self, ids, positions):
        self.at += ids.shape[1]
        logits = np.zeros((self.rows, len(VOCABULARY)), np.float32)
        logits[:, self.answer[min(self.at, len(self.answer) - 1)]] = 50
        return logits

    def keep(self, rows):
        self.rows = len(rows)


class Noise:
    """A Stepper that answers at random, the same every time."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def start(self, heard):
        self.rng, self.rows = np.random.default_rng(self.seed), len(heard)

    def step(self, ids, positions):
        return self.rng.normal(0, 3, (self.rows, len(VOCABULARY))).astype(np.float32)

    def keep(self, rows):
        self.rows = len(rows)


def written(stepper, notes, hints=Hints(), **options):
    """The score of notes, and the seconds that were reached on the way."""
    return finished(write_score(stepper, analyse(notes, hints), hints, **options))


def finished(steps):
    reached = []
    try:
        while True:
            reached.append(next(steps))
    except StopIteration as end:
        return end.value, reached


def melody(bars: int, seed: int = 1) -> Score:
    """Two voices on two staves, a rest in every third bar, ties over some bar lines."""
    rng, metre = np.random.default_rng(seed), Metre(3, 4)
    written: list[tuple[Note, ...]] = []
    for bar in range(bars):
        top = [
            Note(Fraction(beat), Fraction(1), Pitch(str(rng.choice(list("CDEFGAB"))), 0, 4))
            for beat in range(metre.beats)
            if bar % 3 or beat
        ]
        bass = Note(Fraction(0), metre.length, Pitch("C", 0, 2), 2, tie=bar % 4 == 0 and bar + 1 < bars)
        written.append((*top, bass))
    part = Part(tuple(written), program=0, staves=(Staff("treble", (1,)), Staff("bass", (2,))))
    return Score(tuple(Bar(metre.length, metre, Key(0)) for _ in range(bars)), (part,))


def played(score: Score) -> list[PlayedNote]:
    return [
        PlayedNote(float(n.onset) * QUARTER, float(n.onset + n.duration) * QUARTER - 0.02, n.pitch, 80, "piano")
        for n in score.sounding_notes()
    ]


@pytest.mark.parametrize("bars", [1, 7, 150])
def test_a_long_recording_is_put_together_from_windows(bars):
    score = melody(bars)
    oracle = Oracle(score)
    found, reached = written(oracle, played(score), guided=False)
    assert excerpt_of(found).events == excerpt_of(score).events
    assert [bar.length for bar in found.bars] == [bar.length for bar in score.bars]
    assert found.parts[0].staves == score.parts[0].staves
    assert reached == sorted(reached)
    assert (len(reached) >= 3) == (bars == 150)
    assert found.bars[0].tempo.quarter_bpm == pytest.approx(60 / QUARTER, abs=1)
    assert [bar.seconds for bar in found.bars] == pytest.approx([3 * QUARTER * i for i in range(bars)], abs=0.05)
    assert all(bar.confidence > 0.9 for bar in found.bars)


@pytest.mark.parametrize("seed", range(4))
def test_whatever_a_model_answers_the_score_is_sound_and_ends(seed):
    notes = played(melody(40, seed=seed))
    found, _ = written(Noise(seed), notes)
    assert found.problems() == []
    assert found.performance == tuple(sorted(notes, key=lambda n: (n.onset, n.pitch)))
    seconds = [bar.seconds for bar in found.bars]
    assert seconds == sorted(seconds)


def test_hints_are_obeyed():
    hints = Hints(tempo=90.0, metre=Metre(6, 8), key=Key(-3, "minor"), instrument=40)
    found, _ = written(Noise(1), played(melody(12)), hints)
    assert [(part.program, part.name) for part in found.parts] == [(40, "Violin")]
    assert {(bar.metre, bar.key) for bar in found.bars} == {(Metre(6, 8), Key(-3, "minor"))}
    assert found.bars[0].tempo.quarter_bpm == pytest.approx(90)


def test_a_downbeat_begins_a_bar():
    score = melody(8)
    found, _ = written(Noise(3), played(score), Hints(metre=Metre(3, 4), downbeat=4 * QUARTER))
    assert min(abs(bar.seconds - 4 * QUARTER) for bar in found.bars) < 0.03


def test_the_beat_tracker_moves_probability_among_places_only():
    v = VOCABULARY
    ids = encode(excerpt_of(melody(2))).ids
    ticks = np.array([24, 48, 72, 96])
    guide = AnalysisGuide(guide_of((), []).analysis, ticks, [])
    reader, scores = Reader(4), np.full(len(v), -np.log(len(v)))
    wanted = {}  # by the number of onsets before, what is made likelier
    for token in ids:
        guided = guide._places(reader, scores)
        if reader.state in ("bar", "duration") and (guided != scores).any():
            likelier = np.flatnonzero(guided > scores)
            assert len(likelier) == 1
            wanted[len(reader.heard), reader.state] = v.names[likelier[0]]
            assert np.exp(guided).sum() == pytest.approx(1)
            assert (guided[v.pitch] == scores[v.pitch]).all()
            assert (guided[v.skip] == scores[v.skip]).all()
        reader.push(token)
    assert wanted[0, "bar"] == "position 24"  # late in its bar, but not late enough for a pickup
    assert wanted[1, "duration"] == "position 48"
    assert wanted[2, "duration"] == "bar"  # the third group stands in the next bar


def test_the_analysis_says_who_plays():
    """Notes that they write become likelier on their staff, less likely on another, and others beside them less likely;
    groups with such notes are seldom skipped."""
    v = VOCABULARY
    parts = ((40, ("treble",)), (42, ("bass",)))
    guide = guide_of(parts, [{72: 0, 48: 1}])
    reader, scores = Reader(1), np.zeros(len(v))
    header = encode(excerpt_of(melody(1))).ids[:4]  # up to the mode
    guided = {}
    for token in [*header, *tokens_of_parts(parts), v.bar, v.position.start, v.staff.start + 1, pitch_token(48)]:
        reader.push(int(token))
        guided[reader.state] = guide(reader, scores)
    note, player = writing_guide.NOTE_GUIDANCE, writing_guide.PLAYER_GUIDANCE
    extra = writing_guide.EXTRA_PRICE
    assert set(guided["bar"][v.skip]) == {-note}
    assert not guided["bar"][v.pitch].any()
    of_pitch = {midi: guided["staff"][v.pitch][i] for i, (midi, _) in enumerate(v.pitches)}
    assert (of_pitch[48], of_pitch[72], of_pitch[60]) == (note, -player, -extra)
    assert guided["pitch"][pitch_token(48)] == 0, "it is written"
    assert guided["pitch"][v.staff.start] == note, "the other staff has a note left"


def test_the_evidence_of_the_signature_counts_once():
    v, weight = VOCABULARY, writing_guide.KEY_GUIDANCE
    guide = guide_of((), [])
    guide.analysis.signatures[:] = [-1, *[-9] * 5, -2, *[-9] * 4, -3]
    reader, changed = Reader(8), {}
    for token in encode(excerpt_of(melody(2))).ids:
        reader.push(int(token))
        guided = guide(reader, np.zeros(len(v)))[v.fifths]
        if guided.any():
            changed[reader.state] = guided / weight
    ((state, moved),) = changed.items()
    assert state == "metre"
    none, one_flat, six_flats, six_sharps = (moved[f + 7] for f in (0, -1, -6, 6))
    assert (none, one_flat, six_flats, six_sharps) == (-1, -3, -2, -2)


def test_only_the_first_bar_may_be_a_pickup():
    guide, v = guide_of((), []), VOCABULARY
    reader, scores = Reader(8), np.zeros(len(v))
    for token in encode(excerpt_of(melody(2))).ids:
        closed = guide(reader, scores)[v.duration] < CLOSED / 2
        assert closed.all() == closed.any() == (reader.state == "bar" and len(reader.spans) > 1)
        if reader.state == "bar":
            assert (guide.since(3)(reader, scores)[v.duration] < CLOSED / 2).all()
        reader.push(token)


def test_music_on_one_staff_is_the_models_but_for_notes_that_nobody_heard():
    guide = guide_of(((40, ("treble",)),), [{72: 0}])
    reader, scores = Reader(1), np.zeros(len(VOCABULARY))
    header = encode(excerpt_of(melody(1))).ids[:4]
    for token in [*header, *tokens_of_parts(guide.analysis.parts), VOCABULARY.bar, VOCABULARY.position.start]:
        reader.push(int(token))
        moved = guide(reader, scores)
        assert moved[VOCABULARY.stay] == -writing_guide.UNHEARD_PRICE
        assert np.flatnonzero(moved).tolist() == [VOCABULARY.stay]


def pitch_token(wanted: int) -> int:
    return VOCABULARY.pitch.start + next(i for i, (midi, _) in enumerate(VOCABULARY.pitches) if midi == wanted)


@pytest.mark.parametrize("parts", [((6, ("treble", "treble")),), ((40, ("treble",)), (42, ("bass",)))])
def test_the_parts_of_the_analysis_are_written(parts):
    guide = guide_of(parts, [])
    (written,) = generate(
        Noise(2), [heard_notes(played(melody(4)))], Decoding(most_tokens=40), constraints=[guide.header(Constraints())]
    )
    assert decode(written.ids.tolist()).excerpt().parts == parts


def guide_of(parts, staves) -> AnalysisGuide:
    analysis = SimpleNamespace(metre=Metre(3, 4), quarter_bpm=120.0, signatures=np.zeros(12), parts=parts)
    return AnalysisGuide(analysis, np.array([-1]), staves)


def test_a_reel_is_written_in_halves_although_quarters_are_counted():
    """The model is told 4/4, the score says 2/2 and counts its tempo in halves."""
    steps = [74, 69, 66, 69, 74, 76, 78, 76, 74, 69, 66, 69, 71, 69, 67, 66] * 3
    reel = [PlayedNote(0.17 * k, 0.17 * k + 0.15, pitch, family="pipe") for k, pitch in enumerate(steps)]
    found, _ = written(Noise(1), reel)
    assert {bar.metre for bar in found.bars} == {Metre(2, 2)}
    assert {bar.tempo.beat for bar in found.bars} == {Fraction(2)}
    hinted, _ = written(Noise(1), reel, Hints(metre=Metre(4, 4)))
    assert {bar.metre for bar in hinted.bars} == {Metre(4, 4)}


def test_notes_off_the_piano_are_played_but_not_written():
    note = PlayedNote(0.0, 1.0, 10)
    found, _ = written(Noise(1), [note])
    assert (found.bars, found.performance) == ((), (note,))
