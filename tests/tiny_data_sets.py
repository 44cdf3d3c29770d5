"""Copies of the layouts of public data sets, with a recording or two of made-up music in each."""

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import soundfile

from abcscribe.score.abc_reader import read_abc
from abcscribe.score.midi import to_performance_midi
from abcscribe.score.model import PlayedNote, Score
from abcscribe.score.writers import render

RATE = 16_000
TUNE = "X:1\nM:4/4\nL:1/4\nQ:1/4=120\nK:G\nGABc|d2B2|c2A2|G4|]\n"  # 8 seconds
PITCHES = (67, 69, 71, 72, 74, 71, 72, 69, 67)
QUARTERS = (1, 1, 1, 1, 2, 2, 2, 2, 4)


def notes(program: int = 0, shift: int = 0, drum: bool = False) -> list[PlayedNote]:
    """The tune as it is played: half a second a quarter, a little detached."""
    at, found = 0.0, []
    for pitch, quarters in zip(PITCHES, QUARTERS, strict=True):
        end = at + quarters / 2
        found.append(PlayedNote(at, end - 0.05, pitch + shift, 80, program=None if drum else program, drum=drum))
        at = end
    return found


def hertz(pitch: int) -> float:
    return float(440 * 2 ** ((pitch - 69) / 12))


