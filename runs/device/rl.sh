#!/usr/bin/env bash
# Reinforcement learning of the language model for SECONDS on DEVICE: there answers are sampled and learned from, on the
# processor they are judged.
#
#   DEVICE=cpu runs/device/rl.sh rl.tar.xz OUT [SECONDS=540]
#
# Leaves in OUT: language_model.safetensors (float16, under 16 MB), log.jsonl, heldout.json, checkpoint/.
source "$(dirname "$0")/common.sh"
exec $PYTHON -m abcscribe.training.device_job run rl --data "$WORK" --out "$OUT" --seconds "$SECONDS_GIVEN" \
  --device "${DEVICE:-cuda}"
