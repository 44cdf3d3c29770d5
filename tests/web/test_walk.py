"""The whole way of a musician: drop, watch, play, correct, take away; and it is all there after a restart."""

import base64
import io
import signal
import zipfile
from pathlib import Path

import media
import numpy as np
from page_server import PageServer
from waiting import PATIENCE, open_tab, until

DROP = """([data, name]) => {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name, {type: 'audio/wav'}));
  for (const kind of ['dragenter', 'dragover', 'drop']) {
    document.body.dispatchEvent(new DragEvent(kind, {dataTransfer: transfer, bubbles: true, cancelable: true}));
  }
}"""


def test_drop_play_correct_export_and_still_there_after_a_kill(visit, melody: Path, tmp_path: Path) -> None:
    server = PageServer(tmp_path / "library").start()
    try:
        page = visit(server.url)
        page.wait_for_selector(".dropzone")
        page.evaluate(DROP, [base64.b64encode(melody.read_bytes()).decode(), "evening song.wav"])
        page.wait_for_selector(".score-page .system svg", timeout=PATIENCE)
        assert page.locator(".score-head .title").text_content() == "evening song"

        page.keyboard.press("Space")
        until(page, "document.querySelector('audio').currentTime > 0.3")
        page.wait_for_selector(".sounding")
        page.keyboard.press("Space")

        first = page.locator("[data-id^=n]").first
        before = first.get_attribute("aria-label")
        page.get_by_role("button", name="Correct").click()
        first.locator(".abcjs-notehead").click()
        page.keyboard.press("ArrowUp")
        until(page, "before => document.querySelector('[data-id^=n]').getAttribute('aria-label') !== before", before)
        after = first.get_attribute("aria-label")

        page.get_by_role("button", name="Export").click()
        with page.expect_download() as download:
            page.locator("[data-format=musicxml]").click()
        assert download.value.suggested_filename == "evening song.musicxml"
        assert b"<score-partwise" in Path(download.value.path()).read_bytes()
        with page.expect_download() as download:
            page.locator("[data-format=all]").click()
        names = zipfile.ZipFile(io.BytesIO(Path(download.value.path()).read_bytes())).namelist()
        assert {"evening song.pdf", "evening song.abc", "evening song.html"} <= {name.split("/")[-1] for name in names}
        page.keyboard.press("Escape")

        page.refusals.add("Failed to load resource: net::ERR_CONNECTION_REFUSED")  # while nobody serves
        server.stop(signal.SIGKILL)
        server.start()
        page.reload()
        page.wait_for_selector(".score-page .system svg")
        assert page.locator("[data-id^=n]").first.get_attribute("aria-label") == after
        page.get_by_role("button", name="Undo").click()
        until(page, "before => document.querySelector('[data-id^=n]').getAttribute('aria-label') === before", before)
        assert page.locator(".library .name").all_text_contents() == ["evening song"]
    finally:
        server.stop()


def test_a_part_with_hints_is_chosen_before_it_starts(visit, server: PageServer, melody: Path) -> None:
    page = visit(server.url)
    page.get_by_label("Choose a part and say what I know").check()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a file").click()
    chooser.value.set_files(melody)
    box = page.get_by_role("dialog")
    box.get_by_label("To (seconds)").fill("4")
    box.get_by_label("Instrument").first.select_option("73")
    box.get_by_label("Metre").select_option("3/4")
    box.get_by_label("Swing").select_option("Swung")
    box.get_by_label("Number of parts").fill("1")
    box.get_by_role("button", name="Transcribe").click()
    page.wait_for_selector(".score-page .system svg")
    assert "3/4" in page.locator(".score-head .about").text_content()
    assert "flute" in page.locator("[data-id^=n]").first.get_attribute("aria-label")
    assert "Swing" in page.locator(".abcjs-tempo").first.text_content()
    open_tab(page, "Whole")
    page.get_by_text("All that I know about it").click()
    page.get_by_label("Swing").select_option("Straight")  # and afterwards
    until(page, "!document.querySelector('.abcjs-tempo')?.textContent.includes('Swing')")
    assert page.get_by_label("Number of parts").input_value() == "1"
    page.get_by_role("link", name="abcscribe").click()
    page.get_by_label("Choose a part and say what I know").uncheck()
    page.wait_for_timeout(800)  # until the setting is saved
    page.get_by_role("button", name="Delete melody").first.click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.wait_for_selector(".dropzone")


