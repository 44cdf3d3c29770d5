"""Rows -> ``report.md``, ``report.html``, plots and engravings in the folder of the rows.

The page is built once from headings, texts, tables and images; Markdown and HTML are two ways to write these four.
"""

from __future__ import annotations

import html
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from abcscribe.errors import ScoreError
from abcscribe.evaluation import plots
from abcscribe.evaluation.calibration import calibration
from abcscribe.evaluation.run import REFERENCE, SCORES, Protocol, Row
from abcscribe.evaluation.statistics import COVERAGE, Mean, by_clip, compare, mean
from abcscribe.systems import licence_and_size

# The figures of the main table: label, and whether less is better.
HEADLINES: dict[str, tuple[str, bool]] = {
    "reward.full": ("reward", False),
    "notes.onset_f1": ("onset F1", False),
    "notes.onset_100ms_f1": ("onset F1, 100 ms", False),
    "notes.offset_f1": ("onset + offset F1", False),
    "pitch.loss": ("pitch loss", True),
    "rhythm.score": ("rhythm", False),
    "metre.exact": ("metre right", False),
    "tempo.accuracy_1": ("tempo within 4 %", False),
    "tempo.accuracy_2": ("or its multiple", False),
    "key.score": ("key", False),
    "key.exact": ("key right", False),
    "instrument.loss": ("instrument loss", True),
    "structure.bars": ("bars add up", False),
    "abc.invalid": ("invalid ABC", True),
    "mv2h.mv2h": ("MV2H", False),
    "edit_rate.mcr": ("edit rate", True),
    "reward.origin": ("origin's reward", False),
}
# The columns of the table of groups: figure, label, and whether 1 less the figure is shown.
GROUP_COLUMNS: tuple[tuple[str, str, bool], ...] = (
    ("pitch.loss", "pitch error ↓", False),
    ("metre.exact", "metre right", False),
    ("key.exact", "key right", False),
    ("reward.origin", "origin's loss ↓", True),
    ("structure.bars", "bars add up", False),
    ("abc.invalid", "invalid ABC ↓", False),
    ("reward.full", "reward", False),
    ("notes.onset_f1", "onset F1", False),
)
COMPARED = ("reward.full", "notes.onset_f1", "pitch.loss", "rhythm.score", "mv2h.mv2h")
ENGRAVED = 6  # clips shown as sheet music, the best to the worst: a report of every page of every clip is not read
CLIPS = "clips"  # folder of the engravings

Table = list[list[str]]  # the first row is the head


@dataclass(frozen=True, slots=True)
class Heading:
    text: str
    level: int = 2


@dataclass(frozen=True, slots=True)
class Image:
    path: str  # relative to the report
    alt: str


Block = Heading | Image | str | Table


def write_report(out: Path, rows: Sequence[Row], protocol: Protocol, suite: str, command: str) -> Path:
    """Write ``report.md``, ``report.html`` and their images.

    Args:
        out: folder of the rows and scores.
        rows: of the evaluation.
        protocol: that they were made by.
        suite: its name.
        command: the command line, for the report.

    Returns:
        The path of the HTML page.
    """
    names = list(dict.fromkeys(row["system"] for row in rows))
    blocks = [
        *_introduction(rows, names, protocol, suite, command),
        *_systems(rows, names),
        *_figures(out, rows, names),
        *_groups(out, rows, names),
        *_comparisons(rows, names),
        *_calibration(out, rows, names),
        *_failures(rows),
        *_engravings(out, rows, names),
    ]
    (out / "report.md").write_text(to_markdown(blocks), encoding="utf-8")
    page = out / "report.html"
    page.write_text(to_html(blocks, f"abcscribe: {suite}"), encoding="utf-8")
    return page


def _introduction(rows: Sequence[Row], names: list[str], protocol: Protocol, suite: str, command: str) -> list[Block]:
    clips = len({row["clip"] for row in rows})
    text = (
        f"{clips} clips of {suite}, protocol “{protocol.name}”. Each figure is a mean over the clips whose ground "
        f"truth allows it, with a {COVERAGE:.0%} bootstrap interval over clips. A system that failed on a clip counts "
        "there as one that answered with an empty score."
    )
    if protocol.samples > 1:
        alike = [name for name in names if all(row["sample"] == 0 for row in rows if row["system"] == name)]
        text += (
            f" Every clip is asked {protocol.samples} times at temperature {protocol.temperature}, at most "
            f"{protocol.max_tokens} tokens, and the answers are averaged."
        )
        if alike:
            text += f" {', '.join(alike)} answer alike every time: {protocol.samples} equal answers, computed once."
    return [Heading("Evaluation", 1), text, f"Made by `{command}`."]


