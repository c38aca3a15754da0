"""A folder in the format of transformers: fetch it, read its config, look into its weights."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import huggingface_hub
import torch
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from safetensors import SafetensorError, safe_open
from torch import Tensor

from mvlm.transformer import MAX_DEPTH

Shape = tuple[int, ...]
Config = Mapping[str, Any]
Value = TypeVar("Value", bool, int, float, str, list)

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
ADAPTER = "adapter_config.json"
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")


class WeightsError(ValueError):
    """The weights in a folder are not those that the model needs."""


FILES = ("*.json", "model*.safetensors", "merges.txt")


def fetch(
    name_or_folder: str | os.PathLike,
    *,
    revision: str | None = None,
    files: Sequence[str] = FILES,
) -> Path:
    """The folder itself, or the folder that a hub name was fetched to.

    Args:
        name_or_folder: of the hub, or of this machine.
        revision: branch, tag or commit of the hub. Where the main branch has no safetensors, the
            hub's own conversion is taken, if there is one.
        files: which of a hub name's files are fetched, as patterns.

    Raises:
        FileNotFoundError: neither a folder nor a name the hub knows, or the hub is out of reach.
        WeightsError: a file came, not its folder.
        TypeError: neither a text nor a path.
    """
    if not isinstance(name_or_folder, str | os.PathLike):
        raise TypeError(
            f"the name is {name_or_folder!r}: pass a folder, or a name of the hub such as "
            f"'google/vit-base-patch16-224'"
        )
    if not str(name_or_folder):
        raise FileNotFoundError("the name is empty: pass a folder or a name of the hub")
    path = Path(name_or_folder).expanduser()
    if path.is_dir():
        return path
    if path.is_file():
        _refuse_pickle([path])
        raise WeightsError(
            f"{path.name} is a file: pass its folder, which must hold config.json too"
        )
    download = partial(
        huggingface_hub.snapshot_download, str(name_or_folder), allow_patterns=list(files)
    )
    try:
        fetched = Path(download(revision=revision))
        if revision is None and files == FILES and not any(fetched.glob("*.safetensors")):
            converted = conversion(str(name_or_folder))
            fetched = fetched if converted is None else Path(download(revision=converted))
    except (HFValidationError, HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise FileNotFoundError(
            f"{str(name_or_folder)!r} is no folder here and could not be fetched from the hub "
            f"({type(error).__name__}): {_mend(str(name_or_folder), error)}"
        ) from error
    return fetched


# The hub's robot adds safetensors beside a pickle, in a pull request that some owners never take.
ROBOT, TITLE = "SFconvertbot", "Adding `safetensors` variant of this model"


def conversion(name: str) -> str | None:
    """The revision where the hub's own robot has put a name's weights as safetensors, or None.

    transformers looks there too. Anybody may open a pull request, so the robot's name counts.
    """
    try:
        requests = huggingface_hub.HfApi().get_repo_discussions(
            name, author=ROBOT, discussion_type="pull_request", discussion_status="open"
        )
        return next((one.git_reference for one in requests if one.title == TITLE), None)
    except (HfHubHTTPError, OSError):
        return None


def _mend(name: str, error: Exception) -> str:
    """What to do about a name that could not be fetched."""
    if isinstance(error, GatedRepoError):  # a kind of RepositoryNotFoundError
        return (
            f"its owners ask you to accept their terms: do so at https://huggingface.co/{name}, "
            f"then log in with `hf auth login`"
        )
    if isinstance(error, RepositoryNotFoundError):
        return (
            "the hub has no such name that you may read: check the spelling, or for a private one "
            "log in with `hf auth login`"
        )
    if isinstance(error, RevisionNotFoundError):
        return "it has no such revision: check it, or leave it out"
    if isinstance(error, HFValidationError):
        return "a name of the hub is owner/name: check it, or pass a folder that is there"
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return "the disk is full: make room, or set HF_HOME to a folder on another disk"
    return "check the name and the network, or pass a folder that save_pretrained wrote"


def read_json(folder: Path, name: str) -> dict[str, Any] | None:
    """A JSON object from the folder, or None where there is no such file."""
    try:
        content = json.loads((folder / name).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise WeightsError(f"{name} is not JSON ({error}): fetch or save it again") from error
    if not isinstance(content, dict):
        raise WeightsError(f"{name} holds no JSON object: fetch or save it again")
    return content


def read_config(folder: Path, wanted: Sequence[str]) -> dict[str, Any]:
    """`config.json`, when its model_type is one of those wanted.

    Raises:
        FileNotFoundError: there is none. WeightsError: it is another kind of model's.
    """
    _refuse_adapter(folder)
    config = read_json(folder, "config.json")
    if config is None:
        raise FileNotFoundError(
            f"{folder.name} holds no config.json: pass a folder that save_pretrained wrote"
        )
    if config.get("model_type") not in wanted:
        raise WeightsError(
            f"{folder.name} holds a model of type {config.get('model_type')!r}, this function "
            f"reads {' or '.join(map(repr, wanted))}: use the mvlm.hub function of its family"
        )
    return config


def _refuse_adapter(folder: Path) -> None:
    adapter = read_json(folder, ADAPTER)
    if adapter is None:
        return
    base = adapter.get("base_model_name_or_path") or "its base model"
    raise WeightsError(
        f"{folder.name} holds an adapter ({adapter.get('peft_type') or 'PEFT'}, {ADAPTER}) for "
        f"{base}, not a whole model: merge the two once with peft, PeftModel.from_pretrained(base, "
        f"folder).merge_and_unload().save_pretrained(…), and load that folder; where the weights "
        f"are merged already, take {ADAPTER} out"
    )


def setting(config: Config, name: str, default: Value) -> Value:
    """One value of a config, or transformers' default for it, whose type it must have.

    Raises:
        WeightsError: the value is of another type, as in a config written by hand.
    """
    value = config.get(name)
    if value is None:
        return default
    fits = (int, float) if isinstance(default, float) else type(default)
    if not isinstance(value, fits) or (isinstance(value, bool) and not isinstance(default, bool)):
        raise WeightsError(
            f"{name} is {value!r} in the config, wanted a value such as {default!r}: fetch or save "
            f"config.json again"
        )
    return value


def block_count(config: Config, default: int) -> int:
    """How many blocks a config asks for, checked before any is built.

    Raises:
        WeightsError: none, or far more than any model has.
    """
    count = setting(config, "num_hidden_layers", default)
    if not 1 <= count <= MAX_DEPTH:
        raise WeightsError(
            f"num_hidden_layers is {count} in the config, wanted 1 to {MAX_DEPTH}: fetch or save "
            f"config.json again"
        )
    return count


# What wraps a model while it trains puts its own name before, or between, the model's names.
WRAPPERS = ("_orig_mod", "module", "_fsdp_wrapped_module", "_checkpoint_wrapped_module")


def unwrapped(name: str) -> str:
    """A tensor's name without those of torch.compile, DistributedDataParallel and FSDP."""
    return ".".join(part for part in name.split(".") if part not in WRAPPERS)


