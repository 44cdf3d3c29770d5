"""Commands made from configs: every field is an option, with the field's default and its comment as help."""

import dataclasses
import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import click
import pytest
import typer
import typer.main
from typer.testing import CliRunner

from abcscribe import command
from abcscribe.cli import app
from abcscribe.synthesis import configs as synthesis
from abcscribe.training import configs
from abcscribe.training.small import configs as small

COMMANDS: dict[type, str] = {
    configs.TowerTraining: "train tower", configs.SftTraining: "train sft", configs.SftTextTraining: "train sft-text",
    configs.LlarkTraining: "train llark", configs.RlTraining: "train rl", configs.RlTextTraining: "train rl-text",
    configs.ExportConfig: "data export", configs.ChainConfig: "train chain", configs.ListeningConfig: "data listen",
    configs.ClipListeningConfig: "data listen-clips", synthesis.RenderConfig: "data render",
    synthesis.SuiteConfig: "data suite",
} | {learner.config: f"train small {learner.name}" for learner in small.LEARNERS.values()}  # fmt: skip


def parameters(words: str) -> dict[str, click.Parameter]:
    found: Any = typer.main.get_command(app)
    for word in words.split():
        found = found.commands[word]
    return {parameter.name: parameter for parameter in found.params}


def test_every_config_has_a_command():
    made = {
        kind
        for module in (configs, small, synthesis)
        for kind in vars(module).values()
        if inspect.isclass(kind) and dataclasses.is_dataclass(kind) and kind is not small.Learner
    }
    assert made == set(COMMANDS)


@pytest.mark.parametrize(("config", "words"), COMMANDS.items(), ids=COMMANDS.values())
def test_every_field_is_an_option_with_its_default_and_its_help(config: type, words: str):
    given, comments = parameters(words), command.comments(config)
    for field in dataclasses.fields(config):
        option = given[field.name]
        assert comments[field.name], f"{config.__name__}.{field.name} has no comment"
        assert comments[field.name][:1].upper() + comments[field.name][1:] in option.help
        if field.default is dataclasses.MISSING:
            assert option.required
        else:
            default = option.default() if callable(option.default) else option.default
            assert (tuple(default or ()) if isinstance(field.default, tuple) else default) == field.default
    assert set(getattr(config, "SMOKE", ())) <= {field.name for field in dataclasses.fields(config)}


@dataclass(frozen=True)
class Example:
    """Fields of every kind."""

    place: Path  # where
    count: int = 3  # how many
    # The reason for the number,
    # in two lines
    share: float = 0.5
    name: str | None = None  # called
    pair: tuple[int, int] = (1, 2)  # two
    many: tuple[Path, ...] = (Path("a"),)  # any number
    quick: bool = False  # or slow

    SMOKE: ClassVar[dict[str, Any]] = {"count": 1, "quick": True}


@pytest.fixture
def made():
    """The configs that a command was run with, and the app that it is in."""
    found: list[Any] = []
    typed = typer.Typer()

    def run(config: Example, tracker: str) -> None:
        """Does nothing."""
        found.append((config, tracker))

    extra = {"tracker": (str, "none")}
    command.add(typed, "run", Example, run, arguments=("place",), flags={"name": "--called"}, extra=extra)
    typed.command("other")(lambda: None)  # with one command alone typer makes no group
    return found, typed


def test_options_become_the_config(made):
    found, typed = made
    words = ["run", "here", "--count", "7", "--share", ".25", "--called", "x", "--pair", "3", "4", "--quick"]
    ran = CliRunner().invoke(typed, [*words, "--many", "b", "--many", "c", "--tracker", "wandb"])
    assert ran.exit_code == 0, ran.output
    assert found == [(Example(Path("here"), 7, 0.25, "x", (3, 4), (Path("b"), Path("c")), True), "wandb")]


def test_defaults_are_those_of_the_config(made):
    found, typed = made
    assert CliRunner().invoke(typed, ["run", "here"]).exit_code == 0
    assert found == [(Example(Path("here")), "none")]


def test_smoke_takes_the_place_of_defaults_and_of_nothing_that_is_said(made):
    found, typed = made
    assert CliRunner().invoke(typed, ["run", "here", "--smoke"]).exit_code == 0
    assert CliRunner().invoke(typed, ["run", "here", "--smoke", "--count", "3"]).exit_code == 0
    assert [(config.count, config.quick) for config, _ in found] == [(1, True), (3, True)]


def test_what_makes_no_sense_is_a_usage_error(made):
    _, typed = made
    assert CliRunner().invoke(typed, ["run"]).exit_code == 2
    assert CliRunner().invoke(typed, ["run", "here", "--count", "many"]).exit_code == 2


def test_comments_of_fields():
    assert command.comments(Example) == {
        "place": "where", "count": "how many", "share": "The reason for the number, in two lines", "name": "called",
        "pair": "two", "many": "any number", "quick": "or slow",
    }  # fmt: skip
