"""The page's addresses, asked in the order in which a musician would: docs/api.md."""

import io
import json
import re
import time
import zipfile
from pathlib import Path
from typing import Any

import media
import numpy as np
import pytest
from asking import ENGINE, SCALE, Asking

from abcscribe.formats import known
from abcscribe.server.app import Page
from abcscribe.server.jobs import Job

NAMES = ["C4", "D4", "E4", "F4", "G4", "A4", "B4", "C5"]


def one(recording: dict[str, Any], rest: str = "") -> str:
    return f"/api/recordings/{recording['id']}{rest}"


def test_a_recording_becomes_a_score_that_follows_it(ask: Asking, scale: bytes) -> None:
    recording = ask.upload(scale, "My%20take%C3%A9.flac")
    assert (recording["title"], recording["state"]) == ("My takeé", "waiting")
    assert recording["seconds"] == pytest.approx(4.0)
    score = ask.score(recording)
    assert [note["pitch"] for note in score["notes"] if not note["tied"]] == NAMES
    starts = [note["seconds"] for note in score["notes"] if not note["tied"]]
    assert starts == pytest.approx(np.arange(8) / 2, abs=0.05)
    abc = score["abc"]
    assert [abc[slice(*note["chars"][0])].strip("0123456789/-") for note in score["notes"] if not note["tied"]] == [
        "C", "D", "E", "F", "G", "A", "B", "c",
    ]  # fmt: skip
    assert [row[2] for row in score["performance"]] == list(SCALE)
    assert all(row[6] == 0 for row in score["performance"])
    assert abc.splitlines()[2] == "T:My takeé"
    assert (score["undo"], score["redo"], score["version"]) == (None, None, 1)


def test_a_job_tells_its_events_in_order(ask: Asking, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, Any]] = []
    tell = Job.tell

    def overheard(job: Job, name: str, data: dict[str, Any]) -> None:
        told.append((name, data))
        tell(job, name, data)

    monkeypatch.setattr(Job, "tell", overheard)
    long = media.write(tmp_path / "long.flac", np.tile(media.tone(4.0, pitches=SCALE), 17)).read_bytes()
    recording = ask.upload(long)
    last = ask.events(recording["job"])[-1]
    assert last == ("done", {"version": 1})
    assert ask("GET", f"/api/jobs/{recording['job']}")["state"] == "done"
    assert ask.events(recording["job"]) == [last]  # what came before is in the score
    names = " ".join(name for name, _ in told)
    assert re.fullmatch(r"waiting started heard bars (heard |bars )*(wrote )+done", names)
    heard = [data for name, data in told if name == "heard"]
    assert sum(len(data["notes"]) for data in heard) == 17 * len(SCALE)
    assert [data["seconds"] for data in heard] == pytest.approx([60, 68])
    assert all(data["total"] == pytest.approx(68) and data["left"] >= 0 for data in heard)
    sketch = next(data for name, data in told if name == "bars")
    assert sketch["preview"]
    assert 100 < len([note for note in sketch["notes"] if not note["tied"]]) <= 120


def test_a_job_shows_bars_while_it_hears(ask: Asking, tmp_path: Path) -> None:
    """The part of 3.5 seconds makes the tests' worker wait after its first event."""
    recording = ask.upload(media.write(tmp_path / "a.flac", media.tone(8.0, pitches=SCALE)).read_bytes(), end=3.5)
    end = time.monotonic() + 30
    while not (job := ask("GET", f"/api/jobs/{recording['job']}"))["phase"]:
        assert time.monotonic() < end
        time.sleep(0.05)
    assert (job["state"], job["seconds"], job["total"]) == ("running", 3.5, 3.5)
    ask("DELETE", f"/api/jobs/{job['id']}", status=204)
    assert ask.wait(recording)["state"] == "new"
    assert [name for name, _ in ask.events(job["id"])] == ["cancelled"]


