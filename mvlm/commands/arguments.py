"""What each command of ``python -m mvlm`` takes, apart from what it does.

Nothing heavy is imported here, so that help and usage errors come at once; the command's own
module, and with it torch, is imported when there is work to do.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

WEIGHTS = Path(__file__).parents[1] / "weights"
MODELS = (
    "tokenizer",
    "clip-patches",
    "clip",
    "vit",
    "language",
    "llava",
    "molmo",
    "reader",
)  # each after its parts
# From others' weights; what they give lies in a folder.
PHOTOGRAPHS = ("clip-photographs", "llava-photographs")
MEASURED = ("clip", "vit", "language", "llava", "molmo", "reader")
DTYPES = ("float32", "float16", "bfloat16")
# options of a released model
OF_RELEASED = (
    "revision", "device", "dtype", "eight_bit", "save", "template", "data", "images"
)  # fmt: skip
OWN = "a weights file of the course; its finished one if left out"
MOST = 10**9  # a seed takes a million seeds behind it, and torch counts to 2**63


@dataclass(frozen=True, kw_only=True)
class Command:
    """One command.

    Attributes:
        module: has ``run(options) -> exit status``.
        help: what it does, after "to".
        add_arguments: declares its options.
        problem: what is wrong with options that fit the declarations, or None.
    """

    module: str
    help: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    problem: Callable[[argparse.Namespace], str | None] = lambda options: None


def path(text: str) -> Path:
    """A path; ``~`` is the user's own folder, also where the shell left it as it was."""
    return Path(os.path.expanduser(text))


def seed(text: str) -> int:
    """A whole number that torch and `mvlm.data` take as a seed."""
    if not -MOST <= (value := int(text)) <= MOST:
        raise argparse.ArgumentTypeError(f"{text} is too large: pass at most {MOST:,}")
    return value


