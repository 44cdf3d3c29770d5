"""A folder with a ``manifest.csv`` -> clips: a recording each, with its ground truth.

Columns: audio, instrument, gt_level, score_gt, aligned_notes_gt, meter, key, tempo, comment (others are ignored). A
cell names a file in the folder, perhaps with a remark: ``gt/01.txt (channel 4)`` is one track of it, ``same`` the file
of the score. Metrics without ground truth are not computed; a clip without a score has a reference of one empty bar
with its header. A score in the project's own JSON contains all: header, instruments and the notes as they were played.
"""

from __future__ import annotations

import csv
import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from abcscribe import hints
from abcscribe.evaluation.aligned_notes import AlignedNotes, GroundTruthError, read_aligned_notes
from abcscribe.evaluation.score_tables import read_score_tables
from abcscribe.score import instruments
from abcscribe.score.abc_reader import read_abc
from abcscribe.score.json_format import from_json
from abcscribe.score.lytk_bridge import read_musicxml
from abcscribe.score.model import Bar, Key, Metre, PlayedNote, Score, Tempo
from abcscribe.score.transpose import transposed

SHIFT = re.compile(r"sung (-?\d+) semitones? from")
CHANNEL = re.compile(r"\(channel (\d+)\)")
TEMPO = re.compile(r"(?:(\d+)/(\d+)=)?(\d+(?:\.\d+)?)")
# Names in manifests that differ from General MIDI. A saxophone without a size may be any; the alto is the commonest.
ALIASES = {"voice": "choir aahs", "piano": "acoustic grand piano", "sax": "alto sax", "double bass": "contrabass"}
NOTATION = ("instrument", "pitch", "rhythm", "structure", "edit_rate", "mv2h")  # metrics that need a whole score


@dataclass(frozen=True, slots=True)
class Clip:
    """One recording with its ground truth."""

    name: str  # the recording's path in the suite, without ending
    audio: Path
    group: str  # the folders of the path, such as bach10/mix
    level: str  # A: score, B: aligned notes, C: header only
    score: Score  # as sung or played: transposed if the performer was
    metrics: tuple[str, ...]  # score metrics that the ground truth allows
    notes: tuple[PlayedNote, ...] | None = None  # None: not known
    offsets: bool = True  # whether the ends of the notes are known


def read_suite(folder: Path) -> list[Clip]:
    """The clips of a folder in the order of its manifest. Raises GroundTruthError if there is none."""
    manifest = folder / "manifest.csv"
    if not manifest.is_file():
        raise GroundTruthError(f"There is no {manifest}: a suite is a folder with a manifest.csv.")
    with manifest.open(encoding="utf-8", newline="") as file:
        return [_clip(folder, row) for row in csv.DictReader(file)]


def _clip(folder: Path, row: dict[str, str]) -> Clip:
    if row["score_gt"].endswith(".json"):
        return _whole_clip(folder, row)
    shift = int(found[1]) if (found := SHIFT.search(row["comment"])) else 0
    programs = _programs(row["instrument"])
    score = _score(folder, row["score_gt"])
    metrics = tuple(_header_metrics(row, score)) + (NOTATION if score else ())
    score = _with_header(score, row) if score else _header_only(row)
    aligned = _aligned(folder, row, shift)
    path = Path(row["audio"])
    return Clip(
        name=path.with_suffix("").as_posix(),
        audio=folder / path,
        group=_group(path),
        level=row["gt_level"],
        score=_with_programs(transposed(score, shift), programs),
        metrics=metrics,
        notes=_with_families(aligned, programs) if aligned else None,
        offsets=aligned.offsets if aligned else True,
    )


def _group(path: Path) -> str:
    """The recording's folder; a folder named "audio" is skipped."""
    folder = path.parent.parent if path.parent.name == "audio" else path.parent
    return folder.as_posix()


