#!/usr/bin/env bash
# Train the language model for SECONDS from notes alone, a process a core (the trainer averages their gradients).
#
#   runs/device/language_model.sh language_model.tar.xz OUT [SECONDS=540]
#
# Leaves in OUT: language_model.safetensors (float16, under 16 MB), log.jsonl, heldout.json, checkpoint/.
source "$(dirname "$0")/common.sh"
export OMP_NUM_THREADS=1
exec $PYTHON -m torch.distributed.run --standalone --nproc-per-node "${WORKERS:-$(nproc)}" \
  -m abcscribe.training.device_job run language_model --data "$WORK" --out "$OUT" --seconds "$SECONDS_GIVEN"
