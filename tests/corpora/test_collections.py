"""Listing, reading and packing small corpora made here."""

import csv
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from abcscribe.corpora import collections, music21_corpus, mutopia, score_set
from abcscribe.corpora.collections import build_cache, load, pieces
from abcscribe.errors import AbcscribeError, ScoreError

TUNE = "GEFGEDCEADGBECFAGEDBCADG"
OTHER = "CDEFGABCEGFDACFBEGDADBGC"


def musicxml(steps, title, rights=""):
    """A one-part score of quarter notes in one bar."""
    notes = "".join(
        f"<note><pitch><step>{step}</step><octave>4</octave></pitch><duration>1</duration><voice>1</voice></note>"
        for step in steps
    )
    return (
        f'<?xml version="1.0"?><score-partwise version="3.1"><work><work-title>{title}</work-title></work>'
        f'<identification><creator type="composer">Anon.</creator><rights>{rights}</rights></identification>'
        '<part-list><score-part id="P1"><part-name>Flute</part-name></score-part></part-list><part id="P1">'
        '<measure number="1"><attributes><divisions>1</divisions><key><fifths>0</fifths></key>'
        f"<time><beats>{len(steps)}</beats><beat-type>4</beat-type></time></attributes>{notes}</measure></part>"
        "</score-partwise>"
    )


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A machine with a music21 corpus of two collections and a copy of the OpenScore songs."""
    music21, songs = tmp_path / "music21", tmp_path / "openscore" / "openscore-lieder"
    for folder in (music21 / "airdsAirs", music21 / "newcomer", music21 / "monteverdi", songs):
        folder.mkdir(parents=True)
    (music21 / "airdsAirs" / "book.abc").write_bytes(
        b"% a book\n\nX:1\r\nT:The Caf\xe9\r\nK:C\r\nCDEF|\r\n\r\nX:2\nT:Yankee Doodle\nK:C\nCCDE|\n"
    )
    (music21 / "newcomer" / "new.xml").write_text(musicxml("CDE", "New"))
    (music21 / "monteverdi" / "a.xml").write_text(musicxml("CDE", "Ecco"))
    (music21 / "monteverdi" / "b.xml").write_text(musicxml("CDEC", "Ah", rights="© 2003 UT ORPHEUS"))
    with zipfile.ZipFile(songs / "lc1.mxl", "w") as archive:
        rootfile = '<container><rootfiles><rootfile full-path="s.xml"/></rootfiles></container>'
        archive.writestr("META-INF/container.xml", rootfile)
        archive.writestr("s.xml", musicxml("GEFGEDCEA", "A &amp; B"))
    (songs / "lc2.mxl").write_bytes((songs / "lc1.mxl").read_bytes())
    monkeypatch.setattr(music21_corpus, "location", lambda: music21)
    monkeypatch.delenv(collections.ENVIRONMENT, raising=False)
    return tmp_path


def test_pieces_are_listed_with_title_licence_and_checksum(home):
    found = {piece.id: piece for piece in pieces(home / "openscore")}
    assert list(found) == sorted(found)
    assert found["music21/airdsAirs/book.abc#0"].title == "The Café"
    song = found["openscore-lieder/lc1.mxl"]
    assert (song.title, song.licence, song.source) == ("A & B, Anon.", "CC0 1.0", "openscore-lieder")
    assert song.sha256 == found["openscore-lieder/lc2.mxl"].sha256
    assert len({piece.sha256 for piece in found.values()}) == len(found) - 1


def test_left_out_by_licence_and_name(home):
    reasons = {piece.id: piece.left_out for piece in pieces(home / "openscore") if piece.left_out}
    assert reasons == {
        "music21/airdsAirs/book.abc#1": "held out: Yankee Doodle",
        "music21/monteverdi/b.xml": "licence: notice in the file",
        "music21/newcomer/new.xml": "licence: not stated",
    }
    asked_for = [piece.id for piece in pieces(restricted=True) if piece.left_out]
    assert asked_for == ["music21/airdsAirs/book.abc#1"]


def test_the_environment_names_the_corpora(home, monkeypatch):
    assert not any(piece.source == "openscore-lieder" for piece in pieces())
    monkeypatch.setenv(collections.ENVIRONMENT, str(home / "openscore"))
    assert sum(piece.source == "openscore-lieder" for piece in pieces()) == 2


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A user's folder: a tune twice, another tune, a held-out chorale and one more setting of it, and a broken file."""
    monkeypatch.setattr(music21_corpus, "location", lambda: None)
    monkeypatch.delenv(collections.ENVIRONMENT, raising=False)
    mine = tmp_path / "mine"
    mine.mkdir()
    chorale = "CEGFDBAGCDFEBCAGDEFBGCEA"
    contents = {"a": TUNE, "b": "CC" + TUNE[:-2] + "EE", "c": OTHER, "bwv255": chorale, "setting": chorale[1:] + "F"}
    for name, steps in contents.items():
        (mine / f"{name}.musicxml").write_text(musicxml(steps, f"Piece {name}"))
    (mine / "broken.musicxml").write_text("<score-partwise")
    return mine


