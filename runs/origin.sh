#!/bin/sh
# The origin's experiment (Flynn, 2024) in one go: recordings -> ABC -> zero-shot -> SFT -> PPO and GRPO -> clips x answers
# -> table. Every step goes on where it was stopped.
#
#   runs/origin.sh OUT            with tiny parts: made-up tunes, rendered; a Qwen2-Audio of random weights. Minutes on one
#                                 core; it shows that all works, and its figures mean nothing
#   DATA_SET=urmp FOLDER=URMP BASE=Qwen/Qwen2-Audio-7B-Instruct@COMMIT runs/origin.sh OUT
#                                 the experiment: docs/origin.md says what it needs
#
# SYSTEM    qwen2-audio, qwen2.5-omni, audio-flamingo, music-flamingo or voxtral, of which BASE are the weights
# CONVERTER midi2abc for the origin's kind of ABC; analysis writes what a musician would read
# TRACKER   trackio, wandb or tensorboard, besides log.jsonl of each run
set -eu
OUT=${1:?usage: runs/origin.sh OUT}
PYTHON=${PYTHON:-python}
SYSTEM=${SYSTEM:-qwen2-audio} DATA_SET=${DATA_SET:-suite} CONVERTER=${CONVERTER:-analysis} TRACKER=${TRACKER:-none}
here=$(cd "$(dirname "$0")/.." && pwd)
abcscribe() { "$PYTHON" -m abcscribe "$@"; }
mkdir -p "$OUT"

if [ -z "${BASE:-}" ]; then  # tiny parts
  BASE=$OUT/base FOLDER=$OUT/recordings
  SFT="--steps 12 --batch 2 --longest 64 --warmup 2 --lora-rank 4 --log-steps 4"
  RL="--steps 2 --windows 1 --group 2 --most-tokens 24 --held-out 2 --critic-steps 1 --warmup 1"
  ANSWERS="--clips 1 --protocol origin"
  if [ ! -d "$BASE" ]; then
    PYTHONPATH=$here/tests "$PYTHON" -c "import sys, pathlib, tiny_language_models as t
t.save_qwen2_audio(pathlib.Path(sys.argv[1]))" "$BASE"
  fi
  if [ ! -f "$FOLDER/manifest.csv" ]; then
    "$PYTHON" - "$OUT/tunes" <<'MADE'
import pathlib, random, sys
folder, draw = pathlib.Path(sys.argv[1]), random.Random(1)
folder.mkdir(exist_ok=True)
for number in range(12):  # random walks on the scale, in one of three metres
    beats, degree, bars = draw.choice((2, 3, 4)), 7, []
    for _ in range(16):
        degrees = []
        for _ in range(beats):
            degree = min(max(degree + draw.choice((-2, -1, 1, 2)), 0), 13)
            degrees.append("CDEFGABcdefgab"[degree])
        bars.append("".join(degrees))
    text = f"X:1\nT:Made tune {number}\nM:{beats}/4\nL:1/4\nQ:1/4={draw.randint(90, 130)}\nK:{draw.choice('CGFD')}\n"
    (folder / f"tune{number:02d}.abc").write_text(text + "|".join(bars) + "|]\n")
MADE
    abcscribe data scores --no-installed --folder "$OUT/tunes" --out "$OUT/notes.npz"
    abcscribe data suite "$FOLDER" --notes "$OUT/notes.npz" --split train --clips 8 --voices 1
  fi
else
  SFT="--steps 1000 --batch 2 --accumulate 8 --lora-rank 16"
  RL="--minutes 600 --windows 4 --group 8"
  ANSWERS="--protocol origin"
fi

abcscribe data export "$DATA_SET" abc --folder "$FOLDER" --out "$OUT/pairs" --converter "$CONVERTER"
[ -f "$OUT/test/manifest.csv" ] || abcscribe data export "$DATA_SET" suite --folder "$FOLDER" --out "$OUT/test"
# shellcheck disable=SC2086  # options are several words
{
  abcscribe train sft-text "$OUT/pairs/train.jsonl" --system "$SYSTEM" --base "$BASE" --audio-tower "" --out "$OUT/sft" \
    $SFT --tracker "$TRACKER"
  for algorithm in ppo grpo; do
    abcscribe train rl-text --algorithm $algorithm --system "$SYSTEM" --start "$OUT/sft" --out "$OUT/$algorithm" \
      --pairs "$OUT/pairs/train.jsonl" --valid-pairs "$OUT/pairs/test.jsonl" --reward origin $RL --tracker "$TRACKER"
  done
  abcscribe evaluate --suite "$OUT/test" $ANSWERS -o "$OUT/evaluation" \
    --engine "majority,abcscribe,$SYSTEM:$BASE,$SYSTEM:$OUT/sft,$SYSTEM:$OUT/ppo,$SYSTEM:$OUT/grpo"
}
sed -n '/^## Figures/,/^↓/p' "$OUT/evaluation/report.md"
