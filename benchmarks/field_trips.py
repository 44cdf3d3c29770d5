"""Round trips through every format that is read and written: how often each field of a score is kept, and why not.

    python benchmarks/field_trips.py FOLDER... [--most N] [--largest KB] [--seed N] [--formats abc,musicxml,kern]

Takes a sample of ``--most`` files of each folder, the same for the same seed, leaves out those above ``--largest`` (the
time is that of the notes), writes each in every format, reads that and compares (``differences``). A piece counts for a
field if the field is in it. A difference that ``losses`` did not announce is silent: those are named, with the pieces.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from abcscribe.errors import AbcscribeError
from abcscribe.score.differences import differences
from abcscribe.score.losses import FIELDS, KEEPS, losses
from abcscribe.score.model import Score
from abcscribe.score.readers import READERS, read_leniently, read_pieces
from abcscribe.score.writers import WRITERS, render

# A difference -> the fields that it concerns
CONCERNS = {
    "words": ("verses of words", "syllables on notes that a slur or tie continues"),
    "marks": ("articulations", "ornaments", "fermatas", "fingerings"),
    "slurs": ("slurs", "slurs inside of slurs"),
    "notes": ("grace notes",),
    "small notes behind": ("grace notes behind a note", "grace notes behind a note inside of a bar"),
    "strings and frets": ("strings and frets",),
    "heads": ("noteheads", "places of drums"),
    "staves of single notes": ("notes on another staff than their voice",),
    "dynamic": ("dynamics", "signs inside of notes"),
    "hairpin": ("hairpins", "signs inside of notes"),
    "texts": ("texts", "signs inside of notes"),
    "clef": ("changes of clef",),
    "measure-repeat": ("measure repeats",),
    "chord symbols": ("chord symbols", "chord symbols inside of notes"),
    "jumps": ("jumps (D.C., Fine, Segno, Coda)",),
    "words of tempo": ("words of tempo",),
    "repeats": ("repeats", "endings"),
    "lengths of endings": ("endings",),
    "bar lines": ("special bar lines",),
    "tempo": ("tempo marks of a fraction",),
    "title": ("title",),
    "composer": ("composer",),
    "transposition": ("transpositions",),
    "tuning or capo": ("tunings", "capos"),
}
ALWAYS = {  # what every score has
    "bar lengths", "metre", "key", "tempo", "notes", "number of parts", "name", "program", "staves",
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--most", type=int, default=100, help="files of each folder")
    parser.add_argument("--largest", type=float, default=100.0, help="kilobytes of a file")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--formats", default="abc,musicxml,lilypond,kern,json")
    options = parser.parse_args()
    formats = options.formats.split(",")
    has: Counter[str] = Counter()
    lost: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)  # (format, what) -> "said" or "silent" -> pieces
    silent: dict[tuple[str, str], list[str]] = defaultdict(list)
    pieces = refused = 0
    for name, score in _pieces(options):
        if score is None:
            refused += 1
            continue
        pieces += 1
        fields = {field for field, count in FIELDS.items() if count(score)}
        present = {what for what, concerned in CONCERNS.items() if fields & {*concerned}} | ALWAYS
        has.update(present)
        for form in formats:
            differ, reader_said = _lost(score, form)
            for what in differ:
                said = _is_said(score, form, what, fields) or (what == "marks" and reader_said)
                if what in present or what.startswith("failed"):
                    lost[form, what]["said" if said else "silent"] += 1
                if not said:
                    silent[form, what + (" that was not there" if what not in present else "")].append(name)
        if pieces % 10 == 0:
            print(f"{pieces} pieces", file=sys.stderr, flush=True)
    print(f"{pieces} pieces, {refused} files not read")
    print(f"| | pieces with it | {' | '.join(formats)} |")
    for what, count in has.most_common():
        kept = [_share(lost[form, what], count) for form in formats]
        print(f"| {what} | {count} | {' | '.join(kept)} |")
    for (form, what), names in sorted(silent.items(), key=lambda item: -len(item[1])):
        print(f"{len(names):5} silent in {form}: {what}: {', '.join(names[:3])}")


def _is_said(score: Score, form: str, what: str, fields: set[str]) -> bool:
    """Whether ``losses`` announced a difference: by its field or, of marks and heads, as a sign that is missing."""
    if any(KEEPS[form].get(field) for field in CONCERNS.get(what, ()) if field in fields):
        return True
    if what == "program":
        return form == "kern" and any("instrument" in sentence for sentence in losses(score, form))
    return what in ("marks", "heads") and any("no such sign" in sentence for sentence in losses(score, form))


def _pieces(options: argparse.Namespace) -> Iterator[tuple[str, Score | None]]:
    for folder in options.folders:
        every = sorted(path for path in folder.rglob("*") if path.suffix in READERS and path.suffix != ".txt")
        files = [path for path in every if path.stat().st_size <= 1000 * options.largest]
        print(f"{folder.name}: {len(every)} files, {len(files)} of up to {options.largest:g} kB", flush=True)
        for path in random.Random(options.seed).sample(files, min(options.most, len(files))):
            try:
                scores, _ = read_pieces(path)
            except AbcscribeError:
                yield path.name, None
                continue
            yield from ((path.name if len(scores) == 1 else f"{path.name}#{i}", s) for i, s in enumerate(scores, 1))


def _lost(score: Score, form: str) -> tuple[set[str], list[str]]:
    """What a round trip through a format does not keep, without numbers of parts and voices; what the reader said."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"score{WRITERS[form].suffix}"
        try:
            path.write_bytes(render(score, form))
            again, said = read_leniently(path)
        except AbcscribeError as error:
            return {f"failed: {re.sub(r'[/0-9].*', '', str(error))}"}, []
        return {_kind(what) for what in differences(score, again)}, said


def _kind(what: str) -> str:
    """``part 1 voice 2 slurs`` -> ``slurs``. The words of a part are directions, those of a voice are sung."""
    what = re.sub(r"^part \d+ words$", "texts", what)
    return re.sub(r"^part \d+ (?:voice \d+ )?", "", what)


def _share(lost: Counter[str], count: int) -> str:
    kept = 100 * (count - lost.total()) / count
    return f"{kept:.1f} %" + (f" ({lost['said']} said)" if lost["said"] else "")


if __name__ == "__main__":
    main()
