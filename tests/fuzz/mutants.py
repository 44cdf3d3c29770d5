"""Small files of every format that is read, and ways to damage them as accidents, other programs and enemies do."""

from __future__ import annotations

import io
import json
import random
import re
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path += [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "score")]

import example_scores
import media

from abcscribe.score.writers import render

FORMATS = ("abc", "musicxml", "midi", "kern", "lilypond", "json", "mxl", "audio")
SUFFIXES = {"abc": ".abc", "musicxml": ".musicxml", "midi": ".mid", "kern": ".krn", "lilypond": ".ly", "json": ".json",
            "mxl": ".mxl"}  # fmt: skip
# Bytes of a mutant: what is small may not cost much. 4,000 bytes of ABC are 3,000 notes on 20 pages, for which Verovio
# and Typst take some seconds as they should.
MOST_BYTES = 30_000
FEWER_BYTES = {"abc": 4_000, "lilypond": 4_000, "kern": 10_000, "midi": 10_000}

TUNES = (
    'X:1\nT:All of it\nC:Nobody\nM:6/8\nL:1/8\nQ:3/8=80\nK:Edor\n"Em"!f!E2B {cd}BAB-|B3 (3ABc [CEG]2|1 .A>B ~c2z:|2 '
    "u(A2B) H!trill!c2|]\nw: one two-three * four__\nP:B\n[M:4/4][K:Bb]|:Z2|x4 z4 & c8|(5:4:5cdefg a,,2 b''2::[c-e]4 "
    "[c2e2]^f_g=a:|[1 c4/3 d/ e3/2 f//:|[2,3 z8|]\n",
    'X:2\nT:Voices\n%%score {(1 2) | 3} 4\nM:C|\nL:1/4\nK:A\nV:1 name="Piano" clef=treble\nV:2\nV:3 clef=bass\n'
    'V:4 clef=perc name="Drums"\n%%MIDI channel 10\n[V:1] cdef|g4|\n[V:2] E4|F4|\n[V:3] A,,4|[A,,E,]4|\n'
    "[V:4] ^FcFc|F4|\nw:la la la\nX:3\nT:Other\nK:none\nCDEFGABc|",
    "X:1\nL:1/16\nM:none\nK:C clef=treble-8 transpose=-2\n" + "CDEF GABc defg abc'd'|" * 8 + "\n",
)
KERN = (
    "!!!OTL: Kern\n**kern\t**kern\t**dynam\n*clefF4\t*clefG2\t*\n*k[b-]\t*k[b-]\t*\n*M3/4\t*M3/4\t*\n*MM92\t*\t*\n"
    "=1\t=1\t=1\n4F\t4.f\tp\n4A\t.\t.\n.\t8g\t.\n4c\t[4a\t<\n=2\t=2\t=2\n*\t*^\t*\n2.FF\t4a]\t2.cc\tf\n.\t2b-\t.\t.\n"
    "*\t*v\t*v\t*\n==:|!\t==:|!\t==:|!\n12C\t12ccL\t.\n12D\t12dd\t.\n12E\t12eeJ\t.\n4qq\tqa\t.\n2r\t2a;\t.\n*-\t*-\t*-\n"
)
PLAIN_KERN = "**kern\n*clefG2\n*k[f#]\n*M4/4\n=1\n4g\n8a\n8b\n[2cc\n=2\n4cc]\n6d\n6e\n6f#\n4r\n==\n*-\n"
SUNG_KERN = (
    "!!!OMD: Slowly [half]=60\n**kern\t**text\t**fing\t**dynam\t**mxhm\n*part1\t*part1\t*part1\t*part1\t*part1\n"
    '*staff1\t*\t*\t*\t*\n*I"Voice\t*\t*\t*\t*\n*ITrd1c2\t*\t*\t*\t*\n*>[A,A1,A,A2]\t*\t*\t*\t*\n*clefG2\t*\t*\t*\t*\n'
    "*>A\t*>A\t*>A\t*>A\t*>A\n*k[]\t*\t*\t*\t*\n*?:\t*\t*\t*\t*\n*M2/2\t*\t*\t*\t*\n=1!|:\t=1!|:\t=1!|:\t=1!|:\t=1!|:\n"
    "!LO:TX:a:t=dolce&colon; a\t!\t!\t!\t!\n!LO:N:n=2:head=x\t!\t!\t!\t!\n"
    "2c 2e@16@\toh-\t1 . \t<\tB- minor-seventh/F\n"
    "*clefF4\t*\t*\t*\t*\n[2d\t-so_\t3\t[ mf\tnone\n8qe\t.\t.\t.\t.\n*>A1\t*\t*\t*\t*\n"
    "=2:|!\t=2:|!\t=2:|!\t=2:|!\t=2:|!\n"
    '!LO:TX:t=D.C. al Fine\t!\t!\t!\t!\n*>A2\t*\t*\t*\t*\n1d_\t.\t.\t>\t.\n=3"\t=3"\t=3"\t=3"\t=3"\n1d]\t.\t.\t.\t.\n'
    "*-\t*-\t*-\t*-\t*-\n"
)
LILYPOND = (
    '\\version "2.24.0"\n\\header { title = "Lily" composer = "N. N." }\nmelody = \\relative c\' { \\key g \\major '
    "\\time 3/4 \\tempo 4 = 92 g4 a8( b) c4 | \\tuplet 3/2 { d8 e fis } g2~ | \\repeat volta 2 { g4 r <b d g>8. a16 } "
    "\\alternative { { a2. } { \\grace { b16 c } a2.\\fermata } } }\n"
    '\\score { << \\new Staff \\with { instrumentName = "Flute" } \\melody \\addlyrics { la la -- la } \\new Staff { '
    "\\clef bass g,2. | << { d4 e f } \\\\ { g,2. } >> | R2.*2 } >> \\layout { } \\midi { } }\n"
)


