"""LLaVA: show a language model a picture, as a few more vectors among its words.

Chapters 09 and 10. Liu et al., "Visual Instruction Tuning" (2023), section 4, and "Improved
Baselines" (2023), section 3; haotian-liu/LLaVA `llava_arch.py`, `constants.py`.

A frozen CLIP turns the picture into N vectors, a projector brings them to the language model's
width, and `splice` puts them where the text holds an image marker. Letters: B rows, I images,
N vectors an image, T tokens, D the language model's width.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from mvlm.generation import generate, stream
from mvlm.language import IGNORED, LanguageModel, next_token_loss
from mvlm.tokenizer import IMAGE
from mvlm.transformer import Encoding, check_attention_mask, check_counts

IMAGE_MARKER = -200
"""Stands for one picture among the token ids. It is never embedded: no vocabulary has it."""


class Vision(Protocol):
    """What LLaVA asks of a picture's encoder: `mvlm.vit.ViT`, CLIP's image tower included."""

    def encode(self, images: Tensor) -> Encoding:
        """Pictures (I, 3, H, W) in, the states of every layer out."""
        ...


class Projector(nn.Sequential):
    """From the width of a vision vector to that of a word vector.

    Args:
        vision_width: of the vectors that come.
        width: of the language model.
        depth: 1 is LLaVA's first, one linear layer; 2 is LLaVA-1.5's, Linear-GELU-Linear.
        bias: whether the layers have offsets; every released LLaVA has them.

    Raises:
        TypeError, ValueError: a width or the depth is no whole number of at least 1.
    """

    def __init__(self, vision_width: int, width: int, depth: int = 2, *, bias: bool = True) -> None:
        check_counts(vision_width=vision_width, width=width)
        if not isinstance(depth, int) or depth < 1:
            raise ValueError(f"depth is {depth!r}: pass 1 for a linear projector, or 2")
        layers: list[nn.Module] = [nn.Linear(vision_width, width, bias=bias)]
        for _ in range(depth - 1):
            layers += [nn.GELU(), nn.Linear(width, width, bias=bias)]
        super().__init__(*layers)
        self.vision_width = vision_width

    def forward(
        self, features: Float[Tensor, "*batch vision_width"]
    ) -> Float[Tensor, "*batch width"]:
        """Each vision vector in, one of the language model's width out.

        Raises:
            ValueError: the vectors are of another width.
        """
        if features.shape[-1] != self.vision_width:
            raise ValueError(
                f"the vision vectors are {features.shape[-1]} wide, this projector takes "
                f"{self.vision_width}: make it with vision_width={features.shape[-1]}"
            )
        return super().forward(features)


@dataclass(frozen=True, kw_only=True)
class Spliced:
    """Words and pictures in one sequence, ready for the language model.

    `embeddings` (B, T', D); `attention_mask` (B, T') is True where there is no padding; `labels`
    (B, T') are -100 on pictures and padding, or None when none were given.
    """

    embeddings: Float[Tensor, "batch token width"]
    attention_mask: Bool[Tensor, "batch token"]
    labels: Int[Tensor, "batch token"] | None


def splice(
    ids: Int[Tensor, "batch token"] | Sequence[Sequence[int]],
    features: Float[Tensor, "image vector width"] | Sequence[Float[Tensor, "vector width"]],
    embed: Callable[[Tensor], Tensor],
    *,
    labels: Int[Tensor, "batch token"] | Sequence[Sequence[int]] | None = None,
    attention_mask: Bool[Tensor, "batch token"] | None = None,
    side: str = "right",
) -> Spliced:
    """Put each picture's vectors in the place of its marker.

    A row may hold no marker, one or several; pictures are taken in reading order, row by row. A
    row of text alone needs no stand-in picture.

    Args:
        ids: a row of tokens each, -200 where a picture belongs; lists of any lengths or a tensor.
        features: the projected vectors of each picture: (I, N, D), or a list of (N, D).
        embed: ids → vectors, usually `language.embed`.
        labels: the token each place should have predicted, as `ids`; -100 for none.
        attention_mask: False on padding, where `ids` is a padded tensor.
        side: where the result is padded: "right" to train, "left" to generate.

    Raises:
        ValueError: more pictures than markers or fewer, an empty row, labels of another shape, or
            features of another width. TypeError: the ids are no whole numbers.
    """
    rows = _unpad(ids, attention_mask)
    answers = None if labels is None else _unpad(labels, attention_mask)
    if answers is not None and [len(row) for row in answers] != [len(row) for row in rows]:
        raise ValueError("labels and ids differ in length: pass one label for each token")
    if not rows:
        raise ValueError("no row came: pass at least one row of token ids")
    markers = sum(int((row == IMAGE_MARKER).sum()) for row in rows)
    if markers != len(features):
        raise ValueError(
            f"{len(features)} images came for {markers} image markers: put one marker "
            f"({IMAGE_MARKER}, {IMAGE} in a chat) in the text for each image"
        )
    pictures = iter(features)
    pieces, targets = [], []
    for i, row in enumerate(rows):
        if not len(row):
            raise ValueError(f"row {i} is empty: pass at least one token or image marker")
        answer = torch.full_like(row, IGNORED) if answers is None else answers[i]
        vectors, target = _splice_row(row, answer, pictures, embed)
        pieces.append(vectors)
        targets.append(target)
    return _pad(pieces, None if labels is None else targets, side)


def _splice_row(
    row: Int[Tensor, " token"],
    answer: Int[Tensor, " token"],
    pictures: Iterator[Tensor],
    embed: Callable[[Tensor], Tensor],
) -> tuple[Float[Tensor, "longer width"], Int[Tensor, " longer"]]:
    vectors, targets, start = [], [], 0
    for place in [*(row == IMAGE_MARKER).nonzero()[:, 0].tolist(), len(row)]:
        vectors.append(embed(row[start:place]))  # the words before the picture (T, D)
        targets.append(answer[start:place])
        if place < len(row):
            picture = next(pictures)  # (N, D)
            if not len(picture) or picture.shape[1:] != vectors[0].shape[1:]:
                raise ValueError(
                    f"an image's features are {tuple(picture.shape)}, wanted at least one vector "
                    f"of the language model's width, (N, {vectors[0].shape[-1]}): project them "
                    f"first"
                )
            vectors.append(picture.to(vectors[0]))
            targets.append(answer.new_full((len(picture),), IGNORED))
        start = place + 1
    targets = torch.cat(targets)
    targets[0] = IGNORED  # nothing stands before it to predict it from, padding least of all
    return torch.cat(vectors), targets


def _unpad(
    rows: Tensor | Sequence[Sequence[int]], attention_mask: Tensor | None
) -> list[Int[Tensor, " token"]]:
    if isinstance(rows, Tensor) and rows.ndim != 2:
        raise ValueError(f"ids is {tuple(rows.shape)}, wanted (B, T): for one row ids[None]")
    if any(isinstance(row, int | str) for row in rows):
        raise TypeError("ids is no list of rows: pass a list of token ids for each row")
    tensors = [torch.as_tensor(row) for row in rows]
    if any(len(row) and row.is_floating_point() for row in tensors):
        raise TypeError("ids are no whole numbers: pass token ids, and -200 for each image")
    rows = [row.long() for row in tensors]
    if attention_mask is None:
        return rows
    check_attention_mask(attention_mask, (len(rows), len(rows[0])))
    keep = attention_mask.to(torch.bool)
    return [row[kept.to(row.device)] for row, kept in zip(rows, keep, strict=True)]


def _pad(pieces: list[Tensor], targets: list[Tensor] | None, side: str) -> Spliced:
    if side not in ("left", "right"):
        raise ValueError(f"side {side!r} is not known: choose left or right")
    first, longest = pieces[0], max(len(piece) for piece in pieces)
    embeddings = first.new_zeros(len(pieces), longest, first.shape[-1])  # (B, T', D)
    mask = torch.zeros(len(pieces), longest, dtype=torch.bool, device=first.device)
    labels = torch.full((len(pieces), longest), IGNORED, device=first.device)
    for i, piece in enumerate(pieces):
        gap = longest - len(piece)
        here = slice(0, len(piece)) if side == "right" else slice(gap, longest)
        embeddings[i, here] = piece
        mask[i, here] = True
        if targets is not None:
            labels[i, here] = targets[i].to(first.device)
    return Spliced(
        embeddings=embeddings, attention_mask=mask, labels=None if targets is None else labels
    )


@dataclass(frozen=True, kw_only=True)
class Output:
    """What a model with pictures gives.

    `logits` (B, T', V) score every place of the spliced sequence, `attention_mask` (B, T') is
    True where there is no padding, and `loss` is there when labels were given.
    """

    logits: Float[Tensor, "batch token vocabulary"]
    attention_mask: Bool[Tensor, "batch token"]
    loss: Float[Tensor, ""] | None = field(default=None)


class LLaVA(nn.Module):
    """A picture's encoder, a projector and a language model.

    The encoder is frozen, as in both stages of LLaVA's training.

    Args:
        vision: gives `encode(images).hidden_states`.
        projector: see `Projector`.
        language: see `mvlm.language.LanguageModel`.
        feature_layer: which of the encoder's L + 1 hidden states is taken. The last but one (-2)
            describes places better than the last, which was trained to serve the class token.
    """

    def __init__(
        self,
        vision: nn.Module,
        projector: nn.Module,
        language: LanguageModel,
        *,
        feature_layer: int = -2,
    ) -> None:
        super().__init__()
        self.vision = vision.requires_grad_(False)
        self.projector = projector
        self.language = language
        self.feature_layer = feature_layer

    def features(
        self, images: Float[Tensor, "image 3 height width"]
    ) -> Float[Tensor, "image vector width"]:
        """Pictures as word-like vectors (I, N, D), one for each patch: no class token, no norm."""
        states = self.vision.encode(images).hidden_states  # L + 1 of (I, 1 + N, W)
        if not -len(states) <= self.feature_layer < len(states):
            raise ValueError(
                f"feature_layer is {self.feature_layer}, the encoder gives {len(states)} hidden "
                f"states: take {-len(states)} to {len(states) - 1}"
            )
        return self.projector(states[self.feature_layer][:, 1:])

    def forward(
        self,
        images: Float[Tensor, "image 3 height width"] | None,
        ids: Int[Tensor, "batch token"] | Sequence[Sequence[int]],
        labels: Int[Tensor, "batch token"] | Sequence[Sequence[int]] | None = None,
        *,
        attention_mask: Bool[Tensor, "batch token"] | None = None,
        side: str = "right",
    ) -> Output:
        """Score every next token; with labels, also the mean loss over those that are not -100.

        Args:
            images: all pictures of the batch in reading order, normalised; None for none.
            ids, labels, attention_mask, side: see `splice`.

        Raises:
            ValueError: see `splice`, `LanguageModel.forward` and `next_token_loss`.
        """
        spliced = self.splice(images, ids, labels, attention_mask=attention_mask, side=side)
        logits = self.language(embeddings=spliced.embeddings, attention_mask=spliced.attention_mask)
        loss = None if labels is None else next_token_loss(logits, spliced.labels)
        return Output(logits=logits, attention_mask=spliced.attention_mask, loss=loss)

    def splice(
        self,
        images: Float[Tensor, "image 3 height width"] | None,
        ids: Int[Tensor, "batch token"] | Sequence[Sequence[int]],
        labels: Int[Tensor, "batch token"] | Sequence[Sequence[int]] | None = None,
        *,
        attention_mask: Bool[Tensor, "batch token"] | None = None,
        side: str = "right",
    ) -> Spliced:
        """Encode the pictures and put them in their places: see the function `splice`."""
        features = [] if images is None or not len(images) else self.features(images)
        return splice(
            ids,
            features,
            self.language.embed,
            labels=labels,
            attention_mask=attention_mask,
            side=side,
        )

    def generate(
        self,
        images: Float[Tensor, "image 3 height width"] | None,
        prompts: Int[Tensor, "batch token"] | Sequence[Sequence[int]],
        *,
        attention_mask: Bool[Tensor, "batch token"] | None = None,
        **options,
    ) -> list[list[int]]:
        """Answer each prompt: new tokens a row; `options` are those of `mvlm.generation.stream`."""
        spliced = self._prefill(images, prompts, attention_mask)
        return generate(self.language, **spliced, **options)

    def stream(
        self,
        images: Float[Tensor, "image 3 height width"] | None,
        prompts: Int[Tensor, "batch token"] | Sequence[Sequence[int]],
        *,
        attention_mask: Bool[Tensor, "batch token"] | None = None,
        **options,
    ) -> Iterator[list[int | None]]:
        """As `generate`, one token a row at a time: see `mvlm.generation.stream`."""
        spliced = self._prefill(images, prompts, attention_mask)
        return stream(self.language, **spliced, **options)

    @torch.inference_mode()
    def _prefill(
        self, images: Tensor | None, prompts: Tensor | Sequence, attention_mask: Tensor | None
    ) -> dict[str, Tensor]:
        if not len(prompts):
            raise ValueError("no prompt came: pass at least one row of token ids")
        spliced = self.splice(images, prompts, attention_mask=attention_mask, side="left")
        return {"embeddings": spliced.embeddings, "attention_mask": spliced.attention_mask}
