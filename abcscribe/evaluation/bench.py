"""The benchmark of 31 recordings, put together from local copies of its public sources.

No recording and no score of it is part of this package, for most of their licences forbid that: here is only which file
is meant, how far it is heard, and how its ground truth follows from the source's own. Truths are corrected where the
sources are known to be wrong: the tempo of Bach10 is the beat-weighted median of what was played (its MIDI files are
from elsewhere); where only a key signature is printed, the key is that signature.

A clip whose sources are not there is left out, and what is missing is said.
"""

from __future__ import annotations

import csv
import dataclasses
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from abcscribe import audio
from abcscribe.errors import AbcscribeError
from abcscribe.extras import require
from abcscribe.files import replacing, write_text
from abcscribe.score.abc_writer import write_abc
from abcscribe.score.model import Score
from abcscribe.score.readers import read_score

COLUMNS = (
    "audio", "dur_s", "instrument", "n_parts", "gt_level", "score_gt", "aligned_notes_gt", "meter", "key", "tempo",
    "licence", "comment",
)  # fmt: skip
CHORALES = {  # name in Bach10 -> number of the same chorale in the corpus of music21, key, quarters a minute as played
    "01-AchGottundHerr": ("bwv255", "C", 101), "02-AchLiebenChristen": ("bwv256", "Amin", 102),
    "03-ChristederdubistTagundLicht": ("bwv274", "Bb", 95), "04-ChristeDuBeistand": ("bwv275", "Amin", 98),
}  # fmt: skip
PLAYERS = ("violin", "clarinet", "saxphone", "bassoon")  # as the files of Bach10 spell them; the parts of a chorale
SOLOS = ("01-AchGottundHerr", "03-ChristederdubistTagundLicht")
# Singers of SSVD -> the tune that they read, its metre and key, semitones from the print to what they sing
SINGERS = {
    "7784": ("poem_chorus", "4/4", "C", 0), "24541": ("poem_chorus", "4/4", "C", 0),
    "1150": ("poem_chorus", "4/4", "C", 0), "65595": ("poem_chorus", "4/4", "C", -11),
    "102192": ("jingle_bells_verse", "4/4", "F", 0), "10459": ("yankee_doodle", "4/4", "C", 0),
    "100135": ("exercise_G1-8", "3/4", "C", 0),
}  # fmt: skip
SOURCES = {
    "bach10": "Bach10 v1.1: abcscribe data fetch bach10; its scores are in the wheel of music21",
    "ssvd": "SSVD, sight-singing vocal data: ID.mp3, ID_label.txt, and the printed tunes as TUNE.abc",
    "maps": "MAPS, the Disklavier: abcscribe data fetch maps",
    "dcml": "https://github.com/DCMLab: schumann_kinderszenen, tchaikovsky_seasons, chopin_mazurkas (CC BY-NC-SA 4.0)",
    "asap": "ASAP: abcscribe data fetch asap",
    "matchmaker": "https://github.com/pymatchmaker/matchmaker, folder assets (Apache-2.0)",
    "filosax": "Filosax: https://doi.org/10.5281/zenodo.6335779 (on request)",
    "crepe_notes": "https://github.com/xavriley/crepe_notes, folder tests (GPL-3)",
    "vocadito": "vocadito: https://doi.org/10.5281/zenodo.5578807 (CC BY 4.0)",
    "guitarset": "GuitarSet: abcscribe data fetch guitarset",
}
Row = dict[str, str]


class MissingSourceError(AbcscribeError):
    """A file of a source is not in the local copies."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Local copies of the sources, anywhere under one folder."""

    home: Path

    def find(self, source: str, pattern: str) -> Path:
        """The first file that a pattern finds, such as ``**/n11.notes.tsv``. Raises MissingSourceError."""
        found = sorted(path for path in self.home.glob(f"**/{pattern}") if path.is_file())
        if not found:
            raise MissingSourceError(f"{pattern} is missing. {SOURCES[source]}")
        return found[0]


Make = Callable[[Sources, Path], Row]


