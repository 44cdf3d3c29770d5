"""Recognition of the pieces of the benchmark."""

import pytest

from abcscribe.corpora import held_out, splits


@pytest.mark.parametrize(
    ("piece_id", "title", "expected"),
    [
        ("music21/bach/bwv255.mxl", "", "BWV 255"),
        ("music21/bach/bwv48.3.mxl", "", "BWV 48.3"),
        ("x", "Prelude and Fugue, BWV 858", "BWV 858"),
        ("x", "J. S. Bach, Menuet BWV Anh. 114", "BWV anh.114"),
        ("x", "Chopin, Étude op. 10 no. 3", "Chopin, op. 7/1, 33/2, 25/4, 10/3"),
        ("x", "Robert Schumann, Scenes from Childhood", "Schumann, Kinderszenen op. 15"),
        ("x", "W. A. Mozart, Sonata K.331", "Mozart, K. 331, 332, 265"),
        ("x", "YANKEE DOODLE - Quickstep", "Yankee Doodle"),
        ("x", "Chopin, Fryderyk, Mazourka. No. 4., Op. 7", "Chopin, a mazurka or an arrangement"),
        ("x", "Chopin, Fryderyk, 4me ÉTUDE., Op. 25", "Chopin, an étude"),
    ],
)
def test_by_name(piece_id, title, expected):
    assert held_out.by_name(piece_id, title) == expected


@pytest.mark.parametrize(
    ("piece_id", "title"),
    [
        ("music21/bach/bwv48.7.mxl", ""),
        ("music21/bach/bwv2.6.mxl", ""),
        ("x", "Chopin, Nocturne op. 9 no. 2"),
        ("x", "Mozart, Quartet K. 155"),
        ("x", "Beethoven, Quartet op. 132"),
        ("x", "The Yankee Ship"),
    ],
)
def test_other_pieces_of_the_same_composers_stay(piece_id, title):
    assert held_out.by_name(piece_id, title) == ""


@pytest.mark.parametrize("name", held_out.INCIPITS)
def test_each_incipit_is_found_transposed_inside_a_longer_melody(name):
    notes = [int(note) + 67 for note in held_out.INCIPITS[name].split()]
    assert held_out.by_melody([splits.intervals([60, 71, 63, *notes, 58, 77])]).split(",")[0] == name.split(",")[0]


def test_scales_are_not_held_out():
    up_and_down = [0, 2, 4, 5, 7, 9, 11, 12, 11, 9, 7, 5, 4, 2] * 3
    arpeggios = [0, 4, 7, 12, 7, 4] * 5
    assert held_out.by_melody([splits.intervals(up_and_down), splits.intervals(arpeggios)]) == ""
