"""The encoder-decoder of the MT3 family: T5 v1.1 with log-mel frames in and event tokens out.

What differs from T5: sinusoidal positions are added to both sides' inputs and there is no relative bias; frames enter
through a linear map; the output matrix is not shared. As in T5: no biases, RMS norms before each layer, attention
logits that are not scaled, a feed-forward layer gated by GELU (tanh). MR-MT3 adds a small encoder of the previous
segment's tokens, whose first vectors the decoder attends to after the frames.

Modules are named so that the keys of a state dict are those of the public PyTorch checkpoint.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from abcscribe.hearing.mt3.config import NetworkConfig

EPSILON = 1e-6
LONGEST_PERIOD = 10_000.0  # of the sinusoidal positions, in units of 2 pi

Cache = tuple[torch.Tensor, torch.Tensor]  # keys, values: (layers, batch, heads, length, head width)


def positions(inv_freq: torch.Tensor, first: torch.Tensor | int, length: int) -> torch.Tensor:
    """(length, width): the sines of all frequencies, then the cosines, from position ``first`` on."""
    steps = torch.arange(length, device=inv_freq.device, dtype=inv_freq.dtype) + first
    angles = steps[:, None] * inv_freq
    return torch.cat([angles.sin(), angles.cos()], dim=-1)


def port_frequencies(width: int) -> torch.Tensor:
    """Of the public PyTorch checkpoints: 10,000 to the power of -2i / width."""
    return LONGEST_PERIOD ** -(torch.arange(0, width, 2) / width)


def t5x_frequencies(width: int) -> torch.Tensor:
    """Of the original: the last one is exactly 1 / 10,000. The port differs by up to 4 % of a frequency."""
    return LONGEST_PERIOD ** -(torch.arange(width // 2) / (width // 2 - 1))


class _Positions(nn.Module):
    inv_freq: torch.Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("inv_freq", port_frequencies(width))


class Norm(nn.Module):
    """Division by the root mean square. (The ONNX exporter does not know torch's own.)"""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        precise = x.float()
        scale = torch.rsqrt(precise.square().mean(-1, keepdim=True) + EPSILON)
        return (precise * scale).to(x.dtype) * self.weight


class Attention(nn.Module):
    """Multi-head attention, logits not scaled."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        inner = config.heads * config.head_width
        self.heads, self.dropout = config.heads, config.dropout
        self.q, self.k, self.v = (nn.Linear(config.width, inner, bias=False) for _ in range(3))
        self.o = nn.Linear(inner, config.width, bias=False)

    def split(self, x: torch.Tensor) -> torch.Tensor:
        """(batch, length, inner) -> (batch, heads, length, head width)."""
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def keys_values(self, x: torch.Tensor) -> Cache:
        """Of what is attended to: two of (batch, heads, length, head width)."""
        return self.split(self.k(x)), self.split(self.v(x))

    def forward(self, x: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, causal: bool = False) -> torch.Tensor:
        """x: (batch, length, width) asks keys and values."""
        dropout = self.dropout if self.training else 0.0
        mixed = F.scaled_dot_product_attention(
            self.split(self.q(x)), keys, values, dropout_p=dropout, is_causal=causal, scale=1.0
        )
        return self.o(mixed.transpose(1, 2).flatten(2))


class GatedFeedForward(nn.Module):
    """GELU(a x) * (b x), mapped back."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.wi_0, self.wi_1 = (nn.Linear(config.width, config.hidden, bias=False) for _ in range(2))
        self.wo = nn.Linear(config.hidden, config.width, bias=False)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.wo(self.dropout(F.gelu(self.wi_0(x), approximate="tanh") * self.wi_1(x)))


class _Layer(nn.Module):
    """A norm and what follows it, under the name that the public checkpoint gives it."""

    def __init__(self, config: NetworkConfig, name: str, inner: nn.Module) -> None:
        super().__init__()
        self.layer_norm = Norm(config.width)
        self.add_module(name, inner)
        self.name = name

    @property
    def inner(self) -> nn.Module:
        return self.get_submodule(self.name)


class Block(nn.Module):
    """Self-attention, in decoders cross-attention, feed-forward; each added to its input."""

    def __init__(self, config: NetworkConfig, decoder: bool) -> None:
        super().__init__()
        layers = [_Layer(config, "SelfAttention", Attention(config))]
        if decoder:
            layers.append(_Layer(config, "EncDecAttention", Attention(config)))
        layers.append(_Layer(config, "DenseReluDense", GatedFeedForward(config)))
        self.layer = nn.ModuleList(layers)
        self.dropout = nn.Dropout(config.dropout)

    @property
    def layers(self) -> list[_Layer]:
        """The layers, typed."""
        return [layer for layer in self.layer if isinstance(layer, _Layer)]

    def attention(self, index: int) -> Attention:
        """The self-attention (0) or cross-attention (1)."""
        found = self.layers[index].inner
        assert isinstance(found, Attention)
        return found

    def forward(
        self, x: torch.Tensor, past: Cache | None = None, cross: Cache | None = None, causal: bool = False
    ) -> tuple[torch.Tensor, Cache]:
        """x: (batch, length, width); also gives the self-attention's keys and values, ``past`` included."""
        own, *others = self.layers
        normed = own.layer_norm(x)
        keys, values = self.attention(0).keys_values(normed)
        if past is not None:
            keys, values = torch.cat([past[0], keys], dim=2), torch.cat([past[1], values], dim=2)
        x = x + self.dropout(self.attention(0)(normed, keys, values, causal))
        if cross is not None:
            x = x + self.dropout(self.attention(1)(others[0].layer_norm(x), *cross))
        return x + self.dropout(others[-1].inner(others[-1].layer_norm(x))), (keys, values)


class Stack(nn.Module):
    """Positions, blocks, a last norm."""

    def __init__(self, config: NetworkConfig, layers: int, decoder: bool = False) -> None:
        super().__init__()
        self.pos_emb = _Positions(config.width)
        self.block = nn.ModuleList(Block(config, decoder) for _ in range(layers))
        self.final_layer_norm = Norm(config.width)
        self.dropout = nn.Dropout(config.dropout)

    @property
    def blocks(self) -> list[Block]:
        """The blocks, typed."""
        return [block for block in self.block if isinstance(block, Block)]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """An encoder: (batch, length, width) -> the same shape."""
        x = self.dropout(x + positions(self.pos_emb.inv_freq, 0, x.shape[1]))
        for block in self.blocks:
            x, _ = block(x)
        return self.dropout(self.final_layer_norm(x))

    def cross_cache(self, states: torch.Tensor) -> Cache:
        """Keys and values of the encoder's output (batch, length, width), for every layer."""
        pairs = [block.attention(1).keys_values(states) for block in self.blocks]
        return torch.stack([keys for keys, _ in pairs]), torch.stack([values for _, values in pairs])

    def decode(
        self, x: torch.Tensor, first: torch.Tensor | int, past: Cache | None, cross: Cache
    ) -> tuple[torch.Tensor, Cache]:
        """A decoder: (batch, length, width) from position ``first`` on; all at once without ``past``, else one step."""
        x = self.dropout(x + positions(self.pos_emb.inv_freq, first, x.shape[1]))
        caches = []
        for index, block in enumerate(self.blocks):
            before = (past[0][index], past[1][index]) if past is not None else None
            x, cache = block(x, before, (cross[0][index], cross[1][index]), causal=past is None)
            caches.append(cache)
        x = self.dropout(self.final_layer_norm(x))
        return x, (torch.stack([keys for keys, _ in caches]), torch.stack([values for _, values in caches]))


class Transcriber(nn.Module):
    """Frames (and the previous segment's tokens) -> logits of the tokens."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        words = config.system.vocabulary.width
        self.proj = nn.Linear(config.mels, config.width, bias=False)
        self.decoder_embed_tokens = nn.Embedding(words, config.width)
        self.encoder = Stack(config, config.encoder_layers)
        self.decoder = Stack(config, config.decoder_layers, decoder=True)
        self.lm_head = nn.Linear(config.width, words, bias=False)
        if config.system.memory:
            self.segmem_proj = nn.Linear(config.width, config.width, bias=False)
            self.segmem_encoder = Stack(config, config.memory_layers)
        self.apply(_initialise)

    def encode(self, frames: torch.Tensor, previous: torch.Tensor | None = None) -> torch.Tensor:
        """What the decoder attends to.

        Args:
            frames: (batch, frames, 512).
            previous: (batch, length) tokens of the segment before, for systems with a memory.
        Returns:
            (batch, frames + memory, width).
        """
        states = self.encoder(self.proj(frames))
        if not self.config.system.memory:
            return states
        assert previous is not None
        remembered = self.segmem_encoder(self.segmem_proj(self.decoder_embed_tokens(previous)))
        return torch.cat([states, remembered[:, : self.config.system.memory]], dim=1)

    def forward(self, frames: torch.Tensor, tokens: torch.Tensor, previous: torch.Tensor | None = None) -> torch.Tensor:
        """Teacher forcing: tokens (batch, length), PAD first -> logits of the next ones (batch, length, vocabulary)."""
        return self.logits(self.encode(frames, previous), tokens)

    def logits(self, states: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        """The same from the encoder's output."""
        cross = self.decoder.cross_cache(states)
        x, _ = self.decoder.decode(self.decoder_embed_tokens(tokens), 0, None, cross)
        return self.lm_head(x)

    def step(
        self, tokens: torch.Tensor, first: torch.Tensor | int, past: Cache, cross: Cache
    ) -> tuple[torch.Tensor, Cache]:
        """One token further: tokens (batch, 1) at position ``first`` -> logits (batch, vocabulary), longer cache."""
        x, cache = self.decoder.decode(self.decoder_embed_tokens(tokens), first, past, cross)
        return self.lm_head(x)[:, -1], cache


def _initialise(module: nn.Module) -> None:
    """As T5: variance 1 / inputs everywhere, queries smaller by the root of the head's width, embeddings of 1."""
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=module.in_features**-0.5)
    elif isinstance(module, nn.Embedding):
        nn.init.normal_(module.weight, std=1.0)
    elif isinstance(module, Attention):
        nn.init.normal_(module.q.weight, std=(module.q.in_features * module.q.out_features / module.heads) ** -0.5)
