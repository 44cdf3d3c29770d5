"""Corrections: by keys, by mouse, in the text, of the whole; undo, reload, and how quick it is."""

from typing import Any

from waiting import open_score, open_tab, until

LABEL = "document.querySelectorAll('[data-id^=n]')[{}]?.getAttribute('aria-label')"


def label(page: Any, index: int) -> str:
    """What a screen reader says of a note."""
    return str(page.locator("[data-id^=n]").nth(index).get_attribute("aria-label"))


def choose(page: Any, index: int) -> None:
    """Open the corrections and click a note."""
    open_tab(page, "Notes")
    page.locator("[data-id^=n]").nth(index).locator(".abcjs-notehead").first.click()


def press(page: Any, key: str, index: int, expected: str) -> None:
    """Press a key and wait until a note is called as expected."""
    page.keyboard.press(key)
    until(page, f"({LABEL.format(index)} ?? '').includes({expected!r})")


def test_keys_change_the_note_and_the_focus_stays(score: Any) -> None:
    choose(score, 2)
    assert ", B4, " in label(score, 2)
    press(score, "ArrowUp", 2, ", C5, ")
    press(score, "Shift+ArrowUp", 2, ", C sharp 5, ")
    press(score, "r", 2, ", D flat 5, ")
    press(score, "0", 2, ", D5, ")
    press(score, "Control+ArrowDown", 2, ", D4, ")
    press(score, "g", 2, ", G4, ")
    press(score, "+", 2, ", G sharp 4, ")
    press(score, "4", 2, ", eighth, ")
    press(score, ".", 2, ", dotted eighth, ")
    press(score, "Shift+C", 2, "; ")
    assert score.evaluate("document.activeElement.dataset.id") == score.locator("[data-id^=n]").nth(2).get_attribute(
        "data-id"
    )
    for _ in range(10):
        score.keyboard.press("Control+z")
    until(score, f"{LABEL.format(2)}.includes(', B4, ')")


def test_delete_leaves_a_rest_on_which_a_letter_adds(score: Any) -> None:
    count = score.locator("[data-id^=n]").count()
    choose(score, 3)
    score.keyboard.press("Delete")
    until(score, f"document.querySelectorAll('[data-id^=n]').length === {count - 1}")
    until(score, "document.activeElement.getAttribute('aria-label')?.includes('rest')")
    score.keyboard.press("f")
    until(score, f"document.querySelectorAll('[data-id^=n]').length === {count}")
    assert ", F" in label(score, 3)


def test_a_note_is_dragged_to_another_pitch(score: Any) -> None:
    choose(score, 4)
    before = label(score, 4)
    box = score.locator("[data-id^=n]").nth(4).locator(".abcjs-notehead").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    score.mouse.move(x, y)
    score.mouse.down()
    score.mouse.move(x, y - 9, steps=4)
    score.mouse.up()
    until(score, f"{LABEL.format(4)} !== {before!r}")


def test_the_whole_is_corrected_and_survives_a_reload(score: Any) -> None:
    open_tab(score, "Whole")
    score.locator("#whole-metre").select_option("3/4")
    until(score, "document.querySelector('.score-head .about').textContent.startsWith('3/4')")
    score.reload()
    score.wait_for_selector(".score-page .system svg")
    assert score.locator(".score-head .about").text_content().startswith("3/4")
    until(score, "document.querySelector('#whole-double')")
    tempo = float(score.locator("#whole-tempo").input_value())
    score.locator("#whole-double").click()
    until(score, f"Math.abs(Number(document.querySelector('#whole-tempo').value) - {2 * tempo}) < 3")


def test_parts_are_renamed_transposed_and_put_on_two_staves(score: Any) -> None:
    open_tab(score, "Parts")
    score.get_by_label("Name of part 1").fill("Rosa's viola")
    score.keyboard.press("Enter")
    until(score, f'{LABEL.format(0)}.endsWith("rosa\'s viola")')
    score.get_by_text("Staves, clefs, merge, split").click()
    score.get_by_label("Written on").select_option("2")
    until(score, "document.querySelector('.system').querySelectorAll('.abcjs-staff').length === 2")


