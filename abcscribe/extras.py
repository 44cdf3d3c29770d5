"""The optional dependencies: what is missing is said in one sentence, with a command that works from a checkout."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

from abcscribe.errors import EngineError


class MissingPackageError(EngineError):
    """A package of an extra is not installed."""


def require(subject: str, extra: str, *modules: str) -> None:
    """Raise MissingPackageError unless all ``modules`` can be imported; none is imported here.

    Args:
        subject: who needs them, the beginning of the sentence.
        extra: name in ``[project.optional-dependencies]`` that brings them.
    """
    missing = [name for name in modules if find_spec(name) is None]
    if missing:
        raise MissingPackageError(f"{subject} needs {', '.join(missing)}; install with: {install_command(extra)}")


def install_command(extra: str) -> str:
    """How to install an extra here: from the checkout if this is one, else by name."""
    root = Path(__file__).resolve().parent.parent
    if (root / "pyproject.toml").is_file():
        return f"{sys.executable} -m pip install -c '{root / 'constraints.txt'}' -e '{root}[{extra}]'"
    return f"{sys.executable} -m pip install 'abcscribe[{extra}]'"
