import sys
import wave

import numpy as np
import pytest
import tiny_language_models as tiny
import torch

from abcscribe import extras
from abcscribe.errors import EngineError
from abcscribe.evaluation import systems
from abcscribe.model.config import FrameProjectorConfig
from abcscribe.text_systems import audio_text, processor_model
from abcscribe.text_systems.audio_text_model import AUDIO, AudioTextModel, AudioTextModelConfig
from abcscribe.text_systems.processor_model import abc_part


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return tiny.save_qwen2_audio(tmp_path_factory.mktemp("qwen2-audio"))


@pytest.fixture
def recording(tmp_path):
    """Two seconds of noise; the tiny models hear one."""
    samples = (np.random.default_rng(0).normal(size=32_000) * 3000).astype("<i2")
    with wave.open(str(tmp_path / "noise.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(samples.tobytes())
    return tmp_path / "noise.wav"


def test_it_is_asked_about_the_recording_in_its_chat_form(checkpoint):
    engine = processor_model.load("qwen2-audio", checkpoint)
    inputs = engine.inputs(np.zeros(8_000, np.float32))
    text = engine.processor.tokenizer.decode(inputs["input_ids"][0])
    assert "<|im_start|>user\n" in text
    assert text.endswith("<|im_end|>\n<|im_start|>assistant\n")
    assert engine.question in text
    assert text.count("<|AUDIO|>") == 12  # half a second: 50 frames of 10 ms, halved twice


def test_answers_depend_on_the_seed_and_the_sound(checkpoint, recording):
    engine = processor_model.load("qwen2-audio", checkpoint)
    asked = {"temperature": 0.7, "max_tokens": 6}
    first = engine.answer(recording, seed=0, **asked)
    assert first == engine.answer(recording, seed=0, **asked) != engine.answer(recording, seed=1, **asked)
    heard = [
        engine.model(**engine.inputs(np.random.default_rng(seed).normal(size=8_000).astype(np.float32))).logits
        for seed in (0, 1)
    ]
    assert not torch.allclose(*heard)
    assert engine.answer(recording, temperature=0.0, max_tokens=4, seed=0) == engine.answer(
        recording, temperature=0.0, max_tokens=4, seed=1
    )


def test_the_abc_of_an_answer():
    assert abc_part("Here it is:\n```abc\nX:1\nK:C\nCDE|\n```\nEnjoy!") == "X:1\nK:C\nCDE|\n"
    assert abc_part("X:1\nK:C\nC|") == "X:1\nK:C\nC|"
    assert abc_part("I hear a piano.") == "I hear a piano."


def test_writers_are_systems_to_evaluate_with_a_checkpoint_in_their_name(checkpoint, recording):
    system = systems.load(f"qwen2-audio:{checkpoint}")
    assert system.samples
    answer = system.answer(recording, systems.Sampling(0.7, 5, 0))
    assert answer.score.problems() == []


def test_a_trained_text_model_is_a_system(tmp_path, recording):
    base = tiny.save_language_model(tmp_path / "base")
    config = AudioTextModelConfig(base, FrameProjectorConfig(256, 32, 4), f"{AUDIO}\n", "abcscribe")
    AudioTextModel.compose(config).save_pretrained(tmp_path / "model")
    system = systems.load(f"audio-text:{tmp_path / 'model'}")
    assert system.answer(recording, systems.Sampling(0.0, 5, 0)).score.problems() == []


def test_what_is_missing_is_said(tmp_path, monkeypatch):
    with pytest.raises(EngineError, match="Cannot load Qwen2-Audio"):
        processor_model.load("qwen2-audio", str(tmp_path))
    with pytest.raises(EngineError, match="name a checkpoint"):
        systems.load("audio-text")
    with pytest.raises(EngineError, match="Cannot load"):
        audio_text.load("audio-text", str(tmp_path))
    for system, name in (("qwen2-audio", "transformers"), ("audio-text", "peft")):
        monkeypatch.setattr(extras, "find_spec", lambda wanted, name=name: None if wanted == name else sys)
        with pytest.raises(EngineError, match=rf"{name}; install with: .* -e '.*\[hf\]'"):
            systems.load(f"{system}:x")
