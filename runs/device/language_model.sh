#!/usr/bin/env bash
# Train the language model for SECONDS on DEVICE from notes alone: one process on an accelerator; on a processor one a core,
# whose gradients are averaged.
#
#   DEVICE=cpu runs/device/language_model.sh language_model.tar.xz OUT [SECONDS=540]
#
# Leaves in OUT: language_model.safetensors (float16, under 16 MB), log.jsonl, heldout.json, checkpoint/.
source "$(dirname "$0")/common.sh"
export OMP_NUM_THREADS=1
DEVICE=${DEVICE:-cuda}
if [ "$DEVICE" = cpu ]; then WORKERS=${WORKERS:-$(nproc)}; fi
exec $PYTHON -m torch.distributed.run --standalone --nproc-per-node "${WORKERS:-1}" \
  -m abcscribe.training.device_job run language_model --data "$WORK" --out "$OUT" --seconds "$SECONDS_GIVEN" \
  --device "$DEVICE"
