# Sourced by the jobs: unpacks ARCHIVE into WORK and puts its wheels, which need no installation, on Python's path.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
PYTHON=${PYTHON:-python3}
ARCHIVE=${1:?the archive of runs/device/pack.sh}
OUT=${2:?a folder for what comes back}
SECONDS_GIVEN=${3:-540}
WORK=${WORK:-$(mktemp -d)}
mkdir -p "$OUT" "$WORK/site"
$PYTHON -c 'import sys, tarfile; tarfile.open(sys.argv[1]).extractall(sys.argv[2], filter="data")' "$ARCHIVE" "$WORK"
for wheel in "$WORK"/wheels/*.whl; do
  [ -e "$wheel" ] && $PYTHON -c 'import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extractall(sys.argv[2])' "$wheel" "$WORK/site"
done
# What the image has goes before what the archive brings.
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}"
export PYTHONPATH="$PYTHONPATH:$WORK/site"
