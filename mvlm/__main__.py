"""The course's models and tools from the command line: python -m mvlm COMMAND."""

import argparse
import gc
import signal
import sys
from importlib import import_module
from types import ModuleType

from mvlm.commands.arguments import COMMANDS


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m mvlm", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        text = command.help
        command.add_arguments(
            commands.add_parser(name, help=text, description=text.capitalize() + ".")
        )
    try:
        options = parser.parse_args(arguments)
        command = COMMANDS[options.command]
        if problem := command.problem(options):
            print(f"mvlm {options.command}: {problem}", file=sys.stderr)
            return 2
        return load(command.module).run(options)
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 128 + signal.SIGINT  # what a shell expects of a program that Ctrl-C ended


def load(module: str) -> ModuleType:
    """Import a module without looking for garbage meanwhile, nor in what came of it.

    Importing torch makes objects by the hundred thousand, and all of them stay. To look them
    through again and again, and once more at the end, took a third of the time of a short `chat`.
    """
    if module not in sys.modules:
        gc.disable()
        try:
            import_module(module)
            gc.freeze()
        finally:
            gc.enable()
    return sys.modules[module]


if __name__ == "__main__":
    sys.exit(main())
