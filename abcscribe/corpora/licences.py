"""Licences of training data: the licence of each collection, and the notices inside single files.

The rule is conservative. A collection or a file whose notice restricts use is "restricted" and left out unless a caller
includes it: non-commercial, rights reserved, a copyright claim of a modern edition, share-alike or copyleft terms that
would apply to derived work. Music whose composers died long ago and whose encoders published their files without a
condition is "permitted"; what carries an explicit grant (CC0, CC BY, public domain) is "free".

Sources of the collection table: `corpus/license.txt` and `corpus/essenFolksong/license.txt` of the music21 10 wheel,
the headers of the files themselves, and the LICENSE files of the OpenScore repositories.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

FREE, PERMITTED, RESTRICTED = "free", "permitted", "restricted"


@dataclass(frozen=True, slots=True)
class Licence:
    """The terms of use of a piece, and the evidence for them."""

    name: str
    terms: str  # FREE, PERMITTED or RESTRICTED
    reason: str


def _permitted(reason: str) -> Licence:
    return Licence("public-domain music, encoding given without condition", PERMITTED, reason)


def _restricted(name: str, reason: str) -> Licence:
    return Licence(name, RESTRICTED, reason)


CC0 = Licence("CC0 1.0", FREE, "OpenScore transcriptions are dedicated to the public domain")
USER = Licence("chosen by the user", PERMITTED, "a folder that the user named")
_OLD_PRINT = "composers died before 1900; encoder's file carries no restriction; in the music21 wheel by permission"

# One entry per folder of the music21 corpus. A folder that is not listed is restricted until its notices are read.
MUSIC21 = {
    "airdsAirs": _permitted("James Aird's Airs, Glasgow 1778-1801; ABC by Jack Campin, credited, no condition"),
    "bach": _permitted("Bach's chorales; the notice in them claims the PDF engravings only; used by permission"),
    "beethoven": _permitted(_OLD_PRINT),
    "cpebach": _permitted(_OLD_PRINT),
    "corelli": Licence("CC BY", FREE, "stated in the file"),
    "handel": _permitted(_OLD_PRINT),
    "haydn": _permitted(_OLD_PRINT),
    "johnson_j_r": Licence("CC0 1.0", FREE, "stated in the file"),
    "leadSheet": _permitted("only Foster's song of 1854, marked public domain; the other file reserves all rights"),
    "liliuokalani": Licence("CC0 1.0", FREE, "stated in the file"),
    "lusitano": Licence("CC0 1.0", FREE, "stated in the file"),
    "miscFolk": _permitted("fife tunes of 1776-1865, Northumbrian Minstrelsy 1882; ABC by Jack Campin, no condition"),
    "monteverdi": _permitted("madrigals of 1592-1605; files that name a modern edition are left out"),
    "mozart": _permitted(_OLD_PRINT),
    "oneills1850": _permitted("O'Neill's Music of Ireland, 1903; volunteers' ABC, credited, no condition"),
    "ryansMammoth": _permitted("Ryan's Mammoth Collection, 1883; volunteers' ABC, credited, no condition"),
    "schubert": _permitted(_OLD_PRINT),
    "schumann_clara": _permitted("composer died 1896; files under CC BY-SA are left out"),
    "schumann_robert": _permitted(_OLD_PRINT),
    "verdi": _restricted("not stated", "a modern easy arrangement uploaded by a user of a sharing site"),
    "weber": Licence("public domain", FREE, "stated in the file"),
    "beach": _restricted("CC BY-SA", "share-alike, stated in the file"),
    "chopin": _restricted("not stated", "kern encoding without terms; one piece"),
    "ciconia": _restricted("CC BY-SA 3.0", "share-alike, stated in the file"),
    "demos": _restricted("not stated", "test files of music21, not pieces"),
    "essenFolksong": _restricted("non-commercial", "its license.txt: status unclear, given for non-commercial use"),
    "joplin": _restricted("not stated", "upload of a user of a score-sharing site, terms unknown"),
    "josquin": _restricted("GPL-2.0-or-later", "copyleft, stated in the files"),
    "luca": _restricted("CC BY-SA 3.0", "share-alike, stated in the file"),
    "nottingham-dataset": _restricted("not stated", "holds tunes of living composers; two tunes"),
    "palestrina": _restricted("rights reserved", "files reserve rights to all derivative electronic formats (2000)"),
    "schoenberg": _restricted("not stated", "composer died 1951; not free in every country until 2022; two pieces"),
    "theoryExercises": _restricted("not stated", "exercises of living authors"),
    "trecento": _restricted("not stated", "taken from a modern critical edition (PMFC, 1956-1991)"),
    "webern": _restricted("CC BY-SA", "share-alike, stated in the file"),
}
UNREAD = _restricted("not stated", "the notices of this collection have not been read yet")

_ALWAYS = re.compile(
    r"all rights reserved|rights to all derivative|non-?commercial|share-?alike|by-sa|sa-by|by-nc|general public licen"
    r"|ut ?orpheus|musescore\.com|wikifonia",
    re.IGNORECASE,
)
_CLAIM = re.compile(r"(©|copyright|\(c\))\W*(19|20)\d\d", re.IGNORECASE)
_RELEASED = re.compile(r"public domain|cc0|\bcc[- ]by\b(?!-(?:nc|sa|nd))|PDF ©", re.IGNORECASE)


def restricts(notice: str) -> bool:
    """Whether a notice restricts use.

    A dated copyright claim does, unless the same notice releases the work, or claims the PDF only ("PDF © 2004 ..." in
    the chorales).
    """
    released = _RELEASED.search(notice)
    if released and not re.search("non-?commercial|by-nc|by-sa|by-nd|sa-by", notice, re.IGNORECASE):
        return False
    return bool(_ALWAYS.search(notice) or _CLAIM.search(notice))


def with_notice(licence: Licence, notice: str) -> Licence:
    """The licence of one file of a collection, once the notice inside the file is known."""
    if licence.terms == RESTRICTED or licence in (CC0, USER) or not restricts(notice):
        return licence
    return replace(licence, name="notice in the file", terms=RESTRICTED, reason=" ".join(notice.split())[:120])
