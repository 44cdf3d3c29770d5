"""The stages of the analysis, each for itself."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abcscribe.analysis import (
    beat_network,
    beats,
    cleaning,
    downbeats,
    hand_network,
    hands,
    keys,
    metre_choice,
    placing,
    player_count,
    players,
    quantise,
    rhythm_tables,
)
from abcscribe.analysis.beat_network import MARGIN, SEGMENT, guess
from abcscribe.analysis.chord_features import FEATURES, features
from abcscribe.analysis.player_count import Texture
from abcscribe.hints import Hints
from abcscribe.model import timbre
from abcscribe.score.grid import METRES, TICKS
from abcscribe.score.instruments import FAMILIES
from abcscribe.score.model import Key, Metre, PlayedNote
from abcscribe.writing.rules import notes_to_score


def note(
    onset: float, pitch: int, length: float = 0.4, *, confidence: float = 0.9, velocity: int = 80, family: str = "piano"
) -> PlayedNote:
    return PlayedNote(onset, onset + length, pitch, velocity, family, confidence)


def scale(tonic: int, degrees: str) -> list[PlayedNote]:
    steps = dict(zip("1234567", (0, 2, 4, 5, 7, 9, 11), strict=True))
    return [note(0.5 * k, tonic + steps[degree]) for k, degree in enumerate(degrees)]


# --- cleaning ---------------------------------------------------------------------------------------------------------


def test_a_note_split_by_the_detector_is_one_note():
    second = note(0.5, 60, 0.3, confidence=0.4, velocity=50)
    (whole,) = cleaning.clean([note(0.0, 60, 0.49), second])
    assert (whole.onset, whole.offset) == (0.0, second.offset)


def test_a_note_played_again_stays_two_notes():
    assert len(cleaning.clean([note(0.0, 60, 0.49), note(0.5, 60, 0.3)])) == 2


def test_an_unsure_blip_is_dropped_and_a_sure_one_kept():
    assert cleaning.clean([note(0.0, 60, 0.03, confidence=0.2)]) == []
    assert len(cleaning.clean([note(0.0, 60, 0.03)])) == 1


def test_a_rolled_chord_is_one_chord_and_a_trill_is_not():
    rolled = [note(0.03 * k, 60 + 4 * k) for k in range(4)]
    assert cleaning.chords(rolled) == [[0, 1, 2, 3]]
    assert len(cleaning.chords([note(0.09 * k, 60 + k % 2) for k in range(6)])) == 6


def test_what_a_voice_does_around_its_notes_is_no_note():
    """A scoop from below, a consonant that cuts a note, a tail above; a run of short notes is music."""
    scooped = [note(0.0, 58, 0.1), note(0.1, 60, 0.5)]
    cut = [note(0.8, 62, 0.4), note(1.22, 62, 0.1)]
    tail = [note(1.6, 64, 0.5), note(2.1, 65, 0.08)]
    run = [note(2.5 + 0.12 * k, 64 - k, 0.12) for k in range(6)]
    kept = cleaning.sung(scooped + cut + tail + run)
    assert [n.pitch for n in kept] == [60, 62, 64, *(64 - k for k in range(6))]
    assert kept[1].offset == pytest.approx(1.32)


def test_a_singer_is_known_by_his_sound():
    voice = [note(0.5 * k, 60 + k % 5, family="voice") for k in range(20)]
    assert player_count.is_sung(voice)
    assert not player_count.is_sung([note(0.5 * k, 60 + k % 5, family="reed") for k in range(20)])
    assert not player_count.is_sung(voice + [note(0.5 * k + 0.01, 72, family="voice") for k in range(20)])


# --- rhythm and beats -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("metre", [*METRES, Metre(5, 4), Metre(7, 8), Metre(2, 2), Metre(1, 16)], ids=str)
@pytest.mark.parametrize("texture", ["line", "whole"])
def test_tables_hold_probabilities(metre, texture):
    table = rhythm_tables.table(metre, texture)
    assert np.exp(table.step).sum(axis=(1, 2)) == pytest.approx(1, abs=0.02)
    assert np.exp(table.start).sum() == pytest.approx(1, abs=0.02)
    assert len(table.coarse.places) <= len(table.places)


def onsets_only(seconds) -> beats.Heard:
    seconds = np.asarray(seconds)
    n = len(seconds)
    return beats.Heard(seconds, np.full(n, np.inf), np.zeros((n, 1)), np.zeros((n, 1)))


def test_a_slowing_tempo_keeps_the_note_values():
    quarters = np.tile([1, 0.5, 0.5, 1, 1], 6)
    pace = 0.5 * np.linspace(1, 1.6, len(quarters))
    (path,) = beats.track(onsets_only(np.r_[0, np.cumsum(quarters * pace)]), [rhythm_tables.table(Metre(4, 4), "line")])
    assert (np.diff(path.ticks) / TICKS == quarters).all()
    assert path.quarter[-1] / path.quarter[1] == pytest.approx(1.6, abs=0.2)


def test_a_fermata_at_every_phrase_end_keeps_the_bars_whole():
    quarters = np.tile([1, 0.5, 0.5, 1, 1], 6)
    sounded = quarters + np.tile([0, 0, 0, 0, 0.7], 6)
    heard = onsets_only(np.r_[0, np.cumsum(0.6 * sounded)])
    (path,) = beats.track(heard, [rhythm_tables.table(Metre(4, 4), "line")], hold_price=beats.FREQUENT)
    assert (np.diff(path.ticks) / TICKS == quarters).all()


def test_an_onset_in_doubt_is_ignored_and_one_in_no_doubt_is_not():
    heard = onsets_only(sorted([*np.arange(16) * 0.6, 0.6 * 5.37]))
    table = rhythm_tables.table(Metre(4, 4), "line")
    (path,) = beats.track(heard, [table])
    assert len(path.used) == 17
    heard.doubt[6] = 0.5
    (path,) = beats.track(heard, [table])
    assert np.setdiff1d(np.arange(17), path.used).tolist() == [6]


@pytest.mark.parametrize(("length", "together"), [(0.5, True), (0.07, False)])
def test_notes_in_quick_succession_are_one_chord_if_they_sound_together(length, together):
    """Eight times a note, .07 seconds before another."""
    notes = [n for i in range(8) for n in (note(0.5 * i, 60, length), note(0.5 * i + 0.07, 67, 0.4))]
    groups = cleaning.chords(notes)
    assert len(groups) == 16
    placed = placing.place(notes, groups, cleaning.chord_onsets(notes, groups), metre=Metre(4, 4), tempo=120.0)
    assert ([len(chord) for chord in placed.groups] == [2] * 8) == together


# --- features and network ---------------------------------------------------------------------------------------------


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(48, 72), min_size=3, max_size=30), st.integers(-12, 12))
def test_features_do_not_know_the_transposition(pitches, shift):
    def of(up):
        notes = [note(0.3 * k, pitch + up, 0.28) for k, pitch in enumerate(pitches)]
        groups = cleaning.chords(notes)
        return features(notes, groups, cleaning.chord_onsets(notes, groups))

    assert of(0).shape == (len(pitches), FEATURES)
    assert np.allclose(of(0), of(shift), atol=1e-4)


@pytest.mark.parametrize("count", [1, 40, SEGMENT, SEGMENT + 1, 3 * SEGMENT + 7])
def test_guesses_are_probabilities_of_all_places_tempos_and_metres(count):
    rng = np.random.default_rng(0)
    places, tempos, metres = guess(rng.normal(size=(count, FEATURES)).astype(np.float32), np.arange(count) * 0.3)
    assert places.shape == (count, sum(len(rhythm_tables.places(metre)) for metre in METRES))
    assert tempos.shape == (count, len(beats.BPM))
    assert metres.shape == (len(METRES),)
    for table in (places, tempos, metres):
        assert np.exp(table).sum(axis=-1) == pytest.approx(1, abs=1e-3)


def test_a_guess_is_the_network_that_was_trained():
    """The numpy code and the torch code of the benchmark agree, whose weights have the same names."""
    torch = pytest.importorskip("torch")
    from abcscribe.training.small.beat_network import Network

    model = Network().eval()
    with np.load(beat_network.WEIGHTS) as file:
        model.load_state_dict(
            {name: torch.from_numpy(file[name].astype(np.float32)) for name in file if name != "metres"}
        )
    rng = np.random.default_rng(1)
    seen, onsets = rng.normal(size=(50, FEATURES)).astype(np.float32), np.cumsum(rng.uniform(0.1, 0.6, 50))
    turn = torch.from_numpy(beat_network.angles(onsets - onsets[0]))[None]
    with torch.no_grad():
        outputs = model(torch.from_numpy(seen)[None], torch.ones(1, 50, 1), turn)
    for ours, theirs in zip(guess(seen, onsets), outputs, strict=True):
        assert np.allclose(ours, theirs[0].log_softmax(-1).numpy(), atol=2e-3)


def test_what_is_guessed_late_in_a_long_piece_does_not_depend_on_its_beginning():
    rng = np.random.default_rng(2)
    seen, onsets = rng.normal(size=(3 * SEGMENT, FEATURES)).astype(np.float32), np.arange(3 * SEGMENT) * 0.25
    other = seen.copy()
    other[: SEGMENT // 2] = 0
    assert np.allclose(guess(seen, onsets).places[-MARGIN:], guess(other, onsets).places[-MARGIN:])


# --- keys -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tonic", range(12))
def test_the_key_moves_with_the_tune(tonic):
    major = keys.find_key(scale(60 + tonic, "12313455654311517"))
    minor = keys.find_key(scale(60 + tonic, "67167123217656363176"))
    assert (major.mode, minor.mode) == ("major", "minor")
    assert major.fifths == minor.fifths == (7 * tonic + 5) % 12 - 5


def test_one_note_has_a_key():
    assert isinstance(keys.find_key([note(0, 60)]), Key)


@pytest.mark.parametrize("fifths", [-4, 0, 3])
def test_church_modes_are_told_by_where_a_tune_rests(fifths):
    """The notes of one signature: a tune that rests on its first degree, and one that rests on its second."""
    tonic = 60 + 7 * fifths % 12
    rests = {"major": scale(tonic, "1353123543271231"), "dorian": scale(tonic, "2226645313122246425312")}
    for mode, tune in rests.items():
        pitch, onset, offset = np.array([(n.pitch, n.onset, n.offset) for n in tune]).T
        assert keys.find_mode(pitch.astype(int), onset, offset - onset, fifths) == mode


def test_all_that_may_be_the_signature_is_certain():
    found = keys.signatures(scale(60, "12313455654311517"))
    assert np.logaddexp.reduce(found) == pytest.approx(0, abs=1e-5)
    assert found.argmax() == 0


# --- which metre ------------------------------------------------------------------------------------------------------


def placed(notes: list[PlayedNote]) -> placing.Placed:
    groups = cleaning.chords(notes)
    return placing.place(notes, groups, cleaning.chord_onsets(notes, groups))


def running(gap: float, pitches: list[int], lengths: str = "1") -> list[PlayedNote]:
    """``lengths`` in gaps, one digit a note, again and again."""
    size = [int(digit) for digit in lengths] * len(pitches)
    begin = np.cumsum([0, *size])
    return [note(gap * begin[k], pitch, 0.9 * gap * size[k], family="pipe") for k, pitch in enumerate(pitches)]


REEL = [74, 69, 66, 69, 74, 76, 78, 76, 74, 69, 66, 69, 71, 69, 67, 66] * 4


def test_a_reel_is_written_in_halves_and_a_hymn_in_quarters():
    assert placed(running(0.17, REEL)).written == Metre(2, 2)
    hymn = [67, 67, 69, 71, 72, 71, 69, 67, 69, 67, 65, 64, 62, 64, 65, 67] * 2
    assert placed(running(0.7, hymn, "1111112112")).written == Metre(4, 4)


def test_a_reel_counts_its_tempo_in_halves_and_a_hint_decides():
    reel = running(0.17, REEL)
    halves, quarters = notes_to_score(reel), notes_to_score(reel, Hints(metre=Metre(4, 4)))
    assert [score.bars[0].metre for score in (halves, quarters)] == [Metre(2, 2), Metre(4, 4)]
    assert [score.bars[0].tempo.beat for score in (halves, quarters)] == [Fraction(2), Fraction(1)]
    assert halves.bars[0].tempo.quarter_bpm == pytest.approx(quarters.bars[0].tempo.quarter_bpm, abs=2)


def test_several_players_are_left_in_quarters(monkeypatch):
    """However surely two halves are likelier than four quarters."""
    chances = np.full(len(metre_choice.CLASSES), -9.0)
    chances[[metre_choice.COMMON, metre_choice.CUT]] = -2.0, -0.2
    monkeypatch.setattr(metre_choice, "metres", lambda *_: chances.copy())
    line = running(0.17, REEL)
    two = [n for low in line for n in (low, note(low.onset, low.pitch - 12, 0.15))]
    assert (placed(line).metre, placed(line).written) == (Metre(4, 4), Metre(2, 2))
    assert (placed(two).metre, placed(two).written) == (Metre(4, 4), Metre(4, 4))


def test_what_repeats_by_hand():
    """Bars of three; the second says the first again a step higher, the third says it again as it was."""
    ticks = np.arange(9) * 24
    top = np.array([60, 62, 64, 62, 64, 66, 60, 62, 64])
    assert metre_choice._repeated(ticks, top, [72]) == pytest.approx([1, 0, 4 / 6])  # but for the steps over bar lines
    assert metre_choice._repeated(ticks, top, [48]) == pytest.approx([1, 2 / 7, 2 / 7])
    assert metre_choice._repeated(ticks, top, [144]) == [0, 0, 0]  # three chords are too few to say


def test_the_metre_of_a_long_recording_is_that_of_its_first_chords():
    long = running(0.2, REEL * 6)
    groups = cleaning.chords(long)
    first = placing.DECISIVE
    chords = placing._Music(long, groups, cleaning.chord_onsets(long, groups)).tried()[0]
    assert len(groups) > first
    assert (len(chords.onset), len(chords.top), chords.notes) == (first, first, first)


def test_the_chances_of_all_metres_add_up_and_a_single_note_has_some():
    notes = running(0.3, REEL)
    for few in (notes, notes[:1]):
        groups = cleaning.chords(few)
        chances = metre_choice.metres(*placing._Music(few, groups, cleaning.chord_onsets(few, groups)).tried())
        assert np.exp(chances).sum() == pytest.approx(1)


# --- where the bar begins ---------------------------------------------------------------------------------------------

WALTZ = [(48, 67, 67), (43, 65, 65), (48, 64, 67), (43, 59, 65), (48, 64, 67), (41, 65, 69), (43, 65, 71), (48, 64, 64)]


def waltz(start: int = 0) -> list[PlayedNote]:
    """A bass and two chords a bar, from the beat ``start`` of the first bar on."""
    hits = [(0.5 * k, pitch) for k, pitch in enumerate(p for bar in WALTZ * 2 for p in bar)]
    return [
        note(at - 0.5 * start, pitch, 0.45 if k % 3 else 1.2, velocity=80 if k % 3 else 100)
        for k, (at, pitch) in enumerate(hits)
        if k >= start
    ]


def music_of(notes: list[PlayedNote]) -> placing._Music:
    groups = cleaning.chords(notes)
    return placing._Music(notes, groups, cleaning.chord_onsets(notes, groups))


@pytest.mark.parametrize("start", [0, 1, 2])
def test_bars_begin_where_the_basses_are(start):
    notes = waltz(start)
    groups = cleaning.chords(notes)
    found = placing.place(notes, groups, cleaning.chord_onsets(notes, groups), metre=Metre(3, 4))
    first_beats = [group for group, tick in zip(found.groups, found.ticks, strict=True) if tick % 72 == 0]
    assert 0 <= found.ticks[0] < 72
    assert len(first_beats) >= 15
    assert all(notes[i].pitch < 50 for group in first_beats for i in group)


@pytest.mark.parametrize("beats_late", [1, 2])
def test_bar_lines_that_are_turned_are_turned_back(beats_late):
    music = music_of(waltz())
    path = music.followed([rhythm_tables.table(Metre(3, 4), music.texture)])[0]
    right = placing._moved(path, downbeats.turn(music.read(path)))
    turned = placing._moved(right, 24 * beats_late)
    assert list(downbeats.turns(turned)) == [0, 24, 48]
    assert (24 * beats_late + downbeats.turn(music.read(turned))) % 72 == 0


def test_what_is_decided_moves_the_bar_lines(monkeypatch):
    music, places = waltz(), []
    groups = cleaning.chords(music)
    for by in (0, 24):
        monkeypatch.setattr(downbeats, "turn", lambda read, by=by: by)
        places.append(placing.place(music, groups, cleaning.chord_onsets(music, groups), metre=Metre(3, 4)).ticks % 72)
    assert np.array_equal((places[0] - 24) % 72, places[1])


def test_what_decides_about_a_turn_by_hand():
    """Three chords a bar, the first of which is long: bar lines there have more length, those at the second less."""
    music = music_of([note(t, 60 + k, 0.4) for k, t in enumerate(np.cumsum([0, *[1.0, 0.5, 0.5] * 5])[:-1])])
    where = np.arange(len(music.onsets)) % 3 == [[0], [1]]
    gaps = np.log(np.tile([1.0, 0.5, 0.5], 5))
    by_hand = [np.log(1.0) - gaps.mean(), np.log(0.5) - gaps.mean()]
    assert metre_choice.more(where, gaps)[:, 0] == pytest.approx(by_hand)
    assert metre_choice.more(np.zeros((1, 15), bool), gaps)[0, 0] == 0
    path = music.followed([rhythm_tables.table(Metre(4, 4), music.texture)])[0]
    rows = downbeats.features(music.read(path))
    own = (rows.shape[1] - 7) // 2
    assert len(rows) == 4
    assert np.allclose(rows[:, own : 2 * own].mean(axis=0), 0, atol=1e-4)


def test_a_metre_that_no_network_knows_and_a_hint_are_left_as_they_are(monkeypatch):
    def never(read: downbeats.Read) -> int:
        raise AssertionError("nothing is to be decided")

    monkeypatch.setattr(downbeats, "turn", never)
    notes = waltz()
    groups = cleaning.chords(notes)
    onsets = cleaning.chord_onsets(notes, groups)
    assert placing.place(notes, groups, onsets, metre=Metre(5, 4)).metre == Metre(5, 4)
    hinted = placing.place(notes, groups, onsets, metre=Metre(3, 4), downbeat=0.5)
    assert hinted.ticks[1] % 72 == 0


# --- texture, players, hands and values -------------------------------------------------------------------------------

UPPER, LOWER = [72, 71, 69, 71, 72, 74, 72, 71], [60, 62, 64, 62, 60, 59, 60, 62]


def duet(upper: str, lower: str) -> list[PlayedNote]:
    both = zip(UPPER, LOWER, strict=True)
    pairs = [((high, upper), (low, lower)) for high, low in both]
    return [note(0.5 * k, p, 0.48, family=family) for k, pair in enumerate(pairs) for p, family in pair]


def test_lines_are_followed_through_chords_with_missing_notes():
    notes = [n for n in duet("strings", "strings") if (n.onset, n.pitch) != (1.5, 71)]
    player = players.cast(notes, cleaning.chords(notes), 2)
    assert [n.pitch for i, n in enumerate(notes) if player[i] == 1] == LOWER


def test_players_who_cross_are_told_by_their_sound():
    high, low = [60, 64, 67, 71, 67, 64, 60, 57], [72, 69, 66, 62, 64, 69, 72, 74]
    notes = [
        note(0.5 * k, pitch, 0.48, family=family)
        for k, pair in enumerate(zip(high, low, strict=True))
        for pitch, family in zip(pair, ("pipe", "brass"), strict=True)
    ]
    player = players.cast(notes, cleaning.chords(notes), 2)
    assert len({(player[i], n.family) for i, n in enumerate(notes)}) == 2


def test_long_pieces_are_shared_out_as_their_beginning(monkeypatch):
    notes = [shifted(n, 4.0 * k) for k in range(6) for n in duet("pipe", "reed")]
    groups = cleaning.chords(notes)
    whole = players.cast(notes, groups, 2)
    monkeypatch.setattr(players, "DECISIVE", 16)
    assert players.cast(notes, groups, 2) == whole
    assert len({(whole[i], n.family) for i, n in enumerate(notes)}) == 2


def test_a_player_of_chords_gets_what_the_soloist_leaves():
    chords = [note(k, pitch, 0.9) for k in range(6) for pitch in (48, 52, 55)]
    solo = [note(k, pitch, 0.9, family="voice") for k, pitch in enumerate((72, 74, 76, 74, 72, 71))]
    notes = sorted(chords + solo, key=lambda n: (n.onset, n.pitch))
    player = players.cast(notes, cleaning.chords(notes), 1, chords=True)
    assert [n.pitch for i, n in enumerate(notes) if player[i] == 0] == [n.pitch for n in solo]


def test_too_few_players_must_do_what_players_do_not():
    """Four chords of a duet for one: a note of each is beyond him; for three, one has next to nothing to do."""
    notes = duet("strings", "reed")
    groups = cleaning.chords(notes)
    one, two, three = (players.fit(notes, groups, lines) for lines in (1, 2, 3))
    price, overlaps, beyond, least = 0, 1, 2, 5
    assert (one[beyond], two[beyond], two[overlaps], two[least]) == (0.5, 0.0, 0.0, 1.0)
    assert one[price] > two[price]
    assert three[least] < 1.0


def test_every_note_has_a_player_even_if_there_are_more_notes_than_players():
    notes = [note(0.5 * k, pitch) for k in range(4) for pitch in (50, 60, 64, 67, 72)]
    player = players.cast(notes, cleaning.chords(notes), 3)
    assert sorted(player) == list(range(len(notes)))
    assert set(player.values()) == {0, 1, 2}


def test_a_second_voice_needs_more_than_legato():
    notes = [note(0.5 * k, 60 + k, 0.55) for k in range(12)]
    assert player_count.is_one_line(notes)
    assert player_count.texture(notes, cleaning.chords(notes)) == Texture(1, False)


def test_two_instruments_are_two_lines_and_a_chorale_on_a_piano_is_one_keyboard():
    notes = [shifted(n, 4.0 * k) for k in range(3) for n in duet("strings", "reed")]
    assert player_count.texture(notes, cleaning.chords(notes)) == Texture(2, False)
    chorale = [note(0.5 * k, p + k % 3, 0.5) for k in range(40) for p in (48, 55, 64, 67, 72)]
    assert player_count.texture(chorale, cleaning.chords(chorale)) == Texture(0, True)


def shifted(n: PlayedNote, seconds: float) -> PlayedNote:
    return note(n.onset + seconds, n.pitch, n.offset - n.onset, family=n.family)


def test_two_hands_on_one_piano_are_one_player():
    notes = duet("piano", "piano")
    assert player_count.texture(notes, cleaning.chords(notes)) == Texture(0, True)


def test_numbers_of_a_texture_do_not_depend_on_when_it_begins():
    notes = duet("strings", "reed")
    later = [shifted(n, 7.0) for n in notes]
    first, second = (player_count.features(own, cleaning.chords(own)) for own in (notes, later))
    assert first == pytest.approx(second, abs=1e-4)


@pytest.mark.parametrize("family", ["piano", "strings", "voice", "brass", "reed", "pipe"])
def test_notes_heard_alike_are_least_surprising_for_the_family_they_are_heard_as(family):
    counts = np.zeros(len(FAMILIES) + 1)
    counts[FAMILIES.index(family)] = 10
    assert FAMILIES[timbre.surprise(counts).argmin()] == family


def test_surprise_by_hand():
    """One note: minus the log of the share; the second of a kind is likelier than the first."""
    share = timbre.shares()[0, 0]
    one, two = np.zeros(12), np.zeros(12)
    one[0], two[0] = 1, 2
    assert timbre.surprise(one)[0] == pytest.approx(-np.log(share))
    again = (6 * share + 1) / (6 + 1)
    assert timbre.surprise(two)[0] == pytest.approx(-np.log(share) - np.log(again))


def test_the_hands_follow_the_music_across_middle_c():
    chords = [[36, 43, 60, 64, 67], [40, 45, 64, 69], [57, 60, 76, 81], [64, 67, 84, 88]]
    sides = hands.right_hand(chords)
    assert [[p for p, right in zip(c, s, strict=True) if not right] for c, s in zip(chords, sides, strict=True)] == [
        [36, 43], [40, 45], [57, 60], [64, 67],
    ]  # fmt: skip


def printed(notes: list[tuple[float, float, int]], bar: float = 4.0) -> list[int]:
    """The voices of (onset, quarters, pitch), by onset and pitch."""
    onset, length, pitch = np.array(sorted(notes, key=lambda n: (n[0], n[2]))).T
    return hands.divided(onset, length, pitch.astype(int), onset % bar, bar, 1.0).tolist()


def test_a_melody_over_broken_chords_is_printed_on_two_staves():
    melody = [(k * 1.0, 0.9, pitch) for k, pitch in enumerate([72, 76, 79, 77, 76, 74, 72, 71] * 2)]
    chords = [(k / 2, 0.45, pitch) for k, pitch in enumerate([48, 55, 52, 55] * 8)]
    together = sorted(melody + chords, key=lambda n: (n[0], n[2]))
    voices = printed(melody + chords)
    assert [voice in hands.RIGHT for voice in voices] == [note in melody for note in together]


def test_held_melody_notes_over_an_inner_voice_are_a_voice_of_their_own():
    melody = [(bar * 4.0 + k * 2, 1.95, pitch) for bar in range(6) for k, pitch in enumerate((79, 77))]
    inner = [(k / 2, 0.45, pitch) for k, pitch in enumerate([67, 64, 67, 64, 65, 62, 65, 62] * 6)]
    bass = [(bar * 4.0, 3.9, 43) for bar in range(6)]
    everything = sorted(melody + inner + bass, key=lambda n: (n[0], n[2]))
    voice = dict(zip(everything, printed(melody + inner + bass), strict=True))
    assert np.mean([voice[note] == hands.RIGHT[0] for note in melody]) > 0.8
    assert np.mean([voice[note] != hands.RIGHT[0] for note in inner]) > 0.8
    assert {voice[note] for note in bass} <= set(hands.LEFT)


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(21, 108)), min_size=1, max_size=80, unique=True))
@settings(max_examples=50)
def test_in_a_chord_the_hands_and_voices_lie_above_each_other(found: list[tuple[int, int]]):
    onset, pitch = np.array(sorted(found)).T
    voice = hands.divided(onset / 4, np.full(len(onset), 0.5), pitch, onset / 4 % 3, 3.0, 1.0)
    for at in np.unique(onset):
        own = voice[onset == at].tolist()  # by pitch
        assert own == sorted(own, reverse=True)
    for number, other in (hands.RIGHT, hands.LEFT):
        bars = {int(at // 12) for at, own in zip(onset, voice, strict=True) if own == other}
        assert bars <= {int(at // 12) for at, own in zip(onset, voice, strict=True) if own == number}


def test_long_parts_are_told_as_short_ones_are():
    """Segments overlap: what is told of a note does not depend on where one ends."""
    rng = np.random.default_rng(1)
    onset = np.repeat(np.arange(900) / 2, 2)
    pitch = np.stack([rng.integers(36, 55, 900), rng.integers(60, 84, 900)], axis=1).ravel()
    read = hand_network.features(onset, np.full(1800, 0.4), pitch, onset % 4, 4.0, 1.0)
    told = hand_network.guess(read)
    assert told.shape == (1800, 2)
    assert np.isfinite(told).all()
    assert ((told[:, 0] > 0) == (pitch >= 60)).mean() > 0.97


def test_values_fill_the_time_unless_the_note_clearly_stops():
    four = Metre(4, 4)
    assert quantise.lengths([0, 24, 48], [20, 21, 40], four, 96) == [24, 24, 48]  # legato
    assert quantise.lengths([0, 24, 48, 72], [11, 12, 11, 12], four, 96) == [24, 24, 24, 24]  # staccato throughout
    assert quantise.lengths([0, 24, 96], [22, 24, 90], four, 192) == [24, 24, 96]  # a rest after a note
