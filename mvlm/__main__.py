"""The course's models and tools from the command line: python -m mvlm COMMAND."""

import argparse
import gc
import signal
import sys
from importlib import import_module
from types import ModuleType

# Each command lives in a module of its own, imported when it is called:
# command → (module with `add_arguments(parser)` and `run(arguments) -> exit status`, what it does)
COMMANDS = {
    "notebooks": ("mvlm.publish.notebooks", "write and execute the notebooks from their sources"),
    "release": ("mvlm.publish.release", "make student and solution notebooks from a master"),
    "train": ("mvlm.commands.train", "train one of the course's models"),
    "chat": ("mvlm.commands.chat", "talk about a picture"),
    "classify": ("mvlm.commands.classify", "say which words fit a picture"),
    "evaluate": ("mvlm.commands.evaluate", "measure a finished model on freshly drawn data"),
    "weights": ("mvlm.commands.weights", "make every finished model again and measure it"),
    "grade": ("mvlm.grading.cli", "grade a folder of submissions"),
}


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(prog="python -m mvlm", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    chosen = next((word for word in arguments if word in COMMANDS), None)
    try:
        for name, (module, text) in COMMANDS.items():
            command = commands.add_parser(name, help=text, description=text.capitalize() + ".")
            if name == chosen:
                load(module).add_arguments(command)
        options = parser.parse_args(arguments)
        return load(COMMANDS[options.command][0]).run(options)
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
