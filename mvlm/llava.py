"""LLaVA: show a language model a picture, as a few more vectors among its words.

    ids          1   -200   7            a row of tokens; -200 stands for a picture
    a picture    p1  p2  p3  p4          its N = 4 vectors, projected to the words' width
    the row      e(1) p1 p2 p3 p4 e(7)   6 vectors: what the language model reads

Chapters 09 and 10. Liu et al., "Visual Instruction Tuning" (2023), section 4, and "Improved
Baselines" (2023), section 3; haotian-liu/LLaVA `llava_arch.py`, `constants.py`.

Letters: B rows, I images, N vectors an image, T tokens, T' tokens and picture vectors together,
D the language model's width.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor, nn

from mvlm.chat import IMAGE_MARKER, Chat
from mvlm.generation import generate, stream
from mvlm.language import IGNORED, LanguageModel, next_token_loss
from mvlm.tokenizer import IMAGE
from mvlm.transformer import Encoding, check_attention_mask, check_counts

Rows = Int[Tensor, "batch token"] | Sequence[Sequence[int]]


class LLaVA(nn.Module):
    """A picture's encoder, a projector and a language model.

    The encoder is frozen, as in both stages of LLaVA's training.

    Args:
        vision: see `Vision`.
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

    def splice(
        self,
        images: Float[Tensor, "image 3 height width"] | None,
        ids: Rows,
        labels: Rows | None = None,
        **options,
    ) -> Spliced:
        """Encode the pictures and put them in their places: see the function `splice`."""
        features = [] if images is None or not len(images) else self.features(images)
        return splice(ids, features, self.language.embed, labels=labels, **options)

    def forward(
        self,
        images: Float[Tensor, "image 3 height width"] | None,
        ids: Rows,
        labels: Rows | None = None,
        **options,
    ) -> Output:
        """Score every next token; with labels, also the mean loss over those that are not -100.

        Args:
            images: all pictures of the batch in reading order, normalised; None for none.
            ids, labels, options: see `splice`.

        Raises:
            ValueError: see `splice`, `LanguageModel.forward` and `next_token_loss`.
        """
        row = self.splice(images, ids, labels, **options)
        logits = self.language(embeddings=row.embeddings, attention_mask=row.attention_mask)
        loss = None if labels is None else next_token_loss(logits, row.labels)
        return Output(logits=logits, attention_mask=row.attention_mask, loss=loss)

    def generate(
        self,
        images: Float[Tensor, "image 3 height width"] | None,
        prompts: Rows,
        *,
        attention_mask: Bool[Tensor, "batch token"] | None = None,
        **options,
    ) -> list[list[int]]:
        """Answer each prompt: new tokens a row; `options` are those of `mvlm.generation.stream`."""
        return generate(self.language, **self._read(images, prompts, attention_mask), **options)

    def stream(
        self,
        images: Float[Tensor, "image 3 height width"] | None,
        prompts: Rows,
        *,
        attention_mask: Bool[Tensor, "batch token"] | None = None,
        **options,
    ) -> Iterator[list[int | None]]:
        """As `generate`, one token a row at a time: see `mvlm.generation.stream`."""
        return stream(self.language, **self._read(images, prompts, attention_mask), **options)

    def answer(
        self,
        chat: Chat,
        images: Float[Tensor, "image 3 height width"],
        questions: Sequence[str],
        *,
        max_new_tokens: int = 40,
    ) -> list[str]:
        """The likeliest answer to one question about each picture.

        Args:
            chat: the form of a conversation that this model was trained with, and its tokenizer.
            images: a picture for each question, normalised.
            questions: in words, without an image marker.
            max_new_tokens: where an answer is cut off.

        Raises:
            ValueError: see `Chat.prompt` and `generate`.
        """
        prompts = [chat.prompt([(f"{IMAGE}\n{question}", None)]) for question in questions]
        rows = self.generate(
            images, prompts, max_new_tokens=max_new_tokens, end_id=chat.tokenizer.end_ids
        )
        return [chat.tokenizer.decode(row).strip() for row in rows]

    @torch.inference_mode()
    def _read(
        self, images: Tensor | None, prompts: Rows, attention_mask: Tensor | None
    ) -> dict[str, Tensor]:
        """Prompts with their pictures as vectors, padded where generating wants it."""
        if not len(prompts):
            raise ValueError("no prompt came: pass at least one row of token ids")
        row = self.splice(images, prompts, attention_mask=attention_mask, side="left")
        return {"embeddings": row.embeddings, "attention_mask": row.attention_mask}


