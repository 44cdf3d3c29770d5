"""Where scores are written: files are replaced, everything else is written to."""

import os
import stat
import threading
from pathlib import Path

import pytest

from abcscribe.errors import ScoreError
from abcscribe.score.target import write_target


def test_a_file_is_replaced_and_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "a.abc"
    path.write_text("old")
    path.chmod(0o640)
    before = path.stat().st_ino
    write_target(path, b"new")
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("new", 0o640)
    assert path.stat().st_ino != before, "who has the old file open would see half of the new one"
    assert [found.name for found in tmp_path.iterdir()] == ["a.abc"]


def test_a_new_file_has_the_mode_that_the_user_wants(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        write_target(tmp_path / "a.abc", b"new")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "a.abc").stat().st_mode) == 0o640


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for name, goal in (("a.abc", "deep/real.abc"), ("dangling.abc", "deep/none.abc")):
        (tmp_path / name).symlink_to(goal)
    (tmp_path / "deep" / "real.abc").write_text("old")
    for name in ("a.abc", "dangling.abc"):
        write_target(tmp_path / name, b"new")
        assert (tmp_path / name).is_symlink()
        assert (tmp_path / name).read_text() == "new"


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    path, got = tmp_path / "pipe", []
    os.mkfifo(path)
    reader = threading.Thread(target=lambda: got.append(path.read_bytes()))
    reader.start()
    write_target(path, b"new")
    reader.join(10)
    assert got == [b"new"]
    assert stat.S_ISFIFO(path.stat().st_mode)


def test_a_device_stays_a_device() -> None:
    write_target(Path("/dev/null"), b"new")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    with pytest.raises(ScoreError, match="No space left"):
        write_target(Path("/dev/full"), b"new")


def test_a_name_of_255_bytes(tmp_path: Path) -> None:
    path = tmp_path / f"{'é' * 125}a.abc"
    assert len(os.fsencode(path.name)) == 255
    write_target(path, b"new")
    write_target(path, b"newer")
    assert path.read_bytes() == b"newer"


@pytest.mark.parametrize("name", ["folder", "nowhere/a.abc", "loop"])
def test_what_cannot_be_written_is_one_sentence(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(ScoreError, match=r"cannot be written: [A-Z][^\n]*\.$"):
        write_target(tmp_path / name, b"new")
    assert not list(tmp_path.glob("*.part"))
