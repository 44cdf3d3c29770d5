"""The plots of a report, as SVG files. Matplotlib is imported when one is drawn."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from abcscribe.evaluation.statistics import Mean

# Okabe and Ito's colours, distinguishable with colour blindness; markers differ too.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = "osD^vP*"


def figures(path: Path, means: Mapping[str, Mapping[str, Mean]]) -> None:
    """Figure -> system -> mean: a row for each figure, a point with its interval for each system."""
    systems = list(dict.fromkeys(name for found in means.values() for name in found))
    axes = _axes(7, 1 + 0.22 * len(means) * max(2, len(systems)))
    for i, name in enumerate(systems):
        rows = [row for row, found in enumerate(means.values()) if name in found]
        found = [list(means.values())[row][name] for row in rows]
        offset = (i - (len(systems) - 1) / 2) * 0.6 / len(systems)
        errors = [[m.value - m.low for m in found], [m.high - m.value for m in found]]
        axes.errorbar([m.value for m in found], [row + offset for row in rows], xerr=errors, **_style(i, name))
    axes.set_yticks(range(len(means)), list(means))
    axes.invert_yaxis()
    axes.set_xlim(-0.02, 1.02)
    _save(path, axes)


def groups(path: Path, values: Mapping[str, Mapping[str, float]]) -> None:
    """System -> group -> onset F1."""
    names = list(dict.fromkeys(group for found in values.values() for group in found))
    axes = _axes(7, 1 + 0.45 * len(names))
    for i, (system, found) in enumerate(values.items()):
        shown = [(found[g], row) for row, g in enumerate(names) if not math.isnan(found.get(g, math.nan))]
        axes.errorbar([value for value, _ in shown], [row for _, row in shown], **_style(i, system))
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlim(-0.02, 1.02)
    axes.set_xlabel("onset F1, 50 ms")
    _save(path, axes)


def calibration(path: Path, bins: Mapping[str, Sequence[tuple[float, float, int]]]) -> None:
    """System -> (mean confidence, mean agreement, bars) of each bin."""
    axes = _axes(5, 5)
    axes.plot([0, 1], [0, 1], color="#bbbbbb", linewidth=1)
    for i, (system, found) in enumerate(bins.items()):
        style = _style(i, system) | {"linestyle": "-"}
        axes.errorbar([b[0] for b in found], [b[1] for b in found], **style)
    axes.set_xlabel("confidence of bars")
    axes.set_ylabel("onset F1 of their notes")
    _save(path, axes)


def _style(index: int, label: str) -> dict:
    colour, marker = COLOURS[index % len(COLOURS)], MARKERS[index % len(MARKERS)]
    return {"color": colour, "marker": marker, "label": label, "linestyle": "none", "capsize": 2, "markersize": 5}


def _axes(width: float, height: float) -> Axes:
    from matplotlib.figure import Figure  # without pyplot: no window system, nothing global

    return Figure(figsize=(width, height), layout="constrained").add_subplot()


def _save(path: Path, axes: Axes) -> None:
    axes.grid(axis="x", color="#eeeeee")
    axes.set_axisbelow(True)
    axes.figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=4, frameon=False)
    axes.figure.savefig(path, metadata={"Date": None})  # type: ignore[union-attr]
