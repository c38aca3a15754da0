"""``python -m mvlm COMMAND``: each command lives in its own module and is imported when called."""

import argparse
import importlib
import sys

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
    for name, (module, text) in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text.capitalize() + ".")
        if name == chosen:
            importlib.import_module(module).add_arguments(command)
    options = parser.parse_args(arguments)
    return importlib.import_module(COMMANDS[options.command][0]).run(options)


if __name__ == "__main__":
    sys.exit(main())