def test_other_hints_are_tried_without_hearing_again_and_corrections_stay(
    ask: Asking, recording: dict[str, Any]
) -> None:
    score = ask.score(recording)
    wrong = next(note for note in score["notes"] if note["pitch"] == "E4")
    edit = {"op": "pitch", "notes": [wrong["id"]], "semitones": -1}
    score = ask("POST", one(recording, "/edits"), {"base": 1, "edits": [edit]})
    assert [note["midi"] for note in score["notes"] if not note["tied"]][2] == 63
    score = ask("POST", one(recording, "/hints"), {"base": 2, "hints": {"metre": "3/4", "key": "F major"}})
    assert {bar["metre"] for bar in score["bars"]} == {"3/4"}
    assert score["found"]["key"] == "F major"
    assert [note["midi"] for note in score["notes"] if not note["tied"]] == [60, 62, 63, 65, 67, 69, 71, 72]
    assert (score["dropped"], score["undo"]) == ([], "Key F major, metre 3/4")
    before = score["found"]["tempo"]
    score = ask("POST", one(recording, "/hints"), {"hints": score["hints"], "tempo_factor": 2})
    assert score["found"]["tempo"] == pytest.approx(2 * before, rel=0.02)
    assert 63 in [note["midi"] for note in score["notes"]]


def test_a_correction_that_no_longer_applies_is_named(ask: Asking, tmp_path: Path) -> None:
    high_and_low = media.tone(4.0, pitches=(72, 48, 74, 50, 76, 52, 77, 53))
    recording = ask.upload(media.write(tmp_path / "a.flac", high_and_low).read_bytes())
    ask.score(recording)
    ask("POST", one(recording, "/edits"), {"edits": [{"op": "split", "part": 0, "by": "pitch", "at": "C4"}]})
    ask("POST", one(recording, "/edits"), {"edits": [{"op": "part", "part": 1, "name": "Left", "program": 32}]})
    ask("POST", one(recording, "/edits"), {"edits": [{"op": "merge", "parts": [0, 1]}]})
    ask("POST", one(recording, "/edits"), {"edits": [{"op": "remove", "part": 0}]}, status=422)
    score = ask("POST", one(recording, "/hints"), {"hints": {"metre": "3/4"}})
    assert score["dropped"] == []
    assert len(score["parts"]) == 1


def test_undo_and_redo_go_all_the_way_and_nothing_is_overwritten(ask: Asking, recording: dict[str, Any]) -> None:
    first = ask.score(recording)
    texts = [first["abc"]]
    for number in range(5):
        ids = [note["id"] for note in ask("GET", one(recording, "/score"))["notes"]][:1]
        edit = {"op": "pitch", "notes": ids, "semitones": 1}
        texts.append(ask("POST", one(recording, "/edits"), {"base": number + 1, "edits": [edit]})["abc"])
    for text in reversed(texts[:-1]):
        assert ask("POST", one(recording, "/undo"), {})["abc"] == text
    ask("POST", one(recording, "/undo"), {}, status=422)
    for text in texts[1:]:
        assert ask("POST", one(recording, "/redo"), {})["abc"] == text
    ask("POST", one(recording, "/redo"), {}, status=422)
    back = ask("POST", one(recording, "/restore"), {"version": 1})
    assert (back["abc"], back["undo"], back["version"]) == (texts[0], "Back to version 1", 7)
    assert ask("POST", one(recording, "/undo"), {})["abc"] == texts[-1]
    assert [row["version"] for row in ask("GET", one(recording, "/versions"))["versions"]] == list(range(1, 8))
    assert ask("GET", one(recording, "/score?version=3"))["abc"] == texts[2]


def test_a_change_of_what_another_window_changed_is_refused(ask: Asking, recording: dict[str, Any]) -> None:
    ids = [note["id"] for note in ask.score(recording)["notes"]]
    edit = {"op": "delete", "notes": ids[:1]}
    ask("POST", one(recording, "/edits"), {"base": 1, "edits": [edit]})
    for path, more in (("/edits", {"edits": [edit]}), ("/hints", {"hints": {}})):
        answer = ask("POST", one(recording, path), {"base": 1, **more}, status=409)
        assert answer["version"] == 2
    ask("PUT", one(recording, "/abc"), {"base": 1, "abc": "X:1\nK:C\nC|"}, status=409)


