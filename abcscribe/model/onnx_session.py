"""Sessions of ONNX models: checksums verified, no warnings, on the CPU, with the number of threads that the user chose.

The runtime's telemetry is switched off by ``abcscribe/__init__.py``, which is always imported before it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from abcscribe.errors import EngineError
from abcscribe.model.checksums import read_checked

if TYPE_CHECKING:
    import onnxruntime


def open_session(model: Path) -> onnxruntime.InferenceSession:
    """Open an ONNX model. ``OMP_NUM_THREADS`` limits the threads, though the runtime itself ignores it.

    Args:
        model: path of the file.

    Raises:
        EngineError: there is no such model, or it is damaged.
    """
    import onnxruntime  # where it is used: what only names a runtime's class works without it

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # errors are raised anyway, and some models cause a page of warnings
    options.intra_op_num_threads = _threads(os.environ.get("OMP_NUM_THREADS", ""))
    content = read_checked(model)
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime's exceptions have no base of their own
        reason = " ".join(str(error).split())[:200].rstrip(".")
        raise EngineError(f"{model} cannot be run: {reason}.") from error


def _threads(wanted: str) -> int:
    """The user's number of threads, at most the number of cores; otherwise 0, which means all cores to the runtime."""
    first = wanted.split(",")[0].strip()  # OpenMP takes a list, one number a level
    return min(int(first), os.cpu_count() or 1) if first.isascii() and first.isdigit() and len(first) < 10 else 0