def seeds(kind: str) -> list[bytes]:
    """Whole files of a format, made here; those of ``audio`` begin with their suffix and a zero byte."""
    scores = [example_scores.piano(), example_scores.quartet(), example_scores.recorded(), example_scores.guitar()]
    if kind == "abc":
        return [tune.encode() for tune in TUNES] + [render(score, "abc") for score in scores]
    if kind == "kern":
        one_voice = re.sub(r"(?m)^\*\t\*\^.*\n|^\.\t\.\t8?.*\t\..*\n|^\*\t\*v.*\n", "", KERN)
        texts = [one_voice.replace("2.cc\t", ""), PLAIN_KERN, KERN, SUNG_KERN]
        return [text.encode() for text in texts] + [render(score, "kern") for score in scores]
    if kind == "lilypond":
        return [LILYPOND.encode()] + [render(score, "lilypond") for score in scores]
    if kind == "audio":
        return _recordings()
    return [render(score, kind) for score in scores] + ([_PLAYED] if kind == "midi" else [])


# Running status, three tempi, a drum channel, text, a system message, a note that never ends
_PLAYED = (
    b"MThd\x00\x00\x00\x06\x00\x01\x00\x02\x01\xe0MTrk\x00\x00\x00\x19\x00\xff\x51\x03\x07\xa1\x20\x83\x60\xff\x51\x03"
    b"\x06\x1a\x80\x00\xff\x58\x04\x06\x03\x18\x08\x00\xff\x2f\x00MTrk\x00\x00\x00\x2c\x00\xff\x03\x03Gig\x00\xc0\x19"
    b"\x00\x90\x3c\x50\x81\x70\x3c\x00\x05\x40\x41\x82\x00\x40\x00\x00\x99\x24\x7f\x40\x26\x60\x00\xf0\x03\x7e\x7f\xf7"
    b"\x00\x90\x43\x40\x00\xff\x2f\x00"
)


def _recordings() -> list[bytes]:
    sound = media.tone(1.0, 16_000, (60, 64, 67))
    wanted = [
        (".wav", "pcm_s16le", 16_000), (".wav", "pcm_s24le", 44_100), (".wav", "pcm_f32le", 16_000),
        (".wav", "pcm_u8", 8_000), (".wav", "adpcm_ms", 16_000), (".flac", "", 16_000), (".mp3", "", 44_100),
        (".m4a", "", 44_100), (".ogg", "", 44_100),
        (".opus", "", 48_000), (".webm", "", 48_000), (".mov", "", 44_100), (".mkv", "", 44_100), (".aac", "", 44_100),
        (".aiff", "pcm_s16be", 16_000), (".au", "pcm_mulaw", 8_000), (".caf", "pcm_s16le", 16_000),
    ]  # fmt: skip
    made = []
    with tempfile.TemporaryDirectory() as folder:
        for suffix, codec, rate in wanted:
            path = media.write(Path(folder) / f"a{suffix}", sound, rate, codec)
            made.append(suffix.encode() + b"\0" + path.read_bytes())
    return made


