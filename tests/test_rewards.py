"""Rewards: arithmetic worked out by hand, TRL's contract, and answers that try to be paid for nothing."""

import functools
import math
import pickle
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metrics.tunes import score, walk

from abcscribe import rewards
from abcscribe.rewards import FULL, NAMES, ORIGIN, REWARDS, RewardWeights, combine, contributions
from abcscribe.score import Key, Metre, Score
from abcscribe.score.abc_writer import write_abc

VIOLIN, CELLO = 40, 42


def abc(*voices: str, **header) -> str:
    return write_abc(score(*voices, **header))


def origin(answer: str, reference: str) -> float | None:
    return rewards.origin_reward([answer], [reference])[0]


def full(answer: str, reference: str) -> float | None:
    return rewards.full_reward([answer], [reference])[0]


TUNE = abc("C4 D4 E4 F4 | G4:2 E4:2", bpm=100, programs=(VIOLIN,))


def test_the_origins_total_by_hand():
    # pitch: 1 of 6 wrong; metre: 4/4 read as 2/2, (1/2 + 1/2 + 0) / 3; tempo: 10 BPM off, 0.2; instrument: family, 0.3
    answer = abc("C4 D4 E4 A4 | G4:2 E4:2", bpm=110, metre=Metre(2, 2), programs=(CELLO,))
    total = 0.5 * (1 / 6) + 0.15 * (1 / 3) + 0.15 * 0.2 + 0.2 * 0.3
    assert origin(answer, TUNE) == pytest.approx(1 - total)


def test_the_full_reward_by_hand():
    # as above; F is replaced by a longer A, E is lost, and it is in the key of G, a fifth above C:
    answer = abc("C4 D4 E4 A4:2 | G4:2", bpm=110, metre=Metre(2, 2), key=Key(1), programs=(CELLO,))
    # pitch: C D E A G for C D E F G E, a substitution and a deletion: 2 of 6
    # rhythm: 5 pairs of 6 and 5 notes; durations 4 right, positions 5 right: (2 * 4 / 11 + 2 * 5 / 11) / 2
    # structure: the first bar is 5 quarters long, the last may be short: 1 of 2 bars; length 7 for 8 quarters
    credits = rewards.components(TUNE, answer)
    assert credits == pytest.approx(
        {
            "pitch": 4 / 6, "metre": 2 / 3, "tempo": 0.8, "instrument": 0.7,
            "rhythm": 9 / 11, "key": 0.5, "structure": credits["structure"],
        }
    )  # fmt: skip
    assert 0 < credits["structure"] <= 1 / 2 * 7 / 8  # less what the reader complains of
    mean = sum(getattr(FULL, name) * credits[name] for name in NAMES)  # the weights add up to 1, content is above 1/2
    assert full(answer, TUNE) == pytest.approx(mean)


def test_weights_add_up():
    for weights in (ORIGIN, FULL):
        assert sum(getattr(weights, name) for name in NAMES) == pytest.approx(1)


def test_a_right_answer_earns_all():
    for function in REWARDS.values():
        assert function([TUNE], [TUNE]) == [pytest.approx(1)]


def test_little_content_lowers_what_else_is_right():
    credits = dict.fromkeys(NAMES, 1.0) | {"pitch": 0.2}
    weights = RewardWeights(pitch=0.5, metre=0.25, tempo=0.25, instrument=0, content=0.5)
    assert combine(credits, weights) == pytest.approx(0.5 * 0.2 + 0.2 / 0.5 * 0.5)


def test_what_cannot_be_scored_is_none_and_its_weight_is_shared_out():
    untimed = abc("C4 D4 E4 F4", bpm=None, programs=(VIOLIN,))
    answer = abc("C4 D4 E4 F4", bpm=90, programs=(CELLO,))
    assert rewards.tempo_reward([answer], [untimed]) == [None]
    assert origin(answer, untimed) == pytest.approx((0.5 + 0.15 + 0.2 * 0.7) / 0.85)


@pytest.mark.parametrize("reference", ["", "no music at all", "X:1\nK:C\n", "X:1\nK:C\nz4|z4|]\n"])
def test_a_reference_without_music_cannot_be_scored(reference: str):
    for function in REWARDS.values():
        assert function([TUNE, "", "X:1"], [reference] * 3) == [None, None, None]


def test_chats_and_other_columns():
    chat = [{"role": "user", "content": "C D E F"}, {"role": "assistant", "content": TUNE}]
    parts = [{"role": "assistant", "content": [{"type": "text", "text": TUNE}]}]
    called = rewards.full_reward(
        prompts=["?"] * 3,
        completions=[chat, parts, TUNE],
        completion_ids=[[1]] * 3,
        reference=[TUNE] * 3,
        clip=[1, 2, 3],
    )
    assert called == pytest.approx([1, 1, 1])


