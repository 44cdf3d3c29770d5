"""Experiment trackers for the figures of a run, besides its log: trackio, TensorBoard, Weights & Biases, or none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from abcscribe.errors import AbcscribeError
from abcscribe.training.pace import Entry

TRACKERS = ("none", "trackio", "tensorboard", "wandb")
PROJECT = "abcscribe"

Log = Callable[[Entry], None]


def default_tracker() -> str:
    """trackio, which stores everything locally, if it is installed."""
    return "trackio" if find_spec("trackio") else "none"


@contextmanager
def tracking(tracker: str, folder: Path, config: dict[str, Any] | None = None) -> Iterator[Log]:
    """A run of a tracker, as a context with the function ``log(entry)``.

    An entry is a log entry of a training: numbers, perhaps in dicts (logged as ``valid/loss``), and their ``step``; the
    rest is left out.

    Args:
        tracker: of TRACKERS.
        folder: checkpoint folder, after which the run is named.
        config: settings of the run.

    Raises:
        AbcscribeError: the tracker is unknown or not installed.
    """
    if tracker not in TRACKERS:
        raise AbcscribeError(f"There is no tracker {tracker!r}; there are {', '.join(TRACKERS)}.")
    if tracker == "none":
        yield lambda entry: None
    elif tracker == "tensorboard":
        with _required(tracker, "torch.utils.tensorboard").SummaryWriter(str(folder / "tensorboard")) as writer:
            yield lambda entry: _write(writer, entry)
    else:  # trackio has the calls of wandb
        library = _required(tracker, tracker)
        settings = {name: str(value) for name, value in (config or {}).items()}
        library.init(project=PROJECT, name=folder.resolve().name, config=settings)
        try:
            yield lambda entry: library.log(flat(entry), step=entry.get("step"))
        finally:
            library.finish()


def flat(entry: Entry, prefix: str = "") -> dict[str, float]:
    """The numbers of an entry, those of inner dicts with the outer name and a slash before theirs."""
    found: dict[str, float] = {}
    for name, value in entry.items():
        if isinstance(value, dict):
            found |= flat(value, f"{prefix}{name}/")
        elif isinstance(value, int | float) and not isinstance(value, bool) and prefix + name != "step":
            found[prefix + name] = value
    return found


def _write(writer: Any, entry: Entry) -> None:
    for name, value in flat(entry).items():
        writer.add_scalar(name, value, entry.get("step"))
    writer.flush()


def _required(tracker: str, module: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        raise AbcscribeError(f"The tracker {tracker} is not installed: pip install {tracker}") from error
