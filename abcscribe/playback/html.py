"""Score and recording -> one HTML file that draws, plays and follows them without a server or a network."""

from __future__ import annotations

import base64
import html
import json
import tempfile
from pathlib import Path
from typing import Any

from abcscribe.playback.browser_audio import FLAC, media_type, write_flac
from abcscribe.playback.samples import WEB, embedded
from abcscribe.playback.view import view
from abcscribe.score.model import Score

SCRIPTS = ("vendor/abcjs-basic-min.js", "standalone.js")
STYLES = ("standalone.css",)
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
        *(f"<style>{_inside(name, 'style')}</style>" for name in STYLES),
        "</head>",
        "<body>",
        '<main id="abcscribe"></main>',
        f'<script type="application/json" id="abcscribe-data">{_json(data)}</script>',
        *(f"<script>{_inside(name, 'script')}</script>" for name in SCRIPTS),
        "</body>",
        "</html>",
    ]
    return "\n".join(lines).encode() + b"\n"


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


def _inside(name: str, element: str) -> str:
    """A file of the page to stand inside an element, which its text must not end."""
    text = (WEB / name).read_text(encoding="utf-8")
    return text.replace(f"</{element}", f"<\\/{element}")
