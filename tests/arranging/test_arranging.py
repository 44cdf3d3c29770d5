"""The tune is found, chord symbols stand over it, and two hands can play a reduction."""

import dataclasses
from fractions import Fraction

import pytest
import tiny_cache

from abcscribe.analysis.hands import SPAN
from abcscribe.arranging import Arrangement, arranged, find_melody
from abcscribe.arranging.lines import in_bars, tones
from abcscribe.errors import ScoreError
from abcscribe.score import tab
from abcscribe.score.instruments import FAMILIES
from abcscribe.score.model import Bar, Harmony, Key, Metre, Note, Part, PlayedNote, Score, Staff, Tempo
from abcscribe.score.spelling import pitch_at

F = Fraction


def chord(*midis: int, start: int | Fraction = 0, length: int | Fraction = 4, voice: int = 1) -> tuple[Note, ...]:
    return tuple(
        Note(F(start), F(length), pitch_at(midi, {0: 0, 4: 4, 7: 1}.get(midi % 12, 2)), voice) for midi in midis
    )


def song(name: str = "", program: int = 0) -> Score:
    """A tune below high chords of a piano: only its name says that it is the tune."""
    tune = tuple(tuple(Note(F(i), F(1), pitch_at(55 + 2 * (i % 3), i % 3)) for i in range(4)) for _ in range(8))
    piano = tuple((*chord(72, 76, 79), *chord(36, voice=2)) for _ in range(8))
    parts = (
        Part(tune, name, program),
        Part(piano, "Piano", 0, (Staff("treble", (1,)), Staff("bass", (2,)))),
    )
    return Score(tuple(Bar(F(4), Metre(4, 4)) for _ in range(8)), parts)


@pytest.mark.parametrize(("name", "program"), [("Singstimme", 0), ("", 52), ("Soprano", 0), ("Lead", 80)])
def test_who_sings_has_the_tune(name: str, program: int) -> None:
    found = find_melody(song(name, program))
    assert found is not None
    assert found.part == 0


def test_without_names_the_line_that_moves_in_steps_has_the_tune() -> None:
    found = find_melody(song(), names=False)
    assert found is not None
    assert (found.part, len(found.tones)) == (0, 32)


def test_of_a_piano_the_top_of_the_right_hand_is_the_tune() -> None:
    score = tiny_cache.score(3, "piano")
    found = find_melody(score)
    assert found is not None
    assert (found.part, found.voice) == (0, 1)
    assert find_melody(Score()) is None


def test_a_lead_sheet_is_the_tune_with_chords_on_one_staff() -> None:
    found, said = arranged(song("Voice", 52), Arrangement("lead"))
    assert [part.name for part in found.parts] == ["Voice"]
    assert found.parts[0].bars == song("Voice", 52).parts[0].bars
    assert [str(h) for bar in found.bars for h in bar.harmonies] == ["C"]
    assert said == ["Piano left out: only the tune is written."]
    assert not found.problems()
    alone, _ = arranged(song("Voice", 52), Arrangement("melody"))
    assert not any(bar.harmonies for bar in alone.bars)


def test_chords_that_the_score_has_are_kept() -> None:
    own = song("Voice", 52)
    own = dataclasses.replace(
        own, bars=(dataclasses.replace(own.bars[0], harmonies=(Harmony(F(0), "C", "6"),)), *own.bars[1:])
    )
    found, _ = arranged(own, Arrangement("lead"))
    assert [str(h) for bar in found.bars for h in bar.harmonies] == ["C6"]


def test_what_is_below_the_tune_in_its_own_part_is_counted() -> None:
    piano = song().parts[1]
    found, said = arranged(dataclasses.replace(song(), parts=(piano,)), Arrangement("melody"))
    assert [[n.pitch.midi for n in bar] for bar in found.parts[0].bars] == [[79]] * 8
    assert said == ["24 notes of Piano left out: they are below the tune."]


def held(score: Score) -> list[list[list[int]]]:
    """At each beginning what each staff of the first part holds."""
    part = score.parts[0]
    found = []
    every = tones(score, part)
    for at in sorted({tone.start for tone in every}):
        sounding = [tone for tone in every if tone.start <= at < tone.end]
        found.append([[t.pitch for t in sounding if t.note.voice in staff.voices] for staff in part.staves])
    return found


@pytest.mark.parametrize("level", ["full", "easy"])
@pytest.mark.parametrize("kind", ["song", "ensemble"])
@pytest.mark.parametrize("seed", range(4))
def test_two_hands_can_play_a_reduction(kind: str, level: str, seed: int) -> None:
    score = tiny_cache.score(seed, kind)
    found, said = arranged(score, Arrangement("piano", level))
    assert found.problems() == []
    assert [len(part.staves) for part in found.parts] == [2]
    for hands in held(found):
        for pitches in hands:
            assert not pitches or max(pitches) - min(pitches) <= SPAN
            assert len(pitches) <= (3 if level == "full" else 2)
    tune = find_melody(score)
    assert tune is not None
    top = [tone.pitch for tone in tones(found, found.parts[0], (1,))]
    assert top == [tone.pitch for tone in tune.tones]
    before, after = ({(n.onset, n.pitch) for n in one.sounding_notes()} for one in (score, found))
    assert after <= before
    assert bool(said) == (after < before)


def test_an_easy_reduction_has_fewer_notes() -> None:
    score = tiny_cache.score(1, "ensemble")
    full, easy = (arranged(score, Arrangement("piano", level))[0] for level in ("full", "easy"))
    assert len(easy.sounding_notes()) < len(full.sounding_notes())


