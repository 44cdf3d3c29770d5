"""A replica of LLark: from pairs of questions and answers to a model that is asked, and that is a system."""

import json
from dataclasses import replace

import numpy as np
import pytest
import tiny_data_sets
import tiny_language_models as tiny
from typer.testing import CliRunner

from abcscribe.cli import app
from abcscribe.corpora.questions import TEMPLATES, kind_of
from abcscribe.errors import AbcscribeError, EngineError
from abcscribe.evaluation import systems
from abcscribe.model.config import FrameProjectorConfig
from abcscribe.text_systems import audio_text_model, llark
from abcscribe.text_systems.audio_text_model import AUDIO, AudioTextModel, AudioTextModelConfig, prompt_in
from abcscribe.training.configs import LlarkTraining
from abcscribe.training.llark import chosen, main
from abcscribe.training.sft_text import Pair, frames_a_token

ASKED = (("What is the key?", ("C major", "G major")), ("How fast is this played, in BPM?", ("90 BPM", "150 BPM")))


@pytest.fixture
def config(tmp_path):
    """What is heard decides which of two answers to each of two questions is right."""
    rows = []
    for i in range(2):
        np.save(tmp_path / f"{i}.npy", np.random.default_rng(i).normal(size=(6, 5)).astype(np.float32))
        rows += [{"features": f"{i}.npy", "question": asked, "answer": answers[i]} for asked, answers in ASKED]
    pairs = tmp_path / "pairs.jsonl"
    pairs.write_text("\n".join(map(json.dumps, rows)))
    base = tiny.save_language_model(tmp_path / "base")
    return LlarkTraining(
        pairs, base, tmp_path / "out", audio_tower="", frames=2, lora_rank=4, steps=60, batch=4, warmup=1,
        projector_rate=0.03, lora_rate=0.03, valid_pairs=pairs, evaluate_steps=60, log_steps=1000, save_steps=1000,
    )  # fmt: skip


def test_it_learns_to_answer_better_than_one_can_without_listening(config):
    first, *_, last = main(config)
    assert first["step"] == 0
    assert first["right"] < 0.5
    assert (last["right"], last["constant"]) == (1.0, 0.5)
    assert last["constant key"] == 0.5
    assert (config.out / "log.jsonl").read_text().count("constant tempo") == 2
    assert list(main(config)) == []  # its steps are done


def test_what_it_is_examined_on(config):
    pairs = [Pair(config.pairs, str(i), wording) for kind in ("key", "tempo", "metre") for i in range(9)
             for wording in TEMPLATES[kind][:1]]  # fmt: skip
    kinds = [kind_of(pair.question) for pair in chosen(pairs, 6)]
    assert sorted(kinds) == ["key", "key", "metre", "metre", "tempo", "tempo"]
    config.pairs.write_text(json.dumps({"features": "0.npy", "answer": "X:1", "question": "Write it."}))
    with pytest.raises(AbcscribeError, match=r"not 'Write it\.'"):
        list(main(config))


def test_prompts_have_the_sound_before_or_after_the_question():
    assert prompt_in("llark", None, "Why?") == f"### Human: {AUDIO}\nWhy?\n### Assistant: "
    assert prompt_in("llark", None, "Why?", audio_first=False) == f"### Human: Why?\n{AUDIO}\n### Assistant: "
    with pytest.raises(EngineError, match="no form of questions 'shout'"):
        prompt_in("shout", None, "Why?")


def test_ten_soft_tokens_a_second(config):
    class Jukebox:
        frame_rate = 44_100 / 128

    whole = replace(config, frames=0)
    assert frames_a_token(whole, Jukebox()) == 34  # LLark's
    with pytest.raises(AbcscribeError, match="frame rate"):
        frames_a_token(whole, None)


def test_a_language_model_in_a_gguf_file_is_unpacked(monkeypatch):
    monkeypatch.setattr(audio_text_model, "require", lambda *names: None)
    assert audio_text_model.base_files("a/b.gguf") == {"pretrained_model_name_or_path": "a", "gguf_file": "b.gguf"}
    pinned = audio_text_model.base_files(f"a/b@{'0' * 40}")
    assert pinned == {"pretrained_model_name_or_path": "a/b", "revision": "0" * 40}


def test_it_is_asked_and_is_a_system(tmp_path):
    base = tiny.save_language_model(tmp_path / "base")
    made = AudioTextModelConfig(
        base, FrameProjectorConfig(256, 32, 8, "mean"), AUDIO, "abcscribe", form="llark", precision="bfloat16"
    )
    AudioTextModel.compose(made).save_pretrained(tmp_path / "model")
    tiny_data_sets.write_sound(tmp_path / "a.wav", tiny_data_sets.notes()[:2], 1.0)
    model = str(tmp_path / "model")
    result = CliRunner().invoke(app, ["ask", str(tmp_path / "a.wav"), "What is the key?", "Why?", "--model", model])
    assert result.exit_code == 0, result.output
    assert len(result.stdout.splitlines()) == 2
    answer = systems.load(f"llark:{model}").answer(tmp_path / "a.wav", systems.Sampling(0.0, 5, 0))
    assert answer.score.problems() == []


def test_a_header_is_written_of_its_answers():
    assert llark.header_abc("6/8", "92 BPM", "Bb minor", "Violin, Flute").splitlines() == [
        "X:1", "M:6/8", "Q:1/4=92", "K:Bb minor", 'V:1 name="Violin"', "Z|]", 'V:2 name="Flute"', "Z|]",
    ]  # fmt: skip
    assert llark.header_abc("waltz", "fast", "hm", "").splitlines()[:2] == ["X:1", "K:none"]
