"""The registry of systems that transcribe a recording to a score, by name: ``NAME[:CHECKPOINT][+WRITER]``.

``abcscribe``, ``basic-pitch+lm``, ``abcscribe:data/tower+rules``, ``qwen2-audio:data/qwen``. Engines of
`abcscribe.hearing` give notes, which are analysed and written; `abcscribe.text_systems` answer in ABC themselves. One
registry for ``transcribe``, ``evaluate`` and the page: a new system is one module and one line there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from abcscribe import hearing, text_systems
from abcscribe.errors import AbcscribeError, EngineError
from abcscribe.hearing import ENGINES
from abcscribe.text_systems import TEXT_SYSTEMS
from abcscribe.writing import WRITERS

DEFAULT = "abcscribe"


@dataclass(frozen=True, slots=True)
class SystemName:
    """A name in its parts."""

    name: str  # in ENGINES or TEXT_SYSTEMS
    checkpoint: str = ""  # file, folder or Hub name; "": the weights that the system comes with
    writer: str = ""  # in WRITERS; "" for text systems

    @property
    def answers_in_text(self) -> bool:
        """Whether the system answers in ABC text."""
        return self.name in TEXT_SYSTEMS


def parse(text: str) -> SystemName:
    """Parse the name of a system.

    Args:
        text: ``NAME[:CHECKPOINT][+WRITER]``; the checkpoint may be a path with any character.

    Raises:
        EngineError: the name is unknown.
    """
    head, _, writer = text.rpartition("+")
    if not head or writer not in WRITERS:
        head, writer = text, ""
    name, _, checkpoint = head.partition(":")
    if name in TEXT_SYSTEMS and not writer:
        return SystemName(name, checkpoint)
    if name not in ENGINES:
        written = " or ".join(f"+{known}" for known in WRITERS)
        raise EngineError(
            f"There is no engine {text!r}; there are {', '.join(ENGINES)}, each also with {written}, and "
            f"{', '.join(TEXT_SYSTEMS)}; :CHECKPOINT behind a name gives it other weights."
        )
    return SystemName(name, checkpoint, writer or ENGINES[name].writer)


def with_weights() -> list[str]:
    """The systems that run here as they are: their packages are installed, and weights come with them."""
    ready = [name for name, info in ENGINES.items() if info.has_weights and _state(name) == "ready"]
    return [name for head in ready for name in ([head, f"{head}+rules"] if ENGINES[head].writer != "rules" else [head])]


def licence_and_size(text: str) -> tuple[str, str]:
    """Licence of the published weights of a system, and its number of parameters; "" for others' weights."""
    try:
        parts = parse(text)
    except EngineError:
        return "", ""
    if parts.checkpoint:
        return "", ""
    info = TEXT_SYSTEMS[parts.name] if parts.answers_in_text else ENGINES[parts.name]
    return info.licence, info.parameters


@dataclass(frozen=True, slots=True)
class Listed:
    """A line of ``abcscribe engines``."""

    name: str
    summary: str
    state: str  # "ready", or a sentence with what is missing


def listed() -> Iterator[Listed]:
    """All systems, and for those that cannot run here the reason, for which note engines are loaded."""
    for name, info in ENGINES.items():
        yield Listed(name, f"{info.summary}, written by {WRITERS[info.writer]}", _state(name))
    for name, system in TEXT_SYSTEMS.items():
        yield Listed(name, f"{system.summary}, writes ABC itself", _state(name))


def _state(name: str) -> str:
    try:
        if name in TEXT_SYSTEMS:
            text_systems.check(name)
        else:
            hearing.load(name)
    except AbcscribeError as error:
        return str(error)
    return "ready"
