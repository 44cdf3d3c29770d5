"""What a shell sees of the program: signals, streams that are closed or full, odd surroundings, no word to anybody."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import media
import pytest

SCALE = (60, 62, 64, 65, 67, 69, 71, 72)
PROGRAM = (sys.executable, "-m", "abcscribe")
STOPPED = {"SIGINT": 130, "SIGTERM": 143, "SIGHUP": 129}


@pytest.fixture(scope="module")
def scale(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return media.write(tmp_path_factory.mktemp("sound") / "scale.wav", media.tone(4.0, pitches=SCALE))


def shell(line: str, **settings: object) -> subprocess.CompletedProcess[bytes]:
    """Run a line of bash in which $P is the program."""
    return subprocess.run(
        ["bash", "-c", f'P="{" ".join(PROGRAM)}"\n{line}'], capture_output=True, check=False, **settings
    )  # type: ignore[call-overload,no-any-return]


@pytest.mark.parametrize("name", STOPPED)
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_signal_ends_it_with_one_sentence(name: str, jobs: int, scale: Path, tmp_path: Path) -> None:
    takes = tmp_path / "takes"
    takes.mkdir()
    for number in range(2):
        shutil.copy(scale, takes / f"{number}.wav")
    command = [*PROGRAM, "transcribe", takes, "-o", tmp_path / "out", "--jobs", str(jobs)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, start_new_session=True)
    while not (tmp_path / "out").exists():  # the command line has been read
        time.sleep(0.02)
    if name == "SIGINT":
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: all processes of the group
    else:
        process.send_signal(getattr(signal, name))
    _, said = process.communicate(timeout=60)
    assert process.returncode == STOPPED[name], said
    assert re.fullmatch(rb"[^\n]+ whole\.\n", said)
    assert not [path for path in (tmp_path / "out").iterdir() if path.suffix == ".part"]


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("$P formats >&-", 1, b"stdout is closed.\n"),
        ("$P formats >/dev/full", 1, b"stdout cannot be written: No space left on device.\n"),
        ("$P formats | true; exit ${PIPESTATUS[0]}", 1, b"stdout is closed.\n"),
        ("$P formats 2>&- >/dev/null", 0, b""),
        ("$P nonsense 2>/dev/full", 2, b""),
        ("$P convert - a.mid </dev/null", 1, b"stdin is empty.\n"),
        ("$P convert - a.mid <&-", 1, b"stdin is closed.\n"),
        ("echo nonsense | $P convert - a.mid", 1, b"stdin begins like no score that can be read.\n"),
    ],
)
def test_a_closed_or_full_stream_is_one_sentence(line: str, code: int, said: bytes, tmp_path: Path) -> None:
    ran = shell(line, cwd=tmp_path)
    assert (ran.returncode, ran.stderr) == (code, said)


def test_a_score_is_written_though_nobody_can_be_told(scale: Path, tmp_path: Path) -> None:
    assert shell(f"$P transcribe {scale} -f abc -o {tmp_path} >&- 2>&- <&-").returncode == 0
    assert (tmp_path / "scale.abc").read_bytes().endswith(b"|]\n")


def test_pipes_are_read(scale: Path, tmp_path: Path) -> None:
    score = shell(f"cat {scale} | $P transcribe - -f abc -o - | $P convert - /dev/stdout -f midi", cwd=tmp_path)
    assert score.stdout.startswith(b"MThd"), score.stderr
    named = shell(f"$P transcribe <(cat {scale}) -f abc -o {tmp_path}")
    assert named.returncode == 0, named.stderr


@pytest.mark.parametrize("threads", ["", "abc", "-1", "0", "4,2", "999999", "²"])
def test_odd_settings_of_openmp_change_nothing(threads: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from abcscribe.model import SHIPPED as WEIGHTS
    from abcscribe.model.onnx_session import open_session

    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    assert open_session(WEIGHTS / "language_model_notes.onnx").get_inputs()


def test_no_home_is_needed(scale: Path, tmp_path: Path) -> None:
    nowhere = {"PATH": os.environ["PATH"], "PYTHONPATH": os.environ.get("PYTHONPATH", ""), "HOME": "/nonexistent"}
    ran = subprocess.run(
        [*PROGRAM, "transcribe", scale, "-f", "abc,pdf", "-o", tmp_path], env=nowhere, capture_output=True, check=False
    )
    assert ran.returncode == 0, ran.stderr


def test_little_memory_is_one_sentence(scale: Path, tmp_path: Path) -> None:
    ran = shell(f"ulimit -v 420000; OMP_NUM_THREADS=1 $P transcribe {scale} -f abc,pdf -o {tmp_path}")
    assert ran.returncode in (0, 1)
    assert ran.returncode == 0 or ran.stderr.count(b"\n") == 1, ran.stderr


def test_a_run_talks_to_nobody_and_writes_its_scores_alone(scale: Path, tmp_path: Path) -> None:
    """By the system's own account (strace): no socket, and no file opened for writing outside the folder."""
    tracer = shutil.which("strace")
    if tracer is None:
        # Without it the switch alone is looked at; apt-get install strace brings the rest of this test.
        asked = "import abcscribe, os; print(os.environ['ORT_DISABLE_TELEMETRY'])"
        assert subprocess.run([sys.executable, "-c", asked], capture_output=True, check=True).stdout == b"1\n"
        return
    trace, out = tmp_path / "trace", tmp_path / "out"
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "HOME": str(tmp_path / "home")}
    calls = "trace=socket,connect,sendto,open,openat,creat,mkdir,mkdirat,rename,renameat,renameat2,link,symlink,unlink"
    command = [*PROGRAM, "transcribe", scale, "-f", "abc,midi,pdf,json", "-o", out]
    subprocess.run([tracer, "-f", "-e", calls, "-o", trace, *command], env=environment, check=True, capture_output=True)
    done = [line for line in trace.read_text(errors="replace").splitlines() if " = -1 " not in line and "(" in line]
    assert not [line for line in done if re.search(r"\b(socket|connect|sendto)\(", line)]
    writes = [
        line for line in done if re.search(r"O_WRONLY|O_RDWR|O_CREAT|\b(creat|mkdir\w*|rename\w*|link|unlink)\(", line)
    ]
    assert any(str(out) in line for line in writes)
    assert not [line for line in writes if str(out) not in line and "/dev/null" not in line]
    assert not (tmp_path / "home").exists()
