"""What CLIP's features are good for without training it: naming, probing, finding.

Chapter 07. Radford et al. 2021, section 3.1.2-3.1.4 (zero-shot classifiers, prompt ensembles),
section 3.2 and appendix A.3 (linear probes); Karpathy and Fei-Fei 2015 for recall at k.

Letters: B images, C classes, T texts, E the width of the features.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from mvlm.clip import CLIP


@torch.no_grad()
def zero_shot_classifier(
    clip: CLIP,
    tokenizer: Callable[[Sequence[str]], Int[Tensor, "text token"]],
    names: Sequence[str],
    templates: Sequence[str] = ("a photo of a {}.",),
) -> Float[Tensor, "embed classes"]:
    """A classifier made of words: one column for each class.

    Each name goes into every template; the vectors of its prompts, each of length 1, are averaged,
    and the mean is brought to length 1 again. Without that last step, classes whose prompts agree
    less would get smaller scores for no good reason (CLIP_benchmark issue 90).

    Args:
        clip: the model; put it into eval mode first where that matters.
        tokenizer: texts → ids for this model.
        names: of the C classes.
        templates: prompts with {} where the name goes.

    Returns:
        Weights (E, C). `clip.encode_image(images) @ weights` are the cosines, and
        `clip.logit_scale.exp()` times these the logits.

    Raises:
        ValueError: no names or templates came, a name is empty or ends its prompt, or a template
            has no place for the name.
    """
    if isinstance(names, str) or isinstance(templates, str):
        raise TypeError("names and templates are lists of strings: put a single one in brackets")
    if not names or not templates:
        raise ValueError(
            f"{len(names)} names and {len(templates)} templates came: pass at least one of each"
        )
    for template in templates:
        if "{}" not in template:
            raise ValueError(
                f"the template {template!r} has no {{}}: put it where the name of the class goes"
            )
    device = clip.logit_scale.device
    columns = []
    for name in names:
        if not name.strip():
            raise ValueError(f"the name {name!r} is empty: pass a word for each class")
        ids = tokenizer([template.replace("{}", name) for template in templates])
        if _goes_on_after_its_end(ids, clip.config.text.eot_id):
            raise ValueError(
                f"the name {name!r} holds the token that ends a text, and what follows it is not "
                "read: use words"
            )
        prompts = clip.encode_text(ids.to(device))  # templates E
        columns.append(F.normalize(prompts.mean(dim=0), dim=0))  # E
    return torch.stack(columns, dim=1)  # E C


def _goes_on_after_its_end(ids: Int[Tensor, "text token"], eot_id: int) -> bool:
    """Whether anything but padding, the last token again and again, follows a first end."""
    ends = ids == eot_id  # T N
    behind = ends.cumsum(dim=1) - ends.int() > 0  # T N, an end stands before it
    return bool((behind & (ids != ids[:, -1:])).any())


@torch.inference_mode(False)  # it learns, even where a model is being measured
@torch.enable_grad()
def linear_probe(
    features: Float[Tensor, "image embed"],
    labels: Int[Tensor, " image"],
    *,
    inverse_strength: float = 0.316,
    max_iterations: int = 1000,
) -> nn.Linear:
    """Logistic regression on frozen features, as the paper measures a representation.

    Minimises ½‖W‖² + c·Σ cross-entropy with L-BFGS; c is `inverse_strength`, 0.316 in OpenAI's
    example (scikit-learn's `LogisticRegression(C=0.316, max_iter=1000)`, whose bias is not
    penalised either). Choose it on validation data for a serious comparison.

    Args:
        features: (B, E), from a frozen model; as they come, without scaling.
        labels: B whole numbers, 0 to C−1.
        inverse_strength: c, larger fits closer.
        max_iterations: of L-BFGS.

    Returns:
        A linear layer E → C on the features' device: `probe(features).argmax(1)` names classes.

    Raises:
        ValueError: features and labels do not fit each other, there is only one class, or the
            features are not numbers.
    """
    if features.ndim != 2 or labels.shape != features.shape[:1]:
        raise ValueError(
            f"features are {tuple(features.shape)}, labels {tuple(labels.shape)}, wanted (B, E) "
            f"and (B,): one label for each image"
        )
    if len(features) == 0:
        raise ValueError("no features came: pass those of at least two images, of two classes")
    if not features.isfinite().all():
        raise ValueError("the features hold NaN or infinity: check the model that made them")
    if labels.is_floating_point() or labels.min() < 0 or labels.max() < 1:
        raise ValueError(
            f"labels run from {labels.min().item()} to {labels.max().item()}, wanted whole "
            f"numbers from 0 to C−1 of at least two classes: number the classes"
        )
    # L-BFGS stops by differences too small for float32.
    inputs = features.detach().to(torch.float64, copy=True)
    targets = labels.to(inputs.device, torch.long, copy=True)
    probe = nn.Linear(features.shape[1], int(labels.max()) + 1).to(inputs)
    nn.init.zeros_(probe.weight)
    nn.init.zeros_(probe.bias)
    optimiser = torch.optim.LBFGS(
        probe.parameters(),
        max_iter=max_iterations,
        tolerance_grad=1e-6,
        tolerance_change=1e-12,
        line_search_fn="strong_wolfe",
    )

    def objective() -> Tensor:
        optimiser.zero_grad()
        fit = F.cross_entropy(probe(inputs), targets, reduction="sum")
        loss = probe.weight.square().sum() / 2 + inverse_strength * fit
        loss.backward()
        return loss

    optimiser.step(objective)
    return probe.to(features.dtype).requires_grad_(False)


@dataclass(frozen=True, kw_only=True)
class Recall:
    """Shares between 0 and 1, one for each k: how often the right one is among the first k."""

    image_to_text: dict[int, float]
    text_to_image: dict[int, float]


def retrieval_recall(
    image_features: Float[Tensor, "image embed"],
    text_features: Float[Tensor, "text embed"],
    *,
    image_of_text: Int[Tensor, " text"] | None = None,
    ks: Sequence[int] = (1, 5, 10),
) -> Recall:
    """How well texts find their image, and images one of their texts.

    Args:
        image_features, text_features: (B, E) and (T, E), of length 1 each.
        image_of_text: for each text the number of its image, as with the five captions of an image
            in Flickr8k or COCO; left out, text i belongs to image i.
        ks: how many answers are looked at.

    Returns:
        `Recall`. A tie counts as missed, so that a model that answers everything alike scores
        nothing.

    Raises:
        ValueError: shapes do not fit, an image has no text, or the features are not numbers.
    """
    images, texts = len(image_features), len(text_features)
    if image_of_text is None:
        image_of_text = torch.arange(texts)
        if images != texts:
            raise ValueError(
                f"{images} images and {texts} texts came: pass image_of_text, the number of each "
                f"text's image"
            )
    _check_retrieval(image_features, text_features, image_of_text)
    belongs = image_of_text.to(image_features.device) == torch.arange(
        images, device=image_features.device
    ).unsqueeze(1)  # B T
    scores = image_features.detach() @ text_features.detach().T  # B T
    lowest = float("-inf")
    best_own = scores.masked_fill(~belongs, lowest).amax(dim=1, keepdim=True)  # B 1
    own = scores.masked_fill(~belongs, lowest).amax(dim=0, keepdim=True)  # 1 T
    ahead_of_text = ((scores >= best_own) & ~belongs).sum(dim=1)  # B
    ahead_of_image = ((scores >= own) & ~belongs).sum(dim=0)  # T
    return Recall(
        image_to_text={k: (ahead_of_text < k).float().mean().item() for k in ks},
        text_to_image={k: (ahead_of_image < k).float().mean().item() for k in ks},
    )


def _check_retrieval(image_features: Tensor, text_features: Tensor, image_of_text: Tensor) -> None:
    images, texts = len(image_features), len(text_features)
    if image_features.ndim != 2 or text_features.shape[1:] != image_features.shape[1:]:
        raise ValueError(
            f"image features are {tuple(image_features.shape)}, text features "
            f"{tuple(text_features.shape)}, wanted (B, E) and (T, E): encode both with one model"
        )
    if 0 in (images, texts):
        raise ValueError(f"{images} images and {texts} texts came: pass at least one of each")
    if image_of_text.shape != (texts,):
        raise ValueError(
            f"image_of_text is {tuple(image_of_text.shape)}, wanted ({texts},): one image a text"
        )
    named = set(image_of_text.tolist())
    if not named <= set(range(images)):
        raise ValueError(
            f"image_of_text runs from {min(named)} to {max(named)}, the images from 0 to "
            f"{images - 1}: number them as the features are"
        )
    if len(named) < images:
        raise ValueError(
            f"image {min(set(range(images)) - named)} has no text: leave it out or give it one"
        )
    if not (image_features.isfinite().all() and text_features.isfinite().all()):
        raise ValueError("the features hold NaN or infinity: check the model that made them")
