"""The network against T5 of the transformers library, which was written by others; caches against none."""

import dataclasses

import numpy as np
import pytest
import torch
from mt3_examples import noise_frames, tiny_config, tiny_network

from abcscribe.hearing.mt3.config import preset
from abcscribe.hearing.mt3.decoding import first_memory, greedy, memory_of
from abcscribe.hearing.mt3.network import Transcriber, port_frequencies, positions, t5x_frequencies
from abcscribe.hearing.mt3.torch_runtime import TorchRuntime
from abcscribe.hearing.mt3.vocabulary import EOS, PAD


@pytest.mark.parametrize(
    ("system", "parameters"), [("seq2seq-piano", 46_027_776), ("mt3", 45_896_704), ("mr-mt3", 48_519_680)]
)
def test_the_published_networks_have_their_size(system: str, parameters: int) -> None:
    """``mt3.pth`` has 183,672,643 bytes: four for each parameter and 86 kB of names and positions."""
    with torch.device("meta"):
        network = Transcriber(preset(system))
    assert sum(p.numel() for p in network.parameters()) == parameters


def test_the_network_is_t5_with_other_positions() -> None:
    """The library's T5 v1.1 with the same weights, its relative bias at zero and positions added to what enters."""
    transformers = pytest.importorskip("transformers")
    network, config = tiny_network(), tiny_config()
    t5 = transformers.T5ForConditionalGeneration(
        transformers.T5Config(
            vocab_size=1536, d_model=config.width, d_kv=config.head_width, d_ff=config.hidden, num_heads=config.heads,
            num_layers=config.encoder_layers, num_decoder_layers=config.decoder_layers, feed_forward_proj="gated-gelu",
            tie_word_embeddings=False, dropout_rate=0.0,
        )
    ).eval()  # fmt: skip
    left = t5.load_state_dict(network.state_dict(), strict=False)
    assert all("relative_attention_bias" in name or name in ("shared.weight",) or "embed_tokens" in name
               for name in left.missing_keys)  # fmt: skip
    for name, parameter in t5.named_parameters():
        if "relative_attention_bias" in name:
            torch.nn.init.zeros_(parameter)
    frames = torch.from_numpy(noise_frames(2))
    tokens = torch.randint(3, 1300, (2, 9), generator=torch.Generator().manual_seed(1))
    frequencies = port_frequencies(config.width)
    with torch.inference_mode():
        expected = t5(
            inputs_embeds=network.proj(frames) + positions(frequencies, 0, 25),
            decoder_inputs_embeds=network.decoder_embed_tokens(tokens) + positions(frequencies, 0, 9),
        ).logits
        torch.testing.assert_close(network(frames, tokens), expected, atol=1e-4, rtol=1e-4)


def test_positions_are_sines_then_cosines() -> None:
    found = positions(port_frequencies(8), 3, 2)
    angles = np.array([[p / 10_000 ** (2 * i / 8) for i in range(4)] for p in (3, 4)])
    np.testing.assert_allclose(found, np.concatenate([np.sin(angles), np.cos(angles)], axis=1), atol=1e-6)


def test_frequencies_of_the_original_end_at_one_ten_thousandth() -> None:
    assert t5x_frequencies(512)[[0, -1]].tolist() == pytest.approx([1, 1e-4])
    assert port_frequencies(512)[-1] == pytest.approx(10_000 ** (-510 / 512))


@pytest.mark.parametrize("system", ["seq2seq-piano", "mt3", "mr-mt3"])
def test_cached_steps_give_what_all_at_once_gives(system: str) -> None:
    network = tiny_network(system)
    runtime, frames = TorchRuntime(network), noise_frames(3)
    previous = np.repeat(first_memory(network.config.system), 3, axis=0) if network.config.system.memory else None
    written = greedy(runtime, frames, previous)
    for row, segment in enumerate(written):
        given = torch.tensor([[PAD, *segment.tokens[:-1]]])
        memory = torch.from_numpy(previous[:1]) if previous is not None else None
        with torch.inference_mode():
            probabilities = network(torch.from_numpy(frames[row : row + 1]), given, memory).softmax(-1)[0]
        assert probabilities.argmax(-1).tolist() == segment.tokens
        assert probabilities.amax(-1).tolist() == pytest.approx(segment.probabilities, abs=1e-5)


class Spelling:
    """A runtime that writes what it is told, a row each; its caches only say which rows are left."""

    def __init__(self, *rows: list[int]) -> None:
        self.config, self.rows = tiny_config(target_length=6), rows

    def begin(self, frames: np.ndarray, previous: np.ndarray | None) -> tuple:
        rows = np.arange(len(frames))[None]
        return (rows, rows), (rows, rows)

    def step(self, tokens: np.ndarray, position: int, past: tuple, cross: tuple) -> tuple:
        assert past[0].tolist() == cross[0].tolist()
        assert len(tokens) == past[0].size
        logits = np.full((len(tokens), 10), -50.0)
        for i, row in enumerate(past[0][0]):
            assert tokens[i] == ([PAD, *self.rows[row]])[position]
            logits[i, self.rows[row][position]] = 0.0
        return logits, past


def test_segments_that_are_done_drop_out_and_the_endless_one_is_cut() -> None:
    rows = [5, EOS], [4, 6, 7, EOS], [EOS], [8] * 9
    written = greedy(Spelling(*rows), np.zeros((4, 1, 1), np.float32))
    assert [segment.tokens for segment in written] == [rows[0], rows[1], rows[2], [8] * 6]
    assert written[0].probabilities == pytest.approx([1, 1])


def test_the_decoder_attends_to_the_frames_and_to_the_first_vectors_of_the_memory() -> None:
    network = tiny_network("mr-mt3")
    frames, system = torch.from_numpy(noise_frames(1)), network.config.system
    with torch.inference_mode():
        first, other = (
            network.encode(frames, torch.from_numpy(ids)) for ids in (first_memory(system), memory_of([9, 1], system))
        )
    assert first.shape == (1, 25 + 6, 32)
    torch.testing.assert_close(first[:, :25], other[:, :25])
    assert (first[:, 25:] - other[:, 25:]).abs().max() > 1e-3


def test_the_memory_is_what_the_published_inference_remembers() -> None:
    """At first a segment with nothing in it; later the decoder's own sequence, PAD first; PADs up to the longest."""
    system = dataclasses.replace(tiny_config("mr-mt3").system, target_length=5)
    assert first_memory(system).tolist() == [[1134, 1, 0, 0, 0]]
    assert memory_of([7, 8, 1], system).tolist() == [[0, 7, 8, 1, 0]]
    assert memory_of([7] * 9, system).tolist() == [[0, 7, 7, 7, 7]]