def assemble(home: Path, out: Path, warn: Callable[[str], None] = lambda sentence: None) -> Iterator[tuple[int, int]]:
    """Write the benchmark, as a suite for ``abcscribe evaluate``.

    Args:
        home: folder with the local copies.
        out: folder to fill.
        warn: is told what is left out, and where it is to be had.

    Yields:
        (clips done, clips in all).

    Raises:
        AbcscribeError: no clip can be made.
    """
    require("abcscribe data bench", "train", "soundfile")
    sources, rows = Sources(home), list[Row]()
    for done, (name, make) in enumerate(CLIPS.items(), 1):
        try:
            rows.append(dict.fromkeys(COLUMNS, "") | make(sources, out))
        except MissingSourceError as error:
            warn(f"{name}: {error}")
        yield done, len(CLIPS)
    if not rows:
        raise AbcscribeError(f"{home} holds no source of the benchmark: see docs/results.md.")
    with replacing(out / "manifest.csv") as unfinished, unfinished.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


def _sound(source: Path, out: Path, name: str, seconds: float | None = None, rate: int | None = None) -> Row:
    """Copy a recording, or its beginning: columns audio and dur_s."""
    import soundfile

    info = audio.probe(source)
    if seconds is None and source.suffix in (".mp3", ".flac"):
        path = out / f"{name}{source.suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, path)
        return {"audio": path.relative_to(out).as_posix(), "dur_s": f"{info.seconds or 0:.2f}"}
    rate = rate or info.sample_rate
    waveform = audio.load(source, end=seconds, rate=rate)
    path = out / f"{name}.flac"
    with replacing(path) as unfinished:
        soundfile.write(unfinished, waveform.clip(-1, 1), rate, format="FLAC")
    return {"audio": path.relative_to(out).as_posix(), "dur_s": f"{waveform.size / rate:.2f}"}


def _copied(source: Path, out: Path, name: str) -> str:
    path = out / name
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, path)
    return name


def _abc(score: Score, out: Path, name: str) -> str:
    write_text(out / name, write_abc(score))
    return name


def _chorale(piece: str) -> Score:
    """As it is printed in music21, repeats played out."""
    require("The scores of the chorales", "train", "music21")
    import music21

    return read_score(Path(music21.__file__).parent / "corpus" / "bach" / f"{CHORALES[piece][0]}.mxl").unfolded()


def _mix(piece: str) -> Make:
    def make(sources: Sources, out: Path) -> Row:
        number, key, tempo = CHORALES[piece]
        notes = _copied(sources.find("bach10", f"{piece}/{piece}.txt"), out, f"bach10/gt/{piece}.txt")
        return {
            **_sound(sources.find("bach10", f"{piece}/{piece}.wav"), out, f"bach10/mix/{piece}"),
            "instrument": "violin+clarinet+saxophone+bassoon", "n_parts": "4", "gt_level": "A",
            "score_gt": _abc(_chorale(piece), out, f"bach10/gt/{piece}.{number}.abc"), "aligned_notes_gt": notes,
            "meter": "4/4", "key": key, "tempo": f"1/4={tempo}", "licence": "research, cite",
        }  # fmt: skip

    return make


def _solo(piece: str, part: int) -> Make:
    def make(sources: Sources, out: Path) -> Row:
        _, key, tempo = CHORALES[piece]
        name, chorale = f"{piece}-{PLAYERS[part]}", _chorale(piece)
        line = dataclasses.replace(chorale, parts=chorale.parts[part : part + 1])
        notes = _copied(sources.find("bach10", f"{piece}/{piece}.txt"), out, f"bach10/gt/{piece}.txt")
        return {
            **_sound(sources.find("bach10", f"{piece}/{name}.wav"), out, f"bach10/solo/{name}"),
            "instrument": PLAYERS[part].replace("saxphone", "saxophone"), "n_parts": "1", "gt_level": "A",
            "score_gt": _abc(line, out, f"bach10/gt/{name}.abc"), "aligned_notes_gt": f"{notes} (channel {part + 1})",
            "meter": "4/4", "key": key, "tempo": f"1/4={tempo}", "licence": "research, cite",
        }  # fmt: skip

    return make


