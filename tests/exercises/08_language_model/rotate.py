"""Right and wrong answers to rotate."""

import math

import torch

from bank import mistake, right


def table(positions, width, theta):
    speeds = theta ** (-torch.arange(0, width, 2, dtype=torch.float64) / width)
    return positions[:, None].double() * speeds


def halves(x, angle):
    cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    first, second = x.chunk(2, dim=-1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)


@right("As the solutions write it.")
def master(x, positions, theta):
    return halves(x, table(positions, x.shape[-1], theta))


@right("Complex numbers, and back to the two halves.")
def by_complex(x, positions, theta):
    width = x.shape[-1]
    turns = torch.polar(torch.ones(1, dtype=torch.float64), table(positions, width, theta))
    both = torch.complex(x[..., : width // 2].double(), x[..., width // 2 :].double()) * turns
    return torch.cat([both.real, both.imag], dim=-1).to(x.dtype)


@right("The usual rotate_half, with tables a whole head wide, in float32.")
def rotate_half(x, positions, theta):
    width = x.shape[-1]
    speeds = 1.0 / theta ** (torch.arange(0, width, 2).float() / width)
    angle = torch.outer(positions.float(), speeds)
    angle = torch.cat([angle, angle], dim=-1)
    swapped = torch.cat([-x[..., width // 2 :], x[..., : width // 2]], dim=-1)
    return (x * angle.cos() + swapped * angle.sin()).to(x.dtype)


@right("A rotation matrix for each token, and one product.")
def by_matrices(x, positions, theta):
    width = x.shape[-1]
    matrices = []
    for angles in table(positions, width, theta):
        cos, sin = torch.diag(angles.cos()), torch.diag(angles.sin())
        matrices.append(torch.cat([torch.cat([cos, -sin], 1), torch.cat([sin, cos], 1)]))
    return torch.einsum("tij,bhtj->bhti", torch.stack(matrices), x.double()).to(x.dtype)


@right("Token by token, pair by pair.")
def by_loops(x, positions, theta):
    width = x.shape[-1]
    columns = [None] * width
    for i in range(width // 2):
        angle = positions.double() * theta ** (-2 * i / width)
        a, b = x[..., i].double(), x[..., i + width // 2].double()
        columns[i] = a * angle.cos() - b * angle.sin()
        columns[i + width // 2] = b * angle.cos() + a * angle.sin()
    return torch.stack(columns, dim=-1).to(x.dtype)


@mistake(
    "Neighbours are paired.",
    fails="rotate-pairs, rotate-positions, rotate-shapes, rotate-far, rotate-gradient",
    says="neighbours were paired, 0 with 1 and 2 with 3: here number i goes with i + d/2",
)
def neighbours(x, positions, theta):
    angle = table(positions, x.shape[-1], theta)
    cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack([even * cos - odd * sin, odd * cos + even * sin], dim=-1).flatten(-2)


@mistake(
    "Turned by minus the angle.",
    fails="rotate-pairs, rotate-positions, rotate-shapes, rotate-far, rotate-gradient",
    says="everything is turned the other way round: by minus the angle",
)
def other_way(x, positions, theta):
    return halves(x, -table(positions, x.shape[-1], theta))


@mistake(
    "i/d in the exponent, and not 2i/d.",
    fails="rotate-pairs, rotate-positions, rotate-shapes, rotate-far, rotate-gradient",
    says="pair i turns by theta^(-i/d) a position, wanted theta^(-2i/d)",
)
def half_exponent(x, positions, theta):
    width = x.shape[-1]
    speeds = theta ** (-torch.arange(0, width // 2, dtype=torch.float64) / width)
    return halves(x, positions[:, None] * speeds)


@mistake(
    "All pairs turn by one angle.",
    fails="rotate-pairs, rotate-positions, rotate-shapes, rotate-far, rotate-gradient",
    says="all pairs turn equally fast",
)
def one_angle(x, positions, theta):
    ones = torch.ones(x.shape[-1] // 2, dtype=torch.float64)
    return halves(x, positions[:, None] * ones)


@mistake(
    "The angles are taken for degrees.",
    fails="rotate-pairs, rotate-positions, rotate-shapes, rotate-far, rotate-gradient",
    says="the angles were taken for degrees: they are radians",
)
def degrees(x, positions, theta):
    return halves(x, table(positions, x.shape[-1], theta) * math.pi / 180)


@mistake(
    "The positions are always 0, 1, 2, …",
    fails="rotate-positions, rotate-far",
    says="turned as if the positions were 0, 1, 2, …: they are what is passed",
)
def always_from_0(x, positions, theta):
    return halves(x, table(torch.arange(x.shape[2]), x.shape[-1], theta))


@mistake(
    "The positions count on from the first one.", fails="rotate-positions", says="positions 5, 6, 9"
)
def from_the_first(x, positions, theta):
    places = positions[0] + torch.arange(x.shape[2])
    return halves(x, table(places, x.shape[-1], theta))


@mistake(
    "The positions are laid along the heads.",
    fails="rotate-pairs, rotate-positions, rotate-shapes, rotate-far, rotate-gradient",
    says="which is that of x",
)
def along_heads(x, positions, theta):
    angle = table(positions, x.shape[-1], theta)[None, :, None]
    return halves(x, angle)


@mistake(
    "The angle is taken in the kind of x.",
    fails="rotate-far",
    says="though positions of one digit are right",
)
def angle_in_half(x, positions, theta):
    width = x.shape[-1]
    speeds = (theta ** (-torch.arange(0, width, 2) / width)).to(x.dtype)
    return halves(x, positions.to(x.dtype)[:, None] * speeds)


@mistake(
    "Comes back as float64.",
    fails="rotate-far",
    says="torch.float16 went in, torch.float64 came out; to turn keeps the kind of number",
)
def comes_back_wide(x, positions, theta):
    return halves(x.double(), table(positions, x.shape[-1], theta))


@mistake(
    "Comes back as float32.",
    fails="rotate-far",
    says="torch.float16 went in, torch.float32 came out; to turn keeps the kind of number",
)
def comes_back_float(x, positions, theta):
    return halves(x.float(), table(positions, x.shape[-1], theta).float())


@mistake(
    "Only the first row of the batch is turned.",
    fails="rotate-shapes, rotate-gradient",
    says="T is the last axis but one of x",
)
def first_row(x, positions, theta):
    turned = x.clone()
    turned[0] = halves(x, table(positions, x.shape[-1], theta))[0]
    return turned


@mistake(
    "The second half keeps its sign: a reflection and no rotation.",
    fails="rotate-pairs, rotate-positions, rotate-shapes, rotate-far, rotate-gradient",
    says="the first number of a pair becomes a cos − b sin",
)
def reflected(x, positions, theta):
    angle = table(positions, x.shape[-1], theta)
    cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    first, second = x.chunk(2, dim=-1)
    return torch.cat([first * cos + second * sin, second * cos + first * sin], dim=-1)


@mistake(
    "The turned first half is used for the second.",
    fails="rotate-pairs, rotate-positions, rotate-shapes, rotate-far, rotate-gradient",
    says="Pair i is the numbers i and i + d/2",
)
def used_again(x, positions, theta):
    angle = table(positions, x.shape[-1], theta)
    cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    first, second = x.chunk(2, dim=-1)
    first = first * cos - second * sin
    return torch.cat([first, second * cos + first * sin], dim=-1)


@mistake(
    "A table of 1,024 positions is all there is.",
    fails="rotate-far",
    says="IndexError: index 2049 is out of bounds for dimension 0 with size 1024",
)
def short_table(x, positions, theta):
    whole = table(torch.arange(1024), x.shape[-1], theta)
    return halves(x, whole[positions])


@mistake(
    "The gradient is cut off.", fails="rotate-gradient", says="no gradient reaches the queries"
)
def no_gradient(x, positions, theta):
    with torch.no_grad():
        return halves(x, table(positions, x.shape[-1], theta))


@mistake(
    "Turns what was passed in place.",
    fails="rotate-gradient",
    says="its first argument: after the call it is not what was passed",
)
def in_place(x, positions, theta):
    turned = halves(x, table(positions, x.shape[-1], theta))
    x.copy_(turned)
    return x


@mistake(
    "theta is always 10,000.",
    fails="rotate-pairs, rotate-positions, rotate-shapes, rotate-gradient",
    says="theta is 10,000 here, whatever is passed",
)
def one_theta(x, positions, theta):
    return halves(x, table(positions, x.shape[-1], 10_000.0))


@mistake(
    "float64 goes through float32.",
    fails="rotate-far",
    says="the numbers went through float32 on the way: some digits are lost",
)
def through_float(x, positions, theta):
    return halves(x.float(), table(positions, x.shape[-1], theta)).to(x.dtype)


@mistake(
    "The turned halves are interleaved in the result.",
    fails="rotate-pairs, rotate-positions, rotate-shapes, rotate-far, rotate-gradient",
    says="the turned halves were interleaved in the result",
)
def interleaved(x, positions, theta):
    turned = halves(x, table(positions, x.shape[-1], theta))
    return torch.stack(turned.chunk(2, dim=-1), dim=-1).flatten(-2)


@mistake(
    "The second number's sign.",
    fails="rotate-pairs, rotate-positions, rotate-shapes, rotate-far, rotate-gradient",
    says="the second number of a pair becomes b cos + a sin",
)
def second_sign(x, positions, theta):
    angle = table(positions, x.shape[-1], theta)
    cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    first, second = x.chunk(2, dim=-1)
    return torch.cat([first * cos - second * sin, second * cos - first * sin], dim=-1)


@mistake(
    "A single position loses its axis: a crash, and no matter of digits.",
    fails="rotate-positions, rotate-shapes, rotate-far",
    says="IndexError: too many indices for tensor of dimension 0 (x of float64 at position 0)",
)
def single_squeezed(x, positions, theta):
    return halves(x, table(positions.squeeze(), x.shape[-1], theta))
