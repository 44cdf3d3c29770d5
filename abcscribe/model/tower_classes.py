"""What the heads of the audio tower count: instruments within families, and kinds of drum hits.

Instruments that General MIDI tells apart and a listener does not share a class; the class's first program names it.
"""

from __future__ import annotations

from abcscribe.score.instruments import FAMILIES, family
from abcscribe.score.instruments import name as program_name

# Class -> the General MIDI programs that count as it.
PROGRAMS: tuple[tuple[int, ...], ...] = (
    (0, 1, 2, 3), (4, 5), (6, 7),  # piano, electric piano, harpsichord
    (9, 8, 10, 14), (11,), (12, 13, 108), (15, 114), (47,),  # glockenspiel, vibraphone, marimba, dulcimer, timpani
    (16, 17, 18), (19, 20), (21, 22, 23),  # drawbar organ, church organ, accordion
    (24,), (25,), (27, 26, 28, 31), (30, 29), (46,), (45,), (105, 104, 106, 107),  # guitars, harp, pizzicato, banjo
    (32, 35), (33, 34, 36, 37), (38, 39),  # acoustic, electric and synthetic bass
    (40, 110), (41,), (42,), (43,), (48, 44, 49, 50, 51),  # violin, viola, cello, contrabass, a section
    (52, 53, 54),  # voices
    (56, 59), (57,), (58,), (60,), (61, 62, 63),  # trumpet, trombone, tuba, horn, a section
    (64,), (65,), (66,), (67,), (68, 111), (69,), (70,), (71,), (109,),  # saxophones, oboe ... clarinet, bagpipe
    (72,), (73,), (74,), (75, 76, 77, 78, 79),  # piccolo, flute, recorder, other pipes
    (80, 81, 82, 83, 84, 85, 86, 87, 88, 89, 90, 91, 92, 93, 94, 95),  # synthesizers
)  # fmt: skip
_CLASS_OF = {program: index for index, programs in enumerate(PROGRAMS) for program in programs}

# Kind of a drum hit -> the keys of the General MIDI percussion map that are one. Other percussion is not told apart.
DRUMS: dict[str, tuple[int, ...]] = {
    "kick": (35, 36),
    "snare": (38, 40),
    "hat": (42, 44, 46),
    "tom": (41, 43, 45, 47, 48, 50),
    "cymbal": (49, 51, 52, 53, 55, 57, 59),
}
_DRUM_OF = {key: index for index, keys in enumerate(DRUMS.values()) for key in keys}

PLAYER_WIDTH = 16  # of a player's vector
TUNING_WIDTH = 2  # cosine and sine of the tuning, a turn being a semitone


def program_class(program: int) -> int | None:
    """Index in PROGRAMS of a General MIDI program; None for one that is not told apart."""
    return _CLASS_OF.get(program)


def drum_class(key: int) -> int | None:
    """Index in DRUMS of a key of the percussion map; None for other percussion."""
    return _DRUM_OF.get(key)


def classes_of(family_name: str) -> list[int]:
    """Indices of the classes that belong to a family."""
    return [index for index, programs in enumerate(PROGRAMS) if family(programs[0]) == family_name]


def class_name(index: int) -> str:
    """The General MIDI name of a class."""
    return program_name(PROGRAMS[index][0])


assert all(classes_of(name) for name in FAMILIES)
