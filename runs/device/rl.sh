#!/usr/bin/env bash
# Reinforcement learning of the language model for SECONDS: answers are sampled and judged on the processor's cores.
#
#   runs/device/rl.sh rl.tar.xz OUT [SECONDS=540]
#
# Leaves in OUT: language_model.safetensors (float16, under 16 MB), log.jsonl, heldout.json, checkpoint/.
source "$(dirname "$0")/common.sh"
exec $PYTHON -m abcscribe.training.device_job run rl --data "$WORK" --out "$OUT" --seconds "$SECONDS_GIVEN"
