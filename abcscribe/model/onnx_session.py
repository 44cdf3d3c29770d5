"""How the project opens an ONNX model: quiet, on the CPU, with the number of threads that the user chose."""

from __future__ import annotations

import os
from pathlib import Path

import onnxruntime


def open_session(model: Path) -> onnxruntime.InferenceSession:
    """``OMP_NUM_THREADS`` bounds the threads as elsewhere, though the runtime itself ignores it; default: all cores."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors only: some models draw a page of warnings from the optimiser
    threads = os.environ.get("OMP_NUM_THREADS", "")
    options.intra_op_num_threads = int(threads) if threads.isdecimal() else 0
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
