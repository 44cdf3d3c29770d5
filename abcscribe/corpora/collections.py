"""Scores for training: find the pieces, read them, and store their notes for the renderer.

Three kinds of source: the corpus inside the music21 wheel, local copies of published sets (`SETS`, one module each),
and any folder of ABC, MusicXML, MIDI, kern or LilyPond files. `licences` and `held_out` decide which pieces may be
used, `splits` to which split they belong.
"""

from __future__ import annotations

import dataclasses
import hashlib
import html
import os
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix

from abcscribe import workers
from abcscribe.corpora import (
    chopin_institute,
    held_out,
    licences,
    manifest,
    music21_corpus,
    mutopia,
    openscore,
    splits,
)
from abcscribe.corpora.licences import Licence
from abcscribe.corpora.manifest import Piece
from abcscribe.corpora.note_cache import CachedPiece, NoteCache, Notes, notes_of, save
from abcscribe.corpora.score_set import score_files
from abcscribe.errors import AbcscribeError, ScoreError
from abcscribe.score import abc_reader, kern_reader, lytk_bridge
from abcscribe.score.model import Score

ENVIRONMENT = "ABCSCRIBE_CORPORA"  # names the folder of local copies of SETS, if no path is given
SETS = {one.name: one for module in (openscore, chopin_institute, mutopia) for one in module.SETS}
XML_SUFFIXES = (".mxl", ".musicxml", ".xml")
LILYPOND_SUFFIXES = (".ly",)
SHARD = 50  # pieces between two savings while a cache is built
HEAD = 200_000  # bytes of MusicXML that hold title, rights and credits
Progress = Callable[[int, int], None]  # pieces done, pieces in all


def pieces(
    corpora: Path | None = None, folders: Sequence[Path] = (), restricted: bool = False, installed: bool = True
) -> list[Piece]:
    """List all pieces of the installed and given corpora.

    Their notes are not read yet: groups, held-out melodies and the split are found by `build_cache`.

    Args:
        corpora: folder of the local copies of `SETS`; default: the environment variable ABCSCRIBE_CORPORA.
        folders: further folders of scores.
        restricted: whether pieces whose licence restricts use are not left out.
        installed: whether the corpus inside the music21 wheel is listed.

    Returns:
        The pieces by id, those that must not be used with ``left_out`` set.
    """
    home = corpora or (Path(os.environ[ENVIRONMENT]) if ENVIRONMENT in os.environ else None)
    home = home.resolve() if home else None  # the cache may be used from another working directory
    found: list[Piece] = []
    for source, folder, licence in music21_corpus.folders() if installed else ():
        found.extend(_in_folder(folder, source, licence))
    for one in SETS.values():
        if home and (home / one.name).is_dir():
            found.extend(_in_folder(home / one.name, one.name, one.licence, one.licence_of))
    for folder in (Path(folder).resolve() for folder in folders):
        found.extend(_in_folder(folder, folder.name, licences.USER))
    return sorted((_judged(piece, restricted) for piece in found), key=lambda piece: piece.id)


def load(piece: Piece) -> Score:
    """The piece as a Score. Raises ScoreError if the file cannot be read, AbcscribeError if it is not there."""
    if not piece.path.exists():
        raise AbcscribeError(f"The score {piece.path} is gone: run abcscribe data scores again.")
    suffix = piece.path.suffix.lower()
    if suffix == ".abc":
        return abc_reader.read_abc(_tunes(piece.path)[piece.index])[0]
    if suffix in XML_SUFFIXES:
        return lytk_bridge.read_musicxml(piece.path)
    if suffix == ".krn":
        return kern_reader.read_kern(piece.path)[0]
    if suffix in LILYPOND_SUFFIXES:
        return lytk_bridge.read_lilypond_book(piece.path)[0]
    return lytk_bridge.read_midi(piece.path)


