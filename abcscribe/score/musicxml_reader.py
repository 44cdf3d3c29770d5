"""MusicXML and compressed MXL -> Score, and a sentence for everything in the file that a Score has no place for.

Written here on the standard library's parser and not on lytk, which drops what tablature, percussion and endings need:
strings, tunings, capo, unpitched notes with their instruments, ``number="1, 2"``,
measure repeats. This module opens the
file and reads what stands before the music; ``musicxml_measures`` reads a part, ``drafts`` puts the parts together.
"""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET
import zipfile
from collections import Counter
from pathlib import Path

from abcscribe.errors import ScoreError
from abcscribe.score import instruments, percussion
from abcscribe.score.drafts import build, counted, one_line
from abcscribe.score.model import Score
from abcscribe.score.musicxml_directions import integer
from abcscribe.score.musicxml_measures import Instrument, PartReader

LARGEST_FILE = 256 * 2**20  # bytes of XML: a symphony is about 50 MB
_CONTAINER = "META-INF/container.xml"


def read_musicxml(path: str | Path) -> tuple[Score, list[str]]:
    """A .musicxml, .xml or compressed .mxl file.

    Returns:
        The score, and one sentence for each kind of thing that was left out or changed.

    Raises:
        ScoreError: there is no score in the file.
    """
    try:
        return musicxml_score(_document(Path(path)))
    except ScoreError as error:
        raise ScoreError(f"{path} cannot be read as MusicXML: {error}.") from error


def musicxml_score(data: bytes) -> tuple[Score, list[str]]:
    """The score in the text of a MusicXML file, as ``read_musicxml``. Raises ScoreError with half a sentence."""
    try:
        root = ET.fromstring(data)
    except (ET.ParseError, ValueError, LookupError) as error:
        raise ScoreError(f"it is no well-formed XML ({str(error).split(',')[0]})") from error
    for element in root.iter():
        if isinstance(element.tag, str):
            element.tag = element.tag.rpartition("}")[2]
    if root.tag == "score-timewise":
        _to_partwise(root)
    elif root.tag != "score-partwise":
        raise ScoreError(f"its root is <{str(root.tag)[:40]}> and not <score-partwise>")
    left_out: Counter[str] = Counter()
    heads = {head.get("id", ""): head for head in root.iterfind("part-list/score-part")}
    drafts = []
    for part in root.iterfind("part"):
        head = heads.get(part.get("id", ""), ET.Element("score-part"))
        name = one_line(head.findtext("part-name"))
        drafts.append(PartReader(name, _program(head, name), _instruments(head), left_out).read(part))
    if not drafts:
        raise ScoreError("it has no part")
    if any(creator.get("type") == "lyricist" for creator in root.iterfind("identification/creator")):
        left_out["lyricists"] += 1
    return build(drafts, _title(root), _composer(root)), counted(left_out)


def _document(path: Path) -> bytes:
    """The bytes of the XML; of an MXL archive those of the score that its container names."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ScoreError(f"{error.strerror}") from error
    if not data.startswith(b"PK"):
        return data
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
            name = _root_file(archive) if _CONTAINER in names else ""
            if name not in names:
                fitting = (n for n in names if n.endswith((".xml", ".musicxml")) and not n.startswith("META-INF"))
                name = next(fitting, "")
            if not name:
                raise ScoreError("the archive holds no score")
            return _member(archive, name)
    except (
        zipfile.BadZipFile,
        NotImplementedError,
        RuntimeError,
        EOFError,
        OSError,
        ValueError,
        LookupError,  # an encoding that nobody knows
        ET.ParseError,
    ) as error:
        raise ScoreError("it is no whole MXL archive") from error


def _root_file(archive: zipfile.ZipFile) -> str:
    container = ET.fromstring(_member(archive, _CONTAINER))
    return next((e.get("full-path", "") for e in container.iter() if str(e.tag).endswith("rootfile")), "")


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    with archive.open(name) as member:
        data = member.read(LARGEST_FILE + 1)
    if len(data) > LARGEST_FILE:
        raise ScoreError(f"it holds more than {LARGEST_FILE >> 20} MB of XML")
    return data


def _to_partwise(root: ET.Element) -> None:
    """Measures of parts -> parts of measures."""
    parts: dict[str, ET.Element] = {}
    for measure in root.findall("measure"):
        root.remove(measure)
        for part in measure.findall("part"):
            key = part.get("id", "")
            whole = parts.setdefault(key, ET.Element("part", id=key))
            ET.SubElement(whole, "measure", measure.attrib).extend(part)
    root.extend(parts.values())


def _title(root: ET.Element) -> str:
    """The title of the work with that of the movement, or what the page shows as title."""
    title, movement = one_line(root.findtext("work/work-title")), one_line(root.findtext("movement-title"))
    if title and movement and movement not in title:
        return f"{title} - {movement}"
    credits = (c for c in root.iterfind("credit") if c.findtext("credit-type") == "title")
    return title or movement or one_line(next((c.findtext("credit-words") for c in credits), ""))


def _composer(root: ET.Element) -> str:
    creators = root.findall("identification/creator")
    named = [creator for creator in creators if creator.get("type") == "composer"]
    plain = [creator for creator in creators if not creator.get("type")]
    return one_line("".join((named or plain)[0].itertext())) if named or plain else ""


def _program(head: ET.Element, name: str) -> int:
    """The instrument of a part: by its channel, its program or else its name."""
    if any(integer(channel.text) == 10 for channel in head.iterfind("midi-instrument/midi-channel")):
        return instruments.PERCUSSION
    program = integer(head.findtext("midi-instrument/midi-program"))
    if program is not None and 1 <= program <= 128:
        return program - 1
    names = [name, *(one_line(e.text) for e in head.iterfind("score-instrument/instrument-name"))]
    return next((number for text in names if (number := instruments.named(text)) is not None), 0)


def _instruments(head: ET.Element) -> dict[str, Instrument]:
    """What the notes of a part may name: the drums of a drum set."""
    keys = {e.get("id", ""): integer(e.findtext("midi-unpitched")) for e in head.iterfind("midi-instrument")}
    found: dict[str, Instrument] = {}
    for element in head.iterfind("score-instrument"):
        identity, name = element.get("id", ""), one_line(element.findtext("instrument-name"))
        key = keys.get(identity)
        found[identity] = Instrument(name, key - 1 if key is not None and 1 <= key <= 128 else percussion.named(name))
    return found
