"""Values that may cross between a student's function and a check: plain ones only.

A check compares what a function returned with what it should have returned. That is worth
nothing if the returned object decides by itself what ``==`` means, so every value is taken apart
into JSON and raw numbers here, and put together again as an exact ``torch.Tensor``, NumPy array,
number, string, list, tuple or dict. The notebook does it too, so a check says the same there as
in the instructor's grader, where the two halves run in different processes.
"""

import json
import math
import struct
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

MAX_BYTES = 64 * 2**20
MAX_TREE_BYTES = 2**20
MAX_DEPTH = 8
MAX_ITEMS = 10_000

DTYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (
        *(torch.float64, torch.float32, torch.float16, torch.bfloat16),
        *(torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool),
    )
}
ARRAY_KINDS = frozenset("biuf")  # booleans, integers and floats
SCALAR_KINDS = ARRAY_KINDS | {"U"}  # and text
_PLAIN = (bool, int, float, str, type(None))
_KEYS = (str, int, bool)
_HEAD = struct.Struct("<II")  # bytes of the tree, number of buffers
_SIZE = struct.Struct("<Q")


class Refused(ValueError):
    """A value that may not cross; the message says why, in words for the student."""


class _Packer:
    def __init__(self) -> None:
        self.buffers: list[bytes] = []
        self.bytes = 0
        self.items = 0

    def tree(self, value: Any, depth: int = 0) -> Any:
        self.items += 1
        if depth > MAX_DEPTH:
            raise Refused(f"a value nested more than {MAX_DEPTH} deep: return it flat")
        if self.items > MAX_ITEMS:
            raise Refused(f"more than {MAX_ITEMS} values: return one tensor instead")
        kind = type(value)  # exact: a subclass can lie about everything, its equality included
        if kind is float and not math.isfinite(value):
            return {"float": repr(value)}
        if kind is int and value.bit_length() > 512:
            raise Refused(f"a whole number of {value.bit_length()} bits")
        if kind in _PLAIN:
            return value
        if kind is torch.Tensor or kind is torch.nn.Parameter:
            return self._tensor(value)
        if kind is np.ndarray:
            return self._array(value)
        if kind.__module__ == "numpy" and isinstance(value, np.generic):
            plain = value.item() if value.dtype.kind in SCALAR_KINDS else value
            if type(plain) not in _PLAIN:  # a long double is its own item
                raise Refused(f"a NumPy {kind.__name__}: return a tensor, or a float, int or bool")
            return self.tree(plain, depth)  # as the Python number it is, nan and inf too
        if kind in (list, tuple, torch.Size):
            name = "list" if kind is list else "tuple"
            return {name: [self.tree(item, depth + 1) for item in value]}
        if kind is dict:
            if any(type(key) not in _KEYS for key in value):
                raise Refused("a dict with keys other than text and whole numbers")
            pairs = [[self.tree(k, depth + 1), self.tree(v, depth + 1)] for k, v in value.items()]
            return {"dict": pairs}
        if isinstance(value, torch.Tensor):
            raise Refused(f"a {kind.__name__}, a kind of tensor of its own: return a plain tensor")
        raise Refused(
            f"an object of type {kind.__name__}: return a tensor, a number, text, "
            "or a list, tuple or dict of these"
        )

    def _add(self, size: int) -> None:
        self.bytes += size
        if self.bytes > MAX_BYTES:
            raise Refused(
                f"{self.bytes / 2**20:,.0f} MiB, the limit is {MAX_BYTES // 2**20}: "
                "is one dimension far too long?"
            )

    def _tensor(self, tensor: torch.Tensor) -> dict[str, Any]:
        name = str(tensor.dtype).removeprefix("torch.")
        kind = "dense"
        if tensor.layout is not torch.strided:
            kind = str(tensor.layout).removeprefix("torch.")
        for other in ("is_meta", "is_nested", "is_quantized"):
            kind = other.removeprefix("is_") if getattr(tensor, other) else kind
        if kind != "dense":
            raise Refused(f"a {kind} tensor of {name}: return a dense one of real numbers")
        if name not in DTYPES:
            raise Refused(f"a tensor of {name}: return one of {', '.join(DTYPES)}")
        self._add(tensor.numel() * tensor.element_size())
        self.buffers.append(_bits(tensor))
        place = len(self.buffers) - 1
        shape, view = list(tensor.shape), not tensor.is_contiguous()
        return {"tensor": name, "shape": shape, "view": view and bool(shape), "at": place}

    def _array(self, array: np.ndarray) -> dict[str, Any]:
        if array.dtype.kind not in ARRAY_KINDS or array.dtype.itemsize > 8:
            raise Refused(f"a NumPy array of {array.dtype}: return one of real numbers")
        self._add(array.nbytes)
        name = array.dtype.newbyteorder("=").name
        self.buffers.append(np.ascontiguousarray(array, dtype=name).tobytes())
        return {"array": name, "shape": list(array.shape), "at": len(self.buffers) - 1}


