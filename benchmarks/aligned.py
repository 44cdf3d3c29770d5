"""Real recordings whose notes are aligned with a score: the folders of a bench directory -> what was played, and the
truth.

The notes are what was annotated or recorded by the instrument itself, so this measures the writing, not the hearing.
"""

from __future__ import annotations

import csv
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import lytk
import numpy as np

from abcscribe import audio, hearing
from abcscribe.score.lytk_bridge import read_musicxml, score_from_lytk
from abcscribe.score.model import Key, Metre, PlayedNote, Score
from abcscribe.training.small.performances import Performed

BACH_FAMILIES = {1: "strings", 2: "reed", 3: "reed", 4: "reed"}


def clips(bench: Path) -> list[Performed]:
    return [clip for load in (_chorales, _singers, _pianos, _mozart, _saxophones) for clip in load(bench)]


def heard(clips: list[Performed], bench: Path, engine: str) -> list[Performed]:
    """The clips with the notes that an engine hears in the recording in place of those that were played."""
    hearer = hearing.load(engine)
    path = {Path(row["audio"]).stem.replace("_Sax", "_annotations"): row["audio"] for row in _manifest(bench)}
    found = []
    for clip in clips:
        blocks = audio.blocks(bench / path[clip.name], rate=hearer.sample_rate)
        found.append(replace(clip, notes=[note for notes in hearer.notes(blocks) for note in notes]))
    return [clip for clip in found if clip.notes]


def _truth(name: str, kind: str, played: list[PlayedNote], metre: Metre, key: Key, rows: np.ndarray) -> Performed:
    """``rows``: onset, duration, place (quarters), pitch, seconds, part of each score note."""
    onset, duration, place, pitch, seconds, part = rows[np.argsort(rows[:, 4], kind="stable")].T
    distinct = np.unique(onset)
    when = np.array([seconds[onset == at].mean() for at in distinct])
    first_line = onset[0] - place[0]
    lines = np.arange(first_line, onset.max() + float(metre.length), float(metre.length))
    pace = np.diff(when) / np.diff(distinct)
    bpm = 60 / float(np.median(np.repeat(pace, np.maximum(1, (np.diff(distinct) * 4).astype(int)))))
    after = np.r_[distinct, distinct[-1] + 8]
    curve = (after, np.r_[when, when[-1] + 8 * 60 / bpm])
    at_lines = np.interp(lines, *curve)
    at_lines[lines < distinct[0]] = when[0] + (lines[lines < distinct[0]] - distinct[0]) * 60 / bpm
    return Performed(
        name, kind, "real", played, metre, key, bpm, at_lines, bool(place[0] > 0.01), onset, duration, place,
        pitch.astype(int), seconds, part.astype(int), np.ones(len(onset)), curve,
    )  # fmt: skip


def _chorales(bench: Path) -> Iterator[Performed]:
    """onset ms, score onset ms at a steady tempo, pitch, channel. Offsets are not given: the next onset of the part."""
    for row in _manifest(bench):
        if not row["audio"].startswith("bach10"):
            continue
        table = np.loadtxt(bench / row["aligned_notes_gt"].split(" ")[0])
        channel = re.search(r"channel (\d)", row["aligned_notes_gt"])
        if channel:
            table = table[table[:, 3] == int(channel[1])]
        quarter = np.diff(np.unique(table[:, 1]))
        unit = 60_000 / float(row["tempo"].split("=")[1])
        if np.abs(quarter / unit * 4 - np.round(quarter / unit * 4)).max() > 0.2:
            continue
        rows, played = [], []
        for part in np.unique(table[:, 3]):
            own = table[table[:, 3] == part]
            onset = np.round(own[:, 1] / unit * 4) / 4
            duration = np.diff(onset, append=onset[-1] + 1)
            end = np.r_[own[1:, 0], own[-1, 0] + unit] / 1000
            for k in range(len(own)):
                begin = own[k, 0] / 1000
                rows.append((onset[k], duration[k], onset[k] % 4, own[k, 2], begin, part))
                held = begin + 0.9 * (end[k] - begin)
                played.append(PlayedNote(begin, max(held, begin + 0.05), int(own[k, 2]), 80, BACH_FAMILIES[int(part)]))
        key = _key(row["key"])
        kind = "line" if channel else "chorale"
        yield _truth(Path(row["audio"]).stem, kind, played, Metre(4, 4), key, np.array(rows))


def _singers(bench: Path) -> Iterator[Performed]:
    for row in _manifest(bench):
        if not row["audio"].startswith("ssvd"):
            continue
        score = score_from_lytk(lytk.from_abc_string((bench / row["score_gt"]).read_text()).to_dict())
        label = np.loadtxt(bench / row["aligned_notes_gt"])
        shift = int(re.search(r"sung (-?\d+) semitones", row["comment"])[1])  # type: ignore[index]
        written = _rows(score)
        rows, played = [], []
        for k, (onset, _, index, _) in enumerate(label):
            place = written[int(index)]
            ends = label[k + 1, 0] if k + 1 < len(label) else onset + 0.6
            pitch = place[3] + shift
            rows.append((*place[:3], pitch, onset, 0))
            played.append(PlayedNote(onset, onset + 0.85 * (ends - onset), int(pitch), 80, "voice"))
        key = score.bars[0].key
        key = Key((key.fifths + 7 * shift + 5) % 12 - 5, key.mode)
        yield _truth(Path(row["audio"]).stem, "singer", played, score.bars[0].metre or Metre(), key, np.array(rows))


