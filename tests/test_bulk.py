"""A plan of many recordings, and one recording's way from a store to a store. The cluster: test_cluster.py."""

import json
from pathlib import Path

import fsspec
import media
import pytest

from abcscribe import batch, bulk, cluster
from abcscribe.errors import AbcscribeError, AudioError
from abcscribe.stores import Store, StoreError, UnreadableError, UnwritableError

SCALE = (60, 62, 64, 65, 67, 69, 71, 72)


@pytest.fixture
def bucket(tmp_path: Path) -> str:
    """The address of an object store in this process, with three recordings and other files."""
    memory = fsspec.filesystem("memory")
    memory.store.clear()
    sound = media.write(tmp_path / "a.wav", media.tone(4.0, pitches=SCALE)).read_bytes()
    for name in ("takes/a.wav", "takes/b/a.wav", "takes/a.mp3", "takes/notes.txt"):
        memory.pipe_file(f"/{name}", sound)
    return "memory://takes"


def settings(engine: str) -> batch.Settings:
    return batch.Settings(("abc", "midi"), engine)


def test_a_plan_names_scores_as_one_machine_does(bucket: str, tmp_path: Path, tone: str) -> None:
    work = bulk.plan(bucket, "memory://scores", settings(tone))
    assert [(job.recording.as_posix(), job.target.as_posix()) for job in work.todo] == [
        ("a.mp3", "a"), ("a.wav", "a.wav"), ("b/a.wav", "b/a"),
    ]  # fmt: skip
    for job in work.todo:
        (tmp_path / "in" / job.recording).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / job.recording).touch()
    here = batch.jobs([tmp_path / "in"], Path(), settings(tone))
    assert [job.target for job in here] == [job.target for job in work.todo]


def test_a_recording_goes_from_store_to_store_and_gets_an_entry(bucket: str, tmp_path: Path, tone: str) -> None:
    work = bulk.plan(bucket, "memory://scores", settings(tone))
    first = bulk.transcribe(work.source, work.target, work.run, work.todo[0])
    assert first.error == ""
    assert first.sound == pytest.approx(4.0, abs=0.1)
    local = batch.jobs([media.write(tmp_path / "a.wav", media.tone(4.0, pitches=SCALE))], tmp_path, settings(tone))[0]
    batch.run(local)
    assert Store("memory://scores").read("a.abc") == (tmp_path / "a.abc").read_bytes()
    assert set(first.files) == {"a.abc", "a.mid"}
    entry = json.loads(Store("memory://scores").read(f"{work.run}/done/a.json"))
    assert entry["files"] == first.files
    rest = bulk.plan(bucket, "memory://scores", settings(tone))
    assert (len(rest.todo), rest.before) == (2, 1)
    assert bulk.plan(bucket, "memory://scores", batch.Settings(("abc",), tone)).before == 0  # another run


def test_what_has_an_entry_is_not_done_again(bucket: str, tone: str) -> None:
    """The machine that did it was lost before it said so."""
    work = bulk.plan(bucket, "memory://scores", settings(tone))
    first = bulk.transcribe(work.source, work.target, work.run, work.todo[0])
    Store("memory://scores").write("a.abc", b"untouched")
    assert bulk.transcribe(work.source, work.target, work.run, work.todo[0]) == first
    assert Store("memory://scores").read("a.abc") == b"untouched"


def test_a_bad_recording_is_set_aside_with_its_sentence(bucket: str, tone: str) -> None:
    fsspec.filesystem("memory").pipe_file("/takes/bad.wav", b"no sound")
    work = bulk.plan(bucket, "memory://scores", settings(tone))
    job = next(job for job in work.todo if job.recording.name == "bad.wav")
    entry = bulk.transcribe(work.source, work.target, work.run, job)
    assert entry.error == "memory://takes/bad.wav is not a sound or video file, or it is damaged beyond reading."
    assert entry.failure == "AudioError"
    assert Store("memory://scores").exists(f"{work.run}/failed/bad.json")
    assert bulk.plan(bucket, "memory://scores", settings(tone)).before == 1


def test_what_a_store_refuses_is_no_fault_of_the_recording(
    bucket: str, tone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = bulk.plan(bucket, "memory://scores", settings(tone))
    fsspec.filesystem("memory").rm("/takes/b/a.wav")
    gone = bulk.transcribe(work.source, work.target, work.run, work.todo[2])
    assert gone.failure == UnreadableError.__name__
    assert gone.error.startswith("memory://takes/b/a.wav cannot be read: ")

    def full(*arguments: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(fsspec.filesystem("memory")), "pipe_file", full)
    refused = bulk.transcribe(work.source, work.target, work.run, work.todo[0])
    assert refused.failure == UnwritableError.__name__
    assert refused.error == "memory://scores/a.abc cannot be written: no space left on device."
    assert bulk.plan(bucket, "memory://scores", settings(tone)).before == 0


def test_one_recording_is_a_source_of_its_own(tmp_path: Path, tone: str) -> None:
    recording = media.write(tmp_path / "take.wav", media.tone(4.0, pitches=SCALE))
    work = bulk.plan(str(recording), str(tmp_path / "out"), settings(tone))
    assert bulk.transcribe(work.source, work.target, work.run, work.todo[0]).files.keys() == {"take.abc", "take.mid"}
    assert (tmp_path / "out" / "take.abc").is_file()


@pytest.mark.parametrize("place", ["memory://empty", "nowhere"])
def test_a_source_without_recordings_is_refused(place: str, tone: str) -> None:
    with pytest.raises(AudioError, match="no recording"):
        bulk.plan(place, "memory://scores", settings(tone))


def test_a_store_that_nobody_knows_is_refused(tone: str) -> None:
    with pytest.raises(StoreError, match="nosuch://x cannot be opened"):
        bulk.plan("nosuch://x", "memory://scores", settings(tone))


def test_the_table_counts_failures_by_kind() -> None:
    tally = bulk.Tally(before=2)
    tally.add(bulk.Entry("a", {}, seconds=2.0, sound=60.0, machine="one"))
    tally.add(bulk.Entry("b", {}, error="No.", failure="AudioError", seconds=1.0, machine="two"))
    lines = list(tally.lines())
    assert lines[0] == "recordings   1 transcribed, 1 failed, 2 done before"
    assert "machines: 2" in lines[2]
    assert lines[3] == "failed       1 x AudioError"


@pytest.mark.parametrize("on", ["spark", "ray:", "http://x"])
def test_other_clusters_are_refused(on: str) -> None:
    with pytest.raises(AbcscribeError, match="is no cluster"):
        cluster.check(on)
