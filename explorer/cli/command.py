"""How a command joins the command line: `Commands.add` registers it, and it returns an `Output`.

A module with commands has `register(commands)`, which `explorer.cli.main.GROUPS` lists. Each command has a JSON schema
in `explorer/cli/schemas/`.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from archs.guidance import similar
from explorer.cli import network

VERSION = 1
"""The version of every document; a key that changes its meaning or goes takes another."""
BAD_INPUT = 2
"""The exit status for bad input and bad usage, as argparse has it."""


@dataclass(frozen=True)
class Output:
    """What a command prints: the `document` with `--json`, else the `text`.

    Progress and warnings are not part of it; they go to standard error while the command runs.
    """

    document: Mapping[str, Any]
    text: str


Run = Callable[[argparse.Namespace], Output]


class UsageError(ValueError):
    """Arguments that the parser refuses; `command` is the command that they were given to, or empty."""

    def __init__(self, command: str, message: str):
        self.command = command
        super().__init__(message)


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that raises UsageError instead of printing its usage and exiting."""

    command = ""

    def error(self, message: str) -> NoReturn:
        """Raises UsageError."""
        raise UsageError(self.command, message)


class Commands:
    """The commands of the program. Registering one name twice is an error."""

    def __init__(self, parser: argparse.ArgumentParser):
        self._parsers: argparse._SubParsersAction[Parser] = parser.add_subparsers(
            dest="command", required=True, metavar="command", parser_class=Parser
        )

    def add(self, name: str, run: Run, about: str, takes_network: bool = False) -> argparse.ArgumentParser:
        """Register `run` as `python -m explorer NAME`, with `--json`; returns the parser to add options to.

        `takes_network` adds the network argument with its knobs; `explorer.cli.network.graph(options)` reads it.
        """
        if name in self._parsers.choices:
            raise ValueError(f"the command {name!r} is registered twice")
        parser = self._parsers.add_parser(name, help=about, description=about)
        parser.command = name
        parser.set_defaults(action=run)
        parser.add_argument("--json", action="store_true", help="print JSON")
        if takes_network:
            network.add_argument(parser)
            network.add_options(parser)
        return parser

    def refuse_unknown(self, command: str, words: Sequence[str]) -> NoReturn:
        """Raises UsageError for arguments that a command does not take, with the options that were meant."""
        options = [option for action in self._parsers.choices[command]._actions for option in action.option_strings]
        named = {option.lstrip("-").replace("-", "_"): option for option in options if option.startswith("--")}
        message = f"unrecognized arguments: {' '.join(words)}"
        for word in words:
            name = word.partition("=")[0]
            meant = similar(name.lstrip("-").replace("-", "_"), named) if name.startswith("--") else None
            message += f"; instead of {name} use {named[meant]}" if meant else ""
        raise UsageError(command, message)

    @property
    def names(self) -> tuple[str, ...]:
        """The registered commands, in the order of the help."""
        return tuple(self._parsers.choices)


def schema_name(command: str) -> str:
    """The `schema` of a command's document: `explorer.count/1`."""
    return f"explorer.{command}/{VERSION}"


def without_nan(value: Any) -> Any:
    """A document with null for NaN, which JSON does not have."""
    if isinstance(value, Mapping):
        return {name: without_nan(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_nan(one) for one in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def ends(low_ms: float, high_ms: float) -> str:
    """The ends of a latency's interval with three decimals, for a column; NaN outside of the calibrated range."""
    return "outside the calibrated range" if math.isnan(low_ms) else f"{low_ms:.3f} to {high_ms:.3f}"


def write(text: str) -> None:
    """Print a text that may end without a line break; nothing where there is none."""
    if text:
        sys.stdout.write(text if text.endswith("\n") else f"{text}\n")
