"""The tokens that can change each part of the reward: credit assignment of reinforcement learning.

The heard notes are given, so bars and notes follow from them and from metre and tempo, whatever key or instruments were
written before; and no later token changes the header. In GRPO the advantage of a token is computed from the parts that
it reaches: a part that no token reaches would be reported and never learned, so that is an error.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from abcscribe.errors import AbcscribeError
from abcscribe.rewards import NAMES
from abcscribe.tokens import VOCABULARY

HEADER = ("tempo", "fifths", "mode", "program")  # blocks of the vocabulary; all others are MUSIC
MUSIC = "music"
REACHED_BY: dict[str, tuple[str, ...]] = {  # part of the reward -> blocks whose tokens can change it
    "pitch": (MUSIC, "program"),
    "rhythm": (MUSIC, "tempo"),
    "metre": (MUSIC,),
    "structure": (MUSIC, "tempo"),
    "tempo": ("tempo",),
    "key": ("fifths", "mode"),
    "instrument": ("program",),
}


@cache
def reach() -> np.ndarray:
    """(vocabulary, len(NAMES)) bool: which parts of the reward a token can change.

    Raises:
        AbcscribeError: a part of `abcscribe.rewards` has no line in REACHED_BY, or a line is of no part.
    """
    return table(NAMES, REACHED_BY)


def table(names: tuple[str, ...], reached_by: dict[str, tuple[str, ...]]) -> np.ndarray:
    """`reach` for other parts. Raises AbcscribeError."""
    blocks = {block: np.zeros(len(VOCABULARY), bool) for block in HEADER}
    for block, tokens in blocks.items():
        tokens[getattr(VOCABULARY, block)] = True
    blocks[MUSIC] = ~np.any(list(blocks.values()), axis=0)
    unreached = [name for name in names if not reached_by.get(name)]
    unknown = [name for name in reached_by if name not in names]
    if unreached or unknown:
        raise AbcscribeError(
            f"abcscribe/training/reach.py says no token for {', '.join(unreached) or 'nothing'}, and some for "
            f"{', '.join(unknown) or 'nothing'} that is no part of the reward: REACHED_BY has a line for each part."
        )
    return np.stack([np.any([blocks[block] for block in reached_by[name]], axis=0) for name in names], axis=1)
