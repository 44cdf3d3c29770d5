"""What the trunk of the tower knows of each heard note: the cells that its timbre head reads.

Kept with a scene, so that the head is trained in minutes and scenes are not heard again for another head.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch.nn import functional as F  # noqa: N812

from abcscribe.hearing.note_confidence import WEIGHTS as CONFIDENCE
from abcscribe.hearing.tower import AbcscribeEngine
from abcscribe.model.audio_tower import AudioTower
from abcscribe.model.config import FRAMES_PER_TOKEN, WINDOW_FRAMES
from abcscribe.model.tower_files import load_tower
from abcscribe.model.tower_runtime import Activity, TowerRuntime
from abcscribe.score.model import PlayedNote
from abcscribe.spectrogram import FRAME_RATE, LOWEST_PITCH

MOST = 10  # cells of a note, evenly from its beginning to its end


class Cells(NamedTuple):
    """m cells of n notes."""

    values: np.ndarray  # (m, channels) float16: what the head reads of a cell
    note: np.ndarray  # (m,) index of the note
    embeddings: np.ndarray  # (k, width) float16 of the tokens in which the notes sound
    token: np.ndarray  # (m,) index in ``embeddings``


class Listener:
    """The engine over a tower of torch, which shows what its trunk knows."""

    def __init__(self, folder: Path) -> None:
        """``folder``: a checkpoint."""
        self.runtime = _Runtime(load_tower(folder))
        self.engine = AbcscribeEngine(self.runtime, CONFIDENCE)

    def hear(self, waveform: np.ndarray) -> tuple[list[PlayedNote], Cells]:
        """(samples,) -> the notes by onset and pitch, no drums, and their cells."""
        self.runtime.windows.clear()
        heard = (note for block in self.engine.notes([waveform]) for note in block if not note.drum)
        notes = sorted(heard, key=lambda note: (note.onset, note.pitch))
        return notes, self._cells(notes)

    def _cells(self, notes: list[PlayedNote]) -> Cells:
        place = [(w, t) for w, window in enumerate(self.runtime.windows) for t in window.token.tolist()]
        found: list[tuple[int, tuple[int, int], int]] = []
        for index, note in enumerate(notes):
            first = min(int(note.onset * FRAME_RATE), len(place) - 1)
            last = min(max(first + 1, round(note.offset * FRAME_RATE)), len(place)) - 1
            frames = np.unique(np.linspace(first, last, MOST).round().astype(int))
            found += [(index, place[frame], note.pitch - LOWEST_PITCH) for frame in frames]
        tokens = sorted({token for _, token, _ in found})
        of_token = {token: index for index, token in enumerate(tokens)}
        windows = self.runtime.windows
        return Cells(
            np.array([windows[w].cells[:, t, pitch] for _, (w, t), pitch in found], np.float16),
            np.array([index for index, _, _ in found], int),
            np.array([windows[w].embeddings[t] for w, t in tokens], np.float16),
            np.array([of_token[token] for _, token, _ in found], int),
        )


class _Window(NamedTuple):
    cells: np.ndarray  # (channels, tokens, 88)
    embeddings: np.ndarray  # (tokens, width)
    token: np.ndarray  # (frames kept,) of each frame


class _Runtime(TowerRuntime):
    """Keeps the cells of every window."""

    def __init__(self, tower: AudioTower) -> None:
        self.tower = tower.eval()
        self.windows: list[_Window] = []

    def hear(self, spectra: np.ndarray, keep: slice = slice(None)) -> Activity:
        with torch.no_grad():
            trunk = self.tower.trunk(torch.from_numpy(spectra)[None])
            said = self.tower.said(trunk)
        token = (np.arange(WINDOW_FRAMES) // FRAMES_PER_TOKEN)[keep]
        self.windows.append(_Window(trunk.cells[0].numpy(), trunk.embeddings[0].numpy(), token))
        onset, sounding = said.activity[0].sigmoid().numpy()[:, keep]
        family = said.family[0].softmax(dim=0).permute(1, 2, 0).numpy()
        return Activity(onset, sounding, said.velocity[0].sigmoid().numpy()[token], family[token])


def answers(tower: AudioTower, cells: Cells, notes: int) -> tuple[torch.Tensor, torch.Tensor]:
    """What a tower's timbre head says of ``notes`` notes: (notes, programs) probabilities and (notes, player) unit
    vectors; means over the cells, as `note_decoding` takes them."""
    assert tower.timbre is not None
    values = torch.from_numpy(cells.values.astype(np.float32))
    embeddings = torch.from_numpy(cells.embeddings.astype(np.float32))[torch.from_numpy(cells.token)]
    program, player = (said[0, :, :, 0].T for said in tower.timbre(values.T[None, :, :, None], embeddings[None]))
    owner = torch.from_numpy(cells.note)
    count = torch.bincount(owner, minlength=notes).clamp(min=1)[:, None]

    def mean(values: torch.Tensor) -> torch.Tensor:
        return torch.zeros(notes, values.shape[1]).index_add(0, owner, values) / count

    return mean(program.softmax(dim=1)), F.normalize(mean(F.normalize(player, dim=1)), dim=1)


def told(tower: AudioTower, notes: list[PlayedNote], cells: Cells) -> list[PlayedNote]:
    """The notes as the heads of a tower tell them; as they are if it has no timbre head."""
    if tower.timbre is None:
        return notes
    with torch.no_grad():
        _, player = answers(tower, cells, len(notes))
    return [
        dataclasses.replace(note, timbre=tuple(round(x, 2) for x in vector))
        for note, vector in zip(notes, player.tolist(), strict=True)
    ]
