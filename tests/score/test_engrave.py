"""Engraved pages: what stands on them, without looking at them."""

import re
import struct
import subprocess
import sys
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
import typst
from example_scores import piano, quartet, recorded

from abcscribe.errors import ScoreError
from abcscribe.score import Bar, Harmony, Note, Part, Pitch, Score
from abcscribe.score.engrave import svg_pages, to_pdf, to_png, to_svg

SVG = "{http://www.w3.org/2000/svg}"


def long_score() -> Score:
    """Some pages of a quartet."""
    score = quartet()
    parts = tuple(replace(part, bars=part.bars[1:] * 60) for part in score.parts)
    return replace(score, bars=score.bars[1:] * 60, parts=parts)


def texts(svg: str) -> list[str]:
    return [" ".join("".join(text.itertext()).split()) for text in ET.fromstring(svg).iter(f"{SVG}text")]


def test_title_composer_names_and_tempo_stand_on_the_first_page() -> None:
    page = svg_pages(piano())[0]
    found = texts(page)
    assert piano().title in found
    assert piano().composer in found
    assert "Piano" in found
    assert "= 54" in found


def test_music_characters_are_outlines_and_no_text_needs_a_music_font() -> None:
    page = svg_pages(piano())[0]
    assert "Leipzig" not in page
    assert "@font-face" not in page
    assert not [text for text in texts(page) if any(0xE000 <= ord(c) <= 0xF8FF for c in text)]


def test_text_elements_are_flat_and_anchored_themselves() -> None:
    title = next(t for t in ET.fromstring(svg_pages(quartet())[0]).iter(f"{SVG}text") if "Quartet" in t.itertext())
    assert title.get("text-anchor") == "middle"
    assert float(title.get("x", 0)) > 0
    assert not [child for span in title for child in span]


def test_long_scores_have_pages_and_one_tall_image() -> None:
    score = long_score()
    pages = svg_pages(score)
    assert len(pages) > 1
    notes = sum(page.count('class="note"') for page in pages)
    assert to_svg(score).count('class="note"') == notes == 60 * 5
    assert len(re.findall(rb"/Type/Page\b", to_pdf(score))) == len(pages)


def test_a_page_is_a4() -> None:
    _, _, width, height = map(float, ET.fromstring(svg_pages(long_score())[0]).attrib["viewBox"].split())
    assert height / width == pytest.approx(297 / 210, rel=0.01)


def test_png_is_as_wide_as_a4_at_144_pixels_an_inch() -> None:
    width, height = struct.unpack(">II", to_png(quartet())[16:24])
    assert width == pytest.approx(210 / 25.4 * 144, abs=2)
    assert 200 < height < width


def test_pages_need_no_font_of_the_machine() -> None:
    """All letters of a page come from the font that Typst carries."""
    source = b'#image(bytes(sys.inputs.page), format: "svg")'
    page = svg_pages(piano())[0]
    blank = page.replace(piano().composer, "")
    compiler = typst.Compiler(ignore_system_fonts=True)
    with_letters, without = (compiler.compile(source, format="png", sys_inputs={"page": p}) for p in (page, blank))
    assert with_letters != without
    assert "Libertinus Serif" in typst.Fonts(include_system_fonts=False).families()


def test_nothing_to_engrave_is_one_sentence() -> None:
    with pytest.raises(ScoreError, match="no bars"):
        svg_pages(Score())


def test_the_engraver_keeps_quiet() -> None:
    code = "from example_scores import *; from abcscribe.score.engrave import *; to_pdf(piano()); to_svg(recorded())"
    here = Path(__file__).parent
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=here, check=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_the_same_score_gives_the_same_file() -> None:
    assert to_pdf(recorded()) == to_pdf(recorded())
    assert to_svg(recorded()) == to_svg(recorded())


def test_every_thread_can_engrave() -> None:
    """Verovio keeps where its fonts are for each thread on its own."""
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(lambda _: to_svg(piano()), range(8))) == {to_svg(piano())}


def test_a_flat_stands_at_the_letter_of_its_chord() -> None:
    bar = Bar(Fraction(4), harmonies=(Harmony(Fraction(0), "Bb", "5"),))
    score = Score((bar,), (Part(((Note(Fraction(0), Fraction(4), Pitch("B", -1, 4)),),), "Voice", 52),))
    chord = to_svg(score).partition('class="harm"')[2]
    (letter, size), *_ = re.findall(r'x="(\d+)"[^>]*font-size="(\d+)px"[^>]*><tspan>B<', chord)
    flat, *_ = re.findall(r"translate\(([\d.]+),", chord)
    assert 0.5 * int(size) < float(flat) - int(letter) < 0.7 * int(size)
