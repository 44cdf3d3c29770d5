"""Jukebox as a tower: tiny random networks of the real classes of jukebox_infer."""

import sys
from types import ModuleType

import numpy as np
import pytest
import torch

from abcscribe.errors import EngineError
from abcscribe.text_systems import jukebox
from abcscribe.text_systems.feature_towers import load_feature_tower
from abcscribe.text_systems.jukebox import RATE, SONG_SECONDS, JukeboxTower

CODES = 64


CODER = {"width": 8, "depth": 1, "emb_width": 8, "l_bins": 32, "restore_vqvae": "", "sample_length": CODES * 128}
READER = {
    "n_ctx": CODES, "prior_width": 16, "prior_depth": 3, "heads": 2, "blocks": 8, "t_bins": 16, "init_scale": 2.0,
    "restore_prior": "", "fp16_params": False,
}  # fmt: skip


@pytest.fixture(scope="module")
def parts():
    sys.modules.setdefault("librosa", ModuleType("librosa"))  # it is imported there for losses that are not asked for
    pytest.importorskip("jukebox_infer")
    from jukebox_infer import hparams
    from jukebox_infer.make_models import make_prior, make_vqvae

    torch.manual_seed(0)
    vqvae = make_vqvae(hparams.setup_hparams("vqvae", CODER), "cpu")
    vqvae.bottleneck.level_blocks[2].k.normal_(std=0.1)  # a new one's words are all the same
    return vqvae, make_prior(hparams.setup_hparams("prior_5b", READER), vqvae, "cpu")


def sound(seconds: float, rate: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=int(seconds * rate)).astype(np.float32)


@pytest.mark.parametrize("recipe", ["llark", "jukemirlib"])
def test_its_last_layer_is_the_prior_that_only_encodes(parts, monkeypatch, recipe):
    """The published forward pass, which insists on tensors of a GPU, with LLark's addition behind it or without."""
    vqvae, prior = parts
    monkeypatch.setattr(torch.cuda, "LongTensor", torch.LongTensor)
    heard = sound(CODES * 128 / RATE, RATE)[: CODES * 128]
    wave = torch.from_numpy(heard / np.abs(heard).max())[None, :, None]
    asked = {"artist": "unknown", "genre": "unknown", "lyrics": "", "offset": 0}
    labels = prior.labeller.get_batch_labels([{**asked, "total_length": SONG_SECONDS * RATE // 128 * 128}], "cpu")
    place, start, _ = prior.get_cond(None, prior.get_y(labels, 0))
    (codes,) = vqvae.encode(wave, start_level=2, end_level=3)
    prior.prior.only_encode, prior.prior.add_cond_after_transformer = True, recipe == "llark"
    with torch.no_grad():
        expected = prior.prior(codes, place, start)[0]
        layers = JukeboxTower(vqvae, prior, recipe).hidden(heard)
    assert len(layers) == 4
    assert len(set(codes[0].tolist())) > 1  # the sound is heard
    torch.testing.assert_close(layers[-1], expected)
    assert not torch.allclose(layers[-1], layers[-2])


def test_it_hears_recordings_of_any_length_and_level(parts):
    tower = JukeboxTower(*parts, "jukemirlib")
    assert tower.frame_rate == RATE / 128
    heard = sound(0.3, 16_000)
    frames = tower(heard)
    assert frames.shape == (104, 16)  # 13,230 samples at 44.1 kHz: a whole piece, and a part of another
    torch.testing.assert_close(tower(0.25 * heard), frames)


def test_published_files_are_read_without_the_blocks_that_are_not_run(parts, tmp_path, monkeypatch, capsys):
    from jukebox_infer import hparams

    folder = tmp_path / ".cache" / "jukebox" / "models" / "5b"
    folder.mkdir(parents=True)
    for module, name in zip(parts, ("vqvae", "prior_level_2"), strict=True):
        weights = {f"module.{key}": value for key, value in module.state_dict().items()}
        torch.save({"model": weights, "step": 1}, folder / f"{name}.pth.tar")
    for name, sizes in (("vqvae", CODER), ("prior_5b", READER)):
        kept = {key: value for key, value in sizes.items() if not key.startswith("restore")}
        monkeypatch.setitem(hparams.HPARAMS_REGISTRY, name, {**hparams.HPARAMS_REGISTRY[name], **kept})
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(jukebox, "CONTEXT", CODES)
    monkeypatch.setattr(jukebox, "DEPTH", 2)
    frames = load_feature_tower("jukebox:jukemirlib")(sound(0.1, 16_000))
    np.testing.assert_allclose(frames, JukeboxTower(*parts, "jukemirlib").layers(sound(0.1, 16_000))[2])
    assert capsys.readouterr().out == ""


def test_what_is_missing_is_said(monkeypatch):
    with pytest.raises(EngineError, match="no recipe 'mine'"):
        load_feature_tower("jukebox:mine")
    monkeypatch.setattr(jukebox, "find_spec", lambda name: None)
    with pytest.raises(EngineError, match="pip install jukebox-infer"):
        load_feature_tower("jukebox:llark")
