"""Checksums of weight files: written with the weights, and verified before these are loaded.

``SHA256SUMS`` in a folder of weights has the format of the program ``sha256sum``. A wrong bit in an ONNX file would
only show in a wrong transcription; ``.npz`` files contain checksums of their own, which numpy verifies.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from abcscribe.errors import EngineError
from abcscribe.files import write_text

SUMS = "SHA256SUMS"
SUMMED = "*.onnx"


def read_checked(path: Path) -> bytes:
    """The content of a file of weights. Raises EngineError if it is missing or does not match its checksum."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise EngineError(f"The weights {path} cannot be read: {error.strerror}.") from error
    expected = _sums(path.parent).get(path.name)
    if expected and hashlib.sha256(content).hexdigest() != expected:
        raise EngineError(f"The weights {path} are damaged: install abcscribe, or write the checkpoint, again.")
    return content


def write_sums(folder: Path) -> None:
    """Write the checksums of the ONNX files in a folder: the last step of shipping a checkpoint."""
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in sorted(folder.glob(SUMMED))]
    write_text(folder / SUMS, "".join(lines))


def _sums(folder: Path) -> dict[str, str]:
    """Checksum by file name; empty where a folder has no list, as during training."""
    path = folder / SUMS
    if not path.is_file():
        return {}
    pairs = (line.split() for line in path.read_text(encoding="utf-8").splitlines())
    return {name: known for known, name in pairs}
