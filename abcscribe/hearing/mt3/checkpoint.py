"""Files of weights -> a network, whoever made them.

Own checkpoints are safetensors files that describe themselves: the ``NetworkConfig`` is in the header. Two foreign
layouts are known: state dicts with the keys of the public PyTorch port (``mt3.pth`` of 183,672,643 bytes, MR-MT3; also
inside a Lightning checkpoint), and the arrays of the original T5X checkpoints, saved as ``.npz`` by their paths.
"""

from __future__ import annotations

import pickle
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import safetensors
import torch
from safetensors.torch import save_file

from abcscribe.errors import EngineError
from abcscribe.files import replacing
from abcscribe.hearing.mt3.config import NetworkConfig
from abcscribe.hearing.mt3.network import Transcriber, t5x_frequencies
from abcscribe.hearing.mt3.vocabulary import SYSTEMS

State = dict[str, torch.Tensor]

HEAD_WIDTH = 64  # of all published networks; the shapes do not tell it
LIGHTNING_PREFIX = "model."  # MR-MT3's training stores the network under it
SHARED = re.compile(r"(encoder|decoder|segmem_encoder)\.embed_tokens\.weight")  # second names of other tensors


def save(network: Transcriber, path: Path) -> None:
    """Write a network. The file appears only once it is complete."""
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    with replacing(path) as unfinished:
        save_file(state, unfinished, metadata={"config": network.config.to_json()})


def load(path: Path) -> Transcriber:
    """Read a network in evaluation mode, from an own checkpoint or a foreign layout. Raises EngineError."""
    if not path.is_file():
        raise EngineError(f"There is no file {path} with the weights of an MT3 network.")
    config, state = READERS.get(path.suffix.lower(), _read_torch)(path)
    network = Transcriber(config)
    _check(path, state, network.state_dict())
    network.load_state_dict(state)
    return network.eval()


def _check(path: Path, given: State, wanted: State) -> None:
    """Refuse weights that do not fit, and name what does not."""
    wrong = sorted(
        name for name in given.keys() | wanted.keys()
        if name not in given or name not in wanted or given[name].shape != wanted[name].shape
    )  # fmt: skip
    if wrong:
        names = ", ".join(wrong[:3]) + (f" and {len(wrong) - 3} more" if len(wrong) > 3 else "")
        raise EngineError(
            f"{path} does not hold a network of the MT3 family: {names} missing, unknown or of other size."
        )


def _read_own(path: Path) -> tuple[NetworkConfig, State]:
    try:
        with safetensors.safe_open(path, "pt") as file:
            about = file.metadata() or {}
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # it is no dict
    except safetensors.SafetensorError as error:
        raise EngineError(f"{path} is no safetensors file: {error}.") from None
    if "config" in about:
        return NetworkConfig.from_json(about["config"]), state
    return _described(path, state)


def _read_torch(path: Path) -> tuple[NetworkConfig, State]:
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, zipfile.BadZipFile, KeyError):
        raise EngineError(f"{path} is no file of weights that torch can read safely.") from None
    state = found.get("state_dict", found) if isinstance(found, Mapping) else {}
    if not state or not all(isinstance(tensor, torch.Tensor) for tensor in state.values()):
        raise EngineError(f"{path} holds no state dict.")
    return _described(path, {name.removeprefix(LIGHTNING_PREFIX): tensor for name, tensor in state.items()})


