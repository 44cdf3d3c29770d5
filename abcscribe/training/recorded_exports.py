"""A data set of recordings -> what trainings and evaluations take: ``abcscribe data export``.

``abc``, ``questions``, ``embeddings`` and ``embedding-questions`` are sets of windows in the columns of the origin's
published sets, as Parquet for `datasets` and, where there is text, as the JSON Lines of ``abcscribe train sft-text``.
``suite`` is a folder for ``abcscribe evaluate``; ``recordings`` and ``clips`` are shards for ``train mt3`` and
``train tower``.

Files appear once they are complete, and those that exist are not made again: an export that was stopped goes on.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from abcscribe import audio
from abcscribe.corpora import parquet
from abcscribe.corpora.data_sets import data_set
from abcscribe.corpora.questions import Facts, questions
from abcscribe.corpora.recording import SPLITS, Recording
from abcscribe.errors import AbcscribeError, AudioError
from abcscribe.files import write_text
from abcscribe.text_systems.feature_towers import FeatureTower, load_feature_tower
from abcscribe.training import recorded_shards, recorded_suite
from abcscribe.training.configs import QUESTION, ExportConfig
from abcscribe.training.recorded_windows import CONVERTERS, Window, abc_of, windows

RECORDINGS = 50  # of a Parquet file
TEXT = ("id", "start_time", "question", "answer")
COLUMNS = {
    "abc": TEXT, "questions": TEXT,
    "embeddings": ("id", "start_time", "embedding"), "embedding-questions": (*TEXT, "embedding"),
}  # fmt: skip
ABOUT = {
    "abc": "Windows of recordings with the ABC of what is played in them.",
    "questions": "Questions about windows of recordings, with short answers from the ground truth.",
    "embeddings": "Frames of the audio tower `{tower}` for windows of recordings.",
    "embedding-questions": "Questions about windows of recordings, with frames of the audio tower `{tower}`.",
}
OTHER = ("suite", "recordings", "clips")
KINDS = (*COLUMNS, *OTHER)
Progress = Iterator[tuple[int, int]]  # recordings done, and in all
Report = Callable[[str], None]


def export(config: ExportConfig, warn: Report = lambda sentence: None) -> Progress:
    """Make what ``config.kind`` names.

    Args:
        config: of the export.
        warn: is told, in a sentence, which recordings are left out, and why.

    Raises:
        AbcscribeError: the data set, the kind or the converter is unknown, or there is nothing to export.
    """
    if config.kind not in KINDS:
        raise AbcscribeError(f"There is no export {config.kind!r}; there are {', '.join(KINDS)}.")
    if config.converter not in CONVERTERS:
        raise AbcscribeError(f"There is no converter {config.converter!r}; there are {', '.join(CONVERTERS)}.")
    if not 1 <= config.seconds <= 600:
        raise AbcscribeError("Windows last 1 to 600 seconds.")
    found = _chosen(data_set(config.data_set).read(config.folder, config.stems), config.most)
    found = [one for one in found if _is_there(one, config, warn)]
    if not found:
        raise AbcscribeError(f"No recording of {config.folder} has sound: see abcscribe data fetch {config.data_set}.")
    if config.kind == "suite":
        yield from recorded_suite.write_suite(config, found)
    elif config.kind in OTHER:
        yield from recorded_shards.write_shards(config, found)
    else:
        yield from _write_windows(config, found)


def _chosen(found: Sequence[Recording], most: int | None) -> list[Recording]:
    return [one for split in SPLITS for one in [r for r in found if r.split == split][:most]]


def _is_there(one: Recording, config: ExportConfig, warn: Report) -> bool:
    """Text can be made without sound."""
    if one.audio.is_file() or (config.kind in ("abc", "questions") and not config.sound):
        return True
    warn(f"{one.id} is left out: {one.audio} is not there.")
    return False


def _write_windows(config: ExportConfig, found: Sequence[Recording]) -> Progress:
    tower = load_feature_tower(config.tower) if "embedding" in COLUMNS[config.kind] else None
    columns = (*COLUMNS[config.kind], *(("audio",) if config.sound else ()))
    done, made = 0, []
    for split in SPLITS:
        own = [one for one in found if one.split == split]
        parts = [own[i : i + RECORDINGS] for i in range(0, len(own), RECORDINGS)]
        for number, part in enumerate(parts):
            path = config.out / "data" / f"{split}-{number:05d}-of-{len(parts):05d}.parquet"
            if not path.exists():
                parquet.write_rows(path, (row for one in part for row in _rows(one, config, tower)), columns)
            done += len(part)
            yield done, len(found)
        if own:
            made.append(split)
            if "answer" in columns:
                _write_lines(config, split, own)
    about = ABOUT[config.kind].format(tower=config.tower)
    parquet.write_card(config.out, data_set(config.data_set), made, about)


def _rows(one: Recording, config: ExportConfig, tower: FeatureTower | None) -> Iterator[parquet.Row]:
    for window in windows(one, config.seconds):
        row: dict[str, Any] = {"id": one.id, "start_time": int(window.start)}
        if tower is not None or config.sound:
            heard = _waveform(window)
            if heard is None:  # the recording ends before the last notes of its truth
                continue
            if tower is not None:
                row["embedding"] = np.asarray(tower(heard), np.float32)
            if config.sound:
                row["audio"] = _flac(heard)
        yield from ({**row, **pair} for pair in _pairs(window, config))


def _pairs(window: Window, config: ExportConfig) -> Iterator[dict[str, str]]:
    """Question and answer, if the kind has them."""
    if config.kind == "embeddings":
        yield {}
    elif config.kind == "abc":
        yield {"question": QUESTION, "answer": abc_of(window, config.converter, config.midi2abc)}
    else:
        for asked in questions(facts(window), window.name):
            yield {"question": asked.question, "answer": asked.answer}


def facts(window: Window) -> Facts:
    """What is known of a window: of its bars if they are aligned, else what the data set says of the recording."""
    said, bars = window.recording, window.score.bars if window.score else ()
    metres, keys = {bar.metre for bar in bars}, {bar.key for bar in bars}
    paces = {bar.tempo.quarter_bpm for bar in bars if bar.tempo}
    return Facts(
        window.programs, window.notes,
        said.tempo or (paces.pop() if len(paces) == 1 else None),
        said.metre or (metres.pop() if len(metres) == 1 else None),
        said.key or (keys.pop() if len(keys) == 1 else None),
    )  # fmt: skip


def _waveform(window: Window) -> np.ndarray | None:
    try:
        return audio.load(window.recording.audio, window.start, window.start + window.seconds)
    except AudioError:
        return None


def _flac(waveform: np.ndarray) -> bytes:
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, np.clip(waveform, -1, 1), audio.SAMPLE_RATE, format="FLAC")
    return file.getvalue()


def _write_lines(config: ExportConfig, split: str, own: Sequence[Recording]) -> None:
    """The pairs of a split as ``abcscribe train sft-text`` reads them: with the file and the section to hear."""
    sounds = {one.id: str(one.audio.resolve()) for one in own}
    lines = []
    for path in sorted((config.out / "data").glob(f"{split}-*.parquet")):
        for row in parquet.read_rows(path, TEXT):
            heard = {"audio": sounds[row["id"]], "seconds": config.seconds}
            lines.append(json.dumps(row | heard, ensure_ascii=False))
    write_text(config.out / f"{split}.jsonl", "".join(f"{line}\n" for line in lines))
