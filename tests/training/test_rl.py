import itertools
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from abcscribe.analysis import analysis_features
from abcscribe.errors import AbcscribeError
from abcscribe.model.config import LanguageModelConfig, NoteProjectorConfig
from abcscribe.model.note_features import HeardNotes
from abcscribe.model.score_language_model import ScoreLanguageModel, ScoreLanguageModelConfig
from abcscribe.rewards import FULL, NAMES, ORIGIN, parse_weights
from abcscribe.score.abc_reader import read_abc
from abcscribe.tokens import METRE_TOKENS, TICKS, VOCABULARY, Event, Excerpt, Span, score_of
from abcscribe.training.configs import RlTraining
from abcscribe.training.learner import Then
from abcscribe.training.policy import Evaluation, NotePolicy, Sample, chunks
from abcscribe.training.rl import Grpo, train
from abcscribe.training.rollout import Problem, Rollout, alarms, figures, roll_out

TUNES = ("X:1\nL:1/4\nK:C\nCDEF|", "X:1\nL:1/4\nK:C\ngc'ab|")  # what the arms of the bandit write
PITCH = "pitch=1"
TINY = ScoreLanguageModelConfig(
    NoteProjectorConfig(len(analysis_features.NAMES), 32, 1, 2), LanguageModelConfig(len(VOCABULARY), 32, 2, 2)
)


class Arms(nn.Module):
    """The smallest policy: one token, which names one of two tunes."""

    def __init__(self) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(2))
        self.value_head = nn.Linear(1, 1)
        self.saved: list[float] = []

    @property
    def module(self) -> nn.Module:
        return self

    def sample(self, prompts, seed, temperature, first=0):
        scores = self.logits.detach().log_softmax(0).numpy()
        rng = np.random.default_rng(seed)
        arms = [int(rng.random() < np.exp(scores[1])) if temperature else int(scores.argmax()) for _ in prompts]
        return [Sample(None, np.array([arm]), scores[[arm]], True, TUNES[arm]) for arm in arms]

    def evaluate(self, samples, temperature):
        scores = self.logits.log_softmax(0)
        ones = torch.ones(len(samples), 1)
        chosen = scores[torch.tensor([[s.ids[0]] for s in samples])]
        return Evaluation(chosen, -(scores.exp() * scores).sum() * ones, self.value_head(ones), ones)

    def reference(self, samples, temperature):
        return torch.full((len(samples), 1), float(np.log(0.5)))

    def save_pretrained(self, folder):
        self.saved.append(float((self.logits[1] - self.logits[0]).detach()))


def tune(arm: int) -> Problem:
    return Problem(None, read_abc(TUNES[arm])[0])


def setting(folder: Path, **changes) -> RlTraining:
    plain = RlTraining(
        folder, folder / "run", folder, reward=PITCH, rate=0.05, windows=2, group=8, steps=30, evaluate_steps=10,
        minibatches=1, critic_steps=2, kl=0.0, minutes=1e9,
    )  # fmt: skip
    return replace(plain, **changes)


def ticking():
    seconds = itertools.count()
    return lambda: float(next(seconds))


