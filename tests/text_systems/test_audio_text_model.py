import json

import numpy as np
import pytest
import tiny_language_models as tiny
import torch

from abcscribe.errors import EngineError
from abcscribe.model.config import FrameProjectorConfig
from abcscribe.model.score_language_model import IGNORED, answer_loss
from abcscribe.model.tower_runtime import STEP
from abcscribe.spectrogram import HOP
from abcscribe.text_systems.audio_text_model import AUDIO, AudioTextModel, AudioTextModelConfig, chat_prompt
from abcscribe.text_systems.feature_towers import OwnTower, WhisperTower, load_feature_tower
from abcscribe.text_systems.frame_projector import FrameProjector

WIDTH = 6  # of a frame
PROJECTOR = FrameProjectorConfig(frame_width=WIDTH, width=32, frames=2)
PROMPT = f"Hear {AUDIO} and write: "


@pytest.fixture(scope="module")
def bases(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bases")
    return {kind: tiny.save_language_model(folder / kind, kind) for kind in ("qwen2", "llama")}


def compose(base: str, lora_rank: int = 0, **changes) -> AudioTextModel:
    torch.manual_seed(0)
    return AudioTextModel.compose(AudioTextModelConfig(base, PROJECTOR, PROMPT, lora_rank=lora_rank, **changes))


def frames(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, WIDTH)).astype(np.float32)


def test_stacked_frames_and_mean_frames():
    torch.manual_seed(0)
    x = torch.randn(5, WIDTH)
    stacked = FrameProjector(PROJECTOR)
    assert stacked(x).shape == (3, 32)
    mean = FrameProjector(FrameProjectorConfig(WIDTH, 32, 2, "mean", hidden=8))
    torch.testing.assert_close(mean(x)[2], mean(torch.stack([x[4], x[4]]))[0])  # padding does not count
    torch.testing.assert_close(mean(x[:2])[0], mean(x[[1, 0]])[0])
    with pytest.raises(ValueError, match="join"):
        FrameProjector(FrameProjectorConfig(WIDTH, 32, 2, "sum"))


def test_soft_tokens_are_as_loud_as_the_tokens_of_the_language_model(bases):
    model = compose(bases["qwen2"])
    words = model.language_model.get_input_embeddings().weight
    assert model.soft_tokens(1000 * frames(8)).detach().square().mean().sqrt() == pytest.approx(
        float(words.detach().square().mean().sqrt()), rel=0.01
    )


@pytest.mark.parametrize("kind", ["qwen2", "llama"])
def test_rows_of_different_lengths_do_not_disturb_each_other(bases, kind):
    model = compose(bases[kind])
    features = [frames(7), frames(3, 1)]
    answers = [model.answer_ids("C2"), model.answer_ids("GAB c|")]
    logits, targets = model(features, answers)
    assert targets.tolist() == [[IGNORED] * 4 + answers[0], answers[1]]
    for row in (0, 1):
        alone, own = model(features[row : row + 1], answers[row : row + 1])
        assert own.tolist() == [answers[row]]
        torch.testing.assert_close(logits[row, -len(answers[row]) :], alone[0], atol=1e-5, rtol=1e-4)


def test_the_answer_depends_on_what_is_heard_and_the_first_token_begins_the_text(bases):
    model = compose(bases["llama"])
    answer = [model.answer_ids("C")]
    one, _ = model([frames(4)], answer)
    other, _ = model([frames(4, 1)], answer)
    assert not torch.allclose(one, other)
    vectors, mask = model._rows([frames(4)], None, answer)
    assert mask.all()
    assert len(vectors[0]) == 1 + len(PROMPT) - len(AUDIO) + 2 + 2  # begin, prompt, soft tokens, answer with its end
    torch.testing.assert_close(
        vectors[0, 0], model.language_model.get_input_embeddings().weight[model.tokenizer.bos_token_id]
    )


def test_likeliest_answers_are_those_of_the_logits_also_in_a_batch(bases):
    model = compose(bases["qwen2"]).eval()
    features = [frames(7), frames(3, 1)]
    written = model.generate(features, max_tokens=5)
    assert written == [model.generate([f], max_tokens=5)[0] for f in features]
    with torch.no_grad():
        logits, _ = model(features[:1], written[:1])
    assert logits[0].argmax(-1).tolist() == written[0]
    sampled = model.generate(features, max_tokens=5, temperature=0.7, top_p=1.2, seed=3)
    assert sampled == model.generate(features, max_tokens=5, temperature=0.7, top_p=1.2, seed=3)
    assert sampled != written
    assert model.read(model.answer_ids("A2 B|")) == "A2 B|"


