"""Checkpoints and data sets on the Hugging Face Hub: what is loaded is a pinned commit, and nothing that can run.

Names are ``hf://OWNER/NAME@COMMIT`` and ``hf://datasets/OWNER/NAME@COMMIT``, with all 40 digits of the commit: a branch
could be another thing tomorrow. Weights are safetensors and ONNX, arrays npz without objects; pickles (``state.pt``)
are neither sent nor fetched. Token and cache are those of huggingface_hub (HF_TOKEN, HF_HUB_CACHE, HF_HUB_OFFLINE).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from abcscribe import extras
from abcscribe.errors import AbcscribeError, EngineError
from abcscribe.files import write_text

SCHEME = "hf://"
NAME = re.compile(r"hf://(?P<data>datasets/)?(?P<repo>[\w.-]+/[\w.-]+)@(?P<commit>[0-9a-f]{40})")
OTHERS = re.compile(r"(?P<repo>[\w.-]+/[\w.-]+)@(?P<commit>[0-9a-f]{40})")  # other people's models, for transformers
REPOSITORY = re.compile(r"(?P<data>datasets/)?(?P<repo>[\w.-]+/[\w.-]+)")
WEIGHTS = ("*.safetensors", "*.onnx", "SHA256SUMS")
TABLES = ("*.json", "*.csv", "*.md")
DATA = ("*.npz", "*.flac", "*.wav")
CARD = """---
library_name: abcscribe
license: {licence}
tags: [automatic-music-transcription, music]
---

# {title}

{what} for [abcscribe](https://pypi.org/project/abcscribe/): a recording goes in, a readable score comes out.
Put where it comes from, who made it and under which licence here.

```sh
abcscribe fetch hf://{repo}@COMMIT
```
"""


def local(name: Path | str) -> Path:
    """The folder of a name: fetched if it is one of the Hub (see the module), itself otherwise.

    Raises:
        EngineError: the name has no commit, or cannot be had.
    """
    if not str(name).startswith(SCHEME):
        return Path(name)
    found = NAME.fullmatch(str(name))
    if found is None:
        raise EngineError(f"{name!r} is not pinned: it should be like hf://OWNER/NAME@COMMIT, with 40 digits.")
    extras.require(str(name), "hf", "huggingface_hub")
    from huggingface_hub import snapshot_download

    try:
        folder = snapshot_download(
            found["repo"],
            repo_type="dataset" if found["data"] else "model",
            revision=found["commit"],
            allow_patterns=[*WEIGHTS, *TABLES, *DATA],
        )
    except Exception as error:  # of the Hub, the network or the disk, each with classes of its own
        raise EngineError(f"{name} cannot be fetched: {' '.join(str(error).split())[:300]}") from error
    return Path(folder)


def pinned(name: Path | str) -> dict[str, Any]:
    """What transformers' ``from_pretrained`` takes for a folder or for ``OWNER/NAME@COMMIT``.

    Raises:
        EngineError: the name is neither, so that it could be another thing tomorrow.
    """
    if Path(name).is_dir():
        return {"pretrained_model_name_or_path": str(name)}
    found = OTHERS.fullmatch(str(name))
    if found is None:
        raise EngineError(f"{str(name)!r} is neither a folder nor pinned: OWNER/NAME@COMMIT, with 40 digits.")
    return {"pretrained_model_name_or_path": found["repo"], "revision": found["commit"]}


def push_to_hub(folder: Path, repository: str, *, private: bool = True) -> str:
    """Send a checkpoint or a data set.

    Args:
        folder: what a training or ``abcscribe data`` left; it gets a card, ``README.md``, if it has none.
        repository: ``OWNER/NAME`` of a model, ``datasets/OWNER/NAME`` of a data set; made if it is not there.
        private: whether only its owner sees a repository that is made.

    Returns:
        The pinned name, for `local`.

    Raises:
        AbcscribeError: the folder holds nothing of the kind, or the Hub refuses.
    """
    place = REPOSITORY.fullmatch(repository)
    if place is None:
        raise AbcscribeError(f"{repository!r} is no repository: it should be like OWNER/NAME or datasets/OWNER/NAME.")
    wanted = DATA if place["data"] else ("*.safetensors",)
    if not any(path for pattern in wanted for path in folder.rglob(pattern)):
        raise AbcscribeError(f"{folder} holds no {' or '.join(wanted)}: nothing that could be sent.")
    extras.require("Sending to the Hub", "hf", "huggingface_hub")
    from huggingface_hub import HfApi

    if not (folder / "README.md").exists():
        what = "A data set" if place["data"] else "A checkpoint"
        licence = "other" if place["data"] else "apache-2.0"
        write_text(folder / "README.md", CARD.format(title=place["repo"], what=what, licence=licence, repo=repository))
    kind = "dataset" if place["data"] else "model"
    try:
        api = HfApi(library_name="abcscribe")
        api.create_repo(place["repo"], repo_type=kind, private=private, exist_ok=True)
        commit = api.upload_folder(
            folder_path=folder,
            repo_id=place["repo"],
            repo_type=kind,
            allow_patterns=[*(DATA if place["data"] else WEIGHTS), *TABLES],
        ).oid
    except Exception as error:
        raise AbcscribeError(f"{repository} cannot be written: {' '.join(str(error).split())[:300]}") from error
    return f"{SCHEME}{repository}@{commit}"
