"""MV2H: agreement with pyMV2H run on its own text files, and what is ours: harmony, metre, alignment, the guard."""

import math
from fractions import Fraction
from pathlib import Path

import pytest
from pyMV2H.metrics.mv2h import mv2h as reference_implementation
from pyMV2H.utils.music import Music
from tunes import score, walk

from abcscribe.metrics import mv2h
from abcscribe.metrics.matching import lines
from abcscribe.metrics.ticks import TICKS_PER_QUARTER
from abcscribe.score import Bar, Key, Metre, Score


def text_file(path: Path, tune: Score) -> Music:
    """The score as pyMV2H's own format, sub-beats as tatums, read by its own parser."""
    metre, end = tune.bars[0].metre, tune.bar_starts()[-1]
    assert metre is not None
    divisions = 3 if metre.compound else 2
    beats = metre.beats // 3 if metre.compound else metre.beats
    tatum = metre.length / beats / divisions
    rows = [f"Tatum {int(i * tatum * 500)}" for i in range(int(end / tatum) + 1)]
    rows += [f"Hierarchy {beats},{divisions} 1 a=0 0", f"Key {7 * tune.bars[0].key.fifths % 12} Maj 0"]
    for voice, line in enumerate(lines(tune)):
        for note in line.notes:
            on, off = (500 * t // TICKS_PER_QUARTER for t in (note.onset, note.onset + note.duration))
            rows.append(f"Note {note.pitch} {on} {on} {off} {voice}")
    path.write_text("\n".join(rows) + "\n")
    return Music.from_file(str(path))


PAIRS = {
    "same": (walk(6, 1), walk(6, 1)),
    "a third of the notes wrong": (walk(6, 1), walk(6, 1, wrong=1 / 3)),
    "voices exchanged": (
        score("C4 D4 E4 F4 | G4:4", "C3:2 G3:2 | C3:4"),
        score("C4 D4 C3:2 | G4:4", "E3:2 E4 F4 | C3:4"),
    ),
    "other values": (score("C4:2 D4 E4 | F4:4"), score("C4 z D4 E4:1/2 z:1/2 | F4:2 z:2")),
    "compound metre": (
        score("C4:3/2 D4:3/2 | E4:3", metre=Metre(6, 8)), score("C4:3/2 D4:3/2 | E4:3", metre=Metre(3, 4)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PAIRS)
def test_agrees_with_its_own_implementation(name: str, tmp_path: Path):
    reference, prediction = PAIRS[name]
    theirs = reference_implementation(
        text_file(tmp_path / "a.txt", reference), text_file(tmp_path / "b.txt", prediction)
    )
    ours = mv2h._components(reference, prediction, lines(reference), lines(prediction), float)
    assert ours == pytest.approx(
        {
            "multi_pitch": theirs.multi_pitch,
            "voice": theirs.voice,
            "metre": theirs.meter,
            "value": theirs.note_value,
            "harmony": theirs.harmony,  # equal only because both are in C: see the module
        }
    )


def test_a_wrong_key_costs_harmony_only():
    # G for C is a fifth: half of harmony, a tenth of the whole
    values = mv2h.evaluate(walk(4, 1, key=Key(0)), walk(4, 1, key=Key(1)))
    assert (values["harmony"], values["mv2h"]) == (0.5, pytest.approx(0.9))


def test_keys_are_compared_while_they_last():
    half = Score((Bar(Fraction(4), key=Key(0)), Bar(Fraction(4), key=Key(2))))
    whole = Score((Bar(Fraction(4)), Bar(Fraction(4))))
    assert mv2h.harmony_score(half, whole, float) == 0.5


def test_twice_the_note_values_are_aligned():
    values = mv2h.evaluate(score("C4 D4 E4 F4 | G4:4"), score("C4:2 D4:2 | E4:2 F4:2 | G4:4~ | G4:4"))
    assert (values["multi_pitch"], values["voice"], values["value"]) == (1, 1, 1)
    assert values["metre"] < 1  # bars of half the length


def test_metrical_groups_of_a_pickup():
    # the upbeat of one quarter in 3/4: a beat and two sub-beats; then a bar of 1 + 3 + 6 groups
    assert len(mv2h.groups(score("G4 | C4 D4 E4", metre=Metre(3, 4)))) == 3 + 10


def test_nothing_and_something():
    tune, silence = score("C4 D4 E4 F4"), score("z:4")
    assert mv2h.evaluate(silence, silence)["mv2h"] == 1
    assert mv2h.evaluate(tune, Score())["mv2h"] == mv2h.evaluate(Score(), tune)["mv2h"] == 0
    assert mv2h.evaluate(tune, silence) == {
        "multi_pitch": 0, "voice": 0, "value": 0, "metre": 1, "harmony": 1, "mv2h": 0.4, "skipped": 0,
    }  # fmt: skip


def test_no_note_in_common():
    assert mv2h.evaluate(score("C4 D4"), score("A5 B5"))["value"] == 0


def test_too_long_is_said_not_hidden():
    long = walk(300, 1)  # 1,200 notes
    values = mv2h.evaluate(long, long)
    assert values["skipped"] == 1
    assert math.isnan(values["mv2h"])
