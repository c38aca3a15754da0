"""The contrastive losses: pairs belong together, all other combinations of a batch do not.

Chapters 05 and 06. Radford et al. 2021, figure 3 (`clip_loss`); Zhai et al. 2023 (SigLIP). The
same loss in strips, for batches whose table of scores would not fit, and in shares of many
processes. Letters: N pairs in a batch, E the width of the shared space.
"""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Real

import torch
import torch.distributed
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

INITIAL_SIGLIP_BIAS = -10.0


def clip_loss(
    image_features: Float[Tensor, "pair embed"],
    text_features: Float[Tensor, "pair embed"],
    scale: Float[Tensor, ""] | float,
) -> Float[Tensor, ""]:
    """The mean of two cross-entropies: which text is this image's, which image this text's?

    This is the pseudo-code of the paper's figure 3 from the normalised features on. `clip_loss_sum`
    is the lecture's form of it: with features that are normalised, one of the two multiplied by
    the scale, the sum over the N pairs is N times this mean.

    Args:
        image_features, text_features: (N, E), of length 1 each; row i of the one belongs to row i
            of the other.
        scale: the factor on the cosines ITSELF, not its logarithm: `clip.logit_scale.exp()`.

    Raises:
        ValueError: the two shapes differ, there is no pair, or a factor is not one number.
        TypeError: the features are no floats, or of two precisions.
    """
    _check_pairs(image_features, text_features)
    _check_factors(scale=scale)
    logits_per_image = scale * image_features @ text_features.T  # N N
    labels = torch.arange(len(image_features), device=image_features.device)
    over_texts = F.cross_entropy(logits_per_image, labels)
    over_images = F.cross_entropy(logits_per_image.T, labels)
    return (over_texts + over_images) / 2


def clip_loss_sum(
    image_features: Float[Tensor, "pair embed"],
    text_features: Float[Tensor, "pair embed"],
) -> Float[Tensor, ""]:
    """The lecture's form: −½ Σ_i [log softmax over texts + log softmax over images] at (i, i).

    Three things stand between it and `clip_loss`. It is a SUM over the N pairs, so it is N times
    the mean. It does not normalise, and it has no temperature: what it is given is what it
    multiplies. So, with normalised features,

        clip_loss_sum(scale * image_features, text_features)
            == N * clip_loss(image_features, text_features, scale)

    Args:
        image_features, text_features: (N, E), of any length.

    Raises:
        ValueError: the two shapes differ, or there is no pair.
    """
    _check_pairs(image_features, text_features)
    scores = image_features @ text_features.T  # N N
    right_text = scores.log_softmax(dim=1).diagonal()  # N
    right_image = scores.log_softmax(dim=0).diagonal()  # N
    return -(right_text + right_image).sum() / 2


def siglip_loss(
    image_features: Float[Tensor, "pair embed"],
    text_features: Float[Tensor, "pair embed"],
    scale: Float[Tensor, ""] | float,
    bias: Float[Tensor, ""] | float,
) -> Float[Tensor, ""]:
    """Each of the N² combinations a yes-or-no question of its own; no softmax over the batch.

    −Σ_ij log σ(y_ij (scale·I_i·T_j + bias)) / N with y = +1 for pairs and −1 for the others
    (Zhai et al. 2023, "Sigmoid Loss for Language Image Pre-Training", equation in section 3.2).

    Args:
        image_features, text_features: (N, E), of length 1 each.
        scale: the factor itself, not its logarithm.
        bias: starts at −10 (`INITIAL_SIGLIP_BIAS`), since nearly all answers are "no".

    Raises:
        ValueError: the two shapes differ, there is no pair, or a factor is not one number.
        TypeError: the features are no floats, or of two precisions.
    """
    _check_pairs(image_features, text_features)
    _check_factors(scale=scale, bias=bias)
    logits = scale * image_features @ text_features.T + bias  # N N
    answers = 2 * torch.eye(len(logits), dtype=logits.dtype, device=logits.device) - 1  # N N
    return -F.logsigmoid(answers * logits).sum() / len(logits)


