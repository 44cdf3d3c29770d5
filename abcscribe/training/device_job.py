"""A training that travels: one archive to a machine with an accelerator and no network, weights and a table back.

    python -m abcscribe.training.device_job pack tower out/tower.tar.xz --notes data/notes.npz --sounds data/sounds.npz
    python -m abcscribe.training.device_job run tower --seconds 540 --device cuda --out $OUT

`pack` writes what a job needs: notes, sounds in their compact form, starting weights, wheels of what a CUDA image of
torch lacks. `run` works in the unpacked folder and leaves there the weights as float16, log.jsonl and heldout.json.
Needs torch, numpy, safetensors and the standard library.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from abcscribe.errors import AbcscribeError
from abcscribe.files import replacing, write_text

LARGEST = 60 << 20  # bytes of an archive
LARGEST_WEIGHTS = 16 << 20  # bytes of a file that comes back
MEASURED_SECONDS = 30.0  # of the time given, kept for the held-out table and the export
SPLITS = ("train", "valid")
NOTES, SOUNDS, WEIGHTS, WHEELS = "notes.npz", "sounds.npz", "weights", "wheels"
# What each job starts from: files of abcscribe/model/weights.
STARTS = {
    "tower": ("tower.safetensors", "config.json"),
    "language_model": ("language_model.safetensors", "language_model.json"),
    "rl": ("language_model.safetensors", "language_model.json"),
}
HELD_OUT_CLIPS = 128


def pack(job: str, out: Path, notes: Path, sounds: Path | None, weights: Path, wheels: Iterable[Path]) -> int:
    """Write the archive of a job; returns its bytes.

    Raises AbcscribeError if it is larger than LARGEST: then it is not left behind.
    """
    from abcscribe.synthesis.sound_bank import load_bank, save_compact

    with tempfile.TemporaryDirectory() as folder:
        members = [(notes, NOTES), *((weights / name, f"{WEIGHTS}/{name}") for name in STARTS[job])]
        members += [(wheel, f"{WHEELS}/{wheel.name}") for wheel in wheels]
        if job == "tower":
            if sounds is None:
                raise AbcscribeError("The tower's archive needs --sounds, a bank of abcscribe data sounds.")
            save_compact(load_bank(sounds), Path(folder) / SOUNDS)
            members.append((Path(folder) / SOUNDS, SOUNDS))
        out.parent.mkdir(parents=True, exist_ok=True)
        unfinished = out.with_name(out.name + ".part")
        with tarfile.open(unfinished, "w:xz", preset=6) as archive:
            for path, name in members:
                archive.add(path, name)
    size = unfinished.stat().st_size
    if size > LARGEST:
        unfinished.unlink()
        raise AbcscribeError(f"The archive has {size / 1e6:.0f} MB, {LARGEST / 1e6:.0f} at most may travel.")
    unfinished.replace(out)
    return size


def run_tower(data: Path, out: Path, seconds: float, device: str, batch: int, workers: int, compiled: bool) -> None:
    """Train the tower for the time given, less what the held-out table takes, and leave what comes back."""
    from abcscribe.model.tower_files import load_tower, save_half
    from abcscribe.training.configs import TowerTraining
    from abcscribe.training.tower import main
    from abcscribe.training.tower_batches import Sources
    from abcscribe.training.tower_table import held_out_table

    checkpoint = out / "checkpoint"
    config = TowerTraining(
        clips=None, sounds=data / SOUNDS, cache=data / NOTES, out=checkpoint, start=data / WEIGHTS,
        minutes=max(seconds - MEASURED_SECONDS, seconds / 2) / 60, batch=batch, device=device, compiled=compiled,
        workers=workers, threads=max(1, (os.cpu_count() or 1) - workers),
    )  # fmt: skip
    _log(out, main(config))
    if not _first():
        return
    sources = Sources(sounds=data / SOUNDS, notes=data / NOTES, split="valid")
    started, trained = load_tower(data / WEIGHTS), load_tower(checkpoint)
    clips = HELD_OUT_CLIPS if device != "cpu" else 2 * batch
    table = {name: held_out_table(tower, sources, device, clips, min(batch, 32)) for name, tower in
             (("start", started), ("trained", trained))}  # fmt: skip
    write_text(out / "heldout.json", json.dumps(table, indent=1))
    save_half(checkpoint / "tower.safetensors", out / "tower.safetensors")
    (out / "config.json").write_text((checkpoint / "config.json").read_text())


def _first() -> bool:
    """Whether this process leaves what comes back: under torchrun the first one."""
    return os.environ.get("RANK", "0") == "0"


def _log(out: Path, entries: Iterable[dict]) -> None:
    """Write each entry of a training to log.jsonl as it comes, with the seconds since the beginning, and print it."""
    began = time.monotonic()
    with (out / "log.jsonl").open("a", encoding="utf-8") as log:
        for entry in entries:
            line = json.dumps({**entry, "seconds": round(time.monotonic() - began, 1)})
            print(line, flush=True)
            log.write(line + "\n")
            log.flush()


def run_notes(job: str, data: Path, out: Path, seconds: float, device: str, threads: int) -> None:
    """Train the language model, supervised or by reinforcement, from notes alone. ``threads``: of each process."""
    from abcscribe.model.tower_files import save_half

    checkpoint, start = out / "checkpoint", _checkpoint_of(data / WEIGHTS, out / "start")
    minutes = max(seconds - MEASURED_SECONDS, seconds / 2) / 60
    if job == "language_model":
        from abcscribe.training.configs import SftTraining
        from abcscribe.training.sft import main as learn

        # Without torch.compile, which needs a compiler that images for running do not have.
        config = SftTraining(
            cache=data / NOTES, out=checkpoint, start=start, minutes=minutes, device=device, threads=threads,
            compile=False,
        )  # fmt: skip
        _log(out, learn(config))
    else:
        from abcscribe.training.configs import RlTraining
        from abcscribe.training.rl import main as reinforce

        reinforced = RlTraining(data / NOTES, checkpoint, start, minutes=minutes, device=device, threads=threads)
        _log(out, reinforce(reinforced))
    if not _first():
        return
    entries = [json.loads(line) for line in (out / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    measured = [entry for entry in entries if "valid" in entry]
    write_text(out / "heldout.json", json.dumps(measured, indent=1))
    save_half(next(checkpoint.rglob("model.safetensors")), out / "language_model.safetensors")


def _checkpoint_of(weights: Path, folder: Path) -> Path:
    """The shipped language model as a checkpoint folder."""
    for name, there in (("language_model.safetensors", "model.safetensors"), ("language_model.json", "config.json")):
        with replacing(folder / there) as unfinished:
            unfinished.write_bytes((weights / name).read_bytes())
    return folder


def _check_sizes(out: Path) -> None:
    large = [path for path in out.glob("*.safetensors") if path.stat().st_size > LARGEST_WEIGHTS]
    if large:
        raise AbcscribeError(f"{large[0]} is larger than {LARGEST_WEIGHTS >> 20} MB.")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    packing = commands.add_parser("pack")
    packing.add_argument("job", choices=STARTS)
    packing.add_argument("out", type=Path)
    packing.add_argument("--notes", type=Path, default=Path("data/notes.npz"))
    packing.add_argument("--sounds", type=Path)
    packing.add_argument("--weights", type=Path, default=Path(__file__).parents[1] / "model" / "weights")
    packing.add_argument("--wheel", type=Path, action="append", default=[])
    running = commands.add_parser("run")
    running.add_argument("job", choices=STARTS)
    running.add_argument("--data", type=Path, required=True, help="the unpacked archive")
    running.add_argument("--out", type=Path, required=True)
    running.add_argument("--seconds", type=float, default=540.0)
    running.add_argument("--device", default="cuda")
    running.add_argument("--batch", type=int, default=192)
    running.add_argument("--workers", type=int, default=max(1, (os.cpu_count() or 2) - 2))
    running.add_argument("--compile", action="store_true")
    chosen = parser.parse_args(arguments)
    try:
        if chosen.command == "pack":
            size = pack(chosen.job, chosen.out, chosen.notes, chosen.sounds, chosen.weights, chosen.wheel)
            print(f"{chosen.out}: {size / 1e6:.1f} MB", file=sys.stderr)
            return
        chosen.out.mkdir(parents=True, exist_ok=True)
        cores = int(os.environ.get("OMP_NUM_THREADS", 0)) or os.cpu_count() or 1
        if chosen.job == "tower":
            run_tower(
                chosen.data, chosen.out, chosen.seconds, chosen.device, chosen.batch, chosen.workers, chosen.compile
            )
        else:
            run_notes(chosen.job, chosen.data, chosen.out, chosen.seconds, chosen.device, cores)
        _check_sizes(chosen.out)
    except AbcscribeError as error:
        sys.exit(f"abcscribe: {error}")


if __name__ == "__main__":
    main()
