"""Which collections and notices are left out of training."""

import pytest

from abcscribe.corpora import licences


@pytest.mark.parametrize(
    "notice",
    [
        "All Rights Reserved",
        "Rights to all derivative electronic formats reserved.",
        "UT ORPHEUS EDIZIONI 2003",
        "© 2003 Some Editor",
        "Copyright 1994, Center for Computer Assisted Research in the Humanities",
        "Engraving Copyright 2017, most uses allowed for free (CC-SA-BY).",
        "released under the CC BY-SA 4.0 license",
        "free for non-commercial use; the music is in the public domain",
        "CC0? No: CC BY-NC 4.0",
        "under the terms of the GNU General Public License",
        "Copyright 2022 somebody, CC-BY-ND-4.0",
    ],
)
def test_notices_that_restrict(notice):
    assert licences.restricts(notice)


@pytest.mark.parametrize(
    "notice",
    [
        "",
        "Copyright ©",  # the empty template of a notation program
        "PDF © 2004 Margaret Greentree\nwww.jsbchorales.net",
        "Copyright 1884 by LILIUOKALANI (Now, Public Domain; Encoding by MSAC, CC0)",
        "© 2014, Creative Commons License (CC-BY)",
        "Copyright 2022 Narodowy Instytut Fryderyka Chopina\nLicense CC-BY-4.0",
        "Transcribed from the print of 1778",
    ],
)
def test_notices_that_do_not(notice):
    assert not licences.restricts(notice)


def test_a_notice_makes_one_file_of_a_free_collection_restricted():
    licence = licences.with_notice(licences.MUSIC21["monteverdi"], "© UT ORPHEUS 2003")
    assert licence.terms == licences.RESTRICTED
    assert "UT ORPHEUS" in licence.reason


def test_what_a_user_brings_is_the_users_decision():
    assert licences.with_notice(licences.USER, "All rights reserved") is licences.USER


def test_known_restrictions_of_the_music21_corpus():
    restricted = {name for name, licence in licences.MUSIC21.items() if licence.terms == licences.RESTRICTED}
    assert {"essenFolksong", "palestrina", "josquin", "trecento"} <= restricted
    assert not {"airdsAirs", "oneills1850", "ryansMammoth", "bach"} & restricted