def named(kind: str, seed: bytes) -> tuple[str, bytes]:
    """(suffix, content) of a seed."""
    if kind != "audio":
        return SUFFIXES[kind], seed
    suffix, _, content = seed.partition(b"\0")
    return suffix.decode(), content


def mutant(kind: str, number: int, pool: list[bytes]) -> tuple[str, bytes]:
    """(suffix, content) of one damaged file, the same for the same number."""
    rng = random.Random(f"{kind} {number}")
    whole = rng.choice(pool)
    suffix, content = named(kind, whole)
    if kind == "audio":
        return suffix, _damaged(rng, content, _HEADER if rng.random() < 0.7 else _BYTES, pool)
    if kind == "mxl" and rng.random() < 0.7:
        return suffix, _damaged_archive(rng, whole)
    if kind == "json" and rng.random() < 0.8:
        return suffix, _damaged(rng, whole, [_value], pool)
    if kind == "musicxml" and rng.random() < 0.7:
        return suffix, _damaged(rng, whole, _WHOLE, pool)
    ways = _BYTES if kind in ("midi", "mxl") else _TEXT
    return suffix, _damaged(rng, whole, ways, pool, FEWER_BYTES.get(kind, MOST_BYTES))


def _damaged(rng: random.Random, content: bytes, ways: list[Way], pool: list[bytes], most: int = MOST_BYTES) -> bytes:
    for _ in range(rng.choice((1, 1, 1, 1, 2, 2, 5))):
        content = rng.choice(ways)(rng, content, pool)[:most] if content else content
    return content