def weights_like(tensor: torch.Tensor) -> torch.Tensor:
    """A weight for each number of a tensor, no two alike, the first 1; float64."""
    return torch.arange(tensor.numel(), dtype=torch.float64).cos().reshape(tensor.shape)


def learning(arguments: Sequence[Any]) -> tuple[int, ...]:
    """The places of the tensors among ``arguments`` that a gradient is wanted for."""
    return tuple(
        place
        for place, one in enumerate(arguments)
        if isinstance(one, torch.Tensor) and one.requires_grad
    )


def followed(
    function: Callable[..., Any], arguments: Sequence[Any], learns: Sequence[int]
) -> tuple[Any, tuple[Any, ...], tuple[torch.Tensor | None, ...]]:
    """Call a function, and follow what it returns back to the arguments that learn.

    Args:
        function: the student's.
        arguments: for it; each tensor at a place of ``learns`` gets a gradient.
        learns: places in ``arguments``.

    Returns:
        The value; the arguments as they are after the call; for each place of ``learns`` the
        gradient of the value's numbers, each times its weight of :func:`weights_like`, summed.
        It is None where no way leads from the value back to the argument.
    """
    if not learns:
        return function(*arguments), tuple(arguments), ()
    handed = list(arguments)
    with torch.enable_grad():  # a notebook may have turned it off
        for place in learns:  # not the leaf itself: on that, no step in place is allowed
            handed[place] = arguments[place].requires_grad_().clone()
        value = function(*handed)
        parts = value if type(value) in (tuple, list) else (value,)
        ends = [part for part in parts if isinstance(part, torch.Tensor) and part.requires_grad]
        if not ends:
            return value, tuple(handed), (None,) * len(learns)
        total = sum((part * weights_like(part)).sum() for part in ends)
        leaves = [arguments[place] for place in learns]
        slopes = torch.autograd.grad(total, leaves, allow_unused=True)
    return value, tuple(handed), slopes


def identical(one: Any, other: Any) -> bool:
    """Whether two plain values are alike to the bit; how they lie in memory makes no difference."""
    if one is other:
        return True
    if type(one) is torch.Tensor and type(other) is torch.Tensor:
        return _traits(one) == _traits(other) and _bits(one) == _bits(other)
    if type(one) in (list, tuple) and type(one) is type(other):
        return len(one) == len(other) and all(map(identical, one, other))
    if type(one) in _PLAIN and type(one) is type(other) and one == other:
        return True
    return pack(one) == pack(other)  # an array, a dict, nan; or of two types that cross as one


def _traits(tensor: torch.Tensor) -> tuple[Any, ...]:
    dense = tensor.layout is torch.strided and not tensor.is_nested and not tensor.is_meta
    return tensor.dtype, dense, tensor.shape if dense else None


def _bits(tensor: torch.Tensor) -> bytes:
    plain = tensor.detach().resolve_neg().cpu().contiguous()
    return plain.reshape(-1).view(torch.uint8).numpy().tobytes()


def pack(value: Any) -> bytes:
    """Plain values as bytes: one JSON tree, then the raw numbers of its tensors.

    Raises:
        Refused: the value is not plain, too large, or too deep.
    """
    packer = _Packer()
    try:
        tree = json.dumps(packer.tree(value), allow_nan=False).encode()
    except Refused:
        raise
    except Exception as error:  # a tensor inside torch.func, an object with tricks
        name = type.__getattribute__(type(value), "__name__")
        raise Refused(
            f"a {name} that cannot be read ({type(error).__name__}: {error}): return a plain tensor"
        ) from None
    if len(tree) > MAX_TREE_BYTES:
        raise Refused("more than a million characters of text and numbers")
    parts = [_HEAD.pack(len(tree), len(packer.buffers)), tree]
    for buffer in packer.buffers:
        parts += [_SIZE.pack(len(buffer)), buffer]
    return b"".join(parts)


