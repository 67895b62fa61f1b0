"""The command line: `python -m explorer list`, and the commands that `python -m explorer --help` lists.

Each has `--json`. Bad input ends with one line per problem on standard error and exit status 2. To add a command, write
`register(commands)` in a module beside this one, list both in GROUPS and add its JSON schema to `schemas/`.
"""

from __future__ import annotations

import io
import json
import sys
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import shtab

import archs
import costmodel
from explorer.cli import destination
from explorer.cli.command import BAD_INPUT, Commands, Output, Parser, UsageError, schema_name, without_nan, write

GROUPS = {
    "catalogue": ("list", "count", "reconcile"),
    "export": ("export",),
    "latency": ("calibrate", "predict", "validate"),
    "measure": ("measure",),
    "compare": ("diff", "advise", "frontier", "profiles"),
    "import_network": ("import",),
    "lab": ("lab",),
    "search": ("search", "sweep"),
    "adapt": ("adapt",),
    "devices": ("devices", "fit-device"),
}
"""Module of commands → those that it registers, in the order of the help."""

SCRIPT = "cnn-cost"
"""The console script of the installed package."""
COMPLETION = "--print-completion"


def parser(command: str = "") -> tuple[Parser, Commands]:
    """The parser of a command and of those beside it, or of the whole command line, and the commands that it has."""
    program = Parser(prog=_program(), description="What a mobile CNN costs.")
    program.add_argument("--version", action="version", version=_version())
    shtab.add_argument_to(program, COMPLETION, help=f'print a script for a shell: eval "$({SCRIPT} {COMPLETION} bash)"')
    commands = Commands(program)
    own = [module for module, names in GROUPS.items() if command in names]
    for module in own or GROUPS:  # a module of commands loads what they need: others' would triple the start of some
        import_module(f"explorer.cli.{module}").register(commands)
    return program, commands


def _program() -> str:
    installed = Path(sys.argv[0]).stem == SCRIPT or COMPLETION in sys.argv  # a shell completes the script only
    return SCRIPT if installed else "python -m explorer"


def _version() -> str:
    try:
        installed = version(SCRIPT)
    except PackageNotFoundError:
        installed = "not installed, run from a checkout"
    return f"{SCRIPT} {installed}; counting convention of {costmodel.CONVENTION}"


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit status: 0, 2 for bad input and bad usage, 130 after a signal."""
    arguments = sys.argv[1:] if arguments is None else arguments
    for stream in (sys.stdout, sys.stderr):  # × and − under an encoding without them
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        program, commands = parser(next((word for word in arguments if not word.startswith("-")), ""))
        options, unknown = program.parse_known_args(arguments)
        if unknown:
            commands.refuse_unknown(options.command, unknown)
    except UsageError as error:
        hint = f"see {_program()}{f' {error.command}' if error.command else ''} --help"
        return _refuse(error.command, [f"{error}; {hint}"], "--json" in arguments)
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    try:
        with destination.signals():
            output: Output = options.action(options)
        if options.json:
            document = {"schema": schema_name(options.command), **output.document}
            write(json.dumps(without_nan(document), indent=1))
        else:
            write(output.text)
    except (archs.ArchError, costmodel.CostError) as error:
        return _refuse(options.command, str(error).splitlines(), options.json)
    except BrokenPipeError:  # the reader, `head` for instance, has closed the pipe
        sys.stderr.close()
    except OSError as error:
        return _refuse(options.command, [f"{error.filename or 'the output'}: {error.strerror}"], options.json)
    except MemoryError:
        return _refuse(options.command, ["out of memory; take a smaller network or batch"], options.json)
    except KeyboardInterrupt as interrupt:  # it says what was kept, where anything was
        kept = f"; {interrupt}" if str(interrupt) else ""
        print(f"\n{options.command}: interrupted{kept}", file=sys.stderr)
        return destination.INTERRUPTED
    return 0


def _refuse(command: str, problems: list[str], as_json: bool) -> int:
    """Print the problems, to standard output too with `--json`; returns the exit status."""
    if as_json:
        write(json.dumps({"schema": schema_name("error"), "command": command, "problems": problems}, indent=1))
    print("\n".join([f"{command or _program()}: {problems[0]}", *problems[1:]]), file=sys.stderr)
    return BAD_INPUT