def _described(path: Path, state: State) -> tuple[NetworkConfig, State]:
    """What network the tensors of the public layout are of, and those that are no second names."""
    try:
        words, width = state["decoder_embed_tokens.weight"].shape
        inner = state["encoder.block.0.layer.0.SelfAttention.q.weight"].shape[0]
        hidden = state["encoder.block.0.layer.1.DenseReluDense.wi_0.weight"].shape[0]
        mels = state["proj.weight"].shape[1]
    except (KeyError, ValueError, IndexError):
        raise EngineError(
            f"The layout of the weights in {path} is not known: it is not that of the MT3 family."
        ) from None
    by_width = {system.vocabulary.width: system for system in SYSTEMS.values() if not system.memory}
    if words not in by_width:
        raise EngineError(f"The network in {path} writes {words} tokens, which no system of the MT3 family does.")
    system = SYSTEMS["mr-mt3"] if "segmem_proj.weight" in state else by_width[words]
    config = NetworkConfig(
        system, width, max(1, inner // HEAD_WIDTH), min(HEAD_WIDTH, inner), hidden, _layers(state, "encoder"),
        _layers(state, "decoder"), _layers(state, "segmem_encoder") or 1, mels=mels,
    )  # fmt: skip
    return config, {name: tensor.float() for name, tensor in state.items() if not SHARED.fullmatch(name)}


def _layers(state: State, stack: str) -> int:
    return len({name.split(".")[2] for name in state if name.startswith(f"{stack}.block.")})


def _read_t5x(path: Path) -> tuple[NetworkConfig, State]:
    try:
        with np.load(path) as file:
            arrays = {name.removeprefix("target/"): file[name] for name in file.files}
    except (ValueError, OSError, zipfile.BadZipFile):
        raise EngineError(f"{path} is no .npz file of arrays.") from None
    state: State = {}
    for name, source in _t5x_names(arrays):
        if source not in arrays:
            raise EngineError(f"The layout of the arrays in {path} is not known: there is no {source}.")
        array = arrays[source]
        state[name] = torch.from_numpy(np.ascontiguousarray(array.T if source.endswith("kernel") else array)).float()
    width = state["proj.weight"].shape[0]
    for stack in ("encoder", "decoder"):
        state[f"{stack}.pos_emb.inv_freq"] = t5x_frequencies(width)
    return _described(path, state)


T5X_ATTENTION = {"q": "query", "k": "key", "v": "value", "o": "out"}
# Layers of a block: the public layout's name, T5X's names of the layer and of the norm before it.
T5X_LAYERS = {
    "encoder": (("SelfAttention", "attention", "pre_attention_layer_norm"), ("", "mlp", "pre_mlp_layer_norm")),
    "decoder": (
        ("SelfAttention", "self_attention", "pre_self_attention_layer_norm"),
        ("EncDecAttention", "encoder_decoder_attention", "pre_cross_attention_layer_norm"),
        ("", "mlp", "pre_mlp_layer_norm"),
    ),
}


def _t5x_names(arrays: Mapping[str, np.ndarray]) -> Iterator[tuple[str, str]]:
    """(name in the public layout, T5X's path) of every tensor."""
    yield "proj.weight", "encoder/continuous_inputs_projection/kernel"
    yield "decoder_embed_tokens.weight", "decoder/token_embedder/embedding"
    yield "lm_head.weight", "decoder/logits_dense/kernel"
    for stack, layers in T5X_LAYERS.items():
        yield f"{stack}.final_layer_norm.weight", f"{stack}/{stack}_norm/scale"
        blocks = {name.split("/")[1] for name in arrays if name.startswith(f"{stack}/layers_")}
        for block in range(len(blocks)):
            for index, (attention, layer, norm) in enumerate(layers):
                ours, theirs = f"{stack}.block.{block}.layer.{index}", f"{stack}/layers_{block}"
                yield f"{ours}.layer_norm.weight", f"{theirs}/{norm}/scale"
                inner = T5X_ATTENTION if attention else {name: name for name in ("wi_0", "wi_1", "wo")}
                for short, long in inner.items():
                    yield f"{ours}.{attention or 'DenseReluDense'}.{short}.weight", f"{theirs}/{layer}/{long}/kernel"


READERS: dict[str, Callable[[Path], tuple[NetworkConfig, State]]] = {".safetensors": _read_own, ".npz": _read_t5x}
