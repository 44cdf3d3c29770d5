"""The networks, their runtimes without torch, and the folder of weights (`WEIGHTS`).

The folder comes with the package. The environment variable ABCSCRIBE_WEIGHTS names another, such as one in which
weights are fitted anew.
"""

import os
from pathlib import Path

SHIPPED = Path(__file__).parent / "weights"  # its README.md is one table: file, what, made by, depends on, date
WEIGHTS = Path(os.environ.get("ABCSCRIBE_WEIGHTS") or SHIPPED)
