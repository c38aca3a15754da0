"""Right and wrong answers to rms_norm."""

import torch
import torch.nn.functional as F

from bank import mistake, right


@right("As the solutions write it.")
def master(x, weight, eps):
    wide = x if x.dtype == torch.float64 else x.float()
    return (wide * (wide.pow(2).mean(dim=-1, keepdim=True) + eps).rsqrt()).to(x.dtype) * weight


@right("float64 inside, whatever comes.")
def in_double(x, weight, eps):
    wide = x.double()
    root = (wide.square().sum(-1, keepdim=True) / x.shape[-1] + eps).sqrt()
    return (wide / root * weight.double()).to(x.dtype)


@right("torch's own function, in float32 at least.")
def torchs(x, weight, eps):
    kind = torch.promote_types(x.dtype, torch.float32)
    return F.rms_norm(x.to(kind), (x.shape[-1],), weight.to(kind), eps).to(x.dtype)


@right("An einsum for the squares, and a norm of the vector.")
def by_einsum(x, weight, eps):
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    squares = torch.einsum("...d,...d->...", wide, wide)
    scale = torch.pow(squares / wide.size(-1) + eps, -0.5)
    return torch.mul(torch.einsum("...d,...->...d", wide, scale), weight).to(x.dtype)


@mistake(
    "The mean is taken away first, as in LayerNorm.",
    fails="norm-values, norm-kinds, norm-gradient",
    says="the mean was taken away: that is LayerNorm",
)
def mean_away(x, weight, eps):
    wide = x if x.dtype == torch.float64 else x.float()
    wide = wide - wide.mean(-1, keepdim=True)
    return (wide * (wide.pow(2).mean(dim=-1, keepdim=True) + eps).rsqrt()).to(x.dtype) * weight


@mistake(
    "eps outside the root.",
    fails="norm-values, norm-kinds, norm-gradient",
    says="eps stands outside the root",
)
def eps_outside(x, weight, eps):
    wide = x if x.dtype == torch.float64 else x.float()
    return (wide / (wide.pow(2).mean(dim=-1, keepdim=True).sqrt() + eps)).to(x.dtype) * weight


@mistake(
    "Divided by D - 1, as a variance often is.",
    fails="norm-values, norm-kinds, norm-gradient",
    says="the sum of the squares was divided by D - 1, not by D",
)
def one_less(x, weight, eps):
    wide = x if x.dtype == torch.float64 else x.float()
    mean = wide.pow(2).sum(-1, keepdim=True) / (x.shape[-1] - 1)
    return (wide * (mean + eps).rsqrt()).to(x.dtype) * weight


@mistake(
    "The squares are added up and not averaged.",
    fails="norm-values, norm-kinds, norm-gradient",
    says="the squares were added up: the mean of them is wanted",
)
def by_length(x, weight, eps):
    wide = x if x.dtype == torch.float64 else x.float()
    return (wide * (wide.pow(2).sum(dim=-1, keepdim=True) + eps).rsqrt()).to(x.dtype) * weight


@mistake(
    "One mean square for everything.",
    fails="norm-values, norm-kinds, norm-gradient",
    says="one mean square for all vectors together: each has its own",
)
def over_all(x, weight, eps):
    wide = x if x.dtype == torch.float64 else x.float()
    return (wide * (wide.pow(2).mean() + eps).rsqrt()).to(x.dtype) * weight


@mistake(
    "The mean runs over the first axis.",
    fails="norm-values, norm-kinds, norm-gradient",
    says="Square, mean over the last axis",
)
def wrong_axis(x, weight, eps):
    wide = x if x.dtype == torch.float64 else x.float()
    return (wide * (wide.pow(2).mean(dim=0, keepdim=True) + eps).rsqrt()).to(x.dtype) * weight