def _whole_clip(folder: Path, row: dict[str, str]) -> Clip:
    """A clip whose score was written with ``score.json_format``."""
    score = from_json((folder / row["score_gt"]).read_text(encoding="utf-8"))
    path = Path(row["audio"])
    return Clip(
        name=path.with_suffix("").as_posix(),
        audio=folder / path,
        group=_group(path),
        level=row["gt_level"],
        score=dataclasses.replace(score, performance=()),
        metrics=(*_header_metrics(row, score), *NOTATION),
        notes=score.performance or None,
    )


def _score(folder: Path, cell: str) -> Score | None:
    """The printed score; None if there is none, or only in a file of notes."""
    if not cell:
        return None
    path = folder / cell.split()[0]
    if path.name.endswith(".score_notes.tsv"):
        return read_score_tables(path)
    if path.suffix in (".musicxml", ".xml", ".mxl"):
        return read_musicxml(path)
    return read_abc(path.read_text(encoding="utf-8"))[0] if path.suffix == ".abc" else None


def _aligned(folder: Path, row: dict[str, str], shift: int) -> AlignedNotes | None:
    cell = row["score_gt"] if row["aligned_notes_gt"].strip() == "same" else row["aligned_notes_gt"]
    if not cell:
        return None
    aligned = read_aligned_notes(folder / cell.split()[0], shift)
    channel = CHANNEL.search(cell)
    return dataclasses.replace(aligned, tracks={0: aligned.tracks[int(channel[1])]}) if channel else aligned


def _header_metrics(row: dict[str, str], score: Score | None) -> list[str]:
    """Metre and key if they are stated, tempo if it is; a score states its metre."""
    tempo = row["tempo"] and TEMPO.fullmatch(row["tempo"])
    stated = {"metre": row["meter"] or score, "tempo": tempo, "key": row["key"]}
    return [name for name, value in stated.items() if value]


def _header_only(row: dict[str, str]) -> Score:
    metre = hints.parse_metre(row["meter"]) if row["meter"] else Metre()
    return _with_header(Score((Bar(metre.length, metre),)), row)


def _with_header(score: Score, row: dict[str, str]) -> Score:
    """The score with the manifest's tempo, and with its key where the score has none."""
    found = TEMPO.fullmatch(row["tempo"])
    tempo = Tempo(float(found[3]) * 4 * int(found[1] or 1) / int(found[2] or 4)) if found else None
    key = hints.parse_key(row["key"]) if row["key"] else None
    bars = tuple(dataclasses.replace(bar, tempo=tempo or bar.tempo, key=_stated(bar.key, key)) for bar in score.bars)
    return dataclasses.replace(score, bars=bars)


def _stated(printed: Key, stated: Key | None) -> Key:
    """The key of a bar: the manifest adds the mode to a printed signature."""
    return stated if stated and printed.fifths in (0, stated.fifths) else printed


def _programs(cell: str) -> list[int]:
    """General MIDI programs of ``violin+clarinet`` or ``piano (Disklavier)``."""
    plain = re.sub(r"\(.*?\)", "", cell.lower()).replace("saxophone", "sax")
    names = [name.strip() for name in plain.split("+")]
    return [hints.parse_instrument(ALIASES.get(name, name)) for name in names]


def _with_programs(score: Score, programs: Sequence[int]) -> Score:
    """The score with the manifest's instruments: chorales are printed for voices and played by others."""
    if len(programs) != len(score.parts):
        return score
    parts = zip(score.parts, programs, strict=True)
    return dataclasses.replace(
        score, parts=tuple(dataclasses.replace(part, program=p, name=instruments.name(p)) for part, p in parts)
    )


def _with_families(aligned: AlignedNotes, programs: Sequence[int]) -> tuple[PlayedNote, ...]:
    """All notes by onset, with the families of the instruments if there is one for each track."""
    families = [instruments.family(program) for program in programs]
    if len(families) != len(aligned.tracks):
        families = [families[0] if len(set(families)) == 1 else ""] * len(aligned.tracks)
    tracks = {
        track: tuple(dataclasses.replace(note, family=family) for note in notes)
        for (track, notes), family in zip(aligned.tracks.items(), families, strict=True)
    }
    return AlignedNotes(tracks, aligned.offsets).notes