def _singer(singer: str) -> Make:
    def make(sources: Sources, out: Path) -> Row:
        tune, metre, key, shift = SINGERS[singer]
        home = "ssvd_sightsinging"
        row = {
            **_sound(sources.find("ssvd", f"{singer}.mp3"), out, f"{home}/audio/{singer}"),
            "instrument": "voice (unaccompanied)", "n_parts": "1", "gt_level": "A",
            "aligned_notes_gt": _copied(
                sources.find("ssvd", f"{singer}_label.txt"), out, f"{home}/gt/{singer}_label.txt"
            ),
            "meter": metre, "key": key, "licence": "not stated",
            "comment": f"sung {shift} semitones from the written score",
        }  # fmt: skip
        return row | {"score_gt": _copied(sources.find("ssvd", f"{tune}.abc"), out, f"{home}/gt/{tune}.abc")}

    return make


def _disklavier(name: str, seconds: float, metre: str, key: str, score: Callable[[Sources, Path, str], str]) -> Make:
    """The beginning of a piece of MAPS; ``score`` writes its bars and returns their file."""

    def make(sources: Sources, out: Path) -> Row:
        home = "maps_disklavier"
        lines = sources.find("maps", f"MAPS_MUS-{name}.txt").read_text().split("\n")[1:]
        played = [tuple(map(float, line.split())) for line in lines if line.strip()]
        rows = [f"{on:.3f}\t{min(off, seconds):.3f}\t{pitch:.0f}\n" for on, off, pitch in played if on < seconds]
        notes = f"{home}/gt/{name}.notes.tsv"
        write_text(out / notes, "onset_s\toffset_s\tmidi\n" + "".join(rows))
        recording = sources.find("maps", f"MAPS_MUS-{name}.wav")
        return {
            **_sound(recording, out, f"{home}/audio/{name}", seconds, audio.SAMPLE_RATE),
            "instrument": "piano (Yamaha Disklavier)", "n_parts": "1", "gt_level": "A",
            "score_gt": score(sources, out, f"{home}/gt/{name}"), "aligned_notes_gt": notes, "meter": metre,
            "key": key, "licence": "CC BY-NC-SA",
        }  # fmt: skip

    return make


def _asap(piece: str, bars: int) -> Callable[[Sources, Path, str], str]:
    """The first bars of a score of ASAP, as they are printed."""

    def write(sources: Sources, out: Path, stem: str) -> str:
        score = read_score(sources.find("asap", f"{piece}/xml_score.musicxml"))
        parts = tuple(
            dataclasses.replace(part, bars=part.bars[:bars], directions=part.directions[:bars]) for part in score.parts
        )
        plain = (dataclasses.replace(bar, repeat_start=False, repeat_end=False) for bar in score.bars[:bars])
        return _abc(dataclasses.replace(score, bars=tuple(plain), parts=parts), out, f"{stem}.abc")

    return write


def _dcml(repository: str, piece: str, bars: int) -> Callable[[Sources, Path, str], str]:
    """The first bars of the tables of a corpus of the DCML."""

    def write(sources: Sources, out: Path, stem: str) -> str:
        for kind in ("notes", "measures"):
            path = sources.find("dcml", f"{repository}/{kind}/{piece}.{kind}.tsv")
            with path.open(newline="", encoding="utf-8") as file:
                header, *rows = csv.reader(file, delimiter="\t")
            kept = [header, *(row for row in rows if int(row[header.index("mc")]) <= bars)]
            write_text(out / f"{stem}.score_{kind}.tsv", "".join("\t".join(row) + "\n" for row in kept))
        return f"{stem}.score_notes.tsv"

    return write


def _mozart(sources: Sources, out: Path) -> Row:
    name = "mozart_k265_var1"
    score, match = (
        _copied(sources.find("matchmaker", f"assets/{name}{suffix}"), out, f"piano_score_audio/{name}{suffix}")
        for suffix in (".musicxml", ".match")
    )
    return {
        **_sound(sources.find("matchmaker", f"assets/{name}.mp3"), out, f"piano_score_audio/{name}"),
        "instrument": "piano", "n_parts": "1", "gt_level": "A", "score_gt": score, "aligned_notes_gt": match,
        "meter": "2/4", "key": "C", "licence": "Apache-2.0",
    }  # fmt: skip