class Checkpoint:
    """The tensors of a folder's safetensors files: shapes at once, numbers when asked.

    Names are those of the model, without what wrapped it. A tensor that the file keeps once for
    two names, as `safetensors.torch.save_model` notes in the metadata, has both.

    Attributes:
        shapes: name → shape, of every tensor in the folder.
        dtypes: name → what its numbers are, in safetensors' words, such as "F32" or "BF16".

    Raises:
        FileNotFoundError: there are no weights, or a shard is not there.
        WeightsError: only a pickle is there, a file is damaged, two tensors have one name, or
            they are an adapter's.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.shapes: dict[str, Shape] = {}
        self.dtypes: dict[str, str] = {}
        self._places = {}  # name → its file, and the name in it
        aliases: dict[str, str] = {}
        for name in self._file_names():
            try:
                file = safe_open(folder / name, framework="pt")
            except FileNotFoundError:
                raise FileNotFoundError(
                    f"{INDEX} names {name}, which {folder.name} does not hold: fetch it too"
                ) from None
            except SafetensorError as error:
                raise WeightsError(
                    f"{name} is damaged or cut off ({error}): fetch or save it again"
                ) from error
            for tensor in file.keys():  # noqa: SIM118, a safetensors file is no dict
                self._add(tensor, file)
            aliases |= file.metadata() or {}
        for alias, kept in aliases.items():
            alias, kept = unwrapped(alias), unwrapped(kept)
            if kept in self._places and alias not in self._places:
                self.shapes[alias], self.dtypes[alias] = self.shapes[kept], self.dtypes[kept]
                self._places[alias] = self._places[kept]
        _refuse_lora(folder, self.shapes)

    def _add(self, tensor: str, file: safe_open) -> None:
        name = unwrapped(tensor)
        if name in self._places:
            raise WeightsError(
                f"{self.folder.name} holds {name} twice, the second time as {tensor}: save the "
                f"model again, unwrapped"
            )
        entry = file.get_slice(tensor)
        self.shapes[name] = tuple(entry.get_shape())
        self.dtypes[name] = entry.get_dtype()
        self._places[name] = file, tensor

    def read(self, name: str) -> Tensor:
        """The numbers of one tensor."""
        file, tensor = self._places[name]
        return file.get_tensor(tensor)

    def same(self, one: str, other: str) -> bool:
        """Whether two names hold the same numbers, or are two names of one tensor."""
        if self._places[one] == self._places[other]:
            return True
        return self.shapes[one] == self.shapes[other] and torch.equal(
            self.read(one), self.read(other)
        )

    def _file_names(self) -> list[str]:
        if (self.folder / WEIGHTS).is_file():
            return [WEIGHTS]
        index = read_json(self.folder, INDEX)
        if index is None:
            _refuse_pickle([path for kind in PICKLES for path in self.folder.glob(kind)])
            raise FileNotFoundError(
                f"{self.folder.name} holds no {WEIGHTS} and no {INDEX}: pass a folder with "
                f"weights in safetensors; a hub name may have them under another revision"
            )
        files = index.get("weight_map")
        names = sorted(set(map(str, files.values()))) if isinstance(files, dict) else []
        strays = [name for name in names if Path(name).name != name]
        if strays or not names:
            raise WeightsError(
                f"{INDEX} names {strays[0] if strays else 'no file'}, wanted files of its own "
                f"folder: fetch or save it again"
            )
        return names


def _refuse_lora(folder: Path, names: Iterable[str]) -> None:
    layers = [name for name in names if {"lora_A", "lora_B", "base_layer"} & set(name.split("."))]
    if layers:
        raise WeightsError(
            f"{folder.name} holds the parts of an adapter ({layers[0]}) beside the weights: merge "
            f"them once with peft, model.merge_and_unload().save_pretrained(…), and load the result"
        )


def _refuse_pickle(files: Sequence[Path]) -> None:
    pickles = [file for file in files if any(file.match(kind) for kind in PICKLES)]
    if pickles:
        raise WeightsError(
            f"{pickles[0].name} is a pickle, and opening a pickle can run any program hidden in "
            f"it: where you trust it, convert it once with "
            f"safetensors.torch.save_model(model, '{WEIGHTS}') or transformers' save_pretrained"
        )
