"""Exercise 02, `weight_to_hwc`: a weight for the new order."""

from torch import Tensor

from mvlm.checks.core import Question, Student, check, fail
from mvlm.checks.ex02_patches.common import THREE, as_letters, order_of, patches_chw, patches_hwc
from mvlm.checks.expect import KIND, close, expect_kind, expect_shape, same_numbers, tensor_of

_moved = tensor_of("weight_to_hwc")


@check(
    "new weight on new patches gives the tokens of old on old",
    "One row of the weight is one filter. Which shape makes it a small picture?",
)
def weight_tokens(student: Student) -> None:
    for channels, hint in ((3, None), (5, THREE)):
        size, width = 2 * student.integer(1, 2), student.integer(6, 7)
        weight = student.normal(width, channels * size * size)
        images = student.normal(2, channels, 2 * size, 3 * size)
        with student.on(f"{channels} channels", hint):
            moved = _moved(student, weight, size)
            expect_shape(moved, weight.shape, "weight_to_hwc", "(D, P·P·C)")
            tokens = patches_hwc(images, size) @ moved.float().T
            if not close(tokens, patches_chw(images, size, size) @ weight.T):
                _fail_on_columns(moved, weight, size)


def _fail_on_columns(moved: Tensor, weight: Tensor, size: int) -> None:
    """Say which order the columns are in."""
    channels = weight.shape[1] // size**2
    found = order_of(moved, weight, {"c": channels, "h": size, "w": size})
    if found == "chw":
        fail("the columns are still in (c, h, w) order", "A reshape alone moves no number.")
    if found:
        fail(
            f"the new columns are in {as_letters(found)} order",
            "Which axis stands where before your permute, and where after it?",
        )
    if order_of(moved, weight, {"h": size, "w": size, "c": channels}):
        fail(
            "the columns that were passed are read as (h, w, c): they are in (c, h, w) order",
            "Which way round is the question: to (h, w, c), or from it?",
        )
    fail("the (h, w, c) patches and your weight do not give the tokens of before")


@check(
    "a new weight comes back, and the one that was passed is unchanged",
    "Do you write into the tensor you were given? Somebody else may still use it.",
)
def weight_kept(student: Student) -> None:
    size = student.integer(2, 3)
    weight = student.normal(4, 3 * size * size)
    value = _moved(student, weight, size)
    if student.changes:
        fail("after the call, the weight that was passed has other numbers than before")
    if order_of(value, weight, {"column": weight.shape[1]}):
        fail("no new weight to look at: the old numbers came back in the old order", "")
    weight = student.distinct(4, 3 * size * size).double() + 2.0**-40  # float32 drops the end
    with student.on("a weight of float64", KIND):
        value = _moved(student, weight, size)
        expect_kind(value, weight, "another order changes no number")
        if not same_numbers(value, weight):
            fail("the new weight does not hold the numbers of the one that was passed")


QUESTION = Question(
    function="weight_to_hwc",
    title="A weight for the new order",
    minutes=10,
    teaches="that a matrix and the order of its input belong together",
    checks=(weight_tokens, weight_kept),
)