@pytest.mark.parametrize("algorithm", ["grpo", "ppo"])
def test_both_algorithms_find_the_better_arm(algorithm: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    policy = Arms()
    log = list(train(setting(tmp_path, algorithm=algorithm), policy, lambda rng: tune(1), [tune(1)]))
    assert float(policy.logits.detach().softmax(0)[1]) > 0.85
    assert log[0]["valid"]["reward"] < 0.9
    assert log[-1]["valid"]["reward"] == 1.0


def test_the_penalty_holds_the_policy_back(tmp_path: Path) -> None:
    free, held = Arms(), Arms()
    list(train(setting(tmp_path / "free"), free, lambda rng: tune(1), [tune(1)]))
    list(train(setting(tmp_path / "held", kl=5.0), held, lambda rng: tune(1), [tune(1)]))
    assert 0.5 < float(held.logits.detach().softmax(0)[1]) < float(free.logits.detach().softmax(0)[1]) - 0.1


def test_a_policy_that_falls_behind_is_put_back(tmp_path: Path) -> None:
    policy = Arms()
    with torch.no_grad():
        policy.logits[1] = 0.3  # begins with the arm that is right on the held-out problem
    config = setting(tmp_path, steps=40, evaluate_steps=4, patience=2)
    log = list(train(config, policy, lambda rng: tune(0), [tune(1)]))
    back = [entry["rollback"] for entry in log if "rollback" in entry]
    assert back
    right = [entry["step"] for entry in log if "valid" in entry and entry["valid"]["reward"] == 1.0]
    assert back[0] in right
    rates = [entry["rate"] for entry in log if "rate" in entry]
    assert rates[-1] == pytest.approx(config.rate * 0.5 ** len(back))
    assert all(margin > 0 for margin in policy.saved)


# The default model, tiny and with random weights.


def melody(rng: np.random.Generator) -> Problem:
    """Four quarters, heard as they are."""
    midi = rng.choice([60, 62, 64, 67], 4)
    fifth = {60: 0, 62: 2, 64: 4, 67: 1}
    events = tuple(Event(i * TICKS, 0, 1, TICKS, int(m), fifth[int(m)]) for i, m in enumerate(midi))
    excerpt = Excerpt((Span(4 * TICKS, METRE_TOKENS[1], 0, "major", 40),), ((0, ("treble",)),), events)
    onset = np.arange(4) * 0.5
    heard = HeardNotes(
        onset, onset + 0.4, midi.astype(np.int64), np.full(4, 80.0), np.zeros(4, np.int64), np.ones(4),
        np.arange(4), np.zeros((4, len(analysis_features.NAMES))),
    )  # fmt: skip
    return Problem(heard, score_of(excerpt), "line")


def tiny(constrained: bool = True, with_values: bool = False, most_tokens: int = 60) -> NotePolicy:
    torch.manual_seed(3)
    model = ScoreLanguageModel(TINY)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return NotePolicy(model, constrained=constrained, most_tokens=most_tokens, with_values=with_values)


@pytest.mark.parametrize("constrained", [True, False])
@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_rollout_and_update_agree_on_every_token(constrained: bool, temperature: float) -> None:
    policy = tiny(constrained, most_tokens=200)
    rng = np.random.default_rng(1)
    prompts = [melody(rng).prompt for _ in range(3) for _ in range(2)]
    samples = policy.sample(prompts, 8, temperature)
    assert len({len(sample) for sample in samples}) > 1
    known = policy.evaluate(samples, temperature)
    reference = policy.reference(samples, temperature)
    for row, sample in enumerate(samples):
        np.testing.assert_allclose(
            known.log_probabilities[row, : len(sample)].detach(), sample.log_probabilities, atol=2e-4
        )
        assert not known.mask[row, len(sample) :].any()
    assert torch.equal(reference, known.log_probabilities.detach())
    assert (known.entropy[known.mask > 0] >= -1e-5).all()


def test_the_filters_of_the_rollout_count_in_the_update() -> None:
    policy = tiny()
    sample = policy.sample([melody(np.random.default_rng(0)).prompt], 1, 1.0)[0]
    free = replace(sample.memory, filters=np.full_like(sample.memory.filters, 255))
    inside = policy.evaluate([sample], 1.0).log_probabilities
    outside = policy.evaluate([replace(sample, memory=free)], 1.0).log_probabilities
    assert (inside > outside).any()
    assert (inside >= outside - 1e-5).all()


def test_constrained_answers_are_scores_and_others_need_not_be() -> None:
    prompts = [melody(np.random.default_rng(0)).prompt] * 6
    assert all(sample.answer is not None for sample in tiny().sample(prompts, 1, 1.0))
    problems = [melody(np.random.default_rng(0))]
    rollout = roll_out(tiny(constrained=False), problems, 6, 1, 1.0, FULL)
    assert any(sample.answer is None for sample in rollout.samples)
    assert rollout.rewards[0, [s.answer is None for s in rollout.samples]].max() == 0
    assert figures(rollout)["validity"] < 1


def run(folder: Path, steps: int, algorithm: str, entries: int | None = None) -> tuple[list[dict], NotePolicy]:
    """A run, cut off after so many log entries."""
    config = setting(
        folder, algorithm=algorithm, steps=steps, evaluate_steps=2, rate=1e-3, group=4, minibatches=2, kl=0.05,
        epochs=2, critic_steps=1, reward="full", checkpoint_minutes=0.0,
    )  # fmt: skip
    policy = tiny(with_values=algorithm == "ppo")
    held_out = [melody(np.random.default_rng(9)) for _ in range(2)]
    log = train(config, policy, melody, held_out, clock=ticking())
    return list(itertools.islice(log, entries)), policy


def told(log: list[dict]) -> list[dict]:
    """Without what a machine does differently each time."""
    return [{k: v for k, v in e.items() if not k.endswith((" s", "/s", "GB", "minutes", "minutes left"))} for e in log]


@pytest.mark.parametrize("algorithm", ["grpo", "ppo"])
def test_a_seed_gives_the_same_run_and_a_resumed_run_goes_on_exactly(algorithm: str, tmp_path: Path) -> None:
    log, policy = run(tmp_path / "a", 4, algorithm)
    again, _ = run(tmp_path / "b", 4, algorithm)
    assert told(log) == told(again)
    run(tmp_path / "c", 4, algorithm, entries=5)  # steps 1 to 3, of which two are kept, and two looks
    rest, resumed = run(tmp_path / "c", 4, algorithm)
    assert told(rest) == told(log)[4:]
    for a, b in zip(policy.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(a, b)


def test_a_run_leaves_a_model_its_log_and_samples(tmp_path: Path) -> None:
    log, _ = run(tmp_path, 2, "grpo")
    out = tmp_path / "run"
    assert ScoreLanguageModel.from_pretrained(out).config == TINY
    assert [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()] == log
    shown = [json.loads(line) for line in (out / "samples.jsonl").read_text().splitlines()]
    assert {entry["split"] for entry in shown} == {"train", "held-out"}
    assert all("K:C" in entry["reference"] and entry["answers"] for entry in shown)
    step = next(entry for entry in log if "loss" in entry)
    wanted = {"policy loss", "kl", "entropy", "ratio", "clipped", "reward", "reward spread", "group spread", "validity"}
    wanted |= {"flat groups", "tokens", "rollout cpu s", "reward cpu s", "update cpu s", "samples/s", "memory GB"}
    wanted |= {"pitch", "metre", "tempo", "instrument", "rhythm", "key", "structure", "pitch group spread"}
    assert wanted <= step.keys()


def test_an_unscorable_answer_is_left_out_and_counted(tmp_path: Path) -> None:
    def judge(answers, references):
        return [None if i % 2 else dict.fromkeys(NAMES, 0.5) for i in range(len(answers))]

    policy = Arms()
    rollout = roll_out(policy, [tune(0)], 4, 1, 1.0, parse_weights(PITCH), judge)
    assert np.isnan(rollout.rewards).tolist() == [[False, True, False, True]]


def test_alarms_go_off_when_an_answer_is_paid_without_music() -> None:
    plain = {"empty": 0.0, "short": 0.05, "repetition": 0.01}
    assert alarms(plain, plain) == []
    assert alarms({"empty": 0.1, "short": 0.1, "repetition": 0.2}, plain) == ["empty", "repetition"]


def test_monitors_see_loops_short_and_empty_answers() -> None:
    class Fixed(Arms):
        def sample(self, prompts, seed, temperature, first=0):
            texts = ["X:1\nL:1/4\nK:C\n" + "CDEF|" * 8, "X:1\nL:1/4\nK:C\nC3|", None, "X:1\nK:C\n"]
            return [Sample(None, np.zeros(1, int), np.zeros(1), True, text) for text in texts]

    reference = Problem(None, read_abc("X:1\nL:1/4\nK:C\nCDEF|GABc|cBAG|FEDC|CEGc|cGEC|")[0])
    found = figures(roll_out(Fixed(), [reference], 4, 0, 1.0, FULL))
    assert found["repetition"] == pytest.approx(7 / 8 / 4)
    assert found["empty"] == 0.5
    assert found["short"] == 0.75
    assert found["validity"] == 0.75


def test_chunks_hold_all_rows_once_and_no_more_than_fits() -> None:
    samples = [Sample(None, np.zeros(n, int), np.zeros(n), True, None) for n in (5, 9, 2, 30, 7)]
    found = list(chunks(samples, range(5), most=20))
    assert sorted(row for part in found for row in part) == [0, 1, 2, 3, 4]
    assert all(len(part) == 1 or len(part) * max(len(samples[i]) for i in part) <= 20 for part in found)


def test_a_token_is_judged_by_what_it_can_change(tmp_path: Path) -> None:
    """Two answers: the first has the better pitch, the second the better key."""
    place = {name: i for i, name in enumerate(NAMES)}
    reach = np.zeros((3, len(NAMES)), bool)
    reach[0, place["key"]] = reach[1, place["pitch"]] = True
    reach[2] = True
    samples = [Sample(None, np.zeros(3, int), np.zeros(3), True, None, reach) for _ in range(2)]
    nothing = dict.fromkeys(NAMES, 0.0)
    credits = [nothing | {"pitch": 0.9}, nothing | {"key": 0.6}]
    rollout = Rollout([tune(0)], samples, credits, np.array([[0.45, 0.3]]))
    mask = torch.ones(2, 3)
    for by_part, wanted in ((True, [-1, 1, 1]), (False, [1, 1, 1])):
        learner = Grpo(setting(tmp_path, reward="pitch=.5,key=.5", by_part=by_part), Arms())
        then = Then(*(torch.zeros(2, 3) for _ in range(3)), mask, *(torch.zeros(2, 3) for _ in range(2)))
        learner.aim(rollout, then)
        assert then.advantages.tolist() == [pytest.approx(wanted), pytest.approx([-w for w in wanted])]


def test_rewards_by_name_and_by_weight() -> None:
    assert parse_weights("origin") is ORIGIN
    assert parse_weights("full") is FULL
    weights = parse_weights("pitch=.5, rhythm=.25,content=.5")
    assert (weights.pitch, weights.rhythm, weights.metre, weights.content) == (0.5, 0.25, 0, 0.5)
    with pytest.raises(AbcscribeError, match="beauty"):
        parse_weights("beauty=1")
    with pytest.raises(AbcscribeError, match="much"):
        parse_weights("pitch=much")
