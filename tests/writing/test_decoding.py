"""How answers are chosen: by a stepper of random logits, and by one that remembers what it was fed."""

import itertools

import numpy as np
import pytest

from abcscribe.analysis import analysis_features
from abcscribe.model.note_features import HeardNotes
from abcscribe.score.model import Key, Metre
from abcscribe.tokens import MODES, VOCABULARY, decode, encode, excerpt_of, score_of, tempo_index
from abcscribe.writing.decoding import Constraints, Decoding, generate, log_softmax

V = VOCABULARY


def notes(count: int, seed: int = 0) -> HeardNotes:
    """One group a note."""
    rng = np.random.default_rng(seed)
    onset = 1.0 + np.arange(count) * 0.3
    return HeardNotes(
        onset, onset + 0.2, rng.integers(40, 90, count), np.full(count, 80.0), np.zeros(count, int), np.ones(count),
        np.arange(count), np.zeros((count, len(analysis_features.NAMES))),
    )  # fmt: skip


def test_each_wish_lands_in_its_own_field():
    v = VOCABULARY
    constraints = Constraints.of(program=40, downbeat=2)
    assert constraints == Constraints(program=v.program.start + 40, downbeat=2)


class Random:
    """Logits that are a function of the tokens read so far in a row, and of ``seed``; checks what it is asked."""

    def __init__(self, seed: int = 0, favour: dict[int, float] | None = None) -> None:
        self.seed, self.favour = seed, favour or {}

    def start(self, heard):
        self.rows = [()] * len(heard)
        self.seconds = [n.starts - n.onset[0] for n in heard]

    def step(self, ids, positions):
        read = len(self.rows[0])
        assert positions.shape == (*ids.shape, 3)
        assert positions.dtype == np.float32
        assert positions[..., 0].tolist() == [list(range(read + 1, read + 1 + ids.shape[1]))] * len(ids)
        self.rows = [row + tuple(int(i) for i in new) for row, new in zip(self.rows, ids, strict=True)]
        return np.stack([self._logits(row) for row in self.rows])

    def _logits(self, row):
        logits = np.random.default_rng([self.seed, len(row), sum(row) % 99_991]).normal(0, 3, len(V)).astype(np.float32)
        for token, more in self.favour.items():
            logits[token] += more
        return logits

    def keep(self, rows):
        self.rows = [self.rows[row] for row in rows]


@pytest.mark.parametrize(
    "options",
    [Decoding(most_tokens=300), Decoding(1.0, most_tokens=300), Decoding(1.5, 0.7, most_tokens=300),
     Decoding(beams=3, most_tokens=80)],
    ids=["greedy", "sampled", "top_p", "beams"],
)  # fmt: skip
@pytest.mark.parametrize("seed", range(3))
def test_what_random_models_write_is_valid(seed, options):
    (answer,) = generate(Random(seed, {V.bar: 3, V.eos: 2}), [notes(12)], options)
    reader = decode(answer.ids.tolist(), groups=12)
    assert (
        score_of(reader.excerpt()).problems() == [] if answer.finished else len(answer.ids) == 1 + options.most_tokens
    )
    assert answer.finished == (answer.ids[-1] == V.eos)
    assert answer.log_probabilities.shape == answer.ids.shape
    assert answer.log_probabilities[0] == 0
    assert answer.log_probabilities[1:].max() <= 0


def test_an_answer_ends_by_itself():
    """The grammar is finite: even a model that dislikes the end comes to it."""
    (answer,) = generate(Random(0, {V.eos: -50, V.bar: 9}), [notes(4)], Decoding(most_tokens=100_000))
    assert answer.finished
    assert answer.ids.tolist().count(V.bar) < 1000


def test_the_likeliest_is_chosen_and_rows_do_not_mix():
    """A batch gives what its rows give alone, though they end at different times."""
    heard = [notes(n) for n in (2, 9, 5)]
    stepper = Random(3, {V.eos: 4, V.bar: 2})
    together = generate(stepper, heard, Decoding(most_tokens=200))
    alone = [generate(stepper, [one], Decoding(most_tokens=200))[0] for one in heard]
    assert [a.ids.tolist() for a in together] == [a.ids.tolist() for a in alone]
    assert len({len(a.ids) for a in together}) > 1


def test_a_seed_repeats_a_draw():
    draw = [
        generate(Random(1), [notes(6)], Decoding(1.0, most_tokens=60, seed=seed))[0].ids.tolist() for seed in (5, 5, 6)
    ]
    assert draw[0] == draw[1] != draw[2]


def test_top_p_leaves_out_what_is_unlikely():
    """The first token after the start is a metre: with a tiny top_p it is always the likeliest."""
    greedy = generate(Random(2), [notes(4)], Decoding(most_tokens=1))[0].ids[1]
    narrow = {generate(Random(2), [notes(4)], Decoding(1.0, 0.01, most_tokens=1, seed=s))[0].ids[1] for s in range(9)}
    wide = {generate(Random(2), [notes(4)], Decoding(3.0, most_tokens=1, seed=s))[0].ids[1] for s in range(9)}
    assert narrow == {greedy}
    assert len(wide) > 2