def build_cache(
    out: Path,
    corpora: Path | None = None,
    folders: Sequence[Path] = (),
    restricted: bool = False,
    installed: bool = True,
    progress: Progress = lambda done, total: None,
    jobs: int = 1,
) -> NoteCache:
    """Read every usable piece; write the cache and its manifest. An interrupted build resumes where it stopped.

    Args:
        out: file of the cache; the manifest is the same with .csv.
        corpora, folders, restricted, installed: as in `pieces`.
        progress: called with the pieces done and in all.
        jobs: processes that read. The cache is the same with any number.

    Returns:
        The cache.
    """
    listed = pieces(corpora, folders, restricted, installed)
    readable = [piece for piece in listed if restricted or piece.terms != licences.RESTRICTED]
    shards = out.with_name(out.name + ".shards")
    shards.mkdir(parents=True, exist_ok=True)
    cached: list[CachedPiece] = []
    left_out = [piece for piece in listed if not restricted and piece.terms == licences.RESTRICTED]
    batches = [readable[start : start + SHARD] for start in range(0, len(readable), SHARD)]
    _read_all(shards, batches, jobs, lambda done: progress(min(done * SHARD, len(readable)), len(readable)))
    for batch in batches:
        shard = NoteCache(_shard_of(shards, batch))
        cached.extend(shard)
        left_out.extend(shard.left_out)
    everything = sorted([*_assigned(cached), *left_out], key=lambda piece: piece.id)
    kept = {piece.id: piece for piece in everything if not piece.left_out}
    usable = [dataclasses.replace(item, piece=kept[item.piece.id]) for item in cached if item.piece.id in kept]
    save(out, usable, [piece for piece in everything if piece.left_out])
    manifest.write(out.with_suffix(".csv"), everything)
    shutil.rmtree(shards)
    return NoteCache(out)


def _in_folder(
    folder: Path, source: str, licence: Licence, licence_of: Callable[[Path, Path], Licence] | None = None
) -> Iterator[Piece]:
    for path in score_files(folder):
        name = f"{source}/{path.relative_to(folder).as_posix()}"
        terms = licence_of(folder, path) if licence_of else licence
        if path.suffix.lower() == ".abc":
            yield from _in_abc(path, name, source, terms)
            continue
        data = path.read_bytes()
        text = _text_of(path, data)
        own = licences.with_notice(terms, _notice(text))
        yield Piece(name, source, path, 0, _title(text) or path.stem, own.name, own.terms, _sha256(data))


def _in_abc(path: Path, name: str, source: str, licence: Licence) -> Iterator[Piece]:
    header = path.read_bytes()[:4000].decode("utf-8", "replace").partition("\nX:")[0]
    own = licences.with_notice(licence, header)
    for index, tune in enumerate(_tunes(path)):
        title = " / ".join(re.findall(r"^T:[ \t]*(.*?)\s*$", tune, re.MULTILINE))
        yield Piece(f"{name}#{index}", source, path, index, title, own.name, own.terms, _sha256(tune.encode()))


@lru_cache(maxsize=4)
def _tunes(path: Path) -> list[str]:
    """The tunes of an ABC file, each after the fields of the file header, which apply to all."""
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    top, *tunes = re.split(r"^(?=X:)", text, flags=re.MULTILINE)
    common = "".join(re.findall(r"^(?:[A-Z]:|%%).*\n", top, flags=re.MULTILINE))
    return [common + tune for tune in tunes]


def _text_of(path: Path, data: bytes) -> str:
    """The text of a score file that holds its title and notices; "" for MIDI."""
    suffix = path.suffix.lower()
    if suffix in (".mid", ".midi"):
        return ""
    if suffix == ".mxl":
        with zipfile.ZipFile(path) as archive:
            name = next(n for n in archive.namelist() if n.endswith("xml") and not n.startswith("META-INF"))
            with archive.open(name) as file:
                data = file.read(HEAD)
    wide = data[:2] in (b"\xff\xfe", b"\xfe\xff")
    text = data.decode("utf-16" if wide else "utf-8", "replace")
    return text.partition("<part-list")[0]


_XML_TITLE = re.compile(r"<(creator type=\"composer\"|work-title|work-number|movement-title)>(.*?)</", re.DOTALL)
_XML_NOTICE = re.compile(r"<(?:rights|source|credit-words)\b[^>]*>(.*?)</", re.DOTALL)
_KERN_TITLE = re.compile(r"^!!!(?:COM|OTL|OPR|OPS|ONM|SCA)[^:]*:\s*(.*)$", re.MULTILINE)
_LILYPOND_TITLE = re.compile(r"^\s*(?:mutopia)?(?:composer|title|opus)\s*=\s*\"([^\"]*)\"", re.MULTILINE)
_KERN_NOTICE = re.compile(r"^!!!(?:YE[CM]|ONB).*$", re.MULTILINE)