def test_text_beside_the_score_underlines_what_cannot_be_read(score: Any) -> None:
    open_tab(score, "Text")
    text = score.get_by_label("ABC text")
    abc = text.input_value()
    text.fill(abc.replace(" |", " § |", 1))
    score.wait_for_selector(".text-panel mark")
    assert score.locator(".problems li").count() >= 1
    score.reload()
    score.wait_for_selector(".score-page .system svg")
    until(score, "document.querySelector('textarea').value.includes('§')")
    text.fill(abc.replace("%%MIDI program 0", "%%MIDI program 0\n^c'2 |", 1))
    text.press("Control+Enter")
    until(score, f"{LABEL.format(0)}.includes('C sharp 6')")


def test_an_edit_of_six_hundred_notes_is_drawn_at_once(score: Any) -> None:
    bars = " | ".join(["CDEF GABc", "cBAG FEDC"] * 38)
    abc = f'%abc-2.1\nX:1\nT:Long\nM:4/4\nL:1/8\nQ:1/4=120\nK:C\nV:1 name="Piano" clef=treble\n{bars} |]\n'
    open_tab(score, "Text")
    score.get_by_label("ABC text").fill(abc)
    score.get_by_label("ABC text").press("Control+Enter")
    until(score, "document.querySelectorAll('[data-id^=n]').length === 608")
    score.wait_for_timeout(200)
    choose(score, 300)
    before = label(score, 300)
    score.evaluate(
        """() => {
          window.drawings = [];
          const draw = ABCJS.renderAbc;
          ABCJS.renderAbc = (...given) => {
            const start = performance.now();
            const answer = draw(...given);
            window.drawings.push(performance.now() - start);
            return answer;
          };
        }"""
    )
    score.keyboard.press("ArrowUp")
    until(score, f"{LABEL.format(300)} !== {before!r}")
    drawings = score.evaluate("window.drawings")
    assert len(drawings) == 1  # one system of nineteen
    assert sum(drawings) < 100


def test_a_doubtful_bar_is_tinted_and_found_by_a_key(visit: Any, transcribed: str) -> None:
    def doubt(route: Any) -> None:
        score = route.fetch().json()
        score["bars"][2].update(doubtful=True, confidence=0.3)
        score["notes"][6].update(doubtful=True, confidence=0.2)
        score.update(usable=False, notice="Much of this score is doubtful: the recording is noisy.")
        route.fulfill(json=score)

    page = visit(transcribed.split("#")[0])
    page.route("**/score*", doubt)
    page.locator(".library .item .open").first.wait_for()
    page.goto(transcribed)
    page.wait_for_selector(".bar-area.doubtful")
    assert page.locator(".notice.doubt").text_content() == "Much of this score is doubtful: the recording is noisy."
    assert page.locator(".doubtful-head").count() >= 1
    page.keyboard.press("n")
    until(page, "document.querySelector('.bar-area.here')?.dataset.bar === '2'")
    assert "bar " in page.evaluate("document.activeElement.getAttribute('aria-label')")


def test_a_double_click_on_a_rest_adds_a_note_where_the_pointer_is(score: Any) -> None:
    count = score.locator("[data-id^=n]").count()
    choose(score, 3)
    score.keyboard.press("Delete")
    until(score, f"document.querySelectorAll('[data-id^=n]').length === {count - 1}")
    rest = score.locator(".abcjs-rest").first.bounding_box()
    staff = score.locator(".abcjs-staff").first.bounding_box()
    score.mouse.dblclick(rest["x"] + rest["width"] / 2, staff["y"] + staff["height"] / 2)
    until(score, f"document.querySelectorAll('[data-id^=n]').length === {count}")
    assert ", B4, " in label(score, 3)  # the middle line of a treble staff


def test_what_another_window_changed_is_shown_and_not_overwritten(visit: Any, score: Any) -> None:
    other = open_score(visit, score.url)
    other.refusals.add(409)
    choose(score, 1)
    press(score, "ArrowUp", 1, ", B4, ")
    choose(other, 0)
    other.keyboard.press("ArrowUp")
    other.wait_for_selector(".toast")
    until(other, f"{LABEL.format(1)}.includes(', B4, ') && {LABEL.format(0)}.includes(', G4, ')")
    press(other, "ArrowRight", 0, ", G4, ")
