"""OpenScore: songs, string quartets and orchestral movements, transcribed by volunteers, CC0."""

from __future__ import annotations

from abcscribe.corpora.licences import CC0
from abcscribe.corpora.score_set import ScoreSet

SETS = (
    ScoreSet(
        "openscore-lieder", "https://github.com/OpenScore/Lieder", "OpenScore Lieder Corpus", CC0,
        "e699dba2acb52fbdaa2900d88da0c8fbfc8bf3c8c6f0b97a63d81e0314e8dc5c",
    ),
    ScoreSet(
        "openscore-string-quartets", "https://github.com/OpenScore/StringQuartets", "OpenScore String Quartets", CC0,
        "9067428cf589aa85c65ab69ba01cd878b7e12f615386d7aef255f20d0c91cc0c",
    ),
    # The files hold marks of themes under CC BY-SA, too; only notes are read.
    ScoreSet(
        "openscore-hauptstimme", "https://github.com/MarkGotham/Hauptstimme", "OpenScore Hauptstimme, M. Gotham", CC0
    ),
)  # fmt: skip
