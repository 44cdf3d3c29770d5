"""How the project opens an ONNX model: checked, quiet, on the CPU, with the number of threads that the user chose.

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
    """``OMP_NUM_THREADS`` bounds the threads as elsewhere, though the runtime itself ignores it; default: all cores.

    Raises EngineError if there is no such model, or it is damaged.
    """
    import onnxruntime  # where it is used: what only names a runtime's class works without it

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what goes wrong is raised, and some models draw a page of warnings
    options.intra_op_num_threads = _threads(os.environ.get("OMP_NUM_THREADS", ""))
    content = read_checked(model)
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime's exceptions have no base of their own
        reason = " ".join(str(error).split())[:200].rstrip(".")
        raise EngineError(f"{model} cannot be run: {reason}.") from error


def _threads(wanted: str) -> int:
    """What the user asked for, but no more than there are cores; 0, the runtime's word for all of them, otherwise."""
    first = wanted.split(",")[0].strip()  # OpenMP takes a list, one number a level
    return min(int(first), os.cpu_count() or 1) if first.isascii() and first.isdigit() and len(first) < 10 else 0