def count(text: str) -> int:
    """A whole number of pictures, at least one."""
    if (value := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{text} is too few: pass at least 1")
    return value


def notebooks(parser: argparse.ArgumentParser) -> None:
    """--root, --force, --only."""
    parser.add_argument("--root", type=path, default=Path.cwd(), help="the course's folder")
    parser.add_argument("--force", action="store_true", help="execute all, changed or not")
    parser.add_argument("--only", help="only notebooks whose file name contains this")


def release(parser: argparse.ArgumentParser) -> None:
    """MASTER…, --out, --root."""
    parser.add_argument("masters", type=path, nargs="+", help="masters: MyST Markdown notebooks")
    parser.add_argument("--out", type=path, required=True, help="where the notebooks go")
    parser.add_argument("--root", type=path, default=Path.cwd(), help="the course's folder")


def train(parser: argparse.ArgumentParser) -> None:
    """MODEL, --config, --out, --weights and KEY=VALUE changes."""
    parser.add_argument("model", choices=(*MODELS, *PHOTOGRAPHS), help="what to train")
    parser.add_argument(
        "--config", type=path, help="a TOML file; training/configs/MODEL.toml if none"
    )
    parser.add_argument("--out", type=path, required=True, help="folder for the run; goes on there")
    parser.add_argument(
        "--weights",
        type=path,
        default=WEIGHTS,
        help="folder with the finished models this one builds on (tokenizer, clip, …)",
    )
    parser.add_argument(
        "--set",
        dest="changes",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="change one setting, such as train.steps=100; may be repeated",
    )


def chat(parser: argparse.ArgumentParser) -> None:
    """IMAGE, --ask, --weights, and of a released model --save."""
    parser.add_argument("image", type=path, help="a picture, best a 120×120 scene of the course")
    parser.add_argument(
        "--ask", action="append", metavar="QUESTION", help="ask this and end; may be repeated"
    )
    parser.add_argument("--weights", type=path, help=OWN)
    released(parser, "a LLaVA or a Molmo, such as allenai/Molmo-7B-D-0924")
    parser.add_argument(
        "--save",
        type=path,
        metavar="FILE",
        help="a copy of the picture with a Molmo's points in it",
    )


def classify(parser: argparse.ArgumentParser) -> None:
    """IMAGE, LABEL…, --weights, and of a released model --template."""
    parser.add_argument("image", type=path, help="a picture of one thing")
    parser.add_argument("labels", nargs="+", metavar="LABEL", help="words to choose from")
    parser.add_argument("--weights", type=path, help=OWN)
    released(parser, "a CLIP, such as openai/clip-vit-large-patch14")
    templates(parser)


def evaluate(parser: argparse.ArgumentParser) -> None:
    """MODEL, --seed, --count, --weights, --json, and of a released model its data."""
    parser.add_argument("model", choices=MEASURED, help="what to measure")
    parser.add_argument("--seed", type=seed, help="of the test data; any will do (1000)")
    parser.add_argument(
        "--count",
        type=count,
        help="pictures of each kind (300); with --model at most so many of a class or a file (all)",
    )
    parser.add_argument("--weights", type=path, help=OWN)
    parser.add_argument("--json", action="store_true", help="print json and nothing else")
    released(parser, "a CLIP or a LLaVA, on --data")
    parser.add_argument(
        "--data",
        type=path,
        help="for clip a folder of class folders; for llava POPE's questions, a file or a folder",
    )
    parser.add_argument(
        "--images", type=path, help="the pictures of POPE's questions; beside them if left out"
    )
    templates(parser)


def released(parser: argparse.ArgumentParser, what: str) -> None:
    """--model and how it is to run."""
    parser.add_argument(
        "--model",
        dest="hub",
        type=os.path.expanduser,
        metavar="NAME_OR_FOLDER",
        help=f"{what}: a name of the Hugging Face hub, fetched once, or a folder",
    )
    parser.add_argument("--revision", help="branch, tag or commit of the hub name")
    parser.add_argument("--device", help="cpu, cuda or mps; a GPU where torch finds one")
    parser.add_argument(
        "--dtype", choices=DTYPES, help="of its numbers; half precision on a GPU, else float32"
    )
    parser.add_argument(
        "--eight-bit",
        action="store_true",
        default=None,
        help="weights of linear layers in one byte each, for a small GPU (needs torchao)",
    )


def templates(parser: argparse.ArgumentParser) -> None:
    """--template."""
    parser.add_argument(
        "--template",
        action="append",
        metavar="SENTENCE",
        help='with {} for the label; may be repeated ("a photo of a {}.")',
    )


def weights(parser: argparse.ArgumentParser) -> None:
    """--only, --runs, --seed, --count."""
    parser.add_argument("--only", nargs="+", choices=MODELS, default=MODELS, help="these alone")
    parser.add_argument(
        "--runs", type=path, default=Path("runs"), help="folder of the runs; goes on there"
    )
    parser.add_argument("--seed", type=seed, default=1000, help="of the test data")
    parser.add_argument("--count", type=count, default=1000, help="test pictures of each kind")


def grade(parser: argparse.ArgumentParser) -> None:
    """EXERCISE, SUBMISSIONS, --out and how to grade."""
    parser.add_argument(
        "exercise",
        nargs="?",
        type=os.path.expanduser,
        help="an exercise, such as 02_patches, or a .py file of checks",
    )
    parser.add_argument(
        "submissions", nargs="?", type=path, help="folder, or zip of Gradescope, Moodle or Canvas"
    )
    parser.add_argument(
        "--out", type=path, help="folder for the marks; grading again goes on there"
    )
    parser.add_argument(
        "--hidden", type=path, metavar="FILE", help="Python file with HIDDEN checks"
    )
    parser.add_argument(
        "--seed-file", type=path, metavar="FILE", help="the secret seed; else kept in --out"
    )
    parser.add_argument("--jobs", type=int, default=0, metavar="N", help="submissions at a time")
    parser.add_argument(
        "--no-sandbox",
        action="store_true",
        help="run the answers unprotected: only where they are trusted as one's own code",
    )
    parser.add_argument(
        "--self-test",
        action="store_true",
        help="grade a collection of attacks on this machine and say what is contained",
    )


def grade_problem(options: argparse.Namespace) -> str | None:
    """Grading needs an exercise, submissions and --out, the self-test none of them."""
    if options.self_test:
        if options.no_sandbox:
            return "the attacks are real: --self-test does not go with --no-sandbox"
        return None
    for name in ("exercise", "submissions", "out"):
        if getattr(options, name) is None:
            return f"{name} is missing: python -m mvlm grade 02_patches DIR --out DIR"
    return None


def released_problem(options: argparse.Namespace) -> str | None:
    """What belongs to a released model comes with one, and the course's own weights do not."""
    if options.hub is None:
        lone = [name for name in OF_RELEASED if getattr(options, name, None) is not None]
        return (
            f"--{lone[0].replace('_', '-')} goes with --model NAME_OR_FOLDER alone"
            if lone
            else None
        )
    if options.weights is not None:
        return "--weights are the course's own and --model is somebody else's: pass one of them"
    wrong = [each for each in getattr(options, "template", None) or [] if "{}" not in each]
    return f"the template {wrong[0]!r} has no {{}}: put it where the label goes" if wrong else None


def evaluate_problem(options: argparse.Namespace) -> str | None:
    """A released model is a CLIP or a LLaVA, and brings no data."""
    problem = released_problem(options)
    if problem or options.hub is None:
        return problem
    if options.model not in ("clip", "llava"):
        return f"--model goes with evaluate clip and evaluate llava, not with {options.model}"
    if options.data is None:
        wanted = "FOLDER of class folders" if options.model == "clip" else "POPE'S QUESTIONS"
        return f"--data is missing: pass --data {wanted}"
    if options.seed is not None:
        return "--seed draws the course's own test data: leave it out with --model"
    other = "images" if options.model == "clip" else "template"
    if getattr(options, other) is not None:
        return f"--{other} does not go with evaluate {options.model}: leave it out"
    return None


def classify_problem(options: argparse.Namespace) -> str | None:
    """Labels must be words, each another."""
    if problem := released_problem(options):
        return problem
    labels = [label.strip() for label in options.labels]
    if "" in labels:
        return "a label is empty: pass a word for each thing that it may be"
    twice = next((label for label in labels if labels.count(label) > 1), None)
    return twice and f"the label {twice!r} came twice: pass each once"


COMMANDS = {
    "notebooks": Command(
        module="mvlm.publish.notebooks",
        help="write and execute the notebooks from their sources",
        add_arguments=notebooks,
    ),
    "release": Command(
        module="mvlm.publish.release",
        help="make student and solution notebooks from a master",
        add_arguments=release,
    ),
    "train": Command(
        module="mvlm.commands.train",
        help="train one of the course's models",
        add_arguments=train,
    ),
    "chat": Command(
        module="mvlm.commands.chat",
        help="talk about a picture",
        add_arguments=chat,
        problem=released_problem,
    ),
    "classify": Command(
        module="mvlm.commands.classify",
        help="say which words fit a picture",
        add_arguments=classify,
        problem=classify_problem,
    ),
    "evaluate": Command(
        module="mvlm.commands.evaluate",
        help="measure a finished model on freshly drawn data, or a released one on yours",
        add_arguments=evaluate,
        problem=evaluate_problem,
    ),
    "weights": Command(
        module="mvlm.commands.weights",
        help="make every finished model again and measure it",
        add_arguments=weights,
    ),
    "grade": Command(
        module="mvlm.grading.cli",
        help="grade a folder of submissions",
        add_arguments=grade,
        problem=grade_problem,
    ),
}