def test_rewards_travel_to_other_processes_under_their_names():
    for name, function in REWARDS.items():
        assert pickle.loads(pickle.dumps(function)) is function
        assert function.__name__ == f"{name}_reward"
    assert pickle.loads(pickle.dumps(FULL)) == FULL


def test_scores_and_texts_earn_the_same():
    reference, answer = walk(8, 1), walk(8, 1, wrong=0.3)
    for function in REWARDS.values():
        answers = [answer, write_abc(answer), answer, write_abc(answer)]
        earned = function(answers, [reference, write_abc(reference), write_abc(reference), reference])
        assert earned == pytest.approx([earned[0]] * 4)


def test_all_components_of_a_batch_of_scores():
    reference, answer = walk(8, 1), walk(8, 1, wrong=0.3)
    rows = rewards.batch_components([reference, answer, Score()], [reference] * 3, clip=[1, 2, 3])
    assert rows[0] == pytest.approx(dict.fromkeys(NAMES, 1))
    assert rows[1]["pitch"] < rows[0]["pitch"]
    assert rows[1]["pitch"] == rewards.pitch_reward([answer], [reference])[0]
    assert set(rows[2].values()) == {0}
    assert rewards.batch_components([answer], [score("z:4")]) == [None]


def test_scores_travel_to_other_processes_with_their_reward():
    call = functools.partial(rewards.full_reward, [walk(8, 1)], [walk(8, 1)])
    assert pickle.loads(pickle.dumps(call))() == pytest.approx([1])


@given(st.dictionaries(st.sampled_from(NAMES), st.floats(0, 1), min_size=len(NAMES)), st.sampled_from(NAMES))
def test_no_better_component_earns_less(credits: dict[str, float], name: str):
    better = credits | {name: min(1.0, credits[name] + 0.1)}
    for weights in (ORIGIN, FULL):
        assert combine(better, weights) >= combine(credits, weights) - 1e-12


def test_each_further_wrong_note_earns_less():
    reference = walk(16, 1)
    earned = [full(write_abc(walk(16, 1, wrong=share / 10)), write_abc(reference)) for share in range(0, 11, 2)]
    assert earned == sorted(earned, reverse=True)
    assert earned[0] == pytest.approx(1)
    assert len(set(earned)) == len(earned)


# --- Answers that try to be paid for nothing. All compete with an honest poor one. ---

HEADER = {"bpm": 84, "metre": Metre(3, 4), "key": Key(0), "programs": (VIOLIN,)}
PIECE = walk(24, seed=5, **HEADER)
REFERENCE = write_abc(PIECE)
BODY = REFERENCE.split("\n", REFERENCE.count("\n"))
# 40 % wrong notes, as a note detector without a musical mind writes them: right metre and instrument, tempo 8 BPM off.
HONEST = write_abc(walk(24, seed=5, wrong=0.4, **HEADER | {"bpm": 92}))
# The same with nothing right in its header but the metre: no instrument known, the usual tempo.
HEADLESS = write_abc(walk(24, seed=5, wrong=0.4, bpm=120, metre=Metre(3, 4)))


def header(**other) -> str:
    """The right header, up to the first bar."""
    return write_abc(score("z:3", **HEADER | other)).rsplit("\n", 2)[0] + "\n"


def random_notes(seed: int = 0) -> str:
    return write_abc(walk(24, seed=900 + seed, wrong=1, **HEADER))


def first_bar() -> str:
    return header() + "C2 D2 E2 | " * 24


def many_voices(voices: int) -> str:
    return header() + "".join(f'V:{v + 2} name="Violin"\n%%MIDI program 40\nC2 D2 E2|\n' for v in range(voices))