def test_edits_are_made_all_or_none(ask: Asking, recording: dict[str, Any]) -> None:
    score = ask.score(recording)
    good = {"op": "delete", "notes": [score["notes"][0]["id"]]}
    for bad in ({"op": "delete", "notes": ["n9.9.9.9"]}, {"op": "nothing"}, {"op": "add", "part": 7}, {"op": ["x"]}):
        ask("POST", one(recording, "/edits"), {"edits": [good, bad]}, status=422)
    assert ask("GET", one(recording, "/score"))["abc"] == score["abc"]


def test_the_text_can_be_the_score(ask: Asking, scale: bytes) -> None:
    recording = ask.upload(scale, "%F0%9F%8E%B5.flac")  # a name outside the first Unicode plane
    score = ask.score(recording)
    position = score["notes"][1]["chars"][0][0]
    utf16 = score["abc"].encode("utf-16-le")
    assert utf16[2 * position : 2 * position + 2].decode("utf-16-le") == "D"
    changed = utf16[: 2 * position] + "A".encode("utf-16-le") + utf16[2 * position + 2 :]
    text = changed.decode("utf-16-le").replace("T:\U0001f3b5", "T:Other")
    score = ask("PUT", one(recording, "/abc"), {"base": 1, "abc": text + "what is this\n"})
    assert [note["pitch"] for note in score["notes"] if not note["tied"]][:3] == ["C4", "A4", "E4"]
    (problem,) = score["problems"]
    assert text[problem["start"] :] == ""
    assert (text + "what is this\n")[problem["start"] : problem["end"]] == "w"
    assert ask("GET", one(recording))["title"] == score["title"] == "Other"
    assert score["bars"][0]["seconds"] == pytest.approx(0, abs=0.05)
    score = ask("POST", one(recording, "/hints"), {"hints": {"metre": "3/4"}})
    assert [note["midi"] for note in score["notes"] if not note["tied"]] == [60, 69, 64, 65, 67, 69, 71, 72]
    ask("PUT", one(recording, "/abc"), {"abc": "There is no music here."}, status=422)
    assert ask("POST", "/api/abc", {"abc": "X:1\nK:C\nCDEF|"})["notes"] == 4


def test_every_format_can_be_taken_away(ask: Asking, recording: dict[str, Any]) -> None:
    ask("PATCH", one(recording), {"title": "Übung 1/2"})
    for name, (suffix, _) in known().items():
        answer = ask.client.get(one(recording, f"/export/{name}"))
        assert answer.status_code == 200, answer.text
        assert f"filename*=UTF-8''%C3%9Cbung%201%202{suffix}" in answer.headers["content-disposition"]
    answer = ask.client.get(one(recording, "/export/all"))
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        names = set(archive.namelist())
        assert {f"Übung 1 2{suffix}" for suffix, _ in known().values()} <= names
    abc = ask.client.get(one(recording, "/export/abc?transpose=2")).text
    assert "K:D" in abc
    ask("GET", one(recording, "/export/nothing"), status=422)
    ask("GET", one(recording, "/export/pdf?parts=5"), status=422)


def test_arrangements_are_taken_away(ask: Asking, recording: dict[str, Any]) -> None:
    piano = ask.client.get(one(recording, "/export/abc?arrange=piano&level=easy")).text
    assert '"Acoustic Grand Piano"' in piano
    assert ask.client.get(one(recording, "/export/pdf?arrange=lead&repeats=1")).status_code == 200
    for wanted in (True, False):
        ask("POST", one(recording, "/hints"), {"hints": {"chords": wanted}})
        assert ('"C' in ask.client.get(one(recording, "/export/abc")).text) == wanted
    said = ask("GET", one(recording, "/export/abc?arrange=choir"), status=422)
    assert "full, lead, melody, piano" in said["error"]