def unpack(message: bytes) -> Any:
    """The inverse of :func:`pack`; trusts nothing in ``message``.

    A tensor that was a view (not contiguous) when packed is one again, so that an answer that
    only works on contiguous memory is found out in another process too.

    Raises:
        Refused: the bytes are not what :func:`pack` writes.
    """
    try:
        tree, buffers = _split(message)
        return _Unpacker(buffers).value(tree)
    except Refused:
        raise
    except (ValueError, KeyError, TypeError, RecursionError, struct.error, UnicodeError) as error:
        raise Refused(f"a damaged message ({type(error).__name__})") from None


def _split(message: bytes) -> tuple[Any, list[bytes]]:
    if len(message) > MAX_BYTES + 2 * MAX_TREE_BYTES:
        raise Refused(f"a message of {len(message) / 2**20:,.0f} MiB")
    length, count = _HEAD.unpack_from(message)
    if length > MAX_TREE_BYTES or count > MAX_ITEMS:
        raise Refused("a damaged message (sizes)")
    place = _HEAD.size + length
    tree = json.loads(message[_HEAD.size : place].decode())
    buffers = []
    for _ in range(count):
        (size,) = _SIZE.unpack_from(message, place)
        place += _SIZE.size
        if place + size > len(message):
            raise Refused("a damaged message (cut off)")
        buffers.append(message[place : place + size])
        place += size
    if place != len(message):
        raise Refused("a damaged message (too long)")
    return tree, buffers


class _Unpacker:
    def __init__(self, buffers: list[bytes]) -> None:
        self.buffers: list[bytes | None] = [*buffers]
        self.items = 0

    def value(self, tree: Any, depth: int = 0) -> Any:
        self.items += 1
        if depth > MAX_DEPTH or self.items > MAX_ITEMS:
            raise Refused("a value with too many parts")
        if type(tree) in _PLAIN:
            return tree
        if type(tree) is not dict:
            raise Refused("a damaged message (tree)")
        if tree.keys() == {"float"}:
            return {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}[tree["float"]]
        if tree.keys() == {"list"}:
            return [self.value(item, depth + 1) for item in tree["list"]]
        if tree.keys() == {"tuple"}:
            return tuple(self.value(item, depth + 1) for item in tree["tuple"])
        if tree.keys() == {"dict"}:
            return {self._key(k): self.value(v, depth + 1) for k, v in tree["dict"]}
        if tree.keys() == {"array", "shape", "at"}:
            return self._array(tree["array"], tree["shape"], tree["at"])
        if tree.keys() == {"tensor", "shape", "view", "at"}:
            return self._tensor(tree["tensor"], tree["shape"], tree["view"], tree["at"])
        raise Refused("a damaged message (kind)")

    def _key(self, tree: Any) -> Any:
        if type(tree) not in _KEYS:
            raise Refused("a dict with keys other than text and whole numbers")
        return tree

    def _numbers(self, dtype: np.dtype, shape: list[int], at: int) -> np.ndarray:
        if not all(type(n) is int and 0 <= n <= MAX_BYTES for n in [*shape, at]):
            raise Refused("a damaged message (shape)")
        if at >= len(self.buffers) or len(shape) > 16:
            raise Refused("a damaged message (shape)")
        # Each only once: a short message must not become a long list of copies.
        buffer, self.buffers[at] = self.buffers[at], None
        if buffer is None:
            raise Refused("a damaged message (one buffer twice)")
        if math.prod(shape) * dtype.itemsize != len(buffer):
            raise Refused("a damaged message (length)")
        numbers = np.frombuffer(bytearray(buffer), dtype) if buffer else np.empty(0, dtype)
        if dtype.kind == "b" and (numbers.view(np.uint8) > 1).any():
            raise Refused("a damaged message (neither true nor false)")
        return numbers

    def _array(self, name: str, shape: list[int], at: int) -> np.ndarray:
        dtype = np.dtype(name)
        if dtype.kind not in ARRAY_KINDS or dtype.itemsize > 8:
            raise Refused("a damaged message (array)")
        return self._numbers(dtype, shape, at).reshape(shape)

    def _tensor(self, name: str, shape: list[int], view: bool, at: int) -> torch.Tensor:
        dtype = DTYPES[name]
        raw = np.dtype(bool) if name == "bool" else np.dtype(f"u{dtype.itemsize}")
        numbers = self._numbers(raw, shape, at).view(np.uint8)
        tensor = torch.from_numpy(numbers).view(dtype).reshape(shape)
        if view is True and tensor.numel():
            *outer, last = shape or [1]
            larger = torch.empty(*outer, last + 1, dtype=dtype)
            tensor = larger[..., :last].copy_(tensor)
        return tensor