HACKS = {
    "nothing": "",
    "blank": " \n\n\t",
    "header only": header(),
    "header and rests": header() + "z6 | " * 24,
    "one note": header() + "C6 |",
    "one bar again and again": first_bar(),
    "one bar without end": header() + "C2 D2 E2 | " * 5000,
    "one bar repeated by signs": header() + "|: C2 D2 E2 :|" * 300,
    "endless endings": header() + "|: C2 D2 E2 |[1 C6 :|[999999 D6 :|" * 80,
    "another tune": write_abc(walk(24, seed=77, **HEADER)),
    "random notes": random_notes(),
    "a scale": header() + "CDEFGA | Bcdefg | agfedc | BAGFED | " * 6,
    "thousands of notes": header() + "CDEFGABcdefgab" * 3000,
    "thousands of voices": many_voices(3000),
    "a chord of everything": header() + "[" + "CDEFGABcdefgab" * 300 + "]6|",
    "exotic durations": header() + " ".join(f"C{97 + 7 * i}/{991 - 7 * i}" for i in range(120)),
    "huge durations": header() + "C99999999999999999999 D1/99999999999999999999 E" + "/" * 4000,
    "huge tuplets": header() + "(9999999:1:99999 C D E " * 50,
    "octaves without end": header() + "C" + "'" * 3000 + " D" + "," * 3000,
    "unicode": header() + "𝄞♩♪♫ ＣＤＥＦ ç∂é ć́͂ " * 200,
    "zero bytes": header() + "\x00C\x00D\x00E\x7f" * 200,
    "prose": "Certainly! Here is a beautiful cabbage: a bad face faded. A dead bee, a cab, a bag; feed a decade. " * 20,
    "prose after the header": header() + "Certainly! Here is a beautiful cabbage: a bad face faded, a dead bee. " * 20,
    "the right header twice": header() * 2,
    "nested brackets": header() + "[" * 4000,
    "ties without end": header() + "C-" * 4000,
    "fields without end": header() + "[K:C][M:3/4][L:1/8]" * 400,
    "the answer twice": REFERENCE * 2,
    "the answer without end": REFERENCE * 50,
    "the piece in a loop": REFERENCE.rstrip("]|\n ") + "|" + "".join(REFERENCE.split("\n", 11)[-1] * 30),
}  # fmt: skip


@pytest.mark.parametrize("weights", [FULL, ORIGIN])
def test_contributions_are_the_terms_of_the_reward(weights: RewardWeights):
    credits = {name: 0.1 * i for i, name in enumerate(NAMES)} | {"pitch": 0.2, "tempo": None}
    terms = contributions(credits, weights)
    assert set(terms) == set(NAMES)
    assert terms["tempo"] == 0
    assert sum(terms.values()) == pytest.approx(combine(credits, weights))
    lowered = 0.2 / 0.5 if weights.content else 1.0
    total = sum(getattr(weights, name) for name in NAMES if name != "tempo")
    assert terms["instrument"] == pytest.approx(lowered * weights.instrument / total * credits["instrument"])


def test_where_nothing_that_counts_can_be_scored_there_is_no_reward():
    untimed = abc("C4 D4 E4 F4", bpm=None, programs=(VIOLIN,))
    assert rewards.weighted_reward([TUNE], [untimed], RewardWeights(tempo=1.0)) == [None]
    assert math.isnan(combine({"tempo": None, "pitch": 0.5}, RewardWeights(tempo=1.0)))


def test_every_part_is_a_reward_of_its_name():
    assert set(REWARDS) == {"origin", "full", *NAMES}
    for name, function in REWARDS.items():
        assert getattr(rewards, f"{name}_reward") is function
    with pytest.raises(AttributeError):
        rewards.beauty_reward  # noqa: B018


@pytest.mark.parametrize("name", HACKS)
def test_a_hack_earns_less_than_an_honest_poor_answer(name: str):
    assert origin(HACKS[name], REFERENCE) < origin(HONEST, REFERENCE)
    assert full(HACKS[name], REFERENCE) < min(full(HONEST, REFERENCE), full(HEADLESS, REFERENCE))


@pytest.mark.parametrize("name", ["nothing", "blank", "header only", "header and rests", "prose"])
def test_no_music_earns_nothing(name: str):
    for function in REWARDS.values():
        assert function([HACKS[name]], [REFERENCE]) == [0.0]


def test_further_tunes_are_not_paid_for():
    # half of the text, and the second's %abc line, belong to the first tune
    assert full(REFERENCE * 2, REFERENCE) == pytest.approx(0.5, abs=0.03)


def test_the_piece_in_a_loop_is_what_it_says():
    text = HACKS["the piece in a loop"]
    assert rewards.components(REFERENCE, text)["pitch"] < 0.5


@pytest.mark.parametrize("name", HACKS)
def test_no_answer_takes_long(name: str):
    rewards._components.cache_clear()
    began = time.process_time()
    full(HACKS[name], REFERENCE)
    assert time.process_time() - began < 2.0  # a guard against hanging: at most 0.1 on an idle machine


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=300) | st.text("X:1\nK:CDEFabc|[]()^_='/,0123456789-:z ", max_size=300))
def test_whatever_is_written_gets_a_number(text: str):
    for answer in (text, header() + text):
        for weights in (ORIGIN, FULL):
            (value,) = rewards.weighted_reward([answer], [REFERENCE], weights)
            assert value is not None
            assert 0 <= value <= 1
            assert not math.isnan(value)


def test_an_empty_score_earns_nothing():
    assert set(rewards.components(PIECE, Score()).values()) == {0.0}
