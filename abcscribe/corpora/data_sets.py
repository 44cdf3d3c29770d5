"""The data sets of recordings, by name. A new one is a module with a ``DATA_SET`` and a line here."""

from __future__ import annotations

from abcscribe.corpora import asap, bach10, guitarset, maestro, maps, musicnet, slakh, suite_folder, urmp
from abcscribe.corpora.recording import DataSet, DataSetError

DATA_SETS = {
    module.DATA_SET.name: module.DATA_SET
    for module in (urmp, maestro, slakh, musicnet, guitarset, bach10, maps, asap, suite_folder)
}


def data_set(name: str) -> DataSet:
    """A data set by its name. Raises DataSetError, with the names that there are."""
    if name not in DATA_SETS:
        raise DataSetError(f"There is no data set {name!r}; there are {', '.join(DATA_SETS)}.")
    return DATA_SETS[name]