def _pianos(bench: Path) -> Iterator[Performed]:
    folder = bench / "maps_disklavier" / "gt"
    for path in sorted(folder.glob("*.notes.tsv")):
        notes = np.loadtxt(path, skiprows=1)
        stem = path.name.removesuffix(".notes.tsv")
        if (folder / f"{stem}.musicxml").exists():
            score = read_musicxml(folder / f"{stem}.musicxml")
            written, metre, key = _rows(score), score.bars[0].metre or Metre(), score.bars[0].key
            hands = score.bars[0]
            del hands
        else:
            written, metre, key = _from_tables(folder, stem)
        yield _truth(stem, "piano", _played(notes), metre, key, _matched(written, notes))


def _from_tables(folder: Path, stem: str) -> tuple[list[tuple], Metre, Key]:
    with (folder / f"{stem}.score_notes.tsv").open() as file:
        table = list(csv.DictReader(file, delimiter="\t"))
    with (folder / f"{stem}.score_measures.tsv").open() as file:
        fifths = int(next(csv.DictReader(file, delimiter="\t"))["keysig"])
    beats, unit = table[0]["timesig"].split("/")
    rows = [
        (_number(r["quarterbeats"]), float(r["duration_qb"]), 4 * _number(r["mn_onset"]), int(r["midi"]), 0.0, 0)
        for r in table
        if not r.get("gracenote") and r["tied"] not in ("0", "-1")
    ]
    return rows, Metre(int(beats), int(unit)), Key(fifths)


def _mozart(bench: Path) -> Iterator[Performed]:
    path = bench / "piano_score_audio" / "mozart_k265_var1.match"
    rows, played = [], []
    pattern = re.compile(
        r"snote\(.*?,\[.*?\],\d,\d+:\d+,.*?,.*?,([\d.]+),([\d.]+),.*?\)-note\(.*?,(\d+),(\d+),(\d+),(\d+)"
    )
    for found in pattern.finditer(path.read_text()):
        onset, end, pitch, start, stop, velocity = (float(x) for x in found.groups())
        rows.append((onset, end - onset, onset % 2, pitch, start / 960, 0))
        played.append(PlayedNote(start / 960, stop / 960, int(pitch), int(velocity), "piano"))
    yield _truth("mozart_k265_var1", "piano", played, Metre(2, 4), Key(), np.array(rows))


def _saxophones(bench: Path) -> Iterator[Performed]:
    for path in sorted((bench / "filosax").glob("*.json")):
        notes = json.loads(path.read_text())["notes"]
        rows = [
            (n["bar_num"] * 4 + n["s_rhythmic_position"] / 24, n["s_rhythmic_duration"] / 24,
             n["s_rhythmic_position"] / 24, n["midi_pitch"], n["a_start_time"], 0)
            for n in notes if not n["is_grace"]
        ]  # fmt: skip
        played = [
            PlayedNote(n["a_start_time"], n["a_end_time"], int(n["midi_pitch"]), 80, "reed")
            for n in notes
            if n["a_end_time"] > n["a_start_time"]
        ]
        yield _truth(path.stem, "jazz", played, Metre(4, 4), Key(), np.array(rows))


def _manifest(bench: Path) -> list[dict[str, str]]:
    with (bench / "manifest.csv").open() as file:
        return list(csv.DictReader(file))


def _rows(score: Score) -> list[tuple]:
    starts = [float(s) for s in score.bar_starts()]
    short = float((score.bars[0].metre or Metre()).length - score.bars[0].length)
    rows = []
    for note in score.sounding_notes():
        bar = int(np.searchsorted(starts, float(note.onset) + 1e-6)) - 1
        place = float(note.onset) - starts[bar] + (short if bar == 0 else 0)
        rows.append((float(note.onset), float(note.duration), place, note.pitch, 0.0, note.part))
    return rows


def _matched(written: list[tuple], notes: np.ndarray) -> np.ndarray:
    """Score notes with the seconds of the performed note of the same pitch and rank among those of the pitch."""
    played: dict[int, list[float]] = defaultdict(list)
    for onset, _, pitch in notes:
        played[int(pitch)].append(float(onset))
    due: dict[int, list[tuple]] = defaultdict(list)
    for row in sorted(written):
        due[int(row[3])].append(row)
    rows = [
        (*row[:4], when, row[5])
        for pitch, own in due.items()
        if len(own) == len(played[pitch])
        for row, when in zip(own, played[pitch], strict=True)
    ]
    return np.array(rows)


def _played(notes: np.ndarray) -> list[PlayedNote]:
    return [PlayedNote(float(a), float(b), int(p), 80, "piano") for a, b, p in notes]


def _number(text: str) -> float:
    above, _, below = text.partition("/")
    return float(above) / float(below or 1)


def _key(text: str) -> Key:
    minor = text.endswith("min")
    tonic = text.removesuffix("min")
    fifths = "FCGDAEB".index(tonic[0]) - 1 + 7 * (tonic.count("#") - tonic[1:].count("b"))
    return Key(fifths - 3, "minor") if minor else Key(fifths)
