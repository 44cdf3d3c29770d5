"""Rows -> Parquet files that the Hugging Face library `datasets` loads and streams, with a card."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from abcscribe.corpora.recording import SPLITS, DataSet
from abcscribe.extras import require
from abcscribe.files import replacing, write_text

ROWS = 64  # of a row group: what streaming reads at once
Row = Mapping[str, Any]
VALUE = "Value"  # `datasets` calls a column of plain values so
COLUMNS: dict[str, dict[str, Any]] = {
    "id": {"dtype": "string", "_type": VALUE},
    "start_time": {"dtype": "int32", "_type": VALUE},  # seconds
    "question": {"dtype": "string", "_type": VALUE},
    "answer": {"dtype": "string", "_type": VALUE},
    "embedding": {"feature": {"feature": {"dtype": "float32", "_type": VALUE}, "_type": "List"}, "_type": "List"},
    "audio": {"_type": "Audio"},
}

CARD = """\
---
license: {licence}
configs:
- config_name: default
  data_files:
{files}
---
# {title}

Made by `abcscribe data export` from a local copy of {data_set} ({home}).
Terms of the data set: {terms}. Please cite: {citation}

{what}

```python
from datasets import load_dataset
rows = load_dataset("{name}", split="{split}", streaming=True)
```
"""
LICENCES = {"CC0 1.0": "cc0-1.0", "CC BY 4.0": "cc-by-4.0", "CC BY-NC-SA 4.0": "cc-by-nc-sa-4.0"}  # names on the Hub


def write_rows(path: Path, rows: Iterable[Row], columns: Sequence[str]) -> int:
    """Write rows as they come; the file appears once it is complete.

    Args:
        path: of the file.
        rows: with a value for each column; of "audio" bytes of a sound file.
        columns: of `COLUMNS`.

    Returns:
        The number of rows.
    """
    require("Writing Parquet", "data", "pyarrow")
    import pyarrow
    from pyarrow import parquet

    schema = _schema(columns)
    count, group = 0, list[Row]()
    with replacing(path) as unfinished, parquet.ParquetWriter(unfinished, schema, compression="zstd") as writer:
        for row in rows:
            group.append({name: _cell(name, row[name]) for name in columns})
            count += 1
            if len(group) == ROWS:
                writer.write_table(pyarrow.Table.from_pylist(group, schema))
                group = []
        if group:
            writer.write_table(pyarrow.Table.from_pylist(group, schema))
    return count


def read_rows(path: Path, columns: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """The rows of a file, all columns or some."""
    require("Reading Parquet", "data", "pyarrow")
    from pyarrow import parquet

    return parquet.read_table(path, columns=None if columns is None else list(columns)).to_pylist()


def write_card(folder: Path, data_set: DataSet, splits: Sequence[str], what: str) -> None:
    """Write the README.md by which `datasets` finds the splits."""
    files = "\n".join(f'  - split: {split}\n    path: "data/{split}-*.parquet"' for split in SPLITS if split in splits)
    text = CARD.format(
        licence=LICENCES.get(data_set.licence.name, "other"), files=files, title=folder.name, data_set=data_set.title,
        home=data_set.home or "made here", terms=data_set.licence.name, citation=data_set.citation or "abcscribe",
        what=what, name=folder.name, split=splits[0],
    )  # fmt: skip
    write_text(folder / "README.md", text)


def _schema(columns: Sequence[str]) -> Any:
    import pyarrow as pa

    kinds = {
        "string": pa.string(), "int32": pa.int32(), "List": pa.list_(pa.list_(pa.float32())),
        "Audio": pa.struct({"bytes": pa.binary(), "path": pa.string()}),
    }  # fmt: skip
    fields = [(name, kinds[COLUMNS[name].get("dtype", COLUMNS[name]["_type"])]) for name in columns]
    features = json.dumps({"info": {"features": {name: COLUMNS[name] for name in columns}}})
    return pa.schema(fields, metadata={"huggingface": features})


def _cell(name: str, value: Any) -> Any:
    if name == "audio":
        return {"bytes": value, "path": None}
    return value.tolist() if hasattr(value, "tolist") else value
