"""The successors of Qwen2-Audio: tiny random models of the real classes, from loading to reinforcement learning."""

import numpy as np
import pytest
import tiny_data_sets
import tiny_language_models as tiny
import torch

from abcscribe.errors import EngineError
from abcscribe.evaluation import systems
from abcscribe.text_systems import processor_model
from abcscribe.text_systems.processor_model import ADAPTER, FAMILIES, chat_prompt, load_parts, merge, with_lora
from abcscribe.training.text_policy import AudioPrompt, ProcessorWriter, TextPolicy

SAVERS = {
    "qwen2-audio": tiny.save_qwen2_audio, "audio-flamingo": tiny.save_flamingo,
    "music-flamingo": lambda folder: tiny.save_flamingo(folder, music=True), "qwen2.5-omni": tiny.save_qwen2_5_omni,
    "voxtral": tiny.save_voxtral,
}  # fmt: skip


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    home = tmp_path_factory.mktemp("models")
    return {name: save(home / name) for name, save in SAVERS.items()}


def sound(seed: int, seconds: float = 0.6) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=int(16_000 * seconds)).astype(np.float32)


def test_every_family_is_tried():
    assert set(SAVERS) == set(FAMILIES)


@pytest.mark.parametrize("name", FAMILIES)
def test_it_answers_a_recording(folders, tmp_path, name):
    tiny_data_sets.write_sound(tmp_path / "a.wav", tiny_data_sets.notes()[:2], 1.0)
    system = systems.load(f"{name}:{folders[name]}")
    assert system.samples
    assert system.answer(tmp_path / "a.wav", systems.Sampling(0.7, 5, 0)).score.problems() == []
    engine = processor_model.load(name, folders[name])
    first, again, other = (
        engine.model(**engine.inputs(sound(seed)).to(engine.model.device)).logits for seed in (0, 0, 1)
    )
    torch.testing.assert_close(first, again)
    assert not torch.allclose(first, other)  # it hears


def policy(folders, name: str, **settings) -> TextPolicy:
    model, processor = load_parts(name, folders[name])
    for parameter in model.parameters():
        parameter.data *= 2  # random weights as they are initialised say everything with the same probability
    return TextPolicy(ProcessorWriter(with_lora(model, 2).eval(), processor), **settings)


@pytest.mark.parametrize("name", FAMILIES)
def test_log_probabilities_of_rollout_and_update_are_equal(folders, name):
    """In a batch of answers of several lengths, left-padded when drawn, right-padded when learned from."""
    tuned = policy(folders, name, most_tokens=6)
    text = chat_prompt(tuned.writer.processor, "Write")
    prompts = [AudioPrompt(sound(0), text), AudioPrompt(sound(1, 0.9), text)]
    samples = tuned.sample(prompts, 3, 0.8)
    inputs = tuned.writer._inputs([p.audio for p in prompts], [p.text for p in prompts])
    with torch.random.fork_rng():
        torch.manual_seed(3)
        drawn = tuned.writer.language_model.generate(
            **inputs, max_new_tokens=6, do_sample=True, temperature=0.8, top_p=1.0, top_k=0,
            return_dict_in_generate=True, output_scores=True,
        )  # fmt: skip
    scores = torch.stack(drawn.scores, dim=1).log_softmax(-1)
    tuned.train()
    learned = tuned.evaluate(samples, 0.8).log_probabilities.detach()
    for row, sample in enumerate(samples):
        wanted = scores[row, torch.arange(len(sample)), torch.from_numpy(sample.ids)]
        np.testing.assert_allclose(sample.log_probabilities, wanted, atol=2e-4)
        np.testing.assert_allclose(learned[row, : len(sample)], wanted, atol=2e-4)
    alone = tuned.evaluate(samples[1:], 0.8).log_probabilities.detach()
    torch.testing.assert_close(alone[0], learned[1, : len(samples[1])], atol=2e-4, rtol=1e-3)


@pytest.mark.parametrize("name", FAMILIES)
def test_lora_is_on_the_language_model_only_and_merges(folders, tmp_path, name):
    model, _ = load_parts(name, folders[name])
    tuned = with_lora(model, 2)
    trained = {n for n, p in tuned.named_parameters() if p.requires_grad}
    assert trained
    assert not any("audio" in n or "visual" in n for n in trained)
    assert sum("q_proj" in n for n in trained) == 2 * tiny.SIZES["num_hidden_layers"]
    for n, p in tuned.named_parameters():
        if "lora_B" in n:
            torch.nn.init.normal_(p, std=0.2)
    tuned.save_pretrained(tmp_path / "adapter")
    assert (tmp_path / "adapter" / ADAPTER).is_file()
    merge(name, tmp_path / "adapter", tmp_path / "whole")
    engines = [processor_model.load(name, str(tmp_path / part)) for part in ("adapter", "whole")]
    apart, whole = (engine.model(**engine.inputs(sound(0))).logits for engine in engines)
    torch.testing.assert_close(apart, whole, atol=1e-4, rtol=1e-3)
    plain = processor_model.load(name, folders[name])
    assert not torch.allclose(plain.model(**plain.inputs(sound(0))).logits, whole, atol=1e-3)


def test_what_cannot_be_merged_is_said(folders, tmp_path):
    with pytest.raises(EngineError, match="no LoRA"):
        merge("qwen2-audio", tmp_path, tmp_path / "out")
    with pytest.raises(EngineError, match="Cannot load Audio Flamingo 3"):
        processor_model.load("audio-flamingo", str(tmp_path))
