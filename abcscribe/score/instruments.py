"""General MIDI instruments: names, the 16 standard groups, and the families that the audio tower tells apart.

Source: General MIDI System Level 1 (MIDI Manufacturers Association, RP-003): program numbers here are 0-based.
"""

from __future__ import annotations

import re

GM_NAMES = (
    "Acoustic Grand Piano", "Bright Acoustic Piano", "Electric Grand Piano", "Honky-tonk Piano",
    "Electric Piano 1", "Electric Piano 2", "Harpsichord", "Clavinet",
    "Celesta", "Glockenspiel", "Music Box", "Vibraphone", "Marimba", "Xylophone", "Tubular Bells", "Dulcimer",
    "Drawbar Organ", "Percussive Organ", "Rock Organ", "Church Organ",
    "Reed Organ", "Accordion", "Harmonica", "Tango Accordion",
    "Acoustic Guitar (nylon)", "Acoustic Guitar (steel)", "Electric Guitar (jazz)", "Electric Guitar (clean)",
    "Electric Guitar (muted)", "Overdriven Guitar", "Distortion Guitar", "Guitar Harmonics",
    "Acoustic Bass", "Electric Bass (finger)", "Electric Bass (pick)", "Fretless Bass",
    "Slap Bass 1", "Slap Bass 2", "Synth Bass 1", "Synth Bass 2",
    "Violin", "Viola", "Cello", "Contrabass", "Tremolo Strings", "Pizzicato Strings", "Orchestral Harp", "Timpani",
    "String Ensemble 1", "String Ensemble 2", "Synth Strings 1", "Synth Strings 2",
    "Choir Aahs", "Voice Oohs", "Synth Voice", "Orchestra Hit",
    "Trumpet", "Trombone", "Tuba", "Muted Trumpet", "French Horn", "Brass Section", "Synth Brass 1", "Synth Brass 2",
    "Soprano Sax", "Alto Sax", "Tenor Sax", "Baritone Sax", "Oboe", "English Horn", "Bassoon", "Clarinet",
    "Piccolo", "Flute", "Recorder", "Pan Flute", "Blown Bottle", "Shakuhachi", "Whistle", "Ocarina",
    "Lead 1 (square)", "Lead 2 (sawtooth)", "Lead 3 (calliope)", "Lead 4 (chiff)",
    "Lead 5 (charang)", "Lead 6 (voice)", "Lead 7 (fifths)", "Lead 8 (bass + lead)",
    "Pad 1 (new age)", "Pad 2 (warm)", "Pad 3 (polysynth)", "Pad 4 (choir)",
    "Pad 5 (bowed)", "Pad 6 (metallic)", "Pad 7 (halo)", "Pad 8 (sweep)",
    "FX 1 (rain)", "FX 2 (soundtrack)", "FX 3 (crystal)", "FX 4 (atmosphere)",
    "FX 5 (brightness)", "FX 6 (goblins)", "FX 7 (echoes)", "FX 8 (sci-fi)",
    "Sitar", "Banjo", "Shamisen", "Koto", "Kalimba", "Bagpipe", "Fiddle", "Shanai",
    "Tinkle Bell", "Agogo", "Steel Drums", "Woodblock", "Taiko Drum", "Melodic Tom", "Synth Drum", "Reverse Cymbal",
    "Guitar Fret Noise", "Breath Noise", "Seashore", "Bird Tweet", "Telephone Ring", "Helicopter", "Applause",
    "Gunshot",
)  # fmt: skip
PERCUSSION = 128  # Part.program of the percussion channel
GRAND = {0, 1, 2, 3, 4, 5, 6, 7, 8, 16, 17, 18, 19, 20, 46}  # programs written on two staves

GM_GROUPS = (
    "piano", "chromatic percussion", "organ", "guitar", "bass", "strings", "ensemble", "brass",
    "reed", "pipe", "synth lead", "synth pad", "synth effects", "ethnic", "percussive", "sound effects",
)  # fmt: skip

# What the tower can hear apart, by how a tone begins and goes on rather than by the GM table.
FAMILIES = ("piano", "mallet", "organ", "plucked", "bass", "strings", "voice", "brass", "reed", "pipe", "synth")

_FAMILY_RUNS = (
    (8, "piano"), (16, "mallet"), (24, "organ"), (32, "plucked"), (40, "bass"), (45, "strings"), (47, "plucked"),
    (48, "mallet"), (52, "strings"), (55, "voice"), (56, "synth"), (64, "brass"), (72, "reed"), (80, "pipe"),
    (104, "synth"), (108, "plucked"), (109, "mallet"), (110, "reed"), (111, "strings"), (112, "reed"),
    (120, "mallet"), (128, "synth"),
)  # fmt: skip

