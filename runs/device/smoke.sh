#!/usr/bin/env bash
# The tower's job on a processor, from the making of its archive to what comes back, in two minutes: made tones, made
# scores, a few steps. What CI runs before anybody spends time on a device.
#
#   runs/device/smoke.sh [OUT] [SECONDS=20]
set -euo pipefail
cd "$(dirname "$0")/../.."
export PYTHON=${PYTHON:-python3}
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
OUT=${1:-$WORK/out}
export PYTHONPATH="$PWD:$PWD/tests${PYTHONPATH:+:$PYTHONPATH}" OMP_NUM_THREADS=1
$PYTHON - "$WORK" <<'PYTHON'
import sys
from pathlib import Path
from tiny_cache import write_cache
from tiny_sounds import write_libraries
folder = Path(sys.argv[1])
write_cache(folder / "notes.npz")
write_libraries(folder / "libraries")
PYTHON
$PYTHON -m abcscribe data sounds "$WORK/libraries" --out "$WORK/sounds.npz"
$PYTHON -m abcscribe.training.device_job pack tower "$WORK/tower.tar.xz" --notes "$WORK/notes.npz" --sounds "$WORK/sounds.npz"
DEVICE=cpu BATCH=2 WORKERS=1 runs/device/tower.sh "$WORK/tower.tar.xz" "$OUT" "${2:-20}"
ls -l "$OUT"
cat "$OUT/heldout.json"
