"""What a run of reinforcement learning does: its options, and the reward by name or weights."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from abcscribe.errors import AbcscribeError
from abcscribe.rewards import FULL, ORIGIN, RewardWeights

NAMED = {"origin": ORIGIN, "full": FULL}


@dataclass(frozen=True)
class RlTraining:
    """What one training run does."""

    cache: Path  # note cache of datasets.corpora.build_cache
    out: Path  # model.safetensors, config.json (the best), state.pt, log.jsonl, samples.jsonl
    start: Path  # checkpoint folder of abcscribe train sft
    algorithm: str = "grpo"  # or ppo
    reward: RewardWeights = FULL
    minutes: float = 60.0  # time budget over all resumed runs together
    steps: int | None = None  # end earlier, after so many
    # AdamW. Held-out reward of the shipped model after 20 to 40 steps: -.007 and 0 at 3e-4 with two updates a step at
    # temperature 1 (KL .29 a token), +.006 at 1e-4 with one update a step at temperature .8.
    rate: float = 1e-4
    warmup: int = 5  # steps
    windows: int = 8  # a step
    group: int = 8  # answers to each
    notes: tuple[int, int] = (16, 48)  # fewest and most of a window
    minibatches: int = 1  # updates a step
    epochs: int = 1  # times that each answer is learned from
    temperature: float = 0.8  # of the sampling: at 1 most of what differs is what no greedy answer would say
    constrained: bool = True  # False: the grammar is learned from the reward too
    most_tokens: int = 600
    by_spread: bool = True  # GRPO: divide advantages by the spread of their group
    by_part: bool = True  # GRPO: judge a token only by the parts of the reward that it can change
    clip: float = 0.2
    clip_high: float = 0.28  # unlikely tokens may rise a little more, which keeps entropy up (DAPO; Yu et al., 2025)
    kl: float = 0.005  # weight of the KL to the start
    kl_target: float | None = None  # nats a token; PPO: the weight is moved towards it
    entropy: float = 0.0  # weight of the bonus
    discount: float = 1.0
    trace: float = 0.99  # lambda of GAE: answers have some hundred tokens and their reward at the end
    value_weight: float = 0.1
    critic_steps: int = 10  # PPO: steps at the beginning in which only the values are learned
    held_out: int = 96  # windows
    evaluate_steps: int = 20
    tolerance: float = 0.01  # the held-out reward may fall this far below the best
    patience: int = 2  # evaluations in a row before the policy is put back
    checkpoint_minutes: float = 4.0
    rounded: bool = True  # bfloat16 where it is quicker, see NotePolicy
    threads: int = 1
    seed: int = 1


def parse_reward(text: str) -> RewardWeights:
    """``origin``, ``full``, or weights: ``pitch=.5,rhythm=.3,content=.5``."""
    if text in NAMED:
        return NAMED[text]
    known = {field.name for field in fields(RewardWeights)}
    weights = dict.fromkeys(("pitch", "metre", "tempo", "instrument"), 0.0)
    for item in text.split(","):
        name, _, value = item.partition("=")
        try:
            weights[name.strip()] = float(value or 1)
        except ValueError:
            raise AbcscribeError(f"{value!r} is no weight.") from None
    if unknown := weights.keys() - known:
        raise AbcscribeError(f"No reward {sorted(unknown)[0]!r}; there are {', '.join([*NAMED, *sorted(known)])}.")
    return RewardWeights(**weights)
