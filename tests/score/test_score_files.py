"""Readers, writers and convert: which file is what, and what the user hears when it is not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from example_scores import piano, quartet, recorded

from abcscribe.errors import ScoreError
from abcscribe.score import Score
from abcscribe.score.convert import convert
from abcscribe.score.readers import READERS, read_leniently, read_score
from abcscribe.score.writers import WRITERS, format_of, render, write_score

TUNE = "X:1\nT:Tune\nM:2/4\nL:1/4\nK:D\nFA|d2|]\n"
SIGNATURES = {
    "abc": b"%abc-2.1", "musicxml": b"<?xml", "mxl": b"PK\3\4", "midi": b"MThd", "performance-midi": b"MThd",
    "svg": b"<svg", "pdf": b"%PDF", "png": b"\x89PNG", "tab": b"Flute", "tab-musicxml": b"<?xml", "tab-pdf": b"%PDF",
    "mei": b"<?xml", "pdf-parts": b"PK", "tab-only": b"%PDF", "gp5": b"\x18FICHIER GUITAR PRO",
    "lilypond": b"\\version", "kern": b"**kern", "json": b"{",
}  # fmt: skip


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_begins_as_it_should_and_is_the_same_each_time(name: str) -> None:
    content = render(recorded(), name)
    assert content.startswith(SIGNATURES[name])
    assert render(recorded(), name) == content


@pytest.mark.parametrize("name", ["abc", "musicxml", "mxl", "json", "lilypond", "kern", "midi"])
@pytest.mark.parametrize("make", [quartet, piano, recorded])
def test_what_is_written_is_read_by_its_suffix(make, name: str, tmp_path: Path) -> None:
    path = tmp_path / f"score{WRITERS[name].suffix}"
    score = make()
    write_score(score, path)
    expected = score.unfolded() if name == "midi" else score
    again, problems = read_leniently(path)
    struck = [{(n.onset, n.pitch) for n in s.sounding_notes()} for s in (again, expected)]
    if name == "midi":  # its grace notes come back as notes
        assert struck[0] >= struck[1]
    else:
        assert struck[0] == struck[1]
    assert problems == []


@pytest.mark.parametrize("name", ["abc", "musicxml", "mxl", "midi", "json", "lilypond"])
def test_an_empty_score_is_written(name: str) -> None:
    assert render(Score(), name)


@pytest.mark.parametrize("name", ["svg", "pdf", "png", "tab", "tab-musicxml", "tab-pdf", "performance-midi"])
def test_where_nothing_can_be_shown_the_user_hears_it(name: str) -> None:
    with pytest.raises(ScoreError, match=r"^The score has no|^This score was not"):
        render(Score(), name)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a.abc", "abc"), ("a.XML", "musicxml"), ("a.mid", "midi"), ("a.performance.mid", "performance-midi"),
        ("a.tab.txt", "tab"), ("a.tab.musicxml", "tab-musicxml"), ("b.v2.pdf", "pdf"), ("x/y.score.json", "json"),
    ],
)  # fmt: skip
def test_the_longest_suffix_decides(path: str, name: str) -> None:
    assert format_of(path) == name


def test_convert_writes_what_the_target_asks_for(tmp_path: Path) -> None:
    source, target = tmp_path / "tune.abc", tmp_path / "tune.mxl"
    source.write_text(TUNE)
    assert convert(source, target) == []
    assert [str(n.pitch) for bar in read_score(target).parts[0].bars for n in bar] == ["F#4", "A4", "D5"]
    convert(source, tmp_path / "strange.name", "midi")
    assert (tmp_path / "strange.name").read_bytes().startswith(b"MThd")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["strange.name", "tune.abc", "tune.mxl"]


def test_convert_tells_what_it_worked_around(tmp_path: Path) -> None:
    source = tmp_path / "tune.abc"
    source.write_text(TUNE.replace("FA|", "FA ? A|"))
    problems = convert(source, tmp_path / "tune.json")
    assert problems
    assert problems[0].startswith("line 6, column ")


def test_old_collections_are_latin_1(tmp_path: Path) -> None:
    source = tmp_path / "tune.abc"
    source.write_bytes(TUNE.replace("Tune", "Mélodie").encode("latin-1"))
    assert read_score(source).title == "Mélodie"


@pytest.mark.parametrize("suffix", READERS)
@pytest.mark.parametrize("content", [b"", b"\0\xff\xfe" * 99, b"This is a letter, not a score.", b"<html></html>"])
def test_files_without_a_score_are_one_sentence(suffix: str, content: bytes, tmp_path: Path) -> None:
    source, target = tmp_path / f"broken{suffix}", tmp_path / "out.json"
    source.write_bytes(content)
    target.write_text("kept")
    with pytest.raises(ScoreError) as caught:
        convert(source, target)
    assert str(source) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert target.read_text() == "kept"


def outcome(path: Path) -> list[str]:
    """What is wrong with the score in a file, or the sentence that says why there is none."""
    try:
        return read_score(path).problems()
    except ScoreError as error:
        return str(error).splitlines()


@pytest.mark.parametrize("name", ["mxl", "midi", "musicxml", "json"])
def test_truncated_files_are_one_sentence_or_what_is_left(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"score{WRITERS[name].suffix}"
    whole = render(quartet(), name)
    for part in range(1, 8):
        path.write_bytes(whole[: len(whole) * part // 8])
        said = outcome(path)
        assert said == [] or (len(said) == 1 and str(path) in said[0])


@pytest.mark.parametrize(
    ("source", "target", "says"),
    [
        ("absent.abc", "a.pdf", "does not exist"),
        ("tune.abc", "a.docx", "suffix"),
        ("tune.docx", "a.pdf", "suffix"),
        ("folder.abc", "a.pdf", "not a file"),
        ("tune.abc", "absent/a.abc", "cannot be written"),
        ("tune.abc", "a.performance.mid", "recording"),
    ],
)
def test_what_cannot_be_converted_is_one_sentence(source: str, target: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "tune.abc").write_text(TUNE)
    (tmp_path / "tune.docx").write_text(TUNE)
    (tmp_path / "folder.abc").mkdir()
    with pytest.raises(ScoreError, match=says) as caught:
        convert(tmp_path / source, tmp_path / target)
    assert "\n" not in str(caught.value)


def test_an_unknown_format_names_those_there_are() -> None:
    with pytest.raises(ScoreError, match="musicxml"):
        render(quartet(), "word")


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "score.abc"
    target.write_text("old")

    def full_disk(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full_disk)
    with pytest.raises(ScoreError, match="No space left"):
        write_score(quartet(), target)
    assert os.listdir(tmp_path) == ["score.abc"]
    assert target.read_text() == "old"


def test_naming_the_formats_loads_no_library() -> None:
    code = "import sys, abcscribe.score.writers, abcscribe.score.readers, abcscribe.score.convert; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"lytk", "verovio", "typst", "numpy"} & set(done.stdout.split())
