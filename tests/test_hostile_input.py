"""Whatever is put in, one clear sentence comes out, and an exit code that tells success from failure.

``docs/hostile_input.md`` shows what was said; ``python tests/test_hostile_input.py`` writes it anew.
"""

import contextlib
import errno
import re
import resource
import sys
import tempfile
import wave
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import command_line
import media
import numpy as np
import pytest
import tone_engine

from abcscribe import hearing
from abcscribe.hearing import basic_pitch

PAGE = Path(__file__).parents[1] / "docs" / "hostile_input.md"
ENGINE = ("--engine", tone_engine.NAME, "-f", "abc")
SCALE = (60, 62, 64, 65, 67, 69, 71, 72)

BATCH = "a folder in which one of two recordings is damaged"
Arguments = list[object]  # of ``abcscribe transcribe``
Case = Callable[[Path], Arguments]
CASES: dict[str, tuple[Case, int]] = {}  # what is put in -> how to make it, exit code
PATCHES: dict[str, Callable[[], contextlib.AbstractContextManager[object]]] = {}  # what is broken meanwhile


def case(name: str, code: int) -> Callable[[Case], Case]:
    def add(make: Case) -> Case:
        CASES[name] = make, code
        return make

    return add


def scale(rate: int = 16_000) -> np.ndarray:
    return media.tone(4.0, rate, SCALE)