def _damaged_archive(rng: random.Random, whole: bytes) -> bytes:
    """The text inside is damaged, or there are other members."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = old.read(name)
            if rng.random() < 0.6:
                content = _damaged(rng, content, _TEXT, [content])
            if rng.random() < 0.05:
                content += b" " * 80_000_000
            if rng.random() < 0.9:
                new.writestr(name, content)
    return out.getvalue()


Way = Callable[[random.Random, bytes, list[bytes]], bytes]
_NUMBERS = ("0", "-1", "1", "3", "7919", "255", "65536", "2147483647", "-2147483648", "9223372036854775808",
            "99999999999999999999", "1e9", "0.5", "1.0", "NaN", "", "x", "1/0", "1/7919", "9999/3")  # fmt: skip
_VALUES = (None, True, 0, -1, 1, 3, 128, 65536, 1e300, 0.5, "", "x", "0", "-1", "1/7919", "1/0", "9/4", "C#4", "Bb99",
           "1,2", [], {}, [[]], [None], {"": 0}, "\ud800", "x" * 2000, [0] * 2000)  # fmt: skip
_ODD = (
    "\0",
    "\ufeff",
    "\ud7ff",
    "é",
    "月",
    "\u202e",
    "%",
    "\\",
    '"',
    "<",
    "&",
    "&#0;",
    "\t",
    "\r",
    "[",
    "{",
    "(",
    "\x1b[31m",
)


def _flip(rng: random.Random, content: bytes, pool: list[bytes]) -> bytes:
    at = rng.randrange(len(content))
    return (
        content[:at]
        + bytes([rng.choice((rng.randrange(256), content[at] ^ 1 << rng.randrange(8), 0, 255))])
        + content[at + 1 :]
    )


def _cut(rng: random.Random, content: bytes, pool: list[bytes]) -> bytes:
    a, b = sorted((rng.randrange(len(content) + 1), rng.randrange(len(content) + 1)))
    return content[:a] + content[min(b, a + rng.choice((1, 4, 40, 4000))) :]


def _end(rng: random.Random, content: bytes, pool: list[bytes]) -> bytes:
    return content[: rng.randrange(len(content) + 1)]


def _times(rng: random.Random, choices: tuple[int, ...], content: bytes, piece: bytes) -> int:
    """How often a piece comes, so that the end of the file is not cut off."""
    return min(rng.choice(choices), max(2, (MOST_BYTES - len(content)) // len(piece)))


def _repeat(rng: random.Random, content: bytes, pool: list[bytes]) -> bytes:
    a = rng.randrange(len(content))
    piece = content[a : a + rng.choice((1, 2, 8, 60, 400))]
    return content[:a] + piece * _times(rng, (2, 3, 30, 1000), content, piece) + content[a:]


def _splice(rng: random.Random, content: bytes, pool: list[bytes]) -> bytes:
    other = rng.choice(pool)
    return content[: rng.randrange(len(content) + 1)] + other[rng.randrange(len(other)) :]


def _number(rng: random.Random, content: bytes, pool: list[bytes]) -> bytes:
    found = list(re.finditer(rb"-?\d+", content))
    if not found:
        return content
    match = rng.choice(found)
    return content[: match.start()] + rng.choice(_NUMBERS).encode() + content[match.end() :]


def _odd(rng: random.Random, content: bytes, pool: list[bytes]) -> bytes:
    at = rng.randrange(len(content))
    return content[:at] + (rng.choice(_ODD) * rng.choice((1, 1, 2, 500))).encode() + content[at:]


def _lines(rng: random.Random, content: bytes, pool: list[bytes]) -> bytes:
    lines = content.splitlines(keepends=True)
    at, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    way = rng.randrange(4)
    if way == 0:
        del lines[at]
    elif way == 1:
        lines[at], lines[other] = lines[other], lines[at]
    else:
        lines[at:at] = [lines[other]] * (1 if way == 2 else _times(rng, (20, 300), content, lines[other]))
    return b"".join(lines)


def _token(rng: random.Random, content: bytes, pool: list[bytes]) -> bytes:
    """A word takes the place of another one."""
    words = list(re.finditer(rb"[A-Za-z][\w.-]*", content))
    if not words:
        return content
    old, new = rng.choice(words), rng.choice(words)
    return content[: old.start()] + new[0] + content[old.end() :]


def _element(rng: random.Random, content: bytes, pool: list[bytes]) -> bytes:
    """An XML element, a JSON object or a group in braces goes, comes again, or is nested in itself."""
    found = list(
        re.finditer(rb"<([\w-]+)[^<>]*>(?:[^<>]*|(?:(?!<\1).){0,3000}?)</\1>|\{[^{}]*\}|\[[^\[\]]*\]", content, re.S)
    )
    if not found:
        return content
    match = rng.choice(found)
    piece, way = match[0], rng.randrange(3)
    if way == 0:
        new = b""
    elif way == 1:
        new = piece * _times(rng, (2, 50, 800), content, piece)
    else:
        depth = rng.choice((2, 200, 3000))
        new = (
            piece[:1] * depth + piece + piece[-1:] * depth
            if piece[:1] in b"{["
            else (b"<a>" * depth + piece + b"</a>" * depth)
        )
    return content[: match.start()] + new + content[match.end() :]


def _value(rng: random.Random, content: bytes, pool: list[bytes]) -> bytes:
    """A value of JSON goes, comes again or is another one; the text stays JSON."""
    document = json.loads(content)
    place: Any = document
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            return content
        key = rng.choice(keys)
        if isinstance(place[key], dict | list) and place[key] and rng.random() < 0.85:
            place = place[key]
            continue
        break
    way = rng.randrange(4)
    if way == 0:
        del place[key]
    elif way == 1 and isinstance(place, list):
        place[key:key] = [place[key]] * rng.choice((1, 2, 40))
    else:
        others = [*_VALUES, *(place[k] for k in keys)]
        alike = [value for value in others if type(value) is type(place[key])]
        place[key] = rng.choice(alike or others) if rng.random() < 0.7 else rng.choice(others)
    return json.dumps(document).encode()


def _head(rng: random.Random, content: bytes, pool: list[bytes]) -> bytes:
    """A field of the header, where sizes, rates, channels and codecs are, gets a number that no one meant."""
    at, width = rng.randrange(min(len(content), 120)), rng.choice((1, 2, 4))
    value = rng.choice(
        (0, 1, 2, 3, 65, 255, 256, 1 << 15, (1 << 16) - 1, (1 << 31) - 1, (1 << 32) - 1, rng.getrandbits(32))
    )
    new = (value & ((1 << 8 * width) - 1)).to_bytes(width, rng.choice(("little", "big")))
    return content[:at] + new + content[at + width :]


_BYTES: list[Way] = [_flip, _flip, _cut, _end, _repeat, _splice]
_TEXT: list[Way] = [*_BYTES, _number, _number, _odd, _lines, _token, _token, _element, _element]
_WHOLE: list[Way] = [_number, _number, _token, _lines, _element, _element, _element]  # XML that mostly stays XML
_HEADER: list[Way] = [_head, _head, _flip, _cut]
