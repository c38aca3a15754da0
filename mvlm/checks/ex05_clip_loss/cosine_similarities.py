"""Exercise 05, `cosine_similarities`: cosines of any vectors."""

from typing import Any

import torch
from torch import Tensor

from mvlm.checks.core import Question, Student, check, fail
from mvlm.checks.ex05_clip_loss.common import unit
from mvlm.checks.expect import Comparison, expect_finite, expect_shape


def _read_cosines(value: Any, images: Tensor, texts: Tensor) -> Tensor:
    shape = (len(images), len(texts))
    cosines = expect_shape(value, shape, "cosine_similarities", "(N, M), images × texts")
    if cosines.dtype not in (torch.float32, torch.float64):
        fail(f"the cosines came back in {cosines.dtype}: wanted torch.float32")
    return expect_finite(cosines, "the cosines")


def _tell_cosine(ours: Tensor, wanted: Tensor) -> str:
    if (largest := ours.abs().max().item()) > 1.001:
        return f"one of your cosines is {largest:.3g}, and no cosine is beyond 1"
    row, column = divmod((ours - wanted).abs().argmax().item(), wanted.shape[1])
    return (
        f"image {row} and text {column} have the cosine {wanted[row, column].item():.3f}, "
        f"yours is {ours[row, column].item():.3f}"
    )


COSINE = Comparison(
    function="cosine_similarities",
    what="the cosines",
    right=lambda images, texts, *, image=unit, text=unit: image(images) @ text(texts).T,
    read=_read_cosines,
    tells=_tell_cosine,
    mistakes={
        "these are products of the vectors as they came: a cosine goes by direction alone": (
            {"image": Tensor.double, "text": Tensor.double},
            "Divide each vector by its own length first.",
        ),
        "the images were brought to length 1, the texts were not": {"text": Tensor.double},
        "the texts were brought to length 1, the images were not": {"image": Tensor.double},
    },
)


@check(
    "every image's cosine with every text",
    "Which axis holds the numbers of ONE vector? Its length is taken along that one.",
)
def cos_values(student: Student) -> None:
    count, width = student.integer(3, 4), student.integer(6, 8)
    COSINE.run(
        student, lambda: (student.normal(count, width), 3 * student.normal(count + 2, width))
    )


@check(
    "a vector of zeros has cosine 0 with everything",
    "Its length is 0, and 0/0 is nan. What may you divide by in its place?",
    after=[cos_values],
)
def cos_zero(student: Student) -> None:
    images, texts = student.normal(3, 5), student.normal(4, 5)
    images[1] = texts[2] = 0
    COSINE.run(student, lambda: (images, texts))


@check(
    "very long and very short vectors keep their direction",
    "Where do squares become inf or 0? What if each is first made about 1 long?",
    after=[cos_values],
)
def cos_length(student: Student) -> None:
    images, texts = student.normal(4, 6), student.normal(5, 6)
    images *= torch.tensor([1e-30, 1e-8, 1.0, 1e30])[:, None]
    with student.on("vectors 1e-30 to 1e30 long, float32"):
        COSINE.run(student, lambda: (images, texts))
        COSINE.run(student, lambda: (texts, images))


@check(
    "float16 is read, and everything worked out in float32",
    "In float16, 256 squared is inf, and four digits are all. What comes first?",
    after=[cos_values],
    keeps_arguments=True,
)
def cos_half(student: Student) -> None:
    images, texts = student.normal(4, 6), student.normal(5, 6)
    inputs = {
        "float16, numbers near 1": (images.half(), texts.half()),
        "float16, numbers in the hundreds": ((300 * images).half(), (300 * texts).half()),
        "float32, for comparison": (images, texts),
    }
    COSINE.each(student, inputs)


QUESTION = Question(
    function="cosine_similarities",
    title="Cosines of any vectors",
    minutes=15,
    teaches="what normalising does, and where floating point ends",
    checks=(cos_values, cos_zero, cos_length, cos_half),
)
