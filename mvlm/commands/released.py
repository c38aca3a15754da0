"""Models that others released, for the commands: what one is, what it takes, and loading it.

A model is a name of the Hugging Face hub or a folder. Before it is fetched and loaded, its config
says whether it is one for the command, and the number of its weights whether there is room.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from types import ModuleType

import huggingface_hub
import psutil
import torch
from torch import nn

from mvlm import hub
from mvlm.hub.molmo import refuse_experts
from mvlm.hub.reading import fetch, read_json
from mvlm.images import Preprocessing
from mvlm.tokenizer import Tokenizer


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A family of models.

    Attributes:
        name: in words.
        load: the function of `mvlm.hub`.
        half: the half precision that its authors use; Molmo's activations may pass the largest
            number of float16, 65,504, and its model card says bfloat16.
        example: a name of the hub.
    """

    name: str
    load: Callable[..., tuple]
    half: torch.dtype
    example: str


KINDS = {  # by `model_type` of config.json
    "clip": Kind(
        name="a CLIP",
        load=hub.load_clip,
        half=torch.float16,
        example="openai/clip-vit-large-patch14",
    ),
    "llava": Kind(
        name="a LLaVA",
        load=hub.load_llava,
        half=torch.float16,
        example="llava-hf/llava-1.5-7b-hf",
    ),
    "molmo": Kind(
        name="a Molmo",
        load=hub.load_molmo,
        half=torch.bfloat16,
        example="allenai/Molmo-7B-D-0924",
    ),
}
PHOTO = ("a photo of a {}.",)  # the prompt of CLIP's paper, section 3.1.4
AT_WORK = 1.1  # the memory of the weights and a tenth more: pictures, cache, what a layer gives


@dataclass(frozen=True, kw_only=True)
class Released:
    """A loaded model with its parts, and which of `KINDS` it is."""

    kind: str
    model: nn.Module
    preprocessing: Preprocessing | hub.MolmoPreprocessing
    tokenizer: Tokenizer

    @property
    def weight(self) -> torch.Tensor:
        """One of its weights, whose device and precision are those of all."""
        return next(self.model.parameters())


def load(options: argparse.Namespace, kinds: Sequence[str]) -> Released:
    """The model that --model names, on the device and in the precision wanted or fitting.

    Args:
        options: `hub`, a name or a folder, with `revision`, `device`, `dtype` and `eight_bit`.
        kinds: which of `KINDS` the command takes.

    Raises:
        ValueError: another kind of model, no such device, too little memory, no tokenizer, or
            eight bits without torchao.
        FileNotFoundError, WeightsError: see `fetch` and the loaders.
    """
    device = device_for(options.device)
    if options.eight_bit:
        import_torchao()  # whatever is missing is said before a download
    kind = kind_of(options.hub, options.revision, kinds)
    usual = torch.float32 if device.type == "cpu" else KINDS[kind].half
    dtype = usual if options.dtype is None else getattr(torch, options.dtype)
    count = published_count(options.hub, options.revision)
    if count is None:
        folder = fetch(options.hub, revision=options.revision)
        count = sum(map(prod, hub.Checkpoint(folder).shapes.values()))
    # Eight bits are made from whole weights, which this machine's memory must hold for a while.
    first = torch.device("cpu") if options.eight_bit else device
    check_room(options.hub, count, dtype, first)
    if options.eight_bit and device != first:
        check_room(options.hub, count, torch.int8, device)
    loaded = KINDS[kind].load(options.hub, revision=options.revision, dtype=dtype, device=first)
    if loaded.tokenizer is None:
        raise ValueError(
            f"{options.hub} holds no tokenizer, so no word can be read: put its tokenizer.json "
            f"beside config.json"
        )
    if options.eight_bit:
        to_eight_bits(loaded.model, device)
    return Released(
        kind=kind,
        model=loaded.model,
        preprocessing=loaded.preprocessing,
        tokenizer=loaded.tokenizer,
    )


