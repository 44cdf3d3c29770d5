"""Own files, and the layouts of others: made at random with their names and shapes."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mt3_examples import noise_frames, tiny_network
from safetensors.torch import save_file

from abcscribe.errors import EngineError
from abcscribe.hearing.mt3 import checkpoint
from abcscribe.hearing.mt3.config import NetworkConfig
from abcscribe.hearing.mt3.network import Transcriber, t5x_frequencies
from abcscribe.hearing.mt3.vocabulary import SYSTEMS


def wide_network(name: str) -> Transcriber:
    """Small, but with heads of 64 and all published settings that a foreign file cannot say."""
    torch.manual_seed(2)
    return Transcriber(NetworkConfig(SYSTEMS[name], 64, 2, 64, 96, 2, 3)).eval()


def public_layout(network: Transcriber) -> dict[str, torch.Tensor]:
    """As the port stores it: some tensors under two names."""
    state = dict(network.state_dict())
    state["encoder.embed_tokens.weight"] = state["proj.weight"]
    state["decoder.embed_tokens.weight"] = state["decoder_embed_tokens.weight"]
    if "segmem_proj.weight" in state:
        state["segmem_encoder.embed_tokens.weight"] = state["segmem_proj.weight"]
    return state


def assert_same(found: Transcriber, expected: Transcriber) -> None:
    assert found.config == expected.config
    for name, tensor in expected.state_dict().items():
        torch.testing.assert_close(found.state_dict()[name], tensor, msg=name)


def test_the_public_layout_has_these_names() -> None:
    """Those of ``mt3.pth`` as it was published, for a network of one layer each."""
    names = {
        "proj.weight", "decoder_embed_tokens.weight", "lm_head.weight", "encoder.pos_emb.inv_freq",
        "decoder.pos_emb.inv_freq", "encoder.final_layer_norm.weight", "decoder.final_layer_norm.weight",
    }  # fmt: skip
    attention, mlp = [f"{x}.weight" for x in "qkvo"], ["wi_0.weight", "wi_1.weight", "wo.weight"]
    for stack, layers in (("encoder", ("SelfAttention",)), ("decoder", ("SelfAttention", "EncDecAttention"))):
        for index, layer in enumerate((*layers, "DenseReluDense")):
            head = f"{stack}.block.0.layer.{index}"
            names |= {f"{head}.{layer}.{x}" for x in (mlp if layer == "DenseReluDense" else attention)}
            names.add(f"{head}.layer_norm.weight")
    network = Transcriber(NetworkConfig(SYSTEMS["mt3"], 64, 2, 64, 96, 1, 1))
    assert set(network.state_dict()) == names


@pytest.mark.parametrize("system", list(SYSTEMS))
def test_own_files_come_back(tmp_path: Path, system: str) -> None:
    network = tiny_network(system)
    checkpoint.save(network, tmp_path / "model.safetensors")
    assert_same(checkpoint.load(tmp_path / "model.safetensors"), network)
    assert [path.name for path in tmp_path.iterdir()] == ["model.safetensors"]


@pytest.mark.parametrize("system", list(SYSTEMS))
def test_the_public_pytorch_layout_is_read(tmp_path: Path, system: str) -> None:
    network = wide_network(system)
    torch.save(public_layout(network), tmp_path / "mt3.pth")
    assert_same(checkpoint.load(tmp_path / "mt3.pth"), network)


def test_positions_are_those_of_the_file(tmp_path: Path) -> None:
    network = wide_network("mt3")
    network.encoder.pos_emb.inv_freq.mul_(1.01)
    torch.save(public_layout(network), tmp_path / "mt3.pth")
    assert_same(checkpoint.load(tmp_path / "mt3.pth"), network)


def test_a_lightning_checkpoint_and_a_safetensors_file_of_that_layout_are_read(tmp_path: Path) -> None:
    network = wide_network("mr-mt3")
    state = public_layout(network)
    torch.save({"state_dict": {f"model.{n}": t for n, t in state.items()}, "epoch": 3}, tmp_path / "last.ckpt")
    save_file({name: tensor.clone() for name, tensor in state.items()}, tmp_path / "mr.safetensors")
    for name in ("last.ckpt", "mr.safetensors"):
        assert_same(checkpoint.load(tmp_path / name), network)


def t5x_layout(network: Transcriber) -> dict[str, np.ndarray]:
    """Written from the names in the original's modules: kernels are (inputs, outputs)."""
    state = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    arrays = {
        "target/encoder/continuous_inputs_projection/kernel": state["proj.weight"].T,
        "target/encoder/encoder_norm/scale": state["encoder.final_layer_norm.weight"],
        "target/decoder/token_embedder/embedding": state["decoder_embed_tokens.weight"],
        "target/decoder/decoder_norm/scale": state["decoder.final_layer_norm.weight"],
        "target/decoder/logits_dense/kernel": state["lm_head.weight"].T,
    }
    modules = {
        ("encoder", "SelfAttention"): ("attention", "pre_attention_layer_norm"),
        ("encoder", "DenseReluDense"): ("mlp", "pre_mlp_layer_norm"),
        ("decoder", "SelfAttention"): ("self_attention", "pre_self_attention_layer_norm"),
        ("decoder", "EncDecAttention"): ("encoder_decoder_attention", "pre_cross_attention_layer_norm"),
        ("decoder", "DenseReluDense"): ("mlp", "pre_mlp_layer_norm"),
    }
    long = {"q": "query", "k": "key", "v": "value", "o": "out"}
    for name, value in state.items():
        if ".layer." not in name or name.endswith("layer_norm.weight"):
            continue
        stack, _, block, _, layer, module, matrix, _ = name.split(".")
        theirs, norm = modules[stack, module]
        arrays[f"target/{stack}/layers_{block}/{theirs}/{long.get(matrix, matrix)}/kernel"] = value.T
        scale = state[f"{stack}.block.{block}.layer.{layer}.layer_norm.weight"]
        arrays[f"target/{stack}/layers_{block}/{norm}/scale"] = scale
    return arrays


