"""What the vocabulary of the default model covers of real scores, and whether it gives back what it covers.

    python benchmarks/tokens.py FOLDER... [--most N]

Reads every .abc (all tunes), .mxl, .musicxml, .xml and .krn under the folders, writes repeats out, and prints
- the share of bars outside: a metre, a key, a bar length or a note that tokens cannot say, by reason,
- the share of the other scores that come back equal as Score -> tokens -> Score -> tokens, and those that do not,
- tokens a bar.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from round_trip import READERS

from abcscribe.errors import AbcscribeError
from abcscribe.score.instruments import PERCUSSION
from abcscribe.score.model import Bar, Note, Score
from abcscribe.tokens import (
    LONGEST,
    METRE_TOKENS,
    MOST_FIFTHS,
    TICKS,
    VOCABULARY,
    decode,
    encode,
    excerpt_of,
    score_of,
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--most", type=int, default=10**9, help="files to try, spread evenly")
    options = parser.parse_args()
    files = sorted(path for folder in options.folders for path in folder.rglob("*") if path.suffix in READERS)
    bars, outside, pieces, equal, tokens = 0, Counter[str](), 0, 0, 0
    for name, score in _scores(files[:: max(1, len(files) // options.most)]):
        reasons = [reason for index in range(len(score.bars)) if (reason := _outside(score, index))]
        bars += len(score.bars)
        outside.update(reasons)
        excerpt = excerpt_of(score)
        ids = encode(excerpt).ids
        back = decode(ids).excerpt()
        same = back == replace(excerpt, whole=True) == replace(excerpt_of(score_of(back)), whole=True)
        pieces, equal, tokens = pieces + 1, equal + same, tokens + len(ids)
        if not same:
            print(f"not equal: {name}")
    print(f"{pieces} scores, {bars} bars, {tokens / max(bars, 1):.1f} tokens a bar")
    print(f"outside: {sum(outside.values())} bars, {100 * sum(outside.values()) / max(bars, 1):.2f} %")
    for reason, count in outside.most_common():
        print(f"  {reason}: {count}")
    print(f"equal after a round trip: {equal} scores, {100 * equal / max(pieces, 1):.2f} %")


def _scores(files: list[Path]) -> Iterator[tuple[str, Score]]:
    for path in files:
        try:
            for index, score in enumerate(READERS[path.suffix](path)):
                yield f"{path.name} {index}", score.unfolded()
        except (AbcscribeError, OSError) as error:
            print(f"unread: {path.name}: {error}")


def _outside(score: Score, index: int) -> str:
    """Why a bar cannot be said exactly; empty if it can. Grace notes and percussion are left out by design."""
    bar = score.bars[index]
    if reason := _bar_outside(bar):
        return reason
    for part in score.parts:
        if part.program != PERCUSSION:
            for note in part.bars[index]:
                if reason := _note_outside(note):
                    return reason
    return ""


def _bar_outside(bar: Bar) -> str:
    if bar.metre not in METRE_TOKENS:
        return "metre"
    if abs(bar.key.fifths) > MOST_FIFTHS:
        return "key"
    return "" if _in_ticks(bar.length) and bar.length * TICKS <= LONGEST else "length"


def _note_outside(note: Note) -> str:
    if (note.pitch.midi, note.pitch.fifth) not in VOCABULARY.pitch_id:
        return "pitch"
    return "" if _in_ticks(note.start) and _in_ticks(note.duration) else "rhythm"


def _in_ticks(time: Fraction) -> bool:
    return (time * TICKS).denominator == 1


if __name__ == "__main__":
    main()
