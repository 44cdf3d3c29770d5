"""Folders here and in object stores: the same calls for ``takes``, ``s3://bucket/takes`` and all that fsspec knows.

Credentials and settings are those of fsspec: https://filesystem-spec.readthedocs.io/en/latest/features.html#configuration
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from abcscribe import extras
from abcscribe.errors import AbcscribeError, ScoreError
from abcscribe.score.target import write_target


class StoreError(AbcscribeError):
    """A store, or a file in it, cannot be had: no fault of what lies in it."""


class UnreadableError(StoreError):
    """Something cannot be read from a store."""


class UnwritableError(StoreError):
    """Something cannot be written to a store."""


@dataclass(frozen=True)
class Store:
    """A folder. Names in it are relative, with ``/``."""

    url: str

    @cached_property
    def _opened(self) -> tuple[Any, str]:
        extras.require(f"{self.url} on a cluster", "cluster", "fsspec")
        import fsspec

        try:
            system, root = fsspec.url_to_fs(self.url)
        except (ImportError, ValueError) as error:
            raise StoreError(f"{self.url} cannot be opened: {_reason(error)}") from error
        return system, root.rstrip("/")

    @property
    def is_local(self) -> bool:
        """Whether it is a folder of the file system."""
        return "file" in _protocols(self._opened[0])

    def names(self) -> list[str]:
        """All files in it and below, as a walk through the folders finds them; its own name if it is a file."""
        system, root = self._opened
        with _said(self.url, UnreadableError):
            if system.isfile(root):
                return [""]
            found = system.find(root)
        return sorted((path[len(root) :].lstrip("/") for path in found), key=lambda name: PurePosixPath(name).parts)

    def place(self, name: str) -> str:
        """The address of a file, for people."""
        return f"{self.url.rstrip('/')}/{name}" if name else self.url

    def exists(self, name: str) -> bool:
        """Whether there is such a file."""
        with _said(self.place(name), UnreadableError):
            return bool(self._opened[0].exists(self._path(name)))

    def read(self, name: str) -> bytes:
        """The content of a file."""
        with _said(self.place(name), UnreadableError):
            return bytes(self._opened[0].cat_file(self._path(name)))

    def fetch(self, name: str, folder: Path) -> Path:
        """A file on this machine with the content and the name of one in the store: itself if it is here already."""
        path = self._path(name)
        if self.is_local:
            return Path(path)
        here = folder / PurePosixPath(path).name
        with _said(self.place(name), UnreadableError):
            self._opened[0].get_file(path, str(here))
        return here

    def write(self, name: str, content: bytes) -> None:
        """Write a file in one step: object stores show an object once it is whole, in a folder a file is replaced."""
        path = self._path(name)
        with _said(self.place(name), UnwritableError):
            if self.is_local:
                Path(path).parent.mkdir(parents=True, exist_ok=True)
                write_target(Path(path), content)
            else:
                self._opened[0].pipe_file(path, content)

    def _path(self, name: str) -> str:
        root = self._opened[1]
        return f"{root}/{name}" if name else root


def _protocols(system: Any) -> tuple[str, ...]:
    return (system.protocol,) if isinstance(system.protocol, str) else tuple(system.protocol)


@contextmanager
def _said(place: str, kind: type[StoreError]) -> Iterator[None]:
    """Every failure of a store as one sentence; libraries of stores raise what they like."""
    try:
        yield
    except ScoreError as error:  # has a sentence of its own
        raise kind(str(error)) from error
    except Exception as error:
        what = "written" if kind is UnwritableError else "read"
        raise kind(f"{place} cannot be {what}: {_reason(error)}") from error


def _reason(error: BaseException) -> str:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error) or type(error).__name__
    return f"{' '.join(reason.split())[:200].rstrip('.').lower()}."
