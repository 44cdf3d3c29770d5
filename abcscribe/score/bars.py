"""What all parts of a score share about a bar: Metre, Key, Tempo, Harmony, Bar. ``model`` has what the parts play."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

# Number of fifths that a mode's tonic lies above that of the major key with the same signature.
MODE_FIFTHS = {
    "major": 0, "minor": 3, "ionian": 0, "dorian": 2, "phrygian": 4, "lydian": -1, "mixolydian": 1,
    "aeolian": 3, "locrian": 5,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Metre:
    """A time signature. Free metre (``M:none``) is None where a Metre is expected."""

    beats: int = 4
    unit: int = 4  # the note value that ``beats`` counts: 4 is a quarter

    @property
    def length(self) -> Fraction:
        """Quarters in a full bar."""
        return Fraction(4 * self.beats, self.unit)

    @property
    def compound(self) -> bool:
        """6/8, 9/8, 12/8 ...: the beat is three units long. 3/8 and 3/4 are simple."""
        return self.beats > 3 and self.beats % 3 == 0

    @property
    def beat(self) -> Fraction:
        """Quarters in a beat: 1 in 4/4, 3/2 in 6/8; 3/2 (the whole bar) in 3/8."""
        if self.compound or (self.beats == 3 and self.unit >= 8):
            return Fraction(12, self.unit)
        return Fraction(4, self.unit)

    def __str__(self) -> str:
        return f"{self.beats}/{self.unit}"


@dataclass(frozen=True, slots=True)
class Key:
    """A key signature with its mode."""

    fifths: int = 0  # sharps if above zero, flats if below
    mode: str = "major"  # a name of MODE_FIFTHS, or "none": no key (K:none), only a signature

    @property
    def tonic(self) -> str:
        """Name of the tonic, such as ``F#`` or ``Bb``. The tonic of "none" is that of the major key."""
        position = self.fifths + MODE_FIFTHS.get(self.mode, 0) + 1  # F = 0 on the line of fifths
        alter, index = divmod(position, 7)
        return "FCGDAEB"[index] + ("#" * alter if alter > 0 else "b" * -alter)

    def alter(self, step: str) -> int:
        """What the signature does to a step: -1, 0 or 1 (beyond seven fifths also +-2)."""
        return (self.fifths + 6 - "FCGDAEB".index(step)) // 7

    def __str__(self) -> str:
        return f"{self.tonic} {self.mode}"


@dataclass(frozen=True, slots=True)
class Tempo:
    """A metronome mark: ``bpm`` beats of ``beat`` quarters each in a minute."""

    bpm: float = 120.0
    beat: Fraction = Fraction(1)

    @property
    def quarter_bpm(self) -> float:
        return self.bpm * float(self.beat)


@dataclass(frozen=True, slots=True)
class Harmony:
    """A chord symbol, at sounding pitch."""

    start: Fraction  # quarters from the bar line
    root: str = ""  # "C", "F#", "Bb"; "" where no chord is to be played (N.C.)
    kind: str = ""  # as lead sheets have it: "", "m", "7", "maj7", "m7b5", "sus4"
    bass: str = ""  # of a slash chord, otherwise ""

    def __str__(self) -> str:
        return f"{self.root}{self.kind}{'/' if self.bass else ''}{self.bass}" if self.root else "N.C."


# Bar.signs: the first two stand where the bar begins, the others where it ends.
SIGNS = (
    "segno", "coda", "to coda", "fine", "D.C.", "D.C. al Fine", "D.C. al Coda", "D.S.", "D.S. al Fine", "D.S. al Coda",
)  # fmt: skip
BAR_LINES = ("", "double", "final", "dashed")


@dataclass(frozen=True, slots=True)
class Bar:
    """What all parts share about one bar. Metre, key and tempo are the values in force, changed here or not."""

    length: Fraction  # quarters really in the bar: shorter than the metre's in a pickup
    metre: Metre | None = Metre()
    key: Key = Key()
    tempo: Tempo | None = None  # None: no tempo is known
    repeat_start: bool = False  # |: at the left
    repeat_end: bool = False  # :| at the right
    ending: str = ""  # "1", "2", "1,3": this bar begins that ending
    seconds: float | None = None  # where the bar begins in the recording
    confidence: float | None = None  # 0 ... 1, None: not from a recording
    times: int = 2  # a repeat that ends here is played so often, endings aside
    ending_stop: bool = False  # the bracket of an ending closes at the right; where none says so, repeats.py finds it
    line: str = ""  # bar line at the right if it is a special one: a name of BAR_LINES
    signs: tuple[str, ...] = ()  # names of SIGNS
    words: str = ""  # of tempo: "Slowly"
    harmonies: tuple[Harmony, ...] = ()  # by start
