"""log.jsonl of training runs -> curves: ``abcscribe train report``.

Reads the log of any trainer of the project: entries with ``step``, perhaps ``minutes``, and numbers, perhaps in dicts.
Of a step that was logged twice, because a run was resumed, the last entry is used. Needs matplotlib.
"""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from abcscribe.errors import AbcscribeError
from abcscribe.training.pace import Entry
from abcscribe.training.tracking import flat

# Okabe and Ito's colours, distinguishable with colour blindness.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
COLUMNS = 5
SMOOTHED = 15  # points of the moving mean; figures of single steps are noisy
SHOWN = 6  # latest samples

Curves = dict[str, tuple[np.ndarray, np.ndarray]]  # figure -> where (minutes or steps) and what

STYLE = """body { font: 15px/1.4 sans-serif; margin: 2em auto; max-width: 1300px } img { max-width: 100% }
table { border-collapse: collapse } td, th { padding: .2em .8em; text-align: right } th:first-child { text-align: left }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(320px, 1fr)); gap: 1em }
pre { background: #f4f4f4; padding: .6em; overflow: auto; font-size: 12px }"""


def report(runs: Sequence[Path], out: Path) -> Path:
    """Write ``curves.png`` and ``report.html`` of some runs, one colour each; returns the page.

    Raises AbcscribeError if a folder has no log.
    """
    found = {run.resolve().name: curves(run) for run in runs}
    out.mkdir(parents=True, exist_ok=True)
    picture = out / "curves.png"
    draw(found, picture)
    page = [
        f"<!doctype html><meta charset=utf-8><title>Training runs</title><style>{STYLE}</style>",
        f"<h1>{html.escape(', '.join(found))}</h1>",
        f'<img alt="curves" src="data:image/png;base64,{base64.b64encode(picture.read_bytes()).decode()}">',
        table(found),
        *(samples(run) for run in runs),
    ]
    path = out / "report.html"
    path.write_text("\n".join(page), encoding="utf-8")
    return path


def curves(run: Path) -> Curves:
    """Every figure of a run's log."""
    path = run / "log.jsonl"
    if not path.exists():
        raise AbcscribeError(f"{run} has no log.jsonl: it is no training run.")
    entries: dict[tuple[int, bool], Entry] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        entries[entry.get("step", 0), "valid" in entry] = entry
    points: dict[str, dict[float, float]] = {}
    for (step, _), entry in sorted(entries.items()):
        where = entry.get("minutes", step)
        for name, value in flat(entry).items():
            if name != "minutes" and np.isfinite(value):
                points.setdefault(name, {})[where] = value
    return {name: (np.array(list(p)), np.array(list(p.values()))) for name, p in points.items()}


def draw(runs: Mapping[str, Curves], path: Path) -> None:
    """One small plot for each figure; held-out figures first."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise AbcscribeError("Curves need matplotlib: pip install 'abcscribe[evaluate]'") from error
    names = list(dict.fromkeys(name for found in runs.values() for name in found))
    names.sort(key=lambda name: not name.startswith("valid/"))
    rows = -(-len(names) // COLUMNS)
    figure = Figure(figsize=(3.4 * COLUMNS, 2.1 * rows + 0.5), layout="constrained")
    for place, name in enumerate(names, 1):
        axes = figure.add_subplot(rows, COLUMNS, place)
        for (run, found), colour in zip(runs.items(), COLOURS * len(runs), strict=False):
            if name in found:
                where, what = found[name]
                axes.plot(where, what, color=colour, linewidth=0.8, alpha=0.35)
                axes.plot(where, smooth(what), color=colour, linewidth=1.4, label=run)
        axes.set_title(name, fontsize=8)
        axes.tick_params(labelsize=7)
        axes.grid(color="#eeeeee")
    handles = {label: h for axes in figure.axes for h, label in zip(*axes.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles.keys(), loc="outside upper center", ncols=6, frameon=False)
    figure.savefig(path, dpi=90)


def smooth(values: np.ndarray) -> np.ndarray:
    """The mean of up to SMOOTHED points around each; short curves stay as they are."""
    if len(values) < 3 * SMOOTHED:
        return values
    kernel = np.ones(SMOOTHED)
    return np.convolve(values, kernel, "same") / np.convolve(np.ones(len(values)), kernel, "same")


def table(runs: Mapping[str, Curves]) -> str:
    """First, best and last value of every held-out figure."""
    rows = ["<tr><th>held-out<th>run<th>first<th>highest<th>last</tr>"]
    for run, found in runs.items():
        for name, (_, what) in found.items():
            if name.startswith("valid/"):
                cells = "".join(f"<td>{value:.3f}" for value in (what[0], what.max(), what[-1]))
                rows.append(f"<tr><th>{html.escape(name[6:])}<td>{html.escape(run)}{cells}</tr>")
    return f"<table>{''.join(rows)}</table>" if len(rows) > 1 else ""


def samples(run: Path) -> str:
    """The latest answers of a run beside their references."""
    path = run / "samples.jsonl"
    if not path.exists():
        return ""
    blocks = [f"<h2>{html.escape(run.name)}: answers beside their reference</h2>"]
    for line in path.read_text(encoding="utf-8").splitlines()[-SHOWN:]:
        shown = json.loads(line)
        columns = [("reference", shown["reference"])]
        columns += [(f"reward {a['reward']:.3f}", a["answer"] or "(no score)") for a in shown["answers"]]
        cells = "".join(f"<div>{title}<pre>{html.escape(text)}</pre></div>" for title, text in columns)
        title = f"step {shown['step']}, {shown['split']} {html.escape(shown['kind'])}"
        blocks.append(f"<h3>{title}</h3><div class=pair>{cells}</div>")
    return "\n".join(blocks)
