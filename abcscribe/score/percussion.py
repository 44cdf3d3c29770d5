"""Unpitched percussion: keys of the General MIDI drum map, and where each stands on a staff with which head.

Places are those of Weinberg, Norman: "Guidelines for Drumset Notation" (Percussive Notes, June 1994), which MuseScore,
Guitar Pro and MusicXML exports follow: kick F4, snare C5, closed hi-hat G5 with an x, ride F5, crash A5. They are named
as pitches in the treble clef, as MusicXML's ``display-step`` does.
"""

from __future__ import annotations

from functools import lru_cache

from abcscribe.score.model import Note, Pitch

# key -> (name, step and octave, head)
DRUMS: dict[int, tuple[str, str, str]] = {
    35: ("Acoustic Bass Drum", "E4", ""), 36: ("Bass Drum", "F4", ""), 37: ("Side Stick", "C5", "x"),
    38: ("Snare Drum", "C5", ""), 39: ("Hand Clap", "B4", "x"), 40: ("Electric Snare", "C5", "slash"),
    41: ("Low Floor Tom", "G4", ""), 42: ("Closed Hi-Hat", "G5", "x"), 43: ("High Floor Tom", "A4", ""),
    44: ("Pedal Hi-Hat", "D4", "x"), 45: ("Low Tom", "B4", ""), 46: ("Open Hi-Hat", "G5", "circle-x"),
    47: ("Low-Mid Tom", "D5", ""), 48: ("Hi-Mid Tom", "E5", ""), 49: ("Crash Cymbal", "A5", "x"),
    50: ("High Tom", "F5", ""), 51: ("Ride Cymbal", "F5", "x"), 52: ("Chinese Cymbal", "C6", "x"),
    53: ("Ride Bell", "F5", "diamond"), 54: ("Tambourine", "D5", "triangle"), 55: ("Splash Cymbal", "B5", "x"),
    56: ("Cowbell", "E5", "triangle"), 57: ("Crash Cymbal 2", "B5", "circle-x"), 58: ("Vibraslap", "A5", "triangle"),
    59: ("Ride Cymbal 2", "F5", "circle-x"), 60: ("High Bongo", "E5", "slash"), 61: ("Low Bongo", "D5", "slash"),
    62: ("Mute High Conga", "E5", "x"), 63: ("Open High Conga", "E5", "diamond"), 64: ("Low Conga", "D5", "diamond"),
    65: ("High Timbale", "F5", "slash"), 66: ("Low Timbale", "D5", "circle-x"), 67: ("High Agogo", "G5", "triangle"),
    68: ("Low Agogo", "F5", "triangle"), 69: ("Cabasa", "A5", "slash"), 70: ("Maracas", "G5", "slash"),
    71: ("Short Whistle", "C6", "slash"), 72: ("Long Whistle", "C6", "diamond"), 73: ("Short Guiro", "B4", "slash"),
    74: ("Long Guiro", "B4", "diamond"), 75: ("Claves", "A4", "x"), 76: ("High Wood Block", "G4", "triangle"),
    77: ("Low Wood Block", "F4", "triangle"), 78: ("Mute Cuica", "A4", "slash"), 79: ("Open Cuica", "A4", "diamond"),
    80: ("Mute Triangle", "B5", "slash"), 81: ("Open Triangle", "B5", "triangle"),
}  # fmt: skip
_WORDS = (  # found in the names that programs give to drums -> key, the longer names first
    ("closed hi", 42), ("pedal hi", 44), ("open hi", 46), ("hi-hat", 42), ("hihat", 42), ("hi hat", 42),
    ("side stick", 37),
    ("rim", 37), ("snare", 38), ("kick", 36), ("bass drum", 36), ("floor tom", 43), ("low tom", 45), ("mid tom", 47),
    ("high tom", 50), ("tom", 48), ("ride bell", 53), ("ride", 51), ("crash", 49), ("splash", 55), ("china", 52),
    ("chinese", 52), ("cymbal", 49), ("triangle", 81), ("tambourine", 54), ("cowbell", 56), ("bongo", 60), ("conga",
    63),
    ("wood", 76), ("clap", 39), ("shaker", 70), ("maracas", 70), ("cabasa", 69), ("claves", 75), ("guiro", 73),
    ("agogo", 67),
    ("timbale", 65), ("whistle", 71), ("tam-tam", 52), ("gong", 52), ("drum", 38),
)  # fmt: skip


def name(key: int) -> str:
    """The name of a key of the drum map."""
    return DRUMS[key][0] if key in DRUMS else f"Drum {key}"


@lru_cache
def usual_place(key: int) -> tuple[Pitch, str]:
    """(where a drum stands, its head); keys outside of the map stand far outside of the staff, each at its own
    place."""
    if key in DRUMS:
        _, place, head = DRUMS[key]
        return Pitch(place[0], 0, int(place[1])), head
    pitch = key_pitch(key)
    return Pitch(pitch.step, 0, pitch.octave + (key > max(DRUMS))), "diamond"


def place(note: Note) -> tuple[Pitch, str]:
    """(where a note of a percussion part stands, its head)."""
    usual, head = usual_place(note.pitch.midi)
    return note.line or usual, note.head or head


@lru_cache
def key_pitch(key: int) -> Pitch:
    """A drum key as the pitch of a note, spelled with sharps."""
    step = ("C", "C", "D", "D", "E", "F", "F", "G", "G", "A", "A", "B")[key % 12]
    return Pitch(step, int(key % 12 in (1, 3, 6, 8, 10)), key // 12 - 1)


def named(text: str) -> int | None:
    """The drum key that a name means, ``"Snare"`` or ``"hi-hat (closed)"``; None if it means none."""
    words = text.casefold()
    exact = next((key for key, (known, _, _) in DRUMS.items() if known.casefold() == words), None)
    return exact or next((key for part, key in _WORDS if part in words), None)


def at_place(line: Pitch, head: str) -> int | None:
    """The drum that usually stands somewhere with a head: the lowest key if there are several."""
    text = f"{line.step}{line.octave}"
    fitting = [key for key, (_, place_text, usual) in DRUMS.items() if place_text == text and usual == head]
    near = [key for key, (_, place_text, _) in DRUMS.items() if place_text == text]
    return min(fitting or near, default=None)