def test_a_cache_holds_usable_pieces_with_group_and_split(folder, tmp_path):
    cache = build_cache(tmp_path / "notes.npz", folders=[folder])
    assert [piece.id for piece in cache.pieces] == ["mine/a.musicxml", "mine/b.musicxml", "mine/c.musicxml"]
    assert [piece.group for piece in cache.pieces] == ["mine/a.musicxml", "mine/a.musicxml", "mine/c.musicxml"]
    assert all(piece.split for piece in cache.pieces)
    assert cache[0].notes.pitch[:5].tolist() == [67, 64, 65, 67, 64]
    assert cache[0].names == ("Flute",)
    reasons = {piece.id.removeprefix("mine/"): piece.left_out for piece in cache.left_out}
    assert reasons["bwv255.musicxml"] == "held out: BWV 255"
    assert reasons["setting.musicxml"] == "held out: melody of mine/bwv255.musicxml"
    assert reasons["broken.musicxml"].startswith("unreadable: ")


def test_the_manifest_has_a_row_for_every_piece_used_or_not(folder, tmp_path):
    build_cache(tmp_path / "notes.npz", folders=[folder])
    with (tmp_path / "notes.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == [piece.id for piece in pieces(folders=[folder])]
    assert all(bool(row["split"]) != bool(row["left_out"]) for row in rows)
    assert "path" not in rows[0]


def test_an_interrupted_build_goes_on_where_it_stopped(folder, tmp_path, monkeypatch):
    read: list[str] = []

    def impatient(piece):
        if len(read) == 3:
            raise KeyboardInterrupt
        read.append(piece.id)
        return load(piece)

    monkeypatch.setattr(collections, "SHARD", 2)
    monkeypatch.setattr(collections, "load", impatient)
    with pytest.raises(KeyboardInterrupt):
        build_cache(tmp_path / "notes.npz", folders=[folder])
    assert not (tmp_path / "notes.npz").exists()
    finished: list[tuple[int, int]] = []
    monkeypatch.setattr(collections, "load", lambda piece: read.append(piece.id) or load(piece))
    cache = build_cache(tmp_path / "notes.npz", folders=[folder], progress=lambda *n: finished.append(n))
    assert read.count("mine/a.musicxml") == 1  # in the shard that was saved
    assert (len(cache), finished) == (3, [(2, 6), (4, 6), (6, 6)])
    assert not (tmp_path / "notes.npz.shards").exists()


def test_an_unreadable_file_is_a_score_error(folder):
    broken = next(piece for piece in pieces(folders=[folder]) if "broken" in piece.id)
    with pytest.raises(ScoreError):
        load(broken)


def test_every_format_of_a_published_set_is_read(tmp_path):
    written = {
        "tune.ly": "\\version \"2.24.0\"\n{ c'4 d' e' f' }\n",
        "tune.krn": "**kern\n*M4/4\n4c\n4d\n4e\n4f\n*-\n",
        "tune.abc": "X:1\nL:1/4\nK:C\nCDEF|\n",
    }
    for name, text in written.items():
        (tmp_path / name).write_text(text)
        (piece,) = [p for p in collections.pieces(folders=[tmp_path]) if p.path.name == name]
        assert [note.pitch for note in collections.load(piece).sounding_notes()] == [60, 62, 64, 65], name


def test_a_cache_made_from_a_relative_path_is_read_from_anywhere(folder, monkeypatch, tmp_path):
    monkeypatch.chdir(folder.parent)
    listed = pieces(folders=[Path(folder.name)])
    monkeypatch.chdir(tmp_path)
    assert all(piece.path.exists() for piece in listed if folder.name in piece.id)


def test_a_score_that_is_gone_is_no_unreadable_score(folder):
    piece = next(piece for piece in pieces(folders=[folder]) if folder.name in piece.id)
    with pytest.raises(AbcscribeError, match="is gone") as raised:
        load(replace(piece, path=folder / "moved.abc"))
    assert not isinstance(raised.value, ScoreError)


def test_the_checksum_of_a_collection_tells_names_and_contents_apart(folder):
    before = score_set.collection_checksum(folder)
    (folder / "notes.txt").write_text("no score")
    assert score_set.collection_checksum(folder) == before
    (folder / "c.musicxml").rename(folder / "d.musicxml")
    assert score_set.collection_checksum(folder) != before


def test_sets_have_terms_citations_and_homes():
    for name, one in collections.SETS.items():
        assert name == one.name
        assert one.home.startswith("https://")
        assert one.citation
    assert {"openscore-lieder", "polish-music-heritage", "chopin-first-editions", "mutopia"} <= set(collections.SETS)


@pytest.mark.parametrize(
    ("folder", "terms"),
    [
        ("A/one", "free"),
        ("A/two", "free"),
        ("A/three", "restricted"),
        ("A/four", "restricted"),
        ("B/five", "restricted"),
    ],
)
def test_each_folder_of_mutopia_has_its_own_terms(tmp_path, folder, terms):
    rows = ["folder,licence", "A/one,Public Domain", "A/two,Creative Commons Attribution 4.0", "A/three,CC BY-SA 3.0",
            "A/four,Creative Commons Attribution-NonCommercial (NC)"]  # fmt: skip
    (tmp_path / "LICENCES.csv").write_text("\n".join(rows))
    assert mutopia.licence_of(tmp_path, tmp_path / folder / "deeper" / "piece.ly").terms == terms
