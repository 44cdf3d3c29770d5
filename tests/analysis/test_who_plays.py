"""Who plays: what hints select, merge and leave out, and which notes are a soloist's."""

import numpy as np
import pytest

from abcscribe.analysis import analyse, cleaning, player_count, player_features, soloist
from abcscribe.hints import HintError, Hints
from abcscribe.model import boosted_trees
from abcscribe.score.instruments import FAMILIES
from abcscribe.score.model import PlayedNote


def shares(**given: float) -> tuple[float, ...]:
    rest = (1 - sum(given.values())) / len(FAMILIES)
    return tuple(given.get(name, 0.0) + rest for name in FAMILIES)


TRUMPET, PIANO = shares(brass=0.8, reed=0.1), shares(piano=0.75, plucked=0.15)


def note(onset: float, pitch: int, length: float, families: tuple[float, ...], velocity: int = 80) -> PlayedNote:
    family = FAMILIES[int(np.argmax(families))]
    return PlayedNote(onset, onset + length, pitch, velocity, family, 0.95, families=families)


def song(resting: range = range(8, 16)) -> list[PlayedNote]:
    """A trumpet, silent for some quarters, over broken chords of a piano."""
    tune = [72, 74, 76, 72, 79, 76, 74, 72] * 3
    solo = [note(0.5 * k, p, 0.45, TRUMPET, 90) for k, p in enumerate(tune) if k not in resting]
    chords = [note(0.25 * k, (48, 55, 60, 64, 60, 55)[k % 6], 0.24, PIANO, 65) for k in range(48)]
    return sorted(solo + chords, key=lambda n: (n.onset, n.pitch))


def names(notes, hints: Hints = Hints()) -> list[str]:
    return [line.name for line in analyse(notes, hints).lines]


def test_a_resting_soloist_has_rests():
    notes = song()
    own = soloist.chosen(notes, cleaning.chords(notes))
    right = [(i in own) == (n.family == "brass") for i, n in enumerate(notes)]
    assert np.mean(right) > 0.95
    assert not any(i in own for i, n in enumerate(notes) if 4.1 < n.onset < 7.9)


def test_a_soloist_with_chords_is_two_parts_and_chords_alone_are_one():
    assert names(song()) == ["Trumpet", "Acoustic Grand Piano"]
    alone = [note(n.onset, n.pitch, n.offset - n.onset, PIANO, n.velocity) for n in song()]
    assert names(alone) == ["Acoustic Grand Piano"]


def test_named_players_get_the_parts_that_suit_them():
    assert names(song(), Hints(instruments="piano, trumpet")) == [
        "Trumpet", "Acoustic Grand Piano",
    ]  # fmt: skip
    assert names(song(), Hints(instruments="guitar + voice")) == ["Choir Aahs", "Acoustic Guitar (nylon)"]


def test_one_named_player_is_one_part_and_plays_what_he_can():
    everything = analyse(song(), Hints(instruments="piano"))
    assert [line.name for line in everything.lines] == ["Acoustic Grand Piano"]
    assert everything.remarks == ()
    sung = analyse(song(), Hints(instruments="trumpet"))
    (line,) = sung.lines
    assert len({n.start for n in line.notes}) == len(line.notes)
    assert sung.remarks or len(line.notes) < len(song())


def test_solo_leaves_the_others_out_and_says_so():
    analysis = analyse(song(), Hints(solo=True))
    assert [line.name for line in analysis.lines] == ["Trumpet"]
    assert any("of others are left out" in remark for remark in analysis.remarks)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_as_many_parts_as_the_user_says(count):
    assert len(names(song(), Hints(parts=count))) == count


def test_hints_that_contradict_one_another_are_refused():
    with pytest.raises(HintError, match="contradict"):
        Hints(instruments="voice, guitar", parts=3)
    with pytest.raises(HintError, match="one player"):
        Hints(instrument="flute", instruments="voice, guitar")
    assert Hints(instruments="drums").instruments == (128,)
    assert Hints(instruments="flute") == Hints(instrument="flute")


def test_features_do_not_depend_on_the_time_at_which_the_music_begins():
    later = [PlayedNote(n.onset + 9, n.offset + 9, n.pitch, n.velocity, n.family, n.confidence, families=n.families)
             for n in song()]  # fmt: skip
    first, second = (player_features.heard(own, cleaning.chords(own)) for own in (song(), later))
    assert player_features.of_recording(first) == pytest.approx(player_features.of_recording(second), abs=1e-3)
    assert player_features.of_notes(first) == pytest.approx(player_features.of_notes(second), abs=1e-3)


def test_many_rows_are_answered_as_each_alone():
    rows = player_features.of_notes(player_features.heard(song(), cleaning.chords(song())))
    whole = boosted_trees.answers(soloist.WEIGHTS, rows)
    assert whole.shape == (len(rows), 1)
    assert whole[3] == pytest.approx(boosted_trees.answer(soloist.WEIGHTS, rows[3]), abs=1e-4)


def test_kinds_are_probabilities_also_of_notes_without_a_family():
    notes = [PlayedNote(n.onset, n.offset, n.pitch) for n in song()]
    assert np.exp(player_count.kinds(notes, cleaning.chords(notes))).sum() == pytest.approx(1)