@pytest.mark.parametrize("lora_rank", [0, 2])
def test_only_the_projector_and_lora_learn_and_a_checkpoint_keeps_them(bases, tmp_path, lora_rank):
    model = compose(bases["qwen2"], lora_rank)
    learning = {name.split(".")[0] for name, p in model.named_parameters() if p.requires_grad}
    assert learning == {"projector", "language_model"} if lora_rank else {"projector"}
    assert all("lora" in name for name, p in model.language_model.named_parameters() if p.requires_grad)
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    rows = [frames(4)], [model.answer_ids("C")]
    answer_loss(*model(*rows)).backward()
    optimizer.step()
    model.save_pretrained(tmp_path / "model")
    again = AudioTextModel.from_pretrained(tmp_path / "model")
    assert again.config == model.config
    torch.testing.assert_close(again(*rows)[0], model.eval()(*rows)[0])


def test_a_checkpoint_is_laid_out_for_the_hub(bases, tmp_path):
    compose(bases["qwen2"], 2).save_pretrained(tmp_path)
    found = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    adapter = {"adapter/adapter_config.json", "adapter/adapter_model.safetensors"}
    assert {"README.md", "config.json", "model.safetensors"} | adapter <= found
    card = (tmp_path / "README.md").read_text()
    assert card.startswith("---\nlibrary_name: abcscribe\n")
    assert f"base_model: {bases['qwen2']}" in card
    assert "rank 2" in card
    assert json.loads((tmp_path / "config.json").read_text())["projector"]["frames"] == 2


def test_prompts_take_the_chat_form_of_a_tokenizer_that_has_one():
    assert chat_prompt(tiny.tokenizer(chat=True), "What?") == f"<|user|>{AUDIO}\nWhat?<|answer|>"
    assert chat_prompt(tiny.tokenizer(), "What?") == f"{AUDIO}\nWhat?\n"


def test_the_whisper_tower_hears_all_and_no_padding(tmp_path):
    tower = load_feature_tower(f"whisper:{tiny.save_whisper(tmp_path)}")
    assert isinstance(tower, WhisperTower)
    assert (tower.width, tower.frame_rate) == (16, 50)
    waveform = np.random.default_rng(0).normal(size=40_001).astype(np.float32)  # 2.5 s, and windows of one
    heard = tower(waveform)
    assert heard.shape == (126, 16)
    torch.testing.assert_close(heard[:50], tower(waveform[:16_000]))
    assert not heard.requires_grad
    assert not tower.train().training


def test_the_own_tower_gives_embeddings_at_its_rate_whatever_the_length():
    tower = load_feature_tower("abcscribe")
    assert isinstance(tower, OwnTower)
    assert tower.frame_rate == 15.625
    period = STEP * HOP  # samples from window to window: a sound that repeats with them is heard alike in each
    waveform = np.tile(np.random.default_rng(0).normal(0, 0.1, period).astype(np.float32), 4)[:-500]
    heard = tower(waveform)
    assert heard.shape == (4 * STEP // 4, tower.width)
    np.testing.assert_allclose(heard[STEP // 4 : STEP // 2], heard[STEP // 2 : 3 * STEP // 4], atol=1e-4)
    assert tower(waveform[:1025]).shape == (2, tower.width)


def test_a_model_hears_with_the_tower_it_names_or_is_given(bases):
    assert compose(bases["qwen2"], audio_tower="abcscribe").hear(np.zeros(2048, np.float32)).shape == (2, 256)
    config = AudioTextModelConfig(bases["qwen2"], PROJECTOR, PROMPT)
    model = AudioTextModel.compose(config, lambda waveform: waveform.reshape(-1, WIDTH))
    assert model.hear(np.zeros(12, np.float32)).shape == (2, WIDTH)
    with pytest.raises(ValueError, match="no audio tower"):
        compose(bases["qwen2"]).hear(np.zeros(12, np.float32))
    with pytest.raises(EngineError, match="no audio tower 'ear'"):
        load_feature_tower("ear")