class Trap:
    """The likelier first token leads to an even choice, the other to a sure thing."""

    def start(self, heard):
        self.rows = [[]] * len(heard)

    def step(self, ids, positions):
        self.rows = [[*row, *new] for row, new in zip(self.rows, ids.tolist(), strict=True)]
        found = np.full((len(self.rows), len(V)), -20.0)
        for logits, row in zip(found, self.rows, strict=True):
            if len(row) == 1:
                logits[V.metre.start + 1], logits[V.metre.start + 2] = 0.2, 0.0
            elif row[1] == V.metre.start + 1 and len(row) == 2:
                logits[V.fifths] = 0.0
            else:
                logits[V.fifths.start], logits[V.mode.start], logits[V.program.start] = 5, 5, 5
                logits[V.clef.start], logits[V.eos] = 5, 9
        return found.astype(np.float32)

    def keep(self, rows):
        self.rows = [self.rows[row] for row in rows]


def test_beams_find_what_the_greedy_miss():
    greedy, beam = (generate(Trap(), [notes(1)], Decoding(beams=beams))[0] for beams in (1, 4))
    assert greedy.ids[1] == V.metre.start + 1
    assert beam.ids[1] == V.metre.start + 2
    assert beam.log_probabilities.mean() > greedy.log_probabilities.mean()


def test_without_constraints_only_the_length_ends():
    (answer,) = generate(Random(0, {V.eos: -50}), [notes(5)], Decoding(most_tokens=50, constrained=False))
    assert len(answer.ids) == 51
    assert not answer.finished
    (answer,) = generate(Random(0, {V.eos: 50}), [notes(5)], Decoding(most_tokens=50, constrained=False))
    assert answer.ids.tolist() == [V.bos, V.eos]


WISHES = Constraints.of(Metre(6, 8), Key(-3, "minor"), 90.0, 73)


@pytest.mark.parametrize("beams", [1, 3])
@pytest.mark.parametrize("seed", range(4))
def test_constraints_are_obeyed(seed, beams):
    options = Decoding(beams=beams, most_tokens=120)
    (answer,) = generate(Random(seed, {V.bar: 9}), [notes(8)], options, constraints=[WISHES])
    reader = decode(answer.ids.tolist())
    assert [program for program, _ in reader.parts] == [73]
    assert reader.spans
    for span in reader.spans:
        assert (span.metre, span.fifths, span.mode) == (Metre(6, 8), -3, "minor")
        assert span.tempo == tempo_index(90)


@pytest.mark.parametrize("field", ["metre", "fifths", "mode", "tempo", "program"])
def test_one_wish_alone_is_obeyed(field):
    wish = Constraints(**{field: getattr(WISHES, field)})
    (answer,) = generate(Random(5, {V.bar: 2}), [notes(6)], Decoding(most_tokens=60), constraints=[wish])
    block = getattr(V, field)
    named = [token for token in answer.ids if block.start <= token < block.stop]
    assert set(named) == {getattr(WISHES, field)}


@pytest.mark.parametrize("downbeat", [0, 1, 3, 11])
@pytest.mark.parametrize("seed", range(6))
def test_a_downbeat_begins_a_bar(seed, downbeat):
    favour = {V.bar: 1, V.skip.start + 1: 6, V.skip.start + 2: 6, V.skip.start: 5}
    options = Decoding(1.0, most_tokens=400, seed=seed)
    (answer,) = generate(Random(seed, favour), [notes(14)], options, constraints=[Constraints(downbeat=downbeat)])
    reader = decode(answer.ids.tolist())
    positions = [t for t in answer.ids if V.position.start <= t < V.position.stop]
    at = dict(zip(reader.heard, positions, strict=True))
    if reader.group >= downbeat:
        assert at[downbeat] == V.position.start


def test_prompts_are_continued():
    (whole,) = generate(Random(4, {V.bar: 3}), [notes(9)], Decoding(most_tokens=60))
    prompt = whole.ids[:20].tolist()
    (again,) = generate(Random(4, {V.bar: 3}), [notes(9)], Decoding(most_tokens=41), prompts=[prompt])
    assert again.prompt == 20
    assert again.ids.tolist() == whole.ids.tolist()
    assert not again.log_probabilities[:20].any()
    assert np.allclose(again.log_probabilities[20:], whole.log_probabilities[20:])


def test_log_probabilities_are_those_of_the_allowed_tokens():
    (answer,) = generate(Random(7), [notes(5)], Decoding(most_tokens=1))
    logits = Random(7)._logits((V.bos,))[V.metre]
    assert answer.log_probabilities[1] == pytest.approx(log_softmax(logits).max(), abs=1e-4)


def test_answers_go_back_and_forth():
    """What was written is a Score, and its tokens are what was written."""
    (answer,) = generate(Random(9, {V.bar: 3, V.eos: 2}), [notes(12)], Decoding(1.0, most_tokens=3000))
    reader = decode(answer.ids.tolist())
    score = score_of(reader.excerpt())
    assert {bar.key.mode for bar in score.bars} <= set(MODES)
    onsets = [excerpt.onset for excerpt in excerpt_of(score).events]
    assert len(set(onsets)) == len(set(reader.heard) - {-1}) + reader.heard.count(-1)
    assert encode(reader.excerpt(), reader.heard).ids[0] == V.bos
    assert all(a <= b for a, b in itertools.pairwise(reader.token_groups))
