"""`abcscribe.analysis.Analysis` -> Score, by rules or by the language model."""

WRITERS = {"lm": "the language model", "rules": "the rules"}
