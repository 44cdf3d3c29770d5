"""Recordings of a data set -> a folder for ``abcscribe evaluate``: clips of the test split with their ground truth.

A clip whose printed bars are aligned has level A, its truth a score with the notes as played. The others have level B:
aligned notes, with what the data set says of metre, key and tempo.
"""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from abcscribe import audio
from abcscribe.corpora.data_sets import data_set
from abcscribe.corpora.recording import Recording
from abcscribe.errors import AudioError
from abcscribe.files import replacing, write_text
from abcscribe.score.instruments import PERCUSSION, name
from abcscribe.score.json_format import to_json
from abcscribe.score.midi import to_performance_midi
from abcscribe.score.model import Score
from abcscribe.synthesis.suite import COLUMNS
from abcscribe.training.configs import ExportConfig
from abcscribe.training.recorded_windows import Window, windows

EARLY = 0.05  # seconds before a bar line at which its first note may begin


def write_suite(config: ExportConfig, found: Sequence[Recording]) -> Iterator[tuple[int, int]]:
    """Write the clips of the test split, or of all recordings if there is none; yields recordings done and in all."""
    chosen = [one for one in found if one.split == "test"] or list(found)
    rows: list[dict[str, Any]] = []
    for done, one in enumerate(chosen, 1):
        rows.extend(row for window in windows(one, config.seconds) if (row := _clip(config, window)))
        yield done, len(chosen)
    with replacing(config.out / "manifest.csv") as unfinished, unfinished.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


def _clip(config: ExportConfig, window: Window) -> dict[str, Any] | None:
    """The row of a clip, whose files are written now unless they are there; None if the sound has ended before."""
    stem = f"{config.data_set}/{window.recording.id}-{window.start:04.0f}"
    window = _of_bars(window)
    sound = config.out / f"{stem}.flac"
    if not sound.exists() and not _write_sound(sound, window):
        return None
    truth = _write_score(config.out, stem, window) if window.score else _write_notes(config.out, stem, window)
    said = window.recording
    return {
        "audio": f"{stem}.flac", "dur_s": f"{window.seconds:.2f}",
        "instrument": "+".join(name(program).lower() for program in sorted(window.programs) if program != PERCUSSION),
        "n_parts": len(window.programs), "meter": str(said.metre or ""),
        "key": str(said.key) if said.key and said.key.mode != "none" else "", "tempo": f"{said.tempo or ''}",
        "licence": data_set(config.data_set).licence.name, "comment": window.name, **truth,
    }  # fmt: skip


def _of_bars(window: Window) -> Window:
    """The window from its first bar line to its last: what sounds before and after is not in its score."""
    score = window.score
    if score is None or score.bars[0].seconds is None or score.seconds is None:
        return dataclasses.replace(window, score=None)
    begin, end = score.bars[0].seconds, score.seconds
    bars = (dataclasses.replace(bar, seconds=bar.seconds and bar.seconds - begin) for bar in score.bars)
    notes, sounding = (
        tuple(
            dataclasses.replace(note, onset=note.onset - begin, offset=note.offset - begin)
            for note in own if begin - EARLY <= note.onset < end - EARLY
        )
        for own in (window.notes, window.sounding)
    )  # fmt: skip
    score = dataclasses.replace(score, bars=(dataclasses.replace(next(bars), seconds=0.0), *bars))
    return dataclasses.replace(
        window, start=window.start + begin, seconds=end - begin, notes=notes, sounding=sounding, score=score
    )


def _write_sound(path: Path, window: Window) -> bool:
    import soundfile

    try:
        waveform = audio.load(window.recording.audio, window.start, window.start + window.seconds)
    except AudioError:
        return False
    with replacing(path) as unfinished:
        soundfile.write(unfinished, waveform.clip(-1, 1), audio.SAMPLE_RATE, format="FLAC")
    return True


def _write_score(out: Path, stem: str, window: Window) -> dict[str, str]:
    """Level A: the whole truth in one file."""
    assert window.score is not None
    score = dataclasses.replace(window.score, performance=window.sounding, seconds=window.seconds)
    write_text(out / f"{stem}.json", to_json(score))
    return {"gt_level": "A", "score_gt": f"{stem}.json", "aligned_notes_gt": "same"}


def _write_notes(out: Path, stem: str, window: Window) -> dict[str, str]:
    """Level B: the notes as a MIDI file with a track a program, or where offsets are not known in the table of Bach10,
    a channel a program."""
    programs = sorted({note.program or 0 for note in window.notes if not note.drum})
    if window.recording.offsets:
        path = out / f"{stem}.mid"
        pitched = tuple(note for note in window.sounding if not note.drum)
        with replacing(path) as unfinished:
            unfinished.write_bytes(to_performance_midi(Score(performance=pitched)))
    else:
        path = out / f"{stem}.txt"
        rows = [(n.onset * 1000, n.pitch, programs.index(n.program or 0) + 1) for n in window.notes]
        write_text(path, "".join(f"{onset:.0f}\t0\t{pitch}\t{channel}\n" for onset, pitch, channel in rows))
    return {"gt_level": "B", "score_gt": "", "aligned_notes_gt": path.relative_to(out).as_posix()}