def _title(text: str) -> str:
    """Composer, work and movement, as far as the file names them."""
    found = [words for _, words in _XML_TITLE.findall(text)] or _KERN_TITLE.findall(text)
    found = found or _LILYPOND_TITLE.findall(text)
    words = [" ".join(html.unescape(part).split()) for part in found]
    return ", ".join(dict.fromkeys(word for word in words if word))


def _notice(text: str) -> str:
    return html.unescape("\n".join([*_XML_NOTICE.findall(text), *_KERN_NOTICE.findall(text)]))


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _judged(piece: Piece, restricted: bool) -> Piece:
    """The piece, left out if its licence restricts use or its name is held out."""
    if piece.terms == licences.RESTRICTED and not restricted:
        return dataclasses.replace(piece, left_out=f"licence: {piece.licence}")
    name = held_out.by_name(piece.id, piece.title)
    return dataclasses.replace(piece, left_out=f"held out: {name}") if name else piece


def _read_all(folder: Path, batches: Sequence[Sequence[Piece]], jobs: int, progress: Callable[[int], None]) -> None:
    """Read the pieces of the batches that no earlier build of the same files has read, each into a shard."""
    missing = [(folder, batch) for batch in batches if not _shard_of(folder, batch).exists()]
    done = len(batches) - len(missing)
    progress(done)
    if jobs < 2 or len(missing) < 2:
        for one in missing:
            _write_shard(one)
            progress(done := done + 1)
        return
    for _, outcome in workers.run_all(_write_shard, missing, jobs):
        if isinstance(outcome, workers.Died):
            raise AbcscribeError("A process that read scores died, for want of memory perhaps. Try fewer --jobs.")
        progress(done := done + 1)


def _shard_of(folder: Path, batch: Sequence[Piece]) -> Path:
    key = _sha256("".join(f"{piece.id} {piece.sha256} {piece.left_out}\n" for piece in batch).encode())[:16]
    return folder / f"{key}.npz"


def _write_shard(work: tuple[Path, Sequence[Piece]]) -> None:
    folder, batch = work
    read = [_read(piece) for piece in batch]
    notes, without = [it for it in read if isinstance(it, CachedPiece)], [it for it in read if isinstance(it, Piece)]
    save(_shard_of(folder, batch), notes, without)


def _read(piece: Piece) -> CachedPiece | Piece:
    """The notes of the piece, or the piece with the reason why there are none."""
    try:
        score = load(piece)
    except ScoreError as error:
        return dataclasses.replace(piece, left_out=f"unreadable: {error}")
    notes = notes_of(score)
    if not len(notes.onset):
        return dataclasses.replace(piece, left_out="no notes")
    return CachedPiece(piece, tuple(part.name for part in score.parts), notes)


def _assigned(cached: Sequence[CachedPiece]) -> list[Piece]:
    """The pieces, each with its group and split, or left out for a melody of the benchmark."""
    melodies = [_melodies(item.notes) for item in cached]
    owners = np.array([i for i, own in enumerate(melodies) for _ in own])
    alike = splits.same_melody([splits.fingerprint(melody) for own in melodies for melody in own])
    near = _near_held_out(cached, owners, alike)
    groups = splits.groups([item.piece.id for item in cached], owners, alike)
    return [
        _placed(item.piece, held_out.by_melody(own) or near.get(i, ""), group)
        for i, (item, own, group) in enumerate(zip(cached, melodies, groups, strict=True))
    ]


def _placed(piece: Piece, melody: str, group: str) -> Piece:
    if piece.left_out:
        return piece
    if melody:
        return dataclasses.replace(piece, left_out=f"held out: melody of {melody}")
    return dataclasses.replace(piece, group=group, split=splits.split(group))


def _melodies(notes: Notes) -> list[np.ndarray]:
    """The melody of each part that has one, the highest part first."""
    parts = [notes.part == part for part in np.unique(notes.part)]
    parts.sort(key=lambda of_part: -float(notes.pitch[of_part].mean()))
    return [splits.melody(notes.onset[of_part], notes.pitch[of_part]) for of_part in parts]


def _near_held_out(cached: Sequence[CachedPiece], owners: np.ndarray, alike: csr_matrix) -> dict[int, str]:
    """The pieces that share the highest part of a piece held out by name: their index, and that piece's id."""
    near: dict[int, str] = {}
    for i, item in enumerate(cached):
        if item.piece.left_out:
            highest = int(np.searchsorted(owners, i))
            near.update((int(j), item.piece.id) for j in owners[alike[highest].indices])
    return near
