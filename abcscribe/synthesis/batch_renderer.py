"""Plans of clips -> frames for the tower, a batch at a time in torch: the same code on a processor and an accelerator.

Notes are cut into blocks of 64 samples. What changes slowly (where the recording is read, how loud) is computed at the
ends of the blocks, and between them it is a straight line: a sample costs two reads, a product and an addition.
Notes are added up as 32-bit integers, whose sum does not depend on its order, so a batch is the same, bit by bit,
whenever it is made again from its seed on one device. Rooms, equaliser and noise are one product in the frequency
domain. The spectrogram is `abcscribe.spectrogram`'s, its Fourier transforms written as matrices of the few frequencies
that each window needs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch.nn import functional as F  # noqa: N812

from abcscribe import spectrogram as frames_of
from abcscribe.audio import SAMPLE_RATE
from abcscribe.spectrogram import BINS, COMPRESSION, HOP, LONGEST, MAX_GAIN, TARGET_RMS
from abcscribe.synthesis.clip_plans import CONTROL_POINTS, ClipPlan
from abcscribe.synthesis.recorded_notes import FIELDS, TAIL
from abcscribe.synthesis.render import CLIP_FRAMES
from abcscribe.synthesis.sound_bank import SoundBank

BLOCK = 64  # samples: 4 ms
FIXED_POINT = 2.0**22  # of the integers in which notes are added: room for 512 full scales
FADE = 0.02  # seconds in which a note is let down before its recording ends


@dataclass(frozen=True)
class PlanBatch:
    """Plans of b clips as tensors, n notes in all."""

    clip: torch.Tensor  # (n,) index of the clip of each note
    notes: torch.Tensor  # (fields, n) float64, the rows as `recorded_notes.FIELDS`
    room: torch.Tensor  # (b,) -1 for none
    effects: torch.Tensor  # (b, 7): wet, low, high, noise dB, colour, clipping, gain dB
    equaliser: torch.Tensor  # (b, CONTROL_POINTS) dB
    seed: int  # of the noise

    def to(self, device: torch.device) -> PlanBatch:
        """The batch on another device; pinned memory is copied while other work goes on."""
        return self.each(lambda tensor: tensor.to(device, non_blocking=True))

    def each(self, change: Callable[[torch.Tensor], torch.Tensor]) -> PlanBatch:
        """The batch with every tensor changed."""
        return PlanBatch(
            change(self.clip), change(self.notes), change(self.room), change(self.effects), change(self.equaliser),
            self.seed,
        )  # fmt: skip


def collated(plans: Sequence[ClipPlan], seed: int) -> PlanBatch:
    """Plans side by side."""
    clip = np.repeat(np.arange(len(plans)), [len(plan.table) for plan in plans])
    notes = np.concatenate([np.stack([getattr(plan.table, name) for name in FIELDS]) for plan in plans], axis=1)
    recordings = [plan.recording for plan in plans]
    effects = [(r.wet, r.low, r.high, r.noise_db, r.colour, r.clipping, r.gain_db) for r in recordings]
    return PlanBatch(
        torch.from_numpy(clip), torch.from_numpy(notes.astype(np.float64)),
        torch.tensor([r.room for r in recordings]), torch.tensor(effects, dtype=torch.float32),
        torch.from_numpy(np.stack([r.equaliser for r in recordings]).astype(np.float32)), seed,
    )  # fmt: skip


class BatchRenderer:
    """A bank of sounds on a device."""

    def __init__(self, bank: SoundBank, device: torch.device | str = "cpu", samples: int = CLIP_FRAMES * HOP) -> None:
        """``samples``: length of a clip."""
        self.device, self.samples = torch.device(device), samples
        self.row = samples + BLOCK  # a note's last block may run over
        self.size = fast_length(samples + bank.rooms.shape[1])  # of the Fourier transforms
        self.waves = torch.from_numpy(bank.waves).to(self.device)
        columns = np.stack([bank.begin, bank.length, bank.loop]).astype(np.int64)
        self.begin, self.length, self.loop = torch.from_numpy(columns).to(self.device)
        rooms = torch.from_numpy(bank.rooms).to(self.device)
        self.rooms = torch.fft.rfft(rooms, self.size)
        self.spectrogram = TorchSpectrogram(self.device)

    def frames(self, batch: PlanBatch) -> torch.Tensor:
        """(b, samples / HOP, 264) float32, as `spectrogram.spectrogram` of what `waveforms` gives."""
        return self.spectrogram(self.waveforms(batch))

    def waveforms(self, batch: PlanBatch) -> torch.Tensor:
        """(b, samples) float32: played, recorded and brought to the level of inference."""
        return self._recorded(self.dry(batch), batch)

    def dry(self, batch: PlanBatch) -> torch.Tensor:
        """(b, samples) float32: the instruments alone."""
        clips = len(batch.room)
        note = dict(zip(FIELDS, batch.notes, strict=True))
        sample = note["sample"].long()
        seconds = self._seconds(note, sample)
        start = (note["start"] * SAMPLE_RATE).round().long()
        blocks = torch.minimum(
            (seconds * SAMPLE_RATE / BLOCK).ceil().long(), (self.samples - start + BLOCK - 1) // BLOCK
        )
        blocks = blocks.clamp(min=0)
        owner = torch.repeat_interleave(torch.arange(len(blocks), device=self.device), blocks)
        place = torch.arange(len(owner), device=self.device) - (blocks.cumsum(0) - blocks)[owner]
        edges = torch.stack([place, place + 1]).double() * (BLOCK / SAMPLE_RATE)  # seconds, both ends of each block
        own = {name: column[owner] for name, column in note.items()}
        begin, step = self._read(own, edges, sample[owner])
        left, right = self._gain(own, edges, sample[owner])
        target = batch.clip[owner] * self.row + start[owner] + place * BLOCK
        mixed = torch.zeros(clips * self.row, dtype=torch.int32, device=self.device)
        self._add(mixed, target, begin, step, left, right)
        return mixed.reshape(clips, self.row)[:, : self.samples].float() / FIXED_POINT

    def _seconds(self, note: dict[str, torch.Tensor], sample: torch.Tensor) -> torch.Tensor:
        """(n,) How long a note is played: to its release's end, or its recording's."""
        wanted = note["hold"] + TAIL * note["release"]
        there = (self.length[sample] - 1 - note["skip"]) / note["rate"] / SAMPLE_RATE
        return torch.where(self.loop[sample] > 0, wanted, torch.minimum(wanted, there - 2 * BLOCK / SAMPLE_RATE))

    def _position(self, own: dict[str, torch.Tensor], edges: torch.Tensor) -> torch.Tensor:
        """(2, blocks) samples into the recording: the integral of the bent and wavering speed, in closed form."""
        turning = 2 * np.pi * own["speed"]
        bend = 2 ** (own["bend"] / 12) - 1
        waved = np.log(2) / 12 * own["depth"] * (1 - torch.cos(turning * edges)) / turning
        bent = bend * own["glide"] * (1 - torch.exp(-edges / own["glide"]))
        return own["skip"] + own["rate"] * SAMPLE_RATE * (edges + waved + bent)

    def _read(
        self, own: dict[str, torch.Tensor], edges: torch.Tensor, sample: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Where each block begins to be read (whole samples and a fraction, float64), and the step of a sample."""
        loop, end = self.loop[sample], self.length[sample]
        # Bends and vibrato read faster than `_seconds` counts with: what has no loop stays at its end, faded out.
        place = self._position(own, edges)
        first, last = torch.where(loop > 0, place, place.minimum(end - 2.0))
        inside = torch.where(loop > 0, end - loop + torch.remainder(first - (end - loop), loop.clamp(min=1)), first)
        begin = torch.where((loop > 0) & (first >= end), inside, first)
        return self.begin[sample] + begin, ((last - first) / BLOCK).float()

    def _gain(
        self, own: dict[str, torch.Tensor], edges: torch.Tensor, sample: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Loudness at both ends of each block."""
        rise = (edges / own["attack"]).clamp(max=1)
        fall = torch.exp(-(edges - own["hold"]).clamp(min=0) / own["release"])
        left = (self.length[sample] - own["skip"]) / own["rate"] / SAMPLE_RATE - edges
        ending = torch.where(self.loop[sample] > 0, 1.0, (left / FADE).clamp(0, 1))
        tremolo = 1 + own["tremolo"] * torch.sin(2 * np.pi * own["speed"] * edges)
        first, last = (own["gain"] * rise * fall * ending * tremolo * (FIXED_POINT / 32767)).float()
        return first, last

    def _add(
        self, mixed: torch.Tensor, target: torch.Tensor, begin: torch.Tensor, step: torch.Tensor,
        left: torch.Tensor, right: torch.Tensor,
    ) -> None:  # fmt: skip
        """Read all blocks and add them to ``mixed``; in turns that stay in a processor's cache."""
        ramp = torch.arange(BLOCK, device=self.device)
        whole = begin.floor()
        fraction, base = (begin - whole).float(), whole.long()
        slope = (right - left) / BLOCK
        turn = len(target) if self.device.type != "cpu" else 2048
        for i in range(0, len(target), max(turn, 1)):
            part = slice(i, i + turn)
            local = fraction[part, None] + step[part, None] * ramp
            index = local.long()
            read = base[part, None] + index
            here, there = self.waves[read].float(), self.waves[read + 1].float()
            sound = torch.lerp(here, there, local - index)
            sound *= left[part, None] + slope[part, None] * ramp
            mixed.index_add_(0, (target[part, None] + ramp).flatten(), sound.to(torch.int32).flatten())

    def _recorded(self, dry: torch.Tensor, batch: PlanBatch) -> torch.Tensor:
        """Room, equaliser, band limits and noise; clipping; the level of inference."""
        wet, low, high, noise_db, colour, clipping, gain_db = batch.effects.T[:, :, None]
        spectrum = torch.fft.rfft(dry, self.size)
        used = (batch.room >= 0)[:, None]
        room = self.rooms[batch.room.clamp(min=0)]
        spectrum *= torch.where(used, 1 + wet * (room - 1), torch.ones((), dtype=room.dtype, device=self.device))
        spectrum *= 10 ** (batch.equaliser @ self._points / 20)
        hertz = self._hertz
        spectrum /= torch.sqrt((1 + (low / hertz.clamp(min=1)) ** 8) * (1 + (hertz / high) ** 12))
        spectrum += self._noise(dry, noise_db, colour, batch.seed)
        waveform = torch.fft.irfft(spectrum, self.size)[:, : self.samples]
        top = waveform.abs().amax(dim=1, keepdim=True) * clipping
        waveform = torch.minimum(torch.maximum(waveform, -top), top)
        rms = waveform.square().mean(dim=1, keepdim=True).sqrt()
        return waveform * (TARGET_RMS / rms.clamp(min=1e-9)).clamp(max=MAX_GAIN) * 10 ** (gain_db / 20)

    def _noise(self, dry: torch.Tensor, noise_db: torch.Tensor, colour: torch.Tensor, seed: int) -> torch.Tensor:
        """(b, frequencies) spectrum of coloured noise, so many decibels below the music."""
        generator = torch.Generator(self.device).manual_seed(seed)
        shape = (len(dry), self.size // 2 + 1)
        white = torch.randn(shape, dtype=torch.complex64, device=self.device, generator=generator)
        shaped = white * (torch.arange(shape[1], device=self.device) + 50.0) ** -colour
        # By Parseval: the mean square of the waveform that has this spectrum.
        power = 2 * shaped.abs().square().sum(dim=1, keepdim=True) / self.size**2
        level = dry.square().mean(dim=1, keepdim=True).sqrt() * 10 ** (-noise_db / 20)
        return shaped * (level / power.clamp(min=1e-30).sqrt())

    @cached_property
    def _hertz(self) -> torch.Tensor:
        return torch.fft.rfftfreq(self.size, 1 / SAMPLE_RATE, device=self.device)

    @cached_property
    def _points(self) -> torch.Tensor:
        """(CONTROL_POINTS, frequencies): how much each control point, an octave apart, counts at each frequency."""
        octaves = torch.log2(self._hertz.clamp(min=20) / 20)
        return (1 - (octaves - torch.arange(CONTROL_POINTS, device=self.device)[:, None]).abs()).clamp(min=0)


def fast_length(least: int) -> int:
    """The smallest product of twos, threes and fives that is not below ``least``: what Fourier transforms like."""
    fives = [5**c * 3**b for c in range(9) for b in range(13)]
    return min(odd << max(0, (-(-least // odd) - 1).bit_length()) for odd in fives)


class TorchSpectrogram:
    """`abcscribe.spectrogram.spectrogram` of a batch."""

    def __init__(self, device: torch.device | str = "cpu") -> None:
        self.bands: list[tuple[int, slice, torch.Tensor, torch.Tensor]] = []
        for band in frames_of.bands():
            angle = 2 * np.pi / band.size * np.outer(np.arange(band.size), np.arange(band.first, band.last))
            matrix = np.concatenate([np.cos(angle), np.sin(angle)], axis=1) * band.window[:, None]
            products, filters = (torch.from_numpy(a.astype(np.float32)).to(device) for a in (matrix, band.filters))
            self.bands.append((band.size, band.bins, products, filters))

    def __call__(self, waveforms: torch.Tensor) -> torch.Tensor:
        """(b, samples), samples a multiple of HOP -> (b, samples / HOP, 264) float32."""
        count, samples = waveforms.shape
        frames = samples // HOP
        padded = F.pad(waveforms, (LONGEST // 2, LONGEST // 2))
        out = torch.empty(count, frames, BINS, device=waveforms.device)
        for size, bins, matrix, filters in self.bands:
            windows = padded[:, LONGEST // 2 - size // 2 :].unfold(1, size, HOP)[:, :frames]
            real, imaginary = (windows.reshape(-1, size) @ matrix).chunk(2, dim=1)
            out[..., bins] = (torch.hypot(real, imaginary) @ filters).reshape(count, frames, -1)
        return torch.log1p_(out * COMPRESSION) / float(np.log1p(COMPRESSION))
