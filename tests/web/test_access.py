"""For everybody: axe-core, names for screen readers, keyboard alone, phone, dark, nothing that jumps."""

from typing import Any

import pytest
from waiting import DESKTOP, PHONE, open_score, open_tab, until

SHIFT = """() => new Promise((resolve) => {
  let sum = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) sum += entry.value;
  }).observe({type: 'layout-shift', buffered: true});
  setTimeout(() => resolve(sum), 300);
})"""


def violations(page: Any) -> list[str]:
    """What axe-core finds, in short."""
    try:
        from axe_playwright_python.sync_playwright import Axe
    except ImportError:
        pytest.fail("The accessibility tests need axe-core: pip install axe-playwright-python")
    found = Axe().run(page).response["violations"]
    return [f"{one['id']}: {node['target']} {node['failureSummary']}" for one in found for node in one["nodes"]]


@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_nothing(visit: Any, transcribed: str, dark: bool) -> None:
    """Of the dark page only what has colours of its own is asked again."""
    page = visit(transcribed.split("#")[0], dark=dark)
    page.wait_for_selector(".dropzone")
    assert violations(page) == []
    page = open_score(visit, transcribed, dark=dark)
    assert violations(page) == []
    for tab in ("Notes",) if dark else ("Whole", "Parts", "Text", "Notes"):
        open_tab(page, tab)
        if tab == "Notes":
            page.locator("[data-id^=n]").first.locator(".abcjs-notehead").click()
        assert violations(page) == [], tab
    for key in ("x",) if dark else ("?", "x"):
        page.keyboard.press(key)
        assert violations(page) == [], key
        page.keyboard.press("Escape")


@pytest.mark.parametrize("dark", [False, True])
def test_on_a_phone_nothing_is_cut_off(visit: Any, transcribed: str, dark: bool) -> None:
    page = open_score(visit, transcribed, size=PHONE, dark=dark, has_touch=True)
    wide = "() => Math.max(document.documentElement.scrollWidth, document.querySelector('#main').scrollWidth)"
    assert page.evaluate(wide) <= PHONE[0]
    page.get_by_role("button", name="Correct").tap()
    page.get_by_role("tab", name="Notes").tap()
    assert page.evaluate(wide) <= PHONE[0]
    small = """() => [...document.querySelectorAll('.top button, .transport button')]
      .filter((button) => button.offsetParent)
      .filter((button) => Math.min(button.offsetWidth, button.offsetHeight) < 36).map((button) => button.ariaLabel)"""
    assert page.evaluate(small) == []
    assert violations(page) == []


def test_dark_is_dark(visit: Any, transcribed: str) -> None:
    luminance = """() => getComputedStyle(document.querySelector('.paper')).backgroundColor
      .match(/\\d+/g).slice(0, 3).map(Number)"""
    assert sum(open_score(visit, transcribed, dark=True).evaluate(luminance)) < 150
    page = open_score(visit, transcribed)
    assert sum(page.evaluate(luminance)) > 700
    page.get_by_role("button", name="Colours").click()
    page.get_by_role("button", name="Colours").click()
    assert sum(page.evaluate(luminance)) < 150
    page.get_by_role("button", name="Colours").click()


def test_nothing_jumps(visit: Any, transcribed: str) -> None:
    page = open_score(visit, transcribed)
    assert page.evaluate(SHIFT) < 0.05


def test_notes_are_named(score: Any) -> None:
    assert score.locator("[data-id^=n]").first.get_attribute("aria-label").startswith("bar 1, G4, ")


def test_by_keyboard_alone(visit: Any, transcribed: str) -> None:
    """From the address to a corrected, exported score without a pointer."""
    page = visit(transcribed.split("#")[0])
    page.wait_for_selector(".library .item")
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.closest('.library .open')?.textContent.startsWith('melody')"):
            break
    page.keyboard.press("Enter")
    page.wait_for_selector(".score-page .system svg")
    page.keyboard.press("ArrowRight")
    until(page, "document.activeElement.dataset.id?.startsWith('n')")
    first = page.evaluate("document.activeElement.getAttribute('aria-label')")
    page.keyboard.press("ArrowRight")
    until(page, f"document.activeElement.getAttribute('aria-label') !== {first!r}")
    page.keyboard.press("ArrowUp")
    until(page, "!document.querySelector('[aria-label=Undo]').disabled")
    page.keyboard.press("Enter")
    until(page, "!document.querySelector('audio').paused")
    page.keyboard.press("Space")
    page.keyboard.press("Control+z")
    page.keyboard.press("?")
    assert page.get_by_role("dialog").is_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("x")
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.dataset.format") == "pdf":
            break
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    assert download.value.suggested_filename.endswith(".pdf")


def test_motion_is_reduced_on_request(visit: Any, transcribed: str) -> None:
    page = open_score(visit, transcribed, size=DESKTOP, reduced_motion="reduce")
    moving = """() => [...document.querySelectorAll('*')]
      .filter((element) => getComputedStyle(element).transitionDuration !== '0s').length"""
    assert page.evaluate(moving) == 0