def _filosax(take: str) -> Make:
    """Five seconds of a saxophone; the metre is known, its notes have times."""

    def make(sources: Sources, out: Path) -> Row:
        seconds, stem = 5.0, f"filosax/p1_{take}"
        said = json.loads(sources.find("filosax", f"Participant 1/{take}/annotations.json").read_text(encoding="utf-8"))
        said["notes"] = [note for note in said["notes"] if note["a_start_time"] < seconds]
        write_text(out / f"{stem}_annotations.json", json.dumps(said))
        return {
            **_sound(sources.find("filosax", f"Participant 1/{take}/Sax.wav"), out, f"{stem}_Sax", seconds),
            "instrument": "tenor saxophone", "n_parts": "1", "gt_level": "B",
            "aligned_notes_gt": f"{stem}_annotations.json", "meter": "4/4", "licence": "research",
        }  # fmt: skip

    return make


def _bass(sources: Sources, out: Path) -> Row:
    name = "attya_filosax_part_4_slurs"
    notes = _copied(sources.find("crepe_notes", f"{name}.gt.mid"), out, f"jazz_sax_bass/{name}.gt.mid")
    return {
        **_sound(sources.find("crepe_notes", f"{name}.wav"), out, f"jazz_sax_bass/{name}"),
        "instrument": "double bass", "n_parts": "1", "gt_level": "B", "aligned_notes_gt": notes,
        "licence": "GPL-3 (tests)",
    }  # fmt: skip


def _vocadito(sources: Sources, out: Path) -> Row:
    notes = sources.find("vocadito", "vocadito_1_notesA1.csv")
    return {
        **_sound(sources.find("vocadito", "vocadito_1.wav"), out, "vocadito/vocadito_1"),
        "instrument": "voice (unaccompanied)", "n_parts": "1", "gt_level": "B",
        "aligned_notes_gt": _copied(notes, out, f"vocadito/{notes.name}"), "licence": "CC BY 4.0",
    }  # fmt: skip


def _guitar(sources: Sources, out: Path) -> Row:
    name = "00_BN1-129-Eb_solo_mic"
    return {
        **_sound(sources.find("guitarset", f"{name}.wav"), out, f"guitarset/{name}"),
        "instrument": "acoustic guitar", "n_parts": "1", "gt_level": "C", "meter": "4/4", "key": "Eb", "tempo": "129",
        "licence": "CC BY 4.0",
    }  # fmt: skip


CLIPS: dict[str, Make] = {
    **{f"bach10/mix/{piece}": _mix(piece) for piece in CHORALES},
    **{f"bach10/solo/{piece}-{PLAYERS[k]}": _solo(piece, k) for piece in SOLOS for k in (3, 1, 2, 0)},
    **{f"ssvd_sightsinging/audio/{singer}": _singer(singer) for singer in SINGERS},
    "maps_disklavier/audio/scn15_11_ENSTDkAm": _disklavier(
        "scn15_11_ENSTDkAm", 10.34, "2/4", "", _dcml("schumann_kinderszenen", "n11", 8)
    ),
    "maps_disklavier/audio/ty_maerz_ENSTDkAm": _disklavier(
        "ty_maerz_ENSTDkAm", 24.173, "2/4", "", _dcml("tchaikovsky_seasons", "op37a03", 8)
    ),
    "maps_disklavier/audio/chpn_op7_1_ENSTDkAm": _disklavier(
        "chpn_op7_1_ENSTDkAm", 15.341, "3/4", "", _dcml("chopin_mazurkas", "BI61-1op07-1", 12)
    ),
    "maps_disklavier/audio/pathetique_2_ENSTDkAm": _disklavier(
        "pathetique_2_ENSTDkAm", 36.187, "2/4", "Ab", _asap("Beethoven/Piano_Sonatas/8-2", 8)
    ),
    "maps_disklavier/audio/mz_331_3_ENSTDkCl": _disklavier(
        "mz_331_3_ENSTDkCl", 6.834, "2/4", "C", _asap("Mozart/Piano_Sonatas/11-3", 9)
    ),
    "maps_disklavier/audio/scn16_4_ENSTDkAm": _disklavier(
        "scn16_4_ENSTDkAm", 31.41, "4/4", "Bb", _asap("Schumann/Kreisleriana/4", 4)
    ),
    "piano_score_audio/mozart_k265_var1": _mozart,
    "filosax/p1_01_Sax": _filosax("01"),
    "filosax/p1_02_Sax": _filosax("02"),
    "jazz_sax_bass/attya_filosax_part_4_slurs": _bass,
    "vocadito/vocadito_1": _vocadito,
    "guitarset/00_BN1-129-Eb_solo_mic": _guitar,
}  # fmt: skip
