"""Failures whose message is for the user: one clear sentence, printed without a traceback."""


class AbcscribeError(Exception):
    """Base of all failures that are the input's or the machine's fault, not the program's."""


class AudioError(AbcscribeError):
    """A recording cannot be read, or there is nothing in it to transcribe."""


class ScoreError(AbcscribeError):
    """A score file cannot be read or written."""


class EngineError(AbcscribeError):
    """A transcription engine is unknown, or what it needs is not installed."""