# The instrument to name when only the family is known.
FAMILY_PROGRAM = {
    "piano": 0, "mallet": 12, "organ": 19, "plucked": 24, "bass": 32, "strings": 40, "voice": 52,
    "brass": 56, "reed": 71, "pipe": 73, "synth": 80,
}  # fmt: skip

assert len(GM_NAMES) == 128
assert set(FAMILY_PROGRAM) == set(FAMILIES)


def group(program: int) -> str:
    """The GM group of a program, such as ``reed`` for 71 (clarinet); ``percussion`` for the percussion channel."""
    return GM_GROUPS[program // 8] if program < PERCUSSION else "percussion"


def family(program: int) -> str:
    """The name in FAMILIES for a GM program, "" for percussion."""
    return next((name for end, name in _FAMILY_RUNS if program < end), "")


def name(program: int) -> str:
    """The GM name of a program."""
    return GM_NAMES[program] if program < PERCUSSION else "Percussion"


VOICE_CLEFS = ((57, "treble"), (50, "treble-8"), (0, "bass"))  # of a singer, by median pitch
BASS_CLEF = 57  # MIDI: a line whose median is lower is written in the bass clef
HAND_TREBLE, HAND_BASS = 62, 54  # medians from which a hand leaves its usual clef


def usual_clef(program: int, median: float) -> str:
    """The clef of a single staff for an instrument that plays around ``median`` (MIDI)."""
    named = family(program)
    if named == "voice":
        return next(clef for limit, clef in VOICE_CLEFS if median >= limit)
    if named == "plucked":
        return "treble-8"
    if program == 41:
        return "alto"
    return "treble" if median >= BASS_CLEF else "bass"


def hand_clef(usual: str, median: float) -> str:
    """The usual clef of a hand unless it plays far away from it."""
    return "treble" if median >= HAND_TREBLE else "bass" if median <= HAND_BASS else usual


# Instruments whose notes are not written as they sound: program -> (steps, semitones) from written to sounding. Which
# build is meant is a matter of the name ("Clarinet in A"); these are the usual ones. Guitars and basses are read
# an octave higher too, which their clef says (treble-8).
_TRANSPOSITIONS = {
    9: (14, 24), 13: (7, 12), 43: (-7, -12), 56: (-1, -2), 59: (-1, -2), 60: (-4, -7), 64: (-1, -2), 65: (-5, -9),
    66: (-8, -14), 67: (-12, -21), 69: (-4, -7), 71: (-1, -2), 72: (7, 12),
}  # fmt: skip
_BUILDS = {  # "Horn in F": the F that a written C sounds as, below it unless the instrument is one of _BUILT_HIGH
    "C": (0, 0), "DB": (-6, -11), "D": (-6, -10), "EB": (-5, -9), "E": (-5, -8), "F": (-4, -7), "GB": (-3, -6),
    "G": (-3, -5), "AB": (-2, -4), "A": (-2, -3), "BB": (-1, -2), "B": (-1, -1),
}  # fmt: skip
_BUILT_HIGH = {"clarinet": ("EB", "D"), "trumpet": ("D", "EB", "E", "F"), "cornet": ("EB",)}
_BUILD = re.compile(
    r"(?i)\b(?:in\s+([A-G])(?:\s*[-\s]?\s*(flat|sharp)|([b♭#♯]))?"
    r"|([A-G])(?:[-\s]?(flat)|([b♭]))\s+\w+)(?![a-z])"
)


def usual_transposition(program: int, name: str = "") -> tuple[int, int]:
    """(steps, semitones) from written to sounding that a player of an instrument expects.

    Args:
        program: General MIDI program, or PERCUSSION.
        name: of the part; what it says counts more: ``"Trumpet in C"``, ``"Eb Clarinet"``.
    """
    usual = _TRANSPOSITIONS.get(program, (0, 0))
    if program in (66, 67) or not 56 <= program < 72:  # tenor and baritone lie an octave below what "in B flat" says
        return usual
    steps, semitones = usual
    match = _BUILD.search(name)
    if match:
        flat = match[2] == "flat" or match[3] in ("b", "♭") or match[5] or match[6]
        build = (match[1] or match[4]).upper() + ("B" if flat else "")
        steps, semitones = _BUILDS.get(build, usual)
        if any(word in name.casefold() and build in builds for word, builds in _BUILT_HIGH.items()):
            steps, semitones = steps + 7, semitones + 12
    if "bass clarinet" in name.casefold():
        steps, semitones = steps - 7, semitones - 12
    return steps, semitones


# Names that a musician would put in front of a staff, where General MIDI's say how a synthesizer plays.
_PLAIN_NAMES = {
    0: "Piano", 1: "Piano", 2: "Electric Piano", 3: "Piano", 4: "Electric Piano", 5: "Electric Piano", 16: "Organ",
    17: "Organ", 18: "Organ", 19: "Organ", 20: "Harmonium", 23: "Bandoneon", 24: "Guitar", 25: "Guitar",
    26: "Electric Guitar", 27: "Electric Guitar", 28: "Electric Guitar", 29: "Electric Guitar", 30: "Electric Guitar",
    31: "Guitar", 32: "Double Bass", 33: "Bass Guitar", 34: "Bass Guitar", 35: "Bass Guitar", 36: "Bass Guitar",
    37: "Bass Guitar", 38: "Bass", 39: "Bass", 43: "Double Bass", 44: "Strings", 45: "Strings", 46: "Harp",
    48: "Strings",
    49: "Strings", 50: "Strings", 51: "Strings", 52: "Voice", 53: "Voice", 54: "Voice", 59: "Trumpet", 60: "Horn",
    61: "Brass", 62: "Brass", 63: "Brass", 64: "Soprano Saxophone", 65: "Alto Saxophone", 66: "Tenor Saxophone",
    67: "Baritone Saxophone", 75: "Panpipes", 78: "Whistle", **dict.fromkeys(range(80, 104), "Synthesizer"),
    110: "Fiddle", 114: "Steel Drums", 117: "Toms",
}  # fmt: skip


def plain_name(program: int) -> str:
    """The name of an instrument as a musician says it: ``Guitar``, ``Voice``, ``Tenor Saxophone``, ``Percussion``."""
    return _PLAIN_NAMES.get(program) or name(program)


_OTHER_NAMES = {
    "bass guitar": 33, "electric bass": 33, "double bass": 43, "contrabass": 43, "upright bass": 32,
    "acoustic bass": 32,
    "bass clarinet": 71, "bass drum": PERCUSSION, "bass trombone": 57, "bassoon": 70, "fagott": 70, "bass": 33,
    "classical guitar": 24, "nylon guitar": 24, "acoustic guitar": 25, "steel guitar": 25, "electric guitar": 27,
    "guitar": 24, "gitarre": 24, "ukulele": 24, "mandolin": 25, "banjo": 105, "lute": 24, "harp": 46, "harfe": 46,
    "violoncello": 42, "cello": 42, "viola": 41, "violin": 40, "violine": 40, "fiddle": 110, "strings": 48,
    "soprano sax": 64, "alto sax": 65, "tenor sax": 66, "baritone sax": 67, "bari sax": 67, "sax": 65,
    "english horn": 69, "cor anglais": 69, "french horn": 60, "horn": 60, "corno": 60, "cornet": 56, "flugelhorn": 56,
    "trumpet": 56, "tromba": 56, "trombone": 57, "posaune": 57, "tuba": 58, "euphonium": 57, "brass": 61,
    "clarinet": 71, "klarinette": 71, "oboe": 68, "piccolo": 72, "flute": 73, "flöte": 73, "flauto": 73, "recorder": 74,
    "panpipe": 75, "pan flute": 75, "whistle": 78, "ocarina": 79, "bagpipe": 109, "pipes": 109,
    "electric piano": 4, "piano": 0, "klavier": 0, "harpsichord": 6, "cembalo": 6, "celesta": 8, "clavinet": 7,
    "organ": 19, "orgel": 19, "harmonium": 20, "accordion": 21, "akkordeon": 21, "bandoneon": 23, "harmonica": 22,
    "glockenspiel": 9, "vibraphone": 11, "marimba": 12, "xylophone": 13, "tubular bells": 14, "timpani": 47,
    "drumset": PERCUSSION, "drum set": PERCUSSION, "drum kit": PERCUSSION, "drumkit": PERCUSSION, "drums": PERCUSSION,
    "percussion": PERCUSSION, "snare": PERCUSSION, "cymbal": PERCUSSION, "steel drums": 114,
    "soprano": 52, "mezzo": 52, "alto": 52, "contralto": 52, "tenor": 52, "baritone": 52, "voice": 52, "vocal": 52,
    "singer": 52, "choir": 52, "chor": 52, "gesang": 52, "canto": 52, "lead vocals": 52,
}  # fmt: skip
_KNOWN_NAMES = {text.casefold(): number for number, text in enumerate(GM_NAMES)} | _OTHER_NAMES


def named(text: str) -> int | None:
    """The program that the name of a part means: ``"Clarinet in A"`` is 71; None if it means none."""
    words = " ".join(text.casefold().split())
    if words in _KNOWN_NAMES:
        return _KNOWN_NAMES[words]
    found = [known for known in _OTHER_NAMES if re.search(rf"\b{re.escape(known)}", words)]
    return _OTHER_NAMES[max(found, key=len)] if found else None
