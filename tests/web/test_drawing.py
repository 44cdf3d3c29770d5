"""Cutting ABC into systems: every offset leads back, and what abcjs draws is what the text says."""

from typing import Any

import pytest

METRES = """%abc-2.1
X:1
T:Changing
M:6/8
L:1/8
Q:3/8=60
K:Em
V:1 name="Voice" clef=treble
%%MIDI program 52
B | e2 f gfe | ^d2 e f3- | f3 z3 |
M:9/8
K:G
f3 e2 d B3 |]
V:2 name="Piano" clef=bass
%%MIDI program 0
K:Em
z | E,6 | F,6- | F,3 z3 |
M:9/8
K:G
G,6- G,3 |]
"""
CUT = """async ([abc, bars, width]) => {
  const {systems, sourceOffset} = await import('/static/abc_systems.js');
  const sources = ({text, map}) => [...text].map((_, i) => sourceOffset(map, i));
  return systems(abc, bars, width).map((system) => ({...system, sources: sources(system)}));
}"""
# The metre that each staff of each system shows first, as abcjs has understood it.
SHOWN = """(texts) => texts.map((text) => ABCJS.parseOnly(text)[0].lines.flatMap((line) =>
  line.staff.map((staff) => staff.meter?.value?.map(({num, den}) => num + '/' + den).join())))"""


@pytest.fixture
def page(visit: Any, server: Any) -> Any:
    """The first screen: its modules can be imported."""
    opened = visit(server.url)
    opened.wait_for_selector(".dropzone")
    return opened


@pytest.mark.parametrize("width", [900, 420, 220])
def test_every_offset_of_a_system_leads_to_its_letter(page: Any, width: int) -> None:
    systems = page.evaluate(CUT, [METRES, 5, width])
    assert [system["firstBar"] for system in systems] == sorted({system["firstBar"] for system in systems})
    assert sum(system["bars"] for system in systems) == 5
    for system in systems:
        for start, source, length in system["map"]:
            assert system["text"][start : start + length] == METRES[source : source + length]
            assert system["sources"][start : start + length] == list(range(source, source + length))


def test_each_voice_begins_in_the_metre_of_its_bar(page: Any) -> None:
    """Drawn as one text, abcjs gives the second voice the 9/8 of the first voice's end."""
    texts = [system["text"] for system in page.evaluate(CUT, [METRES, 5, 900])]
    assert page.evaluate(SHOWN, texts) == [["6/8", "6/8"], ["9/8", "9/8"]]


def test_a_text_of_another_form_is_drawn_whole(page: Any) -> None:
    odd = METRES.replace("| ^d2 e f3- ", "")
    (system,) = page.evaluate(CUT, [odd, 5, 900])
    assert "[M:9/8][K:G]f3" in system["text"]
    (start, source, length) = system["map"][-1]
    assert system["text"][start : start + length] == odd[source : source + length]


def test_a_part_of_several_values_in_a_narrow_window_has_several_systems(page: Any) -> None:
    assert len(page.evaluate(CUT, [METRES, 5, 220])) > len(page.evaluate(CUT, [METRES, 5, 900]))


SONG = """%abc-2.1
X:1
T:Song
M:2/4
L:1/4
K:C
V:1 name="Voice" clef=treble
"Am7"c {d}[ce] | !f!e/f/ z | g- g | "C" c2 |]
w: Hel-lo my_ * good _ bye
"""


def test_words_stay_below_their_notes(page: Any) -> None:
    systems = page.evaluate(CUT, [SONG, 4, 160])
    lines = [system["text"].strip().split("\n")[-1] for system in systems]
    assert len(lines) == 4
    assert lines == ["w: Hel-lo", "w: my_", "w: * good", "w: _ bye"]


HIDDEN_REST = """X:1
M:3/4
L:1/8
K:C
%%score (1 2)
V:1
c6 |]
V:2
(3xDE x4 |]
"""
DRAW = """async (text) => {
  const {drawSystem} = await import('/static/engraving.js');
  const element = document.createElement('div');
  document.querySelector('#main').append(element);
  const system = {text, element, width: 600, firstBar: 0, bars: 1, showsMetre: true};
  drawSystem(system, 1);
  return [system.items.length, element.textContent, element.querySelectorAll('style').length];
}"""


def test_a_tuplet_that_begins_with_an_invisible_rest_is_drawn(page: Any) -> None:
    items, text, styles = page.evaluate(DRAW, HIDDEN_REST)
    assert items == 4  # the last rest is not drawn at all
    assert "cannot be drawn" not in text
    assert styles == 0  # the security policy refuses them


def test_what_abcjs_cannot_draw_is_said(page: Any) -> None:
    page.evaluate("() => { ABCJS.renderAbc = () => { throw new TypeError('as abcjs does'); }; }")
    items, text, _ = page.evaluate(DRAW, HIDDEN_REST)
    assert items == 0
    assert "Bars 1 to 1 cannot be drawn here" in text