def to_eight_bits(model: nn.Module, device: torch.device) -> None:
    """The weights of all linear layers as whole numbers from -127 to 127, with a scale a row.

    What is multiplied with them stays as it is: "weight-only". A layer at a time goes to the
    device, so that the whole weights never lie there. See `Int8WeightOnlyConfig` of torchao.
    """
    torchao = import_torchao()
    torchao.quantize_(model, torchao.Int8WeightOnlyConfig(), device=device)
    model.to(device)


def import_torchao() -> ModuleType:
    """torchao's quantization.

    Raises:
        ValueError: it is not there; says how to install it.
    """
    for talker in ("torchao", "torch.utils._pytree"):  # of what other GPUs and releases have
        logging.getLogger(talker).setLevel(logging.ERROR)
    try:
        import torchao.quantization
    except ImportError:
        raise ValueError(
            "--eight-bit needs torchao, which is not installed: pip install torchao"
        ) from None
    return torchao.quantization


def device_for(wish: str | None) -> torch.device:
    """The device wished for; else a GPU of NVIDIA's where there is one, or the CPU.

    Raises:
        ValueError: there is no such device.
    """
    if wish is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(wish)
    except RuntimeError:
        raise ValueError(f"no device is called {wish!r}: pass cpu, cuda or mps") from None
    there = {
        "cpu": True,
        "cuda": (device.index or 0) < torch.cuda.device_count(),
        "mps": torch.backends.mps.is_available(),
    }
    if not there.get(device.type, False):
        raise ValueError(f"torch finds no device {wish!r} here: leave --device out or pass cpu")
    return device


def kind_of(name: str, revision: str | None, kinds: Sequence[str]) -> str:
    """Which of `kinds` the model is, by its config alone.

    Raises:
        ValueError: none of them.
    """
    folder = fetch(name, revision=revision, files=("config.json",))
    config = read_json(folder, "config.json")
    kind = None if config is None else config.get("model_type")
    if config is None or kind in kinds:
        checked = hub.read_config(folder, kinds)  # which refuses adapters and empty folders
        if kind == "molmo":
            refuse_experts(checked)
        return kind
    wanted = " or ".join(f"{KINDS[each].name}, such as {KINDS[each].example}" for each in kinds)
    raise ValueError(f"{name} holds a model of type {kind!r}, wanted {wanted}: pass one of these")


def published_count(name: str, revision: str | None) -> int | None:
    """How many numbers a hub name's weights are, before they are fetched; None if unknown."""
    if Path(name).is_dir():
        return None
    try:
        metadata = huggingface_hub.HfApi().get_safetensors_metadata(name, revision=revision)
    except Exception:  # whatever is wrong, fetching says it
        return None
    return sum(metadata.parameter_count.values())


def check_room(name: str, count: int, dtype: torch.dtype, device: torch.device) -> None:
    """Say what a model takes and what there is, on stderr.

    Raises:
        ValueError: it does not fit.
    """
    free, where = free_memory(device)
    takes = count * dtype.itemsize
    precision = str(dtype).removeprefix("torch.")
    said = f"{name}: {count / 1e6:,.1f} million numbers, {bytes_in_words(takes)} in {precision}"
    if AT_WORK * takes <= free:
        print(f"{said}; {bytes_in_words(free)} of {where} are free", file=sys.stderr)
        return
    needed = bytes_in_words(round(AT_WORK * takes))
    mend = "take a smaller model or a larger machine"
    if AT_WORK * takes / 2 <= free and dtype == torch.float32:
        mend = "pass --dtype bfloat16"
    elif AT_WORK * count <= free and device.type == "cuda":  # on a CPU the whole comes first
        mend = "pass --eight-bit"
    raise ValueError(
        f"{said}, which needs {needed} at work, and {bytes_in_words(free)} of {where} are free: "
        f"{mend}"
    )


def free_memory(device: torch.device) -> tuple[int, str]:
    """Bytes that may be used, and whose they are."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device.index)[0], "the GPU's memory"
    return psutil.virtual_memory().available, "this machine's memory"


def bytes_in_words(number: int) -> str:
    """14,100,000,000 → 14.1 GB."""
    return f"{number / 1e9:.1f} GB" if number >= 1e8 else f"{number / 1e6:.1f} MB"