def test_the_microphone_gives_a_recording(visit, server: PageServer) -> None:
    page = visit(server.url)
    page.get_by_role("button", name="Record", exact=True).click()
    box = page.get_by_role("dialog")
    until(page, "Number(document.querySelector('[role=meter]')?.getAttribute('aria-valuenow') ?? -60) > -40")
    box.get_by_role("button", name="Start recording").click()
    until(page, "document.querySelector('.record-time').textContent > '0:05'")
    box.get_by_role("button", name="Stop").click()
    box.get_by_role("button", name="Transcribe it").click()
    page.wait_for_selector(".score-page .system svg", timeout=PATIENCE)
    assert page.locator(".score-head .title").text_content().startswith("Recording 20")
    assert page.locator("[data-id^=n]").count() > 3


def test_what_is_no_sound_is_said(visit, server: PageServer, tmp_path: Path) -> None:
    page = visit(server.url)
    page.refusals.add(415)
    (tmp_path / "letter.wav").write_bytes(b"Dear Sir or Madam")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a file").click()
    chooser.value.set_files(tmp_path / "letter.wav")
    page.wait_for_selector(".toast")
    assert "letter.wav" in page.locator(".toast").first.text_content()


def test_a_hostile_name_is_text(visit, server: PageServer, melody: Path, score) -> None:
    hostile = "<img src=x onerror=document.title='pwned'>&amp;\"'%"
    url = score.url
    score.get_by_title("Change title and composer").click()
    score.get_by_label("Title", exact=True).fill(hostile)
    score.keyboard.press("Enter")
    until(score, "hostile => document.querySelector('.score-head .title')?.textContent === hostile", hostile)
    open_tab(score, "Parts")
    score.get_by_label("Name of part 1").fill(hostile)
    score.keyboard.press("Enter")
    until(score, "hostile => document.querySelector('.abcjs-voice-name')?.textContent.startsWith('<img')", hostile)
    score.reload()
    score.wait_for_selector(".score-page .system svg")
    assert score.title() == f"{hostile} · abcscribe"
    assert hostile in score.locator(".library .name").all_text_contents()
    assert score.locator("img").count() == 0
    assert score.url == url
    score.get_by_title("Change title and composer").click()
    score.get_by_label("Title", exact=True).fill("melody")
    score.keyboard.press("Enter")
    until(score, "document.querySelector('.score-head .title')?.textContent === 'melody'")


def test_a_run_is_cancelled_and_begun_again(visit, server: PageServer, melody: Path, tmp_path: Path) -> None:
    copy = tmp_path / "unfinished.wav"
    copy.write_bytes(melody.read_bytes())
    page = visit(server.url)
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a file").click()
    chooser.value.set_files(copy)
    page.get_by_role("button", name="Cancel", exact=True).click()
    page.get_by_text("This recording has not been transcribed yet.").wait_for()
    page.get_by_role("button", name="Transcribe", exact=True).click()
    page.locator(".job .progress").wait_for()
    page.get_by_role("button", name="Delete unfinished").or_(
        page.get_by_role("button", name="Cancel", exact=True)
    ).first.click()


def test_silence_is_said_where_it_happens(visit, server: PageServer, tmp_path: Path) -> None:
    silence = media.write(tmp_path / "silence.wav", np.zeros(32_000, np.float32))
    page = visit(server.url)
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a file").click()
    chooser.value.set_files(silence)
    page.get_by_role("alert").wait_for()
    assert "silent" in page.get_by_role("alert").text_content()
