"""The library on the page: search, titles, archive, delete, and what is printed."""

from pathlib import Path
from typing import Any

from waiting import until


def test_a_title_is_changed_and_found(score: Any) -> None:
    score.get_by_title("Change title and composer").click()
    score.get_by_label("Title", exact=True).fill("Lied ohne Worte")
    score.get_by_label("Composer", exact=True).fill("F. Hensel")
    score.keyboard.press("Enter")
    until(score, "document.querySelector('.score-head .title')?.textContent === 'Lied ohne Worte'")
    score.keyboard.press("/")
    score.keyboard.type("hensel")
    until(score, "document.querySelectorAll('.library .item').length === 1")
    score.get_by_label("Search recordings").fill("no such words")
    until(score, "document.querySelector('.library .empty')?.textContent === 'Nothing was found.'")
    score.get_by_label("Search recordings").fill("")
    score.get_by_title("Change title and composer").click()
    score.get_by_label("Title", exact=True).fill("melody")
    score.get_by_label("Composer", exact=True).fill("")
    score.keyboard.press("Enter")
    until(score, "document.querySelector('.score-head .title')?.textContent === 'melody'")


def test_everything_is_saved_deleted_and_loaded_again(visit: Any, score: Any, tmp_path: Path) -> None:
    with score.expect_download() as download:
        score.get_by_role("link", name="Save all").click()
    archive = tmp_path / "all.zip"
    download.value.save_as(archive)
    url = score.url
    score.get_by_role("button", name="Delete melody").click()
    score.get_by_role("dialog").get_by_role("button", name="Delete").click()
    score.wait_for_selector(".dropzone")
    with score.expect_file_chooser() as chooser:
        score.get_by_role("button", name="Load archive").click()
    chooser.value.set_files(archive)
    score.locator(".library .open", has_text="melody").click()
    score.wait_for_selector(".score-page .system svg")
    assert score.url == url


def test_only_the_score_is_printed(score: Any) -> None:
    score.emulate_media(media="print")
    shown = score.evaluate(
        "[...document.body.children].filter((child) => child.offsetHeight > 1).map((child) => child.className)"
    )
    assert shown == ["shell"]
    assert not score.locator(".library").is_visible()
    assert score.locator(".system svg").first.is_visible()
