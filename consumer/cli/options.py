"""Options that several commands share; each one names its environment variable in ``--help``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

import click

from ..facets import parse_time
from ..settings import Settings

F = TypeVar("F", bound=Callable[..., Any])


class Moment(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.2 on, and not when it runs
    """An instant, in UTC unless it says otherwise."""

    name = "moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return the instant, or end with a sentence that names the option."""
        try:
            return parse_time(value)
        except ValueError:
            self.fail(f"{value!r} is not a time such as 2026-11-22T06:00:00Z.", param, ctx)


MOMENT = Moment()
FORMATS = click.Choice(["table", "json", "csv"])


def setting(name: str) -> Callable[[F], F]:
    """Return the option of a setting: its help, default and environment variable are those of `Settings`."""
    field = Settings.model_fields[name]
    default = field.default
    shown = ",".join(default) if isinstance(default, tuple) else default
    return click.option(
        f"--{name.replace('_', '-')}",
        name,
        envvar=f"HEADWATER_{name.upper()}",
        show_envvar=True,
        default=None,
        metavar=_metavar(default, field.description or ""),
        help=f"{field.description}" + (f"  [default: {shown}]" if shown else ""),
    )


def settings_of(*names: str) -> Callable[[F], F]:
    """Return a decorator that adds the options of several settings, in this order."""

    def decorate(command: F) -> F:
        for name in reversed(names):
            command = setting(name)(command)
        return command

    return decorate


def output_format(command: F) -> F:
    """Add ``--format``."""
    return click.option(
        "--format",
        "format_",
        type=FORMATS,
        envvar="HEADWATER_FORMAT",
        show_envvar=True,
        help="How to print.  [default: table on a terminal, else json: one object a line]",
    )(command)


def _metavar(default: object, description: str) -> str:
    if description.startswith("Seconds"):
        return "SECONDS"
    if description.startswith("Days"):
        return "DAYS"
    return {int: "N", float: "SHARE"}.get(type(default), "TEXT")
