"""Checkpoints and data go to the Hub and come back, pinned, without pickles: against a folder with the Hub's layout."""

import ast
import hashlib
import json
import shutil
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import huggingface_hub
import numpy as np
import pytest
import torch
from huggingface_hub import constants
from huggingface_hub.utils import filter_repo_objects
from safetensors.torch import save_file

from abcscribe import hub
from abcscribe.errors import AbcscribeError, EngineError
from abcscribe.model.audio_tower import AudioTower
from abcscribe.model.config import AudioTowerConfig, LanguageModelConfig, NoteProjectorConfig
from abcscribe.model.score_language_model import ScoreLanguageModel, ScoreLanguageModelConfig
from abcscribe.model.tower_files import load_tower

TINY = AudioTowerConfig(channels=8, blocks=1, squeezed=2, width=16, layers=1, heads=2)


class LocalHub:
    """The Hub's side of an upload: commits are snapshots in a cache folder, where the client finds them offline."""

    def __init__(self, cache: Path) -> None:
        self.cache = cache

    def __call__(self, **about: object) -> "LocalHub":
        return self

    def create_repo(self, repo: str, *, repo_type: str, private: bool, exist_ok: bool) -> None:
        assert private
        assert exist_ok

    def upload_folder(
        self, *, folder_path: Path, repo_id: str, repo_type: str, allow_patterns: list[str]
    ) -> SimpleNamespace:
        names = [path.relative_to(folder_path).as_posix() for path in folder_path.rglob("*") if path.is_file()]
        kept = sorted(filter_repo_objects(names, allow_patterns=allow_patterns))
        content = b"".join(name.encode() + (folder_path / name).read_bytes() for name in kept)
        commit = hashlib.sha1(content).hexdigest()
        snapshot = self.cache / f"{repo_type}s--{repo_id.replace('/', '--')}" / "snapshots" / commit
        for name in kept:
            (snapshot / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(folder_path / name, snapshot / name)
        return SimpleNamespace(oid=commit)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The client's cache; the client is offline."""
    folder = tmp_path / "cache"
    folder.mkdir()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(folder))
    monkeypatch.setattr(huggingface_hub, "HfApi", LocalHub(folder))
    return folder


def tower_folder(folder: Path) -> AudioTower:
    folder.mkdir()
    tower = AudioTower(TINY).eval()
    save_file({name: t.contiguous() for name, t in tower.state_dict().items()}, folder / "tower.safetensors")
    (folder / "config.json").write_text(json.dumps(asdict(tower.config)))
    torch.save({"step": 1}, folder / "state.pt")
    return tower


def test_a_tower_comes_back_as_it_went_and_its_pickle_stays(tmp_path: Path, cache: Path) -> None:
    tower = tower_folder(tmp_path / "tower")
    name = hub.push_to_hub(tmp_path / "tower", "somebody/tower")
    assert hub.NAME.fullmatch(name)
    back = load_tower(name).state_dict()
    assert all(torch.equal(value, back[key]) for key, value in tower.state_dict().items())
    held = {path.name for path in hub.local(name).iterdir()}
    assert held == {"tower.safetensors", "config.json", "README.md"}
    assert "abcscribe fetch hf://somebody/tower@COMMIT" in (hub.local(name) / "README.md").read_text()


def test_a_language_model_comes_back_as_it_went(tmp_path: Path) -> None:
    config = ScoreLanguageModelConfig(NoteProjectorConfig(3, 64, 1, 1), LanguageModelConfig(50, 64, 1, 1))
    model = ScoreLanguageModel(config).eval()
    model.save_pretrained(tmp_path / "lm")
    name = hub.push_to_hub(tmp_path / "lm", "somebody/lm")
    back = ScoreLanguageModel.from_pretrained(name)
    assert back.config == config
    assert all(torch.equal(value, back.state_dict()[key]) for key, value in model.state_dict().items())


def test_a_data_set_comes_back_as_it_went(tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    np.savez(tmp_path / "clips" / "train-00000.npz", frames=np.arange(5, dtype=np.uint8))
    (tmp_path / "clips" / "manifest.json").write_text("{}")
    name = hub.push_to_hub(tmp_path / "clips", "datasets/somebody/clips")
    assert name.startswith("hf://datasets/somebody/clips@")
    assert list(np.load(hub.local(name) / "train-00000.npz")["frames"]) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("name", ["hf://a/b", "hf://a/b@main", "hf://a/b@0123abc", "hf://b@" + 40 * "0"])
def test_what_is_not_pinned_is_refused(name: str) -> None:
    with pytest.raises(EngineError, match="is not pinned"):
        hub.local(name)


def test_what_is_not_there_is_said() -> None:
    with pytest.raises(EngineError, match=r"hf://a/b@0{40} cannot be fetched: "):
        hub.local("hf://a/b@" + 40 * "0")


def test_a_folder_without_weights_is_not_sent(tmp_path: Path) -> None:
    torch.save({}, tmp_path / "state.pt")
    with pytest.raises(AbcscribeError, match="holds no"):
        hub.push_to_hub(tmp_path, "somebody/tower")
    with pytest.raises(AbcscribeError, match="is no repository"):
        hub.push_to_hub(tmp_path, "tower")


def test_a_folder_is_itself(tmp_path: Path) -> None:
    assert hub.local(str(tmp_path)) == tmp_path


def test_what_transformers_loads_is_a_folder_or_pinned(tmp_path: Path) -> None:
    commit = "a" * 40
    assert hub.pinned(tmp_path) == {"pretrained_model_name_or_path": str(tmp_path)}
    assert hub.pinned(f"some/model@{commit}") == {"pretrained_model_name_or_path": "some/model", "revision": commit}
    for name in ("some/model", "some/model@main", f"model@{commit}", str(tmp_path / "no"), f"some/model@{commit}0"):
        with pytest.raises(EngineError, match=r"neither a folder nor pinned: OWNER/NAME@COMMIT, with 40 digits\.$"):
            hub.pinned(name)


def test_every_download_names_a_revision() -> None:
    ours = {"ScoreLanguageModel", "AudioTextModel", "PeftModel"}  # from a folder, or by hub.local
    fetching = {"from_pretrained", "snapshot_download", "hf_hub_download", "load_dataset", "urlopen", "urlretrieve"}
    seen, loose = 0, []
    for path in Path(hub.__file__).parent.rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(call, ast.Call):
                continue
            name = ast.unparse(call.func)
            if name.rpartition(".")[2] in fetching and name.rpartition(".")[0] not in ours:
                seen += 1
                named = any(k.arg in (None, "revision") for k in call.keywords)  # None: **hub.pinned(name)
                loose += [] if named else [f"{path.name}: {name}"]
    assert seen > 8
    assert loose == []


def test_published_weights_are_pinned() -> None:
    from abcscribe.text_systems.processor_model import FAMILIES

    assert all("revision" in hub.pinned(family.hub) for family in FAMILIES.values())