def clip_loss_chunked(
    image_features: Float[Tensor, "pair embed"],
    text_features: Float[Tensor, "pair embed"],
    scale: Float[Tensor, ""] | float,
) -> Float[Tensor, ""]:
    """`clip_loss`, value and gradients, without ever holding the N×N table of scores.

    The table is worked through in strips of rows, twice: forward for the logarithm of each
    softmax's denominator, backward for the gradient. What is kept between the two are 2·N numbers.
    Appendix of chapter 05 derives it. It works in float32 at least, under autocast too.

    Args, errors: see `clip_loss`. A second derivative is not defined.
    """
    _check_pairs(image_features, text_features)
    _check_factors(scale=scale)
    dtype = torch.promote_types(image_features.dtype, text_features.dtype)
    dtype = torch.promote_types(dtype, torch.float32)
    scale = torch.as_tensor(scale, dtype=dtype, device=image_features.device).reshape(())
    with torch.autocast(image_features.device.type, enabled=False):
        return _ChunkedClipLoss.apply(image_features.to(dtype), text_features.to(dtype), scale)


STRIP_SCORES = 2**22
"""Scores in one strip of `clip_loss_chunked`: 16 MiB of float32, which a processor's cache holds
and which keep the matrix products large. Of 2**20 to 2**25 the fastest when measured."""