@mistake(
    "Divided by the mean square itself.",
    fails="norm-values, norm-kinds, norm-gradient",
    says="divided by the mean square: its root is wanted",
)
def no_root(x, weight, eps):
    wide = x if x.dtype == torch.float64 else x.float()
    return (wide / (wide.pow(2).mean(dim=-1, keepdim=True) + eps)).to(x.dtype) * weight


@mistake(
    "The weight is left out.",
    fails="norm-values, norm-kinds, norm-gradient",
    says="weight was not used",
)
def no_weight(x, weight, eps):
    wide = x if x.dtype == torch.float64 else x.float()
    return (wide * (wide.pow(2).mean(dim=-1, keepdim=True) + eps).rsqrt()).to(x.dtype)


@mistake(
    "The weight comes before the mean square.",
    fails="norm-values, norm-kinds, norm-gradient",
    says="weight was multiplied in before the mean square was taken",
)
def weight_first(x, weight, eps):
    wide = (x if x.dtype == torch.float64 else x.float()) * weight
    return (wide * (wide.pow(2).mean(dim=-1, keepdim=True) + eps).rsqrt()).to(x.dtype)


@mistake(
    "The squares are taken in half precision and overflow.",
    fails="norm-kinds",
    says="numbers of torch.float16",
)
def in_half(x, weight, eps):
    return x * (x.pow(2).mean(dim=-1, keepdim=True) + eps).rsqrt() * weight


@mistake(
    "Comes back as float32, whatever went in.",
    fails="norm-kinds",
    says="torch.float16 went in, torch.float32 came out; a norm keeps the kind of number",
)
def to_float(x, weight, eps):
    wide = x.float()
    return wide * (wide.pow(2).mean(dim=-1, keepdim=True) + eps).rsqrt() * weight.float()


@mistake(
    "float64 goes through float32 and loses its digits.",
    fails="norm-kinds",
    says="goes through float32",
)
def through_float(x, weight, eps):
    wide = x.float()
    return (wide * (wide.pow(2).mean(dim=-1, keepdim=True) + eps).rsqrt()).to(x.dtype) * weight


@mistake(
    "The scale is a plain number, so its gradient is cut off.",
    fails="norm-gradient",
    says="the gradient says that one step of the vectors changes the result by",
)
def scale_detached(x, weight, eps):
    wide = x if x.dtype == torch.float64 else x.float()
    scale = (wide.detach().pow(2).mean(dim=-1, keepdim=True) + eps).rsqrt()
    return (wide * scale).to(x.dtype) * weight


@mistake(
    "Built through lists: no gradient passes.",
    fails="norm-gradient",
    says="no gradient reaches the vectors",
)
def through_lists(x, weight, eps):
    wide = x.double()
    result = wide * (wide.pow(2).mean(dim=-1, keepdim=True) + eps).rsqrt() * weight.double()
    return torch.tensor(result.tolist(), dtype=x.dtype)


@mistake(
    "The batch axis is taken for three axes, always.",
    fails="norm-values, norm-kinds, norm-gradient",
    says="a single vector (D,)",
)
def three_axes(x, weight, eps):
    batch, tokens, width = x.shape
    wide = x if x.dtype == torch.float64 else x.float()
    return (wide * (wide.pow(2).sum(-1, keepdim=True) / width + eps).rsqrt()).to(x.dtype) * weight


@mistake(
    "Rounded to four digits.",
    fails="norm-values, norm-kinds, norm-gradient",
    says="Square, mean over the last axis",
)
def rounded(x, weight, eps):
    wide = x.double()
    result = wide * (wide.pow(2).mean(dim=-1, keepdim=True) + eps).rsqrt() * weight.double()
    return result.round(decimals=2).to(x.dtype)


@mistake(
    "Writes into what was passed.",
    fails="norm-gradient",
    says="before anything else: rms_norm changed its first argument",
)
def in_place(x, weight, eps):
    wide = x if x.dtype == torch.float64 else x.float()
    return x.mul_((wide.pow(2).mean(dim=-1, keepdim=True) + eps).rsqrt().to(x.dtype)).mul(weight)
