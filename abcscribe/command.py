"""A frozen dataclass of options -> a command: every field is an option, with the field's comment as its help.

So a command can set whatever a config can say, and the two cannot have other defaults. The comment is the one at the
end of the field's line, or the lines of comment above it. A config may carry ``SMOKE``, values of a run that ends in
two minutes: its command has ``--smoke``, which takes the place of the defaults and of nothing that is said otherwise.
"""

from __future__ import annotations

import ast
import inspect
import re
import typing
from collections.abc import Callable, Collection, Mapping
from dataclasses import MISSING, fields
from types import NoneType, UnionType
from typing import Annotated, Any

import typer

COMMENT = re.compile(r"#\s?(.*)$")


def add(
    app: typer.Typer,
    name: str,
    config: type,
    run: Callable[..., None],
    *,
    arguments: Collection[str] = (),
    flags: Mapping[str, str] | None = None,
    extra: Mapping[str, Any] | None = None,
) -> None:
    """Add a command to an app.

    Args:
        config: the dataclass; its fields are Path, str, int, float, bool, one of these or None, or tuples of them.
        run: called as ``run(config(...), **extra)``; its docstring is the help of the command.
        arguments: fields that are given by their place instead of by ``--name``.
        flags: options of fields that are not called like the field.
        extra: further options by name: typer's annotation, or that and the default.
    """
    app.command(name, help=inspect.getdoc(run))(command(config, run, arguments, flags or {}, extra or {}))


def command(
    config: type,
    run: Callable[..., None],
    arguments: Collection[str],
    flags: Mapping[str, str],
    extra: Mapping[str, Any],
) -> Callable[..., None]:
    """The function that typer makes the command of."""
    kinds, helps = typing.get_type_hints(config), comments(config)
    smoke: Mapping[str, Any] | None = getattr(config, "SMOKE", None)
    parameters = [_parameter("context", typer.Context)]
    for field in fields(config):
        said = _sentence(helps.get(field.name, ""))
        flag = [flags[field.name]] if field.name in flags else []
        info = typer.Argument(help=said) if field.name in arguments else typer.Option(*flag, help=said)
        default = field.default if field.default_factory is MISSING else field.default_factory()
        if default is MISSING:
            default = inspect.Parameter.empty
        elif isinstance(default, tuple) and _several(kinds[field.name]):
            default = list(default)
        parameters.append(_parameter(field.name, Annotated[_option_type(kinds[field.name]), info], default))
    if smoke is not None:
        told = ", ".join(f"{name} {value}" for name, value in smoke.items()) or "as it is"
        option = typer.Option("--smoke", help=f"End within two minutes, to see that all works: {told}.")
        parameters.append(_parameter("smoke", Annotated[bool, option], False))
    for name, annotation in extra.items():
        parameters.append(_parameter(name, *(annotation if isinstance(annotation, tuple) else (annotation,))))

    def call(context: typer.Context, **values: Any) -> None:
        if smoke is not None and values.pop("smoke"):
            said = {name for name in smoke if getattr(context.get_parameter_source(name), "name", "") != "DEFAULT"}
            values |= {name: value for name, value in smoke.items() if name not in said}
        others = {name: values.pop(name) for name in extra}
        told = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
        run(config(**told), **others)

    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    call.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return call


def comments(config: type) -> dict[str, str]:
    """The comment of each field of a dataclass, by name; of those it inherits, too."""
    found: dict[str, str] = {}
    for kind in reversed(config.__mro__[:-1]):
        lines, _ = inspect.getsourcelines(kind)
        lines = inspect.cleandoc("\n" + "".join(lines)).splitlines()
        (body,) = (node for node in ast.parse("\n".join(lines)).body if isinstance(node, ast.ClassDef))
        for node in body.body:
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.end_lineno:
                behind = COMMENT.search(lines[node.end_lineno - 1][node.end_col_offset or 0 :])
                found[node.target.id] = behind[1] if behind else _above(lines, node.lineno - 1)
    return {field.name: found.get(field.name, "") for field in fields(config)}


def _above(lines: list[str], line: int) -> str:
    """The lines of comment that end just before a line."""
    first = line
    while first and lines[first - 1].lstrip().startswith("#"):
        first -= 1
    return " ".join(part.strip().lstrip("# ") for part in lines[first:line])


def _sentence(comment: str) -> str:
    return f"{comment[:1].upper()}{comment[1:]}." if comment and not comment.endswith(".") else comment


def _parameter(name: str, annotation: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _several(kind: Any) -> bool:
    """Whether a type is a tuple of any length."""
    return typing.get_origin(kind) is tuple and Ellipsis in typing.get_args(kind)


def _option_type(kind: Any) -> Any:
    """What typer knows: a tuple of any length is a list to it, an option that may be given again."""
    if _several(kind):
        one = typing.get_args(kind)[0]
        return list[one]  # type: ignore[valid-type]  # made at run time
    if isinstance(kind, UnionType) or typing.get_origin(kind) is typing.Union:
        (one,) = (part for part in typing.get_args(kind) if part is not NoneType)
        return typing.Optional[_option_type(one)]  # noqa: UP045  # made at run time
    return kind
