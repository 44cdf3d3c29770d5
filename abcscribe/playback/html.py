"""Score and recording -> one HTML file that draws, plays and follows them without a server or a network."""

from __future__ import annotations

import base64
import html
import json
import tempfile
from pathlib import Path
from typing import Any

from abcscribe.playback.browser_audio import FLAC, media_type, write_flac
from abcscribe.playback.bundle import classic_script
from abcscribe.playback.samples import WEB, embedded
from abcscribe.playback.view import view
from abcscribe.score.model import Score

ABCJS, PLAYER = WEB / "vendor" / "abcjs-basic-min.js", WEB / "standalone.js"
STYLES = ("base.css", "score.css", "standalone.css")
MIDI_HEAD = b"MThd"
POLICY = (  # nothing is fetched, whatever a hostile title holds
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; media-src data: blob:; "
    "connect-src data: blob:; base-uri 'none'; form-action 'none'"
)


def to_html(score: Score, recording: tuple[bytes, str] | None = None) -> bytes:
    """The page.

    Args:
        score: what it shows.
        recording: bytes and media type of the sound, in a format that browsers play; None leaves it out.
    """
    audio = None
    if recording:
        audio = f"data:{recording[1]};base64,{base64.b64encode(recording[0]).decode()}"
    shown = {"recording": None, "version": None, "preview": False, "undo": None, "redo": None, **view(score)}
    data: dict[str, Any] = {
        "score": {**shown, "hints": {}, "problems": [], "dropped": []},
        "samples": embedded(score),
        "audio": audio,
    }
    title = html.escape(score.title or "Score")
    lines = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="generator" content="abcscribe">',
        f"<title>{title}</title>",
        *(f"<style>{_inside((WEB / name).read_text(encoding='utf-8'), 'style')}</style>" for name in STYLES),
        "</head>",
        "<body>",
        '<main id="abcscribe"></main>',
        f'<script type="application/json" id="abcscribe-data">{_json(data)}</script>',
        f"<script>{_inside(ABCJS.read_text(encoding='utf-8'), 'script')}</script>",
        f"<script>{_inside(classic_script(PLAYER), 'script')}</script>",
        "</body>",
        "</html>",
    ]
    return "\n".join(lines).encode() + b"\n"


def has_sound(path: Path) -> bool:
    """Whether what was transcribed can be played: it is a file, and not one of notes."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(MIDI_HEAD)) != MIDI_HEAD


def recording_of(path: Path) -> tuple[bytes, str]:
    """A recording as `to_html` wants it: as it is if browsers play it, otherwise as FLAC.

    Raises:
        AudioError: it cannot be decoded.
    """
    if kind := media_type(path):
        return path.read_bytes(), kind
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "recording.flac"
        write_flac(path, copy)
        return copy.read_bytes(), FLAC


def _json(data: dict[str, Any]) -> str:
    """JSON that cannot end the element it stands in."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _inside(text: str, element: str) -> str:
    """Text to stand inside an element, which it must not end."""
    return text.replace(f"</{element}", f"<\\/{element}")
