"""Every format of a transcription: those of a score, and a page that plays the recording with it."""

from __future__ import annotations

from pathlib import Path

from abcscribe.score.model import Score
from abcscribe.score.writers import WRITERS, render

HTML = "html"
_PAGE = (".html", "a page that plays the recording and follows it in the score")


def known() -> dict[str, tuple[str, str]]:
    """Suffix and summary of each format, by name."""
    return {name: (writer.suffix, writer.summary) for name, writer in WRITERS.items()} | {HTML: _PAGE}


def render_with_recording(
    score: Score, name: str, tuning: str | None, recording: Path | None, concert: bool = False
) -> bytes:
    """A score in one of the formats.

    Args:
        tuning: for those with tablature.
        recording: the file that the score was made of, for the page. None, a pipe that was read to its end and a MIDI
            file leave the sound out.
        concert: transposing instruments at sounding pitch.

    Raises:
        ScoreError: there is no such format or tuning, or the format cannot hold the score.
        AudioError: the recording cannot be decoded.
    """
    if name != HTML:
        return render(score, name, tuning, concert=concert)
    from abcscribe.playback.html import has_sound, recording_of, to_html

    return to_html(score, recording_of(recording) if recording and has_sound(recording) else None)
