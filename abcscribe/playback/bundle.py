"""ES modules -> one classic script, for a page that is a single file and has no server to import from."""

from __future__ import annotations

import re
from pathlib import Path

# Imports are by name and relative, one statement each, and nothing is renamed: the modules keep to that.
_IMPORT = re.compile(r'^import \{[^}]*\} from "\./([\w.]+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async |class |const |function ))", re.MULTILINE)


def classic_script(entry: Path) -> str:
    """A module and all that it imports, each once and before what needs it, in one scope.

    Args:
        entry: a module that imports its neighbours by names only.
    """
    pieces: dict[str, str] = {}
    _collect(entry, pieces)
    return '(() => {\n"use strict";\n' + "\n".join(pieces.values()) + "})();\n"


def _collect(module: Path, pieces: dict[str, str]) -> None:
    text = module.read_text(encoding="utf-8")
    for name in _IMPORT.findall(text):
        if name not in pieces:
            _collect(module.parent / name, pieces)
    pieces[module.name] = _EXPORT.sub("", _IMPORT.sub("", text))