@pytest.mark.parametrize("system", ["seq2seq-piano", "mt3"])
def test_t5x_arrays_are_read(tmp_path: Path, system: str) -> None:
    network = wide_network(system)
    np.savez(tmp_path / "mt3.npz", **t5x_layout(network))  # type: ignore[arg-type]
    for stack in (network.encoder, network.decoder):
        stack.pos_emb.inv_freq.copy_(t5x_frequencies(64))
    assert_same(checkpoint.load(tmp_path / "mt3.npz"), network)


def test_weights_in_half_precision_are_run_in_single(tmp_path: Path) -> None:
    network = wide_network("mt3")
    torch.save({name: tensor.half() for name, tensor in public_layout(network).items()}, tmp_path / "half.pth")
    found = checkpoint.load(tmp_path / "half.pth")
    assert found(torch.from_numpy(noise_frames(1)), torch.zeros(1, 3, dtype=torch.long)).dtype == torch.float32


def unknown_files(folder: Path) -> dict[str, Path]:
    network = wide_network("mt3")
    state = public_layout(network)
    made = {
        "missing": folder / "nothing.pth", "text": folder / "text.pth", "empty.npz": folder / "empty.npz",
        "broken": folder / "broken.safetensors", "bert": folder / "bert.pth", "list": folder / "list.pth",
        "words": folder / "words.pth", "one lost": folder / "lost.pth", "reshaped": folder / "reshaped.pth",
        "arrays": folder / "arrays.npz", "code": folder / "code.pth",
    }  # fmt: skip
    for name in ("text", "empty.npz", "broken"):
        made[name].write_text("no weights")
    torch.save({"bert.embeddings.weight": torch.zeros(3, 3)}, made["bert"])
    torch.save([1, 2], made["list"])
    torch.save(state | {"decoder_embed_tokens.weight": torch.zeros(99, 64)}, made["words"])
    torch.save(
        {n: t for n, t in state.items() if n != "encoder.block.1.layer.0.SelfAttention.k.weight"}, made["one lost"]
    )
    torch.save(state | {"lm_head.weight": torch.zeros(5, 64)}, made["reshaped"])
    torch.save({"state_dict": Path("x")}, made["code"])
    np.savez(made["arrays"], **{"target/encoder/encoder_norm/scale": np.zeros(3)})
    return made


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("missing", "There is no file"), ("text", "no file of weights"), ("empty.npz", "is no .npz file"),
        ("broken", "no safetensors file"), ("bert", "layout .* is not known"), ("list", "no state dict"),
        ("words", "writes 99 tokens"), ("one lost", r"SelfAttention\.k\.weight missing"),
        ("reshaped", r"lm_head\.weight"), ("arrays", "there is no encoder/continuous_inputs_projection/kernel"),
        ("code", "no file of weights"),
    ],
)  # fmt: skip
def test_files_that_are_something_else_get_one_sentence(tmp_path: Path, kind: str, sentence: str) -> None:
    with pytest.raises(EngineError, match=sentence) as raised:
        checkpoint.load(unknown_files(tmp_path)[kind])
    assert "\n" not in str(raised.value)