def _systems(rows: Sequence[Row], names: list[str]) -> list[Block]:
    """Whose weights they are, how large they are, and how fast they were here."""
    table: Table = [["system", "licence of the weights", "parameters", "times real time", "peak MB"]]
    for name in names:
        own = [row for row in rows if row["system"] == name]
        licence, size = licence_and_size(name)
        speeds = sorted(row["real_time"] for row in own if row["real_time"])
        pace = f"{speeds[len(speeds) // 2]:.1f}" if speeds else ""
        table.append([name, licence, size, pace, str(max(row["memory"] for row in own))])
    return [Heading("Systems"), table]


def _figures(out: Path, rows: Sequence[Row], names: list[str]) -> list[Block]:
    table: Table = [["", *names, "clips"]]
    means: dict[str, dict[str, Mean]] = {}
    for figure, (label, less) in HEADLINES.items():
        found = {name: m for name in names if (m := mean(list(by_clip(rows, name, figure).values())))}
        if found:
            means[label] = found
            best = (min if less else max)(m.value for m in found.values())
            cells = [_cell(found.get(name), best) for name in names]
            table.append([label + (" ↓" if less else ""), *cells, str(max(m.clips for m in found.values()))])
    table.append(["times faster than real time", *(_speed(rows, name) for name in names), ""])
    table.append(["peak memory, MB", *(str(max(r["memory"] for r in rows if r["system"] == n)) for n in names), ""])
    plots.figures(out / "figures.svg", means)
    return [Heading("Figures"), table, "↓: less is better.", Image("figures.svg", "means and intervals of all figures")]


def _cell(found: Mean | None, best: float) -> str:
    if found is None:
        return "–"
    text = f"{found.value:.3f}"
    return f"{f'**{text}**' if found.value == best else text} [{found.low:.2f}, {found.high:.2f}]"


def _speed(rows: Sequence[Row], name: str) -> str:
    """Total length of the recordings over total time; systems that take no time have no speed."""
    mine = [row for row in rows if row["system"] == name]
    seconds = sum(row["seconds"] for row in mine)
    sound = sum(row["real_time"] * row["seconds"] for row in mine)
    return f"{sound / seconds:.1f}" if seconds > 0.1 else "–"


def _groups(out: Path, rows: Sequence[Row], names: list[str]) -> list[Block]:
    """A row for each group and system."""
    groups = list(dict.fromkeys(row["group"] for row in rows))
    if len(groups) < 2:
        return []
    table: Table = [["group", "clips", "system", *(label for _, label, _ in GROUP_COLUMNS)]]
    values: dict[str, dict[str, float]] = {name: {} for name in names}
    for group in groups:
        mine = [row for row in rows if row["group"] == group]
        clips = str(len({row["clip"] for row in mine}))
        for name in names:
            cells = [_group_cell(mine, name, figure, less) for figure, _, less in GROUP_COLUMNS]
            table.append([group, clips, name, *cells])
            onsets = mean(list(by_clip(mine, name, "notes.onset_f1").values()))
            values[name][group] = onsets.value if onsets else math.nan
    plots.groups(out / "groups.svg", values)
    return [Heading("Groups"), table, Image("groups.svg", "onset F1 by group")]


def _group_cell(rows: Sequence[Row], name: str, figure: str, loss: bool) -> str:
    """The mean with its interval, or 1 less it."""
    values = by_clip(rows, name, figure).values()
    found = mean([1 - value if loss else value for value in values])
    return f"{found.value:.3f} [{found.low:.2f}, {found.high:.2f}]" if found else "–"


def _comparisons(rows: Sequence[Row], names: list[str]) -> list[Block]:
    table: Table = [["", "figure", "difference", "clips better / worse", "p"]]
    for i, name in enumerate(names):
        for other in names[i + 1 :]:
            for figure in COMPARED:
                if found := compare(rows, other, name, figure):
                    d = found.difference
                    interval = f"{d.value:+.3f} [{d.low:+.3f}, {d.high:+.3f}]"
                    higher, lower = found.better, found.worse
                    good, bad = (lower, higher) if HEADLINES[figure][1] else (higher, lower)
                    label = HEADLINES[figure][0]
                    table.append(
                        [
                            f"{other} − {name}",
                            label,
                            interval,
                            f"{good} / {bad}",
                            f"{found.p:.3f}" if found.p >= 0.001 else "< 0.001",
                        ]
                    )
    if len(table) == 1:
        return []
    return [Heading("Pairs on the same clips"), table, "p: two-sided sign-flip test that there is no difference."]


