"""General MIDI instruments: names, the 16 standard groups, and the families that the audio tower tells apart.

Source: General MIDI System Level 1 (MIDI Manufacturers Association, RP-003): program numbers here are 0-based.
"""

from __future__ import annotations

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
