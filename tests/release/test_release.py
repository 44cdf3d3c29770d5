"""What a release is made of: the changelog's section, versions with hashes, licences, and equal bytes."""

import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import Distribution
from pathlib import Path

import build_twice
import licences
import prepare
import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CHANGELOG = "# Changelog\n\n## Unreleased\n\n### Added\n- A thing.\n\n## 0.1.0 - 2026-11-26\n\nThe first version.\n"


def pins(name: str) -> dict[str, str]:
    """Version by package of a file of constraints."""
    lines = re.findall(r"^([\w.-]+)==([^\s;]+)", (ROOT / name).read_text(encoding="utf-8"), re.M)
    return {package.lower().replace("_", "-"): version for package, version in lines}


def test_what_is_unreleased_becomes_the_section_of_the_version() -> None:
    new = prepare.section(CHANGELOG, "0.2.0", "2026-12-01")
    assert "## Unreleased\n\n## 0.2.0 - 2026-12-01\n\n### Added\n- A thing.\n\n## 0.1.0" in new


@pytest.mark.parametrize(
    ("changelog", "version", "said"),
    [
        (CHANGELOG.replace("### Added\n- A thing.\n\n", ""), "0.2.0", "nothing to release"),
        (CHANGELOG, "0.1.0", "does not come after 0.1.0"),
        (CHANGELOG, "0.0.9", "does not come after 0.1.0"),
        (CHANGELOG, "next", "is no version"),
        (CHANGELOG.replace("Unreleased", "Soon"), "0.2.0", "nothing to release"),
    ],
)
def test_what_is_no_release_is_refused(changelog: str, version: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        prepare.section(changelog, version, "2026-12-01")


def test_the_three_files_of_the_project_take_a_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CHANGELOG.md", "pyproject.toml", "CITATION.cff"):
        (tmp_path / name).write_text((ROOT / name).read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG, encoding="utf-8")
    monkeypatch.setattr(prepare, "ROOT", tmp_path)
    prepare.main("9.8.7", "2027-01-02")
    assert tomllib.loads((tmp_path / "pyproject.toml").read_text())["project"]["version"] == "9.8.7"
    assert 'version: 9.8.7\ndate-released: "2027-01-02"' in (tmp_path / "CITATION.cff").read_text()
    assert "## 9.8.7 - 2027-01-02" in (tmp_path / "CHANGELOG.md").read_text()


def test_the_versions_with_hashes_are_those_that_the_tests_pass_with() -> None:
    """``make locks`` mends it. What other systems need besides has a marker, and no pin of its own."""
    locked, tested = pins("constraints-light.txt"), pins("constraints.txt")
    assert {re.split(r"[>=<]", need)[0].lower() for need in PROJECT["dependencies"]} <= locked.keys()
    assert {name: version for name, version in locked.items() if tested.get(name, version) != version} == {}
    blocks = re.split(r"^(?=[\w.-]+==)", (ROOT / "constraints-light.txt").read_text(encoding="utf-8"), flags=re.M)[1:]
    assert len(blocks) == len(locked)
    assert all("--hash=sha256:" in block for block in blocks)


def test_every_package_of_the_light_core_has_its_licence_on_the_page() -> None:
    page = (ROOT / "docs" / "licences.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| ([\w-]+) \| (\d\S+) \| \S", page, re.M))
    elsewhere = {"colorama"}  # on Windows only; the page says so
    assert listed == {name: pin for name, pin in pins("constraints-light.txt").items() if name not in elsewhere}


def test_a_licence_is_the_expression_or_else_what_is_said(tmp_path: Path) -> None:
    def package(metadata: str) -> Distribution:
        (tmp_path / "METADATA").write_text(f"Metadata-Version: 2.4\nName: x\nVersion: 1\n{metadata}", encoding="utf-8")
        return Distribution.at(tmp_path)

    assert licences.licence(package("License-Expression: MIT\nLicense: other\n")) == "MIT"
    assert licences.licence(package("Classifier: License :: OSI Approved :: MIT License\n")) == "MIT License"
    assert licences.licence(package("License: BSD\n")) == "BSD"
    assert licences.licence(package("")) == "not said"


def test_the_packages_that_are_built_have_the_day_of_the_release() -> None:
    assert build_twice.epoch() % 86400 == 0
    assert build_twice.epoch() >= 1795651200  # 2026-11-26


def test_two_builds_of_one_tree_are_equal_and_hold_all_of_the_package(tmp_path: Path) -> None:
    """With the backend alone; ``make release`` builds sdist and wheel in environments made for it."""
    built = []
    for name in ("one", "other"):
        out = tmp_path / name
        command = [sys.executable, "-m", "hatchling", "build", "--directory", str(out), "--target", "wheel"]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
        built += [path.read_bytes() for path in out.iterdir()]
    assert built[0] == built[1]
    (wheel,) = (tmp_path / "one").iterdir()
    inside = {name for name in zipfile.ZipFile(wheel).namelist() if not name.startswith("abcscribe-")}
    tracked = subprocess.check_output(["git", "ls-files", "abcscribe"], cwd=ROOT, text=True).split()
    assert set(tracked) - inside == {name for name in tracked if name.endswith(".safetensors")}
    assert not [name for name in inside if "__pycache__" in name]