def test_the_sound_is_sent_as_browsers_play_it_and_in_ranges(ask: Asking, scale: bytes, tmp_path: Path) -> None:
    recording = ask.upload(scale, transcribe=0)
    assert recording["state"] == "new"
    answer = ask.client.get(one(recording, "/audio"), headers={"Range": "bytes=4-9"})
    assert (answer.status_code, answer.content) == (206, scale[4:10])
    odd = media.write(tmp_path / "odd.mkv", media.tone(2.0)).read_bytes()
    recording = ask.upload(odd, "odd.mkv", transcribe=0)
    answer = ask.client.get(one(recording, "/audio"))
    assert (answer.headers["content-type"], answer.content[:4]) == ("audio/flac", b"fLaC")
    assert answer.headers["accept-ranges"] == "bytes"


def test_a_recording_whose_header_has_no_length_gets_one(ask: Asking, tmp_path: Path) -> None:
    """As a browser's microphone gives it: WebM, written as a stream."""
    path = media.write(tmp_path / "a.webm", media.tone(4.0, rate=48_000, pitches=SCALE), 48_000, options={"live": "1"})
    recording = ask.upload(path.read_bytes(), "Microphone.webm")
    assert recording["seconds"] is None
    row = ask.wait(recording)
    assert (row["state"], row["seconds"]) == ("ready", pytest.approx(4.0, abs=0.1))
    assert ask.client.get(one(recording, "/audio")).headers["content-type"] == "audio/flac"


def test_the_waveform_has_its_peaks(ask: Asking, tmp_path: Path) -> None:
    wave = np.concatenate([np.zeros(16_000), 0.5 * np.sin(np.arange(16_000)), np.zeros(16_000)])
    recording = ask.upload(media.write(tmp_path / "a.wav", wave).read_bytes(), "a.wav", transcribe=0)
    shown = ask("GET", one(recording, "/peaks?count=3"))
    assert shown["seconds"] == pytest.approx(3.0, abs=0.02)
    assert np.array(shown["peaks"]) == pytest.approx(np.array([[0, 0], [-0.5, 0.5], [0, 0]]), abs=0.15)
    part = ask("GET", one(recording, "/peaks?count=4&start=1.1&end=1.9"))
    assert (part["start"], part["end"]) == (1.1, 1.9)
    assert all(low < -0.4 and high > 0.4 for low, high in part["peaks"])


def test_recordings_are_found_renamed_and_really_deleted(
    ask: Asking, page: Page, recording: dict[str, Any], scale: bytes
) -> None:
    first, second = ask.upload(scale, "100%25 blues.flac", transcribe=0), recording
    ask("PATCH", one(second), {"title": "Secret waltz", "composer": "Nobody Atall"})
    for words, found in (("waltz nobody", 1), ("100%", 1), ("0_", 0), ("", 2), ("flac", 2), ("piano", 1)):
        assert ask("GET", "/api/recordings", params={"q": words})["total"] == found
    listed = ask("GET", "/api/recordings?limit=1")["recordings"]
    assert [row["title"] for row in listed] == ["100% blues"]
    folder = page.settings.folder
    assert len([path for path in (folder / "files").glob("*/*") if "." not in path.name]) == 1  # the same content
    ask("DELETE", one(second), status=204)
    ask("GET", one(second), status=404)
    kept = b"".join(path.read_bytes() for path in folder.glob("library.sqlite*"))
    assert b"Secret waltz" not in kept
    assert b"Nobody Atall" not in kept
    assert ask.client.get(one(first, "/audio")).content == scale
    ask("DELETE", one(first), status=204)
    assert not [path for path in (folder / "files").rglob("*") if path.is_file()]
    ask("DELETE", one(first), status=404)