def write_sound(path: Path, played: Sequence[PlayedNote], seconds: float = 8.0) -> None:
    """Sines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    waveform = np.zeros(int(seconds * RATE), np.float32)
    for note in played:
        first, last = round(note.onset * RATE), round(note.offset * RATE)
        waveform[first:last] += 0.2 * np.sin(2 * np.pi * hertz(note.pitch) * np.arange(last - first) / RATE)
    soundfile.write(path, waveform.clip(-1, 1), RATE)


def write_midi(path: Path, played: Sequence[PlayedNote], pedal: tuple[float, float] | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(to_performance_midi(Score(performance=tuple(played))))
    if pedal is not None:
        import symusic

        score = symusic.Score(str(path), ttype="second")
        down, up = pedal
        for track in score.tracks:
            track.controls = type(track.controls)(
                [symusic.ControlChange(down, 64, 127, "second"), symusic.ControlChange(up, 64, 0, "second")]
            )
        score.to("tick").dump_midi(str(path))


def urmp(folder: Path) -> None:
    """A piece of the training split, and one that MT3 tested on."""
    for name, players in (("01_Jupiter_vn_vc", ("vn", "vc")), ("05_Entertainer_tpt_tpt", ("tpt", "tpt"))):
        piece, (number, title) = folder / "Dataset" / name, name.split("_")[:2]
        played = []
        for k, player in enumerate(players, 1):
            own = notes(shift=-12 * (k - 1))
            played += own
            write_sound(piece / f"AuSep_{k}_{player}_{number}_{title}.wav", own)
            lines = [f"{n.onset:.3f}\t{hertz(n.pitch) * 1.005:.3f}\t{n.offset - n.onset:.3f}\n" for n in own]
            (piece / f"Notes_{k}_{player}_{number}_{title}.txt").write_text("".join(lines))
        write_sound(piece / f"AuMix_{name}.wav", played)
        (piece / f"Sco_{name}.mid").write_bytes(render(read_abc(TUNE)[0], "midi"))


def maestro(folder: Path) -> None:
    home, columns = folder / "maestro-v3.0.0", {"split": {}, "audio_filename": {}, "midi_filename": {}}
    for row, split in enumerate(("train", "validation", "test")):
        stem = f"2018/MIDI-Unprocessed_{row}"
        write_sound(home / f"{stem}.wav", notes())
        write_midi(home / f"{stem}.midi", notes(), pedal=(0.1, 1.7))
        columns["split"][str(row)] = split
        columns["audio_filename"][str(row)], columns["midi_filename"][str(row)] = f"{stem}.wav", f"{stem}.midi"
    (home / "maestro-v3.0.0.json").write_text(json.dumps(columns))


def slakh(folder: Path) -> None:
    stems = {
        "S00": ("Guitar", 30, False, True), "S01": ("Bass", 33, False, True), "S02": ("Drums", 128, True, True),
        "S03": ("Piano", 0, False, False),
    }  # fmt: skip
    for split, number in (("train", 1), ("validation", 1501), ("test", 1876), ("omitted", 4)):
        track = folder / "slakh2100_flac_redux" / split / f"Track{number:05d}"
        lines, played = ["UUID: made-up\nstems:\n"], []
        for name, (kind, program, drum, rendered) in stems.items():
            lines.append(
                f"  {name}:\n    audio_rendered: {str(rendered).lower()}\n    inst_class: {kind}\n"
                f"    is_drum: {str(drum).lower()}\n    program_num: {program}\n    integrated_loudness: -12.5\n"
            )
            if rendered:
                own = notes(program, -24 if kind == "Bass" else 0, drum)
                played += own
                write_midi(track / "MIDI" / f"{name}.mid", own)
                write_sound(track / "stems" / f"{name}.flac", own)
        write_sound(track / "mix.flac", played)
        write_midi(track / "all_src.mid", played)
        (track / "metadata.yaml").write_text("".join(lines))


def musicnet(folder: Path) -> None:
    for split, number in (("train", 1727), ("test", 2303)):
        home = folder / "musicnet"
        write_sound(home / f"{split}_data" / f"{number}.wav", notes())
        table = home / f"{split}_labels" / f"{number}.csv"
        table.parent.mkdir(parents=True, exist_ok=True)
        with table.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("start_time", "end_time", "instrument", "note", "start_beat", "end_beat", "note_value"))
            for i, n in enumerate(notes()):
                program = 41 if i % 2 else 43
                writer.writerow((int(n.onset * 44_100), int(n.offset * 44_100), program, n.pitch, i, 1.0, "Quarter"))
    write_midi(folder / "musicnet_midis" / "Schubert" / "1727_schubert_op114_2.mid", notes())


def guitarset(folder: Path) -> None:
    for stem, key, old in (("00_BN1-129-Eb_comp", "D#:major", False), ("03_Jazz3-150-C_solo", "C:minor", True)):
        strings = [notes()[k::6] for k in range(6)]
        data = [
            [{"time": n.onset, "duration": n.offset - n.onset, "value": n.pitch + 0.2, "confidence": None} for n in own]
            for own in strings
        ]
        kept = [{k: [one[k] for one in own] for k in ("time", "duration", "value")} for own in data] if old else data
        annotations = [{"namespace": "note_midi", "data": own} for own in kept]
        annotations.append({"namespace": "key_mode", "data": [{"time": 0, "duration": 8, "value": key}]})
        annotations.append({"namespace": "chord", "data": [{"time": 0, "duration": 8, "value": "D#:maj"}]})
        (folder / "annotation").mkdir(parents=True, exist_ok=True)
        (folder / "annotation" / f"{stem}.jams").write_text(json.dumps({"annotations": annotations}))
        write_sound(folder / "audio_mono-mic" / f"{stem}_mic.wav", notes())


def bach10(folder: Path) -> None:
    piece = folder / "Bach10_v1.1" / "05-DerHeiligeGeist"
    players = ("violin", "clarinet", "saxphone", "bassoon")
    rows = []
    for channel, player in enumerate(players, 1):
        own = notes(shift=-5 * (channel - 1))
        rows += [(n.onset * 1000 + 200, n.onset * 1000, n.pitch, channel) for n in own]
        write_sound(piece / f"{piece.name}-{player}.wav", own)
    (piece / f"{piece.name}.txt").write_text("".join(f"{a:.0f}\t{b:.0f}\t{c}\t{d}\n" for a, b, c, d in sorted(rows)))
    write_sound(piece / f"{piece.name}.wav", notes())
    (piece / f"{piece.name}.mid").write_bytes(render(read_abc(TUNE)[0], "midi"))
    (piece.parent / "01-not-a-piece").mkdir()


def maps(folder: Path) -> None:
    for piano in ("ENSTDkAm", "AkPnBcht"):
        stem = folder / "MAPS" / piano / "MUS" / f"MAPS_MUS-alb_se3_{piano}"
        write_sound(stem.with_name(f"{stem.name}.wav"), notes())
        write_midi(stem.with_name(f"{stem.name}.mid"), notes())
        lines = ["OnsetTime\tOffsetTime\tMidiPitch\r\n"]
        lines += [f"{n.onset:.6f}\t{n.offset:.6f}\t{n.pitch}\r\n" for n in notes()]
        stem.with_name(f"{stem.name}.txt").write_text("".join(lines))


def asap(folder: Path) -> None:
    """Two performances of a piece: of the second the player left out a beat, and there is no sound."""
    home, piece = folder / "asap-dataset-1.1", "Bach/Prelude/bwv_900"
    (home / piece).mkdir(parents=True)
    (home / piece / "xml_score.musicxml").write_bytes(render(read_abc(TUNE)[0], "musicxml"))
    write_midi(home / piece / "Player01.mid", notes(), pedal=(0.1, 0.9))
    write_midi(home / piece / "Player02.mid", notes())
    write_sound(home / piece / "Player01.wav", notes())
    columns = ("composer", "title", "xml_score", "midi_performance", "audio_performance")
    with (home / "metadata.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerow(("Bach", "p", f"{piece}/xml_score.musicxml", f"{piece}/Player01.mid", f"{piece}/Player01.wav"))
        writer.writerow(("Bach", "p", f"{piece}/xml_score.musicxml", f"{piece}/Player02.mid", ""))
    beats = {
        f"{piece}/Player01.mid": {
            "score_and_performance_aligned": True, "downbeats_score_map": [0, "1-2", 3],
            "performance_downbeats": [0.0, 2.0, 6.0],
        },
        f"{piece}/Player02.mid": {"score_and_performance_aligned": False},
    }  # fmt: skip
    (home / "asap_annotations.json").write_text(json.dumps(beats))


MAKERS: dict[str, Callable[[Path], None]] = {
    maker.__name__: maker for maker in (urmp, maestro, slakh, musicnet, guitarset, bach10, maps, asap)
}
