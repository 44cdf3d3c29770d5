"""abcscribe: a recording goes in, a readable score comes out.

>>> import abcscribe
>>> score = abcscribe.transcribe("take1.m4a", hints=abcscribe.Hints(metre="3/4"))  # doctest: +SKIP
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING

# Nothing is sent anywhere. onnxruntime reports its use unless this is set before it is imported, and no module of the
# package can be imported before this one.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

if TYPE_CHECKING:
    from abcscribe.errors import AbcscribeError
    from abcscribe.hints import Hints
    from abcscribe.score.model import Score
    from abcscribe.transcription import transcribe

__all__ = ["AbcscribeError", "Hints", "Score", "__version__", "transcribe"]

_HOMES = {
    "AbcscribeError": "abcscribe.errors",
    "Hints": "abcscribe.hints",
    "Score": "abcscribe.score.model",
    "transcribe": "abcscribe.transcription",
}


def __getattr__(name: str) -> object:
    """Import what is asked for and no more: ``abcscribe --help`` must not wait for numpy (PEP 562)."""
    if name == "__version__":
        return import_module("importlib.metadata").version("abcscribe")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
