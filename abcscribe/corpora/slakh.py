"""Slakh2100 (Manilow et al., 2019): MIDI files of Lakh, each track rendered by a professional instrument."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from abcscribe.corpora.licences import FREE, Licence
from abcscribe.corpora.midi_notes import midi_notes
from abcscribe.corpora.recording import DataSet, Download, Recording, if_there, together
from abcscribe.extras import require
from abcscribe.score.instruments import PERCUSSION

# The instruments of basses sound an octave below the notes they are given: ethman/slakh-generation, issue 2.
BASS, OCTAVE = "Bass", -12


def index(folder: Path) -> Iterator[Recording]:
    """The mixes, each followed by its tracks; those that the authors omit for being there twice are left out."""
    require("Reading Slakh", "data", "yaml")
    import yaml

    for table in sorted(folder.glob("**/Track*/metadata.yaml")):
        track = table.parent
        if track.parent.name not in ("train", "validation", "test"):
            continue
        said = yaml.safe_load(table.read_text(encoding="utf-8"))["stems"]
        stems = [_stem(track, name, one) for name, one in sorted(said.items()) if one["audio_rendered"]]
        yield Recording(
            f"{track.parent.name}/{track.name}", track / "mix.flac", track.parent.name,
            tuple(dict.fromkeys(p for stem in stems for p in stem.programs)),
            together(stems), midi=if_there(track / "all_src.mid"),
        )  # fmt: skip
        yield from stems


def _stem(track: Path, name: str, said: dict[str, Any]) -> Recording:
    program = PERCUSSION if said["is_drum"] else int(said["program_num"])
    midi, shift = track / "MIDI" / f"{name}.mid", OCTAVE if said["inst_class"] == BASS else 0
    split = track.parent.name
    return Recording(
        f"{split}/{track.name}/{name}", track / "stems" / f"{name}.flac", split, (program,),
        partial(midi_notes, midi, program=program, shift=shift), midi=midi, part_of=f"{split}/{track.name}",
    )  # fmt: skip


DATA_SET = DataSet(
    "slakh", "Slakh2100-redux", "https://doi.org/10.5281/zenodo.4599666",
    Licence("CC BY 4.0", FREE, "Zenodo record 4599666"),
    "Manilow, Wichern, Seetharaman, Le Roux: Cutting Music Source Separation Some Slakh. WASPAA 2019",
    (
        Download(
            "https://zenodo.org/records/4599666/files/slakh2100_flac_redux.tar.gz", "slakh2100_flac_redux.tar.gz",
            "104 GB", md5="f4b71b6c45ac9b506f59788456b3f0c4",
        ),
    ),
    "slakh2100_flac_redux/{train,validation,test}/TrackNNNNN/metadata.yaml, mix.flac, all_src.mid\n"
    "slakh2100_flac_redux/{train,validation,test}/TrackNNNNN/stems/SNN.flac, MIDI/SNN.mid",
    "of the authors (redux: what was there twice is omitted)", 1710, index,
)  # fmt: skip