def splice(
    ids: Rows,
    features: Float[Tensor, "image vector width"] | Sequence[Float[Tensor, "vector width"]],
    embed: Callable[[Tensor], Tensor],
    *,
    labels: Rows | None = None,
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
    rows = _rows(ids, attention_mask)
    targets = rows if labels is None else _rows(labels, attention_mask)
    _check(rows, targets, features)
    pictures = iter(features)
    spliced = [
        _splice_row(row, target, pictures, embed) for row, target in zip(rows, targets, strict=True)
    ]
    vectors, answers = zip(*spliced, strict=True)
    embeddings, mask = _pad(vectors, 0.0, side)  # B T' D, B T'
    answers, _ = _pad(answers, IGNORED, side)  # B T'
    return Spliced(
        embeddings=embeddings,
        attention_mask=mask,
        labels=None if labels is None else answers.to(embeddings.device),
    )


def _splice_row(
    row: Int[Tensor, " token"],
    answer: Int[Tensor, " token"],
    pictures: Iterator[Float[Tensor, "vector width"]],
    embed: Callable[[Tensor], Tensor],
) -> tuple[Float[Tensor, "longer width"], Int[Tensor, " longer"]]:
    """One row's vectors (T', D), and its labels (T'): none on pictures."""
    is_picture = row == IMAGE_MARKER  # T
    own = [next(pictures) for _ in range(int(is_picture.sum()))]  # N D each
    length = torch.ones_like(row)  # T, how many vectors stand for each token
    length[is_picture] = length.new_tensor([len(picture) for picture in own])
    row, answer = row.repeat_interleave(length), answer.repeat_interleave(length)  # T'
    is_picture = is_picture.repeat_interleave(length)  # T'
    vectors = embed(row.masked_fill(is_picture, 0))  # T' D, any word where the picture will be
    if own:
        _check_width(own, vectors.shape[1])
        vectors = vectors.index_put((is_picture.to(vectors.device),), torch.cat(own).to(vectors))
    answer = answer.masked_fill(is_picture, IGNORED)
    answer[0] = IGNORED  # nothing stands before it to predict it from, padding least of all
    return vectors, answer


@dataclass(frozen=True, kw_only=True)
class Spliced:
    """Words and pictures in one sequence, ready for the language model.

    `embeddings` (B, T', D); `attention_mask` (B, T') is True where there is no padding; `labels`
    (B, T') are -100 on pictures and padding, or None when none were given.
    """

    embeddings: Float[Tensor, "batch token width"]
    attention_mask: Bool[Tensor, "batch token"]
    labels: Int[Tensor, "batch token"] | None


@dataclass(frozen=True, kw_only=True)
class Output:
    """What a model with pictures gives.

    `logits` (B, T', V) score every place of the spliced sequence, `attention_mask` (B, T') is
    True where there is no padding, and `loss` is there when labels were given.
    """

    logits: Float[Tensor, "batch token vocabulary"]
    attention_mask: Bool[Tensor, "batch token"]
    loss: Float[Tensor, ""] | None = None


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


class Vision(Protocol):
    """What LLaVA asks of a picture's encoder: `mvlm.vit.ViT`, CLIP's image tower included.

    The first token of every state is taken to be the class token, and is left out. An encoder
    that has none must put one there, or its first patch would be lost.
    """

    def encode(self, images: Tensor) -> Encoding:
        """Pictures (I, 3, H, W) in, the states (I, 1 + N, W) of every layer out."""
        ...


def _rows(ids: Rows, attention_mask: Tensor | None) -> list[Int[Tensor, " token"]]:
    """Each row of tokens by itself, without its padding."""
    if isinstance(ids, Tensor) and ids.ndim != 2:
        raise ValueError(f"ids is {tuple(ids.shape)}, wanted (B, T): for one row ids[None]")
    if any(isinstance(row, int | str) for row in ids):
        raise TypeError("ids is no list of rows: pass a list of token ids for each row")
    rows = [torch.as_tensor(row) for row in ids]
    if any(len(row) and row.is_floating_point() for row in rows):
        raise TypeError("ids are no whole numbers: pass token ids, and -200 for each image")
    if attention_mask is not None:
        check_attention_mask(attention_mask, (len(rows), len(rows[0])))
        keep = attention_mask.to(torch.bool)
        rows = [row[kept.to(row.device)] for row, kept in zip(rows, keep, strict=True)]
    return [row.long() for row in rows]


def _check(rows: Sequence[Tensor], targets: Sequence[Tensor], features: Sequence[Tensor]) -> None:
    if not rows:
        raise ValueError("no row came: pass at least one row of token ids")
    if [len(target) for target in targets] != [len(row) for row in rows]:
        raise ValueError("labels and ids differ in length: pass one label for each token")
    empty = next((i for i, row in enumerate(rows) if not len(row)), None)
    if empty is not None:
        raise ValueError(f"row {empty} is empty: pass at least one token or image marker")
    markers = sum(int((row == IMAGE_MARKER).sum()) for row in rows)
    if markers != len(features):
        raise ValueError(
            f"{len(features)} images came for {markers} image markers: put one marker "
            f"({IMAGE_MARKER}, {IMAGE} in a chat) in the text for each image"
        )


def _check_width(pictures: Sequence[Tensor], width: int) -> None:
    for picture in pictures:
        if not len(picture) or picture.shape[1:] != (width,):
            raise ValueError(
                f"an image's features are {tuple(picture.shape)}, wanted at least one vector "
                f"of the language model's width, (N, {width}): project them first"
            )


def _pad(
    pieces: Sequence[Tensor], value: float, side: str
) -> tuple[Shaped[Tensor, "batch longest *rest"], Bool[Tensor, "batch longest"]]:
    """Pieces of any lengths as one tensor, filled up with `value`, and where they are."""
    if side not in ("left", "right"):
        raise ValueError(f"side {side!r} is not known: choose left or right")
    first, longest = pieces[0], max(len(piece) for piece in pieces)
    padded = first.new_full((len(pieces), longest, *first.shape[1:]), value)
    mask = torch.zeros(len(pieces), longest, dtype=torch.bool, device=first.device)
    for i, piece in enumerate(pieces):
        start = 0 if side == "right" else longest - len(piece)
        padded[i, start : start + len(piece)] = piece
        mask[i, start : start + len(piece)] = True
    return padded, mask