def test_a_piano_piece_is_its_own_reduction_and_drums_are_left_out() -> None:
    piano = tiny_cache.score(1, "piano")
    assert arranged(piano, Arrangement("piano")) == (piano, [])
    drums = Part(tuple((Note(F(0), F(1), pitch_at(36, 0)),) for _ in piano.bars), "Drums", 128, (Staff("perc"),))
    found, said = arranged(dataclasses.replace(piano, parts=(*piano.parts, drums)), Arrangement("piano"))
    assert len(found.parts) == 1
    assert "Drums is left out: a piano has no drums." in said
    with pytest.raises(ScoreError, match="no tune"):
        arranged(dataclasses.replace(piano, parts=(drums,)), Arrangement("lead"))


def test_an_arrangement_that_there_is_not_is_one_sentence() -> None:
    with pytest.raises(ScoreError, match="full, lead, melody, piano"):
        Arrangement("choir")
    with pytest.raises(ScoreError, match="full, easy"):
        Arrangement("piano", "hard")


def test_lines_go_into_bars_and_back() -> None:
    score = tiny_cache.score(2, "tune")
    line = tones(score, score.parts[0])
    assert in_bars(score, (line,)) == score.parts[0].bars
    long = dataclasses.replace(line[0], end=line[0].start + 9)
    bars = in_bars(dataclasses.replace(score, bars=tuple(Bar(F(4), Metre(4, 4), Key()) for _ in range(3))), ([long],))
    assert [[(n.duration, n.tie) for n in bar] for bar in bars] == [[(F(4), True)], [(F(4), True)], [(F(1), False)]]


def heard_song(sure: float = 0.95) -> Score:
    """Eight bars at two seconds each, as an engine hears them: a voice whose second half stands in the piano's part."""
    families = {name: tuple(0.9 if f == name else 0.01 for f in FAMILIES) for name in ("voice", "piano")}
    sung: list[list[Note]] = [[] for _ in range(8)]
    played: list[list[Note]] = [[] for _ in range(8)]
    performance = []
    for bar in range(8):
        for beat in range(4):
            note = Note(F(beat), F(1, 2), pitch_at(69 + (0, 2, 4, 2)[beat], (3, 5, 7, 5)[beat]))
            (sung if bar < 4 else played)[bar].append(note)
            at = 2.0 * bar + 0.5 * beat
            performance.append(PlayedNote(at, at + 0.3, note.pitch.midi, 90, "voice", sure, families=families["voice"]))
        for start in (0, 2):
            for note in chord(45, 52, 57, start=start, length=2, voice=2):
                played[bar].append(note)
                at = 2.0 * bar + 0.5 * start
                performance.append(
                    PlayedNote(at, at + 0.9, note.pitch.midi, 60, "piano", sure, families=families["piano"])
                )
    piano = tuple(tuple(sorted(bar, key=lambda n: (n.voice, n.start, n.pitch.midi))) for bar in played)
    parts = (
        Part(tuple(map(tuple, sung)), "Voice", 52),
        Part(piano, "Piano", 0, (Staff("treble", (1,)), Staff("bass", (2,)))),
    )
    bars = tuple(Bar(F(4), Metre(4, 4), seconds=2.0 * i, tempo=Tempo(120)) for i in range(8))
    return Score(bars, parts, performance=tuple(sorted(performance, key=lambda n: (n.onset, n.pitch))))


def test_the_tune_of_a_recording_goes_through_the_parts_in_which_it_stands() -> None:
    found = find_melody(heard_song())
    assert found is not None
    assert [tone.pitch for tone in found.tones] == [69, 71, 73, 71] * 8
    lead, said = arranged(heard_song(), Arrangement("melody"))
    assert said[-1] == "16 notes of the tune stood in another part than Voice."
    assert {note.duration for bar in lead.parts[0].bars for note in bar} == {F(1)}  # no rests between them
    assert not lead.problems()


def test_who_is_certain_of_a_recording_is_believed() -> None:
    """Of a MIDI file, which names its players, the voice has the tune however it sounds."""
    certain = dataclasses.replace(
        heard_song(), performance=tuple(dataclasses.replace(n, families=()) for n in heard_song().performance)
    )
    found = find_melody(certain)
    assert found is not None
    assert (found.part, len(found.tones)) == (0, 16)


@pytest.mark.parametrize(("level", "most"), [("full", 4), ("easy", 2)])
def test_one_guitar_plays_the_tune_over_what_its_hand_stops(level: str, most: int) -> None:
    before = tiny_cache.score(5, "piano")
    found, said = arranged(before, Arrangement("guitar", level))
    (part,) = found.parts
    assert (part.program, [staff.clef for staff in part.staves]) == (24, ["treble-8"])
    notes = [note for bar in part.bars for note in bar]
    assert min(note.pitch.midi for note in notes) >= 40
    assert not found.problems()
    tune = find_melody(before)
    assert tune is not None
    shifts = {a.pitch - b.pitch for a, b in zip(tones(found, part, (1,)), tune.tones, strict=True)}
    assert len(shifts) == 1
    assert shifts.pop() % 12 == 0
    for bar in part.bars:
        for start in {note.start for note in bar}:
            assert sum(note.start == start for note in bar) <= most
    assert tab.remarks(found) == [] or "left out" not in tab.remarks(found)[0]
    assert all(sentence.endswith(".") for sentence in said)
