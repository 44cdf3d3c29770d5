"""From pairs of a data set to a tuned audio language model: supervised, then on the reward, then merged."""

import json

import pytest
import tiny_data_sets
import tiny_language_models as tiny
import torch

from abcscribe.errors import AbcscribeError
from abcscribe.evaluation import systems
from abcscribe.text_systems.processor_model import ADAPTER, merge
from abcscribe.training.configs import RlTextTraining, SftTextTraining
from abcscribe.training.rl_text import main as rl
from abcscribe.training.sft_text import main as sft


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    """Two recordings of a second with their ABC."""
    home = tmp_path_factory.mktemp("pairs")
    lines = []
    for number in range(2):
        tiny_data_sets.write_sound(home / f"{number}.wav", tiny_data_sets.notes(shift=number)[:2], 1.0)
        lines.append(json.dumps({"audio": f"{number}.wav", "answer": f"X:1\nL:1/4\nK:C\n{'CD'[number]}4|]\n"}))
    (home / "train.jsonl").write_text("\n".join(lines))
    return home / "train.jsonl"


def test_a_system_learns_and_its_lora_goes_on_to_reinforcement_learning(pairs, tmp_path):
    base = tiny.save_qwen2_audio(tmp_path / "base")
    config = SftTextTraining(
        pairs, base, tmp_path / "sft", "qwen2-audio", lora_rank=2, steps=6, batch=2, longest=40, warmup=1,
        lora_rate=2e-2, log_steps=1, save_steps=3,
    )  # fmt: skip
    losses = [entry["loss"] for entry in sft(config)]
    assert losses[-1] < losses[0]
    assert (tmp_path / "sft" / ADAPTER).is_file()
    more = SftTextTraining(**{**vars(config), "steps": 7})
    assert [entry["step"] for entry in sft(more)] == [7]  # resumed with its LoRA
    reinforced = RlTextTraining(
        pairs=pairs, valid_pairs=pairs, start=tmp_path / "sft", out=tmp_path / "rl", system="qwen2-audio",
        algorithm="ppo", minutes=1e9, steps=1, windows=1, group=2, most_tokens=6, held_out=1, critic_steps=0, rate=1e-2,
    )  # fmt: skip
    log = list(rl(reinforced))
    assert log[0]["valid"].keys() >= {"reward", "validity"}
    assert any("ratio" in entry and entry["ratio"] == pytest.approx(1, abs=1e-3) for entry in log)
    assert (tmp_path / "rl" / ADAPTER).is_file()
    merge("qwen2-audio", tmp_path / "rl", tmp_path / "whole")
    system = systems.load(f"qwen2-audio:{tmp_path / 'whole'}")
    assert system.answer(pairs.parent / "0.wav", systems.Sampling(0.0, 4, 0)).score.problems() == []


def test_a_composed_model_goes_on_too(pairs, tmp_path):
    base = tiny.save_language_model(tmp_path / "base")
    config = SftTextTraining(pairs, base, tmp_path / "sft", lora_rank=2, steps=1, batch=1, longest=20)
    list(sft(config))
    before = torch.load(tmp_path / "sft" / "state.pt", weights_only=True)["weights"]
    reinforced = RlTextTraining(
        pairs=pairs, valid_pairs=pairs, start=tmp_path / "sft", out=tmp_path / "rl", minutes=1e9, steps=1, windows=1,
        group=2, most_tokens=6, held_out=1,
    )  # fmt: skip
    log = list(rl(reinforced))
    assert log[-1]["step"] == 1
    assert (tmp_path / "rl" / "config.json").is_file()
    assert before


def test_what_cannot_be_trained_is_said(pairs, tmp_path):
    base = tiny.save_qwen2_audio(tmp_path / "base")
    with pytest.raises(AbcscribeError, match="nothing to train"):
        list(sft(SftTextTraining(pairs, base, tmp_path / "a", "qwen2-audio", lora_rank=0)))
    with pytest.raises(AbcscribeError, match="no system 'ear'"):
        list(sft(SftTextTraining(pairs, base, tmp_path / "b", "ear")))
    (tmp_path / "empty.jsonl").write_text("")
    with pytest.raises(AbcscribeError, match="holds no pairs"):
        list(sft(SftTextTraining(tmp_path / "empty.jsonl", base, tmp_path / "c")))
    with pytest.raises(AbcscribeError, match="no checkpoint"):
        list(rl(RlTextTraining(pairs=pairs, valid_pairs=pairs, start=tmp_path, out=tmp_path / "d")))
    with pytest.raises(AbcscribeError, match="no algorithm"):
        list(rl(RlTextTraining(algorithm="reinforce")))