def written(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


# Things that are no recording


@case("a file that does not exist", 1)
def missing(folder: Path) -> Arguments:
    return [folder / "missing.wav"]


@case("an empty file", 1)
def empty(folder: Path) -> Arguments:
    return [written(folder, "empty.wav", b"")]


@case("a folder without recordings", 1)
def folder_without_recordings(folder: Path) -> Arguments:
    (folder / "papers").mkdir()
    return [folder / "papers"]


@case("a file that may not be read", 1)
def forbidden(folder: Path) -> Arguments:
    return [media.write(folder / "forbidden.wav", scale())]


def _forbid() -> contextlib.AbstractContextManager[object]:
    """Root may read everything, so the refusal is played."""
    opened = Path.open

    def refuse(self: Path, *args: object, **kwargs: object) -> object:
        if self.name == "forbidden.wav":
            raise PermissionError(errno.EACCES, "Permission denied", str(self))
        return opened(self, *args, **kwargs)  # type: ignore[call-overload]

    return mock.patch.object(Path, "open", refuse)


PATCHES["a file that may not be read"] = _forbid


@case("text with the name of a recording", 1)
def text(folder: Path) -> Arguments:
    return [written(folder, "text.wav", b"Dear diary, today I practised.\n" * 100)]


@case("random bytes with the name of a recording", 1)
def random_bytes(folder: Path) -> Arguments:
    return [written(folder, "random.mp3", np.random.default_rng(1).bytes(20_000))]


@case("a zip archive", 1)
def archive(folder: Path) -> Arguments:
    with zipfile.ZipFile(folder / "songs.zip", "w") as out:
        out.writestr("song.txt", "la la la" * 100)
    return [folder / "songs.zip"]


@case("a playlist that names another file", 1)
def playlist(folder: Path) -> Arguments:
    media.write(folder / "other.wav", scale())
    lines = f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:4,\n{folder / 'other.wav'}\n#EXT-X-ENDLIST\n"
    return [written(folder, "list.m3u8", lines.encode())]


@case("a score instead of a recording", 1)
def a_score(folder: Path) -> Arguments:
    return [written(folder, "tune.abc", b"X:1\nT:Tune\nM:4/4\nL:1/4\nK:C\nCDEF|GABc|]\n")]


def _edited(folder: Path, name: str, at: int, value: bytes) -> Arguments:
    """A WAV file with one field of its header changed."""
    whole = media.write(folder / "whole.wav", scale()).read_bytes()
    return [written(folder, name, whole[:at] + value + whole[at + len(value) :])]


@case("a codec that nobody knows", 1)
def unknown_codec(folder: Path) -> Arguments:
    return _edited(folder, "codec.wav", 20, b"\xfe\xff")


@case("samples of no bits", 1)
def no_bits(folder: Path) -> Arguments:
    return _edited(folder, "bits.wav", 34, b"\0\0")


@case("65 channels", 1)
def many_channels(folder: Path) -> Arguments:
    return _edited(folder, "crowd.wav", 22, b"\x41\0")


@case("two thousand million samples a second", 1)
def absurd_rate(folder: Path) -> Arguments:
    return _edited(folder, "rate.wav", 24, b"\xff\xff\xff\x7f")


@case("one sample a second", 1)
def slow_rate(folder: Path) -> Arguments:
    return _edited(folder, "slow.wav", 24, b"\1\0\0\0")


@case("a device", 1)
def device(folder: Path) -> Arguments:
    return ["/dev/zero"]


@case("a MIDI file without notes", 1)
def empty_midi(folder: Path) -> Arguments:
    return [written(folder, "rest.mid", b"MThd\0\0\0\6\0\1\0\1\1\xe0MTrk\0\0\0\4\0\xff\x2f\0")]


@case("a video without sound", 1)
def silent_film(folder: Path) -> Arguments:
    return [media.write_silent_film(folder / "film.mp4")]


# Recordings in which there is nothing to write down


@case("a WAV header without data", 1)
def header_only(folder: Path) -> Arguments:
    return [written(folder, "header.wav", media.write(folder / "a.wav", scale()).read_bytes()[:44])]


@case("an M4A cut off before its index", 1)
def cut_m4a(folder: Path) -> Arguments:
    whole = media.write(folder / "whole.m4a", scale()).read_bytes()
    return [written(folder, "cut.m4a", whole[: len(whole) // 2])]


@case("digital silence", 1)
def silence(folder: Path) -> Arguments:
    return [media.write(folder / "silence.flac", np.zeros(32_000))]


@case("three hours of silence, in bounded memory", 1)
def long_silence(folder: Path) -> Arguments:
    path = folder / "three_hours.wav"
    size = 3 * 3600 * 16_000 * 2  # bytes
    with path.open("wb") as raw, wave.open(raw, "wb") as out:
        out.setparams((1, 2, 16_000, size // 2, "NONE", ""))
        out.writeframesraw(b"")  # the header, which tells the length
        raw.truncate(raw.tell() + size)  # the samples: a hole on the disk
        out._nframeswritten = size // 2  # type: ignore[attr-defined]  # else the header would be put right
    return [path]


@case("a constant offset and no sound", 1)
def offset_only(folder: Path) -> Arguments:
    return [media.write(folder / "offset.wav", np.full(32_000, 0.5))]


@case("white noise", 1)
def noise(folder: Path) -> Arguments:
    return [media.write(folder / "noise.wav", np.random.default_rng(1).normal(0, 0.1, 48_000))]


@case("a hundredth of a second", 1)
def instant(folder: Path) -> Arguments:
    return [media.write(folder / "instant.wav", media.tone(0.01))]


# Recordings that are odd but can be written down


@case("a FLAC that is cut off", 0)
def cut_flac(folder: Path) -> Arguments:
    whole = media.write(folder / "whole.flac", scale()).read_bytes()
    return [written(folder, "cut.flac", whole[: len(whole) // 2])]


@case("an MP3 that is cut off", 0)
def cut_mp3(folder: Path) -> Arguments:
    whole = media.write(folder / "whole.mp3", scale(44_100), 44_100).read_bytes()
    return [written(folder, "cut.mp3", whole[: len(whole) // 2])]


@case("an MP3 with rubbish in the middle", 0)
def damaged_mp3(folder: Path) -> Arguments:
    whole = bytearray(media.write(folder / "whole.mp3", scale(44_100), 44_100).read_bytes())
    whole[8_000:12_000] = np.random.default_rng(2).bytes(4_000)
    return [written(folder, "damaged.mp3", bytes(whole))]


@case("an offset beside the sound", 0)
def offset(folder: Path) -> Arguments:
    return [media.write(folder / "offset.wav", scale() + 0.4)]


@case("a clipped square wave", 0)
def clipped(folder: Path) -> Arguments:
    return [media.write(folder / "clipped.wav", np.clip(20 * scale(), -1, 1))]


@case("8 kHz, 8 bits", 0)
def telephone(folder: Path) -> Arguments:
    return [media.write(folder / "telephone.wav", scale(8_000), 8_000, codec="pcm_u8")]


@case("96 kHz, 24 bits", 0)
def studio(folder: Path) -> Arguments:
    return [media.write(folder / "studio.wav", scale(96_000), 96_000, codec="pcm_s24le")]


@case("six channels", 0)
def surround(folder: Path) -> Arguments:
    return [media.write(folder / "surround.flac", np.stack([scale()] * 6))]


@case("samples that are not numbers", 0)
def not_numbers(folder: Path) -> Arguments:
    samples = scale()
    samples[100:120] = np.nan
    samples[30_000] = np.inf
    return [media.write(folder / "nan.wav", samples, codec="pcm_f32le")]


@case("an MP3 called .wav", 0)
def wrong_ending(folder: Path) -> Arguments:
    path = media.write(folder / "a.mp3", scale(44_100), 44_100)
    return [path.rename(folder / "actually_mp3.wav")]


@case("a video with sound", 0)
def film(folder: Path) -> Arguments:
    return [media.write(folder / "film.mp4", scale(44_100), 44_100, video=True)]


@case("samples a million times too loud", 0)
def too_loud(folder: Path) -> Arguments:
    return [media.write(folder / "loud.wav", scale() * 1e6, codec="pcm_f32le")]


@case("a printed MIDI file", 0)
def printed_midi(folder: Path) -> Arguments:
    (folder / "tune.abc").write_text("X:1\nT:Tune\nM:4/4\nL:1/4\nK:C\nCDEF|GABc|]\n")
    assert command_line.run("convert", folder / "tune.abc", folder / "tune.mid").code == 0
    return [folder / "tune.mid"]


@case("a name of dots", 0)
def dots(folder: Path) -> Arguments:
    return [media.write(folder / "a.wav", scale()).rename(folder / "..wav")]


@case("a name of 255 bytes", 0)
def long_name(folder: Path) -> Arguments:
    return [media.write(folder / "a.wav", scale()).rename(folder / f"{'n' * 251}.wav")]


@case("a name in other scripts, with brackets and a line break", 0)
def unicode_name(folder: Path) -> Arguments:
    return [media.write(folder / "a.wav", scale()).rename(folder / "[bold]Für Élise – 月\nX:2.wav")]


@case("a name that is not UTF-8", 0)
def bytes_name(folder: Path) -> Arguments:
    return [media.write(folder / "a.wav", scale()).rename(folder / b"caf\xe9.wav".decode("utf-8", "surrogateescape"))]


@case("a name that FFmpeg would take for an address", 0)
def address_name(folder: Path) -> Arguments:
    return [media.write(folder / "a.wav", scale()).rename(folder / "concat:b|c.wav")]


# Commands that cannot be carried out


@case(BATCH, 1)
def batch(folder: Path) -> Arguments:
    (folder / "takes").mkdir()
    media.write(folder / "takes" / "good.wav", scale())
    written(folder / "takes", "bad.wav", b"nothing")
    return [folder / "takes"]


@case("a full disk", 1)
def full_disk(folder: Path) -> Arguments:
    return [media.write(folder / "a.wav", scale())]


def _fill_disk() -> contextlib.AbstractContextManager[object]:
    full = OSError(errno.ENOSPC, "No space left on device")
    return mock.patch.object(Path, "write_bytes", side_effect=full)


PATCHES["a full disk"] = _fill_disk


@case("two recordings that would be written to one score", 1)
def one_target(folder: Path) -> Arguments:
    return [folder / "take.wav", folder / "take.performance.wav", "-f", "midi,performance-midi"]


@case("a score that is a folder", 1)
def folder_target(folder: Path) -> Arguments:
    (folder / "scores" / "a.abc").mkdir(parents=True)
    return [media.write(folder / "a.wav", scale())]


@case("an output folder that is a file", 1)
def output_is_a_file(folder: Path) -> Arguments:
    return [media.write(folder / "a.wav", scale()), "-o", written(folder, "taken", b"")]


@case("a section behind the end", 1)
def late_section(folder: Path) -> Arguments:
    return [media.write(folder / "a.wav", scale()), "--start", "1:00"]


@case("a section that ends before it begins", 1)
def reversed_section(folder: Path) -> Arguments:
    return [media.write(folder / "a.wav", scale()), "--start", "3", "--end", "1"]


@case("an engine that is not installed", 1)
def engine_not_installed(folder: Path) -> Arguments:
    return [media.write(folder / "a.wav", scale()), "--engine", "basic-pitch"]


@contextlib.contextmanager
def _uninstall() -> Iterator[None]:
    hearing.load.cache_clear()
    with mock.patch.object(basic_pitch, "find_spec", return_value=None):
        yield


PATCHES["an engine that is not installed"] = _uninstall


@case("an unknown engine", 2)
def unknown_engine(folder: Path) -> Arguments:
    return ["a.wav", "--engine", "ears"]


@case("an unknown format", 2)
def unknown_format(folder: Path) -> Arguments:
    return ["a.wav", "-f", "abc,doc"]


@case("a metre that is none", 2)
def bad_metre(folder: Path) -> Arguments:
    return ["a.wav", "--metre", "4/5"]


@case("a key that is none", 2)
def bad_key(folder: Path) -> Arguments:
    return ["a.wav", "--key", "H sharp"]


@case("a tempo that is none", 2)
def bad_tempo(folder: Path) -> Arguments:
    return ["a.wav", "--tempo", "fast"]


@case("a tuning that is none", 2)
def bad_tuning(folder: Path) -> Arguments:
    return ["a.wav", "-f", "tab", "--tuning", "loud"]


@case("two recordings to stdout", 2)
def two_to_stdout(folder: Path) -> Arguments:
    return ["a.wav", "b.wav", "-o", "-"]


@dataclass(frozen=True)
class Outcome:
    code: int
    said: str  # without the lines that list files, and without the test's folder
    grown: int  # kB by which the process has grown


def outcome(name: str, folder: Path) -> Outcome:
    make, _ = CASES[name]
    arguments = make(folder)
    defaults = [] if "-o" in arguments else ["-o", folder / "scores"]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with PATCHES.get(name, contextlib.nullcontext)():
        ran = command_line.run("transcribe", *ENGINE, *defaults, *arguments)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    said = [line for line in ran.err.splitlines() if line and not line.startswith(("  ", "Usage", "Try "))]
    return Outcome(ran.code, " ".join(said).replace(f"{folder}/", "").removeprefix("Error: "), grown)


def all_outcomes(folder: Path) -> dict[str, Outcome]:
    hearing.ENGINES[tone_engine.NAME] = tone_engine.INFO
    found = {}
    for number, name in enumerate(CASES):
        room = folder / str(number)
        room.mkdir()
        found[name] = outcome(name, room)
    del hearing.ENGINES[tone_engine.NAME]
    return found


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    return all_outcomes(tmp_path_factory.mktemp("hostile"))


@pytest.mark.parametrize("name", CASES)
def test_the_exit_code_tells_success_from_failure(name: str, outcomes: dict[str, Outcome]) -> None:
    assert outcomes[name].code == CASES[name][1], outcomes[name].said


@pytest.mark.parametrize("name", [name for name, (_, code) in CASES.items() if code and name != BATCH])
def test_a_failure_is_one_sentence_without_a_traceback(name: str, outcomes: dict[str, Outcome]) -> None:
    said = outcomes[name].said
    assert re.fullmatch(r"[^\n]{10,400}[.]", said)
    assert "Traceback" not in said
    assert not re.search(r"[a-z]\. [A-Z]", said), "more than one sentence"


def test_the_rest_of_a_batch_goes_on(outcomes: dict[str, Outcome]) -> None:
    said = outcomes[BATCH].said
    assert "bad.wav is not a sound or video file" in said
    assert "good.wav: " in said
    assert "1 of 2 recordings transcribed." in said


def test_three_hours_need_the_memory_of_a_block(outcomes: dict[str, Outcome]) -> None:
    assert outcomes["three hours of silence, in bounded memory"].grown < 100e3  # the whole would be 690 MB


def test_a_full_disk_leaves_the_old_score_as_it_was(tmp_path: Path, tone: str) -> None:
    recording = media.write(tmp_path / "a.wav", scale())
    old = written(tmp_path, "a.abc", b"my corrections")
    with _fill_disk():
        assert command_line.run("transcribe", *ENGINE, "-o", tmp_path, recording).code == 1
    assert old.read_bytes() == b"my corrections"
    assert {path.name for path in tmp_path.iterdir()} == {"a.wav", "a.abc"}


def page(outcomes: dict[str, Outcome]) -> str:
    """The Markdown of the page."""
    lines = [
        "# Hostile input",
        "",
        "What `abcscribe transcribe` answers to odd input, as `tests/test_hostile_input.py` sees it on every run (with",
        "an engine that hears single sines, so that the answers do not hang on a model). Exit codes: 0 a score was",
        "written, 1 it was not, 2 the command makes no sense. No failure leaves half a file.",
        "",
        "| put in | exit code | said |",
        "|---|---|---|",
    ]
    for name, found in outcomes.items():
        said = found.said.replace("n" * 251, "n...n")
        said = re.sub(r"(\S+: )\d+/\d+, .*? major, .*? bars?\b(, [^,]*%)?", r"\1(summary of its score)", said)
        said = said.replace(f", {tone_engine.NAME}", "").replace("|", "\\|")
        lines.append(f"| {name} | {found.code} | {said} |")
    return "\n".join(lines) + "\n"


def test_the_page_shows_what_is_said(outcomes: dict[str, Outcome]) -> None:
    assert page(outcomes) == PAGE.read_text(encoding="utf-8"), "write it anew: python tests/test_hostile_input.py"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        PAGE.write_text(page(all_outcomes(Path(temporary))), encoding="utf-8")
    sys.stdout.write(f"{PAGE}\n")
