"""Write the table in docs/licences.md: what comes with the wheel, under which licence, with which libraries inside.

    python release/licences.py ENVIRONMENT      (one that release/try_wheel.py made)

The licence is what a package says of itself: the expression in its metadata (PEP 639), else its classifier, else its
free text. Libraries inside are files that wheels carry in a folder NAME.libs.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path

PAGE = Path(__file__).resolve().parents[1] / "docs" / "licences.md"
BEGIN, END = "<!-- table: release/licences.py -->\n", "<!-- end of the table -->\n"
TOOLS = {"pip", "setuptools", "abcscribe"}  # of every environment, and the package itself


def main(environment: Path) -> None:
    """Put the table of an environment in place of the one on the page."""
    found = distributions(path=[str(path) for path in sorted(environment.glob("[Ll]ib*/**/site-packages"))])
    packages = {one.metadata["Name"].lower().replace("_", "-"): one for one in found}
    rows = [_row(name, packages[name]) for name in sorted(packages.keys() - TOOLS)]
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    head = "| package | version | licence | libraries inside |\n|---|---|---|---|\n"
    PAGE.write_text(f"{before}{BEGIN}{head}{''.join(rows)}{END}{rest.partition(END)[2]}", encoding="utf-8")


def _row(name: str, package: Distribution) -> str:
    return f"| {name} | {package.version} | {licence(package)} | {', '.join(libraries(package)) or ''} |\n"


def licence(package: Distribution) -> str:
    """What a package says of itself."""
    said = package.metadata
    if said["License-Expression"]:
        return said["License-Expression"]
    classifiers = [c.rpartition(" :: ")[2] for c in said.get_all("Classifier", []) if c.startswith("License :: ")]
    return "; ".join(classifiers) or (said["License"] or "not said").splitlines()[0]


def libraries(package: Distribution) -> Iterator[str]:
    """Names of the shared libraries of others that lie in a wheel, without hash and version."""
    files = (file for file in package.files or () if file.parts[0].endswith(".libs"))
    yield from sorted({re.split(r"[-.]", file.name)[0] for file in files}, key=str.lower)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
