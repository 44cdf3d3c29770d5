#!/usr/bin/env bash
# Make the archive of a job, under 60 MB: notes, sounds, starting weights, and a wheel of what a CUDA image of torch lacks.
#
#   runs/device/pack.sh tower|language_model|rl OUT.tar.xz [--notes data/notes.npz] [--sounds data/sounds.npz]
#
# The wheels are fetched here, where there is a network: PYTHON_VERSION is that of the machine the archive goes to.
set -euo pipefail
cd "$(dirname "$0")/../.."
PYTHON=${PYTHON:-python3}
job=$1 out=$2
shift 2
wheels=$(mktemp -d)
trap 'rm -rf "$wheels"' EXIT
names=(safetensors)
if [ "$job" = rl ]; then names+=(scipy rapidfuzz); fi  # the reward's
$PYTHON -m pip download --quiet --no-deps --only-binary=:all: --constraint constraints.txt \
  --python-version "${PYTHON_VERSION:-3.11}" --dest "$wheels" "${names[@]}"
arguments=()
for wheel in "$wheels"/*.whl; do arguments+=(--wheel "$wheel"); done
exec $PYTHON -m abcscribe.training.device_job pack "$job" "$out" "${arguments[@]}" "$@"