@pytest.mark.parametrize(("form", "metre"), [("midi", "6/8"), ("performance-midi", None)])
def test_a_midi_file_is_a_recording_without_sound(
    ask: Asking, recording: dict[str, Any], form: str, metre: str | None
) -> None:
    """A printed one keeps its bars until hints say otherwise; one that was played is analysed."""
    ask("POST", one(recording, "/hints"), {"hints": {"metre": "6/8"}})
    content = ask.client.get(one(recording, f"/export/{form}")).content
    midi = ask.upload(content, "tune.mid", engine="abcscribe")
    assert midi["codec"] == "midi"
    score = ask.score(midi)
    assert sorted({row[2] for row in score["performance"]}) == sorted(SCALE)
    assert [note["midi"] for note in score["notes"] if not note["tied"]] == list(SCALE)
    assert metre in (None, score["bars"][0]["metre"])
    for path in ("/audio", "/peaks"):
        assert "MIDI" in ask("GET", one(midi, path), status=404)["error"]
    assert ask("POST", one(midi, "/hints"), {"hints": {"metre": "3/4"}})["bars"][0]["metre"] == "3/4"
    assert b'"audio":null' in ask.client.get(one(midi, "/export/html")).content


def test_settings_of_the_page_are_kept(ask: Asking) -> None:
    assert ask("GET", "/api/settings") == {}
    ask("PUT", "/api/settings", {"dark": True})
    assert ask("GET", "/api/settings") == {"dark": True}
    ask("PUT", "/api/settings", {"a": "x" * 100_000}, status=413)


def test_the_vocabulary_has_what_can_be_chosen(ask: Asking) -> None:
    words = ask("GET", "/api/vocabulary")
    assert len(words["instruments"]) == len(words["samples"]["programs"]) == 129
    assert {row["name"] for row in words["formats"]} == set(known())
    assert set(words["samples"]["programs"]) <= set(words["samples"]["sets"])
    for own in words["samples"]["sets"].values():
        assert ask.client.get(own["notes"][0]["url"]).status_code == 200
    for key in words["keys"]:
        assert key.split()[1] in ("major", "minor")


def test_what_cannot_be_transcribed_says_so_in_one_sentence(ask: Asking, tmp_path: Path) -> None:
    silent = ask.upload(media.write(tmp_path / "a.wav", np.zeros(16_000)).read_bytes(), "quiet.wav")
    row = ask.wait(silent)
    assert (row["state"], row["error"]) == ("failed", "quiet.wav is silent.")
    ask("GET", one(silent, "/score"), status=404)
    assert "not a sound" in ask.upload(b"no sound", status=415)["error"]
    assert "empty" in ask.upload(b"", status=415)["error"]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"hints": '{"metre": "x"}'}, 422),
        ({"hints": '{"wrong": 1}'}, 422),
        ({"hints": "[1]"}, 400),
        ({"hints": "{"}, 400),
        ({"hints": '{"tempo": true}'}, 422),
        ({"engine": "nobody"}, 422),
        ({"engine": "abcscribe:/etc/passwd"}, 422),
        ({"start": "5", "end": "2"}, 400),
        ({"start": "nan"}, 400),
        ({"start": "-1"}, 400),
    ],
)
def test_runs_that_make_no_sense_are_refused(ask: Asking, scale: bytes, query: dict[str, str], status: int) -> None:
    ask.upload(scale, status=status, **query)
    assert ask("GET", "/api/recordings")["total"] == 0


def test_a_part_of_a_recording_is_transcribed_with_hints(ask: Asking, scale: bytes) -> None:
    recording = ask.upload(scale, transcribe=0)
    wanted = {"start": 1.0, "end": 3.0, "hints": {"instrument": "flute"}, "engine": ENGINE}
    job = ask("POST", one(recording, "/transcribe"), wanted, status=202)
    assert job["recording"] == recording["id"]
    score = ask.score(recording)
    assert [note["pitch"] for note in score["notes"] if not note["tied"]] == NAMES[2:6]
    assert score["parts"][0]["program"] == 73
    assert score["hints"] == {"instrument": "flute"}
    assert ask.wait(recording)["start"] == 1.0


