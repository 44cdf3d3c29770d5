"""The loop drives language models that write text: a tiny random Qwen2-Audio, and a tower with a tiny Qwen2."""

from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("transformers")
pytest.importorskip("peft")

import tiny_language_models as tiny
from transformers import AutoProcessor, Qwen2AudioForConditionalGeneration

from abcscribe.model.config import FrameProjectorConfig
from abcscribe.rewards import NAMES
from abcscribe.score.abc_reader import read_abc
from abcscribe.text_systems.audio_text_model import AUDIO, AudioTextModel, AudioTextModelConfig
from abcscribe.training.configs import RlTraining
from abcscribe.training.policy import Sample
from abcscribe.training.rl import train
from abcscribe.training.rollout import Problem
from abcscribe.training.text_policy import AudioPrompt, ProcessorWriter, TextPolicy

REFERENCE = read_abc("X:1\nL:1/4\nK:C\nCDEF|")[0]
ONE = "pitch=1"
QUESTION = "<|audio_bos|><|AUDIO|><|audio_eos|>Write"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    made = tmp_path_factory.mktemp("models")
    tiny.save_qwen2_audio(made / "audio")
    tiny.save_language_model(made / "text")
    return made


def qwen2_audio(folder: Path, **settings) -> TextPolicy:
    model = Qwen2AudioForConditionalGeneration.from_pretrained(folder / "audio").eval()
    for parameter in model.parameters():
        parameter.data *= 3  # random weights as they are initialised say everything with the same probability
    return TextPolicy(ProcessorWriter(model, AutoProcessor.from_pretrained(folder / "audio")), **settings)


def composed(folder: Path, **settings) -> TextPolicy:
    torch.manual_seed(0)
    config = AudioTextModelConfig(str(folder / "text"), FrameProjectorConfig(6, 32, 2), f"{AUDIO} write: ", lora_rank=2)
    return TextPolicy(AudioTextModel.compose(config), **settings)


def sound(seed: int, seconds: float) -> AudioPrompt:
    waveform = np.random.default_rng(seed).normal(size=int(16_000 * seconds)).astype(np.float32)
    return AudioPrompt(waveform, QUESTION)


def frames(seed: int, count: int) -> AudioPrompt:
    features = np.random.default_rng(seed).normal(size=(count, 6)).astype(np.float32)
    return AudioPrompt(features, f"Hear {AUDIO} and write: ")


def test_log_probabilities_are_those_that_transformers_drew_with(folder: Path) -> None:
    policy = qwen2_audio(folder, most_tokens=6)
    prompts = [sound(0, 0.5), sound(1, 0.9)]
    samples = policy.sample(prompts, 3, 0.8)
    writer = policy.writer
    inputs = writer._inputs([p.audio for p in prompts], [p.text for p in prompts])
    with torch.random.fork_rng():
        torch.manual_seed(3)
        drawn = writer.language_model.generate(
            **inputs, max_new_tokens=6, do_sample=True, temperature=0.8, top_p=1.0, top_k=0,
            return_dict_in_generate=True, output_scores=True,
        )  # fmt: skip
    scores = torch.stack(drawn.scores, dim=1).log_softmax(-1)
    for row, sample in enumerate(samples):
        wanted = scores[row, torch.arange(len(sample)), torch.from_numpy(sample.ids)]
        np.testing.assert_allclose(sample.log_probabilities, wanted, atol=1e-4)
        assert sample.finished == (sample.ids[-1] == writer.tokenizer.eos_token_id)


@pytest.mark.parametrize(
    ("make", "prompts"), [(qwen2_audio, [sound(0, 0.5), sound(1, 0.9)]), (composed, [frames(0, 5), frames(1, 8)])]
)
def test_an_answer_is_as_likely_alone_as_in_a_batch(folder: Path, make, prompts) -> None:
    policy = make(folder, with_values=True)
    torch.nn.init.normal_(policy.value_head.weight)
    ids = [np.array([70, 71, 72]), np.array([80])]
    samples = [Sample(p, i, np.zeros(len(i)), True, "") for p, i in zip(prompts, ids, strict=True)]
    both = policy.evaluate(samples, 1.0)
    for row, sample in enumerate(samples):
        alone = policy.evaluate([sample], 1.0)
        for name in ("log_probabilities", "entropy", "values"):
            torch.testing.assert_close(
                getattr(both, name)[row, : len(sample)], getattr(alone, name)[0], atol=1e-4, rtol=1e-4
            )
    assert both.mask.tolist() == [[1, 1, 1], [1, 0, 0]]


def letters(answers, references):
    """A reward that a model without music can learn: the share of characters before the letter e."""
    return [dict.fromkeys(NAMES, sum(c < "e" for c in answer) / max(len(answer), 1)) for answer in answers]


@pytest.mark.parametrize("algorithm", ["grpo", "ppo"])
def test_the_loop_trains_lora_and_projector_and_the_reference_stays(
    algorithm: str, folder: Path, tmp_path: Path
) -> None:
    policy = composed(folder, most_tokens=5, with_values=algorithm == "ppo")
    problem = Problem(frames(0, 5), REFERENCE)
    probe = policy.sample([problem.prompt], 1, 1.0)
    before = policy.evaluate(probe, 1.0).log_probabilities.detach()
    config = RlTraining(
        tmp_path, tmp_path / "run", tmp_path, algorithm, ONE, 1e9, steps=2, rate=1e-2, warmup=1, windows=1, group=4,
        minibatches=1, critic_steps=0, evaluate_steps=100,
    )  # fmt: skip
    log = list(train(config, policy, lambda rng: problem, [problem], letters))
    torch.testing.assert_close(policy.reference(probe, 1.0), before)
    assert not torch.allclose(policy.evaluate(probe, 1.0).log_probabilities, before)
    assert log[-1]["valid"].keys() >= {"reward", "empty", "validity"}
    assert (tmp_path / "run" / "adapter").is_dir()
