"""Files of weights -> a network, whoever made them.

Own checkpoints are safetensors files that describe themselves: the ``NetworkConfig`` is in the header. Two foreign
layouts are known: state dicts with the keys of the public PyTorch port (``mt3.pth``, MR-MT3; also inside a Lightning
checkpoint), and the arrays of the original T5X checkpoints, saved as ``.npz`` by their paths.
"""

from __future__ import annotations

import os
from pathlib import Path

import safetensors
import torch
from safetensors.torch import save_file

from abcscribe.errors import EngineError
from abcscribe.hearing.mt3.config import NetworkConfig
from abcscribe.hearing.mt3.network import Transcriber


def save(network: Transcriber, path: Path) -> None:
    """Write a network. The file appears only once it is complete."""
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    save_file(state, temporary, metadata={"config": network.config.to_json()})
    os.replace(temporary, path)


def load(path: Path) -> Transcriber:
    """Read a network. Raises EngineError."""
    with safetensors.safe_open(path, "pt") as file:
        about = file.metadata() or {}
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # not a dict
    if "config" not in about:
        raise EngineError(f"{path} does not say what network it holds.")
    network = Transcriber(NetworkConfig.from_json(about["config"]))
    network.load_state_dict(state)
    return network