def _strips(images: Tensor, texts: Tensor, scale: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """Some rows of the table of scores after the others: which rows, and their scores."""
    rows = max(1, STRIP_SCORES // len(images))
    for start in range(0, len(images), rows):
        strip = slice(start, start + rows)
        yield strip, scale * images[strip] @ texts.T  # n N


class _ChunkedClipLoss(torch.autograd.Function):
    """Letters: s the scale, S = s·I·Tᵀ the scores, n the rows of one strip."""

    @staticmethod
    def forward(
        ctx: FunctionCtx,
        images: Float[Tensor, "pair embed"],
        texts: Float[Tensor, "pair embed"],
        scale: Float[Tensor, ""],
    ) -> Float[Tensor, ""]:
        """The mean over pairs of (log Σ_j exp S_ij + log Σ_j exp S_ji) / 2 − S_ii."""
        over_texts = images.new_empty(len(images))  # N, log of the softmax's denominator in row i
        over_images = images.new_full((len(images),), -torch.inf)  # N, in column j, so far
        for strip, scores in _strips(images, texts, scale):
            over_texts[strip] = scores.logsumexp(dim=1)
            over_images = torch.logaddexp(over_images, scores.logsumexp(dim=0))
        right = scale * (images * texts).sum(dim=1)  # N
        ctx.save_for_backward(images, texts, scale, over_texts, over_images)
        return ((over_texts + over_images) / 2 - right).mean()

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, gradient: Float[Tensor, ""]) -> tuple[Tensor, Tensor, Tensor]:
        """With P = (softmax over texts + softmax over images) / 2 − 1 on the diagonal, the
        gradients are s·P·T, s·Pᵀ·I and Σ P∘(I·Tᵀ) = Σ I∘(P·T), each divided by N."""
        images, texts, scale, over_texts, over_images = ctx.saved_tensors
        from_texts, from_images = torch.empty_like(images), torch.zeros_like(texts)  # P·T, Pᵀ·I
        with torch.autocast(images.device.type, enabled=False):
            for strip, scores in _strips(images, texts, scale):
                error = (scores - over_texts[strip, None]).exp_()  # n N
                error += scores.sub_(over_images).exp_()
                error /= 2
                error[:, strip].diagonal().sub_(1)
                from_texts[strip] = error @ texts
                from_images.addmm_(error.T, images[strip])
        gradient = gradient / len(images)
        scale_gradient = gradient * (images * from_texts).sum()
        return from_texts.mul_(gradient * scale), from_images.mul_(gradient * scale), scale_gradient


def distributed_clip_loss(
    image_features: Float[Tensor, "pair embed"],
    text_features: Float[Tensor, "pair embed"],
    scale: Float[Tensor, ""] | float,
) -> Float[Tensor, ""]:
    """This process's share of `clip_loss` over the pairs of all processes.

    Every process holds n pairs. It compares its own n images with the texts of all processes, and
    its own n texts with all images, so that no process makes the whole N×N table. The mean of the
    shares, and the mean of the gradients, as DistributedDataParallel takes them, are those of
    `clip_loss` on all pairs in one process. That needs two things to be right:

    - the gradient flows back through the gather, since a feature here is also a wrong answer
      there; without it, the gradient norm came out at 0.49 of what it should be;
    - labels start at n·rank, because the right answers stand there in the gathered list.

    In one process, or before `torch.distributed` is set up, it is `clip_loss`.

    Args:
        image_features, text_features: this process's (n, E), of length 1 each; n must be the same
            everywhere.
        scale: the factor itself, not its logarithm.

    Raises:
        ValueError: in every process, where one of them holds another number of pairs, another
            width or another precision, or what `clip_loss` refuses.
    """
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return clip_loss(image_features, text_features, scale)
    _check_everywhere(image_features, text_features, scale)
    all_images = _Gather.apply(image_features)  # N E
    all_texts = _Gather.apply(text_features)  # N E
    count = len(image_features)
    labels = torch.arange(count, device=image_features.device)
    labels = labels + count * torch.distributed.get_rank()
    over_texts = F.cross_entropy(scale * image_features @ all_texts.T, labels)
    over_images = F.cross_entropy(scale * text_features @ all_images.T, labels)
    return (over_texts + over_images) / 2


class _Gather(torch.autograd.Function):
    """The rows of all processes. `torch.distributed.all_gather` alone stops the gradient."""

    @staticmethod
    def forward(
        ctx: FunctionCtx, features: Float[Tensor, "pair embed"]
    ) -> Float[Tensor, "all embed"]:
        parts = [torch.empty_like(features) for _ in range(torch.distributed.get_world_size())]
        torch.distributed.all_gather(parts, features.contiguous())
        start = len(features) * torch.distributed.get_rank()
        ctx.own = slice(start, start + len(features))
        return torch.cat(parts)

    @staticmethod
    @once_differentiable
    def backward(
        ctx: FunctionCtx, gradient: Float[Tensor, "all embed"]
    ) -> Float[Tensor, "pair embed"]:
        """A row was used in every process, so its gradient is the sum of theirs."""
        gradient = gradient.clone(memory_format=torch.contiguous_format)
        torch.distributed.all_reduce(gradient)
        return gradient[ctx.own]


def _check_everywhere(image_features: Tensor, text_features: Tensor, scale: Tensor | float) -> None:
    """Raise in all processes or in none: one that went on alone would wait for ever."""
    try:
        _check_pairs(image_features, text_features)
        _check_factors(scale=scale)
        error, holds = None, f"{tuple(image_features.shape)} of {image_features.dtype}"
    except (TypeError, ValueError) as refused:
        error, holds = refused, f"what was refused ({refused})"
    said: list[str] = [""] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(said, holds)
    if error is not None:
        raise error
    if len(set(said)) > 1:
        other = next(i for i, text in enumerate(said) if text != said[0])
        raise ValueError(
            f"process 0 holds {said[0]} and process {other} {said[other]}, wanted the same "
            "everywhere: leave an epoch's last, smaller batch out (drop_last=True)"
        )


def _check_pairs(image_features: Tensor, text_features: Tensor) -> None:
    for name, features in (("image", image_features), ("text", text_features)):
        if not isinstance(features, Tensor) or not features.is_floating_point():
            came = features.dtype if isinstance(features, Tensor) else type(features).__name__
            raise TypeError(f"{name} features are {came}: pass a tensor of floats (N, E)")
    if image_features.ndim != 2 or image_features.shape != text_features.shape:
        raise ValueError(
            f"image features are {tuple(image_features.shape)}, text features "
            f"{tuple(text_features.shape)}, wanted the same (N, E) twice: one text for each image"
        )
    if len(image_features) == 0:
        raise ValueError("there is no pair in the batch: pass at least one image and its text")
    autocast = torch.is_autocast_enabled(image_features.device.type)  # brings them together
    if image_features.dtype != text_features.dtype and not autocast:
        raise TypeError(
            f"image features are {image_features.dtype}, text features {text_features.dtype}: "
            f"convert one of them, such as text_features.to({image_features.dtype})"
        )


def _check_factors(**factors: Tensor | float) -> None:
    for name, factor in factors.items():
        if not isinstance(factor, Tensor | Real):
            raise TypeError(f"{name} is {factor!r}: pass one number, or a tensor that holds one")
        if isinstance(factor, Tensor) and (factor.numel() != 1 or factor.ndim > 1):
            raise ValueError(
                f"{name} is {tuple(factor.shape)}, wanted one number: the whole batch shares it"
            )
