"""Make the tree the one of a release: version, date, and the changelog's section.

    python release/prepare.py VERSION [DATE]      (today, if no date is named)

What stands under "Unreleased" in CHANGELOG.md becomes the version's section; pyproject.toml and CITATION.cff get its
number and date.
"""

from __future__ import annotations

import datetime
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
UNRELEASED = "## Unreleased\n"
NUMBERS = r"\d+\.\d+\.\d+"


def main(version: str, date: str) -> None:
    """Change the three files, or none."""
    files = {
        name: (ROOT / name).read_text(encoding="utf-8") for name in ("CHANGELOG.md", "pyproject.toml", "CITATION.cff")
    }
    try:
        changed = {
            "CHANGELOG.md": section(files["CHANGELOG.md"], version, date),
            "pyproject.toml": replaced(files["pyproject.toml"], r'^version = ".*"$', f'version = "{version}"'),
            "CITATION.cff": replaced(
                replaced(files["CITATION.cff"], r"^version: .*$", f"version: {version}"),
                r"^date-released: .*$", f'date-released: "{date}"',
            ),
        }  # fmt: skip
    except ValueError as error:
        sys.exit(str(error))
    for name, text in changed.items():
        (ROOT / name).write_text(text, encoding="utf-8")


def section(changelog: str, version: str, date: str) -> str:
    """The changelog with what is unreleased under a version. Raises ValueError if nothing is, or the version is old."""
    if not re.fullmatch(NUMBERS, version):
        raise ValueError(f"{version!r} is no version: three numbers with dots are.")
    datetime.date.fromisoformat(date)
    before, found, rest = changelog.partition(UNRELEASED)
    news = re.split(r"^## ", rest, maxsplit=1, flags=re.M)[0].strip()
    if not found or not news:
        raise ValueError("There is nothing under Unreleased in CHANGELOG.md: nothing to release.")
    last = re.search(rf"^## ({NUMBERS}) ", rest, re.M)
    if last and numbers(version) <= numbers(last[1]):
        raise ValueError(f"{version} does not come after {last[1]}, the last release in CHANGELOG.md.")
    return f"{before}{UNRELEASED}\n## {version} - {date}\n{rest}"


def numbers(version: str) -> tuple[int, ...]:
    """(1, 2, 3) of 1.2.3."""
    return tuple(map(int, version.split(".")))


def replaced(text: str, pattern: str, by: str) -> str:
    """The text with the one line that fits the pattern replaced."""
    new, count = re.subn(pattern, by, text, flags=re.M)
    if count != 1:
        raise ValueError(f"{pattern} fits {count} lines, not one.")
    return new


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else datetime.datetime.now(datetime.UTC).date().isoformat())
