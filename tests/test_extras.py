"""What is missing is said, with a command that works where the user is."""

from pathlib import Path

import pytest

from abcscribe import extras
from abcscribe.errors import AbcscribeError


def test_what_is_there_is_not_missed() -> None:
    extras.require("This test", "dev", "pytest", "pathlib")


def test_what_is_missing_is_named_with_the_command() -> None:
    with pytest.raises(AbcscribeError, match=r"^Training needs no_such_package; install with: .* -e '.*\[train\]'$"):
        extras.require("Training", "train", "pytest", "no_such_package")


def test_outside_of_a_checkout_the_package_has_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "__file__", str(tmp_path / "site-packages" / "abcscribe" / "extras.py"))
    assert extras.install_command("hf").endswith("-m pip install 'abcscribe[hf]'")
