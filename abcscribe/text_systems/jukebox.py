"""Jukebox (Dhariwal et al., 2020) as an audio tower: its 5b prior reads the codes of a recording, 345 frames a second.

Two ways to take its layers are in use, and they do not give the same vectors: `jukemirlib` (Castellon et al., 2021)
takes what leaves a block; LLark (Gardner et al., 2024) adds the embedding of the place in time after the last one. Both
divide 44.1 kHz by its peak and tell the prior that artist and genre are unknown, the song 62 s long, and this its
beginning. Here everything above 8 kHz is missing: towers are given 16 kHz.

Needs the package ``jukebox_infer``, whose own forward pass asks for a GPU; the same modules are called here one by one.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch

from abcscribe.errors import EngineError
from abcscribe.extras import MissingPackageError
from abcscribe.text_systems.piecewise_tower import PiecewiseTower

RATE = 44_100
RECIPES = ("llark", "jukemirlib")
DEPTH = 36  # blocks of 72 that are run: the layer that both recipes take
CONTEXT = 8_192  # codes that the prior reads at once: 23.78 s
SONG_SECONDS = 62  # that the prior is told
BLOCK = re.compile(r"prior\.transformer\._attn_mods\.(\d+)\.")


class JukeboxTower(PiecewiseTower):
    """Its layers are what enters the first block and what leaves each."""

    def __init__(self, vqvae: Any, prior: Any, recipe: str) -> None:
        """``vqvae``, ``prior``: jukebox_infer's VQVAE and SimplePrior of the top level, without lyrics."""
        self.hop = int(prior.raw_to_tokens)
        super().__init__(RATE, prior.n_ctx * self.hop, RATE / self.hop)
        self.vqvae, self.prior, self.recipe = vqvae.eval(), prior.eval(), recipe
        self.requires_grad_(False)
        self.width: int = prior.prior.width

    @classmethod
    def from_pretrained(cls, recipe: str) -> JukeboxTower:
        """With the published weights, 10 GB, from where jukebox_infer keeps them (``download_checkpoints("5b")``).

        Raises EngineError if there is no such recipe, OSError if they are not there.
        """
        if recipe not in RECIPES:
            raise EngineError(f"There is no recipe {recipe!r} for Jukebox; there are {', '.join(RECIPES)}.")
        if find_spec("jukebox_infer") is None:
            raise MissingPackageError(
                "The audio tower jukebox needs jukebox_infer: pip install jukebox-infer brings it."
            )
        from jukebox_infer import hparams
        from jukebox_infer.make_models import make_prior, make_vqvae

        coder, reader = hparams.setup_hparams("vqvae", {}), hparams.setup_hparams("prior_5b", {"prior_depth": DEPTH})
        stored = [
            _stored(url.removeprefix(hparams.REMOTE_PREFIX)) for url in (coder.restore_vqvae, reader.restore_prior)
        ]
        coder.update(sample_length=CONTEXT * 128, restore_vqvae="")
        reader.update(restore_prior="", fp16_params=False)
        with redirect_stdout(sys.stderr):  # it tells what it does
            vqvae = make_vqvae(coder, "cpu")
            prior = make_prior(reader, vqvae, "cpu")
        for module, weights in zip((vqvae, prior), stored, strict=True):
            module.load_state_dict(weights)
        return cls(vqvae, prior, recipe)

    def hidden(self, piece: np.ndarray) -> Sequence[torch.Tensor]:
        peak = float(np.abs(piece).max()) or 1.0
        sound = torch.from_numpy(np.pad(piece / peak, (0, self.piece - piece.size)).astype(np.float32))
        level = self.prior.level
        (codes,) = self.vqvae.encode(sound[None, :, None], start_level=level, end_level=level + 1)
        reader, place, start = self.prior.prior, *self._conditions()
        x = torch.cat([start, reader.x_emb(codes)[:, :-1]], dim=1) + reader.pos_emb() + place
        states = [x]
        for block in reader.transformer._attn_mods:
            states.append(block(states[-1], encoder_kv=None))
        added = place if self.recipe == "llark" else 0.0
        return [(state + added)[0, : -(-piece.size // self.hop)] for state in states]

    def _conditions(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The embedding of the place in time (1, codes, width), and of artist and genre (1, 1, width)."""
        labels, hop = self.prior.y_emb, self.hop
        total, begin, length = (
            torch.tensor([[float(n)]]) for n in (SONG_SECONDS * RATE // hop * hop, 0, self.prior.sample_length)
        )
        place = labels.total_length_emb(total) + labels.absolute_pos_emb(begin, begin + length)
        place = place + labels.relative_pos_emb(begin / total, (begin + length) / total)
        unknown = torch.zeros((1, 1), dtype=torch.long)
        return place, labels.artist_emb.emb(unknown) + labels.bow_genre_emb.emb(unknown)


def _stored(name: str) -> dict[str, torch.Tensor]:
    """The weights of a checkpoint, without the blocks that are not run. Raises OSError if it is not there."""
    weights = torch.load(Path.home() / ".cache" / name, map_location="cpu", weights_only=True)["model"]
    named = {key.removeprefix("module."): value for key, value in weights.items()}
    return {key: value for key, value in named.items() if not (found := BLOCK.match(key)) or int(found[1]) < DEPTH}
