"""``python -m melib COMMAND``: the study from the command line."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
from collections.abc import Sequence

from melib import __version__, cli
from melib.errors import in_one_line


def build_parser() -> argparse.ArgumentParser:
    """Assemble the parser from the modules of ``melib.cli``."""
    parser = argparse.ArgumentParser(prog="melib", description="Spot, then recognize: facial micro-expressions.")
    parser.add_argument("--version", action="version", version=f"melib {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for module_info in pkgutil.iter_modules(cli.__path__):
        module = importlib.import_module(f"melib.cli.{module_info.name}")
        command = commands.add_parser(module_info.name, help=module.HELP, description=module.HELP)
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; bad input gives one line on stderr and exit code 2, an interruption one line and 130."""
    parsed = build_parser().parse_args(arguments)
    return in_one_line(f"melib {parsed.command}", lambda: parsed.run(parsed))


if __name__ == "__main__":
    sys.exit(main())