def test_hearing_again_keeps_the_earlier_versions(ask: Asking, recording: dict[str, Any]) -> None:
    ask("POST", one(recording, "/transcribe"), {"end": 2.0}, status=202)
    score = ask.score(recording)
    assert (score["version"], score["undo"]) == (2, "Transcribed again")
    assert len([note for note in score["notes"] if not note["tied"]]) == 4
    assert len(ask("POST", one(recording, "/undo"), {})["performance"]) == 8


def test_an_archive_brings_everything_back(ask: Asking, recording: dict[str, Any], scale: bytes) -> None:
    score = ask.score(recording)
    ask("POST", one(recording, "/edits"), {"edits": [{"op": "delete", "notes": [score["notes"][0]["id"]]}]})
    archive = ask.client.get("/api/archive").content
    assert ask("POST", "/api/archive", content=archive) == {"imported": 0}
    ask("DELETE", one(recording), status=204)
    assert ask("POST", "/api/archive", content=archive) == {"imported": 1}
    assert ask.client.get(one(recording, "/audio")).content == scale
    assert ask("POST", one(recording, "/undo"), {})["abc"] == score["abc"]


def test_hostile_archives_are_refused(ask: Asking, page: Page, recording: dict[str, Any]) -> None:
    archive = ask.client.get("/api/archive").content
    ask("DELETE", one(recording), status=204)

    def changed(edit: Any) -> bytes:
        out = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(out, "w") as new:
            for name in old.namelist():
                new.writestr(*edit(name, old.read(name)))
        return out.getvalue()

    def in_rows(table: str, column: str, value: Any) -> bytes:
        def edit(name: str, data: bytes) -> tuple[str, bytes]:
            if name.startswith("recordings/"):
                rows = json.loads(data)
                rows[table][0][column] = value
                data = json.dumps(rows).encode()
            return name, data

        return changed(edit)

    hostile = [
        b"PK\x05\x06 no",
        archive[:-200],
        changed(lambda name, data: (name, data[:-1] if name.startswith("files/") else data)),
        changed(lambda name, data: (name, data.replace(recording["id"].encode(), b"../../etc/passwd"))),
        in_rows("recordings", "hash", "../" * 20 + "etc"),
        in_rows("recordings", "seconds", "<b>"),
        in_rows("recordings", 'id" --', 1),
        in_rows("recordings", "warnings", "{}"),
        in_rows("versions", "score", "AAAA"),
        in_rows("versions", "recording", "0" * 16),
        in_rows("runs", "notes", 7),
    ]
    for content in hostile:
        assert "archive" in ask("POST", "/api/archive", content=content, status=400)["error"]
        assert ask("GET", "/api/recordings")["total"] == 0
    assert not list(page.library.files.incoming.iterdir())


def test_the_queue_goes_on_whatever_becomes_of_a_job(ask: Asking, page: Page, scale: bytes, tmp_path: Path) -> None:
    """Cancelled while it runs, cancelled while it waits, deleted while it runs, failed: each gives its place on."""
    long = media.write(tmp_path / "a.flac", media.tone(8.0, pitches=SCALE)).read_bytes()
    running, waiting, deleted = (ask.upload(long, end=3.5) for _ in range(3))
    silent = ask.upload(media.write(tmp_path / "a.wav", np.zeros(16_000)).read_bytes(), "a.wav")
    last = ask.upload(scale)
    assert ask("GET", f"/api/jobs/{last['job']}")["position"] == 4
    ask("DELETE", f"/api/jobs/{waiting['job']}", status=204)
    ask("DELETE", f"/api/jobs/{waiting['job']}", status=204)
    assert ask("GET", f"/api/jobs/{last['job']}")["position"] == 3
    ask.wait(running, ("running",))
    ask("DELETE", f"/api/jobs/{running['job']}", status=204)
    ask.wait(deleted, ("running",))
    ask("DELETE", one(deleted), status=204)
    assert ask.wait(silent)["state"] == "failed"
    assert ask.wait(last)["state"] == "ready"
    assert ask.wait(running)["state"] == ask.wait(waiting)["state"] == "new"
    assert (page.jobs.running(), len(page.jobs.waiting)) == (0, 0)
