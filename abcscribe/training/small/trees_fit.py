"""Trees of LightGBM -> the arrays of `abcscribe.model.boosted_trees`."""

from __future__ import annotations

from typing import Any

import lightgbm
import numpy as np

KINDS = {"feature": np.int16, "left": np.uint32, "right": np.uint32}


def arrays(trees: lightgbm.Booster) -> dict[str, np.ndarray]:
    columns: dict[str, list[float]] = {name: [] for name in ("feature", "threshold", "left", "right", "value")}
    roots, classes, answers = [], [], trees.num_model_per_iteration()

    def add(node: dict[str, Any]) -> int:
        own = len(columns["value"])
        leaf = "leaf_value" in node
        row = (0, 0.0, own, own, node["leaf_value"]) if leaf else (node["split_feature"], node["threshold"], 0, 0, 0.0)
        for name, value in zip(columns, row, strict=True):
            columns[name].append(value)
        if not leaf:
            columns["left"][own], columns["right"][own] = add(node["left_child"]), add(node["right_child"])
        return own

    for index, tree in enumerate(trees.dump_model()["tree_info"]):
        roots.append(add(tree["tree_structure"]))
        classes.append(index % answers)
    made = {name: np.array(values, KINDS.get(name, np.float32)) for name, values in columns.items()}
    return made | {"root": np.array(roots, np.uint32), "class": np.array(classes, np.int8)}
