"""Scores of the Fryderyk Chopin Institute in **kern: Polish music of five centuries, and Chopin's first editions.

Both hold works of the benchmark; `held_out` finds them by title and melody.
"""

from __future__ import annotations

from abcscribe.corpora.licences import FREE, Licence
from abcscribe.corpora.score_set import ScoreSet

_CC_BY = Licence("CC BY 4.0", FREE, "LICENSE.txt of the collection; the files say so themselves")
SETS = (
    ScoreSet(
        "polish-music-heritage", "https://github.com/pl-wnifc/humdrum-polish-scores",
        "Polish Music Heritage in Open Access, Copyright 2019-2022 The Fryderyk Chopin Institute", _CC_BY,
    ),
    ScoreSet(
        "chopin-first-editions", "https://github.com/pl-wnifc/humdrum-chopin-first-editions",
        "First Editions of Fryderyk Chopin's Music, Copyright 2017-2021 The Fryderyk Chopin Institute", _CC_BY,
    ),
)  # fmt: skip
