"""How much a draft saves: the language model's windows decoded token by token, and checked along the analysis' score.

    python benchmarks/speculation.py CACHE.npz [--windows 200] [--seed 1]

Windows of the valid split, 16 to 96 notes, in simulated hearing, guided as in earnest. Prints how many answers are the
same, the model's steps, and the processor time of both ways, measured by turns in one run.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from abcscribe.analysis import analyse
from abcscribe.analysis.analysis_features import played_notes, with_analysis
from abcscribe.synthesis.windows import Stage, WindowSource
from abcscribe.writing import language_model
from abcscribe.writing.decoding import Constraints, generate
from abcscribe.writing.draft import draft
from abcscribe.writing.guide import AnalysisGuide, staves_of_groups


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cache", type=Path)
    parser.add_argument("--windows", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    source, rng = WindowSource(options.cache, "valid"), np.random.default_rng(options.seed)
    stepper, tokens, same = language_model.load(), 0, 0
    seconds = {"token by token": 0.0, "with the draft": 0.0}
    for _ in range(options.windows):
        window = source.draw(rng, Stage()).heard
        analysis = analyse(played_notes(window))
        heard, ticks = with_analysis(window, analysis)
        known: dict = {}
        if analysis is not None:
            guide = AnalysisGuide(analysis, ticks, staves_of_groups(analysis, heard))
            known = {"constraints": [guide.header(Constraints())], "guides": [guide]}
        answers = []
        for way in seconds:
            began = time.process_time()
            ahead = draft(analysis, ticks) if way == "with the draft" and analysis else None
            answers += generate(stepper, [heard], language_model.DECODING, **known, draft=ahead)
            seconds[way] += time.process_time() - began
        same += answers[0].ids.tolist() == answers[1].ids.tolist()
        tokens += len(answers[0].ids)
    one, other = seconds.values()
    print(f"{same} of {options.windows} answers the same; {tokens} tokens")
    print(
        ", ".join(f"{way} {spent:.1f} s" for way, spent in seconds.items()), f"of processor time: {one / other:.2f} x"
    )


if __name__ == "__main__":
    main()
