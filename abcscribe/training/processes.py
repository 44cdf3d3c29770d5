"""Where a training runs: on one device, in one process or in several that torchrun or ``accelerate launch`` started.

Each process works on its own part of a step; the parts are disjoint and a function of the seed. Gradients are averaged
over all, so that n processes do what one does with n times the batch. The first process tells the time, yields the
log and writes the checkpoints, from which all go on when torchrun starts them again.

Simplifications: one reduction a step, after the backward pass (DistributedDataParallel overlaps the two); norms over a
batch see the part of their process, and their running statistics are averaged.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeVar

import torch
from torch import distributed, nn

from abcscribe.errors import AbcscribeError

T = TypeVar("T")


@dataclass(frozen=True)
class Processes:
    """The processes of a run, seen from one of them. Methods are called by all, in the same order."""

    rank: int = 0
    world: int = 1  # how many

    @property
    def first(self) -> bool:
        """Whether this one tells the time and writes the files."""
        return self.rank == 0

    def share(self, items: Sequence[T]) -> Sequence[T]:
        """The part of this process: neighbours; parts differ by one item at most."""
        begin, end = (len(items) * rank // self.world for rank in (self.rank, self.rank + 1))
        return items[begin:end]

    def gathered(self, items: Sequence[T]) -> list[T]:
        """What all processes give, those of the first one first: undoes ``share``."""
        if self.world == 1:
            return list(items)
        parts: list[list[T]] = [[]] * self.world
        distributed.all_gather_object(parts, list(items))
        return [item for part in parts for item in part]

    def agreed(self, value: float) -> float:
        """The first process's value, for all."""
        if self.world == 1:
            return value
        told = [value]
        distributed.broadcast_object_list(told)
        return told[0]

    def add(self, tensors: Sequence[torch.Tensor], divisor: int = 1) -> None:
        """Replace each tensor by its sum over the processes, divided. All tensors are on one device."""
        if self.world == 1 or not tensors:
            return
        flat = torch.cat([tensor.detach().float().flatten() for tensor in tensors])
        distributed.all_reduce(flat)
        parts = torch.split(flat / divisor, [tensor.numel() for tensor in tensors])
        with torch.no_grad():
            for tensor, part in zip(tensors, parts, strict=True):
                tensor.copy_(part.view_as(tensor))

    def average(self, tensors: Sequence[torch.Tensor]) -> None:
        """Replace each tensor by its mean over the processes."""
        self.add(tensors, self.world)

    def gradients(self, parameters: Iterable[nn.Parameter]) -> list[torch.Tensor]:
        """Gradients to add or average: 0 where this process has none, because another one may have it."""
        if self.world == 1:
            return []
        trained = [parameter for parameter in parameters if parameter.requires_grad]
        for parameter in trained:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        return [parameter.grad for parameter in trained if parameter.grad is not None]


ALONE = Processes()


@contextmanager
def joined(device: torch.device) -> Iterator[Processes]:
    """The processes that were started together; they leave together. A process group that exists is used and kept."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        yield ALONE
        return
    found = distributed.is_initialized()
    if not found:
        distributed.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo")
    yield Processes(distributed.get_rank(), world)
    distributed.barrier()  # the first process saves last; others that leave before it abort now and then
    if not found:
        distributed.destroy_process_group()


def opened(name: str) -> torch.device:
    """The device of a name: as torch calls it, or auto, which is cuda if there is one, else cpu. Of several processes
    on a machine, each takes its own device of the kind.

    Raises AbcscribeError if it is not there.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and "LOCAL_RANK" in os.environ:
        name = f"cuda:{os.environ['LOCAL_RANK']}"
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise AbcscribeError(f"There is no device {name!r} here: {str(error).splitlines()[0]}") from None
    if device.type == "cuda":
        torch.cuda.set_device(device)
    return device


@cache
def multiplies_bfloat16(device: torch.device) -> bool:
    """Whether the device has instructions for it: on processors without, bfloat16 is slower than float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    information = Path("/proc/cpuinfo")
    flags = information.read_text(encoding="utf-8") if information.is_file() else ""
    return "avx512_bf16" in flags or "amx_bf16" in flags
