"""Only plain values cross, and they come back as they were."""

import collections
import contextlib
import enum
import fractions
import json
import struct

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mvlm.checks.values import DTYPES, Refused, identical, pack, unpack


@pytest.mark.parametrize("name", DTYPES)
def test_tensors_of_every_kind_come_back_to_the_bit(name):
    tensor = torch.arange(12).reshape(3, 4).to(DTYPES[name])
    back = unpack(pack(tensor))
    assert back.dtype == tensor.dtype
    assert torch.equal(back, tensor)


@pytest.mark.parametrize(
    "value",
    [None, True, 3, -(2**70), 1.5, float("inf"), "é\n", [1, (2, [3])], {"a": [None], 3: ()}, []],
)
def test_python_values_come_back_with_their_types(value):
    back = unpack(pack(value))
    assert back == value
    assert type(back) is type(value)


def test_nan_empty_and_zero_dimensional_values():
    assert np.isnan(unpack(pack(float("nan"))))
    assert np.isnan(unpack(pack(np.float32("nan"))))
    assert unpack(pack(np.float64("inf"))) == float("inf")
    assert unpack(pack(torch.zeros(0, 3))).shape == (0, 3)
    assert unpack(pack(torch.tensor(2.0))).shape == ()
    assert unpack(pack(np.float32(2.0))) == 2.0
    assert unpack(pack(torch.Size([1, 2]))) == (1, 2)


def test_numpy_arrays_come_back_whatever_their_byte_order():
    array = np.arange(6, dtype=">i4").reshape(2, 3)[:, ::-1]
    assert (unpack(pack(array)) == array).all()


VIEW = torch.arange(6.0).reshape(2, 3)[:, :2]
NAN = float("nan")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (VIEW, VIEW.contiguous()),
        (VIEW.clone().requires_grad_(), VIEW.contiguous()),
        (torch.tensor([NAN, 1]), torch.tensor([NAN, 1])),
        (([1, 500], torch.ones(2)), ([1, 500], torch.ones(2))),
        (torch.nn.Parameter(torch.ones(2)), torch.ones(2)),
        (torch.Size([2, 3]), (2, 3)),
        (np.arange(3), np.arange(3)),
        ({"a": VIEW.contiguous()}, {"a": VIEW.contiguous()}),
        (NAN, NAN),
    ],
)
def test_values_alike_to_the_bit_are_identical(one, other):
    assert identical(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (torch.ones(2), torch.ones(2).double()),
        (torch.ones(2), torch.ones(2, 1)),
        (torch.zeros(2), -torch.zeros(2)),
        (torch.ones(2), torch.tensor([1.0, 1 + 2**-23])),
        (torch.ones(2), np.ones(2, dtype=np.float32)),
        (torch.ones(2), torch.ones(2).to_sparse()),
        (torch.ones(2), torch.ones(2, device="meta")),
        (np.arange(3), np.arange(3.0)),
        ([1], [True]),
        ([1, 2], (1, 2)),
        ([1, 2], [1, 2, 3]),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        (torch.ones(2), None),
    ],
)
def test_values_that_differ_in_a_bit_a_kind_or_an_order_are_not(one, other):
    assert not identical(one, other)


def test_a_view_stays_a_view():
    view = torch.arange(24.0).reshape(2, 3, 4)[..., :2]
    back = unpack(pack(view))
    assert torch.equal(back, view)
    with pytest.raises(RuntimeError, match="view size is not compatible"):
        back.view(2, 6)


def test_a_parameter_crosses_as_a_tensor():
    back = unpack(pack(torch.nn.Parameter(torch.ones(2))))
    assert type(back) is torch.Tensor
    assert not back.requires_grad


class Liar(torch.Tensor):
    @classmethod
    def __torch_function__(cls, *_args, **_kwargs):
        return True


class Equal:
    def __eq__(self, other):
        return True

    __hash__ = None


def nested(depth):
    return [nested(depth - 1)] if depth else 1


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (torch.zeros(2).as_subclass(Liar), "a Liar, a kind of tensor of its own"),
        (Equal(), "an object of type Equal: return a tensor"),
        (torch.zeros(1).expand(2**28), "1,024 MiB, the limit is 64"),
        (nested(20), "nested more than 8 deep"),
        (list(range(20_000)), "more than 10000 values"),
        ("a" * 2_000_000, "more than a million characters"),
        (torch.zeros(2).to_sparse(), "a sparse_coo tensor"),
        (torch.zeros(2, device="meta"), "a meta tensor"),
        (torch.zeros(2, dtype=torch.complex64), "tensor of complex64"),
        (np.array(["a"]), "NumPy array of <U1"),
        (np.array([object()]), "NumPy array of object"),
        (1 << 10_000, "a whole number of 10001 bits"),
        ({torch.tensor(1): 1}, "keys other than text"),
    ],
)
def test_what_is_not_plain_is_refused_with_the_reason(value, reason):
    with pytest.raises(Refused, match=reason):
        unpack(pack(value))


class Colour(enum.IntEnum):
    RED = 1


class Itself(np.float64):
    """A number that says it is its own plain number."""

    def item(self):
        return self


Itself.__module__ = "numpy"


class Tricks(type):
    def __getattribute__(cls, name):
        raise ValueError(name)


