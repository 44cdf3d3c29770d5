"""Rebuild the weights and data that a change makes stale, in order: ``abcscribe train chain --from WHAT --run``.

Each step is a command in a process of its own, which uses the folder of weights that is being made. Stale data are made
in the chain's folder; data that have not changed are taken from the folder of data, and made there if missing.
log.jsonl in the chain's folder has a line for each completed step, from which an interrupted chain is resumed.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

from abcscribe.errors import AbcscribeError
from abcscribe.score.grid import METRE_NAMES
from abcscribe.training.chain_table import APART, APART_DEPENDS, TABLE, Command, Data, Weights, stale
from abcscribe.training.configs import ChainConfig


def main(config: ChainConfig) -> Iterator[str]:
    """List the stale items and, with ``config.run``, rebuild them.

    Yields:
        Lines of output.

    Raises:
        AbcscribeError: a name is unknown, the folder has another chain, or a command fails.
    """
    todo = steps(config)
    log = Log(config)
    yield f"After a change of {', '.join(config.changed)} these are stale, in the order in which they are made:"
    for item in todo:
        done = " (made)" if item.name in log.done else ""
        yield f"  {item.name}{done}: {'; '.join(map(shlex.join, commands(config, item)))}"
    if {*APART_DEPENDS} & {*config.changed, *(item.name for item in todo)}:
        yield f"Beside them {' and '.join(APART)}: python -m abcscribe.training.small.players, on recorded notes."
    if not config.run:
        yield "Nothing has been made: --run makes them."
        return
    log.begin()
    for item in todo:
        if item.name not in log.done:
            yield f"{item.name} ..."
            yield f"{item.name}: made in {log.timed(config, item):.0f} s"
    log.end()


def steps(config: ChainConfig) -> list[Data | Weights]:
    """The stale items up to ``config.until``, and before them the data that they need and that are missing."""
    behind = stale(config.changed)
    if config.until is not None:
        names = [item.name for item in behind]
        if config.until not in names:
            raise AbcscribeError(f"{config.until!r} is not stale; stale are {', '.join(names) or 'none'}.")
        behind = behind[: names.index(config.until) + 1]
    needed = {name for item in behind for name in item.depends}
    behind = [item for item in behind if isinstance(item, Weights) or _needed(item.name, behind)]
    absent = [
        item for item in TABLE
        if isinstance(item, Data) and item.name in needed and item not in behind and not _is_there(config, item)
    ]  # fmt: skip
    return [item for item in TABLE if item in behind or item in absent]


def _needed(data: str, items: list[Data | Weights]) -> bool:
    """Whether weights that are made depend on data."""
    return any(data in item.depends for item in items if isinstance(item, Weights))


def _is_there(config: ChainConfig, item: Data) -> bool:
    folder = config.data / item.folder
    return folder.is_dir() and any(folder.iterdir())


def commands(config: ChainConfig, item: Data | Weights) -> list[Command]:
    """The commands that make an item, as arguments of abcscribe."""
    anew = {other.name for other in stale(config.changed)}
    paths = {
        data.name: (config.out if data.name in anew else config.data) / data.folder
        for data in TABLE
        if isinstance(data, Data)
    }
    known = paths | {"weights": config.weights, "out": config.out, "scores": config.data / "notes.npz"}
    filled = [tuple(word.format(**known, name=item.name) for word in words) for words in item.commands]
    smoke = ("--smoke",) if config.smoke else ()
    return [
        (*words, *smoke) if words[:2] not in (("train", "ship"),) and words[0] == "train" else words for words in filled
    ]


class Log:
    """The log of a chain, in its folder."""

    def __init__(self, config: ChainConfig) -> None:
        self.path = config.out / "log.jsonl"
        self.about = {
            "from": list(config.changed),
            "metres": list(METRE_NAMES),
            "weights": str(config.weights.resolve()),
        }
        text = self.path.read_text(encoding="utf-8") if self.path.is_file() else ""
        self.rows = [json.loads(line) for line in text.splitlines()]
        if any("ended" in row for row in self.rows):
            raise AbcscribeError(f"{config.out} holds a chain that has ended: name another folder with --out.")
        if self.rows and {name: self.rows[0][name] for name in self.about} != self.about:
            began = ", ".join(self.rows[0]["from"])
            raise AbcscribeError(
                f"{config.out} holds another chain, from {began}, that has not ended: go on with it, or name another "
                "folder with --out."
            )

    @property
    def done(self) -> set[str]:
        """Names of the completed items."""
        return {row["made"] for row in self.rows if "made" in row}

    def begin(self) -> None:
        """Write the head of the log, unless the chain is resumed."""
        if not self.rows:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._add(self.about | {"began": _now()})

    def timed(self, config: ChainConfig, item: Data | Weights) -> float:
        """Make an item; returns seconds. Raises AbcscribeError if a command fails."""
        began = time.monotonic()
        for words in commands(config, item):
            environment = os.environ | {"ABCSCRIBE_WEIGHTS": str(config.weights.resolve())}
            if subprocess.run([sys.executable, "-m", "abcscribe", *words], env=environment).returncode:
                raise AbcscribeError(
                    f"{item.name} could not be made by: abcscribe {shlex.join(words)}. The same chain goes on there."
                )
        seconds = time.monotonic() - began
        self._add({"made": item.name, "seconds": round(seconds, 1), "ended at": _now()})
        return seconds

    def end(self) -> None:
        """Write that the chain is complete."""
        self._add({"ended": _now()})

    def _add(self, row: dict[str, Any]) -> None:
        self.rows.append(row)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


def _now() -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S")
