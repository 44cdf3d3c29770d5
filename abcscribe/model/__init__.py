"""The networks, their runtimes without torch, and the weights that come with the package (`WEIGHTS`)."""

from pathlib import Path

WEIGHTS = Path(__file__).parent / "weights"  # its README.md is one table: file, what, made by, depends on, date
