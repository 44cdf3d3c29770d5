"""The sizes of a network and the system that it belongs to: all that a checkpoint has to say of itself."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from abcscribe.errors import EngineError
from abcscribe.hearing.mt3.vocabulary import SYSTEMS, System

MELS = 512


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """Defaults: as published for all three systems (T5 v1.1 "small" with six heads of 64)."""

    system: System
    width: int = 512
    heads: int = 6
    head_width: int = 64
    hidden: int = 1024  # of the gated feed-forward layers
    encoder_layers: int = 8
    decoder_layers: int = 8
    memory_layers: int = 1  # of systems with a memory
    dropout: float = 0.1
    mels: int = MELS

    def to_json(self) -> str:
        """For the checkpoint."""
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(text: str) -> NetworkConfig:
        """Raises EngineError if the text is not what ``to_json`` writes."""
        try:
            fields = json.loads(text)
            return NetworkConfig(**fields | {"system": System(**fields["system"])})
        except (ValueError, TypeError, KeyError) as error:
            raise EngineError(f"The description of an MT3 network cannot be read: {error}.") from None


# What differs from the published network. "small" learns on one core; "tiny" is for trying whether all works.
SIZES: dict[str, dict[str, float]] = {
    "published": {},
    "small": {
        "width": 128, "heads": 4, "head_width": 32, "hidden": 384, "encoder_layers": 3, "decoder_layers": 3,
        "dropout": 0,
    },
    "tiny": {
        "width": 32, "heads": 2, "head_width": 16, "hidden": 64, "encoder_layers": 1, "decoder_layers": 1, "dropout": 0,
    },
}  # fmt: skip


def preset(system: str, size: str = "published") -> NetworkConfig:
    """A network for a system. Raises EngineError for an unknown name."""
    if system not in SYSTEMS:
        raise EngineError(f"There is no system {system!r} in the MT3 family; there are {', '.join(SYSTEMS)}.")
    if size not in SIZES:
        raise EngineError(f"There is no size {size!r} of an MT3 network; there are {', '.join(SIZES)}.")
    return NetworkConfig(SYSTEMS[system], **SIZES[size])  # type: ignore[arg-type]