def _calibration(out: Path, rows: Sequence[Row], names: list[str]) -> list[Block]:
    bins, table = {}, [["", "expected calibration error", "bars"]]
    for name in names:
        bars = [tuple(bar) for row in rows if row["system"] == name for bar in row["bars"]]
        if bars:
            bins[name], error = calibration(bars)
            table.append([name, f"{error:.3f}", str(len(bars))])
    if not bins:
        return []
    plots.calibration(out / "calibration.svg", bins)
    text = "Confidence of a bar against the onset F1 (100 ms) of its notes; on the diagonal it says what it is worth."
    return [Heading("Calibration of confidence"), text, table, Image("calibration.svg", "calibration curves")]


def _failures(rows: Sequence[Row]) -> list[Block]:
    failed = [[row["system"], row["clip"], row["error"]] for row in rows if row["error"]]
    return [Heading("Failures"), [["system", "clip", "what was said"], *failed]] if failed else []


def _engravings(out: Path, rows: Sequence[Row], names: list[str]) -> list[Block]:
    """Reference over prediction for clips from the best to the worst, for the last system that has a reward."""
    name = next((n for n in reversed(names) if by_clip(rows, n, "reward.full")), None)
    if name is None:
        return []
    ranked = sorted(by_clip(rows, name, "reward.full").items(), key=lambda item: -item[1])
    chosen = [ranked[round(i * (len(ranked) - 1) / max(1, ENGRAVED - 1))] for i in range(min(ENGRAVED, len(ranked)))]
    blocks: list[Block] = [Heading(f"Sheets: {name}"), "The printed score above, what was written below."]
    for clip, reward in chosen:
        blocks.append(Heading(f"{clip}: reward {reward:.2f}", 3))
        blocks.extend(_engraving(out, who, clip) for who in (REFERENCE, name))
    return blocks


def _engraving(out: Path, who: str, clip: str) -> Block:
    from abcscribe.score.abc_reader import read_abc
    from abcscribe.score.engrave import to_svg

    score, _ = read_abc((out / SCORES / who / clip).with_suffix(".abc").read_text(encoding="utf-8"))
    path = Path(CLIPS) / who / f"{clip}.svg"
    (out / path).parent.mkdir(parents=True, exist_ok=True)
    try:
        (out / path).write_text(to_svg(score), encoding="utf-8")
    except ScoreError as error:
        return str(error)
    return Image(path.as_posix(), f"{who}: {clip}")


def to_markdown(blocks: Sequence[Block]) -> str:
    """The page as GitHub's Markdown."""
    return "\n\n".join(_markdown(block) for block in blocks) + "\n"


def _markdown(block: Block) -> str:
    match block:
        case Heading(text, level):
            return f"{'#' * level} {text}"
        case Image(path, alt):
            return f"![{alt}]({path})"
        case str():
            return block
    head, *body = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in block]
    return "\n".join([head, "|" + "---|" * len(block[0]), *body])


def to_html(blocks: Sequence[Block], title: str) -> str:
    """The page as one HTML document; its images stay beside it."""
    body = "\n".join(_html(block) for block in blocks)
    return f"{PAGE_HEAD.format(title=html.escape(title))}\n{body}\n</body></html>\n"


def _html(block: Block) -> str:
    match block:
        case Heading(text, level):
            return f"<h{level}>{html.escape(text)}</h{level}>"
        case Image(path, alt):
            return f'<img src="{html.escape(path)}" alt="{html.escape(alt)}">'
        case str():
            return f"<p>{_inline(block)}</p>"
    head, *body = block
    rows = ["".join(f"<th>{_inline(cell)}</th>" for cell in head)]
    rows += ["".join(f"<td>{_inline(cell)}</td>" for cell in row) for row in body]
    return "<table>" + "".join(f"<tr>{row}</tr>" for row in rows) + "</table>"


def _inline(text: str) -> str:
    """Escaped, with the two marks that the blocks use: **bold** and `code`."""
    text = re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", html.escape(text))
    return re.sub(r"`(.+?)`", r"<code>\1</code>", text)


PAGE_HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 70em; margin: 2em auto; padding: 0 1em; color: #222 }}
table {{ border-collapse: collapse; margin: 1em 0 }}
th, td {{ border-bottom: 1px solid #ddd; padding: .3em .8em; text-align: left; font-variant-numeric: tabular-nums }}
img {{ max-width: 100%; display: block; background: white }}
</style></head><body>"""
