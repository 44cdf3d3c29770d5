import json
import wave
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny_language_models as tiny
import torch

from abcscribe.errors import AbcscribeError
from abcscribe.model.score_language_model import answer_loss
from abcscribe.text_systems.audio_text_model import AudioTextModel
from abcscribe.training.configs import SftTextTraining
from abcscribe.training.sft_text import main, read_pairs, schedule

ANSWERS = ("X:1\nK:C\nCDEF|", "X:1\nK:G\nGABc|")


@pytest.fixture
def config(tmp_path):
    """Two pairs: what is heard decides which of two tunes is right."""
    rows = []
    for i, answer in enumerate(ANSWERS):
        np.save(tmp_path / f"{i}.npy", np.random.default_rng(i).normal(size=(6, 5)).astype(np.float32))
        rows.append({"id": str(i), "features": f"{i}.npy", "answer": answer})
    (tmp_path / "pairs.jsonl").write_text("\n".join(map(json.dumps, rows)))
    base = tiny.save_language_model(tmp_path / "base")
    return SftTextTraining(
        tmp_path / "pairs.jsonl", base, tmp_path / "out", audio_tower="", frames=2, lora_rank=0, steps=6, batch=2,
        warmup=1, log_steps=1, save_steps=3, projector_rate=0.03, lora_rate=0.03,
    )  # fmt: skip


@pytest.mark.parametrize(("lora_rank", "fall"), [(0, 0.8), (4, 5.0)])
def test_the_loss_falls_by_what_is_heard_and_the_language_model_itself_stays(config, lora_rank, fall):
    config = replace(config, lora_rank=lora_rank, steps=30)
    losses = [entry["loss"] for entry in main(config)]
    assert len(losses) == 30
    assert losses[-1] < losses[0] - fall
    model = AudioTextModel.from_pretrained(config.out)
    heard = [np.load(config.pairs.parent / f"{i}.npy") for i in range(2)]
    answers = [model.answer_ids(answer) for answer in ANSWERS]
    with torch.no_grad():
        right, swapped = answer_loss(*model(heard, answers)), answer_loss(*model(heard[::-1], answers))
    assert right < swapped - 0.3
    if lora_rank:
        assert [model.read(ids) for ids in model.generate(heard, max_tokens=30)] == list(ANSWERS)
    before = tiny.Qwen2ForCausalLM.from_pretrained(config.base).model.layers[0].mlp.up_proj.weight
    after = next(w for name, w in model.named_parameters() if "layers.0.mlp.up_proj" in name and "lora" not in name)
    torch.testing.assert_close(after, before)


def losses(entries) -> list[tuple[int, float]]:
    return [(entry["step"], entry["loss"]) for entry in entries]


def test_a_run_that_was_stopped_goes_on_exactly(config):
    config = replace(config, lora_rank=2, accumulate=2)
    whole = list(main(replace(config, out=config.out / "whole")))
    run = main(config)
    stopped = [next(run) for _ in range(4)]  # the checkpoint behind the third step is the last
    run.close()
    assert losses(stopped) == losses(whole[:4])
    assert losses(main(config)) == losses(whole[3:])
    assert list(main(config)) == []


def test_recordings_are_heard_once(config, tmp_path):
    with wave.open(str(tmp_path / "noise.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes((np.random.default_rng(0).normal(size=48_000) * 3000).astype("<i2").tobytes())
    row = {"audio": "noise.wav", "start_time": 1, "seconds": 0.5, "answer": "X:1\nK:C\nC|", "question": "Which note?"}
    config.pairs.write_text(json.dumps(row))
    whisper = f"whisper:{tiny.save_whisper(tmp_path / 'whisper')}"
    config = replace(config, audio_tower=whisper, steps=1, batch=1)
    assert len(list(main(config))) == 1
    (heard,) = (config.out / "features").glob("*.npy")
    assert np.load(heard).shape == (25, 16)
    assert AudioTextModel.from_pretrained(config.out).hear(np.zeros(8_000, np.float32)).shape == (25, 16)

    def deaf(waveform):
        raise AssertionError("heard again")

    assert [pair.question for pair in read_pairs(config, deaf)] == ["Which note?"]


def test_a_pair_that_says_too_little_is_named(config):
    config.pairs.write_text('{"answer": "X:1", "features": "0.npy"}\n{"answer": "X:1", "audio": "a.wav"}')
    with pytest.raises(AbcscribeError, match=r"pairs.jsonl:2 needs"):
        read_pairs(config, None)


def test_the_learning_rate_is_warmed_up_and_let_down():
    config = SftTextTraining(Path(), "", warmup=10, steps=100)
    assert schedule(0, config) == pytest.approx(0.1)
    assert schedule(50, config) == pytest.approx(0.5)
    assert schedule(99, config) < 0.001