class Tricky(metaclass=Tricks):
    pass


Pair = collections.namedtuple("Pair", "x y")
ROUND: list = []
ROUND.append(ROUND)
STRUCTURED = np.zeros(2, [("a", int)])


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (np.longdouble(1), "a NumPy longdouble: return a tensor, or a float"),
        (np.clongdouble(1), "a NumPy clongdouble"),
        (np.complex64(1), "a NumPy complex64"),
        (np.datetime64("2020-01-01", "ns"), "a NumPy datetime64"),
        (np.timedelta64(1, "ns"), "a NumPy timedelta64"),
        (np.bytes_(b"a"), "a NumPy bytes_"),
        (np.void(b"ab"), "a NumPy void"),
        (STRUCTURED[0], "a NumPy void"),
        (STRUCTURED, "NumPy array of"),
        (np.zeros(2, np.clongdouble), "NumPy array of complex"),
        (np.zeros(2, "datetime64[ns]"), "NumPy array of datetime64"),
        (np.ma.array([1]), "an object of type MaskedArray"),
        (Itself(1), "a NumPy Itself"),
        ([np.longdouble(1)], "a NumPy longdouble"),
        ({"loss": np.longdouble(1)}, "a NumPy longdouble"),
        ({float("nan"): 1}, "keys other than text"),
        ({(1, 2): 3}, "keys other than text"),
        (torch.nested.nested_tensor([torch.ones(1), torch.ones(2)]), "a nested tensor"),
        (torch.ones(2, dtype=torch.complex64).conj(), "a tensor of complex64"),
        (torch.nn.UninitializedParameter(), "a UninitializedParameter, a kind of tensor"),
        (ROUND, "nested more than 8 deep"),
        (Colour.RED, "an object of type Colour"),
        (Pair(1, 2), "an object of type Pair"),
        (collections.OrderedDict(a=1), "an object of type OrderedDict"),
        (torch.ones(2, 2).max(0), "an object of type max"),
        ((n for n in [1]), "an object of type generator"),
        (range(3), "an object of type range"),
        ({1}, "an object of type set"),
        (b"a", "an object of type bytes"),
        (1j, "an object of type complex"),
        (fractions.Fraction(1, 2), "an object of type Fraction"),
        (Tricky(), "a Tricky that cannot be read"),
    ],
)
def test_whatever_cannot_cross_is_refused_by_name_and_at_once(value, reason):
    with pytest.raises(Refused, match=reason):
        pack(value)


@pytest.mark.parametrize("through", [torch.func.grad, torch.vmap])
def test_a_tensor_of_a_running_transformation_is_refused(through):
    said = []

    def look(x):
        with pytest.raises(Refused, match="a Tensor that cannot be read .*return a plain tensor"):
            pack(x)
        said.append(True)
        return x.sum()

    through(look)(torch.ones(2))
    assert said == [True]


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (torch.ones(2, dtype=torch.complex64).conj().imag, [-0.0, -0.0]),
        (torch.ones(2, requires_grad=True) * 2, [2.0, 2.0]),
        (torch.ones(1).expand(3), [1.0, 1.0, 1.0]),
        (np.arange(3)[::-1], [2, 1, 0]),
        (np.array(1.5), 1.5),
        (np.asfortranarray([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
    ],
)
def test_plain_values_in_unusual_memory_come_back(value, plain):
    assert unpack(pack(value)).tolist() == plain


@pytest.mark.parametrize(
    ("value", "plain"), [(np.str_("a"), "a"), (np.bool_(True), True), (np.float16(1.5), 1.5)]
)
def test_numpys_plain_scalars_come_back_as_pythons(value, plain):
    back = unpack(pack(value))
    assert (back, type(back)) == (plain, type(plain))


def forged(tree, *buffers):
    text = json.dumps(tree).encode()
    parts = [struct.pack("<Q", len(b)) + b for b in buffers]
    return struct.pack("<II", len(text), len(buffers)) + text + b"".join(parts)


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\xff" * 8,
        forged({"tensor": "float32", "shape": [4], "view": False, "at": 0}, b"1234"),
        forged({"tensor": "float32", "shape": [-1], "view": False, "at": 0}, b"1234"),
        forged({"tensor": "float32", "shape": [1], "view": False, "at": 7}, b"1234"),
        forged({"tensor": "float32", "shape": "x", "view": False, "at": 0}, b"1234"),
        forged({"tensor": "object", "shape": [1], "view": False, "at": 0}, b"12345678"),
        forged({"array": "O", "shape": [1], "at": 0}, b"12345678"),
        forged({"tensor": "bool", "shape": [1], "view": False, "at": 0}, b"\x07"),
        forged({"tensor": "float32", "shape": [2**40], "view": False, "at": 0}, b"1234"),
        forged({"float": "1e999"}),
        forged({"list": [1], "tuple": [2]}),
        forged({"dict": [[1]]}),
        forged([1, 2]),
        forged({"list": 3}),
        forged(1) + b"more",
        struct.pack("<II", 200_000, 0) + b"[" * 200_000,
    ],
)
def test_damaged_messages_are_refused(message):
    with pytest.raises(Refused):
        unpack(message)


@given(st.binary(max_size=200))
def test_no_bytes_whatever_break_unpack(message):
    with contextlib.suppress(Refused):
        unpack(message)
