"""Speculative decoding: the answer is that of greedy decoding, token for token."""

import numpy as np
import pytest
import tiny_cache

from abcscribe.analysis import analyse
from abcscribe.analysis.analysis_features import played_notes, with_analysis
from abcscribe.synthesis.windows import Stage, WindowSource
from abcscribe.tokens import VOCABULARY, Reader
from abcscribe.writing import language_model
from abcscribe.writing.decoding import Constraints, Decoding, generate
from abcscribe.writing.draft import Draft, draft, groups_ahead
from abcscribe.writing.guide import AnalysisGuide, staves_of_groups

WINDOWS = 40  # benchmarks/speculation.py compares 200 longer ones
STAGE = Stage(notes=(8, 14))
OPTIONS = Decoding(most_tokens=120)


@pytest.fixture(scope="module")
def windows(tmp_path_factory):
    source = WindowSource(tiny_cache.write_cache(tmp_path_factory.mktemp("cache") / "notes.npz"))
    rng = np.random.default_rng(0)
    return [source.draw(rng, STAGE).heard for _ in range(WINDOWS)]


def test_the_answer_is_that_of_greedy_decoding(windows):
    """With the shipped model, guided as in earnest; the draft saves most of the steps."""
    stepper, steps, plain = language_model.load(), 0, 0
    check = stepper.check

    def counted(ids, positions):
        nonlocal steps
        steps += 1
        return check(ids, positions)

    for window in windows:
        analysis = analyse(played_notes(window))
        heard, ticks = with_analysis(window, analysis)
        guide = AnalysisGuide(analysis, ticks, staves_of_groups(analysis, heard))
        known = {"constraints": [guide.header(Constraints())], "guides": [guide]}
        (greedy,) = generate(stepper, [heard], OPTIONS, **known)
        stepper.check = counted
        (drafted,) = generate(stepper, [heard], OPTIONS, **known, draft=draft(analysis, ticks))
        stepper.check = check
        plain += len(greedy.ids)
        assert drafted.ids.tolist() == greedy.ids.tolist()
        assert drafted.log_probabilities == pytest.approx(greedy.log_probabilities, abs=1e-4)
        assert drafted.finished == greedy.finished
    assert steps < plain / 3


def test_a_draft_that_is_all_wrong_costs_steps_and_nothing_else(windows):
    stepper = language_model.load()
    heard, _ = with_analysis(windows[0], analyse(played_notes(windows[0])))
    (greedy,) = generate(stepper, [heard], OPTIONS)
    rng = np.random.default_rng(0)
    ids = [VOCABULARY.bos, *rng.integers(5, len(VOCABULARY), 400).tolist()]
    noise = Draft(ids, np.sort(rng.integers(-1, len(heard), 401)).tolist())
    (drafted,) = generate(stepper, [heard], OPTIONS, draft=noise)
    assert drafted.ids.tolist() == greedy.ids.tolist()


def test_a_draft_is_found_again_behind_what_was_written():
    v = VOCABULARY
    bar, place, note, short, long = v.bar, v.position.start, v.pitch.start + 30, v.duration.start, v.duration.start + 9
    made = Draft([v.bos, bar, place, note, short, place + 6, note + 1, short], [-1, -1, 0, 0, 0, 1, 1, 1])
    assert made.ahead([v.bos], -1, 3) == [bar, place, note]
    assert made.ahead([bar, place, note, long], 0, 9) == [place + 6, note + 1, short], (
        "a longer note leads on all the same"
    )
    assert made.ahead([bar, place, note + 7], 0, 9) == [], "what the draft does not have leads nowhere"
    assert made.since(1).ahead([place + 6], 0, 2) == [note + 1, short]


def test_the_pointer_moves_as_the_reader_moves_it(windows):
    analysis = analyse(played_notes(windows[0]))
    _, ticks = with_analysis(windows[0], analysis)
    made = draft(analysis, ticks)
    reader = Reader()
    for token in made.ids:
        reader.push(token)
    assert groups_ahead(VOCABULARY.pad, made.ids, -1) == made.groups == reader.token_groups
