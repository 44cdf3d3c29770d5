"""Failures whose message is for the user: one clear sentence, printed without a traceback."""

from __future__ import annotations

from pathlib import Path


class AbcscribeError(Exception):
    """Base of all failures that are the input's or the machine's fault, not the program's."""


class AudioError(AbcscribeError):
    """A recording cannot be read, or there is nothing in it to transcribe."""


class ScoreError(AbcscribeError):
    """A score file cannot be read or written."""


class EngineError(AbcscribeError):
    """A transcription engine is unknown, or what it needs is not installed."""


def is_failure(error: BaseException) -> bool:
    """Whether a process can go on after it. (A panic in Rust is raised as a BaseException of its own.)"""
    return isinstance(error, Exception) or type(error).__name__ == "PanicException"


def sentence(error: BaseException, subject: Path | None = None) -> str:
    """One sentence for the user; an error of the system is told with the file it is about."""
    where = f"{subject}: " if subject is not None else ""
    if isinstance(error, AbcscribeError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        about = error.filename if error.filename is not None else subject
        reason = error.strerror.lower()
        return f"{about}: {reason}." if about is not None else f"{reason.capitalize()}."
    if isinstance(error, MemoryError):
        return f"{where}there is too little memory for it."
    what = " ".join(str(error).split())[:200].rstrip(".")
    return (
        f"{where}abcscribe failed ({type(error).__name__}{': ' if what else ''}{what}); ABCSCRIBE_DEBUG=1 shows where."
    )
