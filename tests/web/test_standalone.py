"""The exported page: one file that plays and follows, without a server."""

import json
from pathlib import Path
from typing import Any

from waiting import until

from abcscribe.playback.bundle import classic_script
from abcscribe.playback.samples import WEB


def test_the_file_draws_plays_and_follows(visit: Any, score: Any, tmp_path: Path) -> None:
    score.keyboard.press("x")
    with score.expect_download() as download:
        score.locator("[data-format=html]").click()
    file = tmp_path / "score.html"
    download.value.save_as(file)
    page = visit(file.as_uri())
    page.wait_for_selector(".system svg")
    assert page.locator("h1").text_content() == "melody"
    page.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_selector(".sounding")
    first = page.locator(".cursor").bounding_box()
    until(page, f"document.querySelector('.cursor').getBoundingClientRect().x > {first['x']} + 5")
    page.get_by_role("button", name="Pause").click()


def test_a_bundle_has_each_module_once_and_no_import(tmp_path: Path) -> None:
    script = classic_script(WEB / "standalone.js")
    assert "import {" not in script
    assert "\nexport " not in script
    assert script.count("class ScoreDrawing") == 1


def test_modules_follow_what_they_import(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text('import { one } from "./b.js";\nexport const two = one + 1;\n')
    (tmp_path / "b.js").write_text("export const one = 1;\n")
    script = classic_script(tmp_path / "a.js")
    assert script.index("const one") < script.index("const two")


def test_the_index_of_sounds_names_files_that_are_there() -> None:
    index = json.loads((WEB / "samples" / "index.json").read_text())
    urls = [note["url"] for one in index["sets"].values() for note in one["notes"]]
    assert all((WEB / url.removeprefix("/static/")).is_file() for url in urls)
    assert set(index["programs"]) <= set(index["sets"])
    assert len(index["programs"]) == 129
