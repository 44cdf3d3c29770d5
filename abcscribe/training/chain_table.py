"""The dependencies of all files of weights and of the data in between, in an order in which they can be made.

`abcscribe.training.chain` uses it to find what a change makes stale; the table in ``abcscribe/model/weights/README.md``
is written from it (``python -m abcscribe.training.chain_table``).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from abcscribe.errors import AbcscribeError
from abcscribe.model import SHIPPED

SOURCES = {
    "scores": "note cache of `abcscribe data scores`",
    "sounds": "soundfonts, singer, players and rooms of `abcscribe/synthesis`",
    "metres": "`abcscribe.score.grid.METRES`",
}
Command = tuple[str, ...]  # arguments of abcscribe; {weights}, {out} and {NAME of a Data} stand for paths


@dataclass(frozen=True)
class Data:
    """Intermediate data, too large to be kept with the package."""

    name: str
    folder: str  # under the folder of the data
    commands: tuple[Command, ...]
    depends: tuple[str, ...]


@dataclass(frozen=True)
class Weights:
    """Files of the folder of weights that are made together."""

    name: str
    files: tuple[str, ...]
    what: str
    commands: tuple[Command, ...]
    depends: tuple[str, ...]
    date: str  # of those in the package


def _small(learner: str, *options: str) -> tuple[Command, ...]:
    return (("train", "small", learner, *options, "--weights", "{weights}"),)


NOTES = ("--notes", "{scores}")
EXAMPLES = ("--examples", "{out}/examples/{name}.npz")
TABLE: tuple[Data | Weights, ...] = (
    Data("clips", "clips", (("data", "render", *NOTES, "--out", "{clips}"),), ("scores", "sounds")),
    Data(
        "suite", "suites/rendered-valid",
        (("data", "suite", "{suite}", *NOTES, "--split", "valid", "--clips", "160"),), ("scores", "sounds"),
    ),
    Weights(
        "keys", ("keys.npz",), "notes -> log probability of each key", _small("keys", *NOTES), ("scores",),
        "2026-11-26",
    ),
    Weights(
        "tower", ("tower.onnx", "tower.safetensors", "config.json"), "frames -> onsets, sounding pitches, families",
        (
            ("train", "tower", "--clips", "{clips}", "--start", "{weights}", "--out", "{out}/tower"),
            ("train", "ship", "{out}/tower", "{weights}"),
        ), ("clips",), "2026-11-26",
    ),
    Weights(
        "note_confidence", ("note_confidence.npz",), "candidates of the tower -> probability that a note was played",
        _small("note-confidence", "--clips", "{clips}"), ("clips", "tower"), "2026-11-26",
    ),
    Data(
        "heard", "heard",
        (
            ("data", "listen", *NOTES, "--out", "{heard}"),
            ("data", "listen-clips", *NOTES, "--out", "{heard}"),
        ), ("scores", "sounds", "keys", "tower", "note_confidence"),
    ),
    Data(
        "heard_valid", "heard-valid",
        (
            ("data", "listen", *NOTES, "--out", "{heard_valid}", "--split", "valid", "--shards", "4"),
            ("data", "listen-clips", *NOTES, "--out", "{heard_valid}", "--split", "valid", "--clips", "320"),
        ), ("scores", "sounds", "keys", "tower", "note_confidence"),
    ),
    Weights(
        "rhythm_tables", ("rhythm_tables.npz",), "how likely the next onset is at each place of the bar",
        _small("rhythm-tables", *NOTES), ("scores", "metres"), "2026-11-25",
    ),
    Weights(
        "beat_network", ("beat_network.npz",), "chords -> place in the bar, tempo, metre",
        _small("beat-network", *NOTES, "--heard", "{heard}", *EXAMPLES), ("scores", "metres", "keys", "heard"),
        "2026-11-26",
    ),
    Weights(
        "metre_choice", ("metre_choice.npz",), "the best reading in each metre -> which metre",
        _small("metre-choice", *NOTES, "--heard", "{heard}", *EXAMPLES),
        ("scores", "metres", "heard", "rhythm_tables", "beat_network"), "2026-11-26",
    ),
    Weights(
        "downbeats", ("downbeats.npz",), "a reading turned by each beat -> which beat begins the bar",
        _small("downbeats", *NOTES, *EXAMPLES), ("scores", "metres", "rhythm_tables", "beat_network"), "2026-11-26",
    ),
    Weights(
        "timbre", ("timbre.json",), "as which family of instruments each family is heard",
        _small("timbre", "--heard", "{heard_valid}"), ("heard_valid",), "2026-11-25",
    ),
    Weights(
        "note_unit", ("note_unit.npz",), "a reading -> whether it is printed so, in quarters or eighths",
        _small("note-unit", *NOTES), ("scores", "metres"), "2026-11-27",
    ),
    Weights(
        "hands", ("hands.npz",), "the notes of a keyboard part -> which hand plays them, and in which voice",
        _small("hands", *NOTES), ("scores",), "2026-11-28",
    ),
    Weights(
        "harmony", ("harmony.npz",), "what sounds on each beat -> its chord", _small("harmony", *NOTES), ("scores",),
        "2026-11-27",
    ),
    Weights(
        "player_count", ("player_count.npz",), "notes -> how many play, and whether one plays chords",
        _small("player-count", *NOTES, "--heard", "{heard}", "--held-out", "{heard_valid}"),
        ("scores", "heard", "heard_valid", "timbre"), "2026-11-26",
    ),
    Weights(
        "language_model",
        ("language_model.onnx", "language_model_notes.onnx", "language_model.safetensors", "language_model.json"),
        "notes and analysis -> tokens of a score",
        (
            ("train", "sft", *NOTES, "--heard", "{heard}", "--start", "{weights}", "--out", "{out}/sft"),
            ("train", "ship", "{out}/sft", "{weights}"),
        ),
        (
            "scores", "metres", "heard", "keys", "rhythm_tables", "beat_network", "metre_choice", "downbeats", "timbre",
            "player_count",
        ),
        "2026-11-26",
    ),
    Weights(
        "bar_confidence", ("bar_confidence.json",), "confidence of the notes -> how much of a bar is right",
        _small("bar-confidence", "--fit", "{suite}"), ("suite", "tower", "note_confidence", "language_model"),
        "2026-11-26",
    ),
)  # fmt: skip
NAMES = tuple(item.name for item in TABLE)
# Files that no command of the chain makes, for they need a folder of recorded notes, and what they depend on.
APART = ("player_kinds.npz", "soloist.npz")
APART_DEPENDS = ("scores", "sounds", "tower", "note_confidence")


def stale(changed: tuple[str, ...]) -> list[Data | Weights]:
    """What depends on what has changed, directly or not, in the order of making. The changed things are not in it.

    Raises:
        AbcscribeError: something is neither a source nor in the table.
    """
    unknown = [name for name in changed if name not in (*SOURCES, *NAMES)]
    if unknown:
        raise AbcscribeError(f"Nothing is called {unknown[0]!r}; there are {', '.join((*SOURCES, *NAMES))}.")
    behind, found = set(changed), []
    for item in TABLE:
        if behind & set(item.depends) and item.name not in changed:
            behind.add(item.name)
            found.append(item)
    return found


def readme() -> str:
    """The table of the README beside the weights."""
    lines = ["| file | what | made by | depends on | date |", "|---|---|---|---|---|"]
    for item in TABLE:
        if isinstance(item, Weights):
            made = "; ".join(f"`abcscribe {' '.join(_spoken(command))}`" for command in item.commands)
            files = ", ".join(f"`{file}`" for file in item.files)
            lines.append(f"| {files} | {item.what} | {made} | {', '.join(_direct(item))} | {item.date} |")
    return "\n".join(lines) + "\n"


def _spoken(command: Command) -> list[str]:
    """The words of a command before its options."""
    return [word for index, word in enumerate(command) if index < 2 or (index == 2 and command[1] == "small")]


def _direct(item: Weights) -> list[str]:
    """Sources and weights that an item depends on; for data, what those depend on."""
    data = {other.name: other for other in TABLE if isinstance(other, Data)}
    names: list[str] = []
    for name in item.depends:
        names += data[name].depends if name in data else [name]
    return [name for name in (*SOURCES, *NAMES) if name in names]


BEGIN, END = "<!-- made by python -m abcscribe.training.chain_table -->\n", "<!-- end of the table -->\n"


def written(page: str) -> str:
    """A page with the table between its two marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{readme()}{END}{after}"


def main(path: Path = SHIPPED / "README.md") -> None:
    """Write the table into the README."""
    path.write_text(written(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
