#!/usr/bin/env bash
# Train the audio tower for SECONDS on DEVICE, rendering as it goes; no network, only torch and numpy of the image.
#
#   DEVICE=cuda BATCH=192 runs/device/tower.sh tower.tar.xz OUT [SECONDS=540]
#
# Leaves in OUT: tower.safetensors (float16, 7 MB) and config.json, log.jsonl, heldout.json (before and after, on
# held-out pieces and sounds), and checkpoint/ to go on from: given the same OUT again, a run that was cut off goes on.
source "$(dirname "$0")/common.sh"
exec $PYTHON -m abcscribe.training.device_job run tower --data "$WORK" --out "$OUT" --seconds "$SECONDS_GIVEN" \
  --device "${DEVICE:-cuda}" --batch "${BATCH:-192}" ${WORKERS:+--workers "$WORKERS"} ${COMPILE:+--compile}
